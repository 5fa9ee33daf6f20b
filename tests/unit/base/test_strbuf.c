#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/random.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "unit/base/child.h"

enum { ROOMY = 1000000 };

static int set_up(void **state)
{
    static struct strbuf buf;
    strbuf_init(&buf, ROOMY);
    *state = &buf;
    return 0;
}

static int tear_down(void **state)
{
    strbuf_release(*state);
    return 0;
}

static void check_contents(const struct strbuf *buf, const char *expected)
{
    assert_string_equal(strbuf_cstr(buf), expected);
    assert_int_equal(strbuf_slice(buf).len, strlen(expected));
    assert_false(buf->overflowed);
}

static void test_an_empty_buffer_is_an_empty_text(void **state)
{
    check_contents(*state, "");
    strbuf_clear(*state);
    strbuf_add_slice(*state, slice_of(NULL, 0));
    check_contents(*state, "");
}

static void test_parts_follow_one_another(void **state)
{
    strbuf_add(*state, "ab", 2);
    strbuf_add_cstr(*state, "cd");
    strbuf_add_char(*state, 'e');
    strbuf_add_slice(*state, SLICE("fg"));
    strbuf_addf(*state, "%d%s", 12, "h");
    check_contents(*state, "abcdefg12h");
    strbuf_truncate(*state, 3);
    check_contents(*state, "abc");
    strbuf_clear(*state);
    check_contents(*state, "");
}

static void test_nul_is_a_byte_like_others(void **state)
{
    struct strbuf *buf = *state;
    strbuf_add(buf, "a\0b", 3);
    assert_int_equal(buf->len, 3);
    assert_memory_equal(buf->ptr, "a\0b", 4);
}

static void test_numbers(void **state)
{
    strbuf_add_u64(*state, 0);
    strbuf_add_char(*state, ' ');
    strbuf_add_u64(*state, UINT64_MAX);
    strbuf_add_char(*state, ' ');
    strbuf_add_i64(*state, INT64_MIN);
    strbuf_add_char(*state, ' ');
    strbuf_add_i64(*state, INT64_MAX);
    strbuf_add_char(*state, ' ');
    strbuf_add_i64(*state, -1);
    check_contents(*state, "0 18446744073709551615 -9223372036854775808 9223372036854775807 -1");
}

static void test_it_grows_and_always_ends_in_nul(void **state)
{
    struct strbuf *buf = *state;
    for (size_t i = 0; i < 5000; i++) {
        strbuf_add_char(buf, (char)('a' + i % 26));
        assert_int_equal(buf->ptr[buf->len], '\0');
        assert_true(buf->len < buf->capacity);
    }
    assert_int_equal(buf->len, 5000);
    assert_int_equal(buf->ptr[4999], 'a' + 4999 % 26);
}

static void test_the_maximum_is_exact(void **state)
{
    (void)state;
    struct strbuf buf;
    strbuf_init(&buf, 300);
    for (int i = 0; i < 300; i++)
        strbuf_add_char(&buf, 'x');
    assert_false(buf.overflowed);
    assert_int_equal(buf.capacity, 301);
    strbuf_add_char(&buf, 'y');
    assert_true(buf.overflowed);
    assert_int_equal(buf.len, 300);
    strbuf_release(&buf);
}

static void test_what_does_not_fit_leaves_no_trace(void **state)
{
    (void)state;
    struct strbuf buf;
    strbuf_init(&buf, 8);
    strbuf_add_cstr(&buf, "12345");
    strbuf_add_cstr(&buf, "6789");
    assert_true(buf.overflowed);
    assert_string_equal(strbuf_cstr(&buf), "12345");
    strbuf_add_char(&buf, '6'); /* would fit, but something before it is missing */
    assert_string_equal(strbuf_cstr(&buf), "12345");
    strbuf_truncate(&buf, 2);
    assert_true(buf.overflowed);

    strbuf_clear(&buf);
    strbuf_add_cstr(&buf, "12345678");
    check_contents(&buf, "12345678");
    strbuf_release(&buf);
}

typedef void adder(struct strbuf *buf);

static void add_json(struct strbuf *buf)
{
    strbuf_add_json(buf, SLICE("a\nb"));
}

static void add_html(struct strbuf *buf)
{
    strbuf_add_html(buf, SLICE("a<b"));
}

static void add_url(struct strbuf *buf)
{
    strbuf_add_url(buf, SLICE("a b"));
}

static void add_base64url(struct strbuf *buf)
{
    strbuf_add_base64url(buf, "abc", 3);
}

static void add_number(struct strbuf *buf)
{
    strbuf_add_i64(buf, -12);
}

static void add_formatted(struct strbuf *buf)
{
    strbuf_addf(buf, "%s%d", "a", 12);
}

/* At every maximum an escape is written whole or not at all. */
static void test_escaping_leaves_no_trace_either(void **state)
{
    static adder *const adders[] = {add_json,      add_html,   add_url,
                                    add_base64url, add_number, add_formatted};
    (void)state;
    for (size_t i = 0; i < sizeof adders / sizeof *adders; i++) {
        for (size_t max = 0; max < 20; max++) {
            struct strbuf buf, whole;
            strbuf_init(&whole, ROOMY);
            adders[i](&whole);
            strbuf_init(&buf, max);
            adders[i](&buf);
            assert_int_equal(buf.overflowed, whole.len > max);
            assert_string_equal(strbuf_cstr(&buf), buf.overflowed ? "" : strbuf_cstr(&whole));
            strbuf_release(&buf);
            strbuf_release(&whole);
        }
    }
}

