#include "serve/health.h"

#define MESSAGE_MAX 512

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

static void refuse_refusing(struct http_exchange *exchange, const char *trouble)
{
    struct strbuf message;
    strbuf_init(&message, MESSAGE_MAX);
    strbuf_addf(&message, "Redis refuses to write, events have nowhere durable to go: %s", trouble);
    http_respond_error(exchange, 503, "redis_refuses", strbuf_slice(&message));
    strbuf_release(&message);
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
    else if (ledger_trouble(service->ledger)[0])
        refuse_refusing(exchange, ledger_trouble(service->ledger));
    else
        respond_word(exchange, 200, SLICE("{\"status\":\"ready\"}\n"));
}
