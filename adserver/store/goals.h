/*
 * goals: serves of campaigns that have a goal, a daily ceiling or a budget, reserved in Redis, many
 * at a time, and handed out one by one without asking.
 *
 * A unit is the right to one serve. Redis keeps, for each campaign, what is counted and what is
 * reserved, and gives units only as long as both together stay within every bound (lease.lua), so
 * no number of processes, and none that is killed, can pass one. A worker asks for as many units as
 * it may need in one window of time (goal_terms.h), a little ahead of need:
 *
 *     Redis --(lease)--> units in hand --(goals_take)--> serve --(event.lua)--> counted
 *       ^                     |                            |
 *       '---(window over)-----'      '---(no event in `hold_ms`)---> given back
 *
 * What is left of a window is given back when it is over; what a killed worker had, and serves that
 * no impression was reported of, when the reservation has been held for `hold_ms`.
 *
 * A campaign that gets no units rests for a while, so that one that has met its goal costs nothing:
 * short where others may give something back, long where nothing can change. While Redis is away
 * all of them rest, also those with units in hand.
 */
#ifndef STORE_GOALS_H
#define STORE_GOALS_H

#include "base/clock.h"
#include "base/metrics.h"
#include "decision/delivery.h"
#include "store/goal_terms.h"
#include "store/redis.h"

#define GOALS_ROWS_MAX      1048576 /* campaigns; one that finds no row rests */
#define GOALS_LEASE_FIRST   8
#define GOALS_CALL_MS       2000
#define GOALS_REST_MIN_MS   50 /* refused, doubled each time up to the next */
#define GOALS_REST_MAX_MS   1000
#define GOALS_REST_LONG_MS  10000 /* refused for good */
#define GOALS_REST_TICK_MS  25    /* rests are counted in these */
#define GOALS_WAIT_MAX      64    /* campaigns that one page may ask for */
#define GOALS_REASON_NO_ROW REASON_REDIS_AWAY

struct goals;

/*
 * A campaign has nothing to give away and will not have for long (closed), or it may have again. In
 * between it is refused by each decision, so whoever keeps an index may leave it out. Told from any
 * function here but goals_deliveries(), goals_at_rest(), goals_hide() and goals_show().
 */
typedef void goals_closed_fn(struct slice campaign, bool closed, void *arg);

struct goals_config {
    struct loop *loop;
    struct redis *redis; /* freed before goals are: that ends what waits */
    const struct clock *clock;
    struct slice prefix; /* must outlive it */
    int64_t hold_ms;
    struct metrics *metrics;    /* NULL: nothing is counted */
    goals_closed_fn *on_closed; /* NULL: nobody is told */
    void *arg;
};
struct goals *goals_new(const struct goals_config *config);
void goals_free(struct goals *goals);

/*
 * The row of a campaign that has been read, for campaign.delivery: 0 where nothing binds it. Its
 * rest is over, as its bounds may have changed. The same id has the same row for ever.
 */
unsigned goals_row(struct goals *goals, const struct campaign *campaign);

/* How traffic is spread over the week, for pacing; NULL: evenly. Must outlive the next call. */
void goals_set_shape(struct goals *goals, const struct traffic_shape *shape);

/*
 * Brings rows to the moment: units of a window that is over are no longer in hand, rests end. To be
 * called before a decision.
 */
void goals_open(struct goals *goals, int64_t now_us);

/* What a decision reads, valid until the next goals_row(). */
struct deliveries goals_deliveries(struct goals *goals);
/* The same with every campaign at rest for that reason. */
struct deliveries goals_at_rest(struct goals *goals, enum reason reason);

/*
 * Units of one campaign that are a page's. Taken ones are used by being forgotten. Those of a
 * window that is over go back to Redis. `units` may be 0.
 */
struct goals_units {
    unsigned row;
    unsigned count;
    struct goal_window window;
};
/* All or none; asks for more, ahead of need, when few are left. */
bool goals_take(struct goals *goals, const struct campaign *campaign, unsigned count,
                struct goals_units *ret);
void goals_put_back(struct goals *goals, const struct goals_units *units);

/*
 * While one page decides, a campaign of which it cannot have as many units as it needs is at rest;
 * goals_show() ends that. Nothing else may be called in between but for other rows.
 */
void goals_hide(struct goals *goals, unsigned row, struct delivery *ret_kept);
void goals_show(struct goals *goals, unsigned row, const struct delivery *kept);

/*
 * A page's wait for units of several campaigns. `fn` is called once, from the loop, when all have
 * been answered, or at its end; then the units that have come are in `got`, the page's to use
 * or put back. A campaign that is missing there rests now, or has not been answered.
 */
struct goals_wait;
typedef void goals_wait_fn(bool in_time, struct goals_wait *wait, void *arg);
struct goals_wait *goals_wait_new(struct goals *goals, goals_wait_fn *fn, void *arg);
/* `count` units for it; the campaign is retained. */
void goals_wait_for(struct goals_wait *wait, const struct campaign *campaign, unsigned count);
/* Sends what was not asked for yet. At least one campaign is waited for. */
void goals_wait_begin(struct goals_wait *wait, int timeout_ms);
const struct goals_units *goals_wait_got(const struct goals_wait *wait, unsigned *ret_count);
/* In `fn` only, at its end. */
void goals_wait_free(struct goals_wait *wait);

/* Gives back all units in hand, without waiting for it. For the end of a worker. */
void goals_give_back(struct goals *goals);

#endif
