/*
 * http_get: one GET request, for tools: a server's statistics.
 *
 * http only, one address after the other, no redirects; the whole takes HTTP_GET_TIMEOUT_MS at most
 * for each read, and HTTP_GET_MAX bytes.
 */
#ifndef CTL_HTTP_GET_H
#define CTL_HTTP_GET_H

#include "base/err.h"
#include "base/strbuf.h"

#define HTTP_GET_TIMEOUT_MS 5000
#define HTTP_GET_MAX        ((size_t)64 * 1024 * 1024)
#define HTTP_GET_URL_MAX    1024

/* `body` (of HTTP_GET_MAX) gets what a 200 answers. False with `err`. */
bool http_get(const char *url, struct strbuf *body, struct err *err);

#endif
