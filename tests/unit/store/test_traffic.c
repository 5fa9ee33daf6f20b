#include "unit/store/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "store/traffic.h"
#include "unit/store/redis_fixture.h"

#define HOUR_US (INT64_C(3600) * US_PER_SECOND)
#define NOON_US (INT64_C(1795435200) * US_PER_SECOND) /* Monday 2026-11-23 12:00 UTC */

#define server redis_fixture_shared

struct bench {
    struct loop *loop;
    struct redis *redis;
    struct traffic *traffic;
    struct clock clock;
    int64_t wall_us;
    unsigned learnt;
    struct traffic_shape shape;
};

static int64_t wall(void *context)
{
    return ((struct bench *)context)->wall_us;
}

static bool is_up(void *arg)
{
    return redis_is_up(((struct bench *)arg)->redis);
}

static void on_learnt(const struct traffic_shape *shape, void *arg)
{
    struct bench *bench = arg;
    bench->shape = *shape;
    bench->learnt++;
}

static void begin(struct bench *bench)
{
    struct traffic_config config = {.loop = bench->loop,
                                    .redis = bench->redis,
                                    .clock = &bench->clock,
                                    .prefix = SLICE("ad:"),
                                    .on_learnt = on_learnt,
                                    .arg = bench};
    bench->traffic = traffic_new(&config);
}

static int setup(void **state)
{
    struct bench *bench = check_calloc(1, sizeof *bench);
    struct redis_config config = {.target = &server.target};
    redis_fixture_say(&server, "FLUSHALL");
    bench->loop = loop_new();
    bench->wall_us = NOON_US;
    bench->clock = (struct clock){wall, clock_system.mono_us, bench};
    bench->redis = redis_new(bench->loop, &config);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    redis_free(bench->redis);
    traffic_free(bench->traffic);
    loop_free(bench->loop);
    free(bench);
    return 0;
}

static bool has_learnt(void *arg)
{
    return ((struct bench *)arg)->learnt > 0;
}

static int64_t count_of(const char *hour)
{
    return redis_fixture_number(&server, "HGET ad:traffic %s", hour);
}

static bool is_written(void *arg)
{
    (void)arg;
    return redis_fixture_number(&server, "HEXISTS ad:traffic 2026112312") == 1;
}

static bool next_is_written(void *arg)
{
    (void)arg;
    return redis_fixture_number(&server, "HEXISTS ad:traffic 2026112313") == 1;
}

static void requests_are_added_up_by_hour(void **state)
{
    struct bench *bench = *state;
    redis_fixture_say(&server, "HSET ad:traffic 2026112312 5");
    begin(bench);
    for (unsigned i = 0; i < 7; i++)
        traffic_count(bench->traffic);
    bench->wall_us += HOUR_US;
    run_until(bench->loop, next_is_written, NULL, PATIENCE_MS);
    assert_int_equal(count_of("2026112312"), 12);
    assert_int_equal(count_of("2026112313"), 0); /* quiet, and known to be */
}

static void what_nobody_asked_in_is_written_as_quiet(void **state)
{
    struct bench *bench = *state;
    begin(bench);
    run_until(bench->loop, is_written, NULL, PATIENCE_MS);
    assert_int_equal(count_of("2026112312"), 0);
}

static void the_shape_is_learnt_from_whole_hours(void **state)
{
    struct bench *bench = *state;
    redis_fixture_say(&server, "HSET ad:traffic 2026112310 100 2026112311 300 2026112312 9000");
    begin(bench);
    run_until(bench->loop, has_learnt, bench, PATIENCE_MS);
    const uint32_t *weight = bench->shape.weight;
    assert_int_equal(weight[11], 3 * weight[10]);
    assert_int_not_equal(weight[12], 30 * weight[11]);
}

static void nothing_known_is_flat(void **state)
{
    struct bench *bench = *state;
    struct traffic_shape flat;
    begin(bench);
    run_until(bench->loop, has_learnt, bench, PATIENCE_MS);
    traffic_shape_flat(&flat);
    assert_memory_equal(&bench->shape, &flat, sizeof flat);
}

static bool is_tidy(void *arg)
{
    (void)arg;
    return redis_fixture_number(&server, "HLEN ad:traffic") == 2;
}

static void what_is_old_or_no_count_is_left_out_and_deleted(void **state)
{
    struct bench *bench = *state;
    redis_fixture_say(&server, "HSET ad:traffic 2026092711 7 2026112399 7 20261123101 7 x 7 "
                               "2026112311 many 2026112310 7");
    begin(bench);
    run_until(bench->loop, has_learnt, bench, PATIENCE_MS);
    run_until(bench->loop, is_tidy, NULL, PATIENCE_MS);
    assert_int_equal(count_of("2026112310"), 7);
    assert_int_equal(bench->shape.weight[10], bench->shape.weight[11]);
}

static void a_key_of_another_type_is_tried_again(void **state)
{
    struct bench *bench = *state;
    redis_fixture_say(&server, "SET ad:traffic x");
    begin(bench);
    run_for(bench->loop, 50);
    assert_int_equal(bench->learnt, 0);
    redis_fixture_say(&server, "DEL ad:traffic");
    run_until(bench->loop, has_learnt, bench, PATIENCE_MS);
}

#define ON_REDIS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_REDIS(requests_are_added_up_by_hour),
        ON_REDIS(what_nobody_asked_in_is_written_as_quiet),
        ON_REDIS(the_shape_is_learnt_from_whole_hours),
        ON_REDIS(nothing_known_is_flat),
        ON_REDIS(what_is_old_or_no_count_is_left_out_and_deleted),
        ON_REDIS(a_key_of_another_type_is_tried_again),
    };
    log_setup(LOG_ERROR, LOG_LOGFMT);
    return cmocka_run_group_tests(tests, redis_fixture_group_setup, redis_fixture_group_teardown);
}
