/*
 * exchange: one request and the one answer it gets, whatever protocol carries it.
 *
 * A handler is called with an exchange and answers it with http_respond(), at once or from a later
 * turn of the loop. After that call the exchange is gone. A handler that answers later registers
 * http_on_gone(): when the client leaves first, the function is called once, with the exchange
 * still readable, and after it returns the exchange is gone. Exactly one of the two happens.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "base/metrics.h"
#include "http/request.h"

/* Lines for `extra`: an answer that no cache keeps, and one that pages of any origin may read. */
#define HTTP_NO_STORE   "Cache-Control: no-store\r\n"
#define HTTP_ANY_ORIGIN "Access-Control-Allow-Origin: *\r\n"

struct http_exchange;

struct http_response {
    int status;
    struct slice content_type; /* empty: no Content-Type, and the body must be empty too */
    /* More header lines, each ending in CRLF; from us, never from a peer. May be empty. */
    struct slice extra;
    struct slice body; /* copied, unless body_static */
    bool body_static;  /* the body lives as long as the process: sent without a copy */
    bool close;        /* close the connection after this answer */
};

typedef void http_handler(struct http_exchange *exchange, void *context);
typedef void http_gone_fn(struct http_exchange *exchange, void *arg);

const struct http_request *http_exchange_request(const struct http_exchange *exchange);

/*
 * Answers. `response` and what it points to are the caller's and may go after the call. HEAD is
 * taken care of: give the body as for GET. 204 and 304 are sent without a body. Every answer gets
 * Content-Length (but for 204/304) and `X-Content-Type-Options: nosniff`.
 */
void http_respond(struct http_exchange *exchange, const struct http_response *response);

/* {"error":{"code":"…","message":"…"}} with `Cache-Control: no-store`; `message` is escaped. */
void http_respond_error(struct http_exchange *exchange, int status, const char *code,
                        struct slice message);

void http_on_gone(struct http_exchange *exchange, http_gone_fn *fn, void *arg);

/* What the request counts as: REQUEST_… of metrics.def. The router sets it; OTHER before. */
void http_exchange_set_kind(struct http_exchange *exchange, enum metrics_counter kind);

#endif
