#include "base/metrics.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "base/shared.h"

/*
 * The page, every part on its own cache lines:
 *
 *   head | rows of workers | table | series | counters of series
 *
 * A row is written by the one process attached to it, so adding is a load and a store. Reading
 * takes them without locks: each number is whole, a sum may be a moment old.
 *
 * Series are found by open addressing. A name is new where the walk from its hash meets an empty
 * place of `table`. Then:
 *
 *   1. take the next row that nobody has and write the name into it;
 *   2. put the row's number into the empty place by compare-and-swap, which publishes it;
 *   3. where another process was faster look at what it put there: if it is the same name use that
 *      row and keep ours for the next new name, else walk on;
 *   4. mark the row `ready`, which makes it visible to those who list rows.
 *
 * Nobody ever waits for anybody: a published row is complete. Whoever finds a name marks its row
 * `ready` too, so a process killed before step 4 hides nothing; one killed before step 2 costs one
 * row at most. The row kept in step 3 stands in the worker's row, where its successor finds it.
 */

#define CACHE_LINE 64

struct row {
    _Alignas(CACHE_LINE) struct metrics_worker worker;
    uint32_t spare_series; /* a row taken and not used; 0: none */
    _Alignas(CACHE_LINE) uint64_t counters[COUNTER_COUNT];
    _Alignas(CACHE_LINE) struct histogram latencies[LATENCY_COUNT];
};

struct series {
    uint64_t hash;
    uint32_t ready;
    char kind;
    uint8_t len;
    char id[METRICS_SERIES_ID_MAX];
};

struct head {
    int64_t started_us;
    int64_t spool_left_until_us;
    uint32_t next_series; /* rows taken so far; may pass the number there are by a few */
};

struct metrics {
    struct metrics_layout layout;
    void *page;
    size_t page_size;
    size_t table_size; /* a power of two, at most half full */
    struct head *head;
    struct row *rows;
    uint32_t *table;
    struct series *series;
    uint64_t *series_counters;
    struct row *self;      /* NULL before metrics_attach() */
    uint32_t spare_series; /* as in struct row, for a process without one */
};

const struct metrics_counter_row metrics_counter_rows[COUNTER_COUNT] = {
#define COUNTER(name, family, label, help) [COUNTER_##name] = {family, label, help},
#include "base/metrics.def"
#undef COUNTER
};

const char *const metrics_latency_names[LATENCY_COUNT] = {
    [LATENCY_ADS] = "ads",
    [LATENCY_IMPRESSION] = "impression",
    [LATENCY_VIEWABLE] = "viewable",
    [LATENCY_CLICK] = "click",
    [LATENCY_CONVERSION] = "conversion",
    [LATENCY_REDIS] = "redis",
    [LATENCY_LOOP_TURN] = "loop_turn",
};

static uint64_t read_number(const uint64_t *number)
{
    return __atomic_load_n(number, __ATOMIC_RELAXED);
}

/* Makes room for a part of the page; returns where it begins. */
static size_t lay(size_t *size, size_t count, size_t each)
{
    size_t at = (*size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    *size = at + count * each;
    return at;
}

static size_t table_size_for(unsigned series)
{
    size_t size = 2;
    while (size < 2 * (size_t)series)
        size *= 2;
    return size;
}

static void map_page(struct metrics *metrics)
{
    const struct metrics_layout *layout = &metrics->layout;
    size_t size = 0;
    size_t head = lay(&size, 1, sizeof *metrics->head);
    size_t rows = lay(&size, METRICS_WORKERS_MAX, sizeof *metrics->rows);
    size_t table = lay(&size, metrics->table_size, sizeof *metrics->table);
    size_t series = lay(&size, layout->series, sizeof *metrics->series);
    size_t counters = lay(&size, (size_t)layout->series * layout->series_counters,
                          sizeof *metrics->series_counters);

    char *page = shared_new(size);
    metrics->page = page;
    metrics->page_size = size;
    metrics->head = (void *)(page + head);
    metrics->rows = (void *)(page + rows);
    metrics->table = (void *)(page + table);
    metrics->series = (void *)(page + series);
    metrics->series_counters = (void *)(page + counters);
}

struct metrics *metrics_new(struct metrics_layout layout)
{
    CHECK(layout.series > 0);
    struct metrics *metrics = check_calloc(1, sizeof *metrics);
    metrics->layout = layout;
    metrics->table_size = table_size_for(layout.series);
    map_page(metrics);
    metrics->head->started_us = clock_wall_us(&clock_system);
    metrics->head->next_series = METRICS_SERIES_OTHER + 1;
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    shared_free(metrics->page, metrics->page_size);
    free(metrics);
}

void metrics_attach(struct metrics *metrics, unsigned worker)
{
    CHECK(worker < METRICS_WORKERS_MAX);
    metrics->self = &metrics->rows[worker];
}

struct metrics_worker *metrics_worker(struct metrics *metrics, unsigned worker)
{
    CHECK(worker < METRICS_WORKERS_MAX);
    return &metrics->rows[worker].worker;
}

struct metrics_worker *metrics_self(struct metrics *metrics)
{
    CHECK(metrics->self != NULL);
    return &metrics->self->worker;
}

struct metrics_spool metrics_spool(struct metrics *metrics)
{
    struct metrics_spool spool = {0};
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++) {
        const struct metrics_worker *worker = metrics_worker(metrics, i);
        if (worker->pid <= 0)
            continue;
        spool.waiting += worker->spool_waiting;
        spool.bytes += worker->spool_bytes;
        spool.troubled += worker->spool_trouble;
    }
    return spool;
}

