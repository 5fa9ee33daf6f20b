/*
 * client: the address a request comes from, behind the proxies we trust.
 */
#ifndef SERVE_CLIENT_H
#define SERVE_CLIENT_H

#include "http/request.h"
#include "serve/networks.h"

#define FORWARDED_HOPS_MAX 32 /* of X-Forwarded-For, from the right; more: the peer is taken */

/*
 * The peer; or, when the peer is trusted, the right-most address of X-Forwarded-For that is not.
 * A port behind an address is passed over. Anything in the list that is no address makes it the
 * peer.
 */
struct net_ip client_address(const struct networks *trusted, const struct http_request *request);

#endif
