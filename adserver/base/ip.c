#include "base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

struct net_ip net_ip_from_v4(const void *four_bytes)
{
    struct net_ip ip;
    memcpy(ip.bytes, mapped_prefix, sizeof mapped_prefix);
    memcpy(ip.bytes + sizeof mapped_prefix, four_bytes, 4);
    return ip;
}

struct net_ip net_ip_from_v6(const void *sixteen_bytes)
{
    struct net_ip ip;
    memcpy(ip.bytes, sixteen_bytes, sizeof ip.bytes);
    return ip;
}

struct net_ip net_ip_subscriber(struct net_ip ip)
{
    enum { NETWORK_BYTES = 8 };
    if (memcmp(ip.bytes, mapped_prefix, sizeof mapped_prefix) != 0)
        memset(ip.bytes + NETWORK_BYTES, 0, sizeof ip.bytes - NETWORK_BYTES);
    return ip;
}

bool net_ip_parse(struct slice text, struct net_ip *ret)
{
    char plain[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    if (text.len == 0 || text.len >= sizeof plain || slice_find(text, '\0') < text.len)
        return false;
    memcpy(plain, text.ptr, text.len);
    plain[text.len] = '\0';
    if (inet_pton(AF_INET, plain, &v4) == 1)
        *ret = net_ip_from_v4(&v4);
    else if (inet_pton(AF_INET6, plain, &v6) == 1)
        *ret = net_ip_from_v6(&v6);
    else
        return false;
    return true;
}
