/*
 * redis_timeouts: deadlines of any length, over net/deadlines, which has one length a queue.
 *
 * A length keeps its five leading binary digits (50 ms stays 50, 5000 becomes 4864), so that a few
 * hundred queues at most hold all lengths. A deadline never comes late by that, only early by less
 * than one part in sixteen. A queue is made when its length is first asked for.
 */
#ifndef STORE_REDIS_TIMEOUTS_H
#define STORE_REDIS_TIMEOUTS_H

#include "net/deadlines.h"

#define REDIS_TIMEOUT_MAX_MS 65535

struct redis_timeouts;

/* `fn` and `context` as in net/deadlines.h. */
struct redis_timeouts *redis_timeouts_new(struct loop *loop, deadline_fn *fn, void *context);
void redis_timeouts_free(struct redis_timeouts *timeouts);

/* `timeout_ms` is 1 to REDIS_TIMEOUT_MAX_MS. Cleared by deadline_clear(). */
void redis_timeouts_set(struct redis_timeouts *timeouts, struct deadline *deadline,
                        unsigned timeout_ms);

#endif
