/*
 * deadlines: many deadlines of the same length, O(1) each, one timer for all.
 *
 * All entries of a queue wait the same time, so that they come due in the order they were set and a
 * list is enough: setting appends, clearing unlinks, and only the head is looked at. Nothing is
 * allocated; the entry lives in its owner.
 */
#ifndef NET_DEADLINES_H
#define NET_DEADLINES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct loop;
struct deadlines;

struct deadline {
    TAILQ_ENTRY(deadline) link;
    struct deadlines *queue; /* NULL: not set */
    int64_t due_us;
};

/* Called once, from the loop, with the entry already cleared; may set or clear any entry. */
typedef void deadline_fn(struct deadline *deadline, void *context);

/*
 * Every entry comes due `length_us` (not 0) after it was set, late by at most `slack_us`; where a
 * crowd comes due together its calls are spread over some turns of the loop.
 */
struct deadlines *deadlines_new(struct loop *loop, int64_t length_us, int64_t slack_us,
                                deadline_fn *fn, void *context);
/* Entries still set are forgotten without a call. */
void deadlines_free(struct deadlines *queue);

/* (Re)starts the wait. An entry set in another queue leaves that one first. */
void deadline_set(struct deadlines *queue, struct deadline *deadline);
/* Harmless when it is not set. */
void deadline_clear(struct deadline *deadline);

#endif
