#include "store/redis_calls.h"

#include <event2/event.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/check.h"
#include "net/loop.h"
#include "store/redis_link.h"

#define LAST_ROUNDS 100 /* functions that call again from their own end, when all is over */

STAILQ_HEAD(call_list, redis_call);

struct redis_calls {
    struct call_list waiting; /* sent, in order */
    struct call_list refused; /* their functions run at the end of the turn */
    struct call_list spare;
    unsigned count;
    unsigned running; /* functions on the stack */
    struct event *end_of_turn;
    struct redis_timeouts *timeouts;
    redis_calls_timeout_fn *on_timeout;
    void *arg;
};

struct redis_call *redis_calls_take(struct redis_calls *calls, redis_fn *fn, void *arg)
{
    struct redis_call *call = STAILQ_FIRST(&calls->spare);
    if (call) {
        STAILQ_REMOVE_HEAD(&calls->spare, link);
    } else {
        call = check_calloc(1, sizeof *call);
        call->calls = calls;
        strbuf_init(&call->wire_rest, REDIS_OUTPUT_MAX_BYTES);
    }
    call->fn = fn;
    call->arg = arg;
    call->script = NULL;
    call->asking = false;
    calls->count++;
    return call;
}

void redis_calls_wait(struct redis_calls *calls, struct redis_call *call, uint64_t position)
{
    call->position = position;
    call->sent_us = clock_mono_us(&clock_system);
    STAILQ_INSERT_TAIL(&calls->waiting, call, link);
}

void redis_calls_limit(struct redis_calls *calls, struct redis_call *call, int timeout_ms)
{
    CHECK(timeout_ms >= 0);
    unsigned ms = timeout_ms ? (unsigned)timeout_ms : REDIS_SLOW_MS;
    redis_timeouts_set(calls->timeouts, &call->timeout,
                       ms < REDIS_TIMEOUT_MAX_MS ? ms : REDIS_TIMEOUT_MAX_MS);
}

void redis_calls_refuse(struct redis_calls *calls, struct redis_call *call,
                        enum redis_failure failure)
{
    call->failure = failure;
    STAILQ_INSERT_TAIL(&calls->refused, call, link);
    event_active(calls->end_of_turn, EV_TIMEOUT, 1);
}

struct redis_call *redis_calls_first(const struct redis_calls *calls)
{
    return STAILQ_FIRST(&calls->waiting);
}

struct redis_call *redis_calls_shift(struct redis_calls *calls)
{
    struct redis_call *call = STAILQ_FIRST(&calls->waiting);
    CHECK(call != NULL);
    STAILQ_REMOVE_HEAD(&calls->waiting, link);
    return call;
}

static void run_function(struct redis_calls *calls, redis_fn *fn, enum redis_failure failure,
                         const struct redis_reply *reply, void *arg)
{
    calls->running++;
    fn(failure, reply, arg);
    calls->running--;
}

void redis_calls_finish(struct redis_calls *calls, struct redis_call *call,
                        enum redis_failure failure, const struct redis_reply *reply)
{
    redis_fn *fn = call->fn;
    redis_timeout_clear(&call->timeout);
    strbuf_clear(&call->wire_rest);
    call->fn = NULL;
    calls->count--;
    STAILQ_INSERT_HEAD(&calls->spare, call, link);
    if (fn)
        run_function(calls, fn, failure, reply, call->arg);
}

void redis_calls_lose(struct redis_calls *calls, uint64_t sent)
{
    struct call_list lost = STAILQ_HEAD_INITIALIZER(lost);
    struct redis_call *call;
    STAILQ_CONCAT(&lost, &calls->waiting);
    while ((call = STAILQ_FIRST(&lost))) {
        STAILQ_REMOVE_HEAD(&lost, link);
        redis_calls_finish(calls, call, call->position < sent ? REDIS_LOST : REDIS_AWAY, NULL);
    }
}

static void finish_refused(struct redis_calls *calls)
{
    struct call_list list = STAILQ_HEAD_INITIALIZER(list);
    struct redis_call *call;
    STAILQ_CONCAT(&list, &calls->refused); /* what comes now is for the next time */
    while ((call = STAILQ_FIRST(&list))) {
        STAILQ_REMOVE_HEAD(&list, link);
        redis_calls_finish(calls, call, call->failure, NULL);
    }
}

static void on_end_of_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    finish_refused(arg);
}

/* The call's function runs now; the call itself waits on, mute. */
static void on_deadline(struct redis_timeout *timeout, void *context)
{
    struct redis_calls *calls = context;
    struct redis_call *call = (void *)((char *)timeout - offsetof(struct redis_call, timeout));
    redis_fn *fn = call->fn;
    call->fn = NULL;
    calls->on_timeout(calls->arg);
    run_function(calls, fn, REDIS_TIMEOUT, NULL, call->arg);
}

unsigned redis_calls_count(const struct redis_calls *calls)
{
    return calls->count;
}

bool redis_calls_busy(const struct redis_calls *calls)
{
    return calls->running > 0;
}

struct redis_calls *redis_calls_new(struct loop *loop, redis_calls_timeout_fn *on_timeout,
                                    void *arg)
{
    struct redis_calls *calls = check_calloc(1, sizeof *calls);
    STAILQ_INIT(&calls->waiting);
    STAILQ_INIT(&calls->refused);
    STAILQ_INIT(&calls->spare);
    calls->on_timeout = on_timeout;
    calls->arg = arg;
    calls->timeouts = redis_timeouts_new(loop, on_deadline, calls);
    calls->end_of_turn = event_new(loop_base(loop), -1, 0, on_end_of_turn, calls);
    CHECK(calls->end_of_turn != NULL);
    return calls;
}

/* Functions may call again; those calls end at once too, and nobody may go on like that for ever.
 */
void redis_calls_end(struct redis_calls *calls)
{
    unsigned rounds = 0;
    redis_calls_lose(calls, UINT64_MAX);
    while (!STAILQ_EMPTY(&calls->refused)) {
        CHECK(++rounds < LAST_ROUNDS);
        finish_refused(calls);
    }
}

void redis_calls_free(struct redis_calls *calls)
{
    struct redis_call *call;
    if (!calls)
        return;
    redis_calls_end(calls);
    while ((call = STAILQ_FIRST(&calls->spare))) {
        STAILQ_REMOVE_HEAD(&calls->spare, link);
        strbuf_release(&call->wire_rest);
        free(call);
    }
    event_free(calls->end_of_turn);
    redis_timeouts_free(calls->timeouts);
    free(calls);
}
