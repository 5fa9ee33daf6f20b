/*
 * click_rate: how many clicks a viewer has made within a minute, over all servers.
 *
 * The counter lives in Redis under `<prefix>clicks:{<viewer>}` for CLICK_RATE_WINDOW_MS from the
 * viewer's first click on; where clicks are also asked for the share of their address
 * (store/click_share.h), under `<prefix>clicks:{<address>}<viewer>`, beside that. The viewer is a
 * hash of address and user agent under the salt of the day (store/secrets.h), which is forgotten
 * when the day is over: nothing that can be read tells who clicked. Every click counts here, also
 * one that is a repetition: who sends many is no reader.
 */
#ifndef STORE_CLICK_RATE_H
#define STORE_CLICK_RATE_H

#include "base/base64url.h"
#include "base/ip.h"
#include "store/redis.h"
#include "store/viewer_key.h"

#define CLICK_RATE_WINDOW_MS  60000
#define CLICK_RATE_PREFIX_MAX 64 /* bytes */
#define CLICK_RATE_KEY_MAX    (CLICK_RATE_PREFIX_MAX + 9 + 2 * CLICK_RATE_HASH_MAX + 1)
#define CLICK_RATE_HASH_MAX   BASE64URL_ENCODED_LEN(VIEWER_KEY_BYTES)

struct click_rate_viewer {
    struct net_ip client;             /* behind trusted proxies */
    struct slice agent;               /* the User-Agent header, not empty */
    const uint8_t *salt;              /* SECRET_BYTES, of today */
    const struct viewer_key *address; /* what the counter stands beside; NULL: it stands alone */
};

/* The counter's key, in `buffer`. */
struct slice click_rate_key(char buffer[CLICK_RATE_KEY_MAX], struct slice prefix,
                            const struct click_rate_viewer *viewer);

/* `clicks` of this viewer in its window, this one included; 0: Redis did not say. */
typedef void click_rate_fn(int64_t clicks, void *arg);

/* Counts a click. `fn` is called once, and never before this has returned. */
void click_rate_count(struct redis *redis, struct slice prefix,
                      const struct click_rate_viewer *viewer, int timeout_ms, click_rate_fn *fn,
                      void *arg);

#endif
