#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"

static const struct slice none;

static void test_equal_slices_have_equal_bytes(void **state)
{
    (void)state;
    assert_true(slice_eq(SLICE("ab"), SLICE("ab")));
    assert_false(slice_eq(SLICE("ab"), SLICE("abc")));
    assert_false(slice_eq(SLICE("ab"), SLICE("aB")));
    assert_true(slice_eq(SLICE("a\0b"), SLICE("a\0b")));
    assert_false(slice_eq(SLICE("a\0b"), SLICE("a\0c")));
    assert_true(slice_eq(none, SLICE("")));
    assert_true(slice_eq(slice_cstr(NULL), slice_cstr("")));
}

static void test_case_is_ignored_for_ascii_letters_only(void **state)
{
    (void)state;
    assert_true(slice_eq_nocase(SLICE("Content-Length"), SLICE("cONTENT-lENGTH")));
    assert_true(slice_eq_nocase(none, SLICE("")));
    assert_false(slice_eq_nocase(SLICE("a"), SLICE("ab")));
    assert_false(slice_eq_nocase(SLICE("@"), SLICE("`")));
    assert_false(slice_eq_nocase(SLICE("["), SLICE("{")));
    assert_false(slice_eq_nocase(SLICE("\xc4"), SLICE("\xe4")));
}

static void test_prefix_and_suffix(void **state)
{
    (void)state;
    assert_true(slice_starts(SLICE("unix:/run/x"), SLICE("unix:")));
    assert_false(slice_starts(SLICE("uni"), SLICE("unix:")));
    assert_true(slice_starts(none, none));
    assert_true(slice_ends(SLICE("deadline_ms"), SLICE("_ms")));
    assert_false(slice_ends(SLICE("ms"), SLICE("_ms")));
    assert_true(slice_ends(SLICE("x"), none));
}

static void test_from_never_passes_the_end(void **state)
{
    (void)state;
    struct slice s = SLICE("abc");
    assert_true(slice_eq(slice_from(s, 0), s));
    assert_true(slice_eq(slice_from(s, 2), SLICE("c")));
    assert_ptr_equal(slice_from(s, 3).ptr, s.ptr + 3);
    assert_int_equal(slice_from(s, SIZE_MAX).len, 0);
    assert_int_equal(slice_from(none, 0).len, 0);
    assert_int_equal(slice_from(none, 7).len, 0);
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void test_order_is_that_of_unsigned_bytes(void **state)
{
    (void)state;
    assert_int_equal(slice_compare(SLICE("a"), SLICE("a")), 0);
    assert_int_equal(sign(slice_compare(SLICE("a"), SLICE("b"))), -1);
    assert_int_equal(sign(slice_compare(SLICE("b"), SLICE("a"))), 1);
    assert_int_equal(sign(slice_compare(SLICE("ab"), SLICE("abc"))), -1);
    assert_int_equal(sign(slice_compare(SLICE("\xff"), SLICE("a"))), 1);
    assert_int_equal(slice_compare(none, SLICE("")), 0);
    assert_int_equal(sign(slice_compare(none, SLICE("a"))), -1);
}

static void test_find(void **state)
{
    (void)state;
    assert_int_equal(slice_find(SLICE("a=b=c"), '='), 1);
    assert_int_equal(slice_find(SLICE("abc"), '='), 3);
    assert_int_equal(slice_find(SLICE("ab\0"), '\0'), 2);
    assert_int_equal(slice_find(none, '='), 0);
}

static void test_trim_takes_spaces_and_tabs_alone(void **state)
{
    (void)state;
    assert_true(slice_eq(slice_trim(SLICE(" \t a b\t ")), SLICE("a b")));
    assert_true(slice_eq(slice_trim(SLICE("\na\r")), SLICE("\na\r")));
    assert_int_equal(slice_trim(SLICE(" \t ")).len, 0);
    assert_int_equal(slice_trim(none).len, 0);
}

/* The parts, each followed by a bar. */
static void check_parts(struct slice list, const char *expected)
{
    char parts[64] = "";
    size_t len = 0;
    struct slice part;
    while (slice_next(&list, ',', &part)) {
        if (part.len)
            memcpy(parts + len, part.ptr, part.len);
        len += part.len;
        parts[len++] = '|';
    }
    assert_string_equal(parts, expected);
    assert_null(list.ptr);
    assert_false(slice_next(&list, ',', &part));
}

static void test_next_gives_every_part(void **state)
{
    (void)state;
    check_parts(SLICE("a,,b"), "a||b|");
    check_parts(SLICE(""), "");
    check_parts(none, "");
    check_parts(SLICE("a"), "a|");
    check_parts(SLICE("a,"), "a||");
    check_parts(SLICE(",a"), "|a|");
    check_parts(SLICE(","), "||");
    check_parts(SLICE(",,"), "|||");
}

static void test_next_tells_an_empty_rest_from_none(void **state)
{
    (void)state;
    struct slice rest = SLICE("key=");
    struct slice part;
    assert_true(slice_next(&rest, '=', &part));
    assert_non_null(rest.ptr);
    assert_int_equal(rest.len, 0);

    rest = SLICE("key");
    assert_true(slice_next(&rest, '=', &part));
    assert_null(rest.ptr);
}

static void check_number(struct slice text, uint64_t max, uint64_t expected)
{
    uint64_t number = expected + 1;
    assert_true(slice_to_u64(text, max, &number));
    assert_true(number == expected);
}

static void check_no_number(struct slice text, uint64_t max)
{
    uint64_t number = 4711;
    assert_false(slice_to_u64(text, max, &number));
    assert_true(number == 4711);
}

static void test_numbers(void **state)
{
    (void)state;
    check_number(SLICE("0"), 0, 0);
    check_number(SLICE("007"), 7, 7);
    check_number(SLICE("99"), 99, 99);
    check_number(SLICE("18446744073709551615"), UINT64_MAX, UINT64_MAX);
    check_number(SLICE("0000000000000000000000000000001"), 1, 1);
}

static void test_what_is_no_number(void **state)
{
    static const struct slice texts[] = {
        SLICE_INIT(""),   SLICE_INIT("+1"),  SLICE_INIT("-1"),  SLICE_INIT(" 1"),
        SLICE_INIT("1 "), SLICE_INIT("0x1"), SLICE_INIT("1e3"), SLICE_INIT("1.0"),
        SLICE_INIT("1,"), SLICE_INIT("/"),   SLICE_INIT("1\0"), SLICE_INIT("\xd9\xa1"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_no_number(texts[i], UINT64_MAX);
    check_no_number(none, UINT64_MAX);
}

static void test_numbers_end_at_their_maximum(void **state)
{
    (void)state;
    check_no_number(SLICE("1"), 0);
    check_no_number(SLICE("100"), 99);
    check_no_number(SLICE("9"), 8);
    check_no_number(SLICE("18446744073709551616"), UINT64_MAX);
    check_no_number(SLICE("18446744073709551615"), UINT64_MAX - 1);
    check_no_number(SLICE("99999999999999999999999999"), UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_slices_have_equal_bytes),
        cmocka_unit_test(test_case_is_ignored_for_ascii_letters_only),
        cmocka_unit_test(test_prefix_and_suffix),
        cmocka_unit_test(test_from_never_passes_the_end),
        cmocka_unit_test(test_order_is_that_of_unsigned_bytes),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_trim_takes_spaces_and_tabs_alone),
        cmocka_unit_test(test_next_gives_every_part),
        cmocka_unit_test(test_next_tells_an_empty_rest_from_none),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_what_is_no_number),
        cmocka_unit_test(test_numbers_end_at_their_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
