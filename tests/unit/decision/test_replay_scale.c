/* How many requests a logged one stands for: by hour, by kind. */
#include "unit/decision/unit.h"

#include <stdio.h>
#include <string.h>

#include "decision/replay_kinds.h"
#include "decision/replay_scale.h"
#include "decision/request_kind.h"

#define HOUR_MS INT64_C(3600000)
#define FIRST   491000 /* an hour; 8 hours into its day */
#define HOURS   96

static struct logged_request request_at(int64_t hour)
{
    return (struct logged_request){.at_ms = hour * HOUR_MS + 1000,
                                   .sample_ppm = SAMPLE_ALL_PPM / 10,
                                   .slots = {{SLICE("header"), 0}},
                                   .slot_count = 1};
}

static void log_hour(struct replay_scale *scale, int64_t hour, unsigned records)
{
    struct logged_request request = request_at(hour);
    for (unsigned i = 0; i < records; i++)
        replay_scale_log(scale, &request);
}

static uint64_t weight_at(const struct replay_scale *scale, int64_t hour)
{
    struct logged_request request = request_at(hour);
    return replay_scale_weight(scale, &request);
}

static void without_counts_the_sample_is_all_that_is_known(void **state)
{
    (void)state;
    struct replay_scale *scale = replay_scale_new(FIRST, HOURS);
    log_hour(scale, FIRST, 7);
    log_hour(scale, FIRST + 1, 500);
    log_hour(scale, FIRST + 2, 7);
    replay_scale_count(scale, NULL, 0);
    assert_false(replay_scale_is_scaled(scale));
    assert_int_equal(weight_at(scale, FIRST + 1), 10000);
    assert_int_equal(replay_scale_requests(scale), 5140000);
    replay_scale_free(scale);
}

/* The first and the last hour may be half ones: their counts say nothing of what was logged. */
static void whole_hours_stand_for_what_was_counted(void **state)
{
    (void)state;
    struct replay_scale *scale = replay_scale_new(FIRST, HOURS);
    const struct traffic_count counts[] = {
        {FIRST, 999999},   {FIRST + 1, 6000}, {FIRST + 2, 4500},
        {FIRST + 3, 9999}, {FIRST - 5, 1},    {FIRST + 200, 1},
    };
    log_hour(scale, FIRST, 10);
    log_hour(scale, FIRST + 1, 500);
    log_hour(scale, FIRST + 2, 500);
    log_hour(scale, FIRST + 3, 10);
    replay_scale_count(scale, counts, sizeof counts / sizeof *counts);
    assert_true(replay_scale_is_scaled(scale));
    assert_int_equal(weight_at(scale, FIRST + 1), 12000);
    assert_int_equal(weight_at(scale, FIRST + 2), 9000);
    assert_int_equal(weight_at(scale, FIRST), 10500); /* as the others together */
    assert_int_equal(weight_at(scale, FIRST + 3), 10500);
    assert_int_equal(weight_at(scale, FIRST + 1000), 10500);
    assert_int_equal(replay_scale_requests(scale), (6000 + 4500 + 210) * 1000);

    struct traffic_count hours[HOURS];
    assert_int_equal(replay_scale_hours(scale, hours), 2);
    assert_int_equal(hours[0].hour, FIRST + 1);
    assert_int_equal(hours[0].requests, 6000);
    assert_int_equal(hours[1].requests, 4500);
    replay_scale_free(scale);
}

/* Few requests of an hour by itself would stand for too much or too little. */
static void quiet_hours_are_scaled_together(void **state)
{
    (void)state;
    struct replay_scale *scale = replay_scale_new(FIRST, HOURS);
    struct traffic_count counts[20];
    log_hour(scale, FIRST, 1);
    for (unsigned i = 1; i <= 18; i++) {
        log_hour(scale, FIRST + i, i % 2 ? 150 : 50);
        counts[i] = (struct traffic_count){FIRST + i, 1000};
    }
    counts[0] = (struct traffic_count){FIRST, 1};
    counts[19] = (struct traffic_count){FIRST + 19, 1};
    log_hour(scale, FIRST + 19, 1);
    replay_scale_count(scale, counts, 20);
    /* 150, 50, 150, 50 are a stretch, and so on; 17 and 18 are too few and join the one before. */
    for (unsigned i = 1; i <= 18; i++)
        assert_int_equal(weight_at(scale, FIRST + i), 10000);
    replay_scale_free(scale);
}

static void hours_that_nothing_was_logged_of_are_gaps(void **state)
{
    (void)state;
    struct replay_scale *scale = replay_scale_new(FIRST, HOURS);
    const struct traffic_count counts[] = {
        {FIRST + 1, 5000}, {FIRST + 2, 5000}, {FIRST + 3, 5000}, {FIRST + 4, 50}};
    log_hour(scale, FIRST, 1);
    log_hour(scale, FIRST + 1, 500);
    log_hour(scale, FIRST + 3, 500);
    log_hour(scale, FIRST + 5, 1); /* of hour 4 there is nothing, but much there was not */
    replay_scale_count(scale, counts, 4);
    assert_int_equal(replay_scale_gaps(scale), 1);
    assert_int_equal(weight_at(scale, FIRST + 1), 10000);
    assert_int_equal(weight_at(scale, FIRST + 3), 10100);
    replay_scale_free(scale);
}

