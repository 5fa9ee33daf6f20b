#include "http/h1_head.h"

#include <string.h>

#include "base/check.h"

/* ---- What llhttp finds ----------------------------------------------------------------------- */

/* Parts come in pieces where a read ended inside them; the pieces are neighbours in `bytes`. */
static void extend(struct slice *part, const char *at, size_t len)
{
    if (part->len == 0)
        part->ptr = at;
    part->len += len;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_head *head = parser->data;
    extend(&head->target, at, len);
    return HPE_OK;
}

static int on_version(llhttp_t *parser, const char *at, size_t len)
{
    struct h1_head *head = parser->data;
    extend(&head->version, at, len);
    return HPE_OK;
}

/* llhttp reads RTSP/1.0 too, which has a GET; the span begins behind the slash. */
static int on_version_complete(llhttp_t *parser)
{
    static const struct slice name = SLICE_INIT("HTTP/");
    const struct h1_head *head = parser->data;
    bool is_http = memcmp(head->version.ptr - name.len, name.ptr, name.len) == 0;
    bool known = is_http && parser->http_major == 1 && parser->http_minor <= 1;
    return known ? HPE_OK : HPE_USER;
}

static struct http_header *current(llhttp_t *parser)
{
    struct h1_head *head = parser->data;
    CHECK(head->header_count < HTTP_HEADERS_MAX); /* the guard counted the lines */
    return &head->headers[head->header_count];
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    extend(&current(parser)->name, at, len);
    return HPE_OK;
}

static int on_header_field_complete(llhttp_t *parser)
{
    struct h1_head *head = parser->data;
    struct slice name = current(parser)->name;
    char *bytes = head->bytes + (name.ptr - head->bytes);
    for (size_t i = 0; i < name.len; i++) {
        if (bytes[i] >= 'A' && bytes[i] <= 'Z')
            bytes[i] = (char)(bytes[i] | 0x20);
    }
    return HPE_OK;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    extend(&current(parser)->value, at, len);
    return HPE_OK;
}

static int on_header_value_complete(llhttp_t *parser)
{
    struct h1_head *head = parser->data;
    struct http_header *header = current(parser);
    header->value = slice_trim(header->value);
    head->header_count++;
    if (head->header_count < HTTP_HEADERS_MAX)
        head->headers[head->header_count] = (struct http_header){0};
    return HPE_OK;
}

/* The body is not llhttp's: h1_reader reads it. */
static int on_headers_complete(llhttp_t *parser)
{
    struct h1_head *head = parser->data;
    head->complete = true;
    head->minor = parser->http_minor;
    head->has_length = parser->flags & F_CONTENT_LENGTH;
    head->has_transfer_encoding = parser->flags & F_TRANSFER_ENCODING;
    head->length = parser->content_length;
    parser->upgrade = 0; /* offers to change the protocol are declined by ignoring them */
    return 1;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_version = on_version,
    .on_version_complete = on_version_complete,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
};

/* ---- Feeding it ------------------------------------------------------------------------------ */

void h1_head_init(struct h1_head *head)
{
    h1_guard_init(&head->guard);
    llhttp_init(&head->parser, HTTP_REQUEST, &settings);
    head->parser.data = head;
    head->len = 0;
    head->parsed = 0;
    head->complete = false;
    head->method = head->target = head->version = slice_of(NULL, 0);
    head->header_count = 0;
    head->headers[0] = (struct http_header){0};
}

static enum h1_refusal refusal_of(llhttp_errno_t error)
{
    switch (error) {
    case HPE_OK:
        return H1_REFUSAL_NONE;
    case HPE_INVALID_URL:
        return H1_REFUSAL_TARGET;
    case HPE_INVALID_VERSION:
    case HPE_CB_VERSION_COMPLETE:
        return H1_REFUSAL_VERSION;
    case HPE_INVALID_CONSTANT: /* not "HTTP/" */
    case HPE_INVALID_METHOD:
        return H1_REFUSAL_REQUEST_LINE;
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
    case HPE_INVALID_TRANSFER_ENCODING:
        return H1_REFUSAL_FRAMING;
    default:
        return H1_REFUSAL_HEADER;
    }
}

/* A tunnel, whose target is no path, and an echo of the request: nothing for a server of ads. */
static bool is_refused_method(struct slice name)
{
    return slice_eq(name, SLICE("CONNECT")) || slice_eq(name, SLICE("TRACE"));
}

/* The method has passed the guard: llhttp begins behind it. */
static enum h1_refusal begin_parsing(struct h1_head *head)
{
    const char *end = memchr(head->bytes, ' ', head->len);
    CHECK(end != NULL);
    head->method = slice_of(head->bytes, (size_t)(end - head->bytes));
    head->parsed = head->method.len;
    CHECK(llhttp_execute(&head->parser, "GET", 3) == HPE_OK);
    return is_refused_method(head->method) ? H1_REFUSAL_METHOD : H1_REFUSAL_NONE;
}

static enum h1_refusal parse(struct h1_head *head)
{
    enum h1_refusal refusal = H1_REFUSAL_NONE;
    if (head->guard.state < H1_GUARD_TARGET)
        return H1_REFUSAL_NONE;
    if (head->parsed == 0)
        refusal = begin_parsing(head);
    if (refusal != H1_REFUSAL_NONE)
        return refusal;
    const char *from = head->bytes + head->parsed;
    llhttp_errno_t error = llhttp_execute(&head->parser, from, head->len - head->parsed);
    head->parsed = head->len;
    return refusal_of(error);
}

/* The bytes up to the guard's next stop, without the empty line that may come before a request. */
static void keep(struct h1_head *head, struct slice bytes)
{
    while (head->len == 0 && bytes.len > 0 && (bytes.ptr[0] == '\r' || bytes.ptr[0] == '\n'))
        bytes = slice_from(bytes, 1);
    CHECK(bytes.len <= sizeof head->bytes - head->len);
    memcpy(head->bytes + head->len, bytes.ptr, bytes.len);
    head->len += bytes.len;
}

enum h1_refusal h1_head_feed(struct h1_head *head, struct slice *bytes)
{
    enum h1_refusal guarded;
    size_t passed = h1_guard_pass(&head->guard, *bytes, &guarded);
    keep(head, slice_of(bytes->ptr, passed));
    *bytes = slice_from(*bytes, passed);
    enum h1_refusal parsed = parse(head);
    if (parsed != H1_REFUSAL_NONE)
        return parsed;
    if (guarded != H1_REFUSAL_NONE)
        return guarded;
    bool over = head->guard.state == H1_GUARD_DONE;
    return head->complete == over ? H1_REFUSAL_NONE : H1_REFUSAL_HEADER;
}
