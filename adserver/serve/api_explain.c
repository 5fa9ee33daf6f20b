#include "serve/api_explain.h"

#include <stdlib.h>

#include "base/check.h"
#include "decision/description.h"
#include "decision/explain_json.h"
#include "serve/api_work.h"
#include "store/explain_goals.h"
#include "store/explain_viewer.h"
#include "store/scripts.h"

struct work;
typedef bool work_fn(struct work *work); /* a short step; false: the stage is over */

struct work {
    struct api_work common; /* first */
    struct description description;
    struct explain_viewer viewer;
    struct geo_place place;
    struct explain *explain;
    unsigned tries, stage;
    bool redis_failed;
    struct explain_json written;
};

/* A batch of counters that has been asked for. */
struct batch {
    struct work *work;
    unsigned from, count;
};

static void release(struct api_work *common)
{
    struct work *work = (struct work *)common;
    explain_free(work->explain);
    free(work);
}

/* ---- The question ---------------------------------------------------------------------------- */

static unsigned read_fields(const struct campaign *campaign, struct record_field *ret, void *arg)
{
    struct service *service = arg;
    return catalog_store_fields(service->catalog, RECORD_CAMPAIGN, campaign->id, ret);
}

/* Then what has caps or goals rests. */
static bool redis_is_away(const struct work *work)
{
    return work->redis_failed || !redis_is_up(work->common.service->redis);
}

static void find_viewer(struct work *work, struct page_request *request)
{
    struct service *service = work->common.service;
    const struct viewer_salts salts = {secrets_viewer(service->secrets),
                                       secrets_today(service->secrets, request->now_us)};
    work->viewer = explain_viewer_find(&service->ladder, &salts, &work->description);
    request->has_viewer = work->viewer.way != NULL;
    request->serve_anonymous = service->options->viewer_anonymous == 1;
    request->caps_away = redis_is_away(work);
    request->caps_away_reason = CAPS_AWAY_REDIS;
}

static void find_place(struct work *work, struct page_request *request)
{
    work->place = (struct geo_place){0};
    if (work->common.service->geo && work->description.has_client)
        (void)geo_find(work->common.service->geo, &work->description.client, &work->place);
    request->facts.country = slice_cstr(work->place.country);
    request->facts.region = slice_cstr(work->place.region);
}

static void find_slots(struct work *work, const struct catalog *catalog,
                       struct page_request *request)
{
    const struct page_query *query = &work->description.query;
    request->slot_count = query->slot_count;
    for (unsigned i = 0; i < query->slot_count; i++)
        request->slots[i] =
            (struct page_slot){.name = query->slots[i].id,
                               .index = catalog_find_slot(catalog, query->slots[i].id),
                               .width = query->slots[i].width};
}

/* From the beginning, with the catalog as it is now. */
static void begin(struct work *work, struct catalog *catalog)
{
    struct service *service = work->common.service;
    struct explain_question question = {
        .catalog = catalog,
        .campaign = work->description.campaign,
        .seed = EXPLAIN_SEED,
        .fields = read_fields,
        .deliveries = redis_is_away(work) ? 0 : goals_deliveries(service->goals).count,
        .arg = service,
    };
    struct page_request *request = &question.request;
    request->now_us = work->description.at_us != TIME_UNSET ? work->description.at_us
                                                            : clock_wall_us(service->clock);
    description_facts(&work->description, &request->facts);
    find_place(work, request);
    find_viewer(work, request);
    find_slots(work, catalog, request);
    explain_free(work->explain);
    work->explain = explain_new(&question);
    work->stage = 0;
    work->written = (struct explain_json){0};
    strbuf_clear(&work->common.answer);
    api_work_go_on(&work->common);
}

/* ---- Counters -------------------------------------------------------------------------------- */

/* An answer has come; the last one lets the work go on. */
static void have_read(struct work *work)
{
    if (api_work_replied(&work->common) && work->common.reading == 0)
        api_work_go_on(&work->common);
}

static void on_caps(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct batch batch = *(struct batch *)arg;
    struct work *work = batch.work;
    int64_t now_us = clock_wall_us(work->common.service->clock);
    free(arg);
    if (failure != REDIS_OK ||
        !explain_caps_take(work->explain, batch.from, batch.count, reply, now_us))
        work->redis_failed = true;
    have_read(work);
}

static void read_caps(struct work *work)
{
    struct service *service = work->common.service;
    struct explain_caps_batch *keys = check_malloc(sizeof *keys);
    unsigned from = 0;
    for (;; from += keys->count) {
        explain_caps_ask(work->explain, service->prefix, &work->viewer.key, from, keys);
        if (keys->count == 0)
            break;
        struct batch *batch = check_malloc(sizeof *batch);
        *batch = (struct batch){work, from, keys->count};
        work->common.reading++;
        redis_run_script(service->redis, script_get(SCRIPT_CAPS), keys->keys, keys->count, NULL, 0,
                         API_EXPLAIN_REDIS_MS, on_caps, batch);
    }
    free(keys);
}

/* ---- Goals and budgets ----------------------------------------------------------------------- */

static struct explain_goal_terms terms_of(const struct service *service)
{
    return (struct explain_goal_terms){.prefix = service->prefix,
                                       .hold_ms = service->options->goals_hold_in_ms,
                                       .shape = service->shape};
}

