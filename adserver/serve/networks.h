/*
 * networks: a list of networks in the configuration: whose word is believed, whose visits do not
 * count.
 */
#ifndef SERVE_NETWORKS_H
#define SERVE_NETWORKS_H

#include "net/address.h"

#define NETWORKS_MAX 256

struct networks {
    struct net_cidr ranges[NETWORKS_MAX];
    unsigned count;
    bool unix_peers; /* `unix` was listed: peers of a unix socket */
};

/* Addresses, CIDR ranges and `unix`, comma separated. False with `err->text`, `*ret` untouched. */
bool networks_parse(struct slice text, struct networks *ret, struct err *err);

/* Whether nothing is listed. */
bool networks_are_none(const struct networks *networks);

/* An address of all zeroes is a peer of a unix socket. */
bool networks_hold(const struct networks *networks, const struct net_ip *ip);

#endif
