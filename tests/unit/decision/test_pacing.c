#include "decision/pacing.h"

#include "base/random.h"

#include "unit.h"

#define MINUTE_US (INT64_C(60) * US_PER_SECOND)
#define HOUR_US   (60 * MINUTE_US)
#define DAY_US    (24 * HOUR_US)
#define WEEK_US   (7 * DAY_US)
#define MONDAY_US INT64_C(1767571200000000) /* 2026-01-05 00:00 UTC */
#define YEAR_2200 INT64_C(7258118400000000)

#define GOAL_MAX   UINT64_C(1000000000000)    /* impressions */
#define BUDGET_MAX UINT64_C(1000000000000000) /* micro-units */

static struct pacing_goal goal_of(enum pacing pacing, uint64_t amount, int64_t length_us)
{
    return (struct pacing_goal){pacing, amount, MONDAY_US, MONDAY_US + length_us};
}

/* Nights with a tenth of the day's traffic. */
static const struct traffic_shape *night_shape(void)
{
    static struct traffic_shape shape;
    struct traffic_count counts[TRAFFIC_HOURS];
    for (unsigned hour = 0; hour < TRAFFIC_HOURS; hour++)
        counts[hour] = (struct traffic_count){MONDAY_US / HOUR_US + hour, hour % 24 < 6 ? 10 : 100};
    traffic_shape_learn(counts, TRAFFIC_HOURS, &shape);
    return &shape;
}

static void test_even_without_a_shape_is_straight(void **state)
{
    struct pacing_goal goal = goal_of(PACING_EVEN, 995000, WEEK_US); /* complete at 99.5 % */
    (void)state;
    for (unsigned i = 0; i <= 995; i++)
        assert_int_equal(pacing_plan(&goal, NULL, MONDAY_US + WEEK_US / 1000 * i), 1000 * i);
    assert_int_equal(pacing_plan(&goal, NULL, MONDAY_US + WEEK_US / 1000 * 996), 995000);
}

static void test_a_flat_shape_is_no_shape(void **state)
{
    struct traffic_shape flat;
    struct pacing_goal goal = goal_of(PACING_EVEN, 1234567, 3 * DAY_US + 77);
    (void)state;
    traffic_shape_flat(&flat);
    for (int64_t at = 0; at < 3 * DAY_US; at += HOUR_US / 7)
        assert_int_equal(pacing_plan(&goal, &flat, MONDAY_US + at),
                         pacing_plan(&goal, NULL, MONDAY_US + at));
}

/* 6 hours of weight 10 and 18 of 100, less the reserve of 7.2 minutes. */
static void test_even_follows_the_traffic(void **state)
{
    struct pacing_goal goal = goal_of(PACING_EVEN, (6 * 10 + 18 * 100 - 12) * 1000, DAY_US);
    const struct traffic_shape *shape = night_shape();
    (void)state;
    assert_in_range(pacing_plan(&goal, shape, MONDAY_US + 3 * HOUR_US), 29900, 30100);
    assert_in_range(pacing_plan(&goal, shape, MONDAY_US + 6 * HOUR_US), 59900, 60100);
    assert_in_range(pacing_plan(&goal, shape, MONDAY_US + 7 * HOUR_US), 159900, 160100);
    assert_in_range(pacing_plan(&goal, shape, MONDAY_US + 20 * HOUR_US), 1459900, 1460100);
    assert_int_equal(pacing_plan(&goal, shape, MONDAY_US + DAY_US - 432 * US_PER_SECOND), 1848000);
}

/* front = x + x (1 - x) / 2. */
static void test_front(void **state)
{
    static const struct {
        unsigned percent, front;
    } rows[] = {{0, 0},      {10, 14500}, {25, 34375},  {50, 62500},
                {75, 84375}, {90, 94500}, {100, 100000}};
    struct pacing_goal goal = goal_of(PACING_FRONT, 100000, WEEK_US);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t at = WEEK_US / 200 * 199 / 100 * rows[i].percent;
        assert_in_range(pacing_plan(&goal, NULL, MONDAY_US + at), rows[i].front, rows[i].front + 1);
    }
}

static void test_front_is_ahead_of_even(void **state)
{
    struct pacing_goal front = goal_of(PACING_FRONT, GOAL_MAX, WEEK_US);
    struct pacing_goal even = goal_of(PACING_EVEN, GOAL_MAX, WEEK_US);
    (void)state;
    for (int64_t at = HOUR_US; at < WEEK_US - HOUR_US; at += HOUR_US)
        assert_true(pacing_plan(&front, night_shape(), MONDAY_US + at) >
                    pacing_plan(&even, night_shape(), MONDAY_US + at));
}

