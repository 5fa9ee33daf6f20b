#include "decision/timestamp.h"

#include "decision/zone.h"

#include "unit.h"

#define S INT64_C(1000000)

static int64_t parse(const char *text, const char *zone)
{
    struct err err = {"", ""};
    int64_t us = -1;
    if (!timestamp_parse(slice_cstr(text), zone_find(slice_cstr(zone)), &us, &err))
        fail_msg("%s: %s", text, err.text);
    return us;
}

static void test_moments(void **state)
{
    (void)state;
    assert_int_equal(parse("1970-01-01T00:00:00Z", "UTC"), 0);
    assert_int_equal(parse("2000-02-29T12:34:56Z", "UTC"), 951827696 * S);
    assert_int_equal(parse("2026-07-01T09:00:00Z", "UTC"), 1782896400 * S);
    assert_int_equal(parse("2026-07-01T09:00:00", "UTC"), 1782896400 * S);
    assert_int_equal(parse("2026-07-01T11:00:00+02:00", "Asia/Tokyo"), 1782896400 * S);
    assert_int_equal(parse("2026-06-30T21:30:00-11:30", "UTC"), 1782896400 * S);
    assert_int_equal(parse("2026-07-01T09:00:00-00:00", "UTC"), 1782896400 * S);
    assert_int_equal(parse("2026-07-01T09:00:00.5Z", "UTC"), 1782896400 * S + 500000);
    assert_int_equal(parse("2026-07-01T09:00:00.000001Z", "UTC"), 1782896400 * S + 1);
    assert_int_equal(parse("2100-03-01T00:00:00Z", "UTC"), 4107542400 * S);
    assert_int_equal(parse("2199-12-31T23:59:59.999999Z", "UTC"), 7258118400 * S - 1);
    assert_int_equal(parse("2199-12-31T23:59:59+23:59", "UTC"), (7258118400 - 1 - 86340) * S);
}

static void test_local_times_are_in_the_zone(void **state)
{
    (void)state;
    assert_int_equal(parse("2026-07-01T11:00:00", "Europe/Berlin"), 1782896400 * S);
    assert_int_equal(parse("2026-01-01T00:00:00", "Europe/Berlin"),
                     parse("2025-12-31T23:00:00Z", "UTC"));
    assert_int_equal(parse("2190-07-01T00:00:00", "America/New_York"),
                     parse("2190-07-01T04:00:00Z", "UTC"));
    assert_int_equal(parse("2026-07-01T00:00:00.25", "Asia/Kathmandu"),
                     parse("2026-06-30T18:15:00.25Z", "UTC"));
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *text, *wrong;
    } rows[] = {
        {"", "\"\" is not a time"},
        {"tomorrow", "\"tomorrow\" is not a time"},
        {"2026-07-01", "\"2026-07-01\" is not a time"},
        {"2026-07-01T09:00", "\"2026-07-01T09:00\" is not a time"},
        {"2026-07-01 09:00:00", "\"2026-07-01 09:00:00\" is not a time"},
        {"2026-07-01t09:00:00z", "\"2026-07-01t09:00:00z\" is not a time"},
        {"2026-7-1T09:00:00Z", "\"2026-7-1T09:00:00Z\" is not a time"},
        {" 2026-07-01T09:00:00Z", "\" 2026-07-01T09:00:00Z\" is not a time"},
        {"2026-07-01T09:00:00Z ", "\"2026-07-01T09:00:00Z \" is not a time"},
        {"2026-07-01T09:00:00.Z", "\"2026-07-01T09:00:00.Z\" is not a time"},
        {"2026-07-01T09:00:00.1234567Z", "\"2026-07-01T09:00:00.1234567Z\" is not a time"},
        {"2026-07-01T09:00:00+2", "\"2026-07-01T09:00:00+2\" is not a time"},
        {"2026-07-01T09:00:00+0200", "\"2026-07-01T09:00:00+0200\" is not a time"},
        {"2026-07-01T09:00:00+24:00", "\"2026-07-01T09:00:00+24:00\" is not a time"},
        {"2026-07-01T09:00:00+02:60", "\"2026-07-01T09:00:00+02:60\" is not a time"},
        {"2026-13-01T00:00:00Z", "\"2026-13-01T00:00:00Z\" is a date that does not exist"},
        {"2026-00-01T00:00:00Z", "\"2026-00-01T00:00:00Z\" is a date that does not exist"},
        {"2026-02-29T00:00:00Z", "\"2026-02-29T00:00:00Z\" is a date that does not exist"},
        {"2100-02-29T00:00:00Z", "\"2100-02-29T00:00:00Z\" is a date that does not exist"},
        {"2026-06-31T00:00:00Z", "\"2026-06-31T00:00:00Z\" is a date that does not exist"},
        {"2026-06-00T00:00:00Z", "\"2026-06-00T00:00:00Z\" is a date that does not exist"},
        {"2026-07-01T24:00:00Z", "\"2026-07-01T24:00:00Z\" is a time of day that does not exist"},
        {"2026-07-01T23:60:00Z", "\"2026-07-01T23:60:00Z\" is a time of day that does not exist"},
        {"2026-07-01T23:59:61Z", "\"2026-07-01T23:59:61Z\" is a time of day that does not exist"},
        {"2016-12-31T23:59:60Z",
         "\"2016-12-31T23:59:60Z\" is a leap second, which no clock here shows"},
        {"1969-12-31T23:59:59Z", "the year of \"1969-12-31T23:59:59Z\" is out of range"},
        {"2200-01-01T00:00:00Z", "the year of \"2200-01-01T00:00:00Z\" is out of range"},
        {"1970-01-01T00:00:00+00:01", "the year of \"1970-01-01T00:00:00+00:01\" is out of range"},
        {"2199-12-31T23:59:59-00:01", "the year of \"2199-12-31T23:59:59-00:01\" is out of range"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {"", ""};
        int64_t us = 42;
        assert_false(timestamp_parse(slice_cstr(rows[i].text), zone_find(SLICE("UTC")), &us, &err));
        assert_string_equal(err.text, rows[i].wrong);
        assert_int_equal(us, 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_local_times_are_in_the_zone),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests_name("decision/timestamp", tests, NULL, NULL);
}
