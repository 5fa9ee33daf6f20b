/*
 * h1_chunked: a body in chunks (RFC 9112, 7.1), strictly.
 *
 * A size is 1 to 15 hexadecimal digits, maybe followed at once by an extension, which is skipped;
 * lines end in CRLF; trailers must be header lines within the limits of a head, and are dropped
 * unread. What stands around the data is bounded.
 */
#ifndef HTTP_H1_CHUNKED_H
#define HTTP_H1_CHUNKED_H

#include "base/strbuf.h"
#include "http/h1_guard.h"

#define H1_CHUNK_DIGITS_MAX  15
#define H1_CHUNK_FRAMING_MAX 65536 /* bytes of sizes, extensions and line ends in one body */

enum h1_chunked_state {
    H1_CHUNKED_SIZE,
    H1_CHUNKED_EXTENSION,
    H1_CHUNKED_SIZE_LF,
    H1_CHUNKED_DATA,
    H1_CHUNKED_DATA_CR,
    H1_CHUNKED_DATA_LF,
    H1_CHUNKED_TRAILERS,
    H1_CHUNKED_DONE,
};

struct h1_chunked {
    enum h1_chunked_state state;
    unsigned digits;
    uint64_t size; /* of this chunk; in DATA what is left of it */
    uint32_t framing;
    struct h1_guard trailers;
};

void h1_chunked_init(struct h1_chunked *chunked);

/*
 * Cuts what belongs to the body off the front of `*bytes` and adds the data to `body`. The state is
 * DONE at the end. A body that passes the maximum of `body` is H1_REFUSAL_BODY_SIZE.
 */
enum h1_refusal h1_chunked_feed(struct h1_chunked *chunked, struct slice *bytes,
                                struct strbuf *body);

#endif
