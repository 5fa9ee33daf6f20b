#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "decision/consent.h"
#include "serve/page_query.h"
#include "unit/serve/requests.h"

/* One ad request, parsed; release() when done. */
struct asked {
    struct test_request test;
    struct page_query query;
    struct err err;
    bool good;
};

static void ask(struct asked *asked, enum http_method method, const char *text, size_t len)
{
    test_request_init(&asked->test, method);
    if (method == HTTP_METHOD_POST)
        asked->test.request.body = slice_of(text, len);
    else
        asked->test.request.query = slice_of(text, len);
    asked->err = (struct err){0};
    asked->good = page_query_parse(&asked->test.request, &asked->query, &asked->err);
    if (!asked->good && asked->err.where[0] == '\0')
        fail_msg("refused without a name: %s", text);
}

static void ask_get(struct asked *asked, const char *text)
{
    ask(asked, HTTP_METHOD_GET, text, strlen(text));
}

static void ask_post(struct asked *asked, const char *text)
{
    ask(asked, HTTP_METHOD_POST, text, strlen(text));
}

static void release(struct asked *asked)
{
    test_request_release(&asked->test);
}

static void assert_text(struct slice found, const char *expected)
{
    if (!slice_eq(found, slice_cstr(expected)))
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARGS(found), expected);
}

static void assert_everything(const struct page_query *query)
{
    assert_int_equal(query->slot_count, 3);
    assert_text(query->slots[0].id, "header");
    assert_int_equal(query->slots[0].width, 728);
    assert_text(query->slots[1].id, "post-top");
    assert_int_equal(query->slots[1].width, 0);
    assert_text(query->slots[2].id, "a.b_c-1");
    assert_int_equal(query->slots[2].width, PAGE_WIDTH_MAX);
    assert_text(query->url, "https://Blog.Example:8443/a?b=c&d=e#f");
    assert_text(query->domain, "blog.example");
    assert_text(query->path, "/a");
    assert_text(query->ref, "https://search.example/?q=\xc3\xa4");
    assert_text(query->referrer, "search.example");
    assert_int_equal(query->keyword_count, 2);
    assert_text(query->keywords[0], "garden");
    assert_text(query->keywords[1], "spring time");
    assert_text(query->uid, "Az09_-xy");
    assert_text(query->consent, "CPXxRfA");
    assert_int_equal(query->kv_count, 2);
    assert_text(query->kv[0].name, "section");
    assert_text(query->kv[0].value, "a=b&c");
    assert_text(query->kv[1].name, "x.y");
    assert_text(query->kv[1].value, "");
}

static void test_all_parameters_of_a_query_string(void **state)
{
    struct asked asked;
    (void)state;
    ask_get(&asked, "slot=header:728&slot=post-top&slot=a.b_c-1%3A65535"
                    "&url=https%3A%2F%2FBlog.Example%3A8443%2Fa%3Fb%3Dc%26d%3De%23f"
                    "&ref=https://search.example/?q%3D%C3%A4&kw=garden,spring+time&uid=Az09_-xy"
                    "&consent=CPXxRfA&kv.section=a%3Db%26c&kv.x.y=");
    assert_true(asked.good);
    assert_everything(&asked.query);
    release(&asked);
}

static void test_the_same_as_json(void **state)
{
    struct asked asked;
    (void)state;
    ask_post(&asked, "{\"slot\":[\"header:728\",\"post-top\",\"a.b_c-1:65535\"],"
                     "\"url\":\"https://Blog.Example:8443/a?b=c&d=e#f\","
                     "\"ref\":\"https:\\/\\/search.example/?q=\\u00e4\","
                     "\"kw\":\"garden,spring time\",\"uid\":\"Az09_-xy\",\"consent\":\"CPXxRfA\","
                     "\"kv.section\":\"a=b&c\",\"kv.x.y\":\"\"}");
    assert_true(asked.good);
    assert_everything(&asked.query);
    release(&asked);
}

