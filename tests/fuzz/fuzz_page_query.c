/*
 * Any bytes as the parameters of an ad request: they are refused with a parameter's name and a
 * reason, or all that was kept is within its limits. The first byte of the input chooses between a
 * query string and a JSON body.
 */
#include "base/check.h"
#include "base/utf8.h"
#include "decision/consent.h"
#include "serve/page_query.h"
#include "serve/viewer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Headers and body of one request leave so much for what a handler derives. */
#define ARENA_MAX (256 * 1024)

static void check_text(struct slice text, size_t max)
{
    CHECK(text.len <= max);
    CHECK(utf8_valid(text));
    for (size_t i = 0; i < text.len; i++)
        CHECK(text.ptr[i] != '\0');
}

static void check_domain(struct slice domain)
{
    check_text(domain, PAGE_URL_MAX);
    for (size_t i = 0; i < domain.len; i++)
        CHECK(domain.ptr[i] < 'A' || domain.ptr[i] > 'Z');
}

static void check_path(const struct page_query *query)
{
    struct slice path = query->path;
    CHECK((query->url.len == 0) == (path.len == 0));
    CHECK(path.len == 0 || path.ptr[0] == '/');
    CHECK(slice_find(path, '?') == path.len && slice_find(path, '#') == path.len);
    CHECK(path.len <= 1 ||
          (path.ptr > query->url.ptr && path.ptr + path.len <= query->url.ptr + query->url.len));
}

static void check_query(const struct page_query *query)
{
    CHECK(query->slot_count >= 1 && query->slot_count <= PAGE_SLOTS_MAX);
    for (unsigned i = 0; i < query->slot_count; i++) {
        CHECK(id_is_valid(query->slots[i].id));
        CHECK(query->slots[i].width <= PAGE_WIDTH_MAX);
    }
    check_text(query->url, PAGE_URL_MAX);
    check_domain(query->domain);
    CHECK((query->url.len == 0) == (query->domain.len == 0));
    check_path(query);
    check_text(query->ref, PAGE_URL_MAX);
    check_domain(query->referrer);
    CHECK(query->referrer.len <= query->ref.len);
    CHECK(query->keyword_count <= PAGE_KEYWORDS_MAX);
    for (unsigned i = 0; i < query->keyword_count; i++) {
        check_text(query->keywords[i], PAGE_TEXT_MAX);
        CHECK(query->keywords[i].len > 0 &&
              slice_find(query->keywords[i], ',') == query->keywords[i].len);
        CHECK(slice_eq(slice_trim(query->keywords[i]), query->keywords[i]));
    }
    check_text(query->consent, CONSENT_MAX);
    (void)consent_allows_storage(query->consent);
    CHECK(query->uid.len == 0 || viewer_uid_is_valid(query->uid));
    CHECK(query->kv_count <= PAGE_KV_MAX);
    for (unsigned i = 0; i < query->kv_count; i++) {
        check_text(query->kv[i].name, 32);
        check_text(query->kv[i].value, PAGE_TEXT_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *arena;
    struct page_query query;
    struct err err = {0};

    if (size == 0)
        return 0;
    if (!arena)
        arena = arena_new(ARENA_MAX);
    arena_reset(arena);
    struct slice text = slice_of((const char *)data + 1, size - 1);
    struct http_request request = {
        .method = data[0] & 1 ? HTTP_METHOD_POST : HTTP_METHOD_GET,
        .arena = arena,
    };
    if (request.method == HTTP_METHOD_POST)
        request.body = text;
    else
        request.query = text;
    if (page_query_parse(&request, &query, &err))
        check_query(&query);
    else
        CHECK(err.where[0] != '\0' && err.text[0] != '\0');
    return 0;
}
