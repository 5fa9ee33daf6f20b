#include "decision/macros.h"

#include <stdio.h>

#include "unit.h"

static void test_known_names_alone_are_macros(void **state)
{
    static const struct {
        const char *text, *macro; /* "" none */
    } rows[] = {
        {"", ""},
        {"no braces", ""},
        {"<a href=\"{click_url}\">", "{click_url}"},
        {"{click_url:url}", "{click_url:url}"},
        {"{page_domain:html}", "{page_domain:html}"},
        {"{{request}}", "{request}"},
        {"a{color:red}b{width}", "{width}"},
        {"{slot}{campaign}", "{slot}"},
        {"{creative}", "{creative}"},
        {"{page_url}", "{page_url}"},
        {"{timestamp}", "{timestamp}"},
        {"{random}", "{random}"},
        {"{height}", "{height}"},
        {".a{width:1px}", ""},
        {"{width : 1px}", ""},
        {"{click_url", ""},
        {"{click_url:}", ""},
        {"{click_url:js}", ""},
        {"{ click_url }", ""},
        {"{Click_url}", ""},
        {"{click_urls}", ""},
        {"{slots}", ""},
        {"{page}", ""},
        {"{page_url=https://a.example/}", ""},
        {"{click_url:js=x}", ""},
        {"{}", ""},
        {"{", ""},
        {"function f(){return {request:1}}", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct macro_found found = {.text = {NULL, 0}};
        assert_int_equal(macro_find(slice_cstr(rows[i].text), &found), rows[i].macro[0] != '\0');
        assert_slice(found.text, rows[i].macro);
    }
}

static void test_every_word_in_every_form(void **state)
{
    static const char *const endings[] = {"", ":url", ":html"};
    char text[64];
    (void)state;
    for (unsigned i = 0; i < MACRO_COUNT; i++) {
        for (unsigned form = MACRO_PLAIN; form <= MACRO_HTML; form++) {
            struct macro_found found;
            (void)snprintf(text, sizeof text, "a{%s%s}b", macro_words[i], endings[form]);
            assert_true(macro_find(slice_cstr(text), &found));
            assert_int_equal(found.macro, i);
            assert_int_equal(found.form, form);
            assert_false(found.has_destination);
            assert_true(found.is_closed);
            assert_ptr_equal(found.text.ptr, text + 1);
            assert_int_equal(found.text.len, strlen(text) - 2);
        }
    }
}

static void test_destinations(void **state)
{
    static const struct {
        const char *text, *macro, *destination;
        enum macro_form form;
        bool is_closed;
    } rows[] = {
        {"<{click_url=https://a.example/?b=1}>", "{click_url=https://a.example/?b=1}",
         "https://a.example/?b=1", MACRO_PLAIN, true},
        {"{click_url:url=x:url}", "{click_url:url=x:url}", "x:url", MACRO_URL, true},
        {"{click_url:html=x}}", "{click_url:html=x}", "x", MACRO_HTML, true},
        {"{click_url=}", "{click_url=}", "", MACRO_PLAIN, true},
        {"{click_url={slot}}", "{click_url={slot}", "{slot", MACRO_PLAIN, true},
        {"a{click_url=b", "{click_url=b", "b", MACRO_PLAIN, false},
        {"{click_url=", "{click_url=", "", MACRO_PLAIN, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct macro_found found;
        assert_true(macro_find(slice_cstr(rows[i].text), &found));
        assert_int_equal(found.macro, MACRO_CLICK_URL);
        assert_slice(found.text, rows[i].macro);
        assert_true(found.has_destination);
        assert_slice(found.destination, rows[i].destination);
        assert_int_equal(found.form, rows[i].form);
        assert_int_equal(found.is_closed, rows[i].is_closed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_names_alone_are_macros),
        cmocka_unit_test(test_every_word_in_every_form),
        cmocka_unit_test(test_destinations),
    };
    return cmocka_run_group_tests_name("decision/macros", tests, NULL, NULL);
}