static const struct {
    const char *query, *where;
} bad_queries[] = {
    /* slot */
    {"", "slot"},
    {"url=https://a.example/", "slot"},
    {"slot", "slot"},
    {"slot=", "slot"},
    {"slot=Header", "slot"},
    {"slot=-header", "slot"},
    {"slot=.header", "slot"},
    {"slot=header%20", "slot"},
    {"slot=Header&slot=b%C3%A4nner", "slot"},
    {"slot=%3Cscript%3E", "slot"},
    {"slot=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "slot"},
    {"slot=header:", "slot"},
    {"slot=header:-1", "slot"},
    {"slot=header:+1", "slot"},
    {"slot=header:1.5", "slot"},
    {"slot=header:65536", "slot"},
    {"slot=header:99999999999999999999", "slot"},
    {"slot=header:728:90", "slot"},
    {"slot=header:728px", "slot"},
    {"slot=:728", "slot"},
    {"slot=a&slot=b&slot=c&slot=d&slot=e&slot=f&slot=g&slot=h&slot=i&slot=j&slot=k&slot=l&slot=m"
     "&slot=n&slot=o&slot=p&slot=q",
     "slot"},
    /* url */
    {"slot=a&url=blog", "url"},
    {"slot=a&url=blog.example:80/path", "url"},
    {"slot=a&url=:about", "url"},
    {"slot=a&url=HTTPS://", "url"},
    {"slot=a&url=//a.example/", "url"},
    {"slot=a&url=https://", "url"},
    {"slot=a&url=https:///path", "url"},
    {"slot=a&url=https://./path", "url"},
    /* uid */
    {"slot=a&uid=short", "uid"},
    {"slot=a&uid=1234567", "uid"},
    {"slot=a&uid=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "uid"},
    {"slot=a&uid=12345678!", "uid"},
    {"slot=a&uid=12345678%00", "query"},
    {"slot=a&uid=1234+5678", "uid"},
    {"slot=a&uid=12345678%C3%A4", "uid"},
    /* the rest */
    {"slot=a&preview=x", "preview"},
    {"slot=a&kv.=x", "kv."},
    {"slot=a&kv.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=x", "kv.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    /* the query string itself */
    {"slot=a&kw=%", "query"},
    {"slot=a&kw=%4", "query"},
    {"slot=a&kw=%zz", "query"},
    {"slot=a&%zz=1", "query"},
    {"slot=a&kw=%ff", "query"},
    {"slot=a&kw=%C0%AF", "query"},
    {"slot=a&kw=%ED%A0%80", "query"},
    {"slot=a&unknown=%00", "query"},
};

static void test_bad_query_strings_name_the_parameter(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_queries) / sizeof(*bad_queries); i++) {
        struct asked asked;
        ask_get(&asked, bad_queries[i].query);
        if (asked.good)
            fail_msg("accepted: %s", bad_queries[i].query);
        if (strcmp(asked.err.where, bad_queries[i].where) != 0)
            fail_msg("%s: named %s", bad_queries[i].query, asked.err.where);
        assert_true(asked.err.text[0] != '\0');
        release(&asked);
    }
}

static const struct {
    const char *body, *where;
} bad_bodies[] = {
    {"", "body"},
    {"{", "body"},
    {"slot=header", "body"},
    {"[]", "body"},
    {"\"header\"", "body"},
    {"null", "body"},
    {"{\"slot\":\"a\"} {\"slot\":\"a\"}", "body"},
    {"{\"slot\":\"a\",\"slot\":\"b\"}", "body"},
    {"{\"slot\":\"a\",}", "body"},
    {"{'slot':'a'}", "body"},
    {"{\"slot\":\"a\",\"kw\":\"\xff\"}", "body"},
    {"{\"slot\":\"a\",\"kw\":\"\\u0000\"}", "body"},
    {"{\"slot\":\"a\",\"kw\":\"\\ud800\"}", "body"},
    {"{\"slot\":\"a\",\"kw\":NaN}", "body"},
    {"{}", "slot"},
    {"{\"slot\":[]}", "slot"},
    {"{\"slot\":7}", "slot"},
    {"{\"slot\":null}", "slot"},
    {"{\"slot\":[\"a\",7]}", "slot"},
    {"{\"slot\":[[\"a\"]]}", "slot"},
    {"{\"slot\":{\"id\":\"a\"}}", "slot"},
    {"{\"slot\":\"A\"}", "slot"},
    {"{\"slot\":\"a\",\"url\":[\"https://a.example/\"]}", "url"},
    {"{\"slot\":\"a\",\"url\":1}", "url"},
    {"{\"slot\":\"a\",\"uid\":\"<b>\"}", "uid"},
    {"{\"slot\":\"a\",\"kv.x\":1}", "kv.x"},
    {"{\"slot\":\"a\",\"kv.\":\"1\"}", "kv."},
    {"{\"slot\":\"a\",\"preview\":\"1\"}", "preview"},
};

static void test_bad_bodies_name_the_parameter(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_bodies) / sizeof(*bad_bodies); i++) {
        struct asked asked;
        ask_post(&asked, bad_bodies[i].body);
        if (asked.good)
            fail_msg("accepted: %s", bad_bodies[i].body);
        if (strcmp(asked.err.where, bad_bodies[i].where) != 0)
            fail_msg("%s: named %s", bad_bodies[i].body, asked.err.where);
        release(&asked);
    }
}

