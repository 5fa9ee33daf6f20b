#include "serve/event.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "decision/landing.h"
#include "serve/series.h"
#include "serve/traffic.h"

/* The smallest GIF: one transparent pixel. */
static const uint8_t pixel[43] = {
    'G',  'I',  'F',  '8',  '9',  'a',  0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3b,
};

/* What is known of one kind of event. */
struct door {
    enum event_kind kind;
    struct slice path;
    enum metrics_latency latency;
};

static const struct door impression_door = {EVENT_IMPRESSION, SLICE_INIT("/v1/i/"),
                                            LATENCY_IMPRESSION};
static const struct door viewable_door = {EVENT_VIEWABLE, SLICE_INIT("/v1/v/"), LATENCY_VIEWABLE};
static const struct door click_door = {EVENT_CLICK, SLICE_INIT("/v1/c/"), LATENCY_CLICK};

/* One report that waits for its count. */
struct report {
    struct service *service;
    struct http_exchange *exchange; /* NULL: the client has gone; it is counted all the same */
    const struct door *door;
    bool wants_pixel;
    int64_t received_us;
    unsigned series; /* of the campaign */
    enum event_filter filter;
    size_t landing_len;
    char landing[LANDING_MAX];
};

static void answer_beacon(struct report *report, bool written)
{
    struct http_response response = {.status = 204, .extra = SLICE(HTTP_NO_STORE HTTP_ANY_ORIGIN)};

    if (!written) {
        http_respond_error(report->exchange, 503, "not_counted",
                           SLICE("the event could not be written; send it again later"));
        return;
    }
    if (report->wants_pixel) {
        response.status = 200;
        response.content_type = SLICE("image/gif");
        response.body = slice_of((const char *)pixel, sizeof(pixel));
        response.body_static = true;
    }
    http_respond(report->exchange, &response);
}

static void answer_click(struct report *report)
{
    struct strbuf *head = &report->service->answer;
    struct http_response response = {.status = 302};

    strbuf_clear(head);
    strbuf_add_cstr(head, HTTP_NO_STORE HTTP_ANY_ORIGIN
                    "Referrer-Policy: no-referrer-when-downgrade\r\nLocation: ");
    strbuf_add(head, report->landing, report->landing_len);
    strbuf_add_cstr(head, "\r\n");
    response.extra = strbuf_slice(head);
    http_respond(report->exchange, &response);
}

static void answer(struct report *report, bool written)
{
    struct service *service = report->service;
    metrics_observe(service->metrics, report->door->latency,
                    clock_mono_us(service->clock) - report->received_us);
    if (report->door->kind == EVENT_CLICK)
        answer_click(report);
    else
        answer_beacon(report, written);
    report->exchange = NULL;
}

/* Counting */

/* What is counted of an event beside its ledger, for /stats. */
struct counting {
    struct metrics *metrics;
    unsigned series; /* of the campaign */
    enum event_kind kind;
    enum event_filter filter;
};

static void count_first(const struct counting *of, bool implied)
{
    static const enum series_counter counters[] = {
        [EVENT_IMPRESSION] = SERIES_CAMPAIGN_IMPRESSIONS,
        [EVENT_VIEWABLE] = SERIES_CAMPAIGN_VIEWABLES,
        [EVENT_CLICK] = SERIES_CAMPAIGN_CLICKS,
    };
    metrics_add(of->metrics, COUNTER_EVENT_COUNTED, implied ? 2 : 1);
    metrics_series_add(of->metrics, of->series, counters[of->kind], 1);
    if (implied)
        metrics_series_add(of->metrics, of->series, SERIES_CAMPAIGN_IMPRESSIONS, 1);
}

static void count(const struct counting *of, enum ledger_result result)
{
    struct metrics *metrics = of->metrics;
    switch (result) {
    case LEDGER_COUNTED:
        count_first(of, false);
        break;
    case LEDGER_COUNTED_IMPLIED:
        count_first(of, true);
        break;
    case LEDGER_DUPLICATE:
        metrics_add(metrics, COUNTER_EVENT_DUPLICATE, 1);
        break;
    case LEDGER_FILTERED:
        metrics_add(metrics, event_filter_rows[of->filter].counter, 1);
        break;
    case LEDGER_NO_IMPRESSION:
        metrics_add(metrics, event_filter_rows[EVENT_IS_NO_IMPRESSION].counter, 1);
        break;
    case LEDGER_OVER_GOAL_IMPLIED:
        metrics_add(metrics, COUNTER_EVENT_COUNTED, 1);
        metrics_series_add(metrics, of->series, SERIES_CAMPAIGN_IMPRESSIONS, 1);
        metrics_add(metrics, COUNTER_EVENT_OVER_GOAL, 1);
        break;
    case LEDGER_OVER_GOAL:
        metrics_add(metrics, COUNTER_EVENT_OVER_GOAL, 1);
        break;
    case LEDGER_SPOOLED:
        metrics_add(metrics, COUNTER_EVENT_SPOOLED, 1);
        break;
    case LEDGER_FAILED:
        metrics_add(metrics, COUNTER_EVENT_FAILED, 1);
        break;
    }
}

