#include "serve/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "serve/facts.h"
#include "serve/page_query.h"
#include "serve/render.h"
#include "serve/request_sample.h"
#include "serve/series.h"
#include "serve/traffic.h"
#include "store/viewer_caps.h"

#define FUND_ROUNDS_MAX 8 /* times a page may ask for units */
#define BOUND_MAX       (PAGE_SLOTS_MAX * CANDIDATES_MAX)

enum step { NEXT, WAIT, DONE };

/* A campaign with bounds among a page's candidates, and the units it may use up here. */
struct need {
    const struct campaign *campaign;
    unsigned row; /* the campaign's, which may be gone after a wait */
    unsigned count;
};

struct page {
    struct page *next; /* in the pool */
    struct service *service;
    struct http_exchange *exchange; /* NULL: the client has gone */
    bool keeps;                     /* the selection's entries are retained: the page waits */
    unsigned at;                    /* position in `steps` */
    enum event_filter filter;
    struct page_query query;
    struct viewer_key viewer;
    struct page_request request;
    struct geo_place place; /* what the request's facts say of it */
    struct selection selection;
    int chosen[PAGE_SLOTS_MAX];
    int64_t fund_us; /* monotonic time it began to ask for units; 0: it has not */
    unsigned rounds; /* of asking */
    struct need needs[BOUND_MAX];
    unsigned need_count;
    struct goals_units held[BOUND_MAX]; /* its own until it is settled */
    unsigned held_count;
};

struct page_pool {
    struct page *idle;
    unsigned count;
};

struct page_pool *page_pool_new(void)
{
    return check_calloc(1, sizeof(struct page_pool));
}

void page_pool_free(struct page_pool *pool)
{
    if (!pool)
        return;
    while (pool->idle) {
        struct page *page = pool->idle;
        pool->idle = page->next;
        free(page);
    }
    free(pool);
}

/* A page is large and all of it is written before it is read: its memory is not cleared. */
static struct page *page_take(struct service *service, struct http_exchange *exchange)
{
    struct page_pool *pool = service->pages;
    struct page *page = pool->idle;

    if (page) {
        pool->idle = page->next;
        pool->count--;
    } else {
        page = check_malloc(sizeof(*page));
    }
    page->service = service;
    page->exchange = exchange;
    page->keeps = false;
    page->at = 0;
    page->rounds = page->held_count = 0;
    return page;
}

static void put_back_units(struct page *page)
{
    while (page->held_count > 0)
        goals_put_back(page->service->goals, &page->held[--page->held_count]);
}

/* Before the page waits: what it has chosen from stays, whatever happens to the catalog. */
static void keep_selection(struct page *page)
{
    selection_keep(&page->selection);
    page->keeps = true;
}

static void let_go_selection(struct page *page)
{
    if (page->keeps)
        selection_let_go(&page->selection);
    page->keeps = false;
}

/* The one end of every page. */
static void page_end(struct page *page)
{
    struct page_pool *pool = page->service->pages;

    put_back_units(page);
    let_go_selection(page);
    if (pool->count == PAGE_POOL_MAX) {
        free(page);
        return;
    }
    page->next = pool->idle;
    pool->idle = page;
    pool->count++;
}

static enum step refuse(struct page *page, int status, const char *code, struct slice message)
{
    http_respond_error(page->exchange, status, code, message);
    page->exchange = NULL;
    return DONE;
}

/* PARSE: the parameters, checked; the slots they name, found. */

static enum step refuse_parameters(struct page *page, const struct err *err)
{
    char message[ERR_WHERE_MAX + ERR_TEXT_MAX + 3];
    int len = snprintf(message, sizeof(message), "%s: %s", err->where, err->text);
    CHECK(len > 0 && (size_t)len < sizeof(message));
    return refuse(page, 400, "bad_parameter", slice_of(message, (size_t)len));
}

static unsigned find_slots(struct page *page)
{
    const struct catalog *catalog = catalog_store_current(page->service->catalog);
    unsigned known = 0;
    page->request.slot_count = page->query.slot_count;
    for (unsigned i = 0; i < page->query.slot_count; i++) {
        struct page_slot *slot = &page->request.slots[i];
        slot->name = page->query.slots[i].id;
        slot->width = page->query.slots[i].width;
        slot->index = catalog_find_slot(catalog, slot->name);
        known += slot->index != NULL;
    }
    return known;
}