void metrics_leave_spool(struct metrics *metrics, int64_t until_us)
{
    __atomic_store_n(&metrics->head->spool_left_until_us, until_us, __ATOMIC_RELAXED);
}

int64_t metrics_spool_left_until(const struct metrics *metrics)
{
    return __atomic_load_n(&metrics->head->spool_left_until_us, __ATOMIC_RELAXED);
}

void metrics_add(struct metrics *metrics, enum metrics_counter counter, uint64_t n)
{
    CHECK(metrics->self != NULL);
    CHECK(counter < COUNTER_COUNT);
    uint64_t *own = &metrics->self->counters[counter];
    __atomic_store_n(own, read_number(own) + n, __ATOMIC_RELAXED);
}

uint64_t metrics_sum(const struct metrics *metrics, enum metrics_counter counter)
{
    CHECK(counter < COUNTER_COUNT);
    uint64_t sum = 0;
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++)
        sum += read_number(&metrics->rows[i].counters[counter]);
    return sum;
}

enum metrics_counter metrics_response_counter(int status)
{
    if (status < 100 || status > 999)
        return COUNTER_RESPONSE_OTHER;
    const char text[] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
                         (char)('0' + status % 10), '\0'};
    for (unsigned i = COUNTER_RESPONSE_200; i < COUNTER_RESPONSE_OTHER; i++) {
        if (memcmp(metrics_counter_rows[i].label, text, sizeof text) == 0)
            return (enum metrics_counter)i;
    }
    return COUNTER_RESPONSE_OTHER;
}

void metrics_observe(struct metrics *metrics, enum metrics_latency latency, int64_t us)
{
    CHECK(metrics->self != NULL);
    CHECK(latency < LATENCY_COUNT);
    histogram_add(&metrics->self->latencies[latency], us);
}

static struct histogram merged(const struct metrics *metrics, enum metrics_latency latency)
{
    CHECK(latency < LATENCY_COUNT);
    struct histogram all = {0};
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++)
        histogram_merge(&all, &metrics->rows[i].latencies[latency]);
    return all;
}

struct metrics_summary metrics_summary(const struct metrics *metrics, enum metrics_latency latency)
{
    struct histogram all = merged(metrics, latency);
    return (struct metrics_summary){
        .count = histogram_count(&all),
        .sum_us = all.sum_us,
        .p50_us = histogram_quantile_us(&all, 500),
        .p90_us = histogram_quantile_us(&all, 900),
        .p99_us = histogram_quantile_us(&all, 990),
        .p999_us = histogram_quantile_us(&all, 999),
        .max_us = (int64_t)all.max_us,
    };
}

uint64_t metrics_at_most(const struct metrics *metrics, enum metrics_latency latency, int64_t us)
{
    struct histogram all = merged(metrics, latency);
    return histogram_at_most(&all, us);
}

/* FNV-1a over kind and id. */
static uint64_t hash_of(char kind, struct slice id)
{
    const uint64_t prime = UINT64_C(0x100000001b3);
    uint64_t hash = (UINT64_C(0xcbf29ce484222325) ^ (uint8_t)kind) * prime;
    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ (uint8_t)id.ptr[i]) * prime;
    return hash ^ hash >> 32;
}

