#include "decision/pacing.h"

#include <stdbool.h>

/* Parts of a whole are fixed-point numbers from 0 to PART_ONE. */
#define PART_BITS 62
#define PART_ONE  (UINT64_C(1) << PART_BITS)

_Static_assert(PACING_FRONT_LEAD_PERCENT <= 100, "front would fall at the end");

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* From the begin to the end: up to 2^64 microseconds, more than an int64_t holds. */
static uint64_t span(int64_t from_us, int64_t to_us)
{
    return (uint64_t)to_us - (uint64_t)from_us;
}

static bool has_period(const struct pacing_goal *goal)
{
    return goal->pacing != PACING_ASAP && goal->begin_us != TIME_UNSET &&
           goal->end_us != TIME_UNSET && goal->begin_us < goal->end_us;
}

/* When the plan is complete. */
static int64_t aim(const struct pacing_goal *goal)
{
    uint64_t period = span(goal->begin_us, goal->end_us);
    uint64_t reserve = most(period / PACING_RESERVE_PART, PACING_RESERVE_MIN_US);
    reserve = least(reserve, period / PACING_RESERVE_MOST_PART);
    return (int64_t)((uint64_t)goal->end_us - reserve);
}

static unsigned __int128 traffic(const struct traffic_shape *shape, int64_t from_us, int64_t to_us)
{
    return shape ? traffic_shape_between(shape, from_us, to_us) : span(from_us, to_us);
}

/* part / whole, rounded down; part <= whole, whole > 0. */
static uint64_t part_of(unsigned __int128 part, unsigned __int128 whole)
{
    while (whole >> PART_BITS) {
        whole >>= 1;
        part >>= 1;
    }
    return (uint64_t)((part << PART_BITS) / (uint64_t)whole);
}

static uint64_t part_times(uint64_t part, uint64_t other)
{
    return (uint64_t)(((unsigned __int128)part * other) >> PART_BITS);
}

/*
 * It never falls: one step of `part` changes the product by a step at most, and of that no more
 * than the lead's part, rounded, is added to the step itself.
 */
static uint64_t front(uint64_t part)
{
    uint64_t lead = PART_ONE / 100 * PACING_FRONT_LEAD_PERCENT;
    return part + part_times(part_times(part, PART_ONE - part), lead);
}

uint64_t pacing_plan(const struct pacing_goal *goal, const struct traffic_shape *shape,
                     int64_t now_us)
{
    if (now_us < goal->begin_us)
        return 0;
    if (!has_period(goal) || now_us >= aim(goal))
        return goal->amount;
    uint64_t part =
        part_of(traffic(shape, goal->begin_us, now_us), traffic(shape, goal->begin_us, aim(goal)));
    if (goal->pacing == PACING_FRONT)
        part = front(part);
    unsigned __int128 planned = (unsigned __int128)goal->amount * part;
    return (uint64_t)((planned + PART_ONE - 1) >> PART_BITS);
}

uint64_t pacing_ceiling(const struct pacing_goal *goal, const struct traffic_shape *shape,
                        int64_t now_us)
{
    if (now_us < goal->begin_us || !has_period(goal))
        return pacing_plan(goal, shape, now_us);
    uint64_t period = span(goal->begin_us, goal->end_us);
    uint64_t ahead = least(PACING_LOOK_AHEAD_US, period / PACING_LOOK_AHEAD_PART);
    uint64_t left = span(now_us, INT64_MAX);
    return pacing_plan(goal, shape, now_us + (int64_t)least(ahead, left));
}
