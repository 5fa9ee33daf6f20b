#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "net/address.h"
#include "serve/facts.h"
#include "unit/serve/requests.h"

/* One ad request and what is found in it. All bytes are set before: what is not filled is seen. */
struct found {
    struct test_request test;
    struct page_query query;
    struct geo_place place;
    struct page_facts facts;
};

static void begin(struct found *found)
{
    memset(found, 0x5a, sizeof(*found));
    test_request_init(&found->test, HTTP_METHOD_GET);
}

static void find(struct found *found, const char *query, struct geo *geo, const char *client)
{
    struct err err = {0};
    struct facts_source source = {
        .request = &found->test.request, .query = &found->query, .geo = geo};
    found->test.request.query = slice_cstr(query);
    if (!page_query_parse(&found->test.request, &found->query, &err))
        fail_msg("%s: %s", err.where, err.text);
    assert_true(net_ip_parse(slice_cstr(client), &source.client));
    facts_fill(&source, &found->place, &found->facts);
}

static void assert_text(struct slice text, const char *expected)
{
    if (!slice_eq(text, slice_cstr(expected)))
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARGS(text), expected);
}

static struct geo *open_city(void)
{
    struct err err = {0};
    struct geo *geo = geo_open("tests/data/city.mmdb", &err);
    if (!geo)
        fail_msg("%s", err.text);
    return geo;
}

static void test_all_there_is_to_know(void **state)
{
    struct geo *geo = open_city();
    struct found found;
    (void)state;
    begin(&found);
    test_request_add(&found.test, "accept-language", "en;q=0.5, pt-BR");
    test_request_add(&found.test, "user-agent",
                     "Mozilla/5.0 (Linux; Android 13; SM-X906C) AppleWebKit/537.36 (KHTML, like "
                     "Gecko) Chrome/124.0.0.0 Safari/537.36");
    test_request_add(&found.test, "sec-ch-ua", "\"Chromium\";v=\"1\", \"Opera\";v=\"1\"");
    test_request_add(&found.test, "sec-ch-ua-mobile", "?0");
    test_request_add(&found.test, "sec-ch-ua-platform", "\"Android\"");
    find(&found,
         "slot=a&url=https://Blog.Example/garden/tulips?x=1&ref=https://www.Search.example/s"
         "&kw=garden,%20spring&kv.section=news&kv.section=local&kv.x=",
         geo, "198.51.100.200");
    const struct page_facts *facts = &found.facts;
    assert_text(facts->domain, "blog.example");
    assert_text(facts->path, "/garden/tulips");
    assert_text(facts->referrer, "www.search.example");
    assert_text(facts->country, "DE");
    assert_text(facts->region, "DE-BE");
    assert_text(facts->language, "pt-BR");
    assert_int_equal(facts->device, DEVICE_TABLET);
    assert_int_equal(facts->browser, BROWSER_OPERA);
    assert_int_equal(facts->system, SYSTEM_ANDROID);
    assert_int_equal(facts->keyword_count, 2);
    assert_text(facts->keywords[0], "garden");
    assert_text(facts->keywords[1], "spring");
    assert_int_equal(facts->key_value_count, 3);
    assert_text(facts->key_values[0].name, "section");
    assert_text(facts->key_values[0].value, "news");
    assert_text(facts->key_values[1].name, "section");
    assert_text(facts->key_values[1].value, "local");
    assert_text(facts->key_values[2].name, "x");
    assert_text(facts->key_values[2].value, "");
    test_request_release(&found.test);
    geo_close(geo);
}

static void assert_nothing_known(const struct page_facts *facts)
{
    assert_int_equal(facts->domain.len + facts->path.len + facts->referrer.len, 0);
    assert_int_equal(facts->country.len + facts->region.len + facts->language.len, 0);
    assert_int_equal(facts->device, DEVICE_UNKNOWN);
    assert_int_equal(facts->browser, BROWSER_UNKNOWN);
    assert_int_equal(facts->system, SYSTEM_UNKNOWN);
    assert_int_equal(facts->keyword_count + facts->key_value_count, 0);
}

static void test_nothing_to_know(void **state)
{
    struct geo *geo = open_city();
    struct found found;
    (void)state;
    begin(&found);
    find(&found, "slot=a", NULL, "198.51.100.200");
    assert_nothing_known(&found.facts);
    find(&found, "slot=a", geo, "127.0.0.1");
    assert_nothing_known(&found.facts);
    test_request_release(&found.test);
    geo_close(geo);
}

/* It says what site the page is of at most, and may be anybody's. */
static void test_the_referer_header_is_not_the_page(void **state)
{
    struct found found;
    (void)state;
    begin(&found);
    test_request_add(&found.test, "referer", "https://blog.example/garden");
    find(&found, "slot=a", NULL, "192.0.2.1");
    assert_nothing_known(&found.facts);
    test_request_release(&found.test);
}

static void test_the_first_line_of_a_header_counts(void **state)
{
    struct found found;
    (void)state;
    begin(&found);
    test_request_add(&found.test, "accept-language", "de");
    test_request_add(&found.test, "accept-language", "en");
    test_request_add(&found.test, "sec-ch-ua-platform", "\"macOS\"");
    test_request_add(&found.test, "sec-ch-ua-platform", "\"Windows\"");
    find(&found, "slot=a", NULL, "192.0.2.1");
    assert_text(found.facts.language, "de");
    assert_int_equal(found.facts.system, SYSTEM_MACOS);
    test_request_release(&found.test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_there_is_to_know),
        cmocka_unit_test(test_nothing_to_know),
        cmocka_unit_test(test_the_referer_header_is_not_the_page),
        cmocka_unit_test(test_the_first_line_of_a_header_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
