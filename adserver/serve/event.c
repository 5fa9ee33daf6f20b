#include "serve/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "decision/landing.h"
#include "serve/click_limits.h"
#include "serve/conversion_query.h"
#include "serve/event_outcome.h"
#include "serve/series.h"
#include "store/spool.h"

/* The smallest GIF: one transparent pixel. */
static const uint8_t pixel[43] = {
    'G',  'I',  'F',  '8',  '9',  'a',  0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3b,
};

typedef bool verify_fn(struct token_codec *codec, struct slice text, int64_t now_us, uint8_t *bytes,
                       struct token *ret);

/* What is known of one kind of event. */
struct door {
    enum event_kind kind;
    bool has_pixel; /* `.gif` behind the token asks for a picture in answer */
    struct slice path;
    enum metrics_latency latency;
    verify_fn *verify;
};

static const struct door impression_door = {EVENT_IMPRESSION, true, SLICE_INIT("/v1/i/"),
                                            LATENCY_IMPRESSION, token_verify};
static const struct door viewable_door = {EVENT_VIEWABLE, false, SLICE_INIT("/v1/v/"),
                                          LATENCY_VIEWABLE, token_verify};
static const struct door click_door = {EVENT_CLICK, false, SLICE_INIT("/v1/c/"), LATENCY_CLICK,
                                       token_verify};
static const struct door conversion_door = {EVENT_CONVERSION, true, SLICE_INIT("/v1/x/"),
                                            LATENCY_CONVERSION, token_verify_click_id};

