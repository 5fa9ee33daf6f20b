#include "serve/networks.h"

#include <string.h>

static bool parse_one(struct slice word, struct networks *networks, struct err *err)
{
    if (slice_eq(word, SLICE("unix"))) {
        networks->unix_peers = true;
        return true;
    }
    if (networks->count == NETWORKS_MAX)
        return err_set(err, "more than %d ranges", NETWORKS_MAX);
    if (!net_cidr_parse(word, &networks->ranges[networks->count], err))
        return false;
    networks->count++;
    return true;
}

bool networks_parse(struct slice text, struct networks *ret, struct err *err)
{
    struct networks networks = {.count = 0};
    struct slice rest = text, word;

    while (text.len && slice_next(&rest, ',', &word))
        if (!parse_one(slice_trim(word), &networks, err))
            return false;
    *ret = networks;
    return true;
}

bool networks_are_none(const struct networks *networks)
{
    return networks->count == 0 && !networks->unix_peers;
}

static bool is_unix(const struct net_ip *ip)
{
    static const struct net_ip none;
    return memcmp(ip, &none, sizeof(none)) == 0;
}

bool networks_hold(const struct networks *networks, const struct net_ip *ip)
{
    if (is_unix(ip))
        return networks->unix_peers;
    for (unsigned i = 0; i < networks->count; i++)
        if (net_cidr_contains(&networks->ranges[i], ip))
            return true;
    return false;
}
