#include "unit/decision/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "decision/report_write.h"

#define NOW_US (INT64_C(1795868400) * US_PER_SECOND) /* 2026-11-28 12:20 UTC */

static struct report_query query_of(const char *const *parameters)
{
    struct report_query query;
    struct err err = {"", ""};
    report_query_clear(&query);
    for (; *parameters; parameters += 2)
        assert_true(
            report_query_take(&query, slice_cstr(parameters[0]), slice_cstr(parameters[1]), &err));
    assert_true(report_query_finish(&query, NOW_US, &err));
    return query;
}
#define QUERY(...) query_of((const char *const[]){__VA_ARGS__, NULL})

static const struct report_owner spring = {
    .id = SLICE("spring"), .name = SLICE("Spring"), .advertiser = SLICE("ACME")};

static void add(struct report *report, int64_t hour, const char *field, const char *value)
{
    report_begin(report, &spring);
    assert_int_equal(report_add_field(report, hour, slice_cstr(field), slice_cstr(value)),
                     REPORT_GOOD);
    report_keep(report);
}

/* ---- The question ---------------------------------------------------------------------------- */

static void a_week_of_days_is_asked_for_unless_told_otherwise(void **state)
{
    struct report_query query = QUERY("campaign", "spring");
    (void)state;
    assert_int_equal(query.end_hour, NOW_US / US_PER_SECOND / 3600 + 1);
    assert_int_equal(query.first_hour % 24, 0);
    assert_int_equal(query.end_hour - query.first_hour, 6 * 24 + 13);
    assert_int_equal(query.by, REPORT_BY_DAY);
}

static void days_last_as_long_as_they_do_in_the_zone(void **state)
{
    struct report_query spring_day =
        QUERY("timezone", "Europe/Berlin", "from", "2026-03-29", "to", "2026-03-29", "by", "hour");
    struct report_query autumn_day =
        QUERY("timezone", "Europe/Berlin", "from", "2026-10-25", "to", "2026-10-25", "by", "hour");
    struct report_query half =
        QUERY("timezone", "Asia/Kolkata", "from", "2026-10-25", "to", "2026-10-25");
    (void)state;
    assert_int_equal(spring_day.end_hour - spring_day.first_hour, 23);
    assert_int_equal(autumn_day.end_hour - autumn_day.first_hour, 25);
    assert_int_equal(half.end_hour - half.first_hour, 24);
    /* The day begins at 18:30 UTC; the first hour that begins in it is that of 19:00. */
    assert_int_equal(half.first_hour % 24, 19);
}

static void what_cannot_be_asked_is_told(void **state)
{
    static const char *const bad[][3] = {
        {"campaign", "A B", "is no campaign id"},
        {"by", "week", "hour, day, slot, creative, campaign, advertiser"},
        {"format", "xml", "table, csv, json"},
        {"timezone", "Mars/Olympus", "no time zone"},
        {"since", "1", "not known, allowed are campaign"},
        {"from", "", "empty"},
    };
    static const char *const late[][3] = {
        {"from", "yesterday", "is not a time"}, {"from", "2026-02-30", "is not a time"},
        {"to", "2026-13-01", "is not a time"},  {"from", "2027-01-01", "in this order"},
        {"from", "2001-01-01", "ten years"},
    };
    struct report_query query;
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        report_query_clear(&query);
        assert_false(report_query_take(&query, slice_cstr(bad[i][0]), slice_cstr(bad[i][1]), &err));
        assert_non_null(strstr(err.text, bad[i][2]));
    }
    for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
        report_query_clear(&query);
        assert_true(
            report_query_take(&query, slice_cstr(late[i][0]), slice_cstr(late[i][1]), &err));
        assert_false(report_query_finish(&query, NOW_US, &err));
        assert_string_equal(err.where, late[i][0]);
        assert_non_null(strstr(err.text, late[i][2]));
    }
}

/* ---- Adding up ------------------------------------------------------------------------------- */

