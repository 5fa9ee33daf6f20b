/*
 * Any bytes as the headers that tell of a viewer: what is found is one of the words there are, or
 * a part of the header it came from. The input is lines: User-Agent, Sec-CH-UA, Sec-CH-UA-Mobile,
 * Sec-CH-UA-Platform, Accept-Language; what is left is an address of 4 or 16 bytes.
 */
#include <stdlib.h>

#include "base/check.h"
#include "serve/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES     5
#define LANGUAGES 4

static const struct slice names[LINES] = {
    SLICE_INIT("user-agent"),         SLICE_INIT("sec-ch-ua"),       SLICE_INIT("sec-ch-ua-mobile"),
    SLICE_INIT("sec-ch-ua-platform"), SLICE_INIT("accept-language"),
};

/* A copy of exactly its size, so that reading past it is seen. */
static struct slice copy_of(struct slice text)
{
    char *copy = check_malloc(text.len ? text.len : 1);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    return slice_of(copy, text.len);
}

static void cut_headers(struct slice *rest, struct http_header headers[LINES])
{
    for (unsigned i = 0; i < LINES; i++) {
        struct slice line = slice_of(rest->ptr, slice_find(*rest, '\n'));
        headers[i] = (struct http_header){names[i], copy_of(line)};
        *rest = slice_from(*rest, line.len + 1);
    }
}

static struct net_ip address_of(struct slice bytes)
{
    struct net_ip ip = {{[10] = 0xff, [11] = 0xff}};
    if (bytes.len >= sizeof(ip.bytes))
        memcpy(ip.bytes, bytes.ptr, sizeof(ip.bytes));
    else if (bytes.len >= 4)
        memcpy(ip.bytes + 12, bytes.ptr, 4);
    return ip;
}

static bool is_inside(struct slice part, struct slice whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_language(struct slice language, struct slice header)
{
    CHECK(is_inside(language, header));
    for (size_t i = 0; i < language.len; i++) {
        char c = language.ptr[i];
        CHECK((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-');
    }
}

static void check_place(const struct page_facts *facts)
{
    CHECK(facts->country.len == 0 || facts->country.len == GEO_COUNTRY_LEN);
    CHECK(facts->region.len == 0 ||
          (slice_starts(facts->region, facts->country) && facts->region.ptr[2] == '-'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct geo *geo;
    static struct page_query query;
    struct slice rest = slice_of((const char *)data, size);
    struct http_header headers[LINES];
    struct http_request request = {.headers = headers, .header_count = LINES};
    struct facts_source source = {.request = &request, .query = &query};
    struct page_facts facts;
    struct geo_place place;
    struct err err;

    if (!geo)
        geo = geo_open("tests/data/city.mmdb", &err);
    CHECK(geo != NULL);
    cut_headers(&rest, headers);
    source.geo = geo;
    source.client = address_of(rest);
    facts_fill(&source, &place, &facts);

    CHECK((unsigned)facts.device < DEVICE_COUNT);
    CHECK((unsigned)facts.browser < BROWSER_COUNT);
    CHECK((unsigned)facts.system < SYSTEM_COUNT);
    check_language(facts.language, headers[LANGUAGES].value);
    check_place(&facts);
    for (unsigned i = 0; i < LINES; i++)
        free((char *)(uintptr_t)headers[i].value.ptr);
    return 0;
}
