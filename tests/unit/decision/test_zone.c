#include "decision/zone.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_nights_on_which_clocks_change),
        cmocka_unit_test(test_the_process_keeps_its_zone),
    };
    return cmocka_run_group_tests_name("decision/zone", tests, NULL, NULL);
}
