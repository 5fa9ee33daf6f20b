#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "base/clock.h"

static void test_wall_time_is_that_of_the_machine(void **state)
{
    (void)state;
    int64_t before_s = time(NULL);
    int64_t now_us = clock_wall_us(&clock_system);
    int64_t after_s = time(NULL);
    /* time() may be read from a coarser clock, up to a tick behind. */
    assert_true(now_us >= before_s * US_PER_SECOND);
    assert_true(now_us < (after_s + 2) * US_PER_SECOND);
}

static void test_monotonic_time_only_grows(void **state)
{
    (void)state;
    int64_t last_us = clock_mono_us(&clock_system);
    assert_true(last_us > 0);
    for (int i = 0; i < 10000; i++) {
        int64_t now_us = clock_mono_us(&clock_system);
        assert_true(now_us >= last_us);
        last_us = now_us;
    }
}

static int64_t given_us(void *context)
{
    return *(const int64_t *)context;
}

static void test_a_test_can_turn_a_clock(void **state)
{
    (void)state;
    int64_t now_us = 5;
    const struct clock clock = {given_us, given_us, &now_us};
    assert_true(clock_wall_us(&clock) == 5);
    now_us = -1;
    assert_true(clock_mono_us(&clock) == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wall_time_is_that_of_the_machine),
        cmocka_unit_test(test_monotonic_time_only_grows),
        cmocka_unit_test(test_a_test_can_turn_a_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
