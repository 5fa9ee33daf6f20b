#include "decision/macros.h"

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
        {"{}", ""},
        {"{", ""},
        {"function f(){return {request:1}}", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice macro = slice_of(NULL, 0);
        assert_int_equal(macro_find(slice_cstr(rows[i].text), &macro), rows[i].macro[0] != '\0');
        assert_slice(macro, rows[i].macro);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_names_alone_are_macros),
    };
    return cmocka_run_group_tests_name("decision/macros", tests, NULL, NULL);
}
