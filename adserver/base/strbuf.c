#include "base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/base64url.h"
#include "base/check.h"
#include "base/utf8.h"

#define FIRST_CAPACITY 256

void strbuf_init(struct strbuf *buf, size_t max)
{
    CHECK(max < SIZE_MAX);
    *buf = (struct strbuf){.max = max};
}

void strbuf_release(struct strbuf *buf)
{
    free(buf->ptr);
    strbuf_init(buf, buf->max);
}

void strbuf_clear(struct strbuf *buf)
{
    strbuf_truncate(buf, 0);
    buf->overflowed = false;
}

void strbuf_truncate(struct strbuf *buf, size_t len)
{
    CHECK(len <= buf->len);
    buf->len = len;
    if (buf->ptr)
        buf->ptr[len] = '\0';
}

static void grow(struct strbuf *buf, size_t least)
{
    size_t capacity = buf->capacity ? buf->capacity : FIRST_CAPACITY;
    while (capacity < least)
        capacity = capacity > SIZE_MAX / 2 ? SIZE_MAX : capacity * 2;
    if (capacity > buf->max + 1)
        capacity = buf->max + 1;
    buf->ptr = check_realloc(buf->ptr, capacity);
    buf->capacity = capacity;
}

/* Room for `len` more bytes and a NUL. Where the maximum forbids it, false; and ever after. */
static bool reserve(struct strbuf *buf, size_t len)
{
    if (buf->overflowed || len > buf->max - buf->len) {
        buf->overflowed = true;
        return false;
    }
    if (buf->len + len >= buf->capacity)
        grow(buf, buf->len + len + 1);
    return true;
}

void strbuf_add(struct strbuf *buf, const void *bytes, size_t len)
{
    if (!reserve(buf, len))
        return;
    if (len)
        memcpy(buf->ptr + buf->len, bytes, len);
    buf->len += len;
    buf->ptr[buf->len] = '\0';
}

void strbuf_add_slice(struct strbuf *buf, struct slice s)
{
    strbuf_add(buf, s.ptr, s.len);
}

void strbuf_add_cstr(struct strbuf *buf, const char *text)
{
    strbuf_add(buf, text, strlen(text));
}

void strbuf_add_char(struct strbuf *buf, char c)
{
    strbuf_add(buf, &c, 1);
}

void strbuf_add_u64(struct strbuf *buf, uint64_t number)
{
    char digits[sizeof "18446744073709551615"];
    char *end = digits + sizeof digits;
    char *first = end;
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    strbuf_add(buf, first, (size_t)(end - first));
}

void strbuf_add_i64(struct strbuf *buf, int64_t number)
{
    size_t start = buf->len;
    if (number < 0)
        strbuf_add_char(buf, '-');
    strbuf_add_u64(buf, number < 0 ? -(uint64_t)number : (uint64_t)number);
    if (buf->overflowed)
        strbuf_truncate(buf, start);
}

void strbuf_addf(struct strbuf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    strbuf_vaddf(buf, format, args);
    va_end(args);
}

void strbuf_vaddf(struct strbuf *buf, const char *format, va_list args)
{
    size_t room = buf->overflowed ? 0 : buf->capacity - buf->len;
    va_list again;
    va_copy(again, args);
    int written = vsnprintf(room ? buf->ptr + buf->len : NULL, room, format, args);
    CHECK(written >= 0);
    size_t len = (size_t)written;

    if (len >= room && reserve(buf, len))
        (void)vsnprintf(buf->ptr + buf->len, len + 1, format, again);
    if (!buf->overflowed)
        buf->len += len;
    else if (buf->ptr)
        buf->ptr[buf->len] = '\0'; /* over what was cut */
    va_end(again);
}

/* What strbuf_add_json() does with a byte; 0 means that it stands for itself. */
enum json_byte { JSON_PLAIN, JSON_BACKSLASH, JSON_ESCAPE, JSON_MULTIBYTE };