/* One report that waits for its count. */
struct report {
    struct service *service;
    struct http_exchange *exchange; /* NULL: the client has gone; it is counted all the same */
    const struct door *door;
    bool wants_pixel;
    int64_t received_us, began_us; /* monotonic: the request was there, it is handled */
    int64_t now_us;                /* wall time: when it counts */
    unsigned series;               /* of the campaign */
    enum event_filter filter;
    bool has_address;               /* what follows it is to be known of its address */
    struct viewer_key address;      /* hashed (serve/click_limits.h) */
    struct conversion conversion;   /* points into the request */
    struct token token;             /* points into `bytes` */
    uint8_t bytes[TOKEN_BYTES_MAX]; /* the last: what is not used of it is never touched */
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
    strbuf_add(head, report->token.landing.ptr, report->token.landing.len);
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

void event_note_result(enum ledger_result result, void *arg)
{
    const struct report *report = arg;
    struct service *service = report->service;
    event_outcome_count(service->metrics, report->series, report->door->kind, report->filter,
                        result);
    if (report->has_address && result != LEDGER_FILTERED)
        click_limits_note(service, &report->address, report->token.slot, report->door->kind,
                          result);
    if (result == LEDGER_SPOOLED) /* before it is answered: what follows it is to be judged by it */
        metrics_self(service->metrics)->spool_waiting = spool_waiting(service->spool);
}

static void on_recorded(enum ledger_result result, void *arg)
{
    struct report *report = arg;

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

/* The token behind the door's path. */
static struct slice token_text(const struct http_request *request, const struct door *door,
                               bool *ret_pixel)
{
    struct slice text = slice_from(request->path, door->path.len);
    *ret_pixel = door->has_pixel && slice_ends(text, SLICE(".gif"));
    if (*ret_pixel)
        text.len -= strlen(".gif");
    return text;
}

static bool is_late(const struct report *report)
{
    const struct options *options = report->service->options;
    int64_t age_ms = report->now_us / US_PER_MS - report->token.issued_ms;
    int64_t window_ms = options->tokens_page_ttl_in_ms;
    if (report->door->kind == EVENT_CONVERSION)
        window_ms = conversion_window_ms(window_ms, options->conversions_click_window_in_ms,
                                         options->conversions_view_window_in_ms);
    return age_ms > window_ms || age_ms < -TOKEN_AHEAD_MAX_MS;
}

static bool may_redirect(const struct token *token)
{
    struct err err = {0};
    return token->landing.len > 0 && landing_is_valid(token->landing, &err);
}

/* How long a click may wait for Redis before it is asked to count. */
static int timeout_ms(const struct report *report)
{
    const struct service *service = report->service;
    int64_t waited_ms = (clock_mono_us(service->clock) - report->began_us) / US_PER_MS;
    int64_t left_ms = service->redis_timeout_ms - waited_ms;
    return left_ms > 1 ? (int)left_ms : 1;
}

static void record(struct report *report)
{
    struct service *service = report->service;
    const struct token *token = &report->token;
    struct ledger_event event = {
        .kind = report->door->kind,
        .filter = report->filter,
        .campaign = token->campaign,
        .creative = token->creative,
        .slot = token->slot,
        .issued_ms = token->issued_ms,
        .now_us = report->now_us,
        .converts = token->converts && report->door->kind == EVENT_CLICK,
        .conversion = report->conversion,
    };
    memcpy(event.impression, token->impression, IMPRESSION_BYTES);
    ledger_record(service->ledger, &event, on_recorded, report);
}

/* Clicks: more than people make do not count */

static void on_limits(enum event_filter filter, void *arg)
{
    struct report *report = arg;
    report->filter = filter;
    record(report);
}

/* Begins to ask; false where it is not to be asked, or nobody can answer. */
static bool ask_limits(struct report *report)
{
    const struct click_limits_click click = {
        .request = http_exchange_request(report->exchange),
        .token = &report->token,
        .address = report->has_address ? &report->address : NULL,
        .now_us = report->now_us,
        .timeout_ms = timeout_ms(report),
    };
    return report->door->kind == EVENT_CLICK && report->filter == EVENT_COUNTS &&
           click_limits_ask(report->service, &click, on_limits, report);
}

/* A click that comes faster than a person does not count. */
static void mind_youth(struct report *report)
{
    struct service *service = report->service;
    const uint8_t *impression = report->token.impression;
    int64_t since_serve_ms = report->now_us / US_PER_MS - report->token.issued_ms;
    if (report->door->kind == EVENT_IMPRESSION)
        young_note(service->young, impression, report->began_us);
    else if (report->door->kind == EVENT_CLICK &&
             young_is_clicked(service->young, impression, report->began_us, since_serve_ms,
                              service->options->bots_fast_click_in_ms))
        report->filter = EVENT_IS_FAST_CLICK;
}

static void refuse(struct http_exchange *exchange, struct service *service)
{
    metrics_add(service->metrics, COUNTER_EVENT_BAD_TOKEN, 1);
    http_respond_error(exchange, 403, "bad_token", SLICE("this address was not signed by us"));
}

/* The report of a token that is good; NULL, and the request refused, if it is not. */
static struct report *report_new(struct http_exchange *exchange, struct service *service,
                                 const struct door *door)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct report *report = check_malloc(sizeof(*report));
    report->now_us = clock_wall_us(service->clock);
    if (!door->verify(service->tokens, token_text(request, door, &report->wants_pixel),
                      report->now_us, report->bytes, &report->token) ||
        (door->kind == EVENT_CLICK && !may_redirect(&report->token))) {
        refuse(exchange, service);
        free(report);
        return NULL;
    }
    report->service = service;
    report->exchange = exchange;
    report->door = door;
    report->received_us = request->received_us;
    report->began_us = clock_mono_us(service->clock);
    report->series = metrics_series(service->metrics, SERIES_CAMPAIGN, report->token.campaign);
    report->has_address = false;
    report->conversion = (struct conversion){0};
    return report;
}

static void handle(struct http_exchange *exchange, struct service *service, const struct door *door)
{
    struct report *report = report_new(exchange, service, door);
    if (!report)
        return;
    report->filter = traffic_classify(&service->judged_by, http_exchange_request(exchange));
    if (report->filter == EVENT_COUNTS && is_late(report))
        report->filter = EVENT_IS_LATE;
    if (report->filter == EVENT_COUNTS)
        mind_youth(report);
    if (report->filter == EVENT_COUNTS)
        report->has_address = click_limits_address(service, http_exchange_request(exchange),
                                                   report->now_us, &report->address);
    http_on_gone(exchange, on_gone, report);
    if (!ask_limits(report))
        record(report);
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

static void refuse_parameter(struct http_exchange *exchange, const struct err *err)
{
    char message[ERR_WHERE_MAX + ERR_TEXT_MAX + 4];
    int len = snprintf(message, sizeof(message), "%s: %s", err->where, err->text);
    http_respond_error(exchange, 400, "bad_parameter", slice_of(message, (size_t)len));
}

void event_handle_conversion(struct http_exchange *exchange, void *context)
{
    struct service *service = context;
    const struct http_request *request = http_exchange_request(exchange);
    struct report *report = report_new(exchange, service, &conversion_door);
    struct err err = {"", ""};
    if (!report)
        return;
    if (!conversion_query_parse(request, &report->conversion, &err)) {
        free(report);
        refuse_parameter(exchange, &err);
        return;
    }
    report->filter = traffic_classify_conversion(request);
    if (report->filter == EVENT_COUNTS && is_late(report))
        report->filter = EVENT_IS_LATE;
    http_on_gone(exchange, on_gone, report);
    record(report);
}
