#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"

static void test_both_parts_are_set_apart(void **state)
{
    struct err err = {"", ""};
    (void)state;
    assert_false(err_set(&err, "\"%s\" is not a number from %d to %d", "x", 1, 32));
    assert_string_equal(err.where, "");
    assert_false(err_at(&err, "%s:%d", "adserver.conf", 12));
    assert_string_equal(err.where, "adserver.conf:12");
    assert_string_equal(err.text, "\"x\" is not a number from 1 to 32");
}

static void test_long_messages_are_cut(void **state)
{
    char text[1000];
    struct err err = {"", ""};
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)err_set(&err, "%s", text);
    (void)err_at(&err, "%s", text);
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
    assert_int_equal(strlen(err.where), ERR_WHERE_MAX - 1);
}

static void test_quotes_escape_foreign_bytes(void **state)
{
    (void)state;
    assert_string_equal(err_quote(SLICE("plain text ~")), "plain text ~");
    assert_string_equal(err_quote(SLICE("a\r\n\x1b[31m\0\x7f\xc3\xa9")),
                        "a\\x0d\\x0a\\x1b[31m\\x00\\x7f\\xc3\\xa9");
    assert_string_equal(err_quote(slice_of(NULL, 0)), "");
}

static void test_quotes_are_cut(void **state)
{
    char bytes[100];
    (void)state;
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(strlen(err_quote(slice_of(bytes, sizeof bytes))), 64 * 4);
    memset(bytes, 'a', sizeof bytes);
    assert_int_equal(strlen(err_quote(slice_of(bytes, sizeof bytes))), 64);
}

static void test_four_quotes_live_at_a_time(void **state)
{
    (void)state;
    const char *a = err_quote(SLICE("a"));
    const char *b = err_quote(SLICE("b"));
    const char *c = err_quote(SLICE("c"));
    const char *d = err_quote(SLICE("d"));
    assert_string_equal(a, "a");
    assert_string_equal(b, "b");
    assert_string_equal(c, "c");
    assert_string_equal(d, "d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_parts_are_set_apart),
        cmocka_unit_test(test_long_messages_are_cut),
        cmocka_unit_test(test_quotes_escape_foreign_bytes),
        cmocka_unit_test(test_quotes_are_cut),
        cmocka_unit_test(test_four_quotes_live_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
