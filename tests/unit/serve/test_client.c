#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "serve/client.h"
#include "unit/serve/requests.h"

#define PROXIES "10.0.0.0/8, 192.168.1.1, 2001:db8::/32"

static struct net_ip ask(const char *proxies, const char *peer, const char *const *lists)
{
    struct networks trusted;
    struct test_request test;
    struct err err = {0};
    test_request_init(&test, HTTP_METHOD_GET);
    test_request_peer(&test, peer);
    test_request_add(&test, "user-agent", "X-Forwarded-For: 203.0.113.99");
    for (; lists && *lists; lists++)
        test_request_add(&test, "x-forwarded-for", *lists);
    assert_true(networks_parse(slice_cstr(proxies), &trusted, &err));
    struct net_ip found = client_address(&trusted, &test.request);
    test_request_release(&test);
    return found;
}

static bool is_address(struct net_ip ip, const char *expected)
{
    struct net_ip wanted = {0};
    if (expected[0] != '\0')
        assert_true(net_ip_parse(slice_cstr(expected), &wanted));
    return memcmp(&ip, &wanted, sizeof(ip)) == 0;
}

struct row {
    const char *proxies, *peer, *list, *expected;
};

static const struct row rows[] = {
    /* Nobody is trusted: the header is air. */
    {"", "198.51.100.1", NULL, "198.51.100.1"},
    {"", "198.51.100.1", "203.0.113.5", "198.51.100.1"},
    {"", "10.0.0.1", "203.0.113.5", "10.0.0.1"},
    /* An untrusted peer. */
    {PROXIES, "198.51.100.1", "203.0.113.5", "198.51.100.1"},
    {PROXIES, "11.0.0.1", "203.0.113.5", "11.0.0.1"},
    {PROXIES, "192.168.1.2", "203.0.113.5", "192.168.1.2"},
    {PROXIES, "2001:db9::1", "203.0.113.5", "2001:db9::1"},
    /* A trusted one tells. */
    {PROXIES, "10.0.0.1", NULL, "10.0.0.1"},
    {PROXIES, "10.0.0.1", "", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "203.0.113.5", "203.0.113.5"},
    {PROXIES, "10.0.0.1", "  203.0.113.5  ", "203.0.113.5"},
    {PROXIES, "192.168.1.1", "2001:4860::8888", "2001:4860::8888"},
    {PROXIES, "2001:db8::1", "203.0.113.5", "203.0.113.5"},
    {PROXIES, "10.0.0.1", "::ffff:203.0.113.5", "203.0.113.5"},
    {PROXIES, "::ffff:10.0.0.1", "203.0.113.5", "203.0.113.5"},
    /* The right-most one that is not trusted: what stands left of it the client may have made up.
     */
    {PROXIES, "10.0.0.1", "1.1.1.1, 203.0.113.5", "203.0.113.5"},
    {PROXIES, "10.0.0.1", "1.1.1.1,203.0.113.5,10.2.3.4", "203.0.113.5"},
    {PROXIES, "10.0.0.1", "1.1.1.1, 203.0.113.5, 192.168.1.1, 2001:db8::7", "203.0.113.5"},
    {PROXIES, "10.0.0.1", "10.9.9.9, 10.8.8.8", "10.9.9.9"},
    {PROXIES, "10.0.0.1", "not an address, 203.0.113.5", "203.0.113.5"},
    /* With the port it came from. */
    {PROXIES, "10.0.0.1", "203.0.113.5:4711", "203.0.113.5"},
    {PROXIES, "10.0.0.1", "203.0.113.5:4711, 10.2.3.4:80", "203.0.113.5"},
    {PROXIES, "10.0.0.1", "[2001:4860::8888]", "2001:4860::8888"},
    {PROXIES, "10.0.0.1", "[2001:4860::8888]:4711, [2001:db8::7]:443", "2001:4860::8888"},
    /* Junk where an address is needed: the peer. */
    {PROXIES, "10.0.0.1", "unknown", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "203.0.113.5, unknown", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "203.0.113.5,", "10.0.0.1"},
    {PROXIES, "10.0.0.1", ",", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "203.0.113.5:", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "203.0.113.5:65536", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "203.0.113.5:http", "10.0.0.1"},
    {PROXIES, "10.0.0.1", ":4711", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "[2001:4860::8888", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "[2001:4860::8888]4711", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "[2001:4860::8888]:", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "[203.0.113.5]:4711", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "[]", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "[", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "fe80::1%eth0", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "203.0.113.5 203.0.113.6", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "203.0.113", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "0x7f.0.0.1", "10.0.0.1"},
    {PROXIES, "10.0.0.1", "junk, 10.2.3.4", "10.0.0.1"},
    /* Unix sockets have no address; they are trusted by their own word. */
    {"unix", "", "203.0.113.5", "203.0.113.5"},
    {"unix, 10.0.0.0/8", "", "203.0.113.5, 10.0.0.7", "203.0.113.5"},
    {"0.0.0.0/0, ::/0", "", "203.0.113.5", ""},
    {"10.0.0.0/8", "", "203.0.113.5", ""},
};

