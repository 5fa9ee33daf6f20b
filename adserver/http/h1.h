/*
 * h1: HTTP/1.1 (RFC 9112) on a connection, strictly.
 *
 * llhttp parses; what it lets through and nginx and Node refuse is refused here. One request is
 * handled at a time: while it waits for its answer, or the client does not read, no other is begun
 * and only so much is read ahead (pipelined requests wait and are answered in order). A client that
 * stops sending still gets its answers. Every limit and deadline has its own reason (CLOSE_… in
 * metrics.def).
 */
#ifndef HTTP_H1_H
#define HTTP_H1_H

#include "base/options.h"
#include "http/exchange.h"

struct loop;
struct h1_server;

struct h1_config {
    const struct options *options; /* timeouts, limits, log.access; must outlive the server */
    struct metrics *metrics;
    http_handler *handler;
    void *context;
};

/* Connections of one listener kind (public, admin). */
struct h1_server *h1_server_new(struct loop *loop, const struct h1_config *config);

/* Takes over a connected socket. A listener_accept_fn; `server` is the h1_server. */
void h1_server_accept(int fd, const struct net_ip *peer, void *server);

/*
 * Begins to drain: every further answer says `Connection: close`; connections that are idle are
 * closed once they have been so for `idle_grace_us` (a request may be on its way), the others after
 * their answer. Calls `on_drained` once, when none is left.
 */
typedef void h1_drained_fn(void *arg);
void h1_server_drain(struct h1_server *server, int64_t idle_grace_us, h1_drained_fn *on_drained,
                     void *arg);

size_t h1_server_connections(const struct h1_server *server);

/* Closes what is left, without ceremony. Not from inside a handler. */
void h1_server_free(struct h1_server *server);

#endif
