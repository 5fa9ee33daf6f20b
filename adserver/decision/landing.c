#include "decision/landing.h"

#include <arpa/inet.h>

#include "decision/model.h"
#include "decision/text.h"

#define PORT_MAX 65535

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The escape at `url.ptr[at]`: two hex digits, and not those of a control byte in disguise. */
static bool escape_is_fine(struct slice url, size_t at, struct err *err)
{
    struct slice digits = slice_from(url, at + 1);
    int high = digits.len >= 2 ? hex_value(digits.ptr[0]) : -1;
    int low = digits.len >= 2 ? hex_value(digits.ptr[1]) : -1;
    if (high < 0 || low < 0)
        return err_set(err, "byte %zu: `%%` is not followed by two hex digits", at + 1);
    int byte = high * 16 + low;
    if (byte < 0x20 || byte == 0x7f)
        return err_set(err, "byte %zu: %%%02X is an encoded control byte", at + 1, byte);
    return true;
}

static bool bytes_are_fine(struct slice url, size_t max, struct err *err)
{
    if (url.len > max)
        return err_set(err, "the address has %zu bytes, more than %zu", url.len, max);
    for (size_t i = 0; i < url.len; i++) {
        unsigned char byte = (unsigned char)url.ptr[i];
        if (byte <= 0x20 || byte >= 0x7f || strchr("\"'<>\\`", byte))
            return err_set(err, "byte %zu (\"%s\") may not stand in an address", i + 1,
                           err_quote(slice_of(url.ptr + i, 1)));
        if (byte == '%' && !escape_is_fine(url, i, err))
            return false;
    }
    return true;
}

static bool cut_scheme(struct slice *url)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = strlen(schemes[i]);
        if (url->len >= len &&
            slice_eq_nocase(slice_of(url->ptr, len), slice_of(schemes[i], len))) {
            *url = slice_from(*url, len);
            return true;
        }
    }
    return false;
}

static struct slice authority_of(struct slice rest)
{
    size_t len = 0;
    while (len < rest.len && !strchr("/?#", rest.ptr[len]))
        len++;
    return slice_of(rest.ptr, len);
}

/* Like host_is_valid(), but in either case, and with the underscores that real names have. */
static bool name_is_fine(struct slice host)
{
    char lower[HOST_MAX];
    if (host.len > sizeof lower)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        lower[i] = (char)(is_upper(c) ? c - 'A' + 'a' : c == '_' ? 'x' : c);
    }
    return host_is_valid(slice_of(lower, host.len));
}

static bool is_ip_address(struct slice address, int family)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr ignored; /* has room for both families */
    if (address.len >= sizeof text)
        return false;
    memcpy(text, address.ptr, address.len);
    text[address.len] = '\0';
    return inet_pton(family, text, &ignored) == 1;
}

/* Browsers take such a host for an IPv4 address, in one of many spellings: 127.1, 0x7f000001. */
static bool ends_in_number(struct slice host)
{
    struct slice last = host;
    while (slice_find(last, '.') < last.len)
        last = slice_from(last, slice_find(last, '.') + 1);
    if (last.len >= 2 && last.ptr[0] == '0' && (last.ptr[1] == 'x' || last.ptr[1] == 'X'))
        return true;
    for (size_t i = 0; i < last.len; i++) {
        if (!is_digit(last.ptr[i]))
            return false;
    }
    return true;
}

static bool host_is_fine(struct slice host)
{
    if (slice_starts(host, SLICE("[")))
        return is_ip_address(slice_from(host, 1), AF_INET6);
    return ends_in_number(host) ? is_ip_address(host, AF_INET) : name_is_fine(host);
}

static bool port_is_fine(struct slice port)
{
    uint64_t number;
    return slice_to_u64(port, PORT_MAX, &number) && number > 0;
}

static bool authority_is_fine(struct slice authority, struct err *err)
{
    if (slice_find(authority, '@') < authority.len)
        return err_set(err, "the address holds a user name or password");
    bool bracket = slice_starts(authority, SLICE("["));
    size_t end = slice_find(authority, bracket ? ']' : ':');
    struct slice host = slice_of(authority.ptr, end);
    if ((bracket && end == authority.len) || !host_is_fine(host))
        return err_set(err, "\"%s\" is not a host", err_quote(authority));
    struct slice behind = slice_from(authority, bracket ? end + 1 : end);
    if (behind.len > 0 && (behind.ptr[0] != ':' || !port_is_fine(slice_from(behind, 1))))
        return err_set(err, "\"%s\" is not a port", err_quote(behind));
    return true;
}

static bool address_is_valid(struct slice url, size_t max, struct err *err)
{
    if (!bytes_are_fine(url, max, err))
        return false;
    struct slice rest = url;
    if (!cut_scheme(&rest))
        return err_set(err, "\"%s\" does not begin with http:// or https://", err_quote(url));
    return authority_is_fine(authority_of(rest), err);
}

bool landing_is_valid(struct slice url, struct err *err)
{
    return address_is_valid(url, LANDING_MAX, err);
}

bool image_url_is_valid(struct slice url, struct err *err)
{
    if (slice_starts(url, SLICE("/")) && !slice_starts(url, SLICE("//")))
        return bytes_are_fine(url, URL_MAX, err);
    return address_is_valid(url, URL_MAX, err);
}

size_t address_origin_len(struct slice url)
{
    struct slice rest = url;
    if (!cut_scheme(&rest))
        return 0;
    return url.len - rest.len + authority_of(rest).len;
}

struct slice address_host(struct slice url)
{
    struct slice rest = url;
    if (!cut_scheme(&rest))
        return slice_of(url.ptr, 0);
    struct slice authority = authority_of(rest);
    if (slice_starts(authority, SLICE("[")))
        return slice_of(authority.ptr, slice_find(authority, ']') + 1);
    return slice_of(authority.ptr, slice_find(authority, ':'));
}
