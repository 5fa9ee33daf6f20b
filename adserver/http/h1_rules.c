#include "http/h1_rules.h"

#include <string.h>

#define PORT_MAX 65535

/* ---- Method and target ----------------------------------------------------------------------- */

enum http_method h1_method(struct slice name)
{
    static const struct slice names[HTTP_METHOD_OTHER] = {
        [HTTP_METHOD_GET] = SLICE_INIT("GET"),         [HTTP_METHOD_HEAD] = SLICE_INIT("HEAD"),
        [HTTP_METHOD_POST] = SLICE_INIT("POST"),       [HTTP_METHOD_PUT] = SLICE_INIT("PUT"),
        [HTTP_METHOD_DELETE] = SLICE_INIT("DELETE"),   [HTTP_METHOD_PATCH] = SLICE_INIT("PATCH"),
        [HTTP_METHOD_OPTIONS] = SLICE_INIT("OPTIONS"),
    };
    unsigned method = 0;
    while (method < HTTP_METHOD_OTHER && !slice_eq(names[method], name))
        method++;
    return (enum http_method)method;
}

static struct slice cut_scheme(struct slice target)
{
    static const struct slice schemes[] = {SLICE_INIT("http://"), SLICE_INIT("https://")};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = schemes[i].len;
        if (target.len >= len && slice_eq_nocase(slice_of(target.ptr, len), schemes[i]))
            return slice_from(target, len);
    }
    return slice_of(NULL, 0);
}

/* Path and query; a fragment is nothing that a server is asked for. */
static void split_path(struct slice target, struct http_request *request)
{
    static const struct slice root = SLICE_INIT("/");
    target.len = slice_find(target, '#');
    size_t mark = slice_find(target, '?');
    request->path = mark > 0 ? slice_of(target.ptr, mark) : root;
    request->query = slice_from(target, mark + 1);
}

/* http://host/path?query: what proxies are sent, and servers must understand (RFC 9112, 3.2.2). */
static enum h1_refusal apply_absolute(struct slice target, struct http_request *request)
{
    struct slice rest = cut_scheme(target);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?' && rest.ptr[end] != '#')
        end++;
    struct slice authority = slice_of(rest.ptr, end);
    if (!h1_host_valid(authority))
        return H1_REFUSAL_TARGET;
    split_path(slice_from(rest, end), request);
    /*
     * Two hosts in one request are an attempt to confuse. Without a path the target names no
     * resource of the other host; such requests are taken by other servers, so they are here.
     */
    bool names_resource = end < rest.len && rest.ptr[end] == '/';
    if (names_resource && request->host.len > 0 && !slice_eq_nocase(authority, request->host))
        return H1_REFUSAL_HOST;
    request->host = authority;
    return H1_REFUSAL_NONE;
}

static enum h1_refusal apply_target(struct slice target, struct http_request *request)
{
    bool is_star = slice_eq(target, SLICE("*"));
    if (is_star && request->method == HTTP_METHOD_OPTIONS) {
        request->path = target;
        return H1_REFUSAL_NONE;
    }
    if (target.len == 0 || target.ptr[0] != '/')
        return apply_absolute(target, request);
    split_path(target, request);
    return H1_REFUSAL_NONE;
}

/* ---- Host ------------------------------------------------------------------------------------ */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 3986, 3.2.2: unreserved and sub-delims, but no comma: that would be two hosts. */
static bool is_name_byte(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("-._~!$&'()*+;=", c) != NULL);
}

static bool is_address_byte(char c)
{
    return c != '\0' && strchr("0123456789abcdefABCDEF:.", c) != NULL;
}

bool h1_host_valid(struct slice host)
{
    size_t at = 0;
    bool bracketed = slice_starts(host, SLICE("["));
    if (bracketed)
        at++;
    while (at < host.len &&
           (bracketed ? is_address_byte(host.ptr[at]) : is_name_byte(host.ptr[at])))
        at++;
    if (at == (bracketed ? 1 : 0))
        return false;
    if (bracketed && (at == host.len || host.ptr[at++] != ']'))
        return false;
    struct slice port = slice_from(host, at);
    uint64_t number;
    if (port.len <= 1) /* "host:" is allowed */
        return port.len == 0 || port.ptr[0] == ':';
    return port.ptr[0] == ':' && slice_to_u64(slice_from(port, 1), PORT_MAX, &number);
}