/* ---- By kind --------------------------------------------------------------------------------- */

static struct logged_request of_kind(int64_t day, const char *country, bool known)
{
    struct logged_request request = request_at(day * 24 + 12);
    request.facts.country = slice_cstr(country);
    request.has_viewer = known;
    return request;
}

static void log_kind(struct replay_kinds *kinds, int64_t day, const char *country, unsigned records)
{
    struct logged_request request = of_kind(day, country, true);
    for (unsigned i = 0; i < records; i++)
        replay_kinds_log(kinds, &request);
}

static void count_kind(struct replay_kinds *kinds, int64_t day, const char *country, uint64_t n)
{
    struct logged_request request = of_kind(day, country, true);
    replay_kinds_count(kinds, day, request_kind(&request.facts, true), n);
}

static double factor(const struct replay_kinds *kinds, const char *country)
{
    struct logged_request request = of_kind(100, country, true);
    return replay_kinds_factor(kinds, &request);
}

#define assert_factor(kinds, country, thousandths) \
    assert_int_equal((int)(factor(kinds, country) * 1000 + 0.5), thousandths)

static void each_kind_gets_its_part(void **state)
{
    (void)state;
    struct replay_kinds *kinds = replay_kinds_new();
    for (int64_t day = 100; day <= 103; day++) {
        log_kind(kinds, day, "DE", 600);
        log_kind(kinds, day, "FR", 400);
    }
    /* 100 and 103 are hardly whole: what was counted then is not looked at. */
    count_kind(kinds, 100, "FR", 1000000);
    count_kind(kinds, 103, "FR", 1000000);
    for (int64_t day = 101; day <= 102; day++) {
        count_kind(kinds, day, "DE", 5000);
        count_kind(kinds, day, "FR", 5000);
    }
    assert_true(replay_kinds_finish(kinds));
    assert_factor(kinds, "DE", 833);
    assert_factor(kinds, "FR", 1250);
    assert_factor(kinds, "AT", 1000);
    replay_kinds_free(kinds);
}

static void rare_kinds_are_taken_together(void **state)
{
    (void)state;
    struct replay_kinds *kinds = replay_kinds_new();
    for (int64_t day = 100; day <= 102; day++) {
        log_kind(kinds, day, "DE", 900);
        log_kind(kinds, day, "AT", 40);
        log_kind(kinds, day, "CH", 60);
    }
    count_kind(kinds, 101, "DE", 8000);
    count_kind(kinds, 101, "AT", 2000);
    count_kind(kinds, 101, "LI", 0);
    assert_true(replay_kinds_finish(kinds));
    assert_factor(kinds, "DE", 889);
    assert_factor(kinds, "AT", 2000);
    assert_factor(kinds, "CH", 2000);
    replay_kinds_free(kinds);
}

/* A server before this one did not count them, or the log is too short. */
static void where_nothing_was_counted_nothing_changes(void **state)
{
    int64_t first, last;
    (void)state;
    struct replay_kinds *kinds = replay_kinds_new();
    assert_false(replay_kinds_days(kinds, &first, &last));
    log_kind(kinds, 100, "DE", 900);
    log_kind(kinds, 101, "DE", 900);
    assert_false(replay_kinds_days(kinds, &first, &last));
    count_kind(kinds, 100, "DE", 5);
    assert_false(replay_kinds_finish(kinds));
    assert_factor(kinds, "DE", 1000);
    replay_kinds_free(kinds);
}

static void kinds_are_printed_and_read(void **state)
{
    static const char *const bad[] = {"",       ".",       "D.1.1",   "de.1.1", "DEU.1.1", "DE.4.1",
                                      "DE.1.2", "DE.1.1 ", "DE.11.1", "DE11.1", "..1.1"};
    char text[REQUEST_KIND_TEXT_MAX];
    struct page_facts facts = {.country = SLICE("DE"), .device = DEVICE_MOBILE};
    uint32_t kind = request_kind(&facts, true), again;
    (void)state;
    assert_true(slice_eq(request_kind_print(kind, text), SLICE("DE.2.1")));
    assert_true(request_kind_read(SLICE("DE.2.1"), &again) && again == kind);
    assert_true(slice_eq(request_kind_print(request_kind(&(struct page_facts){0}, false), text),
                         SLICE(".0.0")));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (request_kind_read(slice_cstr(bad[i]), &again))
            fail_msg("accepted: %s", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_counts_the_sample_is_all_that_is_known),
        cmocka_unit_test(whole_hours_stand_for_what_was_counted),
        cmocka_unit_test(quiet_hours_are_scaled_together),
        cmocka_unit_test(hours_that_nothing_was_logged_of_are_gaps),
        cmocka_unit_test(each_kind_gets_its_part),
        cmocka_unit_test(rare_kinds_are_taken_together),
        cmocka_unit_test(where_nothing_was_counted_nothing_changes),
        cmocka_unit_test(kinds_are_printed_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