static void test_a_body_may_hold_no_nul(void **state)
{
    static const char body[] = "{\"slot\":\"a\"}\0";
    struct asked asked;
    (void)state;
    ask(&asked, HTTP_METHOD_POST, body, sizeof(body) - 1);
    assert_false(asked.good);
    release(&asked);
}

static void test_unknown_names_are_passed_over(void **state)
{
    static const char *const bodies[] = {
        "{\"slot\":\"a\",\"later\":\"x\"}",         "{\"slot\":\"a\",\"later\":7}",
        "{\"slot\":\"a\",\"later\":[1,{\"b\":2}]}", "{\"slot\":\"a\",\"later\":null}",
        "{\"later\":{},\"slot\":[\"a\"]}",
    };
    struct asked asked;
    (void)state;
    ask_get(&asked, "later=1&slot=a&Slot=b&&kv=1&later&=x&uid=");
    assert_true(asked.good);
    assert_int_equal(asked.query.slot_count, 1);
    assert_int_equal(asked.query.kv_count, 0);
    release(&asked);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        ask_post(&asked, bodies[i]);
        if (!asked.good)
            fail_msg("%s: %s: %s", bodies[i], asked.err.where, asked.err.text);
        release(&asked);
    }
}

static void test_empty_values_are_not_given(void **state)
{
    struct asked asked;
    (void)state;
    ask_get(&asked, "slot=a&url=&ref=&kw=&uid=&consent=");
    assert_true(asked.good);
    assert_int_equal(asked.query.url.len + asked.query.domain.len + asked.query.uid.len, 0);
    assert_int_equal(asked.query.path.len + asked.query.ref.len + asked.query.referrer.len, 0);
    assert_int_equal(asked.query.keyword_count, 0);
    release(&asked);
}

static const struct {
    const char *url, *domain, *path;
} pages[] = {
    {"https://blog.example", "blog.example", "/"},
    {"https://blog.example/", "blog.example", "/"},
    {"https://blog.example?a=/b", "blog.example", "/"},
    {"https://blog.example#/b", "blog.example", "/"},
    {"https://blog.example:8443", "blog.example", "/"},
    {"https://blog.example:8443/a/b", "blog.example", "/a/b"},
    {"https://blog.example/a/b?c/d", "blog.example", "/a/b"},
    {"https://blog.example/a/b#c/d", "blog.example", "/a/b"},
    {"https://blog.example/a//b/../c:d@e", "blog.example", "/a//b/../c:d@e"},
    {"HTTP://BLOG.example/A", "blog.example", "/A"},
    {"https://Blog.Example./a", "blog.example", "/a"},
    {"https://[2001:DB8::1]:80/a", "[2001:db8::1]", "/a"},
    /* what the page's address has encoded stays so */
    {"https://blog.example/%E4%B8%80/a%2520b", "blog.example", "/\xe4\xb8\x80/a%20b"},
    {"https://blog.example/a%252Fb%2523c", "blog.example", "/a%2Fb%23c"},
};

