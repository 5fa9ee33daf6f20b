#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/ip.h"

static struct net_ip at(const char *text)
{
    struct net_ip ip;
    assert_true(net_ip_parse(slice_cstr(text), &ip));
    return ip;
}

/* What both have in common is all that a subscriber has. */
static bool are_one(const char *a, const char *b)
{
    struct net_ip left = net_ip_subscriber(at(a)), right = net_ip_subscriber(at(b));
    return memcmp(&left, &right, sizeof left) == 0;
}

static void a_subscriber_has_a_whole_v4_address(void **state)
{
    (void)state;
    assert_true(are_one("192.0.2.1", "192.0.2.1"));
    assert_true(are_one("192.0.2.1", "::ffff:192.0.2.1"));
    assert_false(are_one("192.0.2.1", "192.0.2.2"));
    assert_false(are_one("192.0.2.1", "192.0.3.1"));
}

static void a_subscriber_has_64_bits_of_v6(void **state)
{
    (void)state;
    assert_true(are_one("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"));
    assert_true(are_one("2001:db8:0:1::", "2001:db8:0:1:8000::"));
    assert_false(are_one("2001:db8:0:1::1", "2001:db8::1"));
    assert_false(are_one("2001:db8:0:1::1", "2001:db8:0:0:1::1"));
    /* As long as it is not an IPv4 one, zeroes before it are no other matter. */
    assert_true(are_one("::1", "::2"));
    assert_false(are_one("::1", "0.0.0.1"));
    assert_memory_equal(net_ip_subscriber(at("2001:db8:0:1:2:3:4:5")).bytes,
                        at("2001:db8:0:1::").bytes, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_subscriber_has_a_whole_v4_address),
        cmocka_unit_test(a_subscriber_has_64_bits_of_v6),
    };
    return cmocka_run_group_tests_name("base/ip", tests, NULL, NULL);
}