static void test_asap(void **state)
{
    struct pacing_goal goal = goal_of(PACING_ASAP, 1000, WEEK_US);
    (void)state;
    assert_int_equal(pacing_plan(&goal, NULL, MONDAY_US - 1), 0);
    assert_int_equal(pacing_ceiling(&goal, NULL, MONDAY_US - 1), 0);
    assert_int_equal(pacing_plan(&goal, NULL, MONDAY_US), 1000);
    assert_int_equal(pacing_ceiling(&goal, NULL, MONDAY_US), 1000);
    assert_int_equal(pacing_ceiling(&goal, NULL, INT64_MAX), 1000);
}

/* Without a begin, an end or time between them, there is nothing to pace over. */
static void test_no_period_is_asap(void **state)
{
    static const struct {
        int64_t begin_us, end_us;
    } rows[] = {{MONDAY_US, TIME_UNSET},
                {TIME_UNSET, MONDAY_US + 1},
                {TIME_UNSET, TIME_UNSET},
                {MONDAY_US, MONDAY_US},
                {MONDAY_US, MONDAY_US - DAY_US}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pacing_goal goal = {PACING_EVEN, 1000, rows[i].begin_us, rows[i].end_us};
        assert_int_equal(pacing_plan(&goal, NULL, MONDAY_US), 1000);
        assert_int_equal(pacing_ceiling(&goal, night_shape(), MONDAY_US), 1000);
        if (rows[i].begin_us != TIME_UNSET)
            assert_int_equal(pacing_ceiling(&goal, NULL, MONDAY_US - 1), 0);
    }
}

/* The plan is complete this long before the end. */
static void test_the_reserve(void **state)
{
    static const struct {
        int64_t period_us, reserve_us;
    } rows[] = {
        {365 * DAY_US, 365 * DAY_US / 200},
        {WEEK_US, WEEK_US / 200},
        {25 * HOUR_US, 450 * US_PER_SECOND},
        {23 * HOUR_US, 414 * US_PER_SECOND},
        {6 * HOUR_US, 120 * US_PER_SECOND},
        {10 * MINUTE_US, 120 * US_PER_SECOND},
        {5 * MINUTE_US, 60 * US_PER_SECOND},
        {10, 2},
        {1, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pacing_goal goal = goal_of(PACING_EVEN, BUDGET_MAX, rows[i].period_us);
        int64_t aim_us = goal.end_us - rows[i].reserve_us;
        assert_int_equal(pacing_plan(&goal, NULL, aim_us), BUDGET_MAX);
        assert_true(pacing_plan(&goal, NULL, aim_us - 1) < BUDGET_MAX);
        assert_int_equal(pacing_plan(&goal, NULL, goal.end_us), BUDGET_MAX);
        assert_int_equal(pacing_plan(&goal, NULL, INT64_MAX), BUDGET_MAX);
    }
}

/* What has been begun is planned, so that small goals begin at once and their last one is not late.
 */
static void test_small_goals(void **state)
{
    struct pacing_goal one = goal_of(PACING_EVEN, 1, WEEK_US),
                       ten = goal_of(PACING_EVEN, 10, WEEK_US);
    struct pacing_goal none = goal_of(PACING_EVEN, 0, WEEK_US);
    int64_t aimed_us = WEEK_US / 200 * 199;
    (void)state;
    assert_int_equal(pacing_plan(&one, NULL, MONDAY_US), 0);
    assert_int_equal(pacing_plan(&one, NULL, MONDAY_US + 1), 1);
    for (unsigned i = 0; i < 10; i++) {
        assert_in_range(pacing_plan(&ten, NULL, MONDAY_US + aimed_us / 10 * i), i, i + 1);
        assert_int_equal(pacing_plan(&ten, NULL, MONDAY_US + aimed_us / 10 * i + 1), i + 1);
    }
    assert_int_equal(pacing_plan(&none, NULL, MONDAY_US + DAY_US), 0);
    assert_int_equal(pacing_ceiling(&none, NULL, MONDAY_US + WEEK_US), 0);
}

/* Days of 23 and 25 hours: each is its own period. */
static void test_days_of_other_lengths(void **state)
{
    (void)state;
    for (int64_t hours = 23; hours <= 25; hours++) {
        struct pacing_goal goal = goal_of(PACING_EVEN, 199000, hours * HOUR_US);
        assert_int_equal(pacing_plan(&goal, NULL, MONDAY_US), 0);
        assert_in_range(pacing_plan(&goal, NULL, MONDAY_US + hours * HOUR_US / 2), 99999, 100001);
        assert_int_equal(pacing_plan(&goal, NULL, MONDAY_US + hours * HOUR_US - 1), 199000);
    }
}

static void test_the_ceiling(void **state)
{
    struct pacing_goal goal = goal_of(PACING_EVEN, 199 * 3024, WEEK_US); /* one a second */
    struct pacing_goal hour = goal_of(PACING_EVEN, 1000000, HOUR_US);
    (void)state;
    for (int64_t at = 0; at < WEEK_US; at += HOUR_US / 3)
        assert_int_equal(pacing_ceiling(&goal, NULL, MONDAY_US + at),
                         pacing_plan(&goal, NULL, MONDAY_US + at + MINUTE_US));
    assert_int_equal(pacing_ceiling(&goal, NULL, MONDAY_US), 60);
    assert_int_equal(pacing_ceiling(&goal, NULL, MONDAY_US - 1), 0);
    assert_int_equal(pacing_ceiling(&goal, NULL, INT64_MAX), goal.amount);
    /* 9 seconds of an hour: at its first tenth 2.5 % */
    assert_int_equal(pacing_ceiling(&hour, NULL, MONDAY_US + MINUTE_US),
                     pacing_plan(&hour, NULL, MONDAY_US + MINUTE_US + 9 * US_PER_SECOND));
}

/* Whatever the numbers: never falling, never above, ceiling never below the plan. */
static void test_any_goal(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 4711);
    for (unsigned turn = 0; turn < 3000; turn++) {
        int64_t a = (int64_t)random_below(&random, YEAR_2200);
        int64_t length = (int64_t)(random_below(&random, YEAR_2200) >> random_below(&random, 50));
        struct pacing_goal goal = {turn % 2 ? PACING_EVEN : PACING_FRONT,
                                   random_u64(&random) >> random_below(&random, 64), a, a + length};
        const struct traffic_shape *shape = turn % 3 ? night_shape() : NULL;
        int64_t step = length / 100 > 0 ? length / 100 : 1;
        uint64_t last = 0;
        for (int64_t at = a - step; at < a + length + 2 * step; at += step) {
            uint64_t plan = pacing_plan(&goal, shape, at);
            assert_true(plan >= last && plan <= goal.amount);
            assert_true(pacing_ceiling(&goal, shape, at) >= plan);
            assert_true(at >= a || plan == 0);
            last = plan;
        }
        assert_int_equal(last, goal.amount);
    }
}

