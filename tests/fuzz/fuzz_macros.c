/*
 * Any texts with macros and any values from a request: the creative is refused, or its html stays
 * one JSON string into which a value has brought nothing that ends or begins anything, and landing
 * and image keep their scheme and host.
 *
 * Input: html, landing, image, click_domains, page_url, page_domain, joined by 0x1f.
 */
#include <jansson.h>

#include "base/check.h"
#include "base/strbuf.h"
#include "decision/creative_macros.h"
#include "decision/landing.h"
#include "decision/record.h"

#define PART_SEPARATOR '\x1f'
#define EXPANDED_MAX   (64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum part { HTML, LANDING, IMAGE, CLICK_DOMAINS, PAGE_URL, PAGE_DOMAIN, PART_COUNT };

/* ---- Values -----------------------------------------------------------------------------------
 */

struct values {
    struct slice page_url, page_domain;
    bool without_request;
};

static void add_value(const struct macro_use *use, void *arg, struct strbuf *to)
{
    static const char *const own[MACRO_COUNT] = {
        [MACRO_CLICK_ID] = "AwAAAAcBmcgswAAAAQIDBAUGBwgJCgsMDQ4PBnNwcmluZwpzcHJpbmctOTcwBmhlYWRlcg",
        [MACRO_REQUEST] = "0123456789abcdef0123456789abcd",
        [MACRO_SLOT] = "x.-_y",
        [MACRO_TIMESTAMP] = "1790000000",
        [MACRO_RANDOM] = "9007199254740991",
    };
    const struct values *values = arg;
    if (!macro_is_of_request((enum macro)use->macro)) {
        CHECK(own[use->macro] != NULL);
        strbuf_add_cstr(to, own[use->macro]);
    } else if (values->without_request) {
        return;
    } else if (use->macro == MACRO_CLICK_URL) {
        macro_add(use, SLICE("https://ads.example:8080/v1/c/"), to);
        macro_add(use, SLICE("AbC-_9"), to);
    } else {
        macro_add(use, use->macro == MACRO_PAGE_URL ? values->page_url : values->page_domain, to);
    }
}

/* ---- Html -------------------------------------------------------------------------------------
 */

static size_t count_sharp(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        count += byte <= 0x20 || byte >= 0x7f || strchr("\"'<>`(){}*$\\|^", byte) != NULL;
    }
    return count;
}

static json_t *read_string(const struct strbuf *text)
{
    json_t *json = json_loadb(text->ptr, text->len, JSON_ALLOW_NUL, NULL);
    CHECK(json != NULL && json_array_size(json) == 1 && json_is_string(json_array_get(json, 0)));
    return json;
}

static size_t sharp_of(const struct strbuf *text)
{
    json_t *json = read_string(text);
    const json_t *string = json_array_get(json, 0);
    size_t count = count_sharp(slice_of(json_string_value(string), json_string_length(string)));
    json_decref(json);
    return count;
}

static void add_nothing(const struct macro_use *use, void *arg, struct strbuf *to)
{
    (void)use, (void)arg, (void)to;
}

static void expand_html(const struct macro_text *text, macro_value_fn *add, void *arg,
                        struct strbuf *to)
{
    strbuf_clear(to);
    strbuf_add_cstr(to, "[\"");
    macro_text_expand(text, add, arg, to);
    strbuf_add_cstr(to, "\"]");
    CHECK(!to->overflowed);
}

/* Read as JSON it has no byte that matters more than what the author wrote. */
static void check_html(const struct creative *creative, struct values *values)
{
    struct strbuf text;
    if (creative->content.pieces.count == 0)
        return;
    strbuf_init(&text, EXPANDED_MAX);
    expand_html(&creative->content, add_nothing, NULL, &text);
    size_t written = sharp_of(&text);
    expand_html(&creative->content, add_value, values, &text);
    CHECK(sharp_of(&text) == written);
    strbuf_release(&text);
}

/* ---- Addresses --------------------------------------------------------------------------------
 */

static bool same_origin(struct slice a, struct slice b)
{
    size_t len = address_origin_len(a);
    return len == address_origin_len(b) && slice_eq(slice_of(a.ptr, len), slice_of(b.ptr, len));
}

static size_t count_delimiters(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += strchr("/?#&=:@;", text.ptr[i]) != NULL;
    return count;
}

static void check_address(const struct macro_text *text, struct slice written,
                          bool is_valid(struct slice, struct err *), struct values *values)
{
    struct strbuf with, without;
    struct err err = {"", ""};
    if (text->pieces.count == 0)
        return;
    strbuf_init(&with, EXPANDED_MAX);
    strbuf_init(&without, EXPANDED_MAX);
    macro_text_expand(text, add_value, values, &with);
    values->without_request = true;
    macro_text_expand(text, add_value, values, &without);
    values->without_request = false;
    CHECK(is_valid(strbuf_slice(&without), &err));
    CHECK(same_origin(strbuf_slice(&with), written));
    CHECK(same_origin(strbuf_slice(&without), written));
    CHECK(slice_starts(strbuf_slice(&with), text->pieces.item[0]));
    CHECK(count_delimiters(strbuf_slice(&with)) == count_delimiters(strbuf_slice(&without)));
    strbuf_release(&with);
    strbuf_release(&without);
}

/* ---- Creatives --------------------------------------------------------------------------------
 */

static struct creative *compile(const struct record_field *fields, unsigned count)
{
    struct err err = {"", ""};
    struct record record = {RECORD_CREATIVE, SLICE("spring-1"), fields, count};
    struct creative *creative = record_compile_creative(&record, &err);
    CHECK(creative || strstr(err.text, "; allowed: "));
    return creative;
}

static struct creative *compile_html(const struct slice parts[PART_COUNT])
{
    const struct record_field fields[] = {
        {SLICE("campaign"), SLICE("spring")}, {SLICE("type"), SLICE("html")},
        {SLICE("size"), SLICE("300x250")},    {SLICE("html"), parts[HTML]},
        {SLICE("landing"), parts[LANDING]},   {SLICE("click_domains"), parts[CLICK_DOMAINS]},
    };
    return compile(fields, sizeof fields / sizeof *fields);
}

static struct creative *compile_image(const struct slice parts[PART_COUNT])
{
    const struct record_field fields[] = {
        {SLICE("campaign"), SLICE("spring")}, {SLICE("type"), SLICE("image")},
        {SLICE("size"), SLICE("300x250")},    {SLICE("image"), parts[IMAGE]},
        {SLICE("landing"), parts[LANDING]},
    };
    return compile(fields, sizeof fields / sizeof *fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice parts[PART_COUNT] = {{NULL, 0}};
    struct slice rest = slice_of((const char *)data, size);
    for (unsigned i = 0; i < PART_COUNT; i++)
        (void)slice_next(&rest, PART_SEPARATOR, &parts[i]);
    struct values values = {parts[PAGE_URL], parts[PAGE_DOMAIN], false};

    struct creative *html = compile_html(parts);
    if (html) {
        check_html(html, &values);
        check_address(&html->landing_text, html->landing, landing_is_valid, &values);
    }
    struct creative *image = compile_image(parts);
    if (image) {
        check_address(&image->landing_text, image->landing, landing_is_valid, &values);
        check_address(&image->content, image->image, image_url_is_valid, &values);
    }
    creative_release(html);
    creative_release(image);
    return 0;
}
