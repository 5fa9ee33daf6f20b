#include "decision/text.h"

#include "unit.h"

static void test_control_characters_and_bad_utf8_are_found(void **state)
{
    static const struct {
        struct slice text;
        const char *line, *lines; /* what is wrong; "" nothing */
    } rows[] = {
        {SLICE_INIT(""), "", ""},
        {SLICE_INIT("plain ~ text"), "", ""},
        {SLICE_INIT("Gr\xc3\xbc\xc3\x9f"
                    "e \xe2\x82\xac \xf0\x9f\x8c\xb7"),
         "", ""},
        {SLICE_INIT("a\nb"), "byte 2 begins a control character, U+000A", ""},
        {SLICE_INIT("a\tb\r"), "byte 2 begins a control character, U+0009", ""},
        {SLICE_INIT("a\0b"), "byte 2 begins a control character, U+0000",
         "byte 2 begins a control character, U+0000"},
        {SLICE_INIT("\x1b[31m"), "byte 1 begins a control character, U+001B",
         "byte 1 begins a control character, U+001B"},
        {SLICE_INIT("ab\x7f"), "byte 3 begins a control character, U+007F",
         "byte 3 begins a control character, U+007F"},
        {SLICE_INIT("\xc2\x85"), "byte 1 begins a control character, U+0085",
         "byte 1 begins a control character, U+0085"},
        {SLICE_INIT("\xc2\xa0"), "", ""},
        {SLICE_INIT("a\xff"), "byte 2 is not UTF-8", "byte 2 is not UTF-8"},
        {SLICE_INIT("a\xc3"), "byte 2 is not UTF-8", "byte 2 is not UTF-8"},
        {SLICE_INIT("\xc0\x80"), "byte 1 is not UTF-8", "byte 1 is not UTF-8"},
        {SLICE_INIT("\xed\xa0\x80"), "byte 1 is not UTF-8", "byte 1 is not UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {"", ""};
        assert_int_equal(text_is_clean(rows[i].text, TEXT_LINE, &err), rows[i].line[0] == '\0');
        assert_string_equal(err.text, rows[i].line);
        err.text[0] = '\0';
        assert_int_equal(text_is_clean(rows[i].text, TEXT_LINES, &err), rows[i].lines[0] == '\0');
        assert_string_equal(err.text, rows[i].lines);
    }
}

static void test_labels(void **state)
{
    static const char *const good[] = {
        "a", "A", "section", "0", "a.b_C-9", ".", "12345678901234567890123456789012"};
    static const char *const bad[] = {"",         "a b", "a,b",
                                      "\xc3\xa4", "a=b", "123456789012345678901234567890123"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(label_is_valid(slice_cstr(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(label_is_valid(slice_cstr(bad[i])));
}

#define TEN      "0123456789"
#define SIXTY    TEN TEN TEN TEN TEN TEN
#define LABEL_63 SIXTY "abc"

static void test_hosts(void **state)
{
    static const char *const good[] = {
        "localhost",
        "example.com",
        "a.b.c.d",
        "xn--bcher-kva.example",
        "127.0.0.1",
        "1-2.example",
        "a",
        LABEL_63 ".example",
        LABEL_63 "." LABEL_63 "." LABEL_63 "." SIXTY "a",
    };
    static const char *const bad[] = {
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "Example.com",
        "a_b.example",
        "-a.example",
        "a-.example",
        "a b",
        "http://a.example",
        "a.example:80",
        "a.example/",
        "*.example",
        "b\xc3\xbc.example",
        "[::1]",
        LABEL_63 "d.example",
        LABEL_63 "." LABEL_63 "." LABEL_63 "." SIXTY "ab",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(host_is_valid(slice_cstr(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(host_is_valid(slice_cstr(bad[i])));
}

static void test_words(void **state)
{
    static const char *const words[] = {"even", "front", "asap", NULL};
    unsigned at = 9;
    (void)state;
    assert_true(word_find(SLICE("asap"), words, &at));
    assert_int_equal(at, 2);
    assert_false(word_find(SLICE("Even"), words, &at));
    assert_false(word_find(SLICE("eve"), words, &at));
    assert_false(word_find(SLICE("even "), words, &at));
    assert_int_equal(at, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_characters_and_bad_utf8_are_found),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests_name("decision/text", tests, NULL, NULL);
}