static const char *written(struct report *report)
{
    static struct strbuf text;
    struct report_writing at = {0};
    report_finish(report);
    strbuf_release(&text);
    strbuf_init(&text, 1 << 20);
    while (report_write(report, &at, &text))
        ;
    return strbuf_cstr(&text);
}

/* A month of three days with a count in each hour, as five runs. */
static void pack_month(struct strbuf runs[PACKED_RUNS])
{
    const int64_t ones[PACKED_HOURS] = {1, 1, 1, 1, 1, 1};
    for (unsigned run = 0; run < PACKED_RUNS; run++) {
        strbuf_init(&runs[run], 4096);
        packed_add_head(&runs[run]);
        packed_add_field(&runs[run], SLICE("a|header|serves"));
        for (unsigned day = 1; day <= 3; day++) {
            packed_add_day(&runs[run], day, 1);
            if (run == 0)
                packed_add_sum(&runs[run], 0, 24);
            else
                packed_add_hours(&runs[run], 0, ones);
        }
    }
}

static void add_packed(struct report *report, int64_t first)
{
    struct strbuf runs[PACKED_RUNS];
    unsigned wanted = report_runs(report, first);
    pack_month(runs);
    for (unsigned run = 0; run < PACKED_RUNS; run++) {
        if (wanted >> run & 1)
            assert_int_equal(report_add_month(report, first, run, strbuf_slice(&runs[run])),
                             REPORT_GOOD);
        strbuf_release(&runs[run]);
    }
}

static void add_hours(struct report *report, int64_t first)
{
    for (int64_t hour = first; hour < first + 72; hour++)
        assert_int_equal(report_add_field(report, hour, SLICE("a|header|serves"), SLICE("1")),
                         REPORT_GOOD);
}

/* The day before and the one behind have counts too; the day has one in each of its hours. */
static void check_day(const char *zone, const char *date, const char *by, unsigned hours,
                      bool packed)
{
    struct report_query query = QUERY("timezone", zone, "from", date, "to", date, "by", by);
    struct report_query utc = QUERY("from", date, "to", date);
    struct report *report = report_new(&query);
    report_begin(report, &spring);
    if (packed)
        add_packed(report, utc.first_hour - 24);
    else
        add_hours(report, utc.first_hour - 24);
    report_keep(report);
    report_finish(report);
    assert_true(report_get(report_totals(report), REPORT_SERVES) == hours);
    for (unsigned i = 0; strcmp(by, "hour") == 0 && i < hours; i++)
        assert_true(report_get(report_row(report, i), REPORT_SERVES) == 1);
    report_free(report);
}

static void days_of_23_and_25_hours_have_all_their_counts(void **state)
{
    static const char *const by[] = {"hour", "day", "slot"};
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        check_day("Europe/Berlin", "2026-03-29", by[i / 2], 23, i % 2);
        check_day("Europe/Berlin", "2026-10-25", by[i / 2], 25, i % 2);
        check_day("Europe/Berlin", "2026-06-01", by[i / 2], 24, i % 2);
        check_day("America/New_York", "2026-11-01", by[i / 2], 25, i % 2);
        check_day("Pacific/Auckland", "2026-04-05", by[i / 2], 25, i % 2);
        check_day("Asia/Kolkata", "2026-06-01", by[i / 2], 24, i % 2);
        check_day("UTC", "2026-06-01", by[i / 2], 24, i % 2);
    }
}

