#include "http/router.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/strbuf.h"
#include "http/carrier.h"

#define HEADER_LINES_MAX ((size_t)512)

struct http_router {
    const struct http_route *routes;
    size_t count;
    void *context;
};

/* Methods in the order that Allow lists them. HEAD and OPTIONS come with the others. */
static const struct {
    enum http_method method;
    const char *name;
} listed_methods[] = {
    {HTTP_METHOD_GET, "GET, HEAD"}, {HTTP_METHOD_POST, "POST"},     {HTTP_METHOD_PUT, "PUT"},
    {HTTP_METHOD_PATCH, "PATCH"},   {HTTP_METHOD_DELETE, "DELETE"},
};

struct http_router *http_router_new(const struct http_route *routes, size_t count, void *context)
{
    struct http_router *router = check_calloc(1, sizeof *router);
    *router = (struct http_router){.routes = routes, .count = count, .context = context};
    return router;
}

void http_router_free(struct http_router *router)
{
    free(router);
}

static bool route_has(const struct http_route *route, struct slice path)
{
    return slice_ends(route->path, SLICE("/")) ? slice_starts(path, route->path)
                                               : slice_eq(path, route->path);
}

/* The longest row that has the path. */
static const struct http_route *find_route(const struct http_router *router, struct slice path)
{
    const struct http_route *found = NULL;
    for (const struct http_route *route = router->routes; route < router->routes + router->count;
         route++) {
        if (route_has(route, path) && (!found || route->path.len > found->path.len))
            found = route;
    }
    return found;
}

static void add_methods(struct strbuf *to, unsigned methods)
{
    for (size_t i = 0; i < sizeof listed_methods / sizeof *listed_methods; i++) {
        if (methods & (1u << listed_methods[i].method))
            strbuf_addf(to, "%s, ", listed_methods[i].name);
    }
    strbuf_add_cstr(to, "OPTIONS\r\n");
}

static void add_preflight(struct strbuf *to, unsigned methods)
{
    strbuf_add_cstr(to, "Access-Control-Allow-Origin: *\r\n"
                        "Access-Control-Allow-Headers: *\r\n"
                        "Access-Control-Max-Age: 86400\r\n"
                        "Access-Control-Allow-Methods: ");
    add_methods(to, methods);
}

static void answer_options(struct http_exchange *exchange, unsigned methods, bool cors)
{
    struct strbuf extra;
    strbuf_init(&extra, HEADER_LINES_MAX);
    strbuf_add_cstr(&extra, "Allow: ");
    add_methods(&extra, methods);
    if (cors)
        add_preflight(&extra, methods);
    CHECK(!extra.overflowed);
    http_exchange_set_kind(exchange, COUNTER_REQUEST_PREFLIGHT);
    http_respond(exchange, &(struct http_response){.status = 204, .extra = strbuf_slice(&extra)});
    strbuf_release(&extra);
}

static void refuse_method(struct http_exchange *exchange, const struct http_route *route)
{
    struct strbuf extra;
    strbuf_init(&extra, HEADER_LINES_MAX);
    strbuf_add_cstr(&extra, "Allow: ");
    add_methods(&extra, route->methods);
    CHECK(!extra.overflowed);
    http_respond_error_with(exchange, 405, "method_not_allowed",
                            SLICE("This address does not take that method; see Allow."),
                            strbuf_slice(&extra));
    strbuf_release(&extra);
}

/* OPTIONS *: what some row takes. */
static unsigned all_methods(const struct http_router *router)
{
    unsigned methods = 0;
    for (size_t i = 0; i < router->count; i++)
        methods |= router->routes[i].methods;
    return methods;
}

static unsigned method_bit(enum http_method method)
{
    return 1u << (method == HTTP_METHOD_HEAD ? HTTP_METHOD_GET : method);
}

static void handle_route(const struct http_router *router, const struct http_route *route,
                         struct http_exchange *exchange)
{
    enum http_method method = http_exchange_request(exchange)->method;
    exchange->route = route->path;
    exchange->cors = route->cors;
    http_exchange_set_kind(exchange, route->kind);
    if (method == HTTP_METHOD_OPTIONS)
        answer_options(exchange, route->methods, route->cors);
    else if (method == HTTP_METHOD_OTHER)
        http_respond_error(exchange, 501, "method_not_implemented",
                           SLICE("This method is not known here."));
    else if (route->methods & method_bit(method))
        route->handler(exchange, router->context);
    else
        refuse_method(exchange, route);
}

void http_router_handle(struct http_exchange *exchange, void *arg)
{
    const struct http_router *router = arg;
    const struct http_request *request = http_exchange_request(exchange);
    const struct http_route *route = find_route(router, request->path);
    if (route)
        handle_route(router, route, exchange);
    else if (slice_eq(request->path, SLICE("*")))
        answer_options(exchange, all_methods(router), false);
    else
        http_respond_error(exchange, 404, "not_found", SLICE("There is nothing at this address."));
}
