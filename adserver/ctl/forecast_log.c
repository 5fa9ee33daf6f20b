#include "ctl/forecast_log.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/clock.h"
#include "ctl/hashes.h"
#include "decision/replay.h"
#include "decision/request_kind.h"
#include "store/request_kinds.h"
#include "store/traffic.h"

#define HOUR_MS   (INT64_C(3600) * 1000)
#define DAY_MS    (24 * HOUR_MS)
#define HOURS_MAX ((FORECAST_DAYS_MAX + 2) * 24)

/* An entry's id: "<ms>-<number>". */
struct entry_id {
    uint64_t ms, number;
};

static bool parse_id(struct slice text, struct entry_id *ret)
{
    size_t dash = slice_find(text, '-');
    return slice_to_u64(slice_of(text.ptr, dash), UINT64_MAX, &ret->ms) &&
           slice_to_u64(slice_from(text, dash + 1), UINT64_MAX, &ret->number);
}

static void print_id(struct entry_id id, char ret[FORECAST_ID_MAX])
{
    (void)snprintf(ret, FORECAST_ID_MAX, "%" PRIu64 "-%" PRIu64, id.ms, id.number);
}

static struct entry_id next_id(struct entry_id id)
{
    bool full = id.number == UINT64_MAX;
    return (struct entry_id){id.ms + full, full ? 0 : id.number + 1};
}

static struct slice log_key(struct tool *tool)
{
    struct strbuf key;
    strbuf_init(&key, 256);
    strbuf_addf(&key, "%.*srequests", SLICE_ARGS(tool->prefix));
    struct slice copy = arena_copy(tool->arena, strbuf_slice(&key));
    strbuf_release(&key);
    return copy;
}

/* ---- Walking --------------------------------------------------------------------------------- */

struct walk {
    const struct replay_scale *scale; /* NULL: by the sample alone */
    forecast_request_fn *fn;
    void *arg;
    uint64_t unreadable;
};

/* [id, [name, value, …]]: the value of `r`. */
static struct slice record_of(const struct redis_reply *entry)
{
    const struct redis_reply *fields = entry->count == 2 ? &entry->items[1] : NULL;
    for (size_t i = 0; fields && fields->type == REDIS_ARRAY && i + 1 < fields->count; i += 2) {
        if (slice_eq(fields->items[i].text, SLICE("r")))
            return fields->items[i + 1].text;
    }
    return slice_of(NULL, 0);
}

static void take_request(const struct walk *walk, const struct logged_request *request)
{
    uint64_t weight =
        walk->scale ? replay_scale_weight(walk->scale, request) : replay_weight(request);
    walk->fn(request, weight, walk->arg);
}

/* False where it is no page of a stream. */
static bool take_page(struct walk *walk, const struct redis_reply *page, struct entry_id *ret_last)
{
    struct logged_request request;
    for (size_t i = 0; i < page->count; i++) {
        const struct redis_reply *entry = &page->items[i];
        if (entry->type != REDIS_ARRAY || entry->count == 0 ||
            !parse_id(entry->items[0].text, ret_last))
            return false;
        if (logged_request_read(record_of(entry), &request))
            take_request(walk, &request);
        else
            walk->unreadable++;
    }
    return true;
}

static bool walk_pages(struct tool *tool, const struct forecast_window *window, struct walk *walk)
{
    struct slice key = log_key(tool);
    char from[FORECAST_ID_MAX], count[16];
    (void)snprintf(from, sizeof from, "%s", window->first);
    (void)snprintf(count, sizeof count, "%d", FORECAST_PAGE);
    for (;;) {
        const struct redis_reply *page =
            tool_call(tool,
                      (struct slice[]){SLICE("XRANGE"), key, slice_cstr(from),
                                       slice_cstr(window->last), SLICE("COUNT"), slice_cstr(count)},
                      6);
        struct entry_id last = {0, 0};
        if (!page)
            return false;
        if (page->type != REDIS_ARRAY || !take_page(walk, page, &last))
            return tool_refuse(tool, key.ptr, "it can't be read; allowed: what the server logs");
        if (page->count < FORECAST_PAGE)
            return true;
        print_id(next_id(last), from);
    }
}

bool forecast_log_walk(struct tool *tool, const struct forecast_window *window,
                       forecast_request_fn *fn, void *arg)
{
    struct walk walk = {.scale = window->scale, .fn = fn, .arg = arg};
    return walk_pages(tool, window, &walk);
}

/* ---- Measuring ------------------------------------------------------------------------------- */

static void measure(const struct logged_request *request, uint64_t weight, void *arg)
{
    struct forecast_window *window = arg;
    bool first = window->records++ == 0;
    (void)weight;
    if (first || request->at_ms < window->begin_ms)
        window->begin_ms = request->at_ms;
    if (first || request->at_ms > window->end_ms)
        window->end_ms = request->at_ms;
    if (first || request->sample_ppm < window->least_ppm)
        window->least_ppm = request->sample_ppm;
    if (first || request->sample_ppm > window->most_ppm)
        window->most_ppm = request->sample_ppm;
    replay_scale_log(window->scale, request);
    replay_kinds_log(window->kinds, request);
}

