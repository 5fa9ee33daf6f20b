/*
 * h1_head: a request's head, from bytes to method, target and header lines.
 *
 * Two readers see every byte: the guard (h1_guard.h) for what bytes are allowed, llhttp for what
 * they mean; both must agree that the head ends where it does. All bytes are kept in one place as
 * they come, so the slices are whole and stay where they are. llhttp is always told that the method
 * is GET: it knows only methods of its own list, and reads a different grammar for some of them.
 */
#ifndef HTTP_H1_HEAD_H
#define HTTP_H1_HEAD_H

#include <llhttp.h>

#include "http/h1_guard.h"
#include "http/request.h"

/* Request line, header lines, and the line ends that do not count. */
#define H1_HEAD_CAPACITY (HTTP_REQUEST_LINE_MAX + HTTP_HEAD_MAX + 8)

struct h1_head {
    struct h1_guard guard;
    llhttp_t parser;
    size_t len;    /* of `bytes` */
    size_t parsed; /* given to llhttp */
    bool complete;

    struct slice method;
    struct slice target;
    struct slice version; /* "1.1" */
    unsigned minor;       /* of the version, HTTP/1.x */
    bool has_length;
    bool has_transfer_encoding;
    uint64_t length; /* Content-Length's value */
    size_t header_count;
    struct http_header headers[HTTP_HEADERS_MAX];
    char bytes[H1_HEAD_CAPACITY];
};

void h1_head_init(struct h1_head *head);

/* Cuts what belongs to the head off the front of `*bytes`. `complete` is set at its end. */
enum h1_refusal h1_head_feed(struct h1_head *head, struct slice *bytes);

#endif
