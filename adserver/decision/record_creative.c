#include "base/check.h"
#include "decision/caps.h"
#include "decision/creative_macros.h"
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

/* An address with macros is checked with them, once all fields are read. */
static bool has_macros(struct slice text)
{
    struct macro_found ignored;
    return macro_find(text, &ignored);
}

static bool parse_landing(struct reading *reading, struct slice text, void *to)
{
    if (!has_macros(text) && !landing_is_valid(text, reading->err))
        return false;
    *(struct slice *)to = arena_copy(reading->arena, text);
    return true;
}

static bool parse_image(struct reading *reading, struct slice text, void *to)
{
    if (!has_macros(text) && !image_url_is_valid(text, reading->err))
        return false;
    *(struct slice *)to = arena_copy(reading->arena, text);
    return true;
}

/* Its length is that of any value: RECORD_VALUE_MAX is HTML_MAX. */
static bool parse_html(struct reading *reading, struct slice text, void *to)
{
    if (!text_is_clean(text, TEXT_LINES, reading->err))
        return false;
    *(struct slice *)to = arena_copy(reading->arena, text);
    return true;
}

/* Needed while the creative is compiled, and not kept: checked here, read again in finish(). */
static const struct list_form click_domains_form = {"a host name", host_is_valid, false};

static bool check_click_domains(struct reading *reading, struct slice text, void *to)
{
    (void)to;
    return list_parse(text, &click_domains_form, NULL, NULL, reading->err);
}

#define AT(member) offsetof(struct creative, member)

const struct record_form_row creative_rows[] = {
    {"campaign", FORM_TEXT, true, "", "the id of its campaign", field_id, AT(campaign)},
    {"type", FORM_TEXT, true, "", "image, html or text", parse_type, AT(type)},
    {"size", FORM_TEXT, false, "",
     "WIDTHxHEIGHT in pixels, each from 1 to 8192; types image and html need it, text has none",
     parse_size, AT(size)},
    {"image", FORM_TEXT, false, "",
     "an http or https address of at most 2048 bytes, or a path on this server; macros only behind "
     "the host; type image needs it, the others have none",
     parse_image, AT(image)},
    {"alt", FORM_TEXT, false, "", TEXT_ALLOWED "; in type image alone", field_text, AT(alt)},
    {"html", FORM_TEXT, false, "",
     "HTML of at most 65536 bytes, UTF-8, with at most 64 macros; type html needs it, the others "
     "have none",
     parse_html, AT(html)},
    {"title", FORM_TEXT, false, "", TEXT_ALLOWED "; type text needs it, the others have none",
     field_text, AT(title)},
    {"body", FORM_TEXT, false, "", TEXT_ALLOWED "; in type text alone", field_text, AT(body)},
    {"cta", FORM_TEXT, false, "", TEXT_ALLOWED "; in type text alone", field_text, AT(cta)},
    {"landing", FORM_TEXT, false, "",
     "an http or https address of at most 2000 bytes without user name, with everything but "
     "printable ASCII percent-encoded; macros only behind the host; types image and text need it, "
     "and html that holds {click_url}",
     parse_landing, AT(landing)},
    {"click_domains", FORM_LIST, false, "",
     "host names in lower case without scheme, port or path, international ones in punycode; what is "
     "below a name is meant as well; in type html alone",
     check_click_domains, 0},
    {"weight", FORM_NUMBER, false, "1", WEIGHT_ALLOWED, field_weight, AT(weight)},
    {"caps", FORM_LIST, false, "", CAPS_ALLOWED, field_caps, AT(caps)},
    {"status", FORM_TEXT, false, "active", STATUS_ALLOWED, field_status, AT(status)},
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
    {"cta", {'-', '-', 'o'}},  {"landing", {'r', 'o', 'r'}}, {"click_domains", {'-', 'o', '-'}},
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
    struct slice text = reading_value(reading, "click_domains");
    struct slice_list click_domains = {NULL, 0};
    const char *field;
    if (text.len > 0)
        CHECK(list_parse(text, &click_domains_form, reading->arena, &click_domains, reading->err));
    if (!creative_macros_compile(creative, &click_domains, reading->arena, &field, reading->err))
        return reading_refuse(reading, field);
    fragment_build(creative, reading->arena);
    return true;
}

struct creative *record_compile_creative(const struct record *record, struct err *err)
{
    static const size_t slices[] = {AT(id),
                                    AT(campaign),
                                    AT(landing),
                                    AT(image),
                                    AT(alt),
                                    AT(html),
                                    AT(title),
                                    AT(body),
                                    AT(cta),
                                    AT(fragment),
                                    AT(landing_text.uses),
                                    AT(content.uses)};
    static const size_t lists[] = {AT(landing_text.pieces), AT(content.pieces), AT(destinations)};
    struct pack_layout layout = PACK_LAYOUT(struct creative, slices, lists);
    struct creative creative = {.references = 1, .id = record->id}, *packed = NULL;
    struct reading reading;
    if (!reading_begin(&reading, record, err))
        return NULL;
    if (reading_run(&reading, &creative) && finish(&reading, &creative)) {
        layout.size = AT(caps) + caps_size(&creative.caps);
        packed = pack(&creative, &layout);
    }
    reading_end(&reading);
    return packed;
}