/* What servers have counted of one day by kind. */
static bool read_kinds(struct tool *tool, struct forecast_window *window, int64_t day)
{
    char key[REQUEST_KINDS_KEY_MAX];
    const struct slice args[] = {SLICE("HGETALL"), request_kinds_key(key, tool->prefix, day)};
    const struct redis_reply *reply = tool_call(tool, args, 2);
    if (!reply || reply->type != REDIS_ARRAY)
        return reply != NULL;
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        uint32_t kind;
        uint64_t requests;
        if (request_kind_read(reply->items[i].text, &kind) &&
            slice_to_u64(reply->items[i + 1].text, TRAFFIC_COUNT_MAX, &requests))
            replay_kinds_count(window->kinds, day, kind, requests);
    }
    return true;
}

static bool scale_by_kind(struct tool *tool, struct forecast_window *window)
{
    int64_t first, last;
    if (!replay_kinds_days(window->kinds, &first, &last))
        return true;
    if (first < last - REQUEST_KINDS_DAYS)
        first = last - REQUEST_KINDS_DAYS;
    for (int64_t day = first; day <= last; day++) {
        if (!read_kinds(tool, window, day))
            return false;
    }
    window->by_kind = replay_kinds_finish(window->kinds);
    if (window->by_kind)
        replay_scale_by_kind(window->scale, window->kinds);
    return true;
}

/* What servers have counted by hour. */
static bool scale(struct tool *tool, struct forecast_window *window)
{
    struct traffic_count *counts = arena_new_array(tool->arena, struct traffic_count, HOURS_MAX);
    struct strbuf key;
    strbuf_init(&key, 256);
    strbuf_addf(&key, "%.*straffic", SLICE_ARGS(tool->prefix));
    const struct redis_reply *reply =
        tool_call(tool, (struct slice[]){SLICE("HGETALL"), strbuf_slice(&key)}, 2);
    strbuf_release(&key);
    if (!reply)
        return false;
    replay_scale_count(window->scale, counts, traffic_read_counts(reply, counts, HOURS_MAX));
    traffic_shape_learn(counts, replay_scale_hours(window->scale, counts), &window->shape);
    window->requests = replay_scale_requests(window->scale);
    return scale_by_kind(tool, window);
}

static bool refuse_empty(struct tool *tool, struct slice key)
{
    return tool_refuse(tool, key.ptr,
                       "no requests have been logged; allowed: a log, which servers keep where "
                       "forecast.sample_ppm is above 0 (10000 logs one viewer in a hundred), and "
                       "some days of it");
}

/* The ids that bound the window. */
static bool find_ends(struct tool *tool, struct slice key, int days, struct entry_id *ret_first,
                      struct forecast_window *window)
{
    struct entry_id last;
    if (!hashes_check_type(tool, key, "stream"))
        return false;
    const struct redis_reply *newest =
        tool_call(tool,
                  (struct slice[]){SLICE("XREVRANGE"), key, SLICE("+"), SLICE("-"), SLICE("COUNT"),
                                   SLICE("1")},
                  6);
    if (!newest)
        return false;
    if (newest->type != REDIS_ARRAY || newest->count == 0 || newest->items[0].count == 0 ||
        !parse_id(newest->items[0].items[0].text, &last))
        return refuse_empty(tool, key);
    uint64_t span = (uint64_t)days * (uint64_t)DAY_MS;
    *ret_first = (struct entry_id){last.ms > span ? last.ms - span : 0, 0};
    print_id(*ret_first, window->first);
    print_id(last, window->last);
    return true;
}

bool forecast_log_measure(struct tool *tool, int days, struct forecast_window *ret)
{
    struct slice key = log_key(tool);
    struct walk walk = {.fn = measure, .arg = ret};
    struct entry_id first = {0, 0};
    CHECK(days > 0 && days <= FORECAST_DAYS_MAX);
    *ret = (struct forecast_window){.records = 0};
    if (!find_ends(tool, key, days, &first, ret))
        return false;
    ret->kinds = replay_kinds_new();
    ret->scale = replay_scale_new((int64_t)(first.ms / (uint64_t)HOUR_MS), HOURS_MAX);
    if (!walk_pages(tool, ret, &walk))
        return false;
    ret->unreadable = walk.unreadable;
    return ret->records > 0 ? scale(tool, ret) : refuse_empty(tool, key);
}

void forecast_log_release(struct forecast_window *window)
{
    replay_scale_free(window->scale);
    replay_kinds_free(window->kinds);
    window->scale = NULL;
    window->kinds = NULL;
}
