#include "store/request_log.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "decision/request_kind.h"
#include "net/loop.h"
#include "store/request_kinds.h"

#define KEY_MAX     64
#define BYTES_MAX   (256 * 1024) /* of all records that wait */
#define NUMBER_TEXT 24

struct request_log {
    struct request_log_config config;
    struct request_kinds *kinds;
    struct loop_timer *timer;
    bool timer_set;
    char key[KEY_MAX];
    char entries[NUMBER_TEXT];
    struct strbuf bytes; /* the records that wait, one behind the other */
    size_t ends[REQUEST_LOG_PENDING_MAX];
    unsigned count;
};

static void count_dropped(const struct request_log *log, unsigned records)
{
    if (log->config.metrics && records > 0)
        metrics_add(log->config.metrics, COUNTER_REQUEST_LOG_DROPPED, records);
}

/* The log may have gone meanwhile; the page of counters has not. */
static void on_written(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct metrics *metrics = arg;
    (void)reply;
    if (metrics)
        metrics_add(metrics,
                    failure == REDIS_OK ? COUNTER_REQUEST_LOG_WRITTEN : COUNTER_REQUEST_LOG_DROPPED,
                    1);
}

static void write_record(struct request_log *log, struct slice record)
{
    struct slice args[] = {
        SLICE("XADD"), slice_cstr(log->key), SLICE("MAXLEN"), SLICE("~"), slice_cstr(log->entries),
        SLICE("*"),    SLICE("r"),           record};
    redis_command(log->config.redis, args, sizeof args / sizeof *args, 0, on_written,
                  log->config.metrics);
}

static void flush(void *arg)
{
    struct request_log *log = arg;
    bool up = redis_is_up(log->config.redis);
    size_t from = 0;
    log->timer_set = false;
    for (unsigned i = 0; up && i < log->count; i++) {
        write_record(log, slice_of(log->bytes.ptr + from, log->ends[i] - from));
        from = log->ends[i];
    }
    if (!up)
        count_dropped(log, log->count);
    log->count = 0;
    strbuf_clear(&log->bytes);
}

struct request_log *request_log_new(const struct request_log_config *config)
{
    struct request_log *log = check_calloc(1, sizeof *log);
    log->config = *config;
    log->timer = loop_timer_new(config->loop, flush, log);
    CHECK(snprintf(log->key, sizeof log->key, "%.*srequests", SLICE_ARGS(config->prefix)) <
          (int)sizeof log->key);
    (void)snprintf(log->entries, sizeof log->entries, "%llu",
                   (unsigned long long)config->entries_max);
    strbuf_init(&log->bytes, BYTES_MAX);
    log->kinds = request_kinds_new(config->loop, config->redis, config->prefix);
    return log;
}

void request_log_free(struct request_log *log)
{
    if (!log)
        return;
    request_kinds_free(log->kinds);
    loop_timer_free(log->timer);
    strbuf_release(&log->bytes);
    free(log);
}

/* Pseudonyms may be handed out in order: all bits are mixed before they are compared (splitmix64).
 */
static uint64_t mix(uint64_t lot)
{
    lot = (lot ^ lot >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    lot = (lot ^ lot >> 27) * UINT64_C(0x94d049bb133111eb);
    return lot ^ lot >> 31;
}

bool request_log_is_on(const struct request_log *log)
{
    return log->config.sample_ppm > 0;
}

void request_log_count(struct request_log *log, int64_t at_ms, const struct page_facts *facts,
                       bool has_viewer)
{
    request_kinds_add(log->kinds, at_ms, request_kind(facts, has_viewer));
}

bool request_log_wants(const struct request_log *log, uint64_t lot)
{
    return (mix(lot) >> 32) * SAMPLE_ALL_PPM >> 32 < log->config.sample_ppm;
}

void request_log_add(struct request_log *log, struct logged_request *request)
{
    size_t before = log->bytes.len;
    request->sample_ppm = log->config.sample_ppm;
    if (log->count < REQUEST_LOG_PENDING_MAX && before + LOGGED_REQUEST_MAX <= BYTES_MAX) {
        logged_request_write(request, &log->bytes);
        log->ends[log->count++] = log->bytes.len;
    } else {
        count_dropped(log, 1);
    }
    if (!log->timer_set)
        loop_timer_set(log->timer, REQUEST_LOG_FLUSH_MS * US_PER_MS);
    log->timer_set = true;
}