static void test_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *lists[] = {rows[i].list, NULL};
        struct net_ip found = ask(rows[i].proxies, rows[i].peer, lists);
        if (!is_address(found, rows[i].expected))
            fail_msg("row %zu: peer %s, list %s: not %s", i, rows[i].peer,
                     rows[i].list ? rows[i].list : "(none)", rows[i].expected);
    }
}

/* Some proxies add a line of their own behind the client's instead of lengthening it. */
static void test_several_lines_are_one_list(void **state)
{
    const char *forged[] = {"1.1.1.1", "203.0.113.5", NULL};
    const char *hops[] = {"1.1.1.1, 203.0.113.5", "10.1.1.1", "10.1.1.2, 10.1.1.3", NULL};
    const char *junk[] = {"203.0.113.5", "junk", NULL};
    const char *ours[] = {"10.9.9.9", "10.1.1.1", NULL};
    (void)state;
    assert_true(is_address(ask(PROXIES, "10.0.0.1", forged), "203.0.113.5"));
    assert_true(is_address(ask(PROXIES, "10.0.0.1", hops), "203.0.113.5"));
    assert_true(is_address(ask(PROXIES, "10.0.0.1", junk), "10.0.0.1"));
    assert_true(is_address(ask(PROXIES, "10.0.0.1", ours), "10.9.9.9"));
}

static void test_other_headers_are_never_believed(void **state)
{
    static const char *const names[] = {"forwarded", "true-client-ip",   "x-real-ip",
                                        "client-ip", "cf-connecting-ip", "x-client-ip"};
    struct networks trusted;
    struct err err = {0};
    (void)state;
    assert_true(networks_parse(SLICE(PROXIES), &trusted, &err));
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct test_request test;
        test_request_init(&test, HTTP_METHOD_GET);
        test_request_peer(&test, "10.0.0.1");
        test_request_add(&test, names[i], i == 0 ? "for=203.0.113.5" : "203.0.113.5");
        assert_true(is_address(client_address(&trusted, &test.request), "10.0.0.1"));
        test_request_release(&test);
    }
}

static struct net_ip ask_many(unsigned count)
{
    struct strbuf list;
    strbuf_init(&list, 1 << 20);
    strbuf_add_cstr(&list, "203.0.113.5");
    for (unsigned i = 0; i < count; i++)
        strbuf_addf(&list, ",10.1.%u.%u", i / 256 % 256, i % 256);
    const char *lists[] = {strbuf_cstr(&list), NULL};
    struct net_ip found = ask(PROXIES, "10.0.0.1", lists);
    strbuf_release(&list);
    return found;
}

static void test_more_hops_than_anybody_has_are_not_walked(void **state)
{
    (void)state;
    assert_true(is_address(ask_many(FORWARDED_HOPS_MAX - 1), "203.0.113.5"));
    assert_true(is_address(ask_many(FORWARDED_HOPS_MAX), "10.0.0.1"));
    assert_true(is_address(ask_many(10000), "10.0.0.1"));
}

static void test_wrong_ranges_are_refused(void **state)
{
    static const char *const texts[] = {
        "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/8,", "proxy", "10.0.0.0/8,,10.1.0.0/16", "10.0.0.0/",
        "::/129",      ","};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct networks trusted = {.count = 4711};
        struct err err = {0};
        assert_false(networks_parse(slice_cstr(texts[i]), &trusted, &err));
        assert_true(err.text[0] != '\0');
        assert_int_equal(trusted.count, 4711);
    }
}

static void test_too_many_ranges_are_refused(void **state)
{
    struct networks trusted;
    struct err err = {0};
    struct strbuf text;
    (void)state;
    strbuf_init(&text, 65536);
    strbuf_add_cstr(&text, "10.0.0.0/32");
    for (unsigned i = 1; i < NETWORKS_MAX; i++)
        strbuf_addf(&text, ",10.0.0.%u", i);
    assert_true(networks_parse(strbuf_slice(&text), &trusted, &err));
    assert_int_equal(trusted.count, NETWORKS_MAX);
    strbuf_add_cstr(&text, ",10.0.1.1");
    assert_false(networks_parse(strbuf_slice(&text), &trusted, &err));
    assert_string_equal(err.text, "more than 256 ranges");
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table),
        cmocka_unit_test(test_several_lines_are_one_list),
        cmocka_unit_test(test_other_headers_are_never_believed),
        cmocka_unit_test(test_more_hops_than_anybody_has_are_not_walked),
        cmocka_unit_test(test_wrong_ranges_are_refused),
        cmocka_unit_test(test_too_many_ranges_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
