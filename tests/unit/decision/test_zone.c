#include "decision/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "unit.h"

static const struct zone *found(const char *name)
{
    const struct zone *zone = zone_find(slice_cstr(name));
    if (!zone)
        fail_msg("%s should be a zone", name);
    return zone;
}

static void test_names(void **state)
{
    static const char *const good[] = {"UTC",
                                       "Etc/UTC",
                                       "Europe/Berlin",
                                       "America/New_York",
                                       "America/Argentina/Buenos_Aires",
                                       "Etc/GMT+5",
                                       "GB"};
    static const char *const bad[] = {
        "",
        "Europe",
        "Europe/",
        "/Europe/Berlin",
        "Europe/Atlantis",
        "europe/berlin",
        "../zoneinfo/UTC",
        "Europe/../UTC",
        "Europe/Berlin ",
        ":UTC",
        "CET-1CEST",
        "zone.tab",
        "tzdata.zi",
        "leapseconds",
        "right/Europe/Berlin",
        "posix/Europe/Berlin",
        "localtime",
        "posixrules",
        "Europe//Berlin\n",
        "Europe/B\xc3\xa9rlin",
        "Europe/BerlinBerlinBerlinBerlinBerlinBerlinBerlinBerlinBerlinBerlinBerlin",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_slice(zone_name(found(good[i])), good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(zone_find(slice_cstr(bad[i])));
    assert_null(zone_find(SLICE("Europe/Berlin\0")));
}

/* Local and UTC times as "2026-03-29 01:30:00". */
static int64_t seconds(const char *text)
{
    struct tm tm = {0};
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
    return timegm(&tm);
}

static void test_nights_on_which_clocks_change(void **state)
{
    static const struct {
        const char *zone, *local, *utc;
    } rows[] = {
        {"Europe/Berlin", "2026-03-29 01:59:59", "2026-03-29 00:59:59"},
        /* From 02:00 clocks jump to 03:00: what they never show is the moment of the jump. */
        {"Europe/Berlin", "2026-03-29 02:00:00", "2026-03-29 01:00:00"},
        {"Europe/Berlin", "2026-03-29 02:30:00", "2026-03-29 01:00:00"},
        {"Europe/Berlin", "2026-03-29 02:59:59", "2026-03-29 01:00:00"},
        {"Europe/Berlin", "2026-03-29 03:00:00", "2026-03-29 01:00:00"},
        {"Europe/Berlin", "2026-03-29 03:00:01", "2026-03-29 01:00:01"},
        /* At 03:00 they go back to 02:00: of two equal times the first. */
        {"Europe/Berlin", "2026-10-25 01:59:59", "2026-10-24 23:59:59"},
        {"Europe/Berlin", "2026-10-25 02:00:00", "2026-10-25 00:00:00"},
        {"Europe/Berlin", "2026-10-25 02:59:59", "2026-10-25 00:59:59"},
        {"Europe/Berlin", "2026-10-25 03:00:00", "2026-10-25 02:00:00"},
        {"America/New_York", "2026-03-08 02:15:00", "2026-03-08 07:00:00"},
        {"America/New_York", "2026-11-01 01:30:00", "2026-11-01 05:30:00"},
        /* Days that begin at one o'clock. */
        {"Africa/Cairo", "2024-04-26 00:00:00", "2024-04-25 22:00:00"},
        {"America/Santiago", "2022-09-11 00:00:00", "2022-09-11 04:00:00"},
        /* Half an hour only. */
        {"Australia/Lord_Howe", "2026-10-04 02:15:00", "2026-10-03 15:30:00"},
        {"Australia/Lord_Howe", "2026-04-05 01:45:00", "2026-04-04 14:45:00"},
        /* A day that Samoa left out. */
        {"Pacific/Apia", "2011-12-29 23:59:59", "2011-12-30 09:59:59"},
        {"Pacific/Apia", "2011-12-30 12:00:00", "2011-12-30 10:00:00"},
        {"Pacific/Apia", "2011-12-31 00:00:00", "2011-12-30 10:00:00"},
        /* Rules go on after the last change in the file. */
        {"Europe/Berlin", "2150-07-01 00:00:00", "2150-06-30 22:00:00"},
        {"Asia/Tokyo", "2150-07-01 00:00:00", "2150-06-30 15:00:00"},
        {"UTC", "2026-03-29 02:30:00", "2026-03-29 02:30:00"},
        {"Etc/UTC", "2026-03-29 02:30:00", "2026-03-29 02:30:00"},
        {"Etc/GMT-14", "2026-03-29 02:30:00", "2026-03-28 12:30:00"},
        {"Etc/GMT+12", "2026-03-29 02:30:00", "2026-03-29 14:30:00"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t utc = zone_to_utc(found(rows[i].zone), seconds(rows[i].local));
        if (utc != seconds(rows[i].utc))
            fail_msg("%s %s: %lld, not %s", rows[i].zone, rows[i].local, (long long)utc,
                     rows[i].utc);
    }
}

static void test_the_process_keeps_its_zone(void **state)
{
    struct tm local;
    time_t noon = 1782907200;
    (void)state;
    assert_int_equal(setenv("TZ", "Asia/Tokyo", 1), 0);
    tzset();
    (void)zone_to_utc(found("Europe/Paris"), 1782907200);
    assert_string_equal(getenv("TZ"), "Asia/Tokyo");
    assert_non_null(localtime_r(&noon, &local));
    assert_int_equal(local.tm_gmtoff, 9 * 3600);

    assert_int_equal(unsetenv("TZ"), 0);
    tzset();
    (void)zone_to_utc(found("Europe/Rome"), 1782907200);
    assert_null(getenv("TZ"));
}

/* ---- Against glibc, over the whole database ----------------------------------------------------
 */

static int64_t random_state = 88172645463325252;
static int64_t dice(int64_t sides)
{
    uint64_t x = (uint64_t)random_state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    random_state = (int64_t)x;
    return (int64_t)(x >> 1) % sides;
}

static void check_moment(const struct zone *zone, int64_t utc_s)
{
    struct tm local;
    time_t moment = utc_s;
    assert_non_null(localtime_r(&moment, &local));
    if (zone_local_s(zone, utc_s) != utc_s + local.tm_gmtoff)
        fail_msg("%.*s at %lld", SLICE_ARGS(zone_name(zone)), (long long)utc_s);
    int64_t week_s = (local.tm_wday * 24 + local.tm_hour) * 3600 + local.tm_min * 60 + local.tm_sec;
    assert_int_equal(zone_week_us(zone, utc_s * 1000000 + 5), week_s * 1000000 + 5);
}

/* Moments anywhere, and on both sides of the changes near them. The zone is the process's, too. */
static void check_zone(const struct zone *zone)
{
    int64_t end_s = seconds("2200-01-01 00:00:00");
    for (unsigned i = 0; i < 64; i++) {
        int64_t utc_s = i % 16 == 0 ? dice(end_s) : dice(seconds("2050-01-01 00:00:00"));
        struct zone_span span = zone_span_at(zone, utc_s);
        assert_true(span.from_s <= utc_s && utc_s < span.until_s);
        check_moment(zone, utc_s);
        if (span.from_s != INT64_MIN) {
            check_moment(zone, span.from_s - 1);
            check_moment(zone, span.from_s);
        }
        if (span.until_s != INT64_MAX) {
            check_moment(zone, span.until_s - 1);
            check_moment(zone, span.until_s);
        }
    }
}

static void test_every_zone_agrees_with_glibc(void **state)
{
    char line[256], name[256];
    unsigned count = 0;
    (void)state;
    FILE *file = fopen("/usr/share/zoneinfo/tzdata.zi", "re");
    if (!file)
        skip();
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "Z %255s", name) != 1 || !zone_find(slice_cstr(name)))
            continue;
        assert_int_equal(setenv("TZ", name, 1), 0);
        tzset();
        check_zone(found(name));
        count++;
    }
    fclose(file);
    assert_int_equal(unsetenv("TZ"), 0);
    assert_true(count > 300);
}

