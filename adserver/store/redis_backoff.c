#include "store/redis_backoff.h"

void redis_backoff_reset(struct redis_backoff *backoff)
{
    backoff->pause_ms = 0;
}

int64_t redis_backoff_next_us(struct redis_backoff *backoff, struct random *random)
{
    if (backoff->pause_ms < REDIS_RETRY_MIN_MS)
        backoff->pause_ms = REDIS_RETRY_MIN_MS;
    uint64_t half_us = (uint64_t)(backoff->pause_ms * US_PER_MS) / 2;
    backoff->pause_ms *= 2;
    if (backoff->pause_ms > REDIS_RETRY_MAX_MS)
        backoff->pause_ms = REDIS_RETRY_MAX_MS;
    return (int64_t)(half_us + random_below(random, half_us + 1));
}
