#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/check.h"
#include "unit/base/child.h"

static void break_a_check(void *context)
{
    const int *number = context;
    CHECK(*number == 4);
}

static void test_a_failed_check_aborts_and_says_where(void **state)
{
    int number = 5;
    (void)state;
    assert_true(child_aborts(break_a_check, &number, "test_check.c:"));
    assert_true(child_aborts(break_a_check, &number, ": check failed: *number == 4\n"));
}

static void test_a_check_that_holds_does_nothing(void **state)
{
    int calls = 0;
    (void)state;
    CHECK(++calls == 1);
    assert_int_equal(calls, 1);
}

static void test_memory_of_no_size_is_memory(void **state)
{
    (void)state;
    void *memory = check_malloc(0);
    assert_non_null(memory);
    memory = check_realloc(memory, 0);
    assert_non_null(memory);
    free(memory);
    memory = check_calloc(0, 0);
    assert_non_null(memory);
    free(memory);
}

static void test_calloc_zeroes_and_strdup_copies(void **state)
{
    (void)state;
    int *numbers = check_calloc(3, sizeof *numbers);
    assert_int_equal(numbers[0] | numbers[1] | numbers[2], 0);
    free(numbers);
    char *copy = check_strdup("text");
    assert_string_equal(copy, "text");
    free(copy);
}

/* AddressSanitizer's malloc ends the process on its own unless it is told not to. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void ask_for_too_much(void *context)
{
    (void)context;
    free(check_calloc(SIZE_MAX / 2, 3));
}

static void test_no_memory_aborts(void **state)
{
    (void)state;
    assert_true(child_aborts(ask_for_too_much, NULL, "memory != NULL"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_failed_check_aborts_and_says_where),
        cmocka_unit_test(test_a_check_that_holds_does_nothing),
        cmocka_unit_test(test_memory_of_no_size_is_memory),
        cmocka_unit_test(test_calloc_zeroes_and_strdup_copies),
        cmocka_unit_test(test_no_memory_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
