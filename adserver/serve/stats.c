#include "serve/stats.h"

#include <stdio.h>
#include <string.h>

#include "serve/json.h"
#include "serve/long_answer.h"
#include "serve/series.h"

/* Workers whose row is filled. */

static void add_worker(struct strbuf *buf, const struct metrics_worker *worker)
{
    json_open(buf, '{');
    json_u64(buf, "pid", (uint64_t)worker->pid);
    json_u64(buf, "connections", worker->connections);
    json_u64(buf, "requests", worker->requests);
    json_u64(buf, "restarts", worker->restarts);
    json_bool(buf, "redis_connected", worker->redis_connected);
    json_bool(buf, "draining", worker->draining);
    json_name(buf, "catalog_revision");
    strbuf_addf(buf, "\"%016llx\"", (unsigned long long)worker->catalog_revision);
    json_close(buf, '}');
}

static void add_workers(struct strbuf *buf, struct metrics *metrics)
{
    json_name(buf, "workers");
    json_open(buf, '[');
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++) {
        const struct metrics_worker *worker = metrics_worker(metrics, i);
        if (worker->pid > 0)
            add_worker(buf, worker);
    }
    json_close(buf, ']');
}

/* Families of fixed counters: requests, responses, events. */

static void add_family(struct strbuf *buf, struct metrics *metrics, const char *family)
{
    json_name(buf, family);
    json_open(buf, '{');
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        if (strcmp(metrics_counter_rows[i].family, family) == 0)
            json_u64(buf, metrics_counter_rows[i].label,
                     metrics_sum(metrics, (enum metrics_counter)i));
    json_close(buf, '}');
}

/* Slots and campaigns: rows of counters with a name. */

static void add_reasons(struct strbuf *buf, const char *name, const struct metrics *metrics,
                        unsigned series)
{
    json_name(buf, name);
    json_open(buf, '{');
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        uint64_t count = metrics_series_get(metrics, series, SERIES_REASONS + i);
        if (count)
            json_u64(buf, reason_rows[i].word, count);
    }
    json_close(buf, '}');
}

/* What was filled or served and does not count: members of `<prefix><word>`. */
static void add_filtered(struct strbuf *buf, const char *prefix, const struct metrics *metrics,
                         unsigned series)
{
    for (unsigned i = EVENT_COUNTS + 1; i < EVENT_FILTER_COUNT; i++) {
        uint64_t count = metrics_series_get(metrics, series, SERIES_FILTERED + i);
        char name[64];
        (void)snprintf(name, sizeof(name), "%s%s", prefix, event_filter_rows[i].word);
        if (count)
            json_u64(buf, name, count);
    }
}

static void add_slot(struct strbuf *buf, const struct metrics *metrics, unsigned series)
{
    json_u64(buf, "requests", metrics_series_get(metrics, series, SERIES_SLOT_REQUESTS));
    json_u64(buf, "filled", metrics_series_get(metrics, series, SERIES_SLOT_FILLED));
    json_name(buf, "filtered");
    json_open(buf, '{');
    add_filtered(buf, "", metrics, series);
    json_close(buf, '}');
    add_reasons(buf, "unfilled", metrics, series);
}

static void add_campaign(struct strbuf *buf, const struct metrics *metrics, unsigned series)
{
    uint64_t conversions = metrics_series_get(metrics, series, SERIES_CAMPAIGN_CONVERSIONS);
    json_u64(buf, "serves", metrics_series_get(metrics, series, SERIES_CAMPAIGN_SERVES));
    add_filtered(buf, "serves_", metrics, series);
    json_u64(buf, "impressions", metrics_series_get(metrics, series, SERIES_CAMPAIGN_IMPRESSIONS));
    json_u64(buf, "viewables", metrics_series_get(metrics, series, SERIES_CAMPAIGN_VIEWABLES));
    json_u64(buf, "clicks", metrics_series_get(metrics, series, SERIES_CAMPAIGN_CLICKS));
    if (conversions > 0)
        json_u64(buf, "conversions", conversions);
    add_reasons(buf, "rejected", metrics, series);
}

static void add_crawler(struct strbuf *buf, const struct metrics *metrics, unsigned series)
{
    json_u64(buf, "requests", metrics_series_get(metrics, series, SERIES_CRAWLER_REQUESTS));
}

