#include "serve/client.h"

#include <string.h>

static bool parse_one(struct slice word, struct trusted_proxies *proxies, struct err *err)
{
    if (slice_eq(word, SLICE("unix"))) {
        proxies->unix_peers = true;
        return true;
    }
    if (proxies->count == TRUSTED_PROXIES_MAX)
        return err_set(err, "more than %d ranges", TRUSTED_PROXIES_MAX);
    if (!net_cidr_parse(word, &proxies->ranges[proxies->count], err))
        return false;
    proxies->count++;
    return true;
}

bool trusted_proxies_parse(struct slice text, struct trusted_proxies *ret, struct err *err)
{
    struct trusted_proxies proxies = {.count = 0};
    struct slice rest = text, word;

    while (text.len && slice_next(&rest, ',', &word))
        if (!parse_one(slice_trim(word), &proxies, err))
            return false;
    *ret = proxies;
    return true;
}

static bool is_unix(const struct net_ip *ip)
{
    static const struct net_ip none;
    return memcmp(ip, &none, sizeof(none)) == 0;
}

static bool is_trusted(const struct trusted_proxies *trusted, const struct net_ip *ip)
{
    if (is_unix(ip))
        return trusted->unix_peers;
    for (unsigned i = 0; i < trusted->count; i++)
        if (net_cidr_contains(&trusted->ranges[i], ip))
            return true;
    return false;
}

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

struct net_ip client_address(const struct trusted_proxies *trusted,
                             const struct http_request *request)
{
    struct hop_walk walk = {.request = request, .headers_left = request->header_count};
    struct net_ip hop = request->peer;
    struct slice text;

    if (!is_trusted(trusted, &hop))
        return hop;
    for (unsigned hops = 0; hop_next(&walk, &text); hops++) {
        if (hops == FORWARDED_HOPS_MAX || !net_ip_parse(text, &hop))
            return request->peer;
        if (!is_trusted(trusted, &hop))
            return hop;
    }
    return hop;
}
