#include "unit/store/unit.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "store/secrets.h"
#include "unit/store/redis_fixture.h"

#define DAY_US (INT64_C(86400) * US_PER_SECOND)

/* One server. */
struct bench {
    struct loop *loop;
    struct redis *redis;
    struct secrets *secrets;
    struct clock clock;
    int64_t wall_us, ahead_us;
};

/* One for all tests, emptied before each. */
#define server redis_fixture_shared

static int64_t wall_us(void *context)
{
    return ((struct bench *)context)->wall_us;
}

static int64_t mono_us(void *context)
{
    return clock_mono_us(&clock_system) + ((struct bench *)context)->ahead_us;
}

static bool is_up(void *arg)
{
    return redis_is_up(((struct bench *)arg)->redis);
}

static struct bench *new_bench(struct loop *loop)
{
    struct bench *bench = check_calloc(1, sizeof *bench);
    struct redis_config config = {.target = &server.target};
    bench->loop = loop;
    bench->wall_us = 20000 * DAY_US + DAY_US / 2;
    bench->clock = (struct clock){wall_us, mono_us, bench};
    bench->redis = redis_new(loop, &config);
    bench->secrets = secrets_new(loop, bench->redis, &bench->clock, SLICE("ad:"));
    run_until(loop, is_up, bench, PATIENCE_MS);
    secrets_refresh(bench->secrets);
    return bench;
}

static void free_bench(struct bench *bench)
{
    redis_free(bench->redis);
    secrets_free(bench->secrets);
    free(bench);
}

static bool knows_all(void *arg)
{
    struct bench *bench = arg;
    return secrets_viewer(bench->secrets) && secrets_today(bench->secrets, bench->wall_us);
}

static void two_servers_agree(void **state)
{
    struct loop *loop = *state;
    struct bench *one = new_bench(loop), *two = new_bench(loop);
    run_until(loop, knows_all, one, PATIENCE_MS);
    run_until(loop, knows_all, two, PATIENCE_MS);
    assert_memory_equal(secrets_viewer(one->secrets), secrets_viewer(two->secrets), SECRET_BYTES);
    assert_memory_equal(secrets_today(one->secrets, one->wall_us),
                        secrets_today(two->secrets, one->wall_us), SECRET_BYTES);
    assert_memory_not_equal(secrets_viewer(one->secrets), secrets_today(one->secrets, one->wall_us),
                            SECRET_BYTES);
    assert_int_equal(redis_fixture_number(&server, "TTL ad:secret:viewer"), -1);
    assert_in_range(redis_fixture_number(&server, "TTL ad:secret:day:20241004"), 172700, 172800);
    free_bench(one);
    free_bench(two);
}

static bool knows_next_day(void *arg)
{
    struct bench *bench = arg;
    return secrets_today(bench->secrets, bench->wall_us + DAY_US) != NULL;
}

static void a_day_ends_and_the_next_one_is_known_already(void **state)
{
    struct loop *loop = *state;
    struct bench *bench = new_bench(loop);
    uint8_t today[SECRET_BYTES];
    run_until(loop, knows_all, bench, PATIENCE_MS);
    run_until(loop, knows_next_day, bench, PATIENCE_MS);
    memcpy(today, secrets_today(bench->secrets, bench->wall_us), SECRET_BYTES);
    bench->wall_us += DAY_US;
    assert_non_null(secrets_today(bench->secrets, bench->wall_us));
    assert_memory_not_equal(secrets_today(bench->secrets, bench->wall_us), today, SECRET_BYTES);
    run_until(loop, knows_next_day, bench, PATIENCE_MS);
    assert_null(secrets_today(bench->secrets, bench->wall_us - DAY_US)); /* forgotten */
    free_bench(bench);
}

/*
 * A leap second: midnight has been seen, and the last second of the day comes again. Viewers are
 * known all the time, each day by its own salt, and yesterday's goes SECRETS_BACK_US after its day.
 */
