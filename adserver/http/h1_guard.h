/*
 * h1_guard: the first reader of a request's head, before llhttp.
 *
 * It knows nothing of what a head means, only which bytes may stand where and how many of them:
 * lines end in CRLF and nowhere else, no control bytes, one space between the parts of the request
 * line, no blanks before a header's name or colon, no folded lines. llhttp lets some of these pass
 * in favour of old peers. It goes byte by byte, so that a head gives the same result however it was
 * cut on its way.
 */
#ifndef HTTP_H1_GUARD_H
#define HTTP_H1_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "http/h1_refusal.h"

#define H1_METHOD_MAX 32 /* bytes; no method in use is half as long */

enum h1_guard_state {
    H1_GUARD_START,    /* one empty line may come before a request (RFC 9112, 2.2) */
    H1_GUARD_START_LF, /* …_LF: behind a CR, where only LF may follow */
    H1_GUARD_FIRST,
    H1_GUARD_METHOD,
    H1_GUARD_TARGET,
    H1_GUARD_VERSION,
    H1_GUARD_VERSION_LF,
    H1_GUARD_LINE, /* at the start of a header line, or of the empty line that ends the head */
    H1_GUARD_NAME,
    H1_GUARD_VALUE,
    H1_GUARD_VALUE_LF,
    H1_GUARD_END_LF,
    H1_GUARD_DONE,
};

struct h1_guard {
    enum h1_guard_state state;
    uint32_t used; /* bytes of the request line, or of the header lines, so far */
    uint32_t headers;
};

/* Before a request, or before nothing but header lines (a chunked body's trailers). */
void h1_guard_init(struct h1_guard *guard);
void h1_guard_init_lines(struct h1_guard *guard);

/*
 * How many of `bytes` are in order, at most to the end of the head; then the state is DONE. Where
 * one is not, the count stops before it and `*ret_refusal` says why; else that is NONE.
 */
size_t h1_guard_pass(struct h1_guard *guard, struct slice bytes, enum h1_refusal *ret_refusal);

#endif