/* Each hour of a month has another count; every zone and grouping finds each in its row. */
static void packed_and_unpacked_counts_agree_in_every_zone(void **state)
{
    static const char *const zones[] = {"UTC",           "Europe/Berlin",    "America/New_York",
                                        "Asia/Kolkata",  "Pacific/Auckland", "Pacific/Kiritimati",
                                        "Asia/Kathmandu"};
    (void)state;
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        struct report_query query =
            QUERY("timezone", zones[i], "from", "2026-02-25", "to", "2026-03-02");
        struct report_query month = QUERY("from", "2026-03-01", "to", "2026-03-03");
        struct report *packed = report_new(&query), *plain = report_new(&query);
        report_begin(packed, &spring);
        report_begin(plain, &spring);
        add_packed(packed, month.first_hour);
        add_hours(plain, month.first_hour);
        report_keep(packed);
        report_keep(plain);
        for (unsigned row = 0; row < report_row_count(plain); row++)
            assert_true(report_get(report_row(packed, row), REPORT_SERVES) ==
                        report_get(report_row(plain, row), REPORT_SERVES));
        report_free(packed);
        report_free(plain);
    }
}

static void no_more_is_read_than_is_needed(void **state)
{
    static const struct {
        const char *zone, *by;
        unsigned runs;
    } wanted[] = {{"UTC", "day", 0x01},           {"UTC", "hour", 0x1e},
                  {"Europe/Berlin", "day", 0x11}, {"America/New_York", "day", 0x03},
                  {"Asia/Tokyo", "day", 0x19},    {"Europe/Berlin", "slot", 0x01}};
    (void)state;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct report_query query = QUERY("timezone", wanted[i].zone, "by", wanted[i].by, "from",
                                          "2026-01-01", "to", "2026-10-31");
        struct report_query month = QUERY("from", "2026-01-01", "to", "2026-01-01");
        struct report *report = report_new(&query);
        assert_int_equal(report_runs(report, month.first_hour), wanted[i].runs);
        report_free(report);
    }
}

static void numbers_near_the_limits_do_not_wrap(void **state)
{
    struct report_query query = QUERY("by", "campaign");
    struct report *report = report_new(&query);
    const char *text;
    (void)state;
    add(report, query.first_hour, "a|header|serves", "9007199254740991");
    add(report, query.first_hour, "a|header|impressions", "9007199254740992");
    add(report, query.first_hour, "a|header|clicks", "9223372036854775807");
    add(report, query.first_hour + 1, "b|header|clicks", "9223372036854775807");
    add(report, query.first_hour, "a|header|spend", "9223372036854775807");
    add(report, query.first_hour, "a|header|bot", "-9223372036854775808");
    text = written(report);
    assert_non_null(strstr(text, "\"serves\":9007199254740991,"));
    assert_non_null(strstr(text, "\"impressions\":\"9007199254740992\","));
    assert_non_null(strstr(text, "\"clicks\":\"18446744073709551614\","));
    assert_non_null(strstr(text, "\"spend\":\"9223372036854.775807\","));
    assert_non_null(strstr(text, "\"bot\":\"-9223372036854775808\","));
    report_free(report);
}

static void what_is_no_count_is_left_out_and_told(void **state)
{
    struct report_query query = QUERY("by", "campaign");
    struct report *report = report_new(&query);
    (void)state;
    add(report, query.first_hour, "a|header|serves", "1");
    add(report, query.first_hour, "a|header", "1");
    add(report, query.first_hour, "A|header|serves", "1");
    add(report, query.first_hour, "a|header|ser ves", "1");
    add(report, query.first_hour, "a|header|serves", "1x");
    add(report, query.first_hour, "a|header|serves", "9223372036854775808");
    add(report, query.first_hour, "a|header|spend_rest", "999");
    add(report, query.first_hour - 1, "a|header|serves", "100");
    report_finish(report);
    assert_true(report_get(report_totals(report), REPORT_SERVES) == 1);
    assert_int_equal(report_unreadable(report), 5);
    report_free(report);
}

static void what_moved_while_it_was_read_is_dropped(void **state)
{
    struct report_query query = QUERY("by", "campaign");
    struct report *report = report_new(&query);
    (void)state;
    report_begin(report, &spring);
    assert_int_equal(report_add_field(report, query.first_hour, SLICE("a|h|serves"), SLICE("7")),
                     REPORT_GOOD);
    report_drop(report);
    assert_non_null(strstr(written(report), "\"rows\":[],"));
    report_free(report);
}

