/*
 * redis_timeouts: deadlines of any length by one timer, O(1) each.
 *
 * Those of one length come due in the order they were set, so a list a length is enough. A length
 * keeps its five leading binary digits (50 ms stays 50, 5000 becomes 4864): a few hundred lists at
 * most hold all lengths, and no deadline comes later for it, only earlier by less than one part in
 * sixteen. Nothing is allocated but the lists; the deadline lives in its owner.
 */
#ifndef STORE_REDIS_TIMEOUTS_H
#define STORE_REDIS_TIMEOUTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define REDIS_TIMEOUT_MAX_MS 65535

struct loop;
struct redis_timeouts;

struct redis_timeout {
    TAILQ_ENTRY(redis_timeout) link;
    struct redis_timeout_list *list; /* NULL: not set */
    int64_t due_us;
};

/* Called once, from the loop, with the entry already cleared; may set or clear any entry. */
typedef void redis_timeout_fn(struct redis_timeout *timeout, void *context);

struct redis_timeouts *redis_timeouts_new(struct loop *loop, redis_timeout_fn *fn, void *context);
/* Entries still set are forgotten without a call. */
void redis_timeouts_free(struct redis_timeouts *timeouts);

/* Of an entry that is not set; `timeout_ms` is 1 to REDIS_TIMEOUT_MAX_MS. Late by 1 ms at most. */
void redis_timeouts_set(struct redis_timeouts *timeouts, struct redis_timeout *timeout,
                        unsigned timeout_ms);

/* Harmless when it is not set. */
void redis_timeout_clear(struct redis_timeout *timeout);

#endif
