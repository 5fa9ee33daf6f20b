#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/un.h>

#define IP_BITS       128
#define MAPPED_PREFIX 96 /* bits before an IPv4 address in its mapped form */
#define PORT_MAX      65535

/* `s` as a string for the C library; false when it does not fit or holds a NUL. */
static bool to_cstr(struct slice s, char *to, size_t size)
{
    if (s.len >= size || slice_find(s, '\0') < s.len)
        return false;
    if (s.len)
        memcpy(to, s.ptr, s.len);
    to[s.len] = '\0';
    return true;
}

struct net_ip net_ip_of(const struct sockaddr *sockaddr)
{
    if (sockaddr->sa_family == AF_INET)
        return net_ip_from_v4(&((const struct sockaddr_in *)(const void *)sockaddr)->sin_addr);
    if (sockaddr->sa_family == AF_INET6)
        return net_ip_from_v6(&((const struct sockaddr_in6 *)(const void *)sockaddr)->sin6_addr);
    return (struct net_ip){{0}};
}

static bool parse_v4(struct slice text, struct in_addr *ret)
{
    char plain[INET_ADDRSTRLEN];
    return to_cstr(text, plain, sizeof plain) && inet_pton(AF_INET, plain, ret) == 1;
}

static bool parse_v6(struct slice text, struct in6_addr *ret)
{
    char plain[INET6_ADDRSTRLEN];
    return to_cstr(text, plain, sizeof plain) && inet_pton(AF_INET6, plain, ret) == 1;
}

/* How many of the first bits `a` and `b` have in common. */
static unsigned common_bits(const struct net_ip *a, const struct net_ip *b)
{
    for (unsigned i = 0; i < sizeof a->bytes; i++) {
        unsigned differ = (unsigned)(a->bytes[i] ^ b->bytes[i]);
        if (differ)
            return i * 8 + (unsigned)__builtin_clz(differ << 24);
    }
    return IP_BITS;
}

static bool has_bits_beyond(const struct net_ip *ip, unsigned prefix_bits)
{
    for (unsigned bit = prefix_bits; bit < IP_BITS; bit++) {
        if (ip->bytes[bit / 8] & (0x80u >> bit % 8))
            return true;
    }
    return false;
}

bool net_cidr_parse(struct slice text, struct net_cidr *ret, struct err *err)
{
    struct net_cidr cidr = {.prefix_bits = IP_BITS};
    size_t slash = slice_find(text, '/');
    struct slice address = slice_of(text.ptr, slash);
    bool is_v4 = slice_find(address, ':') == address.len;
    uint64_t bits = is_v4 ? IP_BITS - MAPPED_PREFIX : IP_BITS;
    if (!net_ip_parse(address, &cidr.base) ||
        (slash < text.len && !slice_to_u64(slice_from(text, slash + 1), bits, &bits)))
        return err_set(err,
                       "%s is no address range; allowed are 10.0.0.0/8, 2001:db8::/32 or one "
                       "address",
                       err_quote(text));
    cidr.prefix_bits = (unsigned)bits + (is_v4 ? MAPPED_PREFIX : 0);
    if (has_bits_beyond(&cidr.base, cidr.prefix_bits))
        return err_set(err, "%s has bits set beyond its prefix; they must be zero",
                       err_quote(text));
    *ret = cidr;
    return true;
}

bool net_cidr_contains(const struct net_cidr *cidr, const struct net_ip *ip)
{
    return common_bits(&cidr->base, ip) >= cidr->prefix_bits;
}

static bool parse_unix(struct slice path, struct net_address *ret)
{
    struct sockaddr_un *sockaddr = (struct sockaddr_un *)&ret->sockaddr;
    if (path.len == 0 || path.ptr[0] != '/' ||
        !to_cstr(path, sockaddr->sun_path, sizeof sockaddr->sun_path))
        return false;
    sockaddr->sun_family = AF_UNIX;
    ret->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
    return true;
}

static void set_v4(struct net_address *ret, struct in_addr ip, uint16_t port)
{
    struct sockaddr_in *sockaddr = (struct sockaddr_in *)&ret->sockaddr;
    sockaddr->sin_family = AF_INET;
    sockaddr->sin_addr = ip;
    sockaddr->sin_port = htons(port);
    ret->len = sizeof *sockaddr;
}

static void set_v6(struct net_address *ret, struct in6_addr ip, uint16_t port)
{
    struct sockaddr_in6 *sockaddr = (struct sockaddr_in6 *)&ret->sockaddr;
    sockaddr->sin6_family = AF_INET6;
    sockaddr->sin6_addr = ip;
    sockaddr->sin6_port = htons(port);
    ret->len = sizeof *sockaddr;
}

/* The host part: nothing (all addresses), an IPv4 address, a bracketed IPv6 one, or localhost. */
static bool parse_host(struct slice host, uint16_t port, struct net_address *ret)
{
    struct in_addr v4 = {htonl(INADDR_LOOPBACK)};
    struct in6_addr v6 = in6addr_any;
    bool bracketed = slice_starts(host, SLICE("[")) && slice_ends(host, SLICE("]"));
    if (host.len == 0 || (bracketed && parse_v6(slice_of(host.ptr + 1, host.len - 2), &v6)))
        set_v6(ret, v6, port);
    else if (slice_eq_nocase(host, SLICE("localhost")) || parse_v4(host, &v4))
        set_v4(ret, v4, port);
    else
        return false;
    return true;
}

/* Where the host ends: at the last colon. */
static size_t host_len(struct slice text)
{
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != ':')
        at--;
    return at > 0 ? at - 1 : text.len;
}

static bool parse_host_and_port(struct slice text, struct net_address *ret)
{
    size_t colon = host_len(text);
    uint64_t port;
    return colon < text.len && slice_to_u64(slice_from(text, colon + 1), PORT_MAX, &port) &&
           parse_host(slice_of(text.ptr, colon), (uint16_t)port, ret);
}

bool net_address_parse(struct slice text, struct net_address *ret, struct err *err)
{
    static const struct slice unix_prefix = SLICE_INIT("unix:");
    struct net_address address = {.len = 0};
    bool good = to_cstr(text, address.text, sizeof address.text);
    if (good && slice_starts(text, unix_prefix))
        good = parse_unix(slice_from(text, unix_prefix.len), &address);
    else if (good)
        good = parse_host_and_port(text, &address);
    if (!good)
        return err_set(err,
                       "%s is no address; allowed are 127.0.0.1:8080, [::1]:8080, "
                       "localhost:8080, :8080 (all addresses) or unix:/path",
                       err_quote(text));
    *ret = address;
    return true;
}
