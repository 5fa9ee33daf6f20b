#include "store/redis_timeouts.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"

#define DIGITS   5 /* leading binary digits of a length that count */
#define EXACT    (1u << DIGITS)
#define OCTAVES  (16 - DIGITS) /* above EXACT, up to REDIS_TIMEOUT_MAX_MS */
#define QUEUES   (EXACT + OCTAVES * (EXACT / 2))
#define SLACK_US 500

struct redis_timeouts {
    struct loop *loop;
    deadline_fn *fn;
    void *context;
    struct deadlines *queues[QUEUES]; /* NULL: not asked for yet */
};

struct redis_timeouts *redis_timeouts_new(struct loop *loop, deadline_fn *fn, void *context)
{
    struct redis_timeouts *timeouts = check_calloc(1, sizeof *timeouts);
    timeouts->loop = loop;
    timeouts->fn = fn;
    timeouts->context = context;
    return timeouts;
}

void redis_timeouts_free(struct redis_timeouts *timeouts)
{
    if (!timeouts)
        return;
    for (unsigned i = 0; i < QUEUES; i++) {
        if (timeouts->queues[i])
            deadlines_free(timeouts->queues[i]);
    }
    free(timeouts);
}

/* The place of a length's queue; the length that queue has goes to `*ret_ms`. */
static unsigned place_of(unsigned timeout_ms, unsigned *ret_ms)
{
    unsigned octave = 0;
    while (timeout_ms >> octave >= EXACT)
        octave++;
    unsigned leading = timeout_ms >> octave;
    *ret_ms = leading << octave;
    return octave == 0 ? leading : EXACT + (octave - 1) * (EXACT / 2) + (leading - EXACT / 2);
}

void redis_timeouts_set(struct redis_timeouts *timeouts, struct deadline *deadline,
                        unsigned timeout_ms)
{
    unsigned length_ms;
    CHECK(timeout_ms >= 1 && timeout_ms <= REDIS_TIMEOUT_MAX_MS);
    struct deadlines **queue = &timeouts->queues[place_of(timeout_ms, &length_ms)];
    if (!*queue)
        *queue = deadlines_new(timeouts->loop, (int64_t)length_ms * US_PER_MS, SLACK_US,
                               timeouts->fn, timeouts->context);
    deadline_set(*queue, deadline);
}