typedef void add_series_fn(struct strbuf *buf, const struct metrics *metrics, unsigned series);

static void add_row(struct strbuf *buf, const struct metrics *metrics, unsigned series,
                    add_series_fn *add)
{
    json_name_slice(buf, metrics_series_id(metrics, series));
    json_open(buf, '{');
    add(buf, metrics, series);
    json_close(buf, '}');
}

/* A step of all rows of a kind, as an object; `at` is the next row. False: there are more. */
static bool add_rows(struct strbuf *buf, const char *name, const struct metrics *metrics, char kind,
                     add_series_fn *add, unsigned *at)
{
    unsigned count = metrics_series_count(metrics);
    unsigned end = count - *at > LONG_ANSWER_ROWS ? *at + LONG_ANSWER_ROWS : count;
    if (*at == 0) {
        json_name(buf, name);
        json_open(buf, '{');
    }
    for (; *at < end; ++*at) {
        if (metrics_series_kind(metrics, *at) == kind)
            add_row(buf, metrics, *at, add);
    }
    if (*at < count)
        return false;
    json_close(buf, '}');
    return true;
}

/* Latency, Redis, catalog */

static void add_summary(struct strbuf *buf, const struct metrics_summary *summary)
{
    json_open(buf, '{');
    json_u64(buf, "count", summary->count);
    json_ms(buf, "p50", summary->p50_us);
    json_ms(buf, "p90", summary->p90_us);
    json_ms(buf, "p99", summary->p99_us);
    json_ms(buf, "p999", summary->p999_us);
    json_ms(buf, "max", summary->max_us);
    json_close(buf, '}');
}

static void add_latencies(struct strbuf *buf, const struct metrics *metrics)
{
    json_name(buf, "latency_ms");
    json_open(buf, '{');
    for (unsigned i = 0; i < LATENCY_COUNT; i++) {
        struct metrics_summary summary = metrics_summary(metrics, (enum metrics_latency)i);
        json_name(buf, metrics_latency_names[i]);
        add_summary(buf, &summary);
    }
    json_close(buf, '}');
}

/* As the worker that answers sees them. */
static void add_redis_servers(struct strbuf *buf, struct redis *redis)
{
    json_name(buf, "servers");
    json_open(buf, '[');
    for (unsigned i = 0; i < redis_server_count(redis); i++) {
        struct redis_server server = redis_server_at(redis, i);
        json_open(buf, '{');
        json_text(buf, "address", slice_cstr(server.address));
        json_bool(buf, "connected", server.up);
        json_u64(buf, "pending", server.pending);
        if (!server.up)
            json_text(buf, "error", slice_cstr(server.trouble));
        json_close(buf, '}');
    }
    json_close(buf, ']');
}

static void add_redis(struct strbuf *buf, const struct service *service)
{
    struct metrics *metrics = service->metrics;
    struct metrics_summary latency = metrics_summary(metrics, LATENCY_REDIS);
    uint64_t pending = 0;
    bool connected = true;

    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++) {
        const struct metrics_worker *worker = metrics_worker(metrics, i);
        if (worker->pid <= 0 || worker->draining)
            continue;
        pending += worker->redis_pending;
        connected = connected && worker->redis_connected;
    }
    json_name(buf, "redis");
    json_open(buf, '{');
    json_bool(buf, "connected", connected);
    json_name(buf, "latency_ms");
    add_summary(buf, &latency);
    json_u64(buf, "reconnects", metrics_sum(metrics, COUNTER_REDIS_RECONNECTS));
    json_u64(buf, "pending", pending);
    json_u64(buf, "commands", metrics_sum(metrics, COUNTER_REDIS_COMMANDS));
    json_u64(buf, "timeouts", metrics_sum(metrics, COUNTER_REDIS_TIMEOUTS));
    json_u64(buf, "late_replies", metrics_sum(metrics, COUNTER_REDIS_LATE_REPLIES));
    json_u64(buf, "errors", metrics_sum(metrics, COUNTER_REDIS_ERRORS));
    add_redis_servers(buf, service->redis);
    json_close(buf, '}');
}