static void a_clock_may_go_back_over_midnight(void **state)
{
    struct loop *loop = *state;
    struct bench *bench = new_bench(loop);
    const int64_t midnight_us = 20001 * DAY_US;
    uint8_t before[SECRET_BYTES], after[SECRET_BYTES];
    bench->wall_us = midnight_us - US_PER_SECOND;
    run_until(loop, knows_all, bench, PATIENCE_MS);
    run_until(loop, knows_next_day, bench, PATIENCE_MS);
    memcpy(before, secrets_today(bench->secrets, midnight_us - 1), SECRET_BYTES);
    memcpy(after, secrets_today(bench->secrets, midnight_us), SECRET_BYTES);
    assert_memory_not_equal(before, after, SECRET_BYTES);
    const int64_t shown[] = {0, 1, US_PER_SECOND - 1, -US_PER_SECOND, -1, 0, SECRETS_BACK_US - 1};
    for (unsigned i = 0; i < sizeof shown / sizeof *shown; i++) {
        bench->wall_us = midnight_us + shown[i];
        secrets_refresh(bench->secrets); /* turns to the day it is */
        const uint8_t *salt = secrets_today(bench->secrets, bench->wall_us);
        assert_non_null(salt);
        assert_memory_equal(salt, shown[i] < 0 ? before : after, SECRET_BYTES);
    }
    run_for(loop, 100); /* answers that are under way keep a day where it is */
    bench->wall_us = midnight_us + SECRETS_BACK_US;
    secrets_refresh(bench->secrets);
    assert_null(secrets_today(bench->secrets, midnight_us - 1));
    assert_memory_equal(secrets_today(bench->secrets, bench->wall_us), after, SECRET_BYTES);
    free_bench(bench);
}

struct pair {
    struct bench *one, *two;
};

static bool agree(void *arg)
{
    struct pair *pair = arg;
    return knows_all(pair->one) && knows_all(pair->two) &&
           memcmp(secrets_viewer(pair->one->secrets), secrets_viewer(pair->two->secrets),
                  SECRET_BYTES) == 0;
}

static void a_redis_that_lost_the_secrets_gets_them_back(void **state)
{
    struct loop *loop = *state;
    struct pair pair = {new_bench(loop), NULL};
    uint8_t before[SECRET_BYTES];
    run_until(loop, knows_all, pair.one, PATIENCE_MS);
    memcpy(before, secrets_viewer(pair.one->secrets), SECRET_BYTES);
    redis_fixture_say(&server, "FLUSHALL");
    secrets_refresh(pair.one->secrets);
    pair.two = new_bench(loop);
    run_until(loop, agree, &pair, PATIENCE_MS);
    assert_memory_equal(secrets_viewer(pair.two->secrets), before, SECRET_BYTES);

    redis_fixture_say(&server, "SET ad:secret:viewer 0123456789abcdef0123456789abcdef");
    pair.one->ahead_us = pair.two->ahead_us = 61 * US_PER_SECOND;
    run_for(loop, 1200);
    run_until(loop, agree, &pair, PATIENCE_MS);
    assert_memory_equal(secrets_viewer(pair.one->secrets), "0123456789abcdef0123456789abcdef",
                        SECRET_BYTES);
    free_bench(pair.one);
    free_bench(pair.two);
}

static void what_is_no_secret_is_not_used(void **state)
{
    struct loop *loop = *state;
    redis_fixture_say(&server, "SET ad:secret:viewer short");
    log_setup(LOG_ERROR + 1, LOG_LOGFMT); /* it says so; that is not for this screen */
    struct bench *bench = new_bench(loop);
    run_for(loop, 100);
    log_setup(LOG_ERROR, LOG_LOGFMT);
    assert_null(secrets_viewer(bench->secrets));
    assert_non_null(secrets_today(bench->secrets, bench->wall_us));
    free_bench(bench);
}

static int setup(void **state)
{
    redis_fixture_say(&server, "FLUSHALL");
    *state = loop_new();
    return 0;
}

static int teardown(void **state)
{
    loop_free(*state);
    return 0;
}

#define ON_REDIS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_REDIS(two_servers_agree),
        ON_REDIS(a_day_ends_and_the_next_one_is_known_already),
        ON_REDIS(a_clock_may_go_back_over_midnight),
        ON_REDIS(a_redis_that_lost_the_secrets_gets_them_back),
        ON_REDIS(what_is_no_secret_is_not_used),
    };
    log_setup(LOG_ERROR, LOG_LOGFMT);
    return cmocka_run_group_tests(tests, redis_fixture_group_setup, redis_fixture_group_teardown);
}
