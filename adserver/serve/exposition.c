#include "serve/exposition.h"

#include <stdio.h>
#include <string.h>

#include "serve/long_answer.h"
#include "serve/series.h"

#define PREFIX "masthead_"

/* What the label of a family is called; a family without a row here has no label. */
static const struct {
    const char *family, *label;
} family_labels[] = {
    {"requests", "kind"},   {"responses", "status"},      {"events", "result"},
    {"closes", "reason"},   {"request_log", "outcome"},   {"goal_leases", "result"},
    {"goal_units", "what"}, {"spool_records", "outcome"}, {"spool_damages", "kind"},
};

static const char *label_of(const char *family)
{
    for (size_t i = 0; i < sizeof(family_labels) / sizeof(*family_labels); i++)
        if (strcmp(family_labels[i].family, family) == 0)
            return family_labels[i].label;
    return NULL;
}

static void add_head(struct strbuf *buf, const char *name, const char *type, const char *help)
{
    strbuf_addf(buf, "# HELP " PREFIX "%s %s.\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static void add_gauge(struct strbuf *buf, const char *name, const char *help, uint64_t value)
{
    add_head(buf, name, "gauge", help);
    strbuf_addf(buf, PREFIX "%s %llu\n", name, (unsigned long long)value);
}

static void add_counters(struct strbuf *buf, const struct metrics *metrics)
{
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        const struct metrics_counter_row *row = &metrics_counter_rows[i];
        const char *label = label_of(row->family);
        char name[64];

        (void)snprintf(name, sizeof(name), "%s_total", row->family);
        if (row->help[0])
            add_head(buf, name, "counter", row->help);
        if (label)
            strbuf_addf(buf, PREFIX "%s{%s=\"%s\"} ", name, label, row->label);
        else
            strbuf_addf(buf, PREFIX "%s ", name);
        strbuf_add_u64(buf, metrics_sum(metrics, (enum metrics_counter)i));
        strbuf_add_char(buf, '\n');
    }
}

/* Bucket bounds in microseconds: fine below 50 ms, where answers are. */
static const int64_t bounds_us[] = {100,   250,   500,    1000,   2500,   5000,   10000,
                                    25000, 50000, 100000, 250000, 500000, 1000000};

static void add_seconds(struct strbuf *buf, uint64_t us)
{
    strbuf_addf(buf, "%llu.%06llu", (unsigned long long)(us / 1000000),
                (unsigned long long)(us % 1000000));
}

static void add_latency(struct strbuf *buf, const struct metrics *metrics, unsigned i)
{
    const char *kind = metrics_latency_names[i];
    struct metrics_summary summary = metrics_summary(metrics, (enum metrics_latency)i);

    for (size_t b = 0; b < sizeof(bounds_us) / sizeof(*bounds_us); b++) {
        strbuf_addf(buf, PREFIX "latency_seconds_bucket{kind=\"%s\",le=\"", kind);
        add_seconds(buf, (uint64_t)bounds_us[b]);
        strbuf_addf(
            buf, "\"} %llu\n",
            (unsigned long long)metrics_at_most(metrics, (enum metrics_latency)i, bounds_us[b]));
    }
    strbuf_addf(buf, PREFIX "latency_seconds_bucket{kind=\"%s\",le=\"+Inf\"} %llu\n", kind,
                (unsigned long long)summary.count);
    strbuf_addf(buf, PREFIX "latency_seconds_sum{kind=\"%s\"} ", kind);
    add_seconds(buf, summary.sum_us);
    strbuf_addf(buf, "\n" PREFIX "latency_seconds_count{kind=\"%s\"} %llu\n", kind,
                (unsigned long long)summary.count);
}

static void add_latencies(struct strbuf *buf, const struct metrics *metrics)
{
    add_head(buf, "latency_seconds", "histogram",
             "Time from a whole request to its answer; redis: from a command to its reply; "
             "loop_turn: one turn of a worker's loop");
    for (unsigned i = 0; i < LATENCY_COUNT; i++)
        add_latency(buf, metrics, i);
}

/* One counter of every row of a kind: a family with the row's name as its label. */
struct series_family {
    char kind;
    const char *label;
    unsigned counter;
    const char *name, *help;
};

/* The rows of a step: from `at` on, which is moved; false where there are none after them. */
static bool next_rows(const struct metrics *metrics, unsigned *at, unsigned *ret_from,
                      unsigned *ret_end)
{
    unsigned count = metrics_series_count(metrics);
    *ret_from = *at;
    *ret_end = count - *at > LONG_ANSWER_ROWS ? *at + LONG_ANSWER_ROWS : count;
    *at = *ret_end;
    return *ret_end < count;
}

static bool add_series_family(struct strbuf *buf, const struct metrics *metrics,
                              const struct series_family *family, unsigned *at)
{
    unsigned from, end;
    if (*at == 0)
        add_head(buf, family->name, "counter", family->help);
    bool more = next_rows(metrics, at, &from, &end);
    for (unsigned i = from; i < end; i++) {
        if (metrics_series_kind(metrics, i) != family->kind)
            continue;
        /* No name needs escaping: [a-z0-9._-], a crawler's see decision/crawler_data.h. */
        strbuf_addf(buf, PREFIX "%s{%s=\"%.*s\"} ", family->name, family->label,
                    SLICE_ARGS(metrics_series_id(metrics, i)));
        strbuf_add_u64(buf, metrics_series_get(metrics, i, family->counter));
        strbuf_add_char(buf, '\n');
    }
    return !more;
}

/* Counters of every row of a kind that stand one behind the other, each with a word of its own. */
struct worded_family {
    char kind;
    const char *label;
    unsigned first, count;
    const char *(*word)(unsigned at);
    const char *name, *help;
};

static const char *reason_word(unsigned at)
{
    return reason_rows[at].word;
}

static const char *filter_word(unsigned at)
{
    return event_filter_rows[at].word;
}

static void add_words(struct strbuf *buf, const struct metrics *metrics,
                      const struct worded_family *family, unsigned series)
{
    for (unsigned at = 0; at < family->count; at++) {
        uint64_t n = metrics_series_get(metrics, series, family->first + at);
        if (n)
            strbuf_addf(buf, PREFIX "%s{%s=\"%.*s\",reason=\"%s\"} %llu\n", family->name,
                        family->label, SLICE_ARGS(metrics_series_id(metrics, series)),
                        family->word(at), (unsigned long long)n);
    }
}

static bool add_worded_family(struct strbuf *buf, const struct metrics *metrics,
                              const struct worded_family *family, unsigned *at)
{
    unsigned from, end;
    if (*at == 0)
        add_head(buf, family->name, "counter", family->help);
    bool more = next_rows(metrics, at, &from, &end);
    for (unsigned i = from; i < end; i++) {
        if (metrics_series_kind(metrics, i) == family->kind)
            add_words(buf, metrics, family, i);
    }
    return !more;
}

static void add_state(struct strbuf *buf, struct service *service)
{
    const struct catalog *catalog = catalog_store_current(service->catalog);
    struct catalog_status status = catalog_store_status(service->catalog);
    uint64_t connections = 0, pending = 0, workers = 0, restarts = 0, connected = 1;
    struct metrics_spool spool = metrics_spool(service->metrics);

    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++) {
        const struct metrics_worker *worker = metrics_worker(service->metrics, i);
        if (worker->pid <= 0)
            continue;
        workers++;
        connections += worker->connections;
        pending += worker->redis_pending;
        restarts += worker->restarts;
        if (!worker->redis_connected && !worker->draining)
            connected = 0;
    }
    add_gauge(buf, "workers", "Worker processes", workers);
    add_gauge(buf, "worker_restarts", "Workers restarted after a crash, of the present generation",
              restarts);
    add_gauge(buf, "connections", "Client connections open", connections);
    add_gauge(buf, "redis_up", "1 when every worker has Redis", connected);
    add_gauge(buf, "redis_pending", "Commands without a reply", pending);
    add_gauge(buf, "spool_waiting", "Records of the spool that wait for Redis", spool.waiting);
    add_gauge(buf, "spool_bytes", "Bytes of the spool's files", spool.bytes);
    add_gauge(buf, "spool_writable", "1 when every worker can write to its spool",
              spool.troubled == 0);
    add_gauge(buf, "catalog_slots", "Slots served", catalog ? catalog->slot_count : 0);
    add_gauge(buf, "catalog_campaigns", "Campaigns known", catalog ? catalog->campaign_count : 0);
    add_gauge(buf, "catalog_creatives", "Creatives known", catalog ? catalog->creative_count : 0);
    add_gauge(buf, "catalog_rejected", "Entries refused", status.rejection_count);
    add_gauge(buf, "catalog_confirmed_timestamp_seconds", "When Redis last confirmed the catalog",
              (uint64_t)(status.confirmed_us / US_PER_SECOND));
    add_gauge(buf, "start_timestamp_seconds", "When the server started",
              (uint64_t)(metrics_started_us(service->metrics) / US_PER_SECOND));
}

