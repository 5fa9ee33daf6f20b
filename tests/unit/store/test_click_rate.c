#include "unit/store/unit.h"

#include <stdlib.h>

#include "base/check.h"
#include "store/click_rate.h"
#include "store/secrets.h"
#include "unit/store/redis_fixture.h"

#define FIREFOX "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
#define SERVERS 4

/* One for all tests, emptied before each. */
#define server redis_fixture_shared

static const uint8_t salt[SECRET_BYTES] = {1, 2, 3};
static const uint8_t tomorrows[SECRET_BYTES] = {4, 5, 6};

struct bench {
    struct loop *loop;
    struct redis *redis[SERVERS];
};

static bool all_are_up(void *arg)
{
    struct bench *bench = arg;
    bool up = true;
    for (unsigned i = 0; i < SERVERS; i++)
        up = up && redis_is_up(bench->redis[i]);
    return up;
}

static int setup(void **state)
{
    struct bench *bench = check_calloc(1, sizeof *bench);
    struct redis_config config = {.target = &server.target};
    redis_fixture_say(&server, "FLUSHALL");
    bench->loop = loop_new();
    for (unsigned i = 0; i < SERVERS; i++)
        bench->redis[i] = redis_new(bench->loop, &config);
    run_until(bench->loop, all_are_up, bench, PATIENCE_MS);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 0; i < SERVERS; i++)
        redis_free(bench->redis[i]);
    loop_free(bench->loop);
    free(bench);
    return 0;
}

/* Answers as they come. */
struct answers {
    int64_t clicks[64];
    unsigned count, expected;
};

static void note(int64_t clicks, void *arg)
{
    struct answers *answers = arg;
    answers->clicks[answers->count++] = clicks;
}

static bool all_came(void *arg)
{
    struct answers *answers = arg;
    return answers->count == answers->expected;
}

static struct click_rate_viewer viewer_at(const char *address)
{
    struct click_rate_viewer viewer = {.agent = SLICE(FIREFOX), .salt = salt};
    assert_true(net_ip_parse(slice_cstr(address), &viewer.client));
    return viewer;
}

static int64_t click(struct bench *bench, const struct click_rate_viewer *viewer)
{
    struct answers answers = {.expected = 1};
    click_rate_count(bench->redis[0], SLICE("ad:"), viewer, 5000, note, &answers);
    assert_int_equal(answers.count, 0);
    run_until(bench->loop, all_came, &answers, PATIENCE_MS);
    return answers.clicks[0];
}

static void viewers_are_counted_apart(void **state)
{
    struct click_rate_viewer one = viewer_at("192.0.2.1"), other = viewer_at("192.0.2.2");
    struct click_rate_viewer browser = one, tomorrow = one;
    browser.agent = SLICE(FIREFOX " x");
    tomorrow.salt = tomorrows;
    for (unsigned i = 1; i <= 5; i++)
        assert_int_equal(click(*state, &one), i);
    assert_int_equal(click(*state, &other), 1);
    assert_int_equal(click(*state, &browser), 1);
    assert_int_equal(click(*state, &tomorrow), 1);
    assert_int_equal(redis_fixture_number(&server, "DBSIZE"), 4);
}

/* Each number comes once, whoever asks. */
static void servers_count_together(void **state)
{
    struct bench *bench = *state;
    struct answers answers = {.expected = 64};
    struct click_rate_viewer viewer = viewer_at("2001:db8::1");
    uint64_t seen = 0;
    for (unsigned i = 0; i < answers.expected; i++)
        click_rate_count(bench->redis[i % SERVERS], SLICE("ad:"), &viewer, 5000, note, &answers);
    run_until(bench->loop, all_came, &answers, PATIENCE_MS);
    for (unsigned i = 0; i < answers.expected; i++) {
        assert_in_range(answers.clicks[i], 1, 64);
        seen |= UINT64_C(1) << (answers.clicks[i] - 1);
    }
    assert_int_equal(seen, UINT64_MAX);
}

/* A command on the one key there is; its arguments in Lua, each behind a comma. */
static int64_t on_the_key(const char *command, const char *arguments)
{
    return redis_fixture_number(
        &server, "EVAL return(redis.call('%s',redis.call('KEYS','ad:clicks:{*}')[1]%s)) 0", command,
        arguments);
}

/* A counter without an end, as an interrupted hand may leave one, is given one. */
static void the_window_ends(void **state)
{
    struct click_rate_viewer viewer = viewer_at("192.0.2.1");
    assert_int_equal(click(*state, &viewer), 1);
    assert_in_range(on_the_key("PTTL", ""), 1, CLICK_RATE_WINDOW_MS);
    assert_int_equal(on_the_key("PERSIST", ""), 1);
    assert_int_equal(click(*state, &viewer), 2);
    assert_in_range(on_the_key("PTTL", ""), 1, CLICK_RATE_WINDOW_MS);
    assert_int_equal(on_the_key("PEXPIRE", ",0"), 1);
    assert_int_equal(click(*state, &viewer), 1);
}

static void what_redis_does_not_say_is_nothing(void **state)
{
    struct click_rate_viewer viewer = viewer_at("192.0.2.1");
    assert_int_equal(click(*state, &viewer), 1);
    (void)on_the_key("SET", ",'a'");
    assert_int_equal(click(*state, &viewer), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(viewers_are_counted_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(servers_count_together, setup, teardown),
        cmocka_unit_test_setup_teardown(the_window_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(what_redis_does_not_say_is_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, redis_fixture_group_setup, redis_fixture_group_teardown);
}