static void what_is_dropped_is_in_no_rows_sums(void **state)
{
    static const char *const by[] = {"campaign", "day", "hour"};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct report_query query = QUERY("by", by[i], "from", "2026-03-01", "to", "2026-03-03");
        struct report *report = report_new(&query);
        report_begin(report, &spring);
        add_packed(report, query.first_hour);
        add_hours(report, query.first_hour);
        report_drop(report);
        add(report, query.first_hour + 1, "a|h|serves", "5");
        report_finish(report);
        assert_true(report_get(report_totals(report), REPORT_SERVES) == 5);
        report_free(report);
    }
}

/* Rows of hours are named one after the other, over changes of the clocks. */
static void rows_of_hours_are_named_as_their_hours(void **state)
{
    static const char *const zones[] = {"UTC", "Europe/Berlin", "America/St_Johns",
                                        "Australia/Lord_Howe", "Asia/Kathmandu"};
    char text[REPORT_TIME_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        struct report_query query =
            QUERY("timezone", zones[i], "by", "hour", "from", "2026-02-27", "to", "2026-11-03");
        struct report *report = report_new(&query);
        assert_int_equal(report_row_count(report), query.end_hour - query.first_hour);
        for (unsigned row = 0; row < report_row_count(report); row++) {
            report_hour_text(query.zone, query.first_hour + row, text);
            assert_slice(report_row(report, row)->keys[0], text);
        }
        report_free(report);
    }
}

static void times_are_told_with_the_offset_of_their_zone(void **state)
{
    static const struct {
        const char *zone, *text;
        int64_t hour;
    } times[] = {{"UTC", "2026-11-28T12:00:00Z", 498852},
                 {"Europe/Berlin", "2026-11-28T13:00:00+01:00", 498852},
                 {"Asia/Kathmandu", "2026-11-28T17:45:00+05:45", 498852},
                 {"America/St_Johns", "2026-11-28T08:30:00-03:30", 498852},
                 {"Pacific/Auckland", "2026-11-29T01:00:00+13:00", 498852},
                 {"Africa/Monrovia", "1970-01-01T23:15:30-00:44", 24},
                 {"America/New_York", "1969-12-31T19:00:00-05:00", 0}};
    char text[REPORT_TIME_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        report_hour_text(zone_find(slice_cstr(times[i].zone)), times[i].hour, text);
        assert_string_equal(text, times[i].text);
    }
}

static void metrics_it_does_not_know_are_reasons_in_the_order_of_their_words(void **state)
{
    struct report_query query = QUERY("by", "slot", "format", "csv");
    struct report *report = report_new(&query);
    const char *text;
    (void)state;
    add(report, query.first_hour, "a|header|zebra", "4");
    add(report, query.first_hour, "a|header|value.EUR", "1500000");
    add(report, query.first_hour, "a|header|ape", "3");
    add(report, query.first_hour, "a|header|serves_zebra", "2");
    text = written(report);
    assert_non_null(strstr(text, ",serves_internal,ape,serves_zebra,zebra,value.EUR\r\n"));
    assert_non_null(strstr(text, "\"header\",0,0,0,,0,,0,0.000000,,7,2,"));
    assert_non_null(strstr(text, ",3,2,4,1.500000\r\n\"total\",0,"));
    report_free(report);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void rates_and_money_are_exact_and_half_up(void **state)
{
    static const struct {
        int64_t part, of;
        const char *text;
    } rates[] = {{1, 3, "0.3333"},
                 {2, 3, "0.6667"},
                 {1, 20000, "0.0001"},
                 {1, 20001, "0.0000"},
                 {3, 2, "1.5000"},
                 {0, 5, "0.0000"},
                 {1, 0, ""}};
    static const struct {
        int64_t micro;
        unsigned places;
        const char *text;
    } sums[] = {{0, 6, "0.000000"},   {1370, 6, "0.001370"},
                {1370, 2, "0.00137"}, {1500000, 2, "1.50"},
                {-1, 6, "-0.000001"}, {INT64_MAX, 6, "9223372036854.775807"}};
    struct strbuf text;
    (void)state;
    strbuf_init(&text, 64);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        strbuf_clear(&text);
        assert_int_equal(report_add_rate(&text, rates[i].part, rates[i].of), rates[i].of > 0);
        assert_string_equal(strbuf_cstr(&text), rates[i].text);
    }
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        strbuf_clear(&text);
        report_add_money(&text, sums[i].micro, sums[i].places);
        assert_string_equal(strbuf_cstr(&text), sums[i].text);
    }
    strbuf_release(&text);
}