static enum step parse(struct page *page)
{
    const struct http_request *request = http_exchange_request(page->exchange);
    struct err err = {0};

    if (!page_query_parse(request, &page->query, &err))
        return refuse_parameters(page, &err);
    if (!catalog_store_current(page->service->catalog))
        return refuse(page, 503, "no_catalog", SLICE("no catalog has been loaded yet"));
    page->filter = traffic_classify(&page->service->judged_by, request);
    if (find_slots(page) == 0 && page->query.slot_count == 1)
        return refuse(page, 404, "unknown_slot", SLICE("there is no such slot"));
    return NEXT;
}

static void find_facts(struct page *page, struct net_ip client)
{
    const struct facts_source source = {
        .request = http_exchange_request(page->exchange),
        .query = &page->query,
        .geo = page->service->geo,
        .client = client,
    };
    facts_fill(&source, &page->place, &page->request.facts);
}

/* What nobody is going to see, or not now, wears no cap out. */
static bool is_for_nobody(const struct page *page)
{
    return page->filter == EVENT_IS_PREFETCH || page->filter == EVENT_IS_HEAD;
}

/*
 * IDENTIFY: who is looking, and what targeting may ask about that. Caps hold for whoever asks, also
 * for a program, which has an id of its own. As long as the salts have not come from Redis nobody
 * can be known; then it is Redis that is missing, not the viewer.
 */
static enum step identify(struct page *page)
{
    struct service *service = page->service;
    const struct http_request *request = http_exchange_request(page->exchange);
    bool salted = secrets_viewer(service->secrets) != NULL;
    struct viewer_facts facts = {
        .uid = page->query.uid,
        .consent = page->query.consent,
        .site = page->query.domain,
        .client = client_address(&service->trusted, request),
        .now_us = clock_wall_us(service->clock),
    };

    find_facts(page, facts.client);
    if (page->filter == EVENT_COUNTS)
        traffic_count(service->traffic);
    page->request.now_us = facts.now_us;
    page->request.has_viewer =
        !is_for_nobody(page) &&
        (viewer_identify(&service->ladder, service->secrets, request, &facts, &page->viewer) ||
         !salted);
    page->request.serve_anonymous = is_for_nobody(page) || service->options->viewer_anonymous == 1;
    page->request.caps_away = !redis_is_up(service->redis) || !salted;
    page->request.caps_away_reason = CAPS_AWAY_REDIS;
    page->request.judge_all = false;
    return NEXT;
}

/* DECIDE: candidates for every slot, best first, beside what is on the page. */

/* A mark that is not ours or too old says nothing: it only ever takes ads from who sends it. */
static void find_marks(struct page *page)
{
    struct service *service = page->service;
    struct page_request *request = &page->request;
    const struct catalog *catalog = catalog_store_current(service->catalog);
    uint8_t bytes[TOKEN_BYTES_MAX];
    struct page_mark mark;
    request->on_page_count = 0;
    for (unsigned i = 0; i < page->query.mark_count; i++) {
        if (!token_verify_mark(service->tokens, page->query.marks[i], request->now_us, bytes,
                               &mark) ||
            request->now_us / US_PER_MS - mark.issued_ms > service->options->tokens_page_ttl_in_ms)
            continue;
        request->on_page[request->on_page_count++] = (struct page_ad){
            .campaign = catalog_find_campaign(catalog, mark.campaign),
            .creative = catalog_find_creative(catalog, mark.creative),
        };
    }
}

static void count_rejection(const struct campaign *campaign, enum reason reason, unsigned times,
                            void *arg)
{
    const struct page *page = arg;
    metrics_series_add(page->service->metrics, campaign->series, SERIES_REASONS + (unsigned)reason,
                       times);
}

static enum step decide(struct page *page)
{
    find_marks(page);
    goals_open(page->service->goals, page->request.now_us);
    page->request.deliveries = goals_deliveries(page->service->goals);
    selection_run(&page->request, &page->service->random, count_rejection, page, &page->selection);
    return NEXT;
}

