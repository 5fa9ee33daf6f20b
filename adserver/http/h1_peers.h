/*
 * h1_peers: how many connections each client address has, for the limit on that.
 */
#ifndef HTTP_H1_PEERS_H
#define HTTP_H1_PEERS_H

#include <stdbool.h>
#include <stddef.h>

#include "net/address.h"

struct h1_peers;

struct h1_peers *h1_peers_new(void);
void h1_peers_free(struct h1_peers *peers);

/* One connection more; false, and not counted, where the address has `max` of them already. */
bool h1_peers_enter(struct h1_peers *peers, const struct net_ip *ip, size_t max);

/* The end of a connection that was counted. */
void h1_peers_leave(struct h1_peers *peers, const struct net_ip *ip);

#endif
