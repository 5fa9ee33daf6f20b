#include <stdlib.h>

#include "ctl/value.h"
#include "unit/ctl/unit.h"

static void check_same(enum record_form form, const char *a, const char *b, bool expected)
{
    if (value_same(form, slice_cstr(a), slice_cstr(b)) != expected ||
        value_same(form, slice_cstr(b), slice_cstr(a)) != expected)
        fail_msg("\"%s\" and \"%s\"", a, b);
}

static void test_texts_are_compared_by_bytes(void **state)
{
    (void)state;
    check_same(FORM_TEXT, "a", "a", true);
    check_same(FORM_TEXT, "a", "a ", false);
    check_same(FORM_TEXT, "3.20", "3.2", false);
}

static void test_lists_are_compared_by_items(void **state)
{
    (void)state;
    check_same(FORM_LIST, "a,b", "a, b", true);
    check_same(FORM_LIST, " a\t,b ", "a,b", true);
    check_same(FORM_LIST, "a,b", "b,a", false);
    check_same(FORM_LIST, "a,b", "a", false);
    check_same(FORM_LIST, "a,", "a", false);
    check_same(FORM_LIST, "ab", "a,b", false);
    check_same(FORM_LIST, "", "a", false);
}

static void test_numbers_are_compared_by_value(void **state)
{
    (void)state;
    check_same(FORM_NUMBER, "3.20", "3.2", true);
    check_same(FORM_NUMBER, "3.0", "3", true);
    check_same(FORM_NUMBER, "007", "7", true);
    check_same(FORM_NUMBER, "0.5", "00.500", true);
    check_same(FORM_NUMBER, "0", "0.0", true);
    check_same(FORM_NUMBER, "3.02", "3.2", false);
    check_same(FORM_NUMBER, "30", "3", false);
    check_same(FORM_NUMBER, "3.", "3", false);
    check_same(FORM_NUMBER, "x", "y", false);
}

static void check_json(enum record_form form, const char *text, const char *expected)
{
    struct strbuf buf;
    strbuf_init(&buf, SIZE_MAX / 2);
    assert_true(value_add_json(&buf, form, slice_cstr(text)));
    assert_slice(strbuf_slice(&buf), expected);
    strbuf_release(&buf);
}

static void test_json(void **state)
{
    (void)state;
    check_json(FORM_TEXT, "say \"yes\"", "\"say \\\"yes\\\"\"");
    check_json(FORM_LIST, "1/10m, 3/1d", "[\"1/10m\", \"3/1d\"]");
    check_json(FORM_LIST, "*", "[\"*\"]");
    check_json(FORM_LIST, "", "[]");
    check_json(FORM_NUMBER, "3", "3");
    check_json(FORM_NUMBER, "007.250", "7.25");
    check_json(FORM_NUMBER, "0.5", "0.5");
    check_json(FORM_NUMBER, "0", "0");
    check_json(FORM_NUMBER, "999999999.999999", "999999999.999999");
}

/* They would not come back as they are. */
static void test_numbers_that_json_readers_spoil_are_strings(void **state)
{
    (void)state;
    check_json(FORM_NUMBER, "1234567890.123456", "\"1234567890.123456\"");
    check_json(FORM_NUMBER, "1e3", "\"1e3\"");
    check_json(FORM_NUMBER, "-1", "\"-1\"");
    check_json(FORM_NUMBER, "many", "\"many\"");
}

static void test_what_is_not_utf8_is_no_json(void **state)
{
    struct strbuf buf;
    (void)state;
    strbuf_init(&buf, SIZE_MAX / 2);
    strbuf_add_char(&buf, 'x');
    assert_false(value_add_json(&buf, FORM_TEXT, SLICE("\xff")));
    assert_false(value_add_json(&buf, FORM_LIST, SLICE("a,\xff")));
    assert_false(value_add_json(&buf, FORM_NUMBER, SLICE("1\xff")));
    assert_slice(strbuf_slice(&buf), "x");
    strbuf_release(&buf);
}

static void check_number(double number, const char *expected)
{
    char text[VALUE_NUMBER_MAX];
    value_print_number(text, number);
    assert_string_equal(text, expected);
}

static void test_numbers_as_text(void **state)
{
    (void)state;
    check_number(4.5, "4.5");
    check_number(3.0, "3");
    check_number(0.1, "0.1");
    check_number(1.37, "1.37");
    check_number(0.000001, "0.000001");
    check_number(1e9, "1000000000");
    check_number(999999999.999999, "999999999.999999");
    check_number(-2.5, "-2.5");
    check_number(1e300, "1.0000000000000001e+300");
    check_number(0.1 + 0.2, "0.30000000000000004");
}

/* Every amount of money that is allowed, as a JSON reader hands it on, is still that amount. */
static void test_every_decimal_comes_back(void **state)
{
    (void)state;
    for (uint64_t micro = 1; micro < UINT64_C(1000000000000000); micro += micro / 97 + 1) {
        char text[64], back[VALUE_NUMBER_MAX];
        (void)snprintf(text, sizeof text, "%ju.%06ju", (uintmax_t)(micro / 1000000),
                       (uintmax_t)(micro % 1000000));
        value_print_number(back, strtod(text, NULL));
        check_same(FORM_NUMBER, text, back, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_are_compared_by_bytes),
        cmocka_unit_test(test_lists_are_compared_by_items),
        cmocka_unit_test(test_numbers_are_compared_by_value),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_numbers_that_json_readers_spoil_are_strings),
        cmocka_unit_test(test_what_is_not_utf8_is_no_json),
        cmocka_unit_test(test_numbers_as_text),
        cmocka_unit_test(test_every_decimal_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
