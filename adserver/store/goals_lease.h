/*
 * goals_lease: what a worker has of one campaign's units, for store/goals.c and its neighbours.
 *
 * Every bound campaign has a lease, whose row is what decisions see of it:
 *
 *   - Units in hand are of one window. When that is over lease_roll() gives back what is left and
 *     takes up what was reserved for the next.
 *   - One call to Redis at a time (`asking`). Pages that wait have tickets (goals_wait.c); they are
 *     served in order, and as long as some are left and Redis refuses nothing, it is asked again.
 *   - A refused lease rests in a wheel of buckets, a tick each, until goals_open() comes past it.
 */
#ifndef STORE_GOALS_LEASE_H
#define STORE_GOALS_LEASE_H

#include <sys/queue.h>

#include "base/random.h"
#include "store/goals.h"

#define LEASE_REST_BUCKETS 512
#define LEASE_ROW_FIRST    2 /* row 0 is nobody's, row 1 of those without a place */
#define LEASE_TICK_US      (GOALS_REST_TICK_MS * US_PER_MS)

_Static_assert(GOALS_REST_LONG_MS / GOALS_REST_TICK_MS < LEASE_REST_BUCKETS,
               "a rest ends in one turn of the wheel");

struct lease {
    struct goals *goals;
    const struct zone *zone; /* the campaign's */
    unsigned row;
    struct goal_window window, next; /* of the units in hand, and of `next_units` */
    uint32_t next_units;
    uint32_t taken, taken_before; /* in this window, and in the one before */
    uint32_t granted;             /* in this window */
    uint32_t lot;                 /* granted last time */
    unsigned rest_ms;             /* of the last rest, 0: served since */
    int64_t changed_us;           /* monotonic: its campaign was read */
    bool asking, active, resting;
    bool lasting; /* the rest: all is counted */
    bool closed;  /* as was told last */
    TAILQ_ENTRY(lease) active_link;
    TAILQ_ENTRY(lease) rest_link; /* in one of the buckets */
    unsigned bucket;
    TAILQ_HEAD(, ticket) tickets;
    uint8_t id_len;
    char id[];
};

TAILQ_HEAD(wait_list, goals_wait);
TAILQ_HEAD(lease_list, lease);

struct goals {
    struct goals_config config;
    struct random random;
    const struct traffic_shape *shape;
    struct delivery *rows;
    struct lease **leases; /* by row */
    unsigned count, capacity;
    uint32_t *table; /* rows by id, open addressing; 0: free */
    size_t table_size;
    struct delivery *resting_rows; /* for goals_at_rest() */
    unsigned resting_count;
    enum reason resting_reason;
    struct lease_list active; /* with units, or taken from in this window or the last */
    struct lease_list buckets[LEASE_REST_BUCKETS];
    int64_t tick;    /* monotonic; buckets up to it are empty */
    int64_t now_us;  /* wall time of the last goals_open() */
    int64_t next_us; /* wall time at which some active lease's window is over */
    struct loop_timer *roll_timer, *wait_timer;
    struct wait_list waits;
    unsigned asks; /* calls under way */
    bool late;     /* a page has waited in vain for one of them, and none has been answered since */
};

int64_t lease_window_us(const struct goals *goals);
struct goal_window lease_window_at(const struct lease *lease, int64_t at_us);
struct delivery *lease_row(const struct lease *lease);

/* For metrics, where there are any. */
void lease_note(const struct goals *goals, enum metrics_counter counter, uint64_t n);

/* Tried once: what does not arrive is given back by Redis itself in a while. */
void lease_give_back(struct lease *lease, struct goal_window window, uint32_t count);

/* Asks for units of the window that is now, `needed` of them for pages that wait. */
void lease_ask_now(struct lease *lease, const struct campaign *campaign, uint32_t needed);
/* Ahead of need: for this window when few are left, for the next when this one ends soon. */
void lease_refill(struct lease *lease, const struct campaign *campaign);

/* A call under way; its answer comes to goals_wait.c. */
struct lease_ask {
    struct lease *lease;
    struct goal_window window;
};
redis_fn lease_on_answer;

/* All or none of `count` units in hand. */
bool lease_take(struct lease *lease, uint32_t count, struct goals_units *ret);

/* Rests from half of `ms` to all of it, so that processes do not ask in step. */
void lease_rest(struct lease *lease, enum reason reason, unsigned ms);
/* Longer each time, where it may end any moment. */
void lease_rest_longer(struct lease *lease, enum reason reason);
void lease_wake(struct lease *lease);
/* After its units or its rest have changed: tells whether it has become closed, or open. */
void lease_tell(struct lease *lease);
void lease_end_rests(struct goals *goals);

/* It has units, or has had some lately: its windows are to be looked after. */
void lease_set_active(struct lease *lease);
/* Brings a lease, or all that are active, to the window that is now. */
void lease_roll(struct lease *lease);
void lease_roll_active(struct goals *goals);

/* The timer of goals_wait.c. */
void goals_on_wait_timer(void *arg);

#endif
