/*
 * redis_channels: what a connection that listens listens to, for store/redis.c.
 */
#ifndef STORE_REDIS_CHANNELS_H
#define STORE_REDIS_CHANNELS_H

#include "base/strbuf.h"
#include "store/redis.h"

struct redis_channels {
    redis_message_fn *fn; /* NULL: the connection does not listen */
    void *arg;
    char *names[REDIS_CHANNELS_MAX];
    unsigned count;
    unsigned awaited; /* confirmations still to come before it is up */
    bool in_message;  /* `fn` is running */
};

void redis_channels_release(struct redis_channels *channels);

/* Adds one and returns its name. */
const char *redis_channels_add(struct redis_channels *channels, struct slice name);

/* Appends the command that subscribes to it; a name with a `*` is a pattern. */
void redis_channels_subscribe(struct strbuf *output, const char *name);

/* The same for all; from now on as many confirmations are awaited. */
void redis_channels_subscribe_all(struct redis_channels *channels, struct strbuf *output);

/* Takes what came; messages go to `fn`. */
enum redis_channels_result {
    CHANNELS_GO_ON,
    CHANNELS_JOINED, /* the last of the awaited confirmations */
    CHANNELS_PONG,   /* the answer to a probe */
    CHANNELS_BROKEN, /* an error, or nothing that a listener gets */
};
enum redis_channels_result redis_channels_take(struct redis_channels *channels,
                                               const struct redis_reply *reply);

#endif
