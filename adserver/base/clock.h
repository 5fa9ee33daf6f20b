/*
 * clock: the two clocks of a process, in microseconds, behind pointers so that tests turn them.
 *
 * Wall time is for people and promises (dates of a campaign, ages of tokens): microseconds since
 * 1970-01-01 UTC, and it may jump. Monotonic time is for durations and deadlines and only grows.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define US_PER_MS     INT64_C(1000)
#define US_PER_SECOND INT64_C(1000000)

struct clock {
    int64_t (*wall_us)(void *context);
    int64_t (*mono_us)(void *context);
    void *context;
};

/* The machine's clocks. */
extern const struct clock clock_system;

static inline int64_t clock_wall_us(const struct clock *clock)
{
    return clock->wall_us(clock->context);
}

static inline int64_t clock_mono_us(const struct clock *clock)
{
    return clock->mono_us(clock->context);
}

#endif
