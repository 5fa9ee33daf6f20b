/*
 * h1_reader: one whole request, head and body, from bytes that come in any pieces.
 *
 * Knows nothing of sockets and time. Feed it what arrives until it says DONE or REFUSED; it takes
 * no byte beyond its request.
 */
#ifndef HTTP_H1_READER_H
#define HTTP_H1_READER_H

#include "base/strbuf.h"
#include "http/h1_chunked.h"
#include "http/h1_rules.h"

enum h1_reading {
    H1_READING_MORE,     /* needs more bytes */
    H1_READING_CONTINUE, /* the same, and the client waits for 100 (Continue); told once */
    H1_READING_DONE,     /* `request` is complete */
    H1_READING_REFUSED,  /* see `refusal`; not to be fed again */
};

struct h1_reader {
    struct h1_head head;
    struct h1_chunked chunked;
    struct strbuf body;
    struct http_request *request; /* filled in; points into the reader */
    struct h1_framing framing;
    enum h1_refusal refusal;
    bool in_body; /* the head is complete and in order */
};

/* A reader is used for one request after another: _init once, _begin before each. */
void h1_reader_init(struct h1_reader *reader, struct http_request *request);
void h1_reader_release(struct h1_reader *reader);
void h1_reader_begin(struct h1_reader *reader);

/* Cuts what it took off the front of `*bytes`. */
enum h1_reading h1_reader_feed(struct h1_reader *reader, struct slice *bytes);

#endif
