#include "unit/store/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/report_read.h"
#include "unit/store/redis_fixture.h"

#define NOW_US (INT64_C(1795868400) * US_PER_SECOND) /* 2026-11-28 12:20 UTC */

#define server redis_fixture_shared

/* Called before each command is sent. */
typedef void before_fn(const struct report_command *command, unsigned number);

static struct report_query query_of(const char *from, const char *to)
{
    struct report_query query;
    struct err err;
    report_query_clear(&query);
    assert_true(report_query_take(&query, SLICE("from"), slice_cstr(from), &err));
    assert_true(report_query_take(&query, SLICE("to"), slice_cstr(to), &err));
    assert_true(report_query_take(&query, SLICE("by"), SLICE("campaign"), &err));
    assert_true(report_query_finish(&query, NOW_US, &err));
    return query;
}

/* One command at a time; the last result. */
static enum report_read_result run(struct report_read *read, before_fn *before, unsigned *ret_asked,
                                   struct err *err)
{
    enum report_read_result result = REPORT_READ_GOOD;
    struct report_command command;
    *ret_asked = 0;
    while (result == REPORT_READ_GOOD && !report_read_done(read)) {
        assert_true(report_read_ask(read, &command));
        if (before)
            before(&command, *ret_asked);
        ++*ret_asked;
        redis_session_queue(server.session, command.args, command.count);
        const struct redis_reply *reply = redis_session_fetch_any(server.session, err);
        assert_non_null(reply);
        result = report_read_take(read, reply, err);
    }
    return result;
}

static int setup(void **state)
{
    (void)state;
    redis_fixture_say(&server, "FLUSHALL");
    redis_fixture_say(&server, "SADD ad:campaigns spring books");
    redis_fixture_say(&server, "HSET ad:count:{spring}:2026112010 a|b|serves 7");
    redis_fixture_say(&server, "HSET ad:count:{books}:2026112011 a|b|serves 30");
    return 0;
}

/* What compaction does between two commands: once while `spring` is read. */
static bool has_moved;
static void move_once(const struct report_command *command, unsigned number)
{
    struct slice key = SLICE("ad:count:{spring}:2026112009");
    (void)number;
    if (has_moved || !slice_eq(command->args[1], key))
        return;
    has_moved = true;
    redis_fixture_say(&server, "DEL ad:count:{spring}:2026112010");
    redis_fixture_say(&server, "HSET ad:count:{spring}:2026112008 a|b|serves 7");
    redis_fixture_say(&server, "HINCRBY ad:compacted:{spring} folds 1");
}

static void counts_that_move_are_read_again(void **state)
{
    struct report_query query = query_of("2026-11-20", "2026-11-20");
    struct report_read *read = report_read_new(&query, SLICE("ad:"));
    unsigned asked, expected = 1 + 2 * 2 + 3 * (1 + 1 + 24 + 1);
    struct err err;
    (void)state;
    has_moved = false;
    assert_int_equal(run(read, move_once, &asked, &err), REPORT_READ_GOOD);
    assert_true(has_moved);
    assert_int_equal(asked, expected);
    assert_true(report_get(report_totals(report_read_report(read)), REPORT_SERVES) == 37);
    report_read_free(read);
}

static void move_always(const struct report_command *command, unsigned number)
{
    (void)number;
    if (slice_starts(command->args[1], SLICE("ad:count:{spring}")))
        redis_fixture_say(&server, "HINCRBY ad:compacted:{spring} folds 1");
}

static void counts_that_never_rest_are_given_up(void **state)
{
    struct report_query query = query_of("2026-11-20", "2026-11-20");
    struct report_read *read = report_read_new(&query, SLICE("ad:"));
    unsigned asked;
    struct err err;
    (void)state;
    assert_int_equal(run(read, move_always, &asked, &err), REPORT_READ_MOVING);
    assert_string_equal(err.where, "ad:compacted:{spring}");
    report_read_free(read);
}

static void what_stands_in_the_way_is_named(void **state)
{
    static const char *const wrong[][2] = {
        {"SET ad:count:{spring}:2026112010 x", "ad:count:{spring}:2026112010"},
        {"HSET ad:month:{spring}:202611 a 1", "ad:month:{spring}:202611"},
        {"SET ad:month:{spring}:202611 M1x", "ad:month:{spring}:202611"},
        {"SET ad:campaign:spring x", "ad:campaign:spring"},
        {"HSET ad:compacted:{spring} through x", "ad:compacted:{spring}"},
        {"SET ad:compacted:{spring} x", "ad:compacted:{spring}"},
        {"SET ad:campaigns x", "ad:campaigns"},
    };
    struct report_query query = query_of("2026-11-20", "2026-11-20");
    unsigned asked;
    struct err err;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct report_read *read = report_read_new(&query, SLICE("ad:"));
        (void)setup(state);
        redis_fixture_say(&server, "DEL %s", wrong[i][1]);
        redis_fixture_say(&server, "%s", wrong[i][0]);
        assert_int_equal(run(read, NULL, &asked, &err), REPORT_READ_DAMAGED);
        assert_string_equal(err.where, wrong[i][1]);
        report_read_free(read);
    }
}

static void names_of_hours_and_days_are_read_strictly(void **state)
{
    static const char *const bad[] = {"20261130",   "2026113024", "2026023000",  "2026003000",
                                      "202611301x", "1969113010", "20261130101", ""};
    int64_t hour = 0, month = 0;
    (void)state;
    assert_true(count_hour_parse(SLICE("2026112812"), &hour));
    assert_int_equal(hour, NOW_US / US_PER_SECOND / 3600);
    assert_true(count_hour_parse(SLICE("2024022923"), &hour));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(count_hour_parse(slice_cstr(bad[i]), &hour));
    assert_true(count_month_parse(SLICE("197001"), &month));
    assert_int_equal(month, 0);
    assert_false(count_month_parse(SLICE("202613"), &month));
    assert_int_equal(count_month_of(count_month_begin(683)), 683);
    assert_int_equal(count_month_of(count_month_begin(683) - 1), 682);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(counts_that_move_are_read_again, setup),
        cmocka_unit_test_setup(counts_that_never_rest_are_given_up, setup),
        cmocka_unit_test_setup(what_stands_in_the_way_is_named, setup),
        cmocka_unit_test(names_of_hours_and_days_are_read_strictly),
    };
    return cmocka_run_group_tests_name("report_read", tests, redis_fixture_group_setup,
                                       redis_fixture_group_teardown);
}
