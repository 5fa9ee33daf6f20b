/*
 * h1_server: what the connections of one server share. Only h1.c and h1_connection.c look in here.
 */
#ifndef HTTP_H1_SERVER_H
#define HTTP_H1_SERVER_H

#include <sys/queue.h>

#include "base/strbuf.h"
#include "http/carrier.h"
#include "http/h1.h"
#include "http/h1_answer.h"
#include "http/h1_peers.h"
#include "http/h1_reader.h"
#include "net/deadlines.h"
#include "net/loop.h"

#define H1_ANSWER_HEAD_MAX ((size_t)64 * 1024)
#define H1_ARENA_MAX       ((size_t)512 * 1024) /* what a handler may derive from one request */

/* One request under way. They are kept for the next one, so that a request needs no malloc. */
struct h1_exchange {
    struct http_exchange exchange; /* first: a carrier gets a pointer to this */
    struct h1_connection *connection;
    struct h1_reader reader;
    SLIST_ENTRY(h1_exchange) link; /* while it waits for its next request */
};

struct h1_server {
    struct loop *loop;
    struct h1_config config;

    TAILQ_HEAD(, h1_connection) connections;
    size_t count;
    size_t refused;         /* of these the ones that were over a limit */
    struct h1_peers *peers; /* NULL: no limit on an address */

    struct deadlines *head, *request, *write, *idle, *linger;
    struct deadlines *grace; /* NULL until draining */

    SLIST_HEAD(, h1_exchange) exchanges;
    size_t exchange_count; /* of those */
    struct strbuf out;     /* where an answer's head is written */
    struct h1_date date;

    bool drained;
    struct loop_timer *tell_drained;
    h1_drained_fn *on_drained;
    void *drained_arg;
};

/* An exchange for a request that begins; given back with h1_exchange_put(). */
struct h1_exchange *h1_exchange_get(struct h1_server *server);
void h1_exchange_put(struct h1_server *server, struct h1_exchange *exchange);
void h1_exchange_free(struct h1_exchange *exchange);

/* The last step of every connection's end. */
void h1_server_forget(struct h1_server *server, struct h1_connection *connection);

static inline bool h1_server_drains(const struct h1_server *server)
{
    return server->grace != NULL;
}

#endif