static void a_text_is_no_formula_and_stays_in_its_cell(void **state)
{
    struct report_query query = QUERY("by", "advertiser", "format", "csv");
    static const char *const cells[][2] = {
        {"=1+1", "\r\n\"'=1+1\",1,"},
        {"+1", "\r\n\"'+1\",1,"},
        {"-1", "\r\n\"'-1\",1,"},
        {"@x", "\r\n\"'@x\",1,"},
        {"\tx", "\r\n\"'\tx\",1,"},
        {"a\"b,c\r\nd", "\r\n\"a\"\"b,c\r\nd\",1,"},
        {"a\xff", "\r\n\"a\xef\xbf\xbd\",1,"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        struct report *report = report_new(&query);
        const struct report_owner owner = {.id = SLICE("a"), .advertiser = slice_cstr(cells[i][0])};
        report_begin(report, &owner);
        assert_int_equal(
            report_add_field(report, query.first_hour, SLICE("a|h|serves"), SLICE("1")),
            REPORT_GOOD);
        report_keep(report);
        assert_non_null(strstr(written(report), cells[i][1]));
        report_free(report);
    }
}

static void hours_are_told_apart_in_the_night_that_has_one_twice(void **state)
{
    const struct zone *berlin = zone_find(SLICE("Europe/Berlin"));
    struct report_query query =
        QUERY("timezone", "Europe/Berlin", "from", "2026-10-25", "by", "hour");
    char first[REPORT_TIME_MAX], second[REPORT_TIME_MAX];
    (void)state;
    report_hour_text(berlin, query.first_hour + 2, first);
    report_hour_text(berlin, query.first_hour + 3, second);
    assert_string_equal(first, "2026-10-25T02:00:00+02:00");
    assert_string_equal(second, "2026-10-25T02:00:00+01:00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_week_of_days_is_asked_for_unless_told_otherwise),
        cmocka_unit_test(days_last_as_long_as_they_do_in_the_zone),
        cmocka_unit_test(what_cannot_be_asked_is_told),
        cmocka_unit_test(days_of_23_and_25_hours_have_all_their_counts),
        cmocka_unit_test(packed_and_unpacked_counts_agree_in_every_zone),
        cmocka_unit_test(no_more_is_read_than_is_needed),
        cmocka_unit_test(numbers_near_the_limits_do_not_wrap),
        cmocka_unit_test(what_is_no_count_is_left_out_and_told),
        cmocka_unit_test(what_moved_while_it_was_read_is_dropped),
        cmocka_unit_test(what_is_dropped_is_in_no_rows_sums),
        cmocka_unit_test(rows_of_hours_are_named_as_their_hours),
        cmocka_unit_test(times_are_told_with_the_offset_of_their_zone),
        cmocka_unit_test(metrics_it_does_not_know_are_reasons_in_the_order_of_their_words),
        cmocka_unit_test(rates_and_money_are_exact_and_half_up),
        cmocka_unit_test(a_text_is_no_formula_and_stays_in_its_cell),
        cmocka_unit_test(hours_are_told_apart_in_the_night_that_has_one_twice),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