static const uint8_t json_bytes[256] = {
    [0x00 ... 0x1f] = JSON_ESCAPE, ['"'] = JSON_BACKSLASH,
    ['\\'] = JSON_BACKSLASH,       ['<'] = JSON_ESCAPE,
    ['>'] = JSON_ESCAPE,           ['&'] = JSON_ESCAPE,
    [0x7f] = JSON_ESCAPE,          [0x80 ... 0xff] = JSON_MULTIBYTE,
};

static size_t plain_run(struct slice s)
{
    size_t len = 0;
    while (len < s.len && json_bytes[(uint8_t)s.ptr[len]] == JSON_PLAIN)
        len++;
    return len;
}

static void add_json_u(struct strbuf *buf, uint32_t code_point)
{
    static const char hex[] = "0123456789abcdef";
    char escape[] = {'\\',
                     'u',
                     hex[code_point >> 12 & 15],
                     hex[code_point >> 8 & 15],
                     hex[code_point >> 4 & 15],
                     hex[code_point & 15]};
    strbuf_add(buf, escape, sizeof escape);
}

/* Returns how many bytes of `s` it has dealt with. */
static size_t add_json_multibyte(struct strbuf *buf, struct slice s)
{
    uint32_t code_point;
    size_t len = utf8_decode(s, &code_point);
    if (len == 0) {
        add_json_u(buf, UTF8_REPLACEMENT_CHARACTER);
        return 1;
    }
    if (code_point == 0x2028 || code_point == 0x2029)
        add_json_u(buf, code_point);
    else
        strbuf_add(buf, s.ptr, len);
    return len;
}

static size_t add_json_special(struct strbuf *buf, struct slice s)
{
    switch ((enum json_byte)json_bytes[(uint8_t)s.ptr[0]]) {
    case JSON_BACKSLASH:
        strbuf_add(buf, (char[]){'\\', s.ptr[0]}, 2);
        return 1;
    case JSON_MULTIBYTE:
        return add_json_multibyte(buf, s);
    default:
        add_json_u(buf, (uint8_t)s.ptr[0]);
        return 1;
    }
}

void strbuf_add_json(struct strbuf *buf, struct slice s)
{
    size_t start = buf->len;
    strbuf_add_char(buf, '"');
    while (s.len > 0 && !buf->overflowed) {
        size_t run = plain_run(s);
        strbuf_add(buf, s.ptr, run);
        s = slice_from(s, run);
        if (s.len > 0)
            s = slice_from(s, add_json_special(buf, s));
    }
    strbuf_add_char(buf, '"');
    if (buf->overflowed)
        strbuf_truncate(buf, start);
}

static const char *html_reference(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void strbuf_add_html(struct strbuf *buf, struct slice s)
{
    size_t start = buf->len;
    size_t copied = 0;
    for (size_t i = 0; i < s.len; i++) {
        const char *reference = html_reference(s.ptr[i]);
        if (!reference)
            continue;
        strbuf_add(buf, s.ptr + copied, i - copied);
        strbuf_add_cstr(buf, reference);
        copied = i + 1;
    }
    strbuf_add_slice(buf, slice_from(s, copied));
    if (buf->overflowed)
        strbuf_truncate(buf, start);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void strbuf_add_url(struct strbuf *buf, struct slice s)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t start = buf->len;
    for (size_t i = 0; i < s.len && !buf->overflowed; i++) {
        uint8_t byte = (uint8_t)s.ptr[i];
        if (is_unreserved(s.ptr[i]))
            strbuf_add_char(buf, s.ptr[i]);
        else
            strbuf_add(buf, (char[]){'%', hex[byte >> 4], hex[byte & 15]}, 3);
    }
    if (buf->overflowed)
        strbuf_truncate(buf, start);
}

void strbuf_add_base64url(struct strbuf *buf, const void *bytes, size_t len)
{
    if (!reserve(buf, BASE64URL_ENCODED_LEN(len)))
        return;
    buf->len += base64url_encode(buf->ptr + buf->len, bytes, len);
    buf->ptr[buf->len] = '\0';
}

struct slice strbuf_slice(const struct strbuf *buf)
{
    return slice_of(buf->ptr, buf->len);
}

const char *strbuf_cstr(const struct strbuf *buf)
{
    return buf->ptr ? buf->ptr : "";
}