static void on_goal(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct batch batch = *(struct batch *)arg;
    const struct explain_goal_terms terms = terms_of(batch.work->common.service);
    free(arg);
    if (failure != REDIS_OK || !explain_goal_take(batch.work->explain, batch.from, &terms, reply))
        batch.work->redis_failed = true;
    have_read(batch.work);
}

static void read_goals(struct work *work)
{
    struct service *service = work->common.service;
    const struct explain_goal_terms terms = terms_of(service);
    struct explain_goal_call call;
    for (unsigned i = 0; i < explain_bound_count(work->explain); i++) {
        struct batch *batch = check_malloc(sizeof *batch);
        *batch = (struct batch){work, i, 1};
        explain_goal_ask(work->explain, i, &terms, &call);
        work->common.reading++;
        redis_run_script(service->redis, script_get(SCRIPT_LEASE), call.keys, 2, call.args,
                         EXPLAIN_GOAL_ARGS, API_EXPLAIN_REDIS_MS, on_goal, batch);
    }
}

/* ---- The stages ------------------------------------------------------------------------------ */

static bool judge(struct work *work)
{
    if (explain_judge(work->explain))
        return true;
    if (explain_asked(work->explain)->request.caps_away)
        return false;
    if (work->viewer.has_key)
        read_caps(work);
    read_goals(work);
    return false;
}

static bool draw(struct work *work)
{
    return explain_draw(work->explain);
}

static bool list(struct work *work)
{
    return explain_list(work->explain);
}

static bool write_answer(struct work *work)
{
    return explain_json_add(work->explain, work->viewer.way, &work->written, &work->common.answer);
}

static work_fn *const stages[] = {judge, draw, list, write_answer};
#define STAGES (sizeof stages / sizeof *stages)

static void answer(struct work *work)
{
    if (work->common.answer.overflowed)
        api_work_refuse(&work->common, 500, "too_large", SLICE("the answer is too large"));
    else
        api_work_answer(&work->common, SLICE("application/json"));
}

/* Whether it has to begin again; then it has, or is over. */
static bool begin_again(struct work *work)
{
    bool failed = work->redis_failed && !explain_asked(work->explain)->request.caps_away;
    if (explain_is_current(work->explain) && !failed)
        return false;
    if (++work->tries == API_EXPLAIN_TRIES)
        api_work_refuse(
            &work->common, 503, "catalog_changing",
            SLICE("the catalog changes faster than it can be explained; name a campaign"));
    else
        begin(work, catalog_store_current(work->common.service->catalog));
    return true;
}

static void on_turn(struct api_work *common)
{
    struct work *work = (struct work *)common;
    const struct clock *clock = common->service->clock;
    int64_t until_us = clock_mono_us(clock) + API_EXPLAIN_SLICE_US;
    if (begin_again(work))
        return;
    while (work->stage < STAGES && common->reading == 0 && clock_mono_us(clock) < until_us)
        work->stage += !stages[work->stage](work);
    if (work->stage == STAGES)
        answer(work);
    else if (common->reading == 0)
        api_work_go_on(common);
}

/* ---- The request ----------------------------------------------------------------------------- */

struct taking {
    struct description *description;
    struct arena *arena;
};

static bool take_parameter(void *arg, struct slice name, struct slice value, struct err *err)
{
    const struct taking *taking = arg;
    return description_take(taking->description, taking->arena, name, value, err);
}

static bool parse(const struct http_request *request, struct description *ret, struct err *err)
{
    description_clear(ret);
    struct taking taking = {ret, request->arena};
    return api_take_query(request->query, request->arena, PAGE_PARAMETERS_MAX, take_parameter,
                          &taking, err) &&
           page_query_check(&ret->query, err);
}

static bool has_slot(const struct catalog *catalog, const struct page_query *query)
{
    for (unsigned i = 0; i < query->slot_count; i++) {
        if (catalog_find_slot(catalog, query->slots[i].id))
            return true;
    }
    return false;
}

/* False: it has been refused. */
static bool check_catalog(struct http_exchange *exchange, const struct catalog *catalog,
                          const struct description *description)
{
    if (!catalog)
        http_respond_error(exchange, 503, "no_catalog", SLICE("no catalog has been loaded yet"));
    else if (!has_slot(catalog, &description->query))
        http_respond_error(exchange, 404, "unknown_slot", SLICE("there is no such slot"));
    else if (description->campaign.len > 0 &&
             !catalog_find_campaign(catalog, description->campaign))
        http_respond_error(exchange, 404, "unknown_campaign", SLICE("there is no such campaign"));
    else
        return true;
    return false;
}

static void start(struct service *service, struct http_exchange *exchange,
                  const struct description *description)
{
    struct work *work = check_calloc(1, sizeof *work);
    work->description = *description;
    api_work_begin(&work->common, service, exchange, service->explaining, API_EXPLAIN_ANSWER_MAX,
                   on_turn, release);
    begin(work, catalog_store_current(service->catalog));
}

void api_explain_handle(struct http_exchange *exchange, void *context)
{
    struct service *service = context;
    struct description description;
    struct err err = {"", ""};
    if (!parse(http_exchange_request(exchange), &description, &err))
        api_respond_err(exchange, 400, "bad_parameter", &err);
    else if (service->explaining->at_work >= API_EXPLAIN_AT_ONCE)
        http_respond_error(exchange, 503, "busy", SLICE("other explanations are being made"));
    else if (check_catalog(exchange, catalog_store_current(service->catalog), &description))
        start(service, exchange, &description);
}
