#include "unit/store/unit.h"

#include <stdlib.h>

#include "base/check.h"
#include "net/loop.h"
#include "store/request_log.h"
#include "unit/store/redis_fixture.h"

#define server redis_fixture_shared

struct bench {
    struct loop *loop;
    struct metrics *metrics;
    struct redis *redis;
    struct request_log *log;
};

static bool is_up(void *arg)
{
    return redis_is_up(((struct bench *)arg)->redis);
}

static struct bench *bench_new(uint32_t sample_ppm)
{
    struct bench *bench = check_calloc(1, sizeof *bench);
    redis_fixture_say(&server, "FLUSHALL");
    bench->loop = loop_new();
    bench->metrics = metrics_new((struct metrics_layout){.series = 1, .series_counters = 1});
    metrics_attach(bench->metrics, 0);
    struct redis_config redis = {.target = &server.target};
    bench->redis = redis_new(bench->loop, &redis);
    struct request_log_config config = {.loop = bench->loop,
                                        .redis = bench->redis,
                                        .metrics = bench->metrics,
                                        .prefix = SLICE("ad:"),
                                        .sample_ppm = sample_ppm,
                                        .entries_max = 1000};
    bench->log = request_log_new(&config);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    return bench;
}

static void bench_free(struct bench *bench)
{
    redis_free(bench->redis);
    request_log_free(bench->log);
    metrics_free(bench->metrics);
    loop_free(bench->loop);
    free(bench);
}

static void add(struct bench *bench, int64_t at_ms)
{
    struct logged_request request = {
        .at_ms = at_ms, .slots = {{SLICE("header"), 728}}, .slot_count = 1};
    request_log_add(bench->log, &request);
}

static uint64_t written(const struct bench *bench)
{
    return metrics_sum(bench->metrics, COUNTER_REQUEST_LOG_WRITTEN);
}

static uint64_t dropped(const struct bench *bench)
{
    return metrics_sum(bench->metrics, COUNTER_REQUEST_LOG_DROPPED);
}

static bool three_are_written(void *arg)
{
    return written(arg) >= 3;
}

static void records_arrive_in_order(void **state)
{
    struct bench *bench = bench_new(SAMPLE_ALL_PPM);
    (void)state;
    for (int i = 1; i <= 3; i++)
        add(bench, i);
    run_until(bench->loop, three_are_written, bench, PATIENCE_MS);
    assert_int_equal(redis_fixture_number(&server, "XLEN ad:requests"), 3);
    assert_int_equal(dropped(bench), 0);
    bench_free(bench);
}

static bool all_are_told(void *arg)
{
    return written(arg) + dropped(arg) >= REQUEST_LOG_PENDING_MAX + 10;
}

static void too_many_between_two_flushes_are_dropped_and_counted(void **state)
{
    struct bench *bench = bench_new(SAMPLE_ALL_PPM);
    (void)state;
    for (int i = 0; i < REQUEST_LOG_PENDING_MAX + 10; i++)
        add(bench, i);
    run_until(bench->loop, all_are_told, bench, PATIENCE_MS);
    assert_true(dropped(bench) >= 10);
    assert_int_equal(redis_fixture_number(&server, "XLEN ad:requests"), written(bench));
    bench_free(bench);
}

static unsigned wanted_of(struct bench *bench, uint64_t viewers)
{
    unsigned wanted = 0;
    for (uint64_t viewer = 0; viewer < viewers; viewer++)
        wanted += request_log_wants(bench->log, viewer);
    return wanted;
}

static void the_sample_has_its_size_and_is_by_viewer(void **state)
{
    struct bench *none = bench_new(0), *some = bench_new(10000), *all = bench_new(SAMPLE_ALL_PPM);
    (void)state;
    assert_int_equal(wanted_of(none, 100000), 0);
    assert_int_equal(wanted_of(all, 100000), 100000);
    assert_in_range(wanted_of(some, 1000000), 9600, 10400); /* four standard deviations */
    for (uint64_t viewer = 0; viewer < 1000; viewer++)
        assert_true(request_log_wants(some->log, viewer) == request_log_wants(some->log, viewer));
    bench_free(none);
    bench_free(some);
    bench_free(all);
}

static bool kinds_are_counted(void *arg)
{
    (void)arg;
    return redis_fixture_number(&server, "HLEN ad:requests:20260105") == 2 &&
           redis_fixture_number(&server, "HLEN ad:requests:20260106") == 1;
}

static void requests_are_counted_by_kind_and_day_sampled_or_not(void **state)
{
    const int64_t monday_ms = INT64_C(1767571200000), day_ms = INT64_C(86400000);
    const struct page_facts here = {.country = SLICE("DE"), .device = DEVICE_MOBILE}, nowhere = {0};
    struct bench *bench = bench_new(1);
    (void)state;
    for (int i = 0; i < 300; i++)
        request_log_count(bench->log, monday_ms + i, &here, true);
    request_log_count(bench->log, monday_ms, &nowhere, false);
    request_log_count(bench->log, monday_ms + day_ms, &here, true);
    run_until(bench->loop, kinds_are_counted, bench, PATIENCE_MS);
    assert_int_equal(redis_fixture_number(&server, "HGET ad:requests:20260105 DE.2.1"), 300);
    assert_int_equal(redis_fixture_number(&server, "HGET ad:requests:20260105 .0.0"), 1);
    assert_int_equal(redis_fixture_number(&server, "HGET ad:requests:20260106 DE.2.1"), 1);
    assert_true(redis_fixture_number(&server, "TTL ad:requests:20260105") > 62 * 86400);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_arrive_in_order),
        cmocka_unit_test(too_many_between_two_flushes_are_dropped_and_counted),
        cmocka_unit_test(requests_are_counted_by_kind_and_day_sampled_or_not),
        cmocka_unit_test(the_sample_has_its_size_and_is_by_viewer),
    };
    return cmocka_run_group_tests(tests, redis_fixture_group_setup, redis_fixture_group_teardown);
}
