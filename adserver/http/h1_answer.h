/*
 * h1_answer: the head of an answer as bytes.
 */
#ifndef HTTP_H1_ANSWER_H
#define HTTP_H1_ANSWER_H

#include "base/strbuf.h"
#include "http/exchange.h"

/* The Date header, written anew once a second. All zero to begin with. */
struct h1_date {
    int64_t until_us; /* monotonic */
    char line[40];    /* "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" */
    size_t len;
};

/* The line for `now_us` (monotonic). */
struct slice h1_date_line(struct h1_date *date, int64_t now_us);

enum h1_persistence {
    H1_STAYS,     /* HTTP/1.1's normal case: nothing is said */
    H1_STAYS_1_0, /* an HTTP/1.0 client must be told */
    H1_CLOSES,
};

/* Whether an answer of that status has a body at all (RFC 9110, 6.4.1). */
bool h1_status_has_body(int status);

/* Adds status line and header lines to `to`, the empty line included. */
void h1_answer_head(struct strbuf *to, const struct http_response *response, struct slice date,
                    enum h1_persistence persistence);

#endif
