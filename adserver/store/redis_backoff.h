/*
 * redis_backoff: how long to wait before the next attempt to connect.
 *
 * Half to all of a pause that doubles from REDIS_RETRY_MIN_MS to REDIS_RETRY_MAX_MS, at random, so
 * that processes that lost the same server at the same moment do not come back to it together.
 */
#ifndef STORE_REDIS_BACKOFF_H
#define STORE_REDIS_BACKOFF_H

#include "store/redis.h"

/* All zero: the next pause is the shortest. */
struct redis_backoff {
    int64_t pause_ms;
};

void redis_backoff_reset(struct redis_backoff *backoff);
int64_t redis_backoff_next_us(struct redis_backoff *backoff, struct random *random);

#endif
