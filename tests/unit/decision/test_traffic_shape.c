#include "decision/traffic_shape.h"

#include "base/clock.h"

#include "unit.h"

#define HOUR_US (INT64_C(3600) * US_PER_SECOND)
#define WEEK_US (TRAFFIC_HOURS * HOUR_US)
#define MONDAY  INT64_C(490992) /* 2026-01-05 00:00 UTC, in hours */
#define WEEKS   10

/* Counts of whole weeks from MONDAY on, in order, for tests to write on. */
struct counted {
    struct traffic_count hours[WEEKS * TRAFFIC_HOURS];
    size_t count;
};

/* Traffic of a site that sleeps at night and is quieter on the weekend. */
static uint64_t usual(unsigned hour)
{
    uint64_t of_day = hour % 24 < 6 ? 100 : 1000;
    return hour < 5 * 24 ? of_day : of_day / 2;
}

static void count_weeks(struct counted *counted, unsigned weeks)
{
    counted->count = 0;
    for (unsigned i = 0; i < weeks * TRAFFIC_HOURS; i++)
        counted->hours[counted->count++] =
            (struct traffic_count){MONDAY + i, usual(i % TRAFFIC_HOURS)};
}

static struct traffic_shape learn(const struct counted *counted)
{
    struct traffic_shape shape;
    traffic_shape_learn(counted->hours, counted->count, &shape);
    for (unsigned i = 0; i < TRAFFIC_HOURS; i++) {
        assert_true(shape.weight[i] >= TRAFFIC_WEIGHT_MIN);
        assert_int_equal(shape.before[i + 1] - shape.before[i], shape.weight[i]);
    }
    assert_int_equal(shape.before[0], 0);
    return shape;
}

/* As what is usual would weigh if it were all there is, to a thousandth. */
static void assert_usual(const struct traffic_shape *shape, unsigned hour, double times)
{
    double sum = 0;
    for (unsigned i = 0; i < TRAFFIC_HOURS; i++)
        sum += (double)usual(i);
    double expected = times * (double)usual(hour) * TRAFFIC_HOURS * TRAFFIC_WEIGHT_MEAN / sum;
    double is = shape->weight[hour];
    if (is < expected * 0.999 - 1 || is > expected * 1.001 + 1)
        fail_msg("hour %u weighs %.0f, not %.0f", hour, is, expected);
}

static void assert_flat(const struct traffic_shape *shape)
{
    for (unsigned i = 0; i < TRAFFIC_HOURS; i++)
        assert_int_equal(shape->weight[i], TRAFFIC_WEIGHT_MEAN);
}

