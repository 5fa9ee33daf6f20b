#include "base/base64url.h"

#define BAD 0xff

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t base64url_encode(char *to, const void *bytes, size_t len)
{
    const uint8_t *from = bytes;
    char *start = to;
    uint32_t bits = 0;
    unsigned held = 0; /* bits not written yet */

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | from[i];
        held += 8;
        for (; held >= 6; held -= 6)
            *to++ = alphabet[bits >> (held - 6) & 63];
    }
    if (held > 0)
        *to++ = alphabet[bits << (6 - held) & 63];
    return (size_t)(to - start);
}

static uint8_t value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint8_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint8_t)(c - '0' + 52);
    return c == '-' ? 62 : c == '_' ? 63 : BAD;
}

bool base64url_decode(struct slice text, void *to, size_t capacity, size_t *ret_len)
{
    uint8_t *out = to;
    size_t len = BASE64URL_DECODED_MAX(text.len);
    uint32_t bits = 0;
    unsigned held = 0;

    if (text.len % 4 == 1 || len > capacity)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t value = value_of(text.ptr[i]);
        if (value == BAD)
            return false;
        bits = bits << 6 | value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            *out++ = (uint8_t)(bits >> held);
        }
    }
    if ((bits & ((1u << held) - 1)) != 0)
        return false;
    *ret_len = len;
    return true;
}
