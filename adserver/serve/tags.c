#include "serve/tags.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/embed.h"

#define ETAG_MAX 24 /* quotes, 16 hex digits, NUL, room */

static const struct {
    struct slice ending, type;
} content_types[] = {
    {SLICE_INIT(".html"), SLICE_INIT("text/html; charset=utf-8")},
    {SLICE_INIT(".css"), SLICE_INIT("text/css; charset=utf-8")},
    {SLICE_INIT(".js"), SLICE_INIT("text/javascript; charset=utf-8")},
    {SLICE_INIT(".svg"), SLICE_INIT("image/svg+xml")},
    {SLICE_INIT(".png"), SLICE_INIT("image/png")},
    {SLICE_INIT(".jpg"), SLICE_INIT("image/jpeg")},
    {SLICE_INIT(".webp"), SLICE_INIT("image/webp")},
    {SLICE_INIT(".ico"), SLICE_INIT("image/x-icon")},
};

static struct slice content_type(struct slice path)
{
    for (size_t i = 0; i < sizeof(content_types) / sizeof(*content_types); i++)
        if (slice_ends(path, content_types[i].ending))
            return content_types[i].type;
    return SLICE("application/octet-stream");
}

/*
 * The first 64 bits of the contents' SHA-256: the same for all servers of one build. Made when a
 * file is first asked for, and kept: the files are constant.
 */
static const char *etag_of(const struct embed_file *file)
{
    static char(*etags)[ETAG_MAX]; /* by position in embed_files */
    uint8_t digest[EVP_MAX_MD_SIZE];
    char *etag;

    if (!etags)
        etags = check_calloc(embed_file_count, sizeof(*etags));
    etag = etags[file - embed_files];
    if (etag[0] == '\0') {
        CHECK(EVP_Digest(file->data, file->size, digest, NULL, EVP_sha256(), NULL) == 1);
        (void)snprintf(etag, ETAG_MAX, "\"%02x%02x%02x%02x%02x%02x%02x%02x\"", digest[0], digest[1],
                       digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]);
    }
    return etag;
}

/* If-None-Match (RFC 9110 13.1.2): a list, weak tags compare equal, `*` matches. */
static bool none_match_names(struct slice header, struct slice etag)
{
    struct slice item;
    while (header.ptr && slice_next(&header, ',', &item)) {
        item = slice_trim(item);
        if (slice_starts(item, SLICE("W/")))
            item = slice_from(item, 2);
        if (slice_eq(item, etag) || slice_eq(item, SLICE("*")))
            return true;
    }
    return false;
}

static void respond_file(struct http_exchange *exchange, const struct embed_file *file,
                         const char *caching)
{
    const struct http_request *request = http_exchange_request(exchange);
    const char *etag = etag_of(file);
    char extra[256];
    struct http_response response = {.status = 200, .body_static = true};

    (void)snprintf(extra, sizeof(extra), "Cache-Control: %s\r\nETag: %s\r\n%s", caching, etag,
                   HTTP_ANY_ORIGIN);
    response.extra = slice_cstr(extra);
    if (none_match_names(http_request_header(request, SLICE("if-none-match")), slice_cstr(etag))) {
        response.status = 304;
    } else {
        response.content_type = content_type(slice_cstr(file->path));
        response.body = slice_of(file->data, file->size);
    }
    http_respond(exchange, &response);
}

void tags_handle_tag(struct http_exchange *exchange, void *service)
{
    const struct embed_file *tag = embed_find(SLICE("web/tag.js"));
    (void)service;
    CHECK(tag != NULL);
    respond_file(exchange, tag, "public, max-age=3600");
}

static const struct embed_file *find_demo_file(struct slice path)
{
    char name[128];
    int len = snprintf(name, sizeof(name), "web%.*s%s", SLICE_ARGS(path),
                       slice_ends(path, SLICE("/")) ? "index.html" : "");
    if (len <= 0 || (size_t)len >= sizeof(name))
        return NULL;
    return embed_find(slice_of(name, (size_t)len));
}

static void refuse(struct http_exchange *exchange)
{
    http_respond_error(exchange, 404, "not_found", SLICE("there is nothing here"));
}

void tags_handle_demo_root(struct http_exchange *exchange, void *service)
{
    const struct service *mine = service;
    const struct http_response response = {
        .status = 308,
        .extra = SLICE("Location: /demo/\r\nCache-Control: no-cache\r\n"),
    };
    if (mine->options->server_demo == 1)
        http_respond(exchange, &response);
    else
        refuse(exchange);
}

void tags_handle_demo(struct http_exchange *exchange, void *service)
{
    const struct service *mine = service;
    const struct http_request *request = http_exchange_request(exchange);
    const struct embed_file *file = NULL;

    if (mine->options->server_demo == 1)
        file = find_demo_file(request->path);
    if (file)
        respond_file(exchange, file, "no-cache");
    else
        refuse(exchange);
}