/* Microsecond by microsecond over an hour's border, where the pace changes tenfold. */
static void test_no_step_back(void **state)
{
    (void)state;
    for (unsigned front = 0; front < 2; front++) {
        struct pacing_goal goal =
            goal_of(front ? PACING_FRONT : PACING_EVEN, UINT64_MAX, 200 * 365 * DAY_US);
        uint64_t last = 0;
        for (int64_t at = -1000; at < 1000; at++) {
            uint64_t plan = pacing_plan(&goal, night_shape(), MONDAY_US + 6 * HOUR_US + at);
            assert_true(plan > last);
            last = plan;
        }
    }
}

static void test_the_largest_numbers(void **state)
{
    struct pacing_goal ever = {PACING_EVEN, UINT64_MAX, INT64_MIN + 1, INT64_MAX};
    int64_t aim_us = INT64_MAX - (int64_t)(UINT64_MAX / 200);
    int64_t half_us = INT64_MIN / 2 + aim_us / 2;
    (void)state;
    assert_int_equal(pacing_plan(&ever, NULL, INT64_MIN), 0);
    assert_int_equal(pacing_plan(&ever, NULL, INT64_MIN + 1), 0);
    assert_in_range(pacing_plan(&ever, NULL, half_us), UINT64_MAX / 2 - 10, UINT64_MAX / 2 + 10);
    assert_in_range(pacing_plan(&ever, night_shape(), half_us), UINT64_MAX / 2 - (UINT64_MAX >> 20),
                    UINT64_MAX / 2 + (UINT64_MAX >> 20));
    assert_int_equal(pacing_plan(&ever, night_shape(), aim_us + 1), UINT64_MAX);
    assert_int_equal(pacing_ceiling(&ever, night_shape(), INT64_MAX), UINT64_MAX);
    ever.pacing = PACING_FRONT;
    assert_in_range(pacing_plan(&ever, NULL, half_us), UINT64_MAX / 8 * 5 - 10,
                    UINT64_MAX / 8 * 5 + 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_even_without_a_shape_is_straight),
        cmocka_unit_test(test_a_flat_shape_is_no_shape),
        cmocka_unit_test(test_even_follows_the_traffic),
        cmocka_unit_test(test_front),
        cmocka_unit_test(test_front_is_ahead_of_even),
        cmocka_unit_test(test_asap),
        cmocka_unit_test(test_no_period_is_asap),
        cmocka_unit_test(test_the_reserve),
        cmocka_unit_test(test_small_goals),
        cmocka_unit_test(test_days_of_other_lengths),
        cmocka_unit_test(test_the_ceiling),
        cmocka_unit_test(test_any_goal),
        cmocka_unit_test(test_no_step_back),
        cmocka_unit_test(test_the_largest_numbers),
    };
    return cmocka_run_group_tests_name("decision/pacing", tests, NULL, NULL);
}
