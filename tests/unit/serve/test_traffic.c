#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "serve/series.h"
#include "serve/traffic.h"
#include "unit/serve/requests.h"

#define BROWSER "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

static const struct {
    enum http_method method;
    const char *agent; /* NULL: no such header */
    const char *name, *value;
    enum event_filter expected;
} rows[] = {
    {HTTP_METHOD_GET, BROWSER, NULL, NULL, EVENT_COUNTS},
    {HTTP_METHOD_POST, BROWSER, NULL, NULL, EVENT_COUNTS},
    {HTTP_METHOD_HEAD, BROWSER, NULL, NULL, EVENT_IS_HEAD},
    {HTTP_METHOD_GET, NULL, NULL, NULL, EVENT_IS_NOT_BROWSER},
    {HTTP_METHOD_GET, "", NULL, NULL, EVENT_IS_NOT_BROWSER},
    {HTTP_METHOD_GET, " \t ", NULL, NULL, EVENT_IS_NOT_BROWSER},
    {HTTP_METHOD_GET, BROWSER, "sec-purpose", "prefetch", EVENT_IS_PREFETCH},
    {HTTP_METHOD_GET, BROWSER, "sec-purpose", "prefetch;prerender", EVENT_IS_PREFETCH},
    {HTTP_METHOD_GET, BROWSER, "sec-purpose", "prefetch;anonymous-client-ip", EVENT_IS_PREFETCH},
    {HTTP_METHOD_GET, BROWSER, "sec-purpose", "Prefetch", EVENT_IS_PREFETCH},
    {HTTP_METHOD_GET, BROWSER, "purpose", "prefetch", EVENT_IS_PREFETCH},
    {HTTP_METHOD_GET, BROWSER, "purpose", "preview", EVENT_IS_PREFETCH},
    {HTTP_METHOD_GET, BROWSER, "x-purpose", "preview", EVENT_IS_PREFETCH},
    {HTTP_METHOD_GET, BROWSER, "x-moz", "prefetch", EVENT_IS_PREFETCH},
    {HTTP_METHOD_GET, BROWSER, "sec-purpose", "", EVENT_COUNTS},
    {HTTP_METHOD_GET, BROWSER, "sec-purpose", "navigate", EVENT_COUNTS},
    {HTTP_METHOD_GET, BROWSER, "sec-purpose", "pre", EVENT_COUNTS},
    {HTTP_METHOD_GET, BROWSER, "x-other", "prefetch", EVENT_COUNTS},
    {HTTP_METHOD_GET, "curl/8.5.0", NULL, NULL, EVENT_IS_NOT_BROWSER},
    {HTTP_METHOD_GET, "Googlebot/2.1 (+http://www.google.com/bot.html)", NULL, NULL, EVENT_IS_BOT},
    /* The first of several reasons, in the order documented. */
    {HTTP_METHOD_HEAD, NULL, "sec-purpose", "prefetch", EVENT_IS_HEAD},
    {HTTP_METHOD_GET, NULL, "sec-purpose", "prefetch", EVENT_IS_PREFETCH},
};

static struct networks trusted, internal;
static struct traffic_rules rules = {.trusted = &trusted, .internal = &internal};

static void test_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct test_request test;
        test_request_init(&test, rows[i].method);
        if (rows[i].agent)
            test_request_add(&test, "user-agent", rows[i].agent);
        if (rows[i].name)
            test_request_add(&test, rows[i].name, rows[i].value);
        if (traffic_classify(&rules, &test.request) != rows[i].expected)
            fail_msg("row %zu", i);
        test_request_release(&test);
    }
}

static enum event_filter ask(const char *peer, const char *forwarded, const char *agent)
{
    struct test_request test;
    test_request_init(&test, HTTP_METHOD_HEAD);
    test_request_peer(&test, peer);
    test_request_add(&test, "user-agent", agent);
    if (forwarded)
        test_request_add(&test, "x-forwarded-for", forwarded);
    enum event_filter said = traffic_classify(&rules, &test.request);
    test_request_release(&test);
    return said;
}

/* Before every other reason, and by the address that a trusted proxy tells. */
static void test_internal_networks(void **state)
{
    struct err err;
    (void)state;
    assert_true(networks_parse(SLICE("127.0.0.1"), &trusted, &err));
    assert_true(networks_parse(SLICE("10.0.0.0/8,2001:db8::/32"), &internal, &err));
    assert_int_equal(ask("10.1.2.3", NULL, "curl/8"), EVENT_IS_INTERNAL);
    assert_int_equal(ask("2001:db8::7", NULL, BROWSER), EVENT_IS_INTERNAL);
    assert_int_equal(ask("192.0.2.1", NULL, BROWSER), EVENT_IS_HEAD);
    assert_int_equal(ask("192.0.2.1", "10.1.2.3", BROWSER), EVENT_IS_HEAD);
    assert_int_equal(ask("127.0.0.1", "10.1.2.3", BROWSER), EVENT_IS_INTERNAL);
    assert_int_equal(ask("127.0.0.1", "192.0.2.1", BROWSER), EVENT_IS_HEAD);
    assert_int_equal(ask("", NULL, BROWSER), EVENT_IS_HEAD);
    assert_true(networks_parse(SLICE("unix"), &internal, &err));
    assert_int_equal(ask("", NULL, BROWSER), EVENT_IS_INTERNAL);
    assert_int_equal(ask("127.0.0.1", NULL, BROWSER), EVENT_IS_HEAD);
    trusted = internal = (struct networks){.count = 0};
}

static void test_crawlers_are_counted_by_name(void **state)
{
    const struct metrics_layout layout = {64, SERIES_COUNTERS};
    (void)state;
    rules.metrics = metrics_new(layout);
    metrics_attach(rules.metrics, 0);
    for (unsigned i = 0; i < 3; i++) {
        struct test_request test;
        test_request_init(&test, HTTP_METHOD_GET);
        test_request_add(&test, "user-agent", i ? "Googlebot/2.1" : BROWSER);
        (void)traffic_classify(&rules, &test.request);
        test_request_release(&test);
    }
    unsigned series = metrics_series(rules.metrics, SERIES_CRAWLER, SLICE("Googlebot"));
    assert_int_equal(metrics_series_get(rules.metrics, series, SERIES_CRAWLER_REQUESTS), 2);
    metrics_free(rules.metrics);
    rules.metrics = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table),
        cmocka_unit_test(test_internal_networks),
        cmocka_unit_test(test_crawlers_are_counted_by_name),
    };
    struct crawler_list *list = crawler_list_built_in();
    rules.crawlers = crawlers_new(list);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    crawlers_free(rules.crawlers);
    crawler_list_free(list);
    return failed;
}