static bool series_is(const struct series *series, uint64_t hash, char kind, struct slice id)
{
    return series->hash == hash && series->kind == kind &&
           slice_eq(slice_of(series->id, series->len), id);
}

static uint32_t *spare_of(struct metrics *metrics)
{
    return metrics->self ? &metrics->self->spare_series : &metrics->spare_series;
}

/* A row that nobody else has; METRICS_SERIES_OTHER when there is none left. */
static uint32_t take_series(struct metrics *metrics)
{
    uint32_t *spare = spare_of(metrics);
    uint32_t *next = &metrics->head->next_series;
    uint32_t taken = *spare;

    if (taken != METRICS_SERIES_OTHER) {
        *spare = METRICS_SERIES_OTHER;
        return taken;
    }
    if (__atomic_load_n(next, __ATOMIC_RELAXED) >= metrics->layout.series)
        return METRICS_SERIES_OTHER;
    taken = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
    return taken < metrics->layout.series ? taken : METRICS_SERIES_OTHER;
}

static void name_series(struct series *series, uint64_t hash, char kind, struct slice id)
{
    series->hash = hash;
    series->kind = kind;
    series->len = (uint8_t)id.len;
    memcpy(series->id, id.ptr, id.len);
}

/*
 * Puts a new row for the name into an empty place of the table. Returns what stands there
 * afterwards: the new row, one that another process was faster with, or METRICS_SERIES_OTHER.
 */
static uint32_t publish_series(struct metrics *metrics, size_t place, uint64_t hash, char kind,
                               struct slice id)
{
    uint32_t *at = &metrics->table[place];
    uint32_t taken = take_series(metrics);
    uint32_t there = 0;
    if (taken == METRICS_SERIES_OTHER)
        return __atomic_load_n(at, __ATOMIC_ACQUIRE);
    name_series(&metrics->series[taken], hash, kind, id);
    if (__atomic_compare_exchange_n(at, &there, taken, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return taken;
    *spare_of(metrics) = taken;
    return there;
}

unsigned metrics_series(struct metrics *metrics, char kind, struct slice id)
{
    if (id.len == 0 || id.len > METRICS_SERIES_ID_MAX)
        return METRICS_SERIES_OTHER;
    uint64_t hash = hash_of(kind, id);
    for (size_t step = 0;; step++) {
        size_t place = (hash + step) & (metrics->table_size - 1);
        uint32_t there = __atomic_load_n(&metrics->table[place], __ATOMIC_ACQUIRE);
        if (there == METRICS_SERIES_OTHER)
            there = publish_series(metrics, place, hash, kind, id);
        if (there == METRICS_SERIES_OTHER)
            return there;
        if (!series_is(&metrics->series[there], hash, kind, id))
            continue;
        __atomic_store_n(&metrics->series[there].ready, 1, __ATOMIC_RELEASE);
        return there;
    }
}

static uint64_t *series_counter(const struct metrics *metrics, unsigned series, unsigned counter)
{
    CHECK(series < metrics->layout.series);
    CHECK(counter < metrics->layout.series_counters);
    return &metrics->series_counters[(size_t)series * metrics->layout.series_counters + counter];
}

void metrics_series_add(struct metrics *metrics, unsigned series, unsigned counter, uint64_t n)
{
    (void)__atomic_fetch_add(series_counter(metrics, series, counter), n, __ATOMIC_RELAXED);
}

uint64_t metrics_series_get(const struct metrics *metrics, unsigned series, unsigned counter)
{
    return read_number(series_counter(metrics, series, counter));
}

unsigned metrics_series_count(const struct metrics *metrics)
{
    uint32_t taken = __atomic_load_n(&metrics->head->next_series, __ATOMIC_RELAXED);
    return taken < metrics->layout.series ? taken : metrics->layout.series;
}

static bool is_ready(const struct metrics *metrics, unsigned series)
{
    CHECK(series < metrics->layout.series);
    return __atomic_load_n(&metrics->series[series].ready, __ATOMIC_ACQUIRE) != 0;
}

char metrics_series_kind(const struct metrics *metrics, unsigned series)
{
    return (char)(is_ready(metrics, series) ? metrics->series[series].kind : 0);
}

struct slice metrics_series_id(const struct metrics *metrics, unsigned series)
{
    const struct series *row = &metrics->series[series];
    return is_ready(metrics, series) ? slice_of(row->id, row->len) : slice_of(NULL, 0);
}

int64_t metrics_started_us(const struct metrics *metrics)
{
    return metrics->head->started_us;
}
