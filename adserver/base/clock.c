#include "base/clock.h"

#include <time.h>

#include "base/check.h"

#define NS_PER_US 1000

static int64_t read_us(clockid_t which)
{
    struct timespec now;
    CHECK(clock_gettime(which, &now) == 0);
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / NS_PER_US;
}

static int64_t system_wall_us(void *context)
{
    (void)context;
    return read_us(CLOCK_REALTIME);
}

static int64_t system_mono_us(void *context)
{
    (void)context;
    return read_us(CLOCK_MONOTONIC);
}

const struct clock clock_system = {system_wall_us, system_mono_us, NULL};
