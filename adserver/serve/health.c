#include "serve/health.h"

#include "store/spool.h"

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

/* Why Redis takes no events now; empty while it does. */
static const char *redis_refusal(const struct service *service)
{
    return redis_is_up(service->redis) ? ledger_trouble(service->ledger)
                                       : redis_trouble(service->redis);
}

static const char *spool_refusal(const struct service *service)
{
    return service->spool ? spool_trouble(service->spool) : "there is none";
}

static void refuse_events(struct http_exchange *exchange, const struct service *service)
{
    struct strbuf message;
    bool up = redis_is_up(service->redis);
    strbuf_init(&message, MESSAGE_MAX);
    strbuf_addf(&message, "events have nowhere durable to go: Redis %s: %s; the spool: %s",
                up ? "refuses to write" : "is away", redis_refusal(service),
                spool_refusal(service));
    http_respond_error(exchange, 503, up ? "redis_refuses" : "redis_away", strbuf_slice(&message));
    strbuf_release(&message);
}

void health_handle_readyz(struct http_exchange *exchange, void *context)
{
    struct service *service = context;

    if (!catalog_store_current(service->catalog))
        http_respond_error(exchange, 503, "no_catalog",
                           SLICE("no catalog: Redis has not been reached and none is on disk"));
    else if (redis_is_up(service->redis) && redis_policy_evicts(service->redis))
        http_respond_error(exchange, 503, "redis_evicts",
                           SLICE("Redis throws keys away when it is full: caps and counts would be "
                                 "lost; set maxmemory-policy noeviction"));
    else if (!redis_refusal(service)[0])
        respond_word(exchange, 200, SLICE("{\"status\":\"ready\",\"events\":\"redis\"}\n"));
    else if (!spool_refusal(service)[0])
        respond_word(exchange, 200, SLICE("{\"status\":\"ready\",\"events\":\"spool\"}\n"));
    else
        refuse_events(exchange, service);
}
