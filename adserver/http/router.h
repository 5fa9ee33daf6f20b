/*
 * router: from method and path to a handler, by a table.
 *
 * A path that no row has: 404. A row without the method: 405 with Allow. HEAD goes where GET goes.
 * OPTIONS is answered from the table: 204 with Allow, and with the CORS preflight's headers where
 * the row is `cors`. A row asked with HTTP_METHOD_OTHER: 501.
 */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include "http/exchange.h"

#define ROUTE_GET  (1u << HTTP_METHOD_GET)
#define ROUTE_POST (1u << HTTP_METHOD_POST)

struct http_route {
    struct slice path; /* one that ends in '/' stands for all paths below it too */
    unsigned methods;  /* ROUTE_… */
    bool cors; /* any origin, no credentials: adds Access-Control-Allow-Origin: * to errors */
    enum metrics_counter kind;
    http_handler *handler;
};

struct http_router;

/* `routes` stay the caller's and must outlive the router; `context` goes to every handler. */
struct http_router *http_router_new(const struct http_route *routes, size_t count, void *context);
void http_router_free(struct http_router *router);

/* An http_handler whose context is the router. */
void http_router_handle(struct http_exchange *exchange, void *router);

#endif
