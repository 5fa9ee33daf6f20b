/*
 * address: a peer's or a listener's network address.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/slice.h"

#define NET_ADDRESS_TEXT_MAX 128

struct net_cidr {
    struct net_ip base;
    unsigned prefix_bits; /* 0 to 128, counted in the mapped form */
};

/* Where to listen or connect. */
struct net_address {
    struct sockaddr_storage sockaddr;
    socklen_t len;
    char text[NET_ADDRESS_TEXT_MAX]; /* as it was written, NUL at the end */
};

/*
 * "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" (all addresses) or "unix:/path".
 * `err` says what is allowed.
 */
bool net_address_parse(struct slice text, struct net_address *ret, struct err *err);

/* The address of a connected peer. */
struct net_ip net_ip_of(const struct sockaddr *sockaddr);

/* "10.0.0.0/8", "2001:db8::/32", or an address alone. Bits beyond the prefix must be zero. */
bool net_cidr_parse(struct slice text, struct net_cidr *ret, struct err *err);
bool net_cidr_contains(const struct net_cidr *cidr, const struct net_ip *ip);

#endif
