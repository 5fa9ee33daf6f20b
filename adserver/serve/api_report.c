#include "serve/api_report.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/url.h"
#include "decision/report_write.h"
#include "net/loop.h"
#include "store/report_read.h"

struct api_report_room {
    unsigned at_work;
};

struct api_report_room *api_report_room_new(void)
{
    return check_calloc(1, sizeof(struct api_report_room));
}

void api_report_room_free(struct api_report_room *room)
{
    free(room);
}

struct work {
    struct service *service;
    struct http_exchange *exchange; /* NULL: it is over, and waits for Redis to answer */
    struct loop_timer *timer;
    struct arena *arena; /* what the query's texts point to */
    struct report_read *read;
    enum report_format format;
    unsigned reading; /* commands under way */
    struct report_writing written;
    struct strbuf answer;
};

/* Its one end. */
static void end(struct work *work)
{
    if (work->reading > 0)
        return;
    work->service->reporting->at_work--;
    loop_timer_free(work->timer);
    report_read_free(work->read);
    arena_free(work->arena);
    strbuf_release(&work->answer);
    free(work);
}

static void on_gone(struct http_exchange *exchange, void *arg)
{
    struct work *work = arg;
    (void)exchange;
    work->exchange = NULL;
    end(work);
}

static void refuse(struct work *work, int status, const char *code, struct slice message)
{
    http_on_gone(work->exchange, NULL, NULL);
    http_respond_error(work->exchange, status, code, message);
    work->exchange = NULL;
}

static void respond_err(struct http_exchange *exchange, int status, const char *code,
                        const struct err *err)
{
    char message[ERR_WHERE_MAX + ERR_TEXT_MAX + 3];
    int len = snprintf(message, sizeof message, "%s: %s", err->where, err->text);
    CHECK(len > 0 && (size_t)len < sizeof message);
    http_respond_error(exchange, status, code, slice_of(message, (size_t)len));
}

/* ---- Reading --------------------------------------------------------------------------------- */

static const struct {
    int status;
    const char *code;
} failures[] = {
    [REPORT_READ_UNKNOWN] = {404, "unknown_campaign"},
    [REPORT_READ_DAMAGED] = {500, "damaged_counts"},
    [REPORT_READ_LIMIT] = {422, "too_large"},
    [REPORT_READ_MOVING] = {503, "compacting"},
};

static void take(struct work *work, const struct redis_reply *reply)
{
    struct err err = {"", ""};
    enum report_read_result result = report_read_take(work->read, reply, &err);
    if (result == REPORT_READ_GOOD)
        return;
    http_on_gone(work->exchange, NULL, NULL);
    respond_err(work->exchange, failures[result].status, failures[result].code, &err);
    work->exchange = NULL;
}

static void on_reply(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct work *work = arg;
    work->reading--;
    if (work->exchange && (failure == REDIS_OK || (failure == REDIS_ERROR && reply)))
        take(work, reply);
    else if (work->exchange)
        refuse(work, 503, "redis_away", SLICE("Redis does not answer; the report is in it"));
    if (work->reading > 0)
        return;
    if (work->exchange)
        loop_timer_set(work->timer, 0);
    else
        end(work);
}

static void ask(struct work *work)
{
    struct report_command command;
    while (work->reading < API_REPORT_COMMANDS && report_read_ask(work->read, &command)) {
        work->reading++;
        redis_command(work->service->redis, command.args, command.count, API_REPORT_REDIS_MS,
                      on_reply, work);
    }
}

/* ---- Answering ------------------------------------------------------------------------------- */

static void answer(struct work *work)
{
    bool json = work->format == REPORT_JSON;
    struct http_response response = {
        .status = 200,
        .content_type = json ? SLICE("application/json") : SLICE("text/csv; charset=utf-8"),
        .extra = SLICE(HTTP_NO_STORE),
        .body = strbuf_slice(&work->answer),
    };
    http_on_gone(work->exchange, NULL, NULL);
    http_respond(work->exchange, &response);
    work->exchange = NULL;
}

static void write_answer(struct work *work)
{
    const struct clock *clock = work->service->clock;
    int64_t until_us = clock_mono_us(clock) + API_REPORT_SLICE_US;
    bool more = true;
    while (more && !work->answer.overflowed && clock_mono_us(clock) < until_us)
        more = report_write(report_read_report(work->read), &work->written, &work->answer);
    if (more && !work->answer.overflowed) {
        loop_timer_set(work->timer, 0);
        return;
    }
    if (work->answer.overflowed)
        refuse(work, 422, "too_large", SLICE("the report is larger than one answer may be"));
    else
        answer(work);
    end(work);
}

static void on_turn(void *arg)
{
    struct work *work = arg;
    if (report_read_done(work->read))
        write_answer(work);
    else
        ask(work);
}

/* ---- The request ----------------------------------------------------------------------------- */

static bool check_format(const struct report_query *query, struct err *err)
{
    if (query->format != REPORT_TABLE)
        return true;
    (void)err_at(err, "format");
    return err_set(err, "a table is for adctl, allowed are csv, json");
}

static bool parse(const struct http_request *request, struct arena *arena, int64_t now_us,
                  struct report_query *ret, struct err *err)
{
    struct slice rest = request->query, name, value;
    report_query_clear(ret);
    for (unsigned count = 0;; count++) {
        enum url_query_result result = url_query_next(&rest, arena, &name, &value);
        if (result == URL_QUERY_END)
            return check_format(ret, err) && report_query_finish(ret, now_us, err);
        (void)err_at(err, "query");
        if (result == URL_QUERY_MALFORMED)
            return err_set(err, "malformed: a bad %%-escape, or text that is not UTF-8");
        if (count == API_REPORT_PARAMETERS_MAX)
            return err_set(err, "more than %d parameters", API_REPORT_PARAMETERS_MAX);
        if (!report_query_take(ret, name, value, err))
            return false;
    }
}

/* What the query says belongs to the request, which goes before the work may. */
static void keep_texts(struct report_query *query, struct arena *arena)
{
    for (unsigned i = 0; i < query->campaign_count; i++)
        query->campaigns[i] = arena_copy(arena, query->campaigns[i]);
    query->advertiser = arena_copy(arena, query->advertiser);
    query->from = query->to = query->timezone = (struct slice){NULL, 0};
}

static void start(struct service *service, struct http_exchange *exchange,
                  struct report_query *query)
{
    struct work *work = check_calloc(1, sizeof *work);
    work->service = service;
    work->exchange = exchange;
    work->arena = arena_new(0);
    work->format = query->format;
    keep_texts(query, work->arena);
    work->read = report_read_new(query, service->prefix);
    work->timer = loop_timer_new(service->loop, on_turn, work);
    strbuf_init(&work->answer, API_REPORT_ANSWER_MAX);
    service->reporting->at_work++;
    http_on_gone(exchange, on_gone, work);
    loop_timer_set(work->timer, 0);
}

void api_report_handle(struct http_exchange *exchange, void *context)
{
    struct service *service = context;
    const struct http_request *request = http_exchange_request(exchange);
    struct report_query query;
    struct err err = {"", ""};
    if (!parse(request, request->arena, clock_wall_us(service->clock), &query, &err))
        respond_err(exchange, 400, "bad_parameter", &err);
    else if (service->reporting->at_work >= API_REPORT_AT_ONCE)
        http_respond_error(exchange, 503, "busy", SLICE("other reports are being made"));
    else
        start(service, exchange, &query);
}
