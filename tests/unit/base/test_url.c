#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "base/url.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* The pairs as "name=value;", and "!" where the query is malformed from there on. */
static void assert_query(struct slice query, const char *expected)
{
    struct slice name, value;
    struct strbuf told;
    enum url_query_result result;
    strbuf_init(&told, 1000);
    while ((result = url_query_next(&query, arena, &name, &value)) == URL_QUERY_PAIR)
        strbuf_addf(&told, "%.*s=%.*s;", SLICE_ARGS(name), SLICE_ARGS(value));
    if (result == URL_QUERY_MALFORMED)
        strbuf_add_char(&told, '!');
    assert_string_equal(told.ptr ? told.ptr : "", expected);
    strbuf_release(&told);
}

static void test_pairs(void **state)
{
    (void)state;
    assert_query(SLICE(""), "");
    assert_query(slice_of(NULL, 0), "");
    assert_query(SLICE("a=b"), "a=b;");
    assert_query(SLICE("a=b&c=d&a=e"), "a=b;c=d;a=e;");
    assert_query(SLICE("a&b=&=c&="), "a=;b=;=c;=;");
    assert_query(SLICE("&&a=b&&"), "a=b;");
    assert_query(SLICE("a=b=c&d==e"), "a=b=c;d==e;");
    assert_query(SLICE("kv.x=1;2,3:4"), "kv.x=1;2,3:4;");
}

static void test_escapes(void **state)
{
    (void)state;
    assert_query(SLICE("a=%41%4a%4A"), "a=AJJ;");
    assert_query(SLICE("a+b=c+%2B"), "a b=c +;");
    assert_query(SLICE("%61=%26%3D%25"), "a=&=%;");
    assert_query(SLICE("a=%C3%A4\xc3\xa4&b=%F0%9F%8E%89"),
                 "a=\xc3\xa4\xc3\xa4;b=\xf0\x9f\x8e\x89;");
}

static void test_what_is_malformed(void **state)
{
    (void)state;
    assert_query(SLICE("a=b&c=%"), "a=b;!");
    assert_query(SLICE("a=%4"), "!");
    assert_query(SLICE("a=%4g"), "!");
    assert_query(SLICE("a=%-1"), "!");
    assert_query(SLICE("%=a"), "!");
    assert_query(SLICE("a=%00"), "!");
    assert_query(SLICE("a=b\0c"), "!");
    assert_query(SLICE("a=%FF"), "!");
    assert_query(SLICE("a=\xc3"), "!");
    assert_query(SLICE("a=%C3&b=%A4"), "!");
    assert_query(SLICE("a=%C0%80"), "!");
    assert_query(SLICE("a=%ED%A0%80"), "!");
}

static void test_what_has_no_escapes_is_not_copied(void **state)
{
    (void)state;
    static const struct slice query = SLICE_INIT("name=value");
    struct slice rest = query, name, value;
    assert_int_equal(url_query_next(&rest, arena, &name, &value), URL_QUERY_PAIR);
    assert_ptr_equal(name.ptr, query.ptr);
    assert_ptr_equal(value.ptr, query.ptr + 5);
    assert_int_equal(arena_used(arena), 0);
}

static void test_the_arena_bounds_what_is_decoded(void **state)
{
    (void)state;
    char text[2000];
    struct slice name, value, decoded;
    memset(text, '+', sizeof text);
    struct slice rest = slice_of(text, sizeof text);
    assert_int_equal(url_query_next(&rest, arena, &name, &value), URL_QUERY_MALFORMED);
    memcpy(text, "%41", 3);
    assert_false(url_decode(slice_of(text, sizeof text), arena, &decoded));
}

static void test_decoding_alone_keeps_plus(void **state)
{
    (void)state;
    struct slice decoded;
    assert_true(url_decode(SLICE("a+b%2fc%00"), arena, &decoded));
    assert_true(slice_eq(decoded, SLICE("a+b/c\0")));
    assert_true(url_decode(SLICE("abc"), arena, &decoded));
    assert_false(url_decode(SLICE("abc%2"), arena, &decoded));
    assert_false(url_decode(SLICE("%zz"), arena, &decoded));
}

static void assert_host(const char *url, const char *expected)
{
    struct slice host;
    assert_true(url_host(slice_cstr(url), &host));
    assert_true(slice_eq(host, slice_cstr(expected)));
}

static void test_hosts(void **state)
{
    (void)state;
    assert_host("http://blog.example", "blog.example");
    assert_host("https://blog.example/a?b#c", "blog.example");
    assert_host("HTTPS://Blog.Example:8443/a", "Blog.Example");
    assert_host("http://a-b_c.d?x", "a-b_c.d");
    assert_host("http://192.0.2.1:80", "192.0.2.1");
    assert_host("http://[2001:db8::1]:80/", "[2001:db8::1]");
    assert_host("http://x#y", "x");
}

static void test_addresses_without_a_host_of_ours(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "blog.example",
                                      "//blog.example",
                                      "/path",
                                      "ftp://x/",
                                      "http:/x",
                                      "http://",
                                      "http:///path",
                                      "http://?a",
                                      "http://:80/",
                                      "http://a@b",
                                      "http://a:b@c/",
                                      "http://a:80@b/",
                                      "http://a\\@b/",
                                      "http://a b/",
                                      "http://a:x",
                                      "http://a:99999/",
                                      "http://[::1",
                                      "http://[]/",
                                      "http://[::1]x/",
                                      "http://%61/",
                                      "http://\xc3\xa4/",
                                      "javascript:x",
                                      "http://a\tb/",
                                      "http://a,b/",
                                      " http://a/",
                                      "http://[::g]/"};
    struct slice host;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(url_host(slice_cstr(bad[i]), &host));
    assert_false(url_host(SLICE("http://a\0b/"), &host));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pairs),
        TEST(test_escapes),
        TEST(test_what_is_malformed),
        TEST(test_what_has_no_escapes_is_not_copied),
        TEST(test_the_arena_bounds_what_is_decoded),
        TEST(test_decoding_alone_keeps_plus),
        TEST(test_hosts),
        TEST(test_addresses_without_a_host_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
