#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/strbuf.h"
#include "decision/language.h"

static const struct {
    const char *header, *preferred;
} cases[] = {
    /* what browsers send */
    {"de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", "de-DE"},
    {"en-US,en;q=0.5", "en-US"},
    {"en", "en"},
    {"pt-BR", "pt-BR"},
    {"zh-Hant-TW, zh;q=0.8", "zh-Hant-TW"},
    {"da, en-gb;q=0.8, en;q=0.7", "da"},
    {"es-419,es;q=0.9", "es-419"},
    /* the highest weight, the first among equals */
    {"en;q=0.5, de;q=0.9, fr;q=0.9", "de"},
    {"en;q=0.5, de", "de"},
    {"en;q=1.0, de;q=1", "en"},
    {"en;q=0.999, de;q=1.000", "de"},
    {"en;q=0.1, de;q=0.12, fr;q=0.119", "de"},
    {"en;q=0.001", "en"},
    {"en;Q=0.2,de;q=0.1", "en"},
    {" \t en \t ; \t q=0.2 \t , \t de \t ", "de"},
    /* nothing is preferred */
    {"", ""},
    {"*", ""},
    {"*;q=0.5", ""},
    {"en;q=0", ""},
    {"en;q=0.0, de;q=0.000", ""},
    {"*, de;q=0.1", "de"},
    {"en;q=0, de;q=0.1", "de"},
    {",", ""},
    {", ,de,,", "de"},
    /* what is malformed is passed over, alone */
    {"en;q=, de;q=0.1", "de"},
    {"en;q=2, de;q=0.1", "de"},
    {"en;q=1.001, de;q=0.1", "de"},
    {"en;q=0.1234, de;q=0.1", "de"},
    {"en;q=.5, de;q=0.1", "de"},
    {"en;q=-1, de;q=0.1", "de"},
    {"en;q=0,5", ""},
    {"en;q=0.x, de;q=0.1", "de"},
    {"en;q=0x1, de;q=0.1", "de"},
    {"en;q = 1, de;q=0.1", "de"},
    {"en;, de;q=0.1", "de"},
    {"en;level=1, de;q=0.1", "de"},
    {"en;q=0.9;level=1, de;q=0.1", "de"},
    {"en us, de;q=0.1", "de"},
    {"en_US, de;q=0.1", "de"},
    {"en-, de;q=0.1", "de"},
    {"-en, de;q=0.1", "de"},
    {"-, de;q=0.1", "de"},
    {"en--us, de;q=0.1", "de"},
    {"e1, de;q=0.1", "de"},
    {"abcdefghi, de;q=0.1", "de"},
    {"en-abcdefghi, de;q=0.1", "de"},
    {"en-*, de;q=0.1", "de"},
    {"\xc3\xa9n, de;q=0.1", "de"},
    {"<script>, de;q=0.1", "de"},
    {";q=0.9, de;q=0.1", "de"},
};

static void test_the_preferred_language(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct slice header = slice_cstr(cases[i].header);
        struct slice found = language_preferred(header);
        if (!slice_eq(found, slice_cstr(cases[i].preferred)))
            fail_msg("%s: \"%.*s\" is not \"%s\"", cases[i].header, SLICE_ARGS(found),
                     cases[i].preferred);
        if (found.len)
            assert_true(found.ptr >= header.ptr &&
                        found.ptr + found.len <= header.ptr + header.len);
    }
    assert_int_equal(language_preferred(slice_of(NULL, 0)).len, 0);
}

static void test_only_so_many_are_looked_at(void **state)
{
    struct strbuf text;
    (void)state;
    strbuf_init(&text, 4096);
    for (unsigned i = 0; i < LANGUAGE_RANGES_MAX - 1; i++)
        strbuf_add_cstr(&text, "*,");
    strbuf_add_cstr(&text, "de;q=0.1,en");
    assert_true(slice_eq(language_preferred(strbuf_slice(&text)), SLICE("de")));
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_preferred_language),
        cmocka_unit_test(test_only_so_many_are_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
