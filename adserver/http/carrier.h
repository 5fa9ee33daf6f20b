/*
 * carrier: what a protocol (h1, later h2) and the router see of an exchange.
 *
 * A carrier reads a request into an exchange, calls the handler, and is told the answer. It owns
 * the exchange's memory from http_exchange_begin() until its answer() or discard() was called, or
 * until http_exchange_gone() has returned true.
 */
#ifndef HTTP_CARRIER_H
#define HTTP_CARRIER_H

#include "http/exchange.h"

struct http_carrier {
    /* Sends the answer and takes the exchange back. */
    void (*answer)(struct http_exchange *exchange, const struct http_response *response);
    /* The handler has answered a client that is gone: takes the exchange back. */
    void (*discard)(struct http_exchange *exchange);
};

struct http_exchange {
    struct http_request request;
    const struct http_carrier *carrier;
    struct metrics *metrics;
    bool log_access;
    /* Per request, cleared by http_exchange_begin(). */
    bool gone;
    bool cors; /* the route is open to any origin */
    enum metrics_counter kind;
    struct slice route; /* the row of the table; what stands in a path below it may be secret */
    http_gone_fn *on_gone;
    void *gone_arg;
};

/* Makes the exchange ready for its next request. `request` and the four fields above stay. */
void http_exchange_begin(struct http_exchange *exchange);

/*
 * The client has left while the handler had the exchange. True: the handler has been told and is
 * done with it. False: it did not ask to be told, so it will still answer.
 */
bool http_exchange_gone(struct http_exchange *exchange);

/* http_respond_error() with more header lines. */
void http_respond_error_with(struct http_exchange *exchange, int status, const char *code,
                             struct slice message, struct slice extra);

/* "Not Found"; "Unknown" for a status without a row. */
struct slice http_reason(int status);

#endif
