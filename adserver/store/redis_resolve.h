/*
 * redis_resolve: the addresses of a host name, looked up without holding up the loop.
 *
 * The C library asks on a thread of its own; the loop looks now and then whether it has finished. A
 * lookup that is given up is left to its thread.
 */
#ifndef STORE_REDIS_RESOLVE_H
#define STORE_REDIS_RESOLVE_H

#include <sys/socket.h>

#define RESOLVE_ADDRESSES_MAX 8

struct loop;
struct resolve;

struct resolved {
    struct sockaddr_storage sockaddr[RESOLVE_ADDRESSES_MAX];
    socklen_t len[RESOLVE_ADDRESSES_MAX];
    unsigned count;
};

/* A numeric address needs no asking. Zero addresses where it is a name. */
struct resolved resolve_numeric(const char *host, int port);

/* Called once; `error` is NULL, or why there are no addresses. The lookup is over by then. */
typedef void resolve_fn(const struct resolved *resolved, const char *error, void *arg);

struct resolve *resolve_start(struct loop *loop, const char *host, int port, resolve_fn *fn,
                              void *arg);

/* Forgets a lookup under way; its function is not called. NULL is harmless. */
void resolve_cancel(struct resolve *resolve);

#endif