/* Of a second decision only what is new counts: the first has counted the rest. */
static void count_resting(const struct campaign *campaign, enum reason reason, unsigned times,
                          void *arg)
{
    const struct page *page = arg;
    bool asked = false;
    for (unsigned i = 0; i < page->need_count; i++)
        asked |= page->needs[i].row == campaign->delivery;
    if (reason == REASON_REDIS_AWAY || reason == REASON_DEADLINE || (asked && campaign->delivery))
        count_rejection(campaign, reason, times, arg);
}

/*
 * FUND: units for the candidates whose campaigns have bounds (store/goals.h). Where the worker has
 * none in hand it asks Redis, and the page is decided again with what has come: candidates that
 * could not have it are at rest then. So none is chosen that would lack its unit.
 */

static void drive(struct page *page);

/* A campaign stands on a page once, unless it is a roadblock. */
static void add_need(struct page *page, const struct campaign *campaign)
{
    struct need *need = page->needs;
    while (need < page->needs + page->need_count && need->campaign != campaign)
        need++;
    if (need == page->needs + page->need_count)
        page->needs[page->need_count++] = (struct need){campaign, campaign->delivery, 1};
    else if (campaign->roadblock != ROADBLOCK_OFF)
        need->count++;
}

static void find_needs(struct page *page)
{
    page->need_count = 0;
    for (unsigned s = 0; s < page->selection.slot_count; s++) {
        const struct slot_selection *slot = &page->selection.slots[s];
        for (unsigned c = 0; c < slot->count; c++) {
            const struct campaign *campaign = slot->candidates[c].campaign;
            if (campaign->delivery != 0 && (c == 0 || campaign != slot->candidates[c - 1].campaign))
                add_need(page, campaign);
        }
    }
}

/* After a wait: what the page pointed to in the catalog is looked up anew. */
static void look_up_again(struct page *page)
{
    let_go_selection(page);
    (void)find_slots(page);
    find_marks(page);
}

static void decide_again(struct page *page, struct deliveries deliveries)
{
    page->request.deliveries = deliveries;
    selection_run(&page->request, &page->service->random, count_resting, page, &page->selection);
}

static void on_funded(bool in_time, struct goals_wait *wait, void *arg)
{
    struct page *page = arg;
    struct goals *goals = page->service->goals;
    unsigned count;
    const struct goals_units *got = goals_wait_got(wait, &count);
    (void)in_time; /* if not, all are at rest now */
    for (unsigned i = 0; i < count; i++)
        goals_put_back(goals, &got[i]);
    if (!page->exchange) {
        page_end(page);
        goals_wait_free(wait);
        return;
    }
    http_on_gone(page->exchange, NULL, NULL);
    page->request.now_us = clock_wall_us(page->service->clock);
    look_up_again(page);
    goals_open(goals, page->request.now_us);
    decide_again(page, goals_deliveries(goals));
    goals_wait_free(wait);
    page->at--;
    drive(page);
}

static void on_gone(struct http_exchange *exchange, void *arg)
{
    struct page *page = arg;
    (void)exchange;
    page->exchange = NULL;
}

static bool lacks(const struct page *page, const struct need *need)
{
    return page->request.deliveries.rows[need->campaign->delivery].units < need->count;
}

/* Begins to wait for what can be asked for; false where there is nothing. */
static bool ask_for_units(struct page *page, int timeout_ms)
{
    struct goals_wait *wait = NULL;
    unsigned asked = 0;
    for (unsigned i = 0; i < page->need_count && asked < GOALS_WAIT_MAX; i++) {
        const struct need *need = &page->needs[i];
        if (!lacks(page, need) || !page->request.deliveries.rows[need->campaign->delivery].may_ask)
            continue;
        wait = wait ? wait : goals_wait_new(page->service->goals, on_funded, page);
        goals_wait_for(wait, need->campaign, need->count);
        asked++;
    }
    if (!wait)
        return false;
    page->rounds++;
    keep_selection(page);
    http_on_gone(page->exchange, on_gone, page);
    goals_wait_begin(wait, timeout_ms);
    return true;
}

