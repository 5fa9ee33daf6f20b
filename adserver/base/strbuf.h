/*
 * strbuf: a growing run of bytes, created with the size it may never pass.
 *
 * Appending beyond the maximum writes nothing and marks the buffer `overflowed`, which stays until
 * strbuf_clear(): write a whole document and ask once at the end. The bytes always end in a NUL
 * that does not count into the length, so strbuf_cstr() is free.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct strbuf {
    char *ptr; /* owned by the buffer; moves when it grows */
    size_t len;
    size_t capacity; /* bytes allocated, the NUL included */
    size_t max;      /* the length that is never passed */
    bool overflowed;
};

/* `max` is the greatest length in bytes. Allocates on the first append. */
void strbuf_init(struct strbuf *buf, size_t max);
void strbuf_release(struct strbuf *buf);

/* Empties the buffer and keeps its memory; clears `overflowed`. */
void strbuf_clear(struct strbuf *buf);

/* Cuts the contents to `len` bytes, which must not be more than there are. */
void strbuf_truncate(struct strbuf *buf, size_t len);

void strbuf_add(struct strbuf *buf, const void *bytes, size_t len);
void strbuf_add_slice(struct strbuf *buf, struct slice s);
void strbuf_add_cstr(struct strbuf *buf, const char *text);
void strbuf_add_char(struct strbuf *buf, char c);
void strbuf_add_u64(struct strbuf *buf, uint64_t number);
void strbuf_add_i64(struct strbuf *buf, int64_t number);
void strbuf_addf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vaddf(struct strbuf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/*
 * A JSON string with its quotes (RFC 8259). Control bytes, `<`, `>`, `&`, U+2028 and U+2029 are
 * written as \u escapes so that the text is also safe inside a script element. Bytes that are not
 * UTF-8 become U+FFFD.
 */
void strbuf_add_json(struct strbuf *buf, struct slice s);

/* Text for HTML content and quoted attributes: & < > " ' become character references. */
void strbuf_add_html(struct strbuf *buf, struct slice s);

/* RFC 3986 percent-encoding of everything but unreserved characters. */
void strbuf_add_url(struct strbuf *buf, struct slice s);

/* Base64url (RFC 4648 section 5) without padding. */
void strbuf_add_base64url(struct strbuf *buf, const void *bytes, size_t len);

struct slice strbuf_slice(const struct strbuf *buf);
const char *strbuf_cstr(const struct strbuf *buf);

#endif
