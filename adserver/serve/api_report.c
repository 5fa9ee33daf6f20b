#include "serve/api_report.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/check.h"
#include "decision/report_write.h"
#include "serve/api_work.h"
#include "store/report_read.h"

struct work {
    struct api_work common; /* first */
    struct arena *arena;    /* what the query's texts point to */
    struct report_read *read;
    enum report_format format;
    struct report_writing written;
};

static void release(struct api_work *common)
{
    struct work *work = (struct work *)common;
    report_read_free(work->read);
    arena_free(work->arena);
    free(work);
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

/* The next commands leave when half of them are answered, so that neither side waits. */
static void take(struct work *work, const struct redis_reply *reply)
{
    struct err err = {"", ""};
    enum report_read_result result = report_read_take(work->read, reply, &err);
    if (result != REPORT_READ_GOOD)
        api_work_refuse_err(&work->common, failures[result].status, failures[result].code, &err);
    else if (work->common.reading <= API_REPORT_COMMANDS / 2)
        api_work_go_on(&work->common);
}

static void on_reply(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct work *work = arg;
    if (!api_work_replied(&work->common))
        return;
    if (failure == REDIS_OK || (failure == REDIS_ERROR && reply))
        take(work, reply);
    else
        api_work_refuse(&work->common, 503, "redis_away",
                        SLICE("Redis does not answer; the report is in it"));
}

static void ask(struct work *work)
{
    struct report_command command;
    while (work->common.reading < API_REPORT_COMMANDS && report_read_ask(work->read, &command)) {
        work->common.reading++;
        redis_command(work->common.service->redis, command.args, command.count, API_REPORT_REDIS_MS,
                      on_reply, work);
    }
}

/* ---- Answering ------------------------------------------------------------------------------- */

static void write_answer(struct work *work)
{
    const struct clock *clock = work->common.service->clock;
    struct strbuf *answer = &work->common.answer;
    int64_t until_us = clock_mono_us(clock) + API_REPORT_SLICE_US;
    bool more = true;
    while (more && !answer->overflowed && clock_mono_us(clock) < until_us)
        more = report_write(report_read_report(work->read), &work->written, answer);
    if (answer->overflowed)
        api_work_refuse(&work->common, 422, "too_large",
                        SLICE("the report is larger than one answer may be"));
    else if (more)
        api_work_go_on(&work->common);
    else
        api_work_answer(&work->common, work->format == REPORT_JSON
                                           ? SLICE("application/json")
                                           : SLICE("text/csv; charset=utf-8"));
}

static void on_turn(struct api_work *common)
{
    struct work *work = (struct work *)common;
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

static bool take_parameter(void *arg, struct slice name, struct slice value, struct err *err)
{
    return report_query_take(arg, name, value, err);
}

static bool parse(const struct http_request *request, int64_t now_us, struct report_query *ret,
                  struct err *err)
{
    report_query_clear(ret);
    return api_take_query(request->query, request->arena, API_REPORT_PARAMETERS_MAX, take_parameter,
                          ret, err) &&
           check_format(ret, err) && report_query_finish(ret, now_us, err);
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
    work->arena = arena_new(0);
    work->format = query->format;
    keep_texts(query, work->arena);
    work->read = report_read_new(query, service->prefix);
    api_work_begin(&work->common, service, exchange, service->reporting, API_REPORT_ANSWER_MAX,
                   on_turn, release);
    api_work_go_on(&work->common);
}

void api_report_handle(struct http_exchange *exchange, void *context)
{
    struct service *service = context;
    struct report_query query;
    struct err err = {"", ""};
    if (!parse(http_exchange_request(exchange), clock_wall_us(service->clock), &query, &err))
        api_respond_err(exchange, 400, "bad_parameter", &err);
    else if (service->reporting->at_work >= API_REPORT_AT_ONCE)
        http_respond_error(exchange, 503, "busy", SLICE("other reports are being made"));
    else
        start(service, exchange, &query);
}
