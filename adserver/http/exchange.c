#include "http/exchange.h"

#include <arpa/inet.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "http/carrier.h"

#define ERROR_MESSAGE_MAX 512
#define ERROR_BODY_MAX    ((size_t)4096) /* a message's bytes may become six each */
#define ERROR_EXTRA_MAX   ((size_t)1024)

/* What is kept of an address in logs: the network, not the person. */
#define LOGGED_V4_BYTES 3
#define LOGGED_V6_BYTES 6

static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

struct slice http_reason(int status)
{
    static const struct {
        int status;
        struct slice reason;
    } rows[] = {
        {200, SLICE_INIT("OK")},
        {201, SLICE_INIT("Created")},
        {204, SLICE_INIT("No Content")},
        {302, SLICE_INIT("Found")},
        {304, SLICE_INIT("Not Modified")},
        {308, SLICE_INIT("Permanent Redirect")},
        {400, SLICE_INIT("Bad Request")},
        {401, SLICE_INIT("Unauthorized")},
        {403, SLICE_INIT("Forbidden")},
        {404, SLICE_INIT("Not Found")},
        {405, SLICE_INIT("Method Not Allowed")},
        {408, SLICE_INIT("Request Timeout")},
        {409, SLICE_INIT("Conflict")},
        {412, SLICE_INIT("Precondition Failed")},
        {413, SLICE_INIT("Content Too Large")},
        {414, SLICE_INIT("URI Too Long")},
        {415, SLICE_INIT("Unsupported Media Type")},
        {417, SLICE_INIT("Expectation Failed")},
        {422, SLICE_INIT("Unprocessable Content")},
        {429, SLICE_INIT("Too Many Requests")},
        {431, SLICE_INIT("Request Header Fields Too Large")},
        {500, SLICE_INIT("Internal Server Error")},
        {501, SLICE_INIT("Not Implemented")},
        {503, SLICE_INIT("Service Unavailable")},
        {505, SLICE_INIT("HTTP Version Not Supported")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].status == status)
            return rows[i].reason;
    }
    return SLICE("Unknown");
}

const struct http_request *http_exchange_request(const struct http_exchange *exchange)
{
    return &exchange->request;
}

void http_exchange_set_kind(struct http_exchange *exchange, enum metrics_counter kind)
{
    exchange->kind = kind;
}

void http_on_gone(struct http_exchange *exchange, http_gone_fn *fn, void *arg)
{
    exchange->on_gone = fn;
    exchange->gone_arg = arg;
}

/* ---- For carriers ---------------------------------------------------------------------------- */

void http_exchange_begin(struct http_exchange *exchange)
{
    exchange->gone = false;
    exchange->cors = false;
    exchange->kind = COUNTER_REQUEST_OTHER;
    exchange->route = slice_of(NULL, 0);
    exchange->on_gone = NULL;
    exchange->gone_arg = NULL;
}

bool http_exchange_gone(struct http_exchange *exchange)
{
    metrics_add(exchange->metrics, COUNTER_CLIENT_GONE, 1);
    exchange->gone = true;
    if (!exchange->on_gone)
        return false;
    exchange->on_gone(exchange, exchange->gone_arg);
    return true;
}

/* ---- Answers --------------------------------------------------------------------------------- */

static const char *method_name(enum http_method method)
{
    static const char *const names[] = {
        [HTTP_METHOD_GET] = "GET",         [HTTP_METHOD_HEAD] = "HEAD",
        [HTTP_METHOD_POST] = "POST",       [HTTP_METHOD_PUT] = "PUT",
        [HTTP_METHOD_DELETE] = "DELETE",   [HTTP_METHOD_PATCH] = "PATCH",
        [HTTP_METHOD_OPTIONS] = "OPTIONS", [HTTP_METHOD_OTHER] = "OTHER",
    };
    return names[method];
}

/* The address with its last bytes zeroed. */
static void write_network(const struct net_ip *peer, char *to, socklen_t size)
{
    bool is_v4 = memcmp(peer->bytes, v4_prefix, sizeof v4_prefix) == 0;
    uint8_t kept[sizeof peer->bytes] = {0};
    memcpy(kept, is_v4 ? peer->bytes + sizeof v4_prefix : peer->bytes,
           is_v4 ? LOGGED_V4_BYTES : LOGGED_V6_BYTES);
    CHECK(inet_ntop(is_v4 ? AF_INET : AF_INET6, kept, to, size) != NULL);
}

static void log_access(const struct http_exchange *exchange, const struct http_response *response)
{
    const struct http_request *request = &exchange->request;
    char network[INET6_ADDRSTRLEN];
    write_network(&request->peer, network, sizeof network);
    log_event(LOG_INFO, "http: answered", LOG_STR("peer", network),
              LOG_STR("method", method_name(request->method)), LOG_SLICE("route", exchange->route),
              LOG_INT("status", response->status), LOG_INT("bytes", response->body.len),
              LOG_INT("us", clock_mono_us(&clock_system) - request->received_us));
}

void http_respond(struct http_exchange *exchange, const struct http_response *response)
{
    CHECK(response->status >= 200 && response->status <= 599);
    CHECK(response->content_type.len > 0 || response->body.len == 0);
    if (exchange->gone) {
        exchange->carrier->discard(exchange);
        return;
    }
    metrics_add(exchange->metrics, exchange->kind, 1);
    metrics_add(exchange->metrics, metrics_response_counter(response->status), 1);
    metrics_self(exchange->metrics)->requests++;
    if (exchange->log_access)
        log_access(exchange, response);
    exchange->carrier->answer(exchange, response);
}

static void add_error_body(struct strbuf *to, const char *code, struct slice message)
{
    if (message.len > ERROR_MESSAGE_MAX)
        message.len = ERROR_MESSAGE_MAX;
    strbuf_add_cstr(to, "{\"error\":{\"code\":");
    strbuf_add_json(to, slice_cstr(code));
    strbuf_add_cstr(to, ",\"message\":");
    strbuf_add_json(to, message);
    strbuf_add_cstr(to, "}}\n");
    CHECK(!to->overflowed);
}

void http_respond_error_with(struct http_exchange *exchange, int status, const char *code,
                             struct slice message, struct slice extra)
{
    struct strbuf body, lines;
    strbuf_init(&body, ERROR_BODY_MAX);
    strbuf_init(&lines, ERROR_EXTRA_MAX);
    add_error_body(&body, code, message);
    strbuf_add_cstr(&lines, HTTP_NO_STORE);
    if (exchange->cors)
        strbuf_add_cstr(&lines, HTTP_ANY_ORIGIN);
    if (status == 503)
        strbuf_add_cstr(&lines, "Retry-After: 1\r\n");
    strbuf_add_slice(&lines, extra);
    CHECK(!lines.overflowed);
    http_respond(exchange, &(struct http_response){.status = status,
                                                   .content_type = SLICE("application/json"),
                                                   .extra = strbuf_slice(&lines),
                                                   .body = strbuf_slice(&body)});
    strbuf_release(&lines);
    strbuf_release(&body);
}

void http_respond_error(struct http_exchange *exchange, int status, const char *code,
                        struct slice message)
{
    http_respond_error_with(exchange, status, code, message, slice_of(NULL, 0));
}