static void test_release_makes_it_new(void **state)
{
    struct strbuf *buf = *state;
    strbuf_add_cstr(buf, "text");
    strbuf_release(buf);
    check_contents(buf, "");
    strbuf_add_cstr(buf, "again");
    check_contents(buf, "again");
}

static void truncate_too_far(void *context)
{
    strbuf_truncate(context, 1);
}

static void test_truncating_to_more_is_a_bug(void **state)
{
    assert_true(child_aborts(truncate_too_far, *state, "len <= buf->len"));
}

static void check_json(struct strbuf *buf, struct slice text, const char *expected)
{
    strbuf_clear(buf);
    strbuf_add_json(buf, text);
    check_contents(buf, expected);
}

static void test_json_strings(void **state)
{
    check_json(*state, slice_of(NULL, 0), "\"\"");
    check_json(*state, SLICE("plain text/ '"), "\"plain text/ '\"");
    check_json(*state, SLICE("\"\\\""), "\"\\\"\\\\\\\"\"");
    check_json(*state, SLICE("a\n\t\0b\x7f"), "\"a\\u000a\\u0009\\u0000b\\u007f\"");
    check_json(*state, SLICE("</script>&"), "\"\\u003c/script\\u003e\\u0026\"");
}

static void test_json_keeps_utf8_and_mends_what_is_not(void **state)
{
    check_json(*state, SLICE("h\xc3\xa9 \xf0\x9f\x98\x80"), "\"h\xc3\xa9 \xf0\x9f\x98\x80\"");
    check_json(*state, SLICE("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xa7"),
               "\"\\u2028\\u2029\xe2\x80\xa7\"");
    check_json(*state, SLICE("a\xff\xc3"), "\"a\\ufffd\\ufffd\"");
    check_json(*state, SLICE("\xc0\xbc!"), "\"\\ufffd\\ufffd!\"");
}

/* Whatever comes in, what goes out is UTF-8 and cannot end a string or a script element. */
static void test_json_of_random_bytes_is_always_safe(void **state)
{
    struct strbuf *buf = *state;
    struct random random;
    random_seed(&random, 3);
    for (int round = 0; round < 2000; round++) {
        char bytes[40];
        size_t len = random_below(&random, sizeof bytes + 1);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)random_u64(&random);
        strbuf_clear(buf);
        strbuf_add_json(buf, slice_of(bytes, len));
        assert_true(utf8_valid(strbuf_slice(buf)));
        for (size_t i = 1; i + 1 < buf->len; i++) {
            assert_false(strchr("<>&\x7f", buf->ptr[i]) || (unsigned char)buf->ptr[i] < 0x20);
            assert_true(buf->ptr[i] != '"' || buf->ptr[i - 1] == '\\');
        }
    }
}

static void test_html(void **state)
{
    strbuf_add_html(*state, SLICE("<a href=\"x\" title='y'>&amp;</a>"));
    check_contents(*state, "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
    strbuf_clear(*state);
    strbuf_add_html(*state, SLICE("plain \xc3\xa9"));
    strbuf_add_html(*state, slice_of(NULL, 0));
    check_contents(*state, "plain \xc3\xa9");
}

static void test_url(void **state)
{
    strbuf_add_url(*state, SLICE("AZaz09-._~ /?&=%+\0\xc3\xa9"));
    check_contents(*state, "AZaz09-._~%20%2F%3F%26%3D%25%2B%00%C3%A9");
}

static void test_base64url(void **state)
{
    strbuf_add_cstr(*state, "t=");
    strbuf_add_base64url(*state, "\xfb\xff\xfe!", 4);
    strbuf_add_base64url(*state, NULL, 0);
    check_contents(*state, "t=-__-IQ");
}

static void test_long_formats(void **state)
{
    struct strbuf *buf = *state;
    strbuf_addf(buf, "%05000d", 7);
    assert_int_equal(buf->len, 5000);
    assert_int_equal(buf->ptr[4999], '7');
    assert_int_equal(buf->ptr[5000], '\0');
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_empty_buffer_is_an_empty_text),
        TEST(test_parts_follow_one_another),
        TEST(test_nul_is_a_byte_like_others),
        TEST(test_numbers),
        TEST(test_it_grows_and_always_ends_in_nul),
        TEST(test_the_maximum_is_exact),
        TEST(test_what_does_not_fit_leaves_no_trace),
        TEST(test_escaping_leaves_no_trace_either),
        TEST(test_release_makes_it_new),
        TEST(test_truncating_to_more_is_a_bug),
        TEST(test_json_strings),
        TEST(test_json_keeps_utf8_and_mends_what_is_not),
        TEST(test_json_of_random_bytes_is_always_safe),
        TEST(test_html),
        TEST(test_url),
        TEST(test_base64url),
        TEST(test_long_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
