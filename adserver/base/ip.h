/*
 * ip: an IP address as plain bytes.
 */
#ifndef BASE_IP_H
#define BASE_IP_H

#include <stdint.h>

/* Without its port; IPv4 is held as IPv4-mapped IPv6. All zero: the peer of a unix socket. */
struct net_ip {
    uint8_t bytes[16];
};

#endif
