#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "serve/young.h"

#define NOW_US (INT64_C(5000000000) * US_PER_MS) /* its milliseconds are past 32 bits */

static void number(uint8_t impression[IMPRESSION_BYTES], unsigned n)
{
    memset(impression, 0, IMPRESSION_BYTES);
    memcpy(impression + IMPRESSION_BYTES - sizeof n, &n, sizeof n);
}

static void an_impression_is_young_for_so_long(void **state)
{
    struct young *young = young_new();
    uint8_t one[IMPRESSION_BYTES], other[IMPRESSION_BYTES];
    (void)state;
    number(one, 1);
    number(other, 2);
    assert_false(young_is(young, one, NOW_US, 300));
    young_note(young, one, NOW_US);
    assert_true(young_is(young, one, NOW_US, 300));
    assert_true(young_is(young, one, NOW_US + 299 * US_PER_MS, 300));
    assert_false(young_is(young, one, NOW_US + 300 * US_PER_MS, 300));
    assert_false(young_is(young, one, NOW_US, 0));
    assert_false(young_is(young, other, NOW_US, 300));
    young_free(young);
}

static void a_repetition_makes_it_no_younger(void **state)
{
    struct young *young = young_new();
    uint8_t one[IMPRESSION_BYTES];
    (void)state;
    number(one, 1);
    young_note(young, one, NOW_US);
    young_note(young, one, NOW_US + 200 * US_PER_MS);
    assert_false(young_is(young, one, NOW_US + 300 * US_PER_MS, 300));
    young_free(young);
}

static void other_processes_see_it(void **state)
{
    struct young *young = young_new();
    uint8_t one[IMPRESSION_BYTES];
    int status;
    (void)state;
    number(one, 1);
    pid_t child = fork();
    if (child == 0) {
        young_note(young, one, NOW_US);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(young_is(young, one, NOW_US, 300));
    young_free(young);
}

/*
 * Served by a server whose clock is a second (a leap second, a smear) or five minutes ahead of
 * ours, or by ours before it was set back: that the serve looks young is refuted by an impression
 * that we know to be older.
 */
static void what_the_clock_of_the_serve_says_is_refuted(void **state)
{
    struct young *young = young_new();
    uint8_t one[IMPRESSION_BYTES], other[IMPRESSION_BYTES];
    (void)state;
    number(one, 1);
    number(other, 2);
    young_note(young, one, NOW_US);
    for (int64_t since_serve_ms = -300000; since_serve_ms <= 300000; since_serve_ms += 50) {
        assert_false(young_is_clicked(young, one, NOW_US + 300 * US_PER_MS, since_serve_ms, 300));
        assert_true(young_is_clicked(young, one, NOW_US + 299 * US_PER_MS, since_serve_ms, 300));
        /* Of what was reported elsewhere only the serve is known. */
        assert_int_equal(young_is_clicked(young, other, NOW_US, since_serve_ms, 300),
                         since_serve_ms >= 0 && since_serve_ms < 300);
        assert_false(young_is_clicked(young, one, NOW_US, since_serve_ms, 0));
    }
    young_free(young);
}

/* 3,000 within 300 ms are 10,000 a second: hardly one gives way to another. */
static void there_is_room_for_many(void **state)
{
    struct young *young = young_new();
    uint8_t one[IMPRESSION_BYTES];
    unsigned found = 0;
    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        number(one, i);
        young_note(young, one, NOW_US + i * 100);
    }
    for (unsigned i = 0; i < 3000; i++) {
        number(one, i);
        found += young_is(young, one, NOW_US + 299 * US_PER_MS, 300);
    }
    assert_in_range(found, 2990, 3000);
    for (unsigned i = 3000; i < 1000000; i++) { /* no false one */
        number(one, i);
        assert_false(young_is(young, one, NOW_US + 299 * US_PER_MS, 300));
    }
    young_free(young);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_impression_is_young_for_so_long),
        cmocka_unit_test(a_repetition_makes_it_no_younger),
        cmocka_unit_test(other_processes_see_it),
        cmocka_unit_test(what_the_clock_of_the_serve_says_is_refuted),
        cmocka_unit_test(there_is_room_for_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