static void add_spool(struct strbuf *buf, struct metrics *metrics)
{
    const struct metrics_spool spool = metrics_spool(metrics);
    json_name(buf, "spool");
    json_open(buf, '{');
    json_u64(buf, "waiting", spool.waiting);
    json_u64(buf, "bytes", spool.bytes);
    json_bool(buf, "writable", spool.troubled == 0);
    json_close(buf, '}');
}

static void add_rejections(struct strbuf *buf, const struct catalog_status *status)
{
    json_name(buf, "rejected");
    json_open(buf, '[');
    for (unsigned i = 0; i < status->rejections_listed; i++) {
        json_open(buf, '{');
        json_text(buf, "key", status->rejections[i].key);
        json_text(buf, "field", status->rejections[i].field);
        json_text(buf, "error", status->rejections[i].error);
        json_close(buf, '}');
    }
    json_close(buf, ']');
}

static void add_catalog(struct strbuf *buf, struct service *service)
{
    const struct catalog *catalog = catalog_store_current(service->catalog);
    struct catalog_status status = catalog_store_status(service->catalog);
    int64_t age_us = clock_wall_us(service->clock) - status.confirmed_us;

    json_name(buf, "catalog");
    json_open(buf, '{');
    json_name(buf, "revision");
    if (catalog)
        strbuf_addf(buf, "\"%016llx\"", (unsigned long long)catalog->revision);
    else
        strbuf_add_cstr(buf, "null");
    json_name(buf, "age_seconds");
    if (status.confirmed_us > 0)
        strbuf_add_i64(buf, age_us > 0 ? age_us / US_PER_SECOND : 0);
    else
        strbuf_add_cstr(buf, "null");
    json_text(buf, "source", status.from_disk ? SLICE("disk") : SLICE("redis"));
    json_u64(buf, "slots", catalog ? catalog->slot_count : 0);
    json_u64(buf, "campaigns", catalog ? catalog->campaign_count : 0);
    json_u64(buf, "creatives", catalog ? catalog->creative_count : 0);
    json_u64(buf, "rejected_count", status.rejection_count);
    add_rejections(buf, &status);
    json_close(buf, '}');
}

static uint64_t uptime_seconds(const struct service *service)
{
    int64_t us = clock_wall_us(service->clock) - metrics_started_us(service->metrics);
    return us > 0 ? (uint64_t)(us / US_PER_SECOND) : 0;
}

/* ---- The parts ------------------------------------------------------------------------------- */

static bool begin_part(struct strbuf *buf, struct service *service, unsigned *at)
{
    (void)at;
    json_open(buf, '{');
    json_text(buf, "version", slice_cstr(MASTHEAD_VERSION));
    json_u64(buf, "uptime_seconds", uptime_seconds(service));
    add_workers(buf, service->metrics);
    add_family(buf, service->metrics, "requests");
    add_family(buf, service->metrics, "responses");
    return true;
}

static bool slots_part(struct strbuf *buf, struct service *service, unsigned *at)
{
    return add_rows(buf, "slots", service->metrics, SERIES_SLOT, add_slot, at);
}

static bool campaigns_part(struct strbuf *buf, struct service *service, unsigned *at)
{
    return add_rows(buf, "campaigns", service->metrics, SERIES_CAMPAIGN, add_campaign, at);
}

static bool crawlers_part(struct strbuf *buf, struct service *service, unsigned *at)
{
    return add_rows(buf, "crawlers", service->metrics, SERIES_CRAWLER, add_crawler, at);
}

static bool end_part(struct strbuf *buf, struct service *service, unsigned *at)
{
    (void)at;
    add_family(buf, service->metrics, "events");
    add_latencies(buf, service->metrics);
    add_redis(buf, service);
    add_spool(buf, service->metrics);
    add_catalog(buf, service);
    add_family(buf, service->metrics, "closes");
    json_close(buf, '}');
    strbuf_add_char(buf, '\n');
    return true;
}

void stats_handle(struct http_exchange *exchange, void *context)
{
    static long_answer_part_fn *const parts[] = {begin_part, slots_part, campaigns_part,
                                                 crawlers_part, end_part};
    long_answer_begin(exchange, context, SLICE("application/json"), parts,
                      sizeof parts / sizeof *parts);
}
