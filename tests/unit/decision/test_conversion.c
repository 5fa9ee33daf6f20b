#include "decision/conversion.h"

#include "unit.h"

#define PAIRS_MAX 4

struct pair {
    const char *name, *value;
};

static bool read_pairs(const struct pair *pairs, struct conversion *ret, struct err *err)
{
    struct conversion_reading reading = {0};
    for (unsigned i = 0; i < PAIRS_MAX && pairs[i].name; i++) {
        if (!conversion_take(&reading, slice_cstr(pairs[i].name), slice_cstr(pairs[i].value), err))
            return false;
    }
    *ret = reading.conversion;
    return conversion_check(&reading, err);
}

static void test_what_is_good(void **state)
{
    static const struct {
        struct pair pairs[PAIRS_MAX];
        int64_t value_micro;
        const char *currency, *order;
    } rows[] = {
        {{{NULL, NULL}}, 0, "", ""},
        {{{"value", "0"}, {"currency", "EUR"}}, 0, "EUR", ""},
        {{{"currency", "USD"}, {"value", "19.99"}}, 19990000, "USD", ""},
        {{{"value", "0.000001"}, {"currency", "KWD"}, {"order", "A"}}, 1, "KWD", "A"},
        {{{"value", "1000000000"}, {"currency", "AED"}}, CONVERSION_VALUE_MAX_MICRO, "AED", ""},
        {{{"value", "999999999.999999"}, {"currency", "ZWG"}},
         CONVERSION_VALUE_MAX_MICRO - 1,
         "ZWG",
         ""},
        {{{"order", "aZ09._-"}, {"Value", "x"}, {"cb", ""}}, 0, "", "aZ09._-"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conversion conversion = {0};
        struct err err = {"", ""};
        assert_true(read_pairs(rows[i].pairs, &conversion, &err));
        assert_true(conversion.value_micro == rows[i].value_micro);
        assert_true(slice_eq(conversion.currency, slice_cstr(rows[i].currency)));
        assert_true(slice_eq(conversion.order, slice_cstr(rows[i].order)));
        assert_true(conversion_is_valid(&conversion));
    }
}

static void test_what_is_wrong(void **state)
{
    static const struct {
        struct pair pairs[PAIRS_MAX];
        const char *where;
    } rows[] = {
        {{{"value", "1"}}, "currency"},
        {{{"currency", "EUR"}}, "value"},
        {{{"value", ""}, {"currency", "EUR"}}, "value"},
        {{{"value", "-1"}, {"currency", "EUR"}}, "value"},
        {{{"value", ".5"}, {"currency", "EUR"}}, "value"},
        {{{"value", "0.0000001"}, {"currency", "EUR"}}, "value"},
        {{{"value", "1000000000.000001"}, {"currency", "EUR"}}, "value"},
        {{{"value", "1"}, {"currency", "eur"}}, "currency"},
        {{{"value", "1"}, {"currency", "EU "}}, "currency"},
        {{{"value", "1"}, {"currency", "R E"}}, "currency"},
        {{{"value", "1"}, {"currency", "DUS"}}, "currency"},
        {{{"value", "1"}, {"currency", "AEDAFN"}}, "currency"},
        {{{"value", "1"}, {"value", "1"}, {"currency", "EUR"}}, "value"},
        {{{"value", "0"}, {"value", "0"}, {"currency", "EUR"}}, "value"},
        {{{"order", ""}}, "order"},
        {{{"order", "a b"}}, "order"},
        {{{"order", "1"}, {"order", "2"}}, "order"},
        {{{"order", "\xc3\xa4"}}, "order"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conversion conversion = {0};
        struct err err = {"", ""};
        assert_false(read_pairs(rows[i].pairs, &conversion, &err));
        assert_string_equal(err.where, rows[i].where);
        assert_true(err.text[0] != '\0');
    }
}

static void test_the_longest_order(void **state)
{
    char text[CONVERSION_ORDER_MAX + 2] = "";
    struct pair pairs[PAIRS_MAX] = {{"order", text}};
    struct conversion conversion;
    struct err err;
    (void)state;
    memset(text, 'a', CONVERSION_ORDER_MAX);
    assert_true(read_pairs(pairs, &conversion, &err));
    text[CONVERSION_ORDER_MAX] = 'a';
    assert_false(read_pairs(pairs, &conversion, &err));
}

/* Three capitals each, none twice. */
static void test_currencies(void **state)
{
    char text[CONVERSION_CURRENCY_BYTES];
    unsigned found = 0;
    (void)state;
    for (unsigned n = 0; n < 26 * 26 * 26; n++) {
        text[0] = (char)('A' + n / (26 * 26));
        text[1] = (char)('A' + n / 26 % 26);
        text[2] = (char)('A' + n % 26);
        struct conversion conversion = {.currency = slice_of(text, CONVERSION_CURRENCY_BYTES)};
        found += conversion_is_valid(&conversion);
    }
    assert_int_equal(found, 157);
}

static void test_stored_ones_are_checked(void **state)
{
    static const struct conversion wrong[] = {
        {-1, SLICE_INIT("EUR"), SLICE_INIT("")},
        {CONVERSION_VALUE_MAX_MICRO + 1, SLICE_INIT("EUR"), SLICE_INIT("")},
        {1, SLICE_INIT(""), SLICE_INIT("")},
        {0, SLICE_INIT("E"), SLICE_INIT("")},
        {0, SLICE_INIT(""), SLICE_INIT("a b")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(conversion_is_valid(&wrong[i]));
}

static void test_windows(void **state)
{
    (void)state;
    assert_int_equal(conversion_window_ms(10, 30, 0), 40);
    assert_int_equal(conversion_window_ms(10, 30, 41), 41);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_good),
        cmocka_unit_test(test_what_is_wrong),
        cmocka_unit_test(test_the_longest_order),
        cmocka_unit_test(test_currencies),
        cmocka_unit_test(test_stored_ones_are_checked),
        cmocka_unit_test(test_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
