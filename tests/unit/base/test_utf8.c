#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

static void check_decodes(struct slice s, size_t len, uint32_t code_point)
{
    uint32_t decoded = code_point + 1;
    assert_int_equal(utf8_decode(s, &decoded), len);
    assert_int_equal(decoded, code_point);
}

static void test_each_length_at_its_ends(void **state)
{
    (void)state;
    check_decodes(SLICE("\0"), 1, 0);
    check_decodes(SLICE("\x7f"), 1, 0x7f);
    check_decodes(SLICE("\xc2\x80"), 2, 0x80);
    check_decodes(SLICE("\xdf\xbf"), 2, 0x7ff);
    check_decodes(SLICE("\xe0\xa0\x80"), 3, 0x800);
    check_decodes(SLICE("\xed\x9f\xbf"), 3, 0xd7ff);
    check_decodes(SLICE("\xee\x80\x80"), 3, 0xe000);
    check_decodes(SLICE("\xef\xbf\xbf"), 3, 0xffff);
    check_decodes(SLICE("\xf0\x90\x80\x80"), 4, 0x10000);
    check_decodes(SLICE("\xf4\x8f\xbf\xbf"), 4, 0x10ffff);
    check_decodes(SLICE("ab"), 1, 'a');
}

static void test_what_is_not_utf8(void **state)
{
    static const struct slice texts[] = {
        SLICE_INIT("\x80"),                 /* a continuation alone */
        SLICE_INIT("\xc3"),                 /* cut off */
        SLICE_INIT("\xe2\x82"),             /* cut off */
        SLICE_INIT("\xf0\x9f\x98"),         /* cut off */
        SLICE_INIT("\xc3\x28"),             /* no continuation */
        SLICE_INIT("\xe2\x82\x28"),         /* no continuation */
        SLICE_INIT("\xc0\x80"),             /* overlong NUL */
        SLICE_INIT("\xc1\xbf"),             /* overlong */
        SLICE_INIT("\xe0\x9f\xbf"),         /* overlong */
        SLICE_INIT("\xf0\x8f\xbf\xbf"),     /* overlong */
        SLICE_INIT("\xed\xa0\x80"),         /* a surrogate */
        SLICE_INIT("\xed\xbf\xbf"),         /* a surrogate */
        SLICE_INIT("\xf4\x90\x80\x80"),     /* above U+10FFFF */
        SLICE_INIT("\xf8\x88\x80\x80\x80"), /* five bytes */
        SLICE_INIT("\xfe"),
        SLICE_INIT("\xff"),
        SLICE_INIT(""),
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint32_t code_point = 4711;
        assert_int_equal(utf8_decode(texts[i], &code_point), 0);
        assert_int_equal(code_point, 4711);
    }
}

static void test_valid_looks_at_every_byte(void **state)
{
    (void)state;
    assert_true(utf8_valid(SLICE("")));
    assert_true(utf8_valid(slice_of(NULL, 0)));
    assert_true(utf8_valid(SLICE("plain, h\xc3\xa9, \xe2\x82\xac, \xf0\x9f\x98\x80")));
    assert_false(utf8_valid(SLICE("plain\xff")));
    assert_false(utf8_valid(SLICE("cut \xe2\x82")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_length_at_its_ends),
        cmocka_unit_test(test_what_is_not_utf8),
        cmocka_unit_test(test_valid_looks_at_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
