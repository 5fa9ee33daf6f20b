#include "decision/glob.h"

#include <stdlib.h>
#include <time.h>

#include "unit.h"

static const struct {
    const char *glob, *text;
    bool matches;
} rows[] = {
    {"", "", true},
    {"", "a", false},
    {"*", "", true},
    {"**", "abc", true},
    {"?", "", false},
    {"?", "/", true},
    {"??", "a", false},
    {"/a", "/a", true},
    {"/a", "/ab", false},
    {"/a*", "/a", true},
    {"/a*", "/ab/c", true},
    {"*a", "a", true},
    {"*ab", "aab", true},
    {"*ab*", "aaab", true},
    {"a*a", "a", false},
    {"a*a", "aa", true},
    {"a*b*c", "abc", true},
    {"a*b*c", "acb", false},
    {"a*b*c", "abcabc", true},
    {"*a?c*", "xxabxabc", true},
    {"*a?c*", "xxabbc", false},
    {"*a?c*", "aabc", true},
    {"*??*", "a", false},
    {"*?a", "aa", true},
    {"*?a", "a", false},
    {"*ab*ab", "ab", false},
    {"*ab*ab", "abab", true},
    {"*abc*abc*", "abcab", false},
    {"/*/a/*", "/a/a/a", true},
    {"/*/a/*", "/a/", false},
};

static void test_globs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (glob_matches(slice_cstr(rows[i].glob), slice_cstr(rows[i].text)) != rows[i].matches)
            fail_msg("\"%s\" of \"%s\"", rows[i].glob, rows[i].text);
    }
}

static bool naive(struct slice glob, struct slice text)
{
    if (glob.len == 0)
        return text.len == 0;
    if (glob.ptr[0] == '*')
        return naive(slice_from(glob, 1), text) ||
               (text.len > 0 && naive(glob, slice_from(text, 1)));
    return text.len > 0 && (glob.ptr[0] == '?' || glob.ptr[0] == text.ptr[0]) &&
           naive(slice_from(glob, 1), slice_from(text, 1));
}

/* Every glob of up to six and every text of up to six out of few letters. */
static unsigned spell(unsigned number, const char *letters, unsigned count, char *ret)
{
    unsigned len = 0;
    for (; number > 0; number = (number - 1) / count)
        ret[len++] = letters[(number - 1) % count];
    return len;
}

static void test_all_short_globs(void **state)
{
    char glob[16], text[16];
    (void)state;
    for (unsigned i = 0; i < 5461; i++) { /* 4^0 + ... + 4^6 */
        struct slice g = slice_of(glob, spell(i, "ab*?", 4, glob));
        for (unsigned j = 0; j < 127; j++) {
            struct slice t = slice_of(text, spell(j, "ab", 2, text));
            if (glob_matches(g, t) != naive(g, t))
                fail_msg("\"%.*s\" of \"%.*s\"", SLICE_ARGS(g), SLICE_ARGS(t));
        }
    }
}

static void test_what_is_too_long_between_stars(void **state)
{
    char glob[80];
    (void)state;
    memset(glob, 'a', sizeof glob);
    glob[0] = '*';
    glob[66] = '*';
    assert_true(glob_is_valid(slice_of(glob, 67)));
    glob[9] = '?';
    assert_false(glob_is_valid(slice_of(glob, 67)));
    assert_true(glob_is_valid(slice_of(glob, 66))); /* it ends the text, so it is not looked for */
    glob[65] = '*';
    assert_true(glob_is_valid(slice_of(glob, 66)));
    glob[0] = '/';
    glob[66] = '*';
    assert_true(glob_is_valid(slice_of(glob, 66)));
}

/* What makes matchers that go back take for ever: they would not come to an end here. */
static void test_hostile_globs(void **state)
{
    static char text[1024], glob[1024];
    (void)state;
    memset(text, 'a', sizeof text);
    for (unsigned i = 0; i < sizeof glob; i++)
        glob[i] = i % 2 ? 'a' : '*';
    glob[sizeof glob - 1] = 'b';
    for (unsigned i = 0; i < 20000; i++)
        assert_false(glob_matches(slice_of(glob, sizeof glob), slice_of(text, sizeof text)));
    memset(glob, 'a', sizeof glob);
    glob[0] = glob[1023] = '*';
    glob[500] = 'b';
    for (unsigned i = 0; i < 20000; i++)
        assert_false(glob_matches(slice_of(glob, sizeof glob), slice_of(text, sizeof text)));
    for (unsigned i = 0; i < sizeof glob; i++)
        glob[i] = i % 64 == 0 ? '*' : i % 64 == 63 ? 'b' : i % 2 ? '?' : 'a';
    for (unsigned i = 0; i < 20000; i++)
        assert_false(glob_matches(slice_of(glob, sizeof glob), slice_of(text, sizeof text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_globs),
        cmocka_unit_test(test_all_short_globs),
        cmocka_unit_test(test_what_is_too_long_between_stars),
        cmocka_unit_test(test_hostile_globs),
    };
    return cmocka_run_group_tests_name("decision/glob", tests, NULL, NULL);
}
