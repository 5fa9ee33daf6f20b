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

struct net_ip client_address(const struct trusted_proxies *trusted,
                             const struct http_request *request)
{
    struct net_ip hop = request->peer;
    struct slice list;

    if (!is_trusted(trusted, &hop))
        return hop;
    list = http_request_header(request, SLICE("x-forwarded-for"));
    for (unsigned hops = 0; list.len && hops < FORWARDED_HOPS_MAX; hops++) {
        if (!net_ip_parse(take_last(&list), &hop))
            return request->peer;
        if (!is_trusted(trusted, &hop))
            return hop;
    }
    return list.len ? request->peer : hop;
}
