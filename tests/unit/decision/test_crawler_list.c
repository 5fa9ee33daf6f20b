#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/strbuf.h"
#include "decision/crawler_list.h"
#include "decision/pcre.h"

static struct crawler_list *good(const char *text)
{
    struct err err = {"", ""};
    struct crawler_list *list = crawler_list_parse(slice_cstr(text), "list", &err);
    if (!list)
        fail_msg("%s: %s", err.where, err.text);
    return list;
}

static void comments_blanks_and_line_ends_are_no_patterns(void **state)
{
    (void)state;
    struct crawler_list *list = good("# a list\r\n\n  \t\r\n  foo+bar \r\n# bar\n\\#tag\n  # baz");
    assert_true(crawler_list_matches(list, SLICE("x FOOOBAR/1.0")));
    assert_true(crawler_list_matches(list, SLICE("a #tag")));
    assert_false(crawler_list_matches(list, SLICE("baz")));
    assert_false(crawler_list_matches(list, SLICE("foo bar")));
    assert_false(crawler_list_matches(list, SLICE("")));
    assert_false(crawler_list_is_built_in(list));
    crawler_list_free(list);
}

static void a_pattern_may_ask_for_its_case(void **state)
{
    (void)state;
    struct crawler_list *list = good("(?-i)Inspector\n");
    assert_true(crawler_list_matches(list, SLICE("Inspector 2")));
    assert_false(crawler_list_matches(list, SLICE("inspector 2")));
    crawler_list_free(list);
}

static void mistakes_say_their_line(void **state)
{
    static const struct {
        const char *text, *where, *says;
    } rows[] = {
        {"", "list", "holds no pattern"},
        {"# nothing\n\n", "list", "holds no pattern"},
        {"good\n# fine\n(bad\n", "list:3", "no pattern at its character 5: missing closing"},
        {"[z-a]", "list:1", "no pattern at its character 4: range out of order"},
        {"bot\nx*\n", "list:2", "x* is in every user agent"},
        {"bot\n^\n", "list:2", "is in every user agent"},
        {"(*UTF)bot", "list:1", "no pattern"},
        {"\\Cbot", "list:1", "no pattern"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {"", ""};
        assert_null(crawler_list_parse(slice_cstr(rows[i].text), "list", &err));
        assert_string_equal(err.where, rows[i].where);
        if (!strstr(err.text, rows[i].says))
            fail_msg("row %zu: %s", i, err.text);
    }
}

static void the_limits_hold(void **state)
{
    struct err err = {"", ""};
    struct strbuf text;
    (void)state;
    strbuf_init(&text, 1 << 20);
    for (unsigned i = 0; i < CRAWLER_LIST_PATTERNS_MAX; i++)
        strbuf_add_cstr(&text, "bot\n");
    struct crawler_list *list = crawler_list_parse(strbuf_slice(&text), "list", &err);
    assert_non_null(list);
    crawler_list_free(list);
    strbuf_add_cstr(&text, "bot\n");
    assert_null(crawler_list_parse(strbuf_slice(&text), "list", &err));
    assert_string_equal(err.where, "list:4097");
    strbuf_clear(&text);
    for (unsigned i = 0; i <= PCRE_PATTERN_MAX; i++)
        strbuf_add_char(&text, 'a');
    assert_null(crawler_list_parse(strbuf_slice(&text), "list", &err));
    assert_string_equal(err.text, "a pattern of 1025 bytes, allowed are 1024");
    while (strbuf_slice(&text).len <= CRAWLER_LIST_BYTES_MAX)
        strbuf_add_cstr(&text, "\nbot");
    assert_null(crawler_list_parse(strbuf_slice(&text), "list", &err));
    assert_string_equal(err.text, "larger than 262144 bytes");
    strbuf_clear(&text);
    for (unsigned i = 0; i < 4000; i++)
        strbuf_add_cstr(&text, "(?:(?:b|c|d)(?:e|f|g)){300}x\n");
    assert_null(crawler_list_parse(strbuf_slice(&text), "list", &err));
    if (!strstr(err.text, "the patterns take more than 32 MiB"))
        fail_msg("%s", err.text);
    strbuf_release(&text);
}

/* One of those that would try more ways than there are atoms. */
static void a_match_that_would_not_end_is_none(void **state)
{
    (void)state;
    struct crawler_list *list = good("(?:a+)+(?:a+)+(?:a+)+(?:a+)+(?:a+)+b\n");
    assert_false(crawler_list_matches(
        list, SLICE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac")));
    crawler_list_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_blanks_and_line_ends_are_no_patterns),
        cmocka_unit_test(a_pattern_may_ask_for_its_case),
        cmocka_unit_test(mistakes_say_their_line),
        cmocka_unit_test(the_limits_hold),
        cmocka_unit_test(a_match_that_would_not_end_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