static void test_hours_of_the_week(void **state)
{
    static const struct {
        int64_t hour;
        unsigned of_week;
    } rows[] = {
        {MONDAY, 0},    {MONDAY + 1, 1}, {MONDAY - 1, 167}, {MONDAY + 168, 0},
        {0, 72},        {-1, 71},        {-72, 0},          {-73, 167},
        {-72 - 168, 0}, {INT64_MAX, 79}, {INT64_MIN, 64},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(traffic_hour_of_week(rows[i].hour), rows[i].of_week);
}

static void test_nothing_known_is_flat(void **state)
{
    struct traffic_shape shape;
    struct traffic_count nobody[3] = {{MONDAY, 0}, {MONDAY + 1, 0}, {MONDAY + 30, 0}};
    (void)state;
    traffic_shape_flat(&shape);
    assert_flat(&shape);
    traffic_shape_learn(NULL, 0, &shape);
    assert_flat(&shape);
    traffic_shape_learn(nobody, 3, &shape);
    assert_flat(&shape);
}

static void test_whole_weeks(void **state)
{
    struct counted counted;
    (void)state;
    for (unsigned weeks = 1; weeks <= TRAFFIC_WEEKS_MAX; weeks++) {
        count_weeks(&counted, weeks);
        struct traffic_shape shape = learn(&counted);
        for (unsigned hour = 0; hour < TRAFFIC_HOURS; hour++)
            assert_usual(&shape, hour, 1);
    }
}

/* Ten times the traffic in one hour of one week is nothing where three weeks are known. */
static void test_a_burst_among_weeks(void **state)
{
    struct counted counted;
    (void)state;
    for (unsigned weeks = 3; weeks <= TRAFFIC_WEEKS_MAX; weeks++) {
        count_weeks(&counted, weeks);
        counted.hours[TRAFFIC_HOURS + 34].requests *= 10;
        struct traffic_shape shape = learn(&counted);
        for (unsigned hour = 0; hour < TRAFFIC_HOURS; hour++)
            assert_usual(&shape, hour, 1);
    }
}

/* With less to compare, it is what is usual at that time of the day, three times. */
static void test_a_burst_in_the_first_weeks(void **state)
{
    struct counted counted;
    (void)state;
    for (unsigned weeks = 1; weeks <= 2; weeks++) {
        count_weeks(&counted, weeks);
        counted.hours[34].requests *= 10;
        struct traffic_shape shape = learn(&counted);
        double ratio = (double)shape.weight[34] / shape.weight[35];
        assert_true(ratio > TRAFFIC_BURST - 0.01 && ratio < TRAFFIC_BURST + 0.01);
        assert_true(shape.before[TRAFFIC_HOURS] <= TRAFFIC_HOURS * TRAFFIC_WEIGHT_MEAN);
    }
}

/* An hour without a server is 0 in one week; the others know better. */
static void test_an_outage(void **state)
{
    struct counted counted;
    (void)state;
    count_weeks(&counted, 4);
    for (unsigned hour = 30; hour < 50; hour++)
        counted.hours[2 * TRAFFIC_HOURS + hour].requests = 0;
    struct traffic_shape shape = learn(&counted);
    for (unsigned hour = 0; hour < TRAFFIC_HOURS; hour++)
        assert_usual(&shape, hour, 1);
}

static void test_the_median_of_weeks(void **state)
{
    struct counted counted;
    (void)state;
    count_weeks(&counted, 4);
    for (unsigned week = 0; week < 4; week++)
        counted.hours[week * TRAFFIC_HOURS + 34].requests = (uint64_t[]){1, 1100, 1300, 9999}[week];
    struct traffic_shape shape = learn(&counted);
    double ratio = (double)shape.weight[34] / shape.weight[35];
    assert_true(ratio > 1.199 && ratio < 1.201);
}

/* Only the newest eight weeks count, whatever the order. */
static void test_old_weeks_are_left_out(void **state)
{
    struct counted counted;
    (void)state;
    count_weeks(&counted, WEEKS);
    for (unsigned i = 0; i < 2 * TRAFFIC_HOURS; i++)
        counted.hours[i].requests = TRAFFIC_COUNT_MAX;
    for (unsigned i = 0; i < counted.count / 2; i++) {
        struct traffic_count swapped = counted.hours[i];
        counted.hours[i] = counted.hours[counted.count - 1 - i];
        counted.hours[counted.count - 1 - i] = swapped;
    }
    struct traffic_shape shape = learn(&counted);
    for (unsigned hour = 0; hour < TRAFFIC_HOURS; hour++)
        assert_usual(&shape, hour, 1);
}

static void test_an_hour_listed_twice_is_added_up(void **state)
{
    struct counted counted;
    (void)state;
    count_weeks(&counted, 3);
    for (unsigned week = 0; week < 3; week++) {
        struct traffic_count *count = &counted.hours[week * TRAFFIC_HOURS + 34];
        count->requests /= 4;
        counted.hours[counted.count++] = (struct traffic_count){count->hour, 3 * count->requests};
    }
    struct traffic_shape shape = learn(&counted);
    for (unsigned hour = 0; hour < TRAFFIC_HOURS; hour++)
        assert_usual(&shape, hour, 1);
}

/* After a day, the other days are taken to be like it. */
static void test_one_day_known(void **state)
{
    struct counted counted;
    (void)state;
    count_weeks(&counted, 1);
    counted.count = 24;
    struct traffic_shape shape = learn(&counted);
    for (unsigned hour = 0; hour < TRAFFIC_HOURS; hour++)
        assert_int_equal(shape.weight[hour], shape.weight[hour % 24]);
    assert_true(shape.weight[12] > 9 * shape.weight[3]);
}

/* After a morning, an hour that no day has shown weighs what the hours seen weigh on average. */
static void test_a_morning_known(void **state)
{
    struct traffic_count counts[2] = {{MONDAY + 8, 100}, {MONDAY + 9, 300}};
    struct traffic_shape shape;
    (void)state;
    traffic_shape_learn(counts, 2, &shape);
    for (unsigned hour = 0; hour < TRAFFIC_HOURS; hour++) {
        uint32_t expected = hour % 24 == 8   ? TRAFFIC_WEIGHT_MEAN / 2
                            : hour % 24 == 9 ? TRAFFIC_WEIGHT_MEAN * 3 / 2
                                             : TRAFFIC_WEIGHT_MEAN;
        assert_in_range(shape.weight[hour], expected - 1, expected);
    }
}

static void test_no_hour_stands_still(void **state)
{
    struct counted counted;
    (void)state;
    count_weeks(&counted, 4);
    for (size_t i = 0; i < counted.count; i++)
        counted.hours[i].requests = i % 24 < 6 ? 0 : UINT64_MAX;
    struct traffic_shape shape = learn(&counted);
    assert_int_equal(shape.weight[0], TRAFFIC_WEIGHT_MIN);
    assert_int_equal(shape.weight[12], TRAFFIC_WEIGHT_MEAN * 24 / 18);
}

static uint64_t between(const struct traffic_shape *shape, int64_t from_us, int64_t to_us)
{
    unsigned __int128 traffic = traffic_shape_between(shape, from_us, to_us);
    assert_true(traffic >> 64 == 0);
    return (uint64_t)traffic;
}

static void test_traffic_between_two_moments(void **state)
{
    struct counted counted;
    int64_t monday = MONDAY * HOUR_US;
    (void)state;
    count_weeks(&counted, 3);
    struct traffic_shape shape = learn(&counted);
    uint64_t night = shape.weight[0], day = shape.weight[6], week = shape.before[TRAFFIC_HOURS];
    assert_int_equal(between(&shape, monday, monday), 0);
    assert_int_equal(between(&shape, monday, monday + 1), night);
    assert_int_equal(between(&shape, monday - HOUR_US * 3, monday),
                     3 * HOUR_US * (uint64_t)shape.weight[167]);
    assert_int_equal(between(&shape, monday + 5 * HOUR_US + 7, monday + 6 * HOUR_US + 11),
                     night * (HOUR_US - 7) + day * 11);
    for (int64_t at = monday - WEEK_US; at < monday + WEEK_US; at += 7 * HOUR_US + 12345)
        assert_int_equal(between(&shape, at, at + WEEK_US), week * HOUR_US);
    assert_int_equal(between(&shape, monday + 1, monday + 1 + 20 * WEEK_US), 20 * week * HOUR_US);
}

/* Also long before 1970, and over all time there is. */
static void test_all_times_will_do(void **state)
{
    struct traffic_shape shape;
    int64_t moments[] = {INT64_MIN, INT64_MIN + 1,    -WEEK_US - 1,  -1,       0, 1,
                         HOUR_US,   MONDAY * HOUR_US, INT64_MAX - 1, INT64_MAX};
    (void)state;
    traffic_shape_flat(&shape);
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        for (size_t j = i; j < sizeof moments / sizeof *moments; j++) {
            unsigned __int128 us = (uint64_t)moments[j] - (uint64_t)moments[i];
            assert_true(traffic_shape_between(&shape, moments[i], moments[j]) ==
                        us * TRAFFIC_WEIGHT_MEAN);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hours_of_the_week),
        cmocka_unit_test(test_nothing_known_is_flat),
        cmocka_unit_test(test_whole_weeks),
        cmocka_unit_test(test_a_burst_among_weeks),
        cmocka_unit_test(test_a_burst_in_the_first_weeks),
        cmocka_unit_test(test_an_outage),
        cmocka_unit_test(test_the_median_of_weeks),
        cmocka_unit_test(test_old_weeks_are_left_out),
        cmocka_unit_test(test_an_hour_listed_twice_is_added_up),
        cmocka_unit_test(test_one_day_known),
        cmocka_unit_test(test_a_morning_known),
        cmocka_unit_test(test_no_hour_stands_still),
        cmocka_unit_test(test_traffic_between_two_moments),
        cmocka_unit_test(test_all_times_will_do),
    };
    return cmocka_run_group_tests_name("decision/traffic_shape", tests, NULL, NULL);
}
