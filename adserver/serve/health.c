#include "serve/health.h"

static void respond_word(struct http_exchange *exchange, int status, struct slice body)
{
    struct http_response response = {
        .status = status,
        .content_type = SLICE("application/json"),
        .extra = SLICE(HTTP_NO_STORE),
        .body = body,
    };
    http_respond(exchange, &response);
}

void health_handle_healthz(struct http_exchange *exchange, void *service)
{
    (void)service;
    respond_word(exchange, 200, SLICE("{\"status\":\"ok\"}\n"));
}

void health_handle_readyz(struct http_exchange *exchange, void *context)
{
    struct service *service = context;

    if (!catalog_store_current(service->catalog))
        http_respond_error(exchange, 503, "no_catalog",
                           SLICE("no catalog: Redis has not been reached and none is on disk"));
    else if (!redis_is_up(service->redis))
        http_respond_error(exchange, 503, "redis_away",
                           SLICE("Redis is away: events have nowhere durable to go"));
    else
        respond_word(exchange, 200, SLICE("{\"status\":\"ready\"}\n"));
}
