/*
 * click_rate: how many clicks a viewer has made within a minute, over all servers.
 *
 * The counter lives in Redis under `<prefix>clicks:{<viewer>}` for CLICK_RATE_WINDOW_MS from the
 * viewer's first click on. The viewer is a hash of address and user agent under the salt of the day
 * (store/secrets.h), which is forgotten when the day is over: nothing that can be read tells who
 * clicked. Every click counts here, also one that is a repetition: who sends many is no reader.
 */
#ifndef STORE_CLICK_RATE_H
#define STORE_CLICK_RATE_H

#include "base/ip.h"
#include "store/redis.h"

#define CLICK_RATE_WINDOW_MS  60000
#define CLICK_RATE_PREFIX_MAX 64

struct click_rate_viewer {
    struct net_ip client; /* behind trusted proxies */
    struct slice agent;   /* the User-Agent header, not empty */
    const uint8_t *salt;  /* SECRET_BYTES, of today */
};

/* `clicks` of this viewer in its window, this one included; 0: Redis did not say. */
typedef void click_rate_fn(int64_t clicks, void *arg);

/* Counts a click. `fn` is called once, and never before this has returned. */
void click_rate_count(struct redis *redis, struct slice prefix,
                      const struct click_rate_viewer *viewer, int timeout_ms, click_rate_fn *fn,
                      void *arg);

#endif