void event_on_replayed(const struct ledger_event *event, enum ledger_result result, void *context)
{
    struct service *service = context;
    const struct counting of = {
        .metrics = service->metrics,
        .series = metrics_series(service->metrics, SERIES_CAMPAIGN, event->campaign),
        .kind = event->kind,
        .filter = event->filter,
    };
    count(&of, result);
}

static void on_recorded(enum ledger_result result, void *arg)
{
    struct report *report = arg;
    const struct counting of = {
        .metrics = report->service->metrics,
        .series = report->series,
        .kind = report->door->kind,
        .filter = report->filter,
    };

    count(&of, result);
    if (report->exchange) {
        http_on_gone(report->exchange, NULL, NULL);
        answer(report, result != LEDGER_FAILED);
    }
    free(report);
}

static void on_gone(struct http_exchange *exchange, void *arg)
{
    struct report *report = arg;
    (void)exchange;
    report->exchange = NULL;
}

/* Reading */

/* The token behind the door's path; `.gif` asks for a picture in answer to an impression. */
static struct slice token_text(const struct http_request *request, const struct door *door,
                               bool *ret_pixel)
{
    struct slice text = slice_from(request->path, door->path.len);
    *ret_pixel = door->kind == EVENT_IMPRESSION && slice_ends(text, SLICE(".gif"));
    if (*ret_pixel)
        text.len -= strlen(".gif");
    return text;
}

static bool is_late(const struct service *service, const struct token *token, int64_t now_us)
{
    int64_t age_ms = now_us / US_PER_MS - token->issued_ms;
    return age_ms > service->options->tokens_page_ttl_in_ms || age_ms < -TOKEN_AHEAD_MAX_MS;
}

static bool may_redirect(const struct token *token)
{
    struct err err = {0};
    return token->landing.len > 0 && landing_is_valid(token->landing, &err);
}

static struct report *report_new(struct service *service, struct http_exchange *exchange,
                                 const struct door *door, const struct token *token)
{
    struct report *report = check_malloc(sizeof(*report));
    report->service = service;
    report->exchange = exchange;
    report->door = door;
    report->received_us = http_exchange_request(exchange)->received_us;
    report->series = metrics_series(service->metrics, SERIES_CAMPAIGN, token->campaign);
    report->landing_len = token->landing.len;
    if (token->landing.len)
        memcpy(report->landing, token->landing.ptr, token->landing.len);
    return report;
}

bool event_goal_of(const struct ledger_event *event, struct event_goal *ret, void *context)
{
    const struct service *service = context;
    const struct catalog *catalog = catalog_store_current(service->catalog);
    const struct campaign *campaign =
        catalog ? catalog_find_campaign(catalog, event->campaign) : NULL;
    int64_t hold_us = service->options->goals_hold_in_ms * US_PER_MS;
    if (!campaign || (campaign->delivery == 0 && !goal_is_priced(campaign)))
        return false;
    ret->campaign = campaign;
    ret->window = goal_window_at(campaign->zone, hold_us, event->issued_ms * US_PER_MS);
    ret->held_from_us = clock_wall_us(service->clock) - hold_us;
    return true;
}

bool event_knows_goals(void *context)
{
    const struct service *service = context;
    return catalog_store_is_known(service->catalog);
}

static void record(struct report *report, const struct token *token, int64_t now_us)
{
    struct service *service = report->service;
    struct ledger_event event = {
        .kind = report->door->kind,
        .filter = report->filter,
        .campaign = token->campaign,
        .creative = token->creative,
        .slot = token->slot,
        .issued_ms = token->issued_ms,
        .now_us = now_us,
    };
    memcpy(event.impression, token->impression, IMPRESSION_BYTES);
    http_on_gone(report->exchange, on_gone, report);
    ledger_record(service->ledger, &event, on_recorded, report);
}

static void handle(struct http_exchange *exchange, struct service *service, const struct door *door)
{
    const struct http_request *request = http_exchange_request(exchange);
    int64_t now_us = clock_wall_us(service->clock);
    uint8_t bytes[TOKEN_BYTES_MAX];
    struct token token;
    struct report *report;
    bool wants_pixel;

    if (!token_verify(service->tokens, token_text(request, door, &wants_pixel), now_us, bytes,
                      &token) ||
        (door->kind == EVENT_CLICK && !may_redirect(&token))) {
        metrics_add(service->metrics, COUNTER_EVENT_BAD_TOKEN, 1);
        http_respond_error(exchange, 403, "bad_token", SLICE("this address was not signed by us"));
        return;
    }
    report = report_new(service, exchange, door, &token);
    report->wants_pixel = wants_pixel;
    report->filter = traffic_classify(request);
    if (report->filter == EVENT_COUNTS && is_late(service, &token, now_us))
        report->filter = EVENT_IS_LATE;
    record(report, &token, now_us);
}

void event_handle_impression(struct http_exchange *exchange, void *service)
{
    handle(exchange, service, &impression_door);
}

void event_handle_viewable(struct http_exchange *exchange, void *service)
{
    handle(exchange, service, &viewable_door);
}

void event_handle_click(struct http_exchange *exchange, void *service)
{
    handle(exchange, service, &click_door);
}