/* ---- Headers that belong to the protocol ----------------------------------------------------- */

struct findings {
    struct slice host, transfer_encoding, expect;
    unsigned hosts, transfer_encodings, expects;
    bool close, keep_alive; /* tokens of Connection */
};

static void read_connection(struct findings *found, struct slice value)
{
    struct slice token;
    while (slice_next(&value, ',', &token)) {
        token = slice_trim(token);
        found->close |= slice_eq_nocase(token, SLICE("close"));
        found->keep_alive |= slice_eq_nocase(token, SLICE("keep-alive"));
    }
}

static void note(struct findings *found, const struct http_header *header)
{
    if (slice_eq(header->name, SLICE("host"))) {
        found->host = header->value;
        found->hosts++;
    } else if (slice_eq(header->name, SLICE("transfer-encoding"))) {
        found->transfer_encoding = header->value;
        found->transfer_encodings++;
    } else if (slice_eq(header->name, SLICE("expect"))) {
        found->expect = header->value;
        found->expects++;
    } else if (slice_eq(header->name, SLICE("connection"))) {
        read_connection(found, header->value);
    }
}

static enum h1_refusal check_host(const struct findings *found, unsigned minor)
{
    if (found->hosts == 0)
        return minor == 0 ? H1_REFUSAL_NONE : H1_REFUSAL_HOST;
    return found->hosts == 1 && h1_host_valid(found->host) ? H1_REFUSAL_NONE : H1_REFUSAL_HOST;
}

/*
 * RFC 9112, 6.3, and stricter: whoever disagrees with us about where a body ends can be made to
 * take a part of it for a request, so only the two plain forms are left. llhttp has refused any
 * second Content-Length, and one beside a Transfer-Encoding.
 */
static enum h1_refusal check_framing(const struct findings *found, const struct h1_head *head,
                                     struct h1_framing *framing)
{
    framing->chunked = found->transfer_encodings > 0 || head->has_transfer_encoding;
    framing->length = head->has_length ? head->length : 0;
    if (framing->chunked &&
        (found->transfer_encodings != 1 || head->minor == 0 || head->has_length ||
         !slice_eq_nocase(found->transfer_encoding, SLICE("chunked"))))
        return H1_REFUSAL_FRAMING;
    return framing->length > HTTP_BODY_MAX ? H1_REFUSAL_BODY_SIZE : H1_REFUSAL_NONE;
}

/* An expectation is nothing to a client of HTTP/1.0, and neither is 100 (Continue). */
static enum h1_refusal check_expect(const struct findings *found, struct h1_framing *framing)
{
    if (framing->http_1_0 || found->expects == 0)
        return H1_REFUSAL_NONE;
    if (found->expects > 1 || !slice_eq_nocase(found->expect, SLICE("100-continue")))
        return H1_REFUSAL_EXPECTATION;
    framing->wants_continue = framing->chunked || framing->length > 0;
    return H1_REFUSAL_NONE;
}

enum h1_refusal h1_rules_apply(const struct h1_head *head, struct http_request *request,
                               struct h1_framing *framing)
{
    struct findings found = {.hosts = 0};
    for (size_t i = 0; i < head->header_count; i++)
        note(&found, &head->headers[i]);
    *framing = (struct h1_framing){.http_1_0 = head->minor == 0};
    framing->keep_alive = !found.close && (head->minor > 0 || found.keep_alive);
    request->method = h1_method(head->method);
    request->headers = head->headers;
    request->header_count = head->header_count;
    request->host = found.host;

    enum h1_refusal refusal = check_host(&found, head->minor);
    if (refusal == H1_REFUSAL_NONE)
        refusal = apply_target(head->target, request);
    if (refusal == H1_REFUSAL_NONE)
        refusal = check_framing(&found, head, framing);
    if (refusal == H1_REFUSAL_NONE)
        refusal = check_expect(&found, framing);
    return refusal;
}
