/*
 * base64url: the alphabet of RFC 4648 section 5, without padding, in its one canonical form.
 */
#ifndef BASE_BASE64URL_H
#define BASE_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* Characters that `len` bytes encode to, and the most bytes `len` characters decode to. */
#define BASE64URL_ENCODED_LEN(len) (((len)*4 + 2) / 3)
#define BASE64URL_DECODED_MAX(len) ((len)*3 / 4)

/* Writes BASE64URL_ENCODED_LEN(len) characters, no NUL, to `to`; returns how many. */
size_t base64url_encode(char *to, const void *bytes, size_t len);

/*
 * Decodes all of `text` into `to`, which holds `capacity` bytes. False for a character outside the
 * alphabet, an impossible length, unused bits that are not zero (another spelling of the same bytes
 * is not the same text) and for too little room.
 */
bool base64url_decode(struct slice text, void *to, size_t capacity, size_t *ret_len);

#endif
