/*
 * utf8: one code point at a time, as strict as RFC 3629: no overlong forms, no surrogates, nothing
 * above U+10FFFF.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define UTF8_REPLACEMENT_CHARACTER UINT32_C(0xfffd)

/* Bytes (1 to 4) of the code point that `s` begins with; 0 where it begins with none. */
size_t utf8_decode(struct slice s, uint32_t *ret_code_point);

/* Whether all of `s` is UTF-8. The empty slice is. */
bool utf8_valid(struct slice s);

#endif
