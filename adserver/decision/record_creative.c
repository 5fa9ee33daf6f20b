#include "decision/caps.h"
#include "decision/field.h"
#include "decision/fragment.h"
#include "decision/landing.h"
#include "decision/macros.h"
#include "decision/pack.h"
#include "decision/record_tables.h"
#include "decision/text.h"

static bool parse_type(struct reading *reading, struct slice text, void *to)
{
    unsigned word = 0;
    if (!field_word(text, creative_type_words, &word, reading->err))
        return false;
    *(enum creative_type *)to = (enum creative_type)word;
    return true;
}

static bool parse_size(struct reading *reading, struct slice text, void *to)
{
    return field_size(text, to, reading->err);
}

static bool refuse_macro(struct slice macro, struct err *err)
{
    return err_set(err, "it holds %s, which this version does not replace", err_quote(macro));
}

static bool parse_landing(struct reading *reading, struct slice text, void *to)
{
    struct slice macro;
    if (macro_find(text, &macro))
        return refuse_macro(macro, reading->err);
    if (!landing_is_valid(text, reading->err))
        return false;
    *(struct slice *)to = arena_copy(reading->arena, text);
    return true;
}

static bool parse_image(struct reading *reading, struct slice text, void *to)
{
    struct slice macro;
    if (macro_find(text, &macro))
        return refuse_macro(macro, reading->err);
    if (!image_url_is_valid(text, reading->err))
        return false;
    *(struct slice *)to = arena_copy(reading->arena, text);
    return true;
}

/* Of all macros {click_url} alone may stand in html for now. */
static bool check_macros(struct slice html, struct err *err)
{
    struct slice macro;
    while (macro_find(html, &macro)) {
        if (!slice_eq(macro, SLICE("{click_url}")))
            return refuse_macro(macro, err);
        html = slice_from(html, (size_t)(macro.ptr - html.ptr) + macro.len);
    }
    return true;
}

/* Its length is that of any value: RECORD_VALUE_MAX is HTML_MAX. */
static bool parse_html(struct reading *reading, struct slice text, void *to)
{
    if (!text_is_clean(text, TEXT_LINES, reading->err) || !check_macros(text, reading->err))
        return false;
    *(struct slice *)to = arena_copy(reading->arena, text);
    return true;
}

#define AT(member) offsetof(struct creative, member)

const struct record_form_row creative_rows[] = {
    {"campaign", FORM_TEXT, true, "", "the id of its campaign", false, field_id, AT(campaign)},
    {"type", FORM_TEXT, true, "", "image, html or text", false, parse_type, AT(type)},
    {"size", FORM_TEXT, false, "",
     "WIDTHxHEIGHT in pixels, each from 1 to 8192; types image and html need it, text has none",
     false, parse_size, AT(size)},
    {"image", FORM_TEXT, false, "",
     "an http or https address of at most 2048 bytes, or a path on this server; type image needs "
     "it, the others have none",
     false, parse_image, AT(image)},
    {"alt", FORM_TEXT, false, "", TEXT_ALLOWED "; in type image alone", false, field_text, AT(alt)},
    {"html", FORM_TEXT, false, "",
     "HTML of at most 65536 bytes, UTF-8, with no macro but {click_url}, and that at most 64 times; "
     "type html needs it, the others have none",
     false, parse_html, AT(html)},
    {"title", FORM_TEXT, false, "", TEXT_ALLOWED "; type text needs it, the others have none",
     false, field_text, AT(title)},
    {"body", FORM_TEXT, false, "", TEXT_ALLOWED "; in type text alone", false, field_text,
     AT(body)},
    {"cta", FORM_TEXT, false, "", TEXT_ALLOWED "; in type text alone", false, field_text, AT(cta)},
    {"landing", FORM_TEXT, false, "",
     "an http or https address of at most 2000 bytes without user name, with everything but "
     "printable ASCII percent-encoded; types image and text need it, and html that holds "
     "{click_url}",
     false, parse_landing, AT(landing)},
    {"weight", FORM_NUMBER, false, "1", WEIGHT_ALLOWED, false, field_weight, AT(weight)},
    {"caps", FORM_LIST, false, "", CAPS_ALLOWED, false, field_caps, AT(caps)},
    {"status", FORM_TEXT, false, "active", STATUS_ALLOWED, false, field_status, AT(status)},
};
const unsigned creative_row_count = sizeof creative_rows / sizeof *creative_rows;

/* Which fields a type has: r(equired), o(ptional), - (none); by enum creative_type. */
static const struct by_type {
    const char *name;
    char rule[3];
} by_type[] = {
    /*            image html text */
    {"size", {'r', 'r', '-'}}, {"image", {'r', '-', '-'}},   {"alt", {'o', '-', '-'}},
    {"html", {'-', 'r', '-'}}, {"title", {'-', '-', 'r'}},   {"body", {'-', '-', 'o'}},
    {"cta", {'-', '-', 'o'}},  {"landing", {'r', 'o', 'r'}},
};

static bool check_type(struct reading *reading, enum creative_type type)
{
    for (size_t i = 0; i < sizeof by_type / sizeof *by_type; i++) {
        const struct by_type *row = &by_type[i];
        bool given = reading_value(reading, row->name).len > 0;
        if (row->rule[type] == 'o' || given == (row->rule[type] == 'r'))
            continue;
        (void)err_set(reading->err, "type %s %s", creative_type_words[type],
                      given ? "does not have it" : "needs it");
        return reading_refuse(reading, row->name);
    }
    return true;
}

static bool finish(struct reading *reading, struct creative *creative)
{
    if (!check_type(reading, creative->type))
        return false;
    if (!fragment_build(creative, reading->arena, reading->err))
        return reading_refuse(reading, "html");
    if (creative->html_parts.count > 0 && creative->landing.len == 0) {
        (void)err_set(reading->err, "html holds {click_url} and needs it");
        return reading_refuse(reading, "landing");
    }
    return true;
}

struct creative *record_compile_creative(const struct record *record, struct err *err)
{
    static const size_t slices[] = {AT(id),   AT(campaign), AT(landing), AT(image), AT(alt),
                                    AT(html), AT(title),    AT(body),    AT(cta),   AT(fragment)};
    static const size_t lists[] = {AT(html_parts)};
    static const struct pack_layout layout = PACK_LAYOUT(struct creative, slices, lists);
    struct creative creative = {.references = 1, .id = record->id}, *packed = NULL;
    struct reading reading;
    if (!reading_begin(&reading, record, err))
        return NULL;
    if (reading_run(&reading, &creative) && finish(&reading, &creative))
        packed = pack(&creative, &layout);
    reading_end(&reading);
    return packed;
}
