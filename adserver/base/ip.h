/*
 * ip: an IP address as plain bytes.
 */
#ifndef BASE_IP_H
#define BASE_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* Without its port; IPv4 is held as IPv4-mapped IPv6. All zero: the peer of a unix socket. */
struct net_ip {
    uint8_t bytes[16];
};

/* Of four or sixteen bytes in network order. */
struct net_ip net_ip_from_v4(const void *four_bytes);
struct net_ip net_ip_from_v6(const void *sixteen_bytes);

/* A bare IPv4 or IPv6 address: no port, no zone, no brackets. */
bool net_ip_parse(struct slice text, struct net_ip *ret);

/*
 * What one subscriber has: an IPv4 address whole, of an IPv6 one the first 64 bits, the rest zero
 * (the lower half is the device's own, and changes by the day: RFC 4291, 2.5.1, and RFC 8981).
 */
struct net_ip net_ip_subscriber(struct net_ip ip);

#endif
