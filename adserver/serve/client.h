/*
 * client: the address a request comes from, behind the proxies we trust.
 */
#ifndef SERVE_CLIENT_H
#define SERVE_CLIENT_H

#include "base/err.h"
#include "http/request.h"
#include "net/address.h"

#define TRUSTED_PROXIES_MAX 64
#define FORWARDED_HOPS_MAX  32 /* of X-Forwarded-For, from the right; more: the peer is taken */

struct trusted_proxies {
    struct net_cidr ranges[TRUSTED_PROXIES_MAX];
    unsigned count;
    bool unix_peers; /* `unix` was listed: peers of a unix socket */
};

/* Parses server.trusted_proxies. */
bool trusted_proxies_parse(struct slice text, struct trusted_proxies *ret, struct err *err);

/*
 * The peer; or, when the peer is trusted, the right-most address of X-Forwarded-For that is not.
 * A port behind an address is passed over. Anything in the list that is no address makes it the
 * peer.
 */
struct net_ip client_address(const struct trusted_proxies *trusted,
                             const struct http_request *request);

#endif
