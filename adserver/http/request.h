/*
 * request: what a client asked, as plain data.
 *
 * All slices live until the exchange is answered (see exchange.h). The protocol's own rules (RFC
 * 9110, 9112) have been enforced before a request gets here; parameters have not.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/ip.h"
#include "base/slice.h"

#define HTTP_REQUEST_LINE_MAX 8192
#define HTTP_HEAD_MAX         16384
#define HTTP_HEADERS_MAX      100
#define HTTP_BODY_MAX         65536

enum http_method {
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_POST,
    HTTP_METHOD_PUT,
    HTTP_METHOD_DELETE,
    HTTP_METHOD_PATCH,
    HTTP_METHOD_OPTIONS,
    HTTP_METHOD_OTHER, /* well-formed, but none of these */
};

struct http_header {
    struct slice name;  /* lower case */
    struct slice value; /* without surrounding blanks */
};

struct http_request {
    enum http_method method;
    struct slice path;  /* as sent, still percent-encoded; begins with '/', or is "*" for OPTIONS */
    struct slice query; /* as sent, without the '?'; empty where there is none */
    struct slice host;
    const struct http_header *headers;
    size_t header_count;
    struct slice body;
    struct net_ip peer;
    int64_t received_us; /* monotonic: when the whole request was there */
    struct arena *arena; /* for whatever the handler derives; limited; dies with the exchange */
};

/* The first header of that (lower case) name; the empty slice where there is none. */
struct slice http_request_header(const struct http_request *request, struct slice name);

#endif