static void test_domain_and_path_of_the_page(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
        struct asked asked;
        char query[256] = "slot=a&url=";
        for (const char *c = pages[i].url; *c; c++)
            (void)snprintf(query + strlen(query), sizeof(query) - strlen(query),
                           *c == '#' || *c == '&' ? "%%%02X" : "%c", *c);
        ask_get(&asked, query);
        if (!asked.good)
            fail_msg("%s: %s", pages[i].url, asked.err.text);
        assert_text(asked.query.domain, pages[i].domain);
        assert_text(asked.query.path, pages[i].path);
        release(&asked);
    }
}

/* Pages within pages, files and apps: not refused, and of no site, whatever stood there before. */
static void test_pages_that_have_no_address_on_the_web(void **state)
{
    static const char *const addresses[] = {
        "about:srcdoc",
        "about:blank",
        "file:///home/reader/page.html",
        "data:text/html,a",
        "javascript:alert(1)",
        "blob:https://a.example/9115d58c",
        "ftp://a.example/",
        "chrome-extension://abcdef/page.html",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
        struct asked asked;
        char query[160];
        (void)snprintf(query, sizeof(query), "slot=a&url=https://first.example/b&url=%s",
                       addresses[i]);
        ask_get(&asked, query);
        if (!asked.good)
            fail_msg("%s: %s", addresses[i], asked.err.text);
        assert_text(asked.query.url, "");
        assert_text(asked.query.domain, "");
        assert_text(asked.query.path, "");
        release(&asked);
    }
}

