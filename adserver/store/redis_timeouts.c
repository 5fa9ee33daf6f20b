#include "store/redis_timeouts.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "net/loop.h"

#define DIGITS   5 /* leading binary digits of a length that count */
#define EXACT    (1u << DIGITS)
#define OCTAVES  (16 - DIGITS) /* above EXACT, up to REDIS_TIMEOUT_MAX_MS */
#define LISTS    (EXACT + OCTAVES * (EXACT / 2))
#define SLACK_US 500 /* the timer waits that much longer, to find several due at once */

TAILQ_HEAD(redis_timeout_list, redis_timeout);

struct redis_timeouts {
    struct loop *loop;
    redis_timeout_fn *fn;
    void *context;
    struct loop_timer *timer;
    int64_t timer_us;                        /* when the timer goes off; INT64_MAX: it rests */
    struct redis_timeout_list *lists[LISTS]; /* NULL: not asked for yet */
};

static void set_timer(struct redis_timeouts *timeouts, int64_t due_us)
{
    int64_t delay_us = due_us - loop_now_us(timeouts->loop);
    timeouts->timer_us = due_us;
    loop_timer_set(timeouts->timer, (delay_us > 0 ? delay_us : 0) + SLACK_US);
}

static void end_due(struct redis_timeouts *timeouts, struct redis_timeout_list *list,
                    int64_t now_us)
{
    struct redis_timeout *first;
    while ((first = TAILQ_FIRST(list)) && first->due_us <= now_us) {
        redis_timeout_clear(first);
        timeouts->fn(first, timeouts->context);
    }
}

/* The timer is left alone while entries come and go; when it goes off it is set for who is next. */
static void on_timer(void *arg)
{
    struct redis_timeouts *timeouts = arg;
    int64_t now_us = loop_now_us(timeouts->loop), next_us = INT64_MAX;
    timeouts->timer_us = now_us; /* nobody set meanwhile is due before; the end of this sets it */
    for (unsigned i = 0; i < LISTS; i++) {
        if (timeouts->lists[i])
            end_due(timeouts, timeouts->lists[i], now_us);
    }
    for (unsigned i = 0; i < LISTS; i++) {
        struct redis_timeout *first = timeouts->lists[i] ? TAILQ_FIRST(timeouts->lists[i]) : NULL;
        if (first && first->due_us < next_us)
            next_us = first->due_us;
    }
    timeouts->timer_us = INT64_MAX;
    if (next_us != INT64_MAX)
        set_timer(timeouts, next_us);
}

struct redis_timeouts *redis_timeouts_new(struct loop *loop, redis_timeout_fn *fn, void *context)
{
    struct redis_timeouts *timeouts = check_calloc(1, sizeof *timeouts);
    timeouts->loop = loop;
    timeouts->fn = fn;
    timeouts->context = context;
    timeouts->timer = loop_timer_new(loop, on_timer, timeouts);
    timeouts->timer_us = INT64_MAX;
    return timeouts;
}

void redis_timeouts_free(struct redis_timeouts *timeouts)
{
    if (!timeouts)
        return;
    for (unsigned i = 0; i < LISTS; i++) {
        while (timeouts->lists[i] && !TAILQ_EMPTY(timeouts->lists[i]))
            redis_timeout_clear(TAILQ_FIRST(timeouts->lists[i]));
        free(timeouts->lists[i]);
    }
    loop_timer_free(timeouts->timer);
    free(timeouts);
}

/* The list of a length; the length that its entries wait goes to `*ret_ms`. */
static struct redis_timeout_list *list_of(struct redis_timeouts *timeouts, unsigned timeout_ms,
                                          unsigned *ret_ms)
{
    unsigned octave = 0;
    while (timeout_ms >> octave >= EXACT)
        octave++;
    unsigned leading = timeout_ms >> octave;
    unsigned place =
        octave == 0 ? leading : EXACT + (octave - 1) * (EXACT / 2) + (leading - EXACT / 2);
    CHECK(place < LISTS);
    if (!timeouts->lists[place]) {
        timeouts->lists[place] = check_malloc(sizeof *timeouts->lists[place]);
        TAILQ_INIT(timeouts->lists[place]);
    }
    *ret_ms = leading << octave;
    return timeouts->lists[place];
}

void redis_timeouts_set(struct redis_timeouts *timeouts, struct redis_timeout *timeout,
                        unsigned timeout_ms)
{
    unsigned length_ms;
    CHECK(!timeout->list && timeout_ms >= 1 && timeout_ms <= REDIS_TIMEOUT_MAX_MS);
    timeout->list = list_of(timeouts, timeout_ms, &length_ms);
    timeout->due_us = loop_now_us(timeouts->loop) + (int64_t)length_ms * US_PER_MS;
    TAILQ_INSERT_TAIL(timeout->list, timeout, link);
    if (timeout->due_us < timeouts->timer_us)
        set_timer(timeouts, timeout->due_us);
}

void redis_timeout_clear(struct redis_timeout *timeout)
{
    if (!timeout->list)
        return;
    TAILQ_REMOVE(timeout->list, timeout, link);
    timeout->list = NULL;
}