/* Puts those that lack units to rest for this page; returns how many more there are. */
static unsigned hide_lacking(struct page *page, struct need *hidden, struct delivery *kept)
{
    unsigned count = 0;
    for (unsigned i = 0; i < page->need_count; i++) {
        if (!lacks(page, &page->needs[i]))
            continue;
        hidden[count] = page->needs[i];
        goals_hide(page->service->goals, hidden[count].campaign->delivery, &kept[count]);
        count++;
    }
    return count;
}

/* Decides without the campaigns that lack units, until none that is offered does. */
static void pass_over_lacking(struct page *page)
{
    struct need hidden[2 * BOUND_MAX];
    struct delivery kept[2 * BOUND_MAX];
    unsigned count = 0, more = hide_lacking(page, hidden, kept);
    while (more > 0 && count + more <= BOUND_MAX) {
        count += more;
        decide_again(page, page->request.deliveries);
        find_needs(page);
        more = hide_lacking(page, hidden + count, kept + count);
    }
    for (unsigned i = count + more; i-- > 0;)
        goals_show(page->service->goals, hidden[i].campaign->delivery, &kept[i]);
    if (more == 0)
        return;
    decide_again(page, goals_at_rest(page->service->goals, REASON_DEADLINE));
    page->need_count = 0;
}

static int fund_left_ms(struct page *page)
{
    int64_t now_us = clock_mono_us(page->service->clock);
    if (page->rounds == 0)
        page->fund_us = now_us;
    return page->service->redis_timeout_ms - (int)((now_us - page->fund_us) / US_PER_MS);
}

static enum step fund(struct page *page)
{
    if (page->filter != EVENT_COUNTS)
        return NEXT;
    find_needs(page);
    if (page->need_count == 0)
        return NEXT;
    int left_ms = fund_left_ms(page);
    if (left_ms > 0 && page->rounds < FUND_ROUNDS_MAX && ask_for_units(page, left_ms))
        return WAIT;
    pass_over_lacking(page);
    return NEXT;
}

/* RESERVE: caps checked and counted in one step, for the whole page. */

/* While the page waits for caps nobody else gets its units, so that no cap is used up in vain. */
static void hold_units(struct page *page)
{
    for (unsigned i = 0; i < page->need_count; i++) {
        const struct need *need = &page->needs[i];
        if (goals_take(page->service->goals, need->campaign, need->count,
                       &page->held[page->held_count]))
            page->held_count++;
    }
}

static void use_unit(struct page *page, const struct campaign *campaign)
{
    struct goals_units unit;
    for (unsigned i = 0; i < page->held_count; i++) {
        if (page->held[i].row != campaign->delivery || page->held[i].count == 0)
            continue;
        page->held[i].count--;
        return;
    }
    CHECK(goals_take(page->service->goals, campaign, 1, &unit));
}

static void settle(struct page *page, const uint32_t *refused)
{
    selection_settle(&page->selection, refused, count_rejection, page, page->chosen);
    if (page->filter != EVENT_COUNTS)
        return;
    for (unsigned i = 0; i < page->selection.slot_count; i++) {
        if (page->chosen[i] < 0)
            continue;
        const struct candidate *winner = &page->selection.slots[i].candidates[page->chosen[i]];
        if (winner->campaign->delivery != 0)
            use_unit(page, winner->campaign);
    }
    put_back_units(page);
}

/* The candidates have been kept; of an empty slot the catalog as it is now says why. */
static void settle_reserved(struct page *page, const uint32_t *refused)
{
    (void)find_slots(page);
    page->request.deliveries = goals_deliveries(page->service->goals);
    settle(page, refused);
}

/* What needs Redis rests; the others are decided among once more. */
static void settle_without_redis(struct page *page, enum redis_failure failure)
{
    metrics_add(page->service->metrics, COUNTER_ADS_DEGRADED, 1);
    page->request.caps_away = true;
    page->request.caps_away_reason =
        failure == REDIS_TIMEOUT ? CAPS_AWAY_DEADLINE : CAPS_AWAY_REDIS;
    put_back_units(page);
    look_up_again(page);
    decide_again(page,
                 goals_at_rest(page->service->goals,
                               failure == REDIS_TIMEOUT ? REASON_DEADLINE : REASON_REDIS_AWAY));
    settle(page, NULL);
}

