#include "base/url.h"

#include "base/utf8.h"

#define PORT_MAX 65535

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Where the first byte stands that decoding would change. */
static size_t plain_len(struct slice text, bool plus_is_space)
{
    size_t at = 0;
    while (at < text.len && text.ptr[at] != '%' && !(plus_is_space && text.ptr[at] == '+'))
        at++;
    return at;
}

/* Decodes `text` to `to`, which has room for as many bytes. Returns how many came out, -1:
 * malformed. */
static ptrdiff_t decode_bytes(struct slice text, bool plus_is_space, char *to)
{
    ptrdiff_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = text.len - i > 2 ? hex_value(text.ptr[i + 1]) : -1;
            int low = text.len - i > 2 ? hex_value(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return -1;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        to[len++] = c;
    }
    return len;
}

static bool decode(struct slice text, bool plus_is_space, struct arena *arena, struct slice *ret)
{
    if (plain_len(text, plus_is_space) == text.len) {
        *ret = text;
        return true;
    }
    char *bytes = arena_alloc(arena, text.len);
    ptrdiff_t len = bytes ? decode_bytes(text, plus_is_space, bytes) : -1;
    if (len < 0)
        return false;
    *ret = slice_of(bytes, (size_t)len);
    return true;
}

bool url_decode(struct slice text, struct arena *arena, struct slice *ret)
{
    return decode(text, false, arena, ret);
}

static bool decode_part(struct slice text, struct arena *arena, struct slice *ret)
{
    struct slice part;
    if (!decode(text, true, arena, &part) || slice_find(part, '\0') < part.len || !utf8_valid(part))
        return false;
    *ret = part;
    return true;
}

enum url_query_result url_query_next(struct slice *rest, struct arena *arena,
                                     struct slice *ret_name, struct slice *ret_value)
{
    struct slice pair, name, value;
    do {
        if (!slice_next(rest, '&', &pair))
            return URL_QUERY_END;
    } while (pair.len == 0);
    size_t equals = slice_find(pair, '=');
    if (!decode_part(slice_of(pair.ptr, equals), arena, &name) ||
        !decode_part(slice_from(pair, equals + 1), arena, &value))
        return URL_QUERY_MALFORMED;
    *ret_name = name;
    *ret_value = value;
    return URL_QUERY_PAIR;
}

/* ---- Hosts ----------------------------------------------------------------------------------- */

static bool cut_scheme(struct slice *url)
{
    static const struct slice schemes[] = {SLICE_INIT("http://"), SLICE_INIT("https://")};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = schemes[i].len;
        if (url->len >= len && slice_eq_nocase(slice_of(url->ptr, len), schemes[i])) {
            *url = slice_from(*url, len);
            return true;
        }
    }
    return false;
}

static bool is_host_byte(char c, bool bracketed)
{
    if (bracketed)
        return hex_value(c) >= 0 || c == ':' || c == '.';
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_';
}

/* The host at the front of `text`; empty where none is. */
static struct slice cut_host(struct slice text)
{
    bool bracketed = slice_starts(text, SLICE("["));
    size_t at = bracketed;
    while (at < text.len && is_host_byte(text.ptr[at], bracketed))
        at++;
    if (!bracketed)
        return slice_of(text.ptr, at);
    bool closed = at > 1 && at < text.len && text.ptr[at] == ']';
    return slice_of(text.ptr, closed ? at + 1 : 0);
}

/* What may follow a host: nothing, or a port and then a path, query or fragment. */
static bool is_host_end(struct slice rest)
{
    uint64_t port;
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?' && rest.ptr[end] != '#')
        end++;
    return end == 0 ||
           (rest.ptr[0] == ':' && slice_to_u64(slice_of(rest.ptr + 1, end - 1), PORT_MAX, &port));
}

bool url_host(struct slice url, struct slice *ret_host)
{
    if (!cut_scheme(&url))
        return false;
    struct slice host = cut_host(url);
    if (host.len == 0 || !is_host_end(slice_from(url, host.len)))
        return false;
    *ret_host = host;
    return true;
}
