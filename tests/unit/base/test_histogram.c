#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/histogram.h"
#include "base/random.h"

static struct histogram histogram;

static int set_up(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof histogram);
    return 0;
}

static void test_an_empty_histogram_is_all_zero(void **state)
{
    (void)state;
    assert_int_equal(histogram_count(&histogram), 0);
    assert_int_equal(histogram_quantile_us(&histogram, 500), 0);
    assert_int_equal(histogram_at_most(&histogram, INT64_MAX), 0);
}

/* A lone duration's bucket ends at it or at most 3.2 % above. */
static void test_buckets_are_narrow(void **state)
{
    (void)state;
    for (int64_t us = 0; us <= HISTOGRAM_MAX_US; us += 1 + us / 97) {
        memset(&histogram, 0, sizeof histogram);
        histogram_add(&histogram, us);
        histogram_add(&histogram, HISTOGRAM_MAX_US); /* so that the maximum does not clip */
        int64_t end_us = histogram_quantile_us(&histogram, 500);
        assert_true(end_us >= us);
        assert_true((end_us - us) * 1000 <= us * 32);
    }
}

static void test_short_durations_are_exact(void **state)
{
    (void)state;
    for (int64_t us = 0; us < 64; us++) {
        memset(&histogram, 0, sizeof histogram);
        histogram_add(&histogram, us);
        assert_int_equal(histogram_quantile_us(&histogram, 500), us);
        assert_int_equal(histogram_at_most(&histogram, us), 1);
        assert_int_equal(histogram_at_most(&histogram, us - 1), 0);
    }
}

static void test_durations_are_held_to_the_range(void **state)
{
    (void)state;
    histogram_add(&histogram, -1);
    histogram_add(&histogram, INT64_MIN);
    assert_int_equal(histogram.max_us, 0);
    assert_int_equal(histogram_at_most(&histogram, 0), 2);

    histogram_add(&histogram, INT64_MAX);
    assert_int_equal(histogram.max_us, HISTOGRAM_MAX_US);
    assert_int_equal(histogram.sum_us, HISTOGRAM_MAX_US);
    assert_int_equal(histogram_at_most(&histogram, HISTOGRAM_MAX_US - 1), 2);
    assert_int_equal(histogram_at_most(&histogram, HISTOGRAM_MAX_US), 3);
}

static void test_quantiles_of_one_to_a_thousand(void **state)
{
    (void)state;
    for (int64_t us = 1; us <= 1000; us++)
        histogram_add(&histogram, us);
    assert_in_range(histogram_quantile_us(&histogram, 500), 500, 516);
    assert_in_range(histogram_quantile_us(&histogram, 900), 900, 928);
    assert_in_range(histogram_quantile_us(&histogram, 990), 990, 1000);
    assert_int_equal(histogram_quantile_us(&histogram, 999), 1000); /* clipped to the greatest */
    assert_int_equal(histogram_quantile_us(&histogram, 1000), 1000);
    assert_int_equal(histogram.sum_us, 500500);
}

static void test_one_slow_answer_in_a_thousand_shows_in_the_last_quantile_alone(void **state)
{
    (void)state;
    for (int i = 0; i < 1998; i++)
        histogram_add(&histogram, 10);
    histogram_add(&histogram, 1000000);
    histogram_add(&histogram, 1000000);
    assert_int_equal(histogram_quantile_us(&histogram, 990), 10);
    assert_int_equal(histogram_quantile_us(&histogram, 999), 10);
    histogram_add(&histogram, 1000000);
    assert_int_equal(histogram_quantile_us(&histogram, 999), 1000000);
}

static void test_at_most_counts_what_surely_is(void **state)
{
    struct random random;
    uint64_t last = 0;
    (void)state;
    random_seed(&random, 11);
    for (int i = 0; i < 5000; i++)
        histogram_add(&histogram, (int64_t)random_below(&random, 1000000));
    for (int64_t us = 0; us < 1100000; us += 1000) {
        uint64_t count = histogram_at_most(&histogram, us);
        assert_true(count >= last);
        last = count;
    }
    assert_int_equal(last, 5000);
    assert_int_equal(histogram_at_most(&histogram, -1), 0);
}

static void test_merging_adds(void **state)
{
    static struct histogram other, empty;
    (void)state;
    histogram_add(&histogram, 5);
    histogram_add(&other, 7);
    histogram_add(&other, 100);
    histogram_merge(&histogram, &other);
    histogram_merge(&histogram, &empty);
    assert_int_equal(histogram_count(&histogram), 3);
    assert_int_equal(histogram.sum_us, 112);
    assert_int_equal(histogram.max_us, 100);
    assert_int_equal(histogram_at_most(&histogram, 7), 2);
}

static void test_durations_of_zero_are_merged_too(void **state)
{
    static struct histogram zeros;
    (void)state;
    histogram_add(&zeros, 0);
    histogram_merge(&histogram, &zeros);
    assert_int_equal(histogram_count(&histogram), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_an_empty_histogram_is_all_zero, set_up),
        cmocka_unit_test_setup(test_buckets_are_narrow, set_up),
        cmocka_unit_test_setup(test_short_durations_are_exact, set_up),
        cmocka_unit_test_setup(test_durations_are_held_to_the_range, set_up),
        cmocka_unit_test_setup(test_quantiles_of_one_to_a_thousand, set_up),
        cmocka_unit_test_setup(test_one_slow_answer_in_a_thousand_shows_in_the_last_quantile_alone,
                               set_up),
        cmocka_unit_test_setup(test_at_most_counts_what_surely_is, set_up),
        cmocka_unit_test_setup(test_merging_adds, set_up),
        cmocka_unit_test_setup(test_durations_of_zero_are_merged_too, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