static void test_equal_names_are_one_zone(void **state)
{
    (void)state;
    assert_ptr_equal(found("Europe/Berlin"), found("Europe/Berlin"));
    assert_ptr_not_equal(found("Europe/Berlin"), found("Europe/Vienna"));
    assert_int_equal(zone_next_change_us(found("UTC"), 0), INT64_MAX);
    assert_int_equal(
        zone_next_change_us(found("Europe/Berlin"), seconds("2026-03-28 12:00:00") * 1000000),
        seconds("2026-03-29 01:00:00") * 1000000);
}

/* ---- Days ---------------------------------------------------------------------------------------
 */

static void test_days(void **state)
{
    static const struct {
        const char *zone, *now;
        int32_t date;
        const char *begin, *end;
    } days[] = {
        {"UTC", "2026-07-01 10:00:00", 20260701, "2026-07-01 00:00:00", "2026-07-02 00:00:00"},
        {"Europe/Berlin", "2026-07-01 22:00:00", 20260702, "2026-07-01 22:00:00",
         "2026-07-02 22:00:00"},
        {"Europe/Berlin", "2026-07-01 21:59:59", 20260701, "2026-06-30 22:00:00",
         "2026-07-01 22:00:00"},
        /* 23 and 25 hours. */
        {"Europe/Berlin", "2026-03-29 12:00:00", 20260329, "2026-03-28 23:00:00",
         "2026-03-29 22:00:00"},
        {"Europe/Berlin", "2026-10-25 00:30:00", 20261025, "2026-10-24 22:00:00",
         "2026-10-25 23:00:00"},
        {"America/New_York", "2026-11-01 12:00:00", 20261101, "2026-11-01 04:00:00",
         "2026-11-02 05:00:00"},
        /* 23 and a half, and 24 and a half. */
        {"Australia/Lord_Howe", "2026-10-04 00:00:00", 20261004, "2026-10-03 13:30:00",
         "2026-10-04 13:00:00"},
        {"Australia/Lord_Howe", "2026-04-05 00:00:00", 20260405, "2026-04-04 13:00:00",
         "2026-04-05 13:30:00"},
        {"Africa/Casablanca", "2026-02-15 12:00:00", 20260215, "2026-02-14 23:00:00",
         "2026-02-16 00:00:00"},
        /* Midnight does not exist: the day begins at one. */
        {"Africa/Cairo", "2024-04-26 12:00:00", 20240426, "2024-04-25 22:00:00",
         "2024-04-26 21:00:00"},
        {"America/Santiago", "2022-09-11 03:59:59", 20220910, "2022-09-10 04:00:00",
         "2022-09-11 04:00:00"},
        {"America/Santiago", "2022-09-11 04:00:00", 20220911, "2022-09-11 04:00:00",
         "2022-09-12 03:00:00"},
        /* At midnight back to eleven: the hour shown again belongs to the day before. */
        {"America/Santiago", "2022-04-03 03:30:00", 20220402, "2022-04-02 03:00:00",
         "2022-04-03 04:00:00"},
        /* At 00:01 back to 23:01: what is shown again of the day before is the new day's. */
        {"America/St_Johns", "2010-11-07 02:29:59", 20101106, "2010-11-06 02:30:00",
         "2010-11-07 02:30:00"},
        {"America/St_Johns", "2010-11-07 02:30:30", 20101107, "2010-11-07 02:30:00",
         "2010-11-08 03:30:00"},
        {"America/St_Johns", "2010-11-07 03:00:00", 20101107, "2010-11-07 02:30:00",
         "2010-11-08 03:30:00"},
        /* Samoa had no 30 December. */
        {"Pacific/Apia", "2011-12-30 09:59:59", 20111229, "2011-12-29 10:00:00",
         "2011-12-30 10:00:00"},
        {"Pacific/Apia", "2011-12-30 10:00:00", 20111231, "2011-12-30 10:00:00",
         "2011-12-31 10:00:00"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        struct zone_day day = zone_day_at(found(days[i].zone), seconds(days[i].now) * 1000000 + 7);
        if (day.date != days[i].date || day.begin_us != seconds(days[i].begin) * 1000000 ||
            day.end_us != seconds(days[i].end) * 1000000)
            fail_msg("%s at %s: %d, %lld to %lld", days[i].zone, days[i].now, day.date,
                     (long long)day.begin_us, (long long)day.end_us);
    }
}

static void test_days_follow_each_other(void **state)
{
    static const char *const zones[] = {
        "Europe/Berlin",     "America/St_Johns", "Africa/Cairo",
        "America/Santiago",  "Pacific/Apia",     "Africa/Casablanca",
        "America/Sao_Paulo", "Asia/Gaza",        "Asia/Tehran"};
    (void)state;
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        const struct zone *zone = found(zones[i]);
        struct zone_day day = zone_day_at(zone, seconds("1985-01-01 12:00:00") * 1000000);
        while (day.date < 20400101) {
            struct zone_day next = zone_day_at(zone, day.end_us);
            assert_true(next.begin_us == day.end_us && next.end_us > day.end_us);
            assert_true(next.date > day.date);
            int64_t inside = day.begin_us + dice(day.end_us - day.begin_us);
            struct zone_day again = zone_day_at(zone, inside);
            assert_int_equal(again.date, day.date);
            assert_int_equal(again.begin_us, day.begin_us);
            assert_int_equal(again.end_us, day.end_us);
            day = next;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_nights_on_which_clocks_change),
        cmocka_unit_test(test_the_process_keeps_its_zone),
        cmocka_unit_test(test_every_zone_agrees_with_glibc),
        cmocka_unit_test(test_equal_names_are_one_zone),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_days_follow_each_other),
    };
    return cmocka_run_group_tests_name("decision/zone", tests, NULL, NULL);
}
