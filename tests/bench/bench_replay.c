/*
 * bench_replay: how many logged requests a second one core replays.
 *
 *     make build/lib/libdecision.a build/lib/libbase.a
 *     gcc -O2 -std=gnu17 -D_GNU_SOURCE -Iadserver tests/bench/bench_replay.c \
 *         build/lib/libdecision.a build/lib/libbase.a -lm -o build/bench_replay &&
 * build/bench_replay
 *
 * A page asks for two slots; of the campaigns, all booked on both, a third has a cap, a third a
 * goal, and half a country. Times are processor time of this process; each figure holds the reading
 * of the records, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "decision/record.h"
#include "decision/replay.h"

#define REQUESTS  300000
#define VIEWERS   50000
#define MONDAY_MS INT64_C(1767571200000)

static double now_s(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct record record_of(enum record_kind kind, const char *id,
                               const struct record_field *fields)
{
    struct record record = {.kind = kind, .id = slice_cstr(id), .fields = fields};
    while (fields[record.count].name.len > 0)
        record.count++;
    return record;
}

#define FIELD(name, value)             \
    {                                  \
        SLICE(name), slice_cstr(value) \
    }

static struct campaign *make_campaign(unsigned i)
{
    char id[16];
    struct err err;
    struct record_field fields[] = {
        FIELD("slots", "*"),
        FIELD("caps", i % 3 == 0 ? "3/1d" : ""),
        FIELD("goal_impressions", i % 3 == 1 ? "20000" : ""),
        FIELD("start", "2026-01-05T00:00:00Z"),
        FIELD("end", "2026-01-12T00:00:00Z"),
        FIELD("countries", i % 2 == 0 ? "" : "DE"),
        {{0}, {0}},
    };
    (void)snprintf(id, sizeof id, "c%u", i);
    struct record record = record_of(RECORD_CAMPAIGN, id, fields);
    struct campaign *campaign = record_compile_campaign(&record, &err);
    CHECK(campaign != NULL);
    replay_number_campaign(campaign, i + 1);
    return campaign;
}

static struct creative *make_creative(unsigned i)
{
    char id[16];
    struct err err;
    (void)snprintf(id, sizeof id, "c%u", i);
    struct record_field fields[] = {
        FIELD("campaign", id),
        FIELD("type", "text"),
        FIELD("title", "t"),
        FIELD("landing", "https://shop.example/"),
        {{0}, {0}},
    };
    struct record record = record_of(RECORD_CREATIVE, id, fields);
    struct creative *creative = record_compile_creative(&record, &err);
    CHECK(creative != NULL);
    return creative;
}

static struct slot *make_slot(const char *id, unsigned number)
{
    struct record_field fields[] = {FIELD("status", "active"), {{0}, {0}}};
    struct record record = record_of(RECORD_SLOT, id, fields);
    struct err err;
    struct slot *slot = record_compile_slot(&record, &err);
    CHECK(slot != NULL);
    replay_number_slot(slot, number);
    return slot;
}

/* The log as it would come from Redis; `ends[i]` is where record i ends. */
static void write_log(struct strbuf *log, size_t *ends)
{
    struct random random;
    random_seed(&random, 1);
    strbuf_init(log, SIZE_MAX / 2);
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct logged_request request = {
            .at_ms = MONDAY_MS + (int64_t)i * 604800000 / REQUESTS,
            .sample_ppm = SAMPLE_ALL_PPM,
            .has_viewer = true,
            .viewer = random_below(&random, VIEWERS),
            .facts = {.country = i % 2 ? SLICE("DE") : SLICE("FR"),
                      .domain = SLICE("blog.example"),
                      .path = SLICE("/posts/an-article")},
            .slots = {{SLICE("header"), 728}, {SLICE("post-top"), 0}},
            .slot_count = 2,
        };
        logged_request_write(&request, log);
        ends[i] = log->len;
    }
}

static double replay_all(const struct replay_config *config, const struct strbuf *log,
                         const size_t *ends)
{
    struct replay *replay = replay_new(config);
    struct logged_request request;
    double begin = now_s();
    for (unsigned i = 0; i < REQUESTS; i++) {
        size_t from = i > 0 ? ends[i - 1] : 0;
        CHECK(logged_request_read(slice_of(log->ptr + from, ends[i] - from), &request));
        replay_request(replay, &request, replay_weight(&request));
    }
    double took = now_s() - begin;
    replay_free(replay);
    return took;
}

static void measure(unsigned count, const struct strbuf *log, const size_t *ends)
{
    struct slot *slots[] = {make_slot("header", 1), make_slot("post-top", 2)};
    struct campaign **campaigns = check_calloc(count, sizeof *campaigns);
    struct creative **creatives = check_calloc(count, sizeof *creatives);
    const struct campaign **numbered = check_calloc(count + 1, sizeof *numbered);
    for (unsigned i = 0; i < count; i++) {
        numbered[i + 1] = campaigns[i] = make_campaign(i);
        creatives[i] = make_creative(i);
    }
    struct catalog *catalog = catalog_build(slots, 2, campaigns, count, creatives, count, 0);
    struct replay_config config = {.catalog = catalog,
                                   .campaigns = numbered,
                                   .campaign_count = count + 1,
                                   .slot_count = 3,
                                   .subject = 1,
                                   .begin_us = MONDAY_MS * 1000,
                                   .impressions_ppm = SAMPLE_ALL_PPM};
    double took = replay_all(&config, log, ends);
    printf("%5u campaigns: %8.0f requests/s, %.2f us each\n", count, REQUESTS / took,
           took / REQUESTS * 1e6);
    catalog_free(catalog);
    free(campaigns);
    free(creatives);
    free(numbered);
}

int main(void)
{
    static size_t ends[REQUESTS];
    struct strbuf log;
    write_log(&log, ends);
    printf("%.0f bytes a record\n", (double)log.len / REQUESTS);
    static const unsigned counts[] = {3, 10, 30, 100, 300};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        measure(counts[i], &log, ends);
    strbuf_release(&log);
    return 0;
}
