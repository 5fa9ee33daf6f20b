#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/random.h"
#include "unit/base/child.h"

/* What the generator of its authors gives from the state 1, 2, 3, 4. */
static void test_the_generator_is_xoshiro256_starstar(void **state)
{
    static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240};
    struct random random = {{1, 2, 3, 4}};
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_true(random_u64(&random) == expected[i]);
}

/* splitmix64's first four numbers for seed 0. */
static void test_a_seed_is_spread_by_splitmix64(void **state)
{
    static const struct random expected = {{
        UINT64_C(0xe220a8397b1dcdaf),
        UINT64_C(0x6e789e6aa1b965f4),
        UINT64_C(0x06c45d188009454f),
        UINT64_C(0xf88bb8a8724c81ec),
    }};
    struct random random;
    (void)state;
    random_seed(&random, 0);
    assert_memory_equal(&random, &expected, sizeof random);
}

static void test_the_same_seed_gives_the_same_numbers(void **state)
{
    struct random a, b;
    (void)state;
    random_seed(&a, 42);
    random_seed(&b, 42);
    for (int i = 0; i < 1000; i++)
        assert_true(random_u64(&a) == random_u64(&b));
    random_seed(&b, 43);
    assert_false(random_u64(&a) == random_u64(&b));
}

static void test_below_stays_below(void **state)
{
    static const uint64_t bounds[] = {1, 2, 3, 10, 1000, UINT64_C(1) << 63, UINT64_MAX};
    struct random random;
    (void)state;
    random_seed(&random, 7);
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        for (int k = 0; k < 1000; k++)
            assert_true(random_below(&random, bounds[i]) < bounds[i]);
    }
}

/* Chi-square over ten cells: 27.88 is where p is 0.001 with 9 degrees of freedom. */
static void test_below_is_uniform(void **state)
{
    enum { CELLS = 10, DRAWS = 1000000 };
    int64_t counts[CELLS] = {0};
    int64_t squares = 0;
    struct random random;
    (void)state;
    random_seed(&random, 2024);
    for (int i = 0; i < DRAWS; i++)
        counts[random_below(&random, CELLS)]++;
    for (int i = 0; i < CELLS; i++)
        squares += (counts[i] - DRAWS / CELLS) * (counts[i] - DRAWS / CELLS);
    assert_true(squares * 100 / (DRAWS / CELLS) < 2788);
}

/* With this bound a plain modulo would draw the lower half twice as often as the upper one. */
static void test_below_has_no_modulo_bias(void **state)
{
    const uint64_t bound = UINT64_C(3) << 62;
    int lower_third = 0;
    struct random random;
    (void)state;
    random_seed(&random, 5);
    for (int i = 0; i < 30000; i++)
        lower_third += random_below(&random, bound) < bound / 3;
    assert_in_range(lower_third, 9500, 10500);
}

static void draw_below_zero(void *context)
{
    (void)random_below(context, 0);
}

static void test_below_zero_is_a_bug(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 1);
    assert_true(child_aborts(draw_below_zero, &random, "bound != 0"));
}

static void test_seeds_of_the_system_differ(void **state)
{
    struct random a, b;
    (void)state;
    random_seed_from_system(&a);
    random_seed_from_system(&b);
    assert_memory_not_equal(&a, &b, sizeof a);
}

static void test_secrets_fill_what_they_are_given_and_no_more(void **state)
{
    static const unsigned char zero[64];
    unsigned char a[66] = {0};
    unsigned char b[64];
    (void)state;
    random_secret(a + 1, 64);
    random_secret(b, 64);
    assert_int_equal(a[0], 0);
    assert_int_equal(a[65], 0);
    assert_memory_not_equal(a + 1, zero, 64);
    assert_memory_not_equal(a + 1, b, 64);
    random_secret(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_generator_is_xoshiro256_starstar),
        cmocka_unit_test(test_a_seed_is_spread_by_splitmix64),
        cmocka_unit_test(test_the_same_seed_gives_the_same_numbers),
        cmocka_unit_test(test_below_stays_below),
        cmocka_unit_test(test_below_is_uniform),
        cmocka_unit_test(test_below_has_no_modulo_bias),
        cmocka_unit_test(test_below_zero_is_a_bug),
        cmocka_unit_test(test_seeds_of_the_system_differ),
        cmocka_unit_test(test_secrets_fill_what_they_are_given_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
