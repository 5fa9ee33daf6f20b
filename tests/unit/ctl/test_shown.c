#include "ctl/shown.h"
#include "unit/ctl/unit.h"

static struct strbuf buf;

static int set_up(void **state)
{
    (void)state;
    strbuf_init(&buf, SIZE_MAX / 2);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    strbuf_release(&buf);
    return 0;
}

static void check_shown(struct slice text, const char *expected)
{
    strbuf_clear(&buf);
    shown_add(&buf, text, SHOWN_ALL);
    assert_slice(strbuf_slice(&buf), expected);
}

static void test_plain_text_stays(void **state)
{
    (void)state;
    check_shown(SLICE(""), "");
    check_shown(SLICE("Frühling {click_url} <b>\"5 €\"</b> 春"),
                "Frühling {click_url} <b>\"5 €\"</b> 春");
}

static void test_what_drives_a_terminal_is_escaped(void **state)
{
    (void)state;
    check_shown(SLICE("a\nb\r\tc\\d"), "a\\nb\\r\\tc\\\\d");
    check_shown(SLICE("\033[31m\007\177\0z"), "\\x1b[31m\\x07\\x7f\\x00z");
    check_shown(SLICE("\xc2\x9b"
                      "31m"),
                "\\u{9b}31m"); /* CSI as one character */
}

/* U+202E turns the direction of what follows, U+202C ends it; U+2066 and U+2069 likewise. */
static void test_what_lies_about_its_order_is_escaped(void **state)
{
    (void)state;
    check_shown(SLICE("a\xe2\x80\xae"
                      "gnp.exe\xe2\x80\xac"),
                "a\\u{202e}gnp.exe\\u{202c}");
    check_shown(SLICE("a\xe2\x80\x8b"
                      "b\xe2\x80\xa8"
                      "c\xef\xbb\xbf\xe2\x81\xa6\xe2\x81\xa9"),
                "a\\u{200b}b\\u{2028}c\\u{feff}\\u{2066}\\u{2069}");
}

static void test_bytes_that_are_not_utf8_are_escaped(void **state)
{
    (void)state;
    check_shown(SLICE("\xff"
                      "a\xc3"),
                "\\xffa\\xc3");
    check_shown(SLICE("\xc0\xaf\xed\xa0\x80"), "\\xc0\\xaf\\xed\\xa0\\x80");
}

static void test_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    shown_add(&buf, SLICE("ääää"), 5);
    assert_slice(strbuf_slice(&buf), "ää… (8 bytes)");
    assert_slice(shown_cut(SLICE("ä"), 1), "");
    assert_slice(shown_cut(SLICE("abc"), 3), "abc");
    assert_int_equal(shown_width(SLICE("ää…")), 3);
}

static void check_json(struct slice text, const char *expected)
{
    strbuf_clear(&buf);
    assert_true(shown_add_json(&buf, text));
    assert_slice(strbuf_slice(&buf), expected);
}

static void test_json(void **state)
{
    (void)state;
    check_json(SLICE("<b>\"5\\\" €</b>\n\t"), "<b>\\\"5\\\\\\\" €</b>\\n\\u0009");
    check_json(SLICE("\033\177\xc2\x9b\xe2\x80\xae\xe2\x80\xac\0"),
               "\\u001b\\u007f\\u009b\\u202e\\u202c\\u0000");
    strbuf_clear(&buf);
    assert_false(shown_add_json(&buf, SLICE("good \xff")));
    assert_int_equal(buf.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plain_text_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_drives_a_terminal_is_escaped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_lies_about_its_order_is_escaped, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_bytes_that_are_not_utf8_are_escaped, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_long_text_is_cut_between_characters, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_json, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