/* An address that is not understood means that no site led here; it is no reason for a 400. */
static void test_the_referrer(void **state)
{
    static const struct {
        const char *ref, *host;
    } cases[] = {
        {"https://Search.Example/?q=a", "search.example"},
        {"http://search.example.", "search.example"},
        {"https://xn--bcher-kva.example/", "xn--bcher-kva.example"},
        {"android-app://com.example.reader/", ""},
        {"about:blank", ""},
        {"search.example", ""},
        {"https://user@search.example/", ""},
        {"https://", ""},
        {"https://./", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct asked asked;
        char query[128];
        (void)snprintf(query, sizeof(query), "slot=a&ref=https://first.example/&ref=%s",
                       cases[i].ref);
        ask_get(&asked, query);
        assert_true(asked.good);
        assert_text(asked.query.ref, cases[i].ref);
        assert_text(asked.query.referrer, cases[i].host);
        release(&asked);
    }
}

static void test_keywords(void **state)
{
    struct asked asked;
    (void)state;
    ask_get(&asked, "slot=a&kw=x&kw=,+garden+,,%09Spring+time%20,+,%C3%84pfel,garden,");
    assert_true(asked.good);
    assert_int_equal(asked.query.keyword_count, 4);
    assert_text(asked.query.keywords[0], "garden");
    assert_text(asked.query.keywords[1], "Spring time");
    assert_text(asked.query.keywords[2], "\xc3\x84pfel");
    assert_text(asked.query.keywords[3], "garden");
    release(&asked);
}

static void test_one_good_slot_will_do(void **state)
{
    struct asked asked;
    (void)state;
    ask_get(&asked, "slot=b%C3%A4nner:300&slot=a:b:1&slot=header:728");
    assert_true(asked.good);
    assert_int_equal(asked.query.slot_count, 3);
    assert_int_equal(asked.query.slots[0].width, 300);
    assert_true(slice_eq(asked.query.slots[1].id, SLICE("a:b")));
    assert_int_equal(asked.query.slots[2].width, 728);
    release(&asked);
}

static void test_marks_of_the_page(void **state)
{
    struct asked asked;
    struct strbuf text;
    (void)state;
    strbuf_init(&text, 4096);
    strbuf_add_cstr(&text, "slot=a&page=&page=first&page=");
    for (unsigned i = 0; i < PAGE_MARKS_MAX; i++)
        strbuf_add_cstr(&text, "&page=more");
    ask_get(&asked, strbuf_cstr(&text));
    assert_true(asked.good);
    assert_int_equal(asked.query.mark_count, PAGE_MARKS_MAX);
    assert_true(slice_eq(asked.query.marks[0], SLICE("first")));
    release(&asked);
    strbuf_release(&text);
}

static void test_the_limit_of_keywords(void **state)
{
    (void)state;
    for (unsigned over = 0; over <= 1; over++) {
        struct asked asked;
        struct strbuf text;
        strbuf_init(&text, 4096);
        strbuf_add_cstr(&text, "slot=a&kw=");
        for (unsigned i = 0; i < PAGE_KEYWORDS_MAX + over; i++)
            strbuf_add_cstr(&text, "k,,");
        ask_get(&asked, strbuf_cstr(&text));
        assert_int_equal(asked.good, !over);
        assert_string_equal(asked.err.where, over ? "kw" : "");
        release(&asked);
        strbuf_release(&text);
    }
}

/* Lengths at their limit and one byte over it. */
static void check_limit(const char *begin, size_t max, const char *where)
{
    for (size_t over = 0; over <= 1; over++) {
        struct asked asked;
        struct strbuf text;
        strbuf_init(&text, 1 << 20);
        strbuf_add_cstr(&text, "slot=a&");
        strbuf_add_cstr(&text, begin);
        size_t prefix = strlen(strchr(begin, '=') + 1);
        for (size_t i = prefix; i < max + over; i++)
            strbuf_add_char(&text, 'x');
        ask_get(&asked, strbuf_cstr(&text));
        if (asked.good != (over == 0))
            fail_msg("%s: %zu bytes: %s", begin, max + over, asked.err.text);
        if (over)
            assert_string_equal(asked.err.where, where);
        release(&asked);
        strbuf_release(&text);
    }
}

static void test_the_limits_of_texts(void **state)
{
    (void)state;
    check_limit("url=https://a.example/", PAGE_URL_MAX, "url");
    check_limit("ref=", PAGE_URL_MAX, "ref");
    check_limit("kw=", PAGE_TEXT_MAX, "kw");
    check_limit("kv.a=", PAGE_TEXT_MAX, "kv.a");
    check_limit("consent=", CONSENT_MAX, "consent");
}

static bool accepts_many(const char *format, unsigned count)
{
    struct asked asked;
    struct strbuf text;
    strbuf_init(&text, 1 << 20);
    strbuf_add_cstr(&text, "slot=a");
    for (unsigned i = 0; i < count; i++)
        strbuf_addf(&text, "&%s%u=x", format, i);
    ask_get(&asked, strbuf_cstr(&text));
    bool good = asked.good;
    release(&asked);
    strbuf_release(&text);
    return good;
}

static void test_the_limits_of_numbers(void **state)
{
    (void)state;
    assert_true(accepts_many("kv.k", PAGE_KV_MAX));
    assert_false(accepts_many("kv.k", PAGE_KV_MAX + 1));
    assert_true(accepts_many("later", PAGE_PARAMETERS_MAX - 1));
    assert_false(accepts_many("later", PAGE_PARAMETERS_MAX));
}

/* What a client wrote is shown to it with its foreign bytes escaped. */
static void test_messages_are_escaped(void **state)
{
    struct asked asked;
    (void)state;
    ask_get(&asked, "slot=%0d%0a%1b%C3%A4%22");
    assert_false(asked.good);
    for (const char *c = asked.err.text; *c; c++)
        assert_true(*c >= ' ' && *c < 0x7f);
    assert_non_null(strstr(asked.err.text, "\\x0d\\x0a\\x1b\\xc3\\xa4"));
    release(&asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_parameters_of_a_query_string),
        cmocka_unit_test(test_the_same_as_json),
        cmocka_unit_test(test_bad_query_strings_name_the_parameter),
        cmocka_unit_test(test_bad_bodies_name_the_parameter),
        cmocka_unit_test(test_a_body_may_hold_no_nul),
        cmocka_unit_test(test_unknown_names_are_passed_over),
        cmocka_unit_test(test_empty_values_are_not_given),
        cmocka_unit_test(test_domain_and_path_of_the_page),
        cmocka_unit_test(test_pages_that_have_no_address_on_the_web),
        cmocka_unit_test(test_the_referrer),
        cmocka_unit_test(test_keywords),
        cmocka_unit_test(test_one_good_slot_will_do),
        cmocka_unit_test(test_marks_of_the_page),
        cmocka_unit_test(test_the_limit_of_keywords),
        cmocka_unit_test(test_the_limits_of_texts),
        cmocka_unit_test(test_the_limits_of_numbers),
        cmocka_unit_test(test_messages_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
