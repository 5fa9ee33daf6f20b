#include "serve/api.h"

#include "base/check.h"
#include "base/embed.h"
#include "http/carrier.h"
#include "serve/api_explain.h"
#include "serve/api_report.h"

static void send_openapi(struct http_exchange *exchange, void *service)
{
    const struct embed_file *file = embed_find(SLICE("web/api/openapi.json"));
    (void)service;
    CHECK(file != NULL);
    http_respond(exchange, &(struct http_response){.status = 200,
                                                   .content_type = SLICE("application/json"),
                                                   .extra = SLICE(HTTP_NO_STORE),
                                                   .body = slice_of(file->data, file->size),
                                                   .body_static = true});
}

static const struct {
    struct slice path;
    http_handler *handler;
} rows[] = {
    {SLICE_INIT("/api/v1/explain"), api_explain_handle},
    {SLICE_INIT("/api/v1/openapi.json"), send_openapi},
    {SLICE_INIT("/api/v1/reports"), api_report_handle},
};

/* False: it has been refused. */
static bool let_in(struct http_exchange *exchange, const struct service *service)
{
    const struct http_request *request = http_exchange_request(exchange);
    bool borne = api_token_is_borne(service->api_token, request);
    if (!service->api_token->is_set)
        http_respond_error(exchange, 403, "no_token",
                           SLICE("The API is closed: no token is set up. Write one of at least 32 "
                                 "characters into a file that only its owner may read, name it in "
                                 "api.token_file and reload."));
    else if (!borne)
        http_respond_error_with(exchange, 401, "unauthorized",
                                SLICE("This needs the header Authorization: Bearer <token>."),
                                SLICE("WWW-Authenticate: Bearer\r\n"));
    return borne;
}

void api_handle(struct http_exchange *exchange, void *context)
{
    struct slice path = http_exchange_request(exchange)->path;
    if (!let_in(exchange, context))
        return;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!slice_eq(path, rows[i].path))
            continue;
        rows[i].handler(exchange, context);
        return;
    }
    http_respond_error(exchange, 404, "not_found", SLICE("There is nothing at this address."));
}
