/*
 * metrics: the numbers of all workers on one page of shared memory.
 *
 * The supervisor makes the page before it forks; a worker attaches to its own row and adds to it
 * without locks. Sums are over all rows, also of workers that have died, so a counter never goes
 * back. Nothing on the page is a promise (caps, events): those live in Redis.
 *
 * Three shapes:
 *   counters    fixed, one row each in metrics.def
 *   latencies   one histogram a kind: log-linear, 1 us to 64 s, at most 3.2 % wide
 *   series      named rows (a slot, a campaign) of counters, found by kind and id; at most
 *               `series` of them: what comes later shares row 0, so that names can't fill memory
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum metrics_counter {
#define COUNTER(name, family, label, help) COUNTER_##name,
#include "base/metrics.def"
#undef COUNTER
    COUNTER_COUNT
};

struct metrics_counter_row {
    const char *family; /* "requests" */
    const char *label;  /* "ads"; empty where the family is one number */
    const char *help;   /* on the first row of a family */
};
extern const struct metrics_counter_row metrics_counter_rows[COUNTER_COUNT];

enum metrics_latency {
    LATENCY_ADS,
    LATENCY_IMPRESSION,
    LATENCY_VIEWABLE,
    LATENCY_CLICK,
    LATENCY_CONVERSION,
    LATENCY_REDIS,
    LATENCY_LOOP_TURN, /* how long one turn of a worker's event loop kept all else waiting */
    LATENCY_COUNT
};
extern const char *const metrics_latency_names[LATENCY_COUNT];

#define METRICS_WORKERS_MAX   64 /* rows on the page: workers, old generations included */
#define METRICS_SERIES_ID_MAX 64 /* bytes of a name */
#define METRICS_SERIES_OTHER  0u /* the row of all names that found no place */

struct metrics;

struct metrics_layout {
    unsigned series;          /* rows, row 0 included */
    unsigned series_counters; /* counters in a row */
};

/* A worker's own facts, written by itself and by the supervisor, read by anyone. */
struct metrics_worker {
    int32_t pid;               /* 0: the row is free */
    uint32_t restarts;         /* times this place was filled again after a crash */
    uint64_t connections;      /* open now */
    uint64_t requests;         /* answered, by this process */
    uint64_t catalog_revision; /* content hash of the catalog it serves; 0 before the first */
    int64_t catalog_loaded_us; /* wall time the served catalog was last confirmed; 0 before */
    uint32_t redis_connected;  /* 0 or 1 */
    uint32_t redis_pending;    /* commands without a reply */
    uint32_t draining;         /* 0 or 1 */
    uint64_t spool_waiting;    /* records that wait for Redis */
    uint64_t spool_bytes;      /* of the files they are in */
    uint32_t spool_trouble;    /* 0 or 1: it can't be written to */
};

/* Maps the page (shared with children). Aborts when the kernel refuses. */
struct metrics *metrics_new(struct metrics_layout layout);
void metrics_free(struct metrics *metrics);

/* From now on this process adds to row `worker` (below METRICS_WORKERS_MAX). */
void metrics_attach(struct metrics *metrics, unsigned worker);

/* Row `worker`; fields may be stored with plain assignments by its owner. */
struct metrics_worker *metrics_worker(struct metrics *metrics, unsigned worker);
/* The row this process is attached to. */
struct metrics_worker *metrics_self(struct metrics *metrics);

/* What waits in the spools of all workers, and how many of them can't be written to. */
struct metrics_spool {
    uint64_t waiting, bytes;
    unsigned troubled;
};
struct metrics_spool metrics_spool(struct metrics *metrics);

/* A process has ended: until then (monotonic) nobody may know of what it has left in its spool. */
void metrics_leave_spool(struct metrics *metrics, int64_t until_us);
int64_t metrics_spool_left_until(const struct metrics *metrics);

void metrics_add(struct metrics *metrics, enum metrics_counter counter, uint64_t n);
uint64_t metrics_sum(const struct metrics *metrics, enum metrics_counter counter);

/* The counter of an answer's status. */
enum metrics_counter metrics_response_counter(int status);

/* One duration; negative counts as 0, over 64 s as 64 s. */
void metrics_observe(struct metrics *metrics, enum metrics_latency latency, int64_t us);

struct metrics_summary {
    uint64_t count;
    uint64_t sum_us;
    int64_t p50_us, p90_us, p99_us, p999_us, max_us;
};
struct metrics_summary metrics_summary(const struct metrics *metrics, enum metrics_latency latency);

/* Observations of at most `us`, exact to the width of a histogram's bucket; for Prometheus. */
uint64_t metrics_at_most(const struct metrics *metrics, enum metrics_latency latency, int64_t us);

/*
 * The row of `id` among those of `kind`, made when it is new. The same for every process and for
 * the life of the page. METRICS_SERIES_OTHER when the page is full or the name empty or too long.
 * Safe against other processes doing the same and against being killed half way.
 */
unsigned metrics_series(struct metrics *metrics, char kind, struct slice id);
void metrics_series_add(struct metrics *metrics, unsigned series, unsigned counter, uint64_t n);
uint64_t metrics_series_get(const struct metrics *metrics, unsigned series, unsigned counter);

/* Rows in use, row 0 included; kind and id of a row: 0 and empty for row 0 and an unready one. */
unsigned metrics_series_count(const struct metrics *metrics);
char metrics_series_kind(const struct metrics *metrics, unsigned series);
struct slice metrics_series_id(const struct metrics *metrics, unsigned series);

/* When the page was made, wall time. */
int64_t metrics_started_us(const struct metrics *metrics);

#endif
