#include "serve/report.h"

#include <stdlib.h>

#include "base/check.h"
#include "net/loop.h"

struct report {
    struct service *service;
    struct http_exchange *exchange;
    struct slice content_type; /* static */
    report_part_fn *const *parts;
    unsigned count, part, at;
    struct loop_timer *timer;
    struct strbuf text;
};

static void end(struct report *report)
{
    loop_timer_free(report->timer);
    strbuf_release(&report->text);
    free(report);
}

static void on_gone(struct http_exchange *exchange, void *arg)
{
    (void)exchange;
    end(arg);
}

static void answer(struct report *report)
{
    const struct http_response response = {
        .status = 200,
        .content_type = report->content_type,
        .extra = SLICE(HTTP_NO_STORE),
        .body = strbuf_slice(&report->text),
    };
    http_on_gone(report->exchange, NULL, NULL);
    if (report->text.overflowed)
        http_respond_error(report->exchange, 500, "too_large",
                           SLICE("more than fits into one answer"));
    else
        http_respond(report->exchange, &response);
    end(report);
}

/* False where time is over before the parts are. */
static bool work(struct report *report)
{
    const struct clock *clock = report->service->clock;
    int64_t until_us = clock_mono_us(clock) + REPORT_SLICE_US;
    while (report->part < report->count) {
        if (report->parts[report->part](&report->text, report->service, &report->at)) {
            report->part++;
            report->at = 0;
        } else if (clock_mono_us(clock) >= until_us) {
            return false;
        }
    }
    return true;
}

static void on_turn(void *arg)
{
    struct report *report = arg;
    if (work(report))
        answer(report);
    else
        loop_timer_set(report->timer, 0);
}

void report_begin(struct http_exchange *exchange, struct service *service,
                  struct slice content_type, report_part_fn *const *parts, unsigned count)
{
    struct report *report = check_calloc(1, sizeof *report);
    report->service = service;
    report->exchange = exchange;
    report->content_type = content_type;
    report->parts = parts;
    report->count = count;
    report->timer = loop_timer_new(service->loop, on_turn, report);
    strbuf_init(&report->text, SERVICE_ANSWER_MAX);
    http_on_gone(exchange, on_gone, report);
    on_turn(report);
}