/* ---- The parts ------------------------------------------------------------------------------- */

static bool begin_part(struct strbuf *buf, struct service *service, unsigned *at)
{
    (void)at;
    add_state(buf, service);
    add_counters(buf, service->metrics);
    add_latencies(buf, service->metrics);
    return true;
}

/* One counter of every row of a kind is a part. */
#define SERIES_PART(part, kind, label, counter, name, help)                            \
    static bool part(struct strbuf *buf, struct service *service, unsigned *at)        \
    {                                                                                  \
        static const struct series_family family = {kind, label, counter, name, help}; \
        return add_series_family(buf, service->metrics, &family, at);                  \
    }
SERIES_PART(slot_requests_part, SERIES_SLOT, "slot", SERIES_SLOT_REQUESTS, "slot_requests_total",
            "Requests for a slot")
SERIES_PART(slot_filled_part, SERIES_SLOT, "slot", SERIES_SLOT_FILLED, "slot_filled_total",
            "Requests that got a creative")
SERIES_PART(serves_part, SERIES_CAMPAIGN, "campaign", SERIES_CAMPAIGN_SERVES,
            "campaign_serves_total", "Creatives chosen")
SERIES_PART(impressions_part, SERIES_CAMPAIGN, "campaign", SERIES_CAMPAIGN_IMPRESSIONS,
            "campaign_impressions_total", "Impressions counted")
