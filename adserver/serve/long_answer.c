#include "serve/long_answer.h"

#include <stdlib.h>

#include "base/check.h"
#include "net/loop.h"

struct long_answer {
    struct service *service;
    struct http_exchange *exchange;
    struct slice content_type; /* static */
    long_answer_part_fn *const *parts;
    unsigned count, part, at;
    struct loop_timer *timer;
    struct strbuf text;
};

static void end(struct long_answer *answer)
{
    loop_timer_free(answer->timer);
    strbuf_release(&answer->text);
    free(answer);
}

static void on_gone(struct http_exchange *exchange, void *arg)
{
    (void)exchange;
    end(arg);
}

static void respond(struct long_answer *answer)
{
    const struct http_response response = {
        .status = 200,
        .content_type = answer->content_type,
        .extra = SLICE(HTTP_NO_STORE),
        .body = strbuf_slice(&answer->text),
    };
    http_on_gone(answer->exchange, NULL, NULL);
    if (answer->text.overflowed)
        http_respond_error(answer->exchange, 500, "too_large",
                           SLICE("more than fits into one answer"));
    else
        http_respond(answer->exchange, &response);
    end(answer);
}

/* False where time is over before the parts are. */
static bool work(struct long_answer *answer)
{
    const struct clock *clock = answer->service->clock;
    int64_t until_us = clock_mono_us(clock) + LONG_ANSWER_SLICE_US;
    while (answer->part < answer->count) {
        if (answer->parts[answer->part](&answer->text, answer->service, &answer->at)) {
            answer->part++;
            answer->at = 0;
        } else if (clock_mono_us(clock) >= until_us) {
            return false;
        }
    }
    return true;
}

static void on_turn(void *arg)
{
    struct long_answer *answer = arg;
    if (work(answer))
        respond(answer);
    else
        loop_timer_set(answer->timer, 0);
}

void long_answer_begin(struct http_exchange *exchange, struct service *service,
                       struct slice content_type, long_answer_part_fn *const *parts, unsigned count)
{
    struct long_answer *answer = check_calloc(1, sizeof *answer);
    answer->service = service;
    answer->exchange = exchange;
    answer->content_type = content_type;
    answer->parts = parts;
    answer->count = count;
    answer->timer = loop_timer_new(service->loop, on_turn, answer);
    strbuf_init(&answer->text, SERVICE_ANSWER_MAX);
    http_on_gone(exchange, on_gone, answer);
    on_turn(answer);
}
