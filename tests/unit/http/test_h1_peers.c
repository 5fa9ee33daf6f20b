#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/h1_peers.h"

static struct net_ip numbered(unsigned number)
{
    struct net_ip ip = {{0x20, 0x01, 0x0d, 0xb8}};
    ip.bytes[14] = (uint8_t)(number >> 8);
    ip.bytes[15] = (uint8_t)number;
    return ip;
}

static void test_each_address_has_its_own_count(void **state)
{
    (void)state;
    struct h1_peers *peers = h1_peers_new();
    struct net_ip a = numbered(1), b = numbered(2);
    assert_true(h1_peers_enter(peers, &a, 2));
    assert_true(h1_peers_enter(peers, &a, 2));
    assert_false(h1_peers_enter(peers, &a, 2));
    assert_true(h1_peers_enter(peers, &b, 2));
    h1_peers_leave(peers, &a);
    assert_true(h1_peers_enter(peers, &a, 2));
    assert_false(h1_peers_enter(peers, &a, 2));
    h1_peers_leave(peers, &a);
    h1_peers_leave(peers, &a);
    h1_peers_leave(peers, &b);
    h1_peers_free(peers);
}

static void test_many_addresses(void **state)
{
    (void)state;
    struct h1_peers *peers = h1_peers_new();
    for (unsigned i = 0; i < 20000; i++) {
        struct net_ip ip = numbered(i);
        assert_true(h1_peers_enter(peers, &ip, 1));
    }
    for (unsigned i = 0; i < 20000; i += 2) {
        struct net_ip ip = numbered(i);
        assert_false(h1_peers_enter(peers, &ip, 1));
        h1_peers_leave(peers, &ip);
        assert_true(h1_peers_enter(peers, &ip, 1));
    }
    h1_peers_free(peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_address_has_its_own_count),
        cmocka_unit_test(test_many_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
