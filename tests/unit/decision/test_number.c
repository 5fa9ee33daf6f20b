#include "decision/number.h"

#include "unit.h"

static void test_whole_numbers(void **state)
{
    static const struct {
        const char *text, *wrong;
        uint64_t number;
    } rows[] = {
        {"1", "", 1},
        {"100", "", 100},
        {"007", "", 7},
        {"0", "0 is out of range", 0},
        {"101", "101 is out of range", 0},
        {"99999999999999999999999", "99999999999999999999999 is out of range", 0},
        {"", "\"\" is not a whole number", 0},
        {"-1", "\"-1\" is not a whole number", 0},
        {"+1", "\"+1\" is not a whole number", 0},
        {" 1", "\" 1\" is not a whole number", 0},
        {"1.0", "\"1.0\" is not a whole number", 0},
        {"1e2", "\"1e2\" is not a whole number", 0},
        {"0x10", "\"0x10\" is not a whole number", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {"", ""};
        uint64_t number = 0;
        bool fine = number_parse(slice_cstr(rows[i].text), 1, 100, &number, &err);
        assert_int_equal(fine, rows[i].wrong[0] == '\0');
        assert_string_equal(err.text, rows[i].wrong);
        assert_int_equal(number, rows[i].number);
    }
}

static void test_decimals(void **state)
{
    static const struct {
        const char *text, *wrong;
        uint64_t number;
    } rows[] = {
        {"0", "", 0},
        {"1", "", 1000000},
        {"1.37", "", 1370000},
        {"0.000001", "", 1},
        {"00.500000", "", 500000},
        {"100", "", 100000000},
        {"100.000000", "", 100000000},
        {"99.999999", "", 99999999},
        {"100.000001", "100.000001 is out of range", 7},
        {"101", "101 is out of range", 7},
        {"18446744073709551616", "18446744073709551616 is out of range", 7},
        {"18446744073710", "18446744073710 is out of range", 7},
        {"0.0000001", "0.0000001 has more than 6 digits behind the point", 7},
        {"", "\"\" is not a decimal number", 7},
        {".", "\".\" is not a decimal number", 7},
        {".5", "\".5\" is not a decimal number", 7},
        {"5.", "\"5.\" is not a decimal number", 7},
        {"1,5", "\"1,5\" is not a decimal number", 7},
        {"1.5.5", "\"1.5.5\" is not a decimal number", 7},
        {"-1", "\"-1\" is not a decimal number", 7},
        {"1e3", "\"1e3\" is not a decimal number", 7},
        {"nan", "\"nan\" is not a decimal number", 7},
        {" 1", "\" 1\" is not a decimal number", 7},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {"", ""};
        uint64_t number = 7;
        bool fine = decimal_parse(slice_cstr(rows[i].text), 6, 100000000, &number, &err);
        assert_int_equal(fine, rows[i].wrong[0] == '\0');
        assert_string_equal(err.text, rows[i].wrong);
        assert_int_equal(number, rows[i].number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_decimals),
    };
    return cmocka_run_group_tests_name("decision/number", tests, NULL, NULL);
}