static void on_reserved(enum redis_failure failure, const uint32_t *refused, void *arg)
{
    struct page *page = arg;
    if (!page->exchange) {
        page_end(page);
        return;
    }
    http_on_gone(page->exchange, NULL, NULL);
    if (failure == REDIS_OK)
        settle_reserved(page, refused);
    else
        settle_without_redis(page, failure);
    drive(page);
}

static enum step reserve(struct page *page)
{
    struct service *service = page->service;
    if (!page->selection.needs_caps) {
        settle(page, NULL);
        return NEXT;
    }
    if (page->filter == EVENT_COUNTS)
        hold_units(page);
    keep_selection(page);
    http_on_gone(page->exchange, on_gone, page);
    viewer_caps_reserve(service->redis, service->prefix, &page->viewer, &page->selection,
                        page->request.now_us, service->redis_timeout_ms, on_reserved, page);
    return WAIT;
}

/* RENDER: the answer, and what it means for the counts. */

static void count_serve(struct page *page, unsigned position, const struct candidate *winner)
{
    struct service *service = page->service;
    unsigned counter = page->filter == EVENT_COUNTS ? SERIES_CAMPAIGN_SERVES
                                                    : SERIES_FILTERED + (unsigned)page->filter;
    metrics_series_add(service->metrics, winner->campaign->series, counter, 1);
    ledger_add_serve(service->ledger, page->filter, winner->campaign->id, winner->creative->id,
                     page->request.slots[position].name, page->request.now_us);
}

static void count_fill(struct page *page, const struct slot *slot)
{
    struct metrics *metrics = page->service->metrics;
    metrics_series_add(metrics, slot->series, SERIES_SLOT_FILLED, 1);
    if (page->filter != EVENT_COUNTS)
        metrics_series_add(metrics, slot->series, SERIES_FILTERED + (unsigned)page->filter, 1);
}

static void count_slots(struct page *page)
{
    for (unsigned i = 0; i < page->request.slot_count; i++) {
        const struct slot_selection *slot = &page->selection.slots[i];
        const struct slot_index *index = page->request.slots[i].index;
        bool filled = page->chosen[i] >= 0;
        if (filled)
            count_serve(page, i, &slot->candidates[page->chosen[i]]);
        if (!index)
            continue;
        metrics_series_add(page->service->metrics, index->slot->series, SERIES_SLOT_REQUESTS, 1);
        if (filled)
            count_fill(page, index->slot);
        else
            metrics_series_add(page->service->metrics, index->slot->series,
                               SERIES_REASONS + (unsigned)selection_unfilled_reason(slot), 1);
    }
}

static void make_request_id(struct random *random, uint8_t id[REQUEST_ID_BYTES])
{
    uint64_t numbers[2] = {random_u64(random), random_u64(random)};
    memcpy(id, numbers, REQUEST_ID_BYTES);
}

static enum step render(struct page *page)
{
    struct service *service = page->service;
    const struct http_request *request = http_exchange_request(page->exchange);
    struct page_answer answer = {
        .now_us = page->request.now_us,
        .page_url = page->query.url,
        .request = &page->request,
        .selection = &page->selection,
        .chosen = page->chosen,
    };
    struct http_response response = {
        .status = 200,
        .content_type = SLICE("application/json"),
        .extra = SLICE(HTTP_NO_STORE HTTP_ANY_ORIGIN),
    };

    make_request_id(&service->random, answer.request_id);
    render_answer(service, &answer);
    if (service->answer.overflowed)
        return refuse(page, 500, "too_large", SLICE("the answer is too large"));
    count_slots(page);
    if (page->filter == EVENT_COUNTS && !page->request.caps_away)
        request_sample_take(service, &page->request, &page->viewer);
    response.body = strbuf_slice(&service->answer);
    metrics_observe(service->metrics, LATENCY_ADS,
                    clock_mono_us(service->clock) - request->received_us);
    http_respond(page->exchange, &response);
    page->exchange = NULL;
    return DONE;
}

typedef enum step step_fn(struct page *page);
static step_fn *const steps[] = {parse, identify, decide, fund, reserve, render};

static void drive(struct page *page)
{
    enum step said = NEXT;
    while (said == NEXT)
        said = steps[page->at++](page);
    if (said == DONE)
        page_end(page);
}

void page_handle(struct http_exchange *exchange, void *service)
{
    drive(page_take(service, exchange));
}
