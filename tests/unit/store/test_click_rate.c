#include "unit/store/click_fixture.h"

#include <stdlib.h>

#include "base/check.h"
#include "store/click_rate.h"

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
    struct click_rate_viewer viewer = {.agent = SLICE(FIREFOX), .salt = click_salt};
    assert_true(net_ip_parse(slice_cstr(address), &viewer.client));
    return viewer;
}

static int64_t click(struct click_bench *bench, const struct click_rate_viewer *viewer)
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
    tomorrow.salt = click_tomorrows_salt;
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
    struct click_bench *bench = *state;
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
        cmocka_unit_test_setup_teardown(viewers_are_counted_apart, click_set_up, click_tear_down),
        cmocka_unit_test_setup_teardown(servers_count_together, click_set_up, click_tear_down),
        cmocka_unit_test_setup_teardown(the_window_ends, click_set_up, click_tear_down),
        cmocka_unit_test_setup_teardown(what_redis_does_not_say_is_nothing, click_set_up,
                                        click_tear_down),
    };
    return cmocka_run_group_tests(tests, redis_fixture_group_setup, redis_fixture_group_teardown);
}
