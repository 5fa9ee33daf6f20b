#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "net/address.h"

static struct net_ip ip(const char *text)
{
    struct net_ip parsed;
    assert_true(net_ip_parse(slice_cstr(text), &parsed));
    return parsed;
}

static void assert_same_ip(struct net_ip a, struct net_ip b)
{
    assert_memory_equal(a.bytes, b.bytes, sizeof a.bytes);
}

static void test_ipv4_is_held_in_its_mapped_form(void **state)
{
    (void)state;
    static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 192, 0, 2, 7};
    assert_memory_equal(ip("192.0.2.7").bytes, mapped, sizeof mapped);
    assert_same_ip(ip("192.0.2.7"), ip("::ffff:192.0.2.7"));
}

static void test_what_is_no_address(void **state)
{
    (void)state;
    static const char *const bad[] = {"",          "1.2.3",      "1.2.3.4.5", "1.2.3.256",
                                      "01.2.3.4x", "1.2.3.4:80", " 1.2.3.4",  "[::1]",
                                      "::1%lo",    ":::",        "1::2::3",   "localhost",
                                      "0x7f.1",    "1.2.3.4/8",  "12345::1",  "fe80::1%eth0"};
    struct net_ip parsed;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(net_ip_parse(slice_cstr(bad[i]), &parsed));
    assert_false(net_ip_parse(SLICE("1.2.3.4\0"), &parsed));
}

static void test_the_peer_of_a_socket(void **state)
{
    (void)state;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(0xc0000207)}};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    assert_same_ip(net_ip_of((const struct sockaddr *)&v4), ip("192.0.2.7"));
    assert_same_ip(net_ip_of((const struct sockaddr *)&v6), ip("::1"));
    assert_same_ip(net_ip_of((const struct sockaddr *)&local), ip("::"));
}

static struct net_cidr cidr(const char *text)
{
    struct net_cidr parsed;
    struct err err;
    assert_true(net_cidr_parse(slice_cstr(text), &parsed, &err));
    return parsed;
}

static bool contains(const char *range, const char *address)
{
    struct net_cidr parsed = cidr(range);
    struct net_ip one = ip(address);
    return net_cidr_contains(&parsed, &one);
}

static void test_ranges_contain_their_addresses_and_no_others(void **state)
{
    (void)state;
    assert_true(contains("10.0.0.0/8", "10.255.255.255"));
    assert_false(contains("10.0.0.0/8", "11.0.0.0"));
    assert_true(contains("192.0.2.128/25", "192.0.2.128"));
    assert_false(contains("192.0.2.128/25", "192.0.2.127"));
    assert_true(contains("192.0.2.7", "192.0.2.7"));
    assert_false(contains("192.0.2.7", "192.0.2.6"));
    assert_true(contains("0.0.0.0/0", "255.1.2.3"));
    assert_false(contains("0.0.0.0/0", "2001:db8::1"));
    assert_true(contains("2001:db8::/32", "2001:db8:ffff::1"));
    assert_false(contains("2001:db8::/32", "2001:db9::"));
    assert_true(contains("::/0", "192.0.2.7"));
    assert_true(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
}

static void test_ranges_that_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "10.0.0.0/33",  "10.0.0.0/",      "10.0.0.0/-1",
        "10.0.0.1/8", "::/129",       "2001:db8::1/64", "10.0.0.0/8/8",
        "/8",         "10.0.0.0/0x8", "everything"};
    struct net_cidr parsed;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {"", ""};
        assert_false(net_cidr_parse(slice_cstr(bad[i]), &parsed, &err));
        assert_true(err.text[0] != '\0');
    }
}

static struct net_address address(const char *text)
{
    struct net_address parsed;
    struct err err;
    assert_true(net_address_parse(slice_cstr(text), &parsed, &err));
    assert_string_equal(parsed.text, text);
    return parsed;
}

static void assert_v4(const char *text, uint32_t host, uint16_t port)
{
    struct net_address parsed = address(text);
    const struct sockaddr_in *sockaddr = (const struct sockaddr_in *)&parsed.sockaddr;
    assert_int_equal(sockaddr->sin_family, AF_INET);
    assert_int_equal(parsed.len, sizeof *sockaddr);
    assert_int_equal(ntohl(sockaddr->sin_addr.s_addr), host);
    assert_int_equal(ntohs(sockaddr->sin_port), port);
}

static void assert_v6(const char *text, struct in6_addr host, uint16_t port)
{
    struct net_address parsed = address(text);
    const struct sockaddr_in6 *sockaddr = (const struct sockaddr_in6 *)&parsed.sockaddr;
    assert_int_equal(sockaddr->sin6_family, AF_INET6);
    assert_int_equal(parsed.len, sizeof *sockaddr);
    assert_memory_equal(&sockaddr->sin6_addr, &host, sizeof host);
    assert_int_equal(ntohs(sockaddr->sin6_port), port);
}

static void test_addresses_to_listen_on(void **state)
{
    (void)state;
    assert_v4("127.0.0.1:8080", INADDR_LOOPBACK, 8080);
    assert_v4("localhost:1", INADDR_LOOPBACK, 1);
    assert_v4("0.0.0.0:65535", INADDR_ANY, 65535);
    assert_v6("[::1]:8080", in6addr_loopback, 8080);
    assert_v6("[::]:80", in6addr_any, 80);
    assert_v6(":80", in6addr_any, 80);
}

static void test_a_path_is_an_address_too(void **state)
{
    (void)state;
    struct net_address parsed = address("unix:/run/masthead.sock");
    const struct sockaddr_un *sockaddr = (const struct sockaddr_un *)&parsed.sockaddr;
    assert_int_equal(sockaddr->sun_family, AF_UNIX);
    assert_string_equal(sockaddr->sun_path, "/run/masthead.sock");
}

static void test_addresses_that_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "8080",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:65536",
                                      "::1:80x",
                                      "[::1]",
                                      "[::1:80",
                                      "ads.example:80",
                                      "unix:",
                                      "unix:relative",
                                      "127.0.0.1: 80",
                                      "1.2.3:80",
                                      "127.0.0.1:80 ",
                                      "[]:80"};
    struct net_address parsed;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {"", ""};
        assert_false(net_address_parse(slice_cstr(bad[i]), &parsed, &err));
        assert_non_null(strstr(err.text, "allowed are"));
    }
}

static void test_a_path_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char text[NET_ADDRESS_TEXT_MAX + 20];
    struct net_address parsed;
    struct err err;
    memset(text, 'x', sizeof text);
    memcpy(text, "unix:/", 6);
    for (size_t len = sizeof((struct sockaddr_un *)0)->sun_path + 5; len < sizeof text; len++)
        assert_false(net_address_parse(slice_of(text, len), &parsed, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipv4_is_held_in_its_mapped_form),
        cmocka_unit_test(test_what_is_no_address),
        cmocka_unit_test(test_the_peer_of_a_socket),
        cmocka_unit_test(test_ranges_contain_their_addresses_and_no_others),
        cmocka_unit_test(test_ranges_that_are_refused),
        cmocka_unit_test(test_addresses_to_listen_on),
        cmocka_unit_test(test_a_path_is_an_address_too),
        cmocka_unit_test(test_addresses_that_are_refused),
        cmocka_unit_test(test_a_path_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
