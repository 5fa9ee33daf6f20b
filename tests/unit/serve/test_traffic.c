#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
    {HTTP_METHOD_GET, NULL, NULL, NULL, EVENT_IS_BOT},
    {HTTP_METHOD_GET, "", NULL, NULL, EVENT_IS_BOT},
    {HTTP_METHOD_GET, " \t ", NULL, NULL, EVENT_IS_BOT},
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
    /* The first of several reasons, in the order documented. */
    {HTTP_METHOD_HEAD, NULL, "sec-purpose", "prefetch", EVENT_IS_HEAD},
    {HTTP_METHOD_GET, NULL, "sec-purpose", "prefetch", EVENT_IS_PREFETCH},
};

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
        if (traffic_classify(&test.request) != rows[i].expected)
            fail_msg("row %zu", i);
        test_request_release(&test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
