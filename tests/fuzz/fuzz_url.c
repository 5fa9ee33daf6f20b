/*
 * Any text as a query and as an address: what comes out of a query is text without NUL, and written
 * as a query again gives the same; a host lies in its address and has nothing strange in it.
 */
#include "base/check.h"
#include "base/strbuf.h"
#include "base/url.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_MAX ((size_t)1024 * 1024)
#define QUERY_MAX ((size_t)16 * 1024 * 1024)

static bool is_text(struct slice s)
{
    return slice_find(s, '\0') == s.len && utf8_valid(s);
}

/* Walks the query and writes its pairs as one that is encoded in full. */
static enum url_query_result rewrite(struct slice query, struct arena *arena, struct strbuf *to)
{
    struct slice name, value;
    enum url_query_result result;
    while ((result = url_query_next(&query, arena, &name, &value)) == URL_QUERY_PAIR) {
        CHECK(is_text(name) && is_text(value));
        strbuf_add_url(to, name);
        strbuf_add_char(to, '=');
        strbuf_add_url(to, value);
        strbuf_add_char(to, '&');
    }
    CHECK(!to->overflowed);
    return result;
}

static void check_query(struct slice query, struct arena *arena)
{
    struct strbuf once, twice;
    strbuf_init(&once, QUERY_MAX);
    strbuf_init(&twice, QUERY_MAX);
    (void)rewrite(query, arena, &once);
    arena_reset(arena);
    CHECK(rewrite(strbuf_slice(&once), arena, &twice) == URL_QUERY_END);
    CHECK(slice_eq(strbuf_slice(&once), strbuf_slice(&twice)));
    strbuf_release(&once);
    strbuf_release(&twice);
}

static void check_decoding(struct slice text, struct arena *arena)
{
    struct slice decoded, again;
    struct strbuf encoded;
    arena_reset(arena);
    if (!url_decode(text, arena, &decoded))
        return;
    CHECK(decoded.len <= text.len);
    strbuf_init(&encoded, QUERY_MAX);
    strbuf_add_url(&encoded, decoded);
    CHECK(url_decode(strbuf_slice(&encoded), arena, &again) && slice_eq(decoded, again));
    strbuf_release(&encoded);
}

static void check_host(struct slice url)
{
    struct slice host;
    if (!url_host(url, &host))
        return;
    CHECK(host.len > 0 && host.ptr > url.ptr && host.ptr + host.len <= url.ptr + url.len);
    for (size_t i = 0; i < host.len; i++)
        CHECK(host.ptr[i] > ' ' && host.ptr[i] < 0x7f && !strchr("/\\@?#%'\"<>", host.ptr[i]));
    if (host.ptr + host.len < url.ptr + url.len)
        CHECK(strchr(":/?#", host.ptr[host.len]) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of((const char *)data, size);
    struct arena *arena = arena_new(ARENA_MAX);
    check_query(text, arena);
    check_decoding(text, arena);
    check_host(text);
    arena_free(arena);
    return 0;
}
