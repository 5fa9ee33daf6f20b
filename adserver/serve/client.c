#include "serve/client.h"

/* Cuts the last item off a comma separated list. */
static struct slice take_last(struct slice *list)
{
    size_t at = list->len;
    struct slice last;
    while (at > 0 && list->ptr[at - 1] != ',')
        at--;
    last = slice_trim(slice_from(*list, at));
    list->len = at > 0 ? at - 1 : 0;
    return last;
}

static bool is_port(struct slice text)
{
    uint64_t port;
    return slice_to_u64(text, UINT16_MAX, &port);
}

/*
 * An address as proxies write it: some add the port it came from, 203.0.113.5:4711 or
 * [2001:db8::1]:4711. A colon alone tells no port from a part of an IPv6 address, so that one has
 * its brackets then.
 */
static bool parse_hop(struct slice text, struct net_ip *ret)
{
    size_t colon = slice_find(text, ':');
    if (slice_starts(text, SLICE("["))) {
        size_t end = slice_find(text, ']');
        struct slice inside = slice_of(text.ptr + 1, end - 1);
        struct slice port = slice_from(text, end + 1);
        return end < text.len && slice_find(inside, ':') < inside.len &&
               net_ip_parse(inside, ret) &&
               (port.len == 0 || (port.ptr[0] == ':' && is_port(slice_from(port, 1))));
    }
    struct slice behind = slice_from(text, colon + 1);
    if (colon < text.len && slice_find(behind, ':') == behind.len)
        return is_port(behind) && net_ip_parse(slice_of(text.ptr, colon), ret);
    return net_ip_parse(text, ret);
}

/* X-Forwarded-For from its end. All lines of that name are one list (RFC 9110 section 5.3). */
struct hop_walk {
    const struct http_request *request;
    size_t headers_left; /* not looked at yet */
    struct slice list;   /* what is left of the line looked at */
};

static bool hop_next(struct hop_walk *walk, struct slice *ret)
{
    while (walk->list.len == 0) {
        if (walk->headers_left == 0)
            return false;
        const struct http_header *header = &walk->request->headers[--walk->headers_left];
        if (slice_eq(header->name, SLICE("x-forwarded-for")))
            walk->list = header->value;
    }
    *ret = take_last(&walk->list);
    return true;
}

struct net_ip client_address(const struct networks *trusted, const struct http_request *request)
{
    struct hop_walk walk = {.request = request, .headers_left = request->header_count};
    struct net_ip hop = request->peer;
    struct slice text;

    if (!networks_hold(trusted, &hop))
        return hop;
    for (unsigned hops = 0; hop_next(&walk, &text); hops++) {
        if (hops == FORWARDED_HOPS_MAX || !parse_hop(text, &hop))
            return request->peer;
        if (!networks_hold(trusted, &hop))
            return hop;
    }
    return hop;
}