SERIES_PART(viewables_part, SERIES_CAMPAIGN, "campaign", SERIES_CAMPAIGN_VIEWABLES,
            "campaign_viewables_total", "Viewable impressions counted")
SERIES_PART(clicks_part, SERIES_CAMPAIGN, "campaign", SERIES_CAMPAIGN_CLICKS,
            "campaign_clicks_total", "Clicks counted")
SERIES_PART(conversions_part, SERIES_CAMPAIGN, "campaign", SERIES_CAMPAIGN_CONVERSIONS,
            "campaign_conversions_total", "Conversions counted")

SERIES_PART(crawlers_part, SERIES_CRAWLER, "crawler", SERIES_CRAWLER_REQUESTS,
            "crawler_requests_total", "Requests of crawlers and libraries that are known by name")

#define WORDED_PART(part, kind, label, first, count, word, name, help)                            \
    static bool part(struct strbuf *buf, struct service *service, unsigned *at)                   \
    {                                                                                             \
        static const struct worded_family family = {kind, label, first, count, word, name, help}; \
        return add_worded_family(buf, service->metrics, &family, at);                             \
    }
WORDED_PART(unfilled_part, SERIES_SLOT, "slot", SERIES_REASONS, REASON_COUNT, reason_word,
            "slot_unfilled_total", "Requests for a slot that got no creative, by reason")
WORDED_PART(filtered_part, SERIES_SLOT, "slot", SERIES_FILTERED, EVENT_FILTER_COUNT, filter_word,
            "slot_filtered_total",
            "Of the requests that got a creative those that do not count, by reason")
WORDED_PART(rejected_part, SERIES_CAMPAIGN, "campaign", SERIES_REASONS, REASON_COUNT, reason_word,
            "campaign_rejected_total", "Times a campaign was not served, by reason")
WORDED_PART(serves_filtered_part, SERIES_CAMPAIGN, "campaign", SERIES_FILTERED, EVENT_FILTER_COUNT,
            filter_word, "campaign_serves_filtered_total",
            "Creatives chosen for what does not count, by reason")

void exposition_handle(struct http_exchange *exchange, void *context)
{
    static long_answer_part_fn *const parts[] = {
        begin_part,     slot_requests_part, slot_filled_part,     serves_part,   impressions_part,
        viewables_part, clicks_part,        conversions_part,     crawlers_part, unfilled_part,
        filtered_part,  rejected_part,      serves_filtered_part,
    };
    long_answer_begin(exchange, context, SLICE("text/plain; version=0.0.4; charset=utf-8"), parts,
                      sizeof parts / sizeof *parts);
}
