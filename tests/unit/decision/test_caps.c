#include "decision/caps.h"

#include "unit.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static struct caps parse(const char *text, const char *owner)
{
    struct caps caps;
    struct err err = {"", ""};
    if (!caps_parse(slice_cstr(text), slice_cstr(owner), &caps, &err))
        fail_msg("%s: %s", text, err.text);
    return caps;
}

static void test_periods(void **state)
{
    static const struct {
        const char *text;
        int64_t period_ms;
    } rows[] = {
        {"1/1s", 1000},
        {"1/90s", 90000},
        {"1/10m", 10 * MINUTE},
        {"1/1h", HOUR},
        {"1/1d", DAY},
        {"1/2w", 14 * DAY},
        {"1/400d", 400 * DAY},
        {"1/57w", 399 * DAY},
        {"1/34560000s", 400 * DAY},
        {"1/lifetime", CAP_LIFETIME},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct caps caps = parse(rows[i].text, "campaign/a");
        assert_int_equal(caps.count, 1);
        assert_int_equal(caps.item[0].count, 1);
        assert_int_equal(caps.item[0].period_ms, rows[i].period_ms);
    }
}

static void test_several_in_the_order_given(void **state)
{
    (void)state;
    struct caps caps = parse("1/10m, 3/1d ,10/lifetime,1000000/1w", "campaign/a");
    assert_int_equal(caps.count, 4);
    assert_int_equal(caps.item[0].count, 1);
    assert_int_equal(caps.item[1].count, 3);
    assert_int_equal(caps.item[2].count, 10);
    assert_int_equal(caps.item[3].count, CAP_COUNT_MAX);
    assert_int_equal(caps.item[1].period_ms, DAY);
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *text, *wrong;
    } rows[] = {
        {"3", "\"3\" is not a cap"},
        {"3 per day", "\"3 per day\" is not a cap"},
        {"/1d", "the count of \"/1d\" is not allowed"},
        {"0/1d", "the count of \"0/1d\" is not allowed"},
        {"-1/1d", "the count of \"-1/1d\" is not allowed"},
        {"1000001/1d", "the count of \"1000001/1d\" is not allowed"},
        {"3 /1d", "the count of \"3 /1d\" is not allowed"},
        {"3/", "the period of \"3/\" is not allowed"},
        {"3/d", "the period of \"3/d\" is not allowed"},
        {"3/0d", "the period of \"3/0d\" is not allowed"},
        {"3/1", "the period of \"3/1\" is not allowed"},
        {"3/1y", "the period of \"3/1y\" is not allowed"},
        {"3/1D", "the period of \"3/1D\" is not allowed"},
        {"3/1.5d", "the period of \"3/1.5d\" is not allowed"},
        {"3/ 1d", "the period of \"3/ 1d\" is not allowed"},
        {"3/401d", "the period of \"3/401d\" is not allowed"},
        {"3/58w", "the period of \"3/58w\" is not allowed"},
        {"3/99999999999999999999s", "the period of \"3/99999999999999999999s\" is not allowed"},
        {"3/Lifetime", "the period of \"3/Lifetime\" is not allowed"},
        {"3/1d/1d", "the period of \"3/1d/1d\" is not allowed"},
        {"3/1d,,1/1h", "item 2 of the list is empty"},
        {"3/1d,5/24h", "the period of \"5/24h\" stands there twice"},
        {"3/7d,5/1w", "the period of \"5/1w\" stands there twice"},
        {"3/lifetime,5/lifetime", "the period of \"5/lifetime\" stands there twice"},
        {"1/1s,1/2s,1/3s,1/4s,1/5s,1/6s,1/7s,1/8s,1/9s", "the list has more than 8 items"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {"", ""};
        struct caps caps = {.count = 7};
        assert_false(caps_parse(slice_cstr(rows[i].text), SLICE("campaign/a"), &caps, &err));
        assert_string_equal(err.text, rows[i].wrong);
        assert_int_equal(caps.count, 7);
    }
}

/* Counters in Redis bear these numbers: a change here forgets what every viewer has seen. */
static void test_keys_never_change(void **state)
{
    (void)state;
    assert_int_equal(parse("3/1d", "campaign/spring").item[0].key, UINT64_C(0x453ba4160e7b0938));
    assert_int_equal(parse("3/1d", "creative/spring").item[0].key, UINT64_C(0x5656d2341f7e0804));
    assert_int_equal(parse("3/lifetime", "campaign/spring").item[0].key,
                     UINT64_C(0xe6aa334c2dc89468));
}

static void test_keys_tell_owners_and_periods_apart(void **state)
{
    (void)state;
    uint64_t key = parse("3/1d", "campaign/a").item[0].key;
    assert_int_equal(parse("5/1d", "campaign/a").item[0].key, key);
    assert_int_equal(parse("1/1h,3/24h", "campaign/a").item[1].key, key);
    assert_int_not_equal(parse("3/2d", "campaign/a").item[0].key, key);
    assert_int_not_equal(parse("3/1d", "creative/a").item[0].key, key);
    assert_int_not_equal(parse("3/1d", "campaign/b").item[0].key, key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_periods),
        cmocka_unit_test(test_several_in_the_order_given),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_keys_never_change),
        cmocka_unit_test(test_keys_tell_owners_and_periods_apart),
    };
    return cmocka_run_group_tests_name("decision/caps", tests, NULL, NULL);
}
