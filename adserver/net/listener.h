/*
 * listener: a bound socket that the supervisor opens once and every worker accepts from.
 *
 * All workers share one accept queue, so a dead or stopped worker strands nobody. A worker takes at
 * most a few connections a turn, which spreads them. At the descriptor limit accepting pauses for a
 * moment by timer instead of spinning.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "base/err.h"
#include "base/metrics.h"
#include "net/address.h"

struct loop;
struct listener;

/* Opens, binds and listens (non-blocking, close-on-exec). -1 with `err` ("port 8080 is taken"). */
int listener_open(const struct net_address *address, struct err *err);

/* Gets a non-blocking connected socket, which it owns from then on. */
typedef void listener_accept_fn(int fd, const struct net_ip *peer, void *context);

/* Begins to accept on `fd`, which stays the caller's. `metrics` counts pauses. */
struct listener *listener_new(struct loop *loop, int fd, struct metrics *metrics,
                              listener_accept_fn *fn, void *context);
/* Stops accepting; the socket stays open. */
void listener_free(struct listener *listener);

#endif
