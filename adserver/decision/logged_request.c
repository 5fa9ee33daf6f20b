/*
 * The form, numbers big-endian, a text behind its length in two bytes:
 *
 *     1  version
 *     6  time, milliseconds since 1970
 *     4  of how many in a million it is one
 *     1  1: the viewer is known      8  its pseudonym (0 where it is not)
 *     1  device   1  browser   1  system
 *        country, region, language, domain, path, referrer
 *     1  how many keywords, then each
 *     1  how many key-values, then name and value of each
 *     1  how many slots, then of each: id, 4 width
 */
#include "decision/logged_request.h"

#include "base/clock.h"
#include "decision/targeting_forms.h"

#define VERSION      1
#define TEXT_LEN_MAX 4096 /* more than any of the texts may have */

/* ---- Writing --------------------------------------------------------------------------------- */

static void put_number(struct strbuf *to, uint64_t number, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0;)
        strbuf_add_char(to, (char)(uint8_t)(number >> (8 * i)));
}

static void put_text(struct strbuf *to, struct slice text)
{
    size_t len = text.len <= TEXT_LEN_MAX ? text.len : 0;
    put_number(to, len, 2);
    strbuf_add_slice(to, slice_of(text.ptr, len));
}

/* No rule can name a longer one. */
static bool matters(struct slice text)
{
    return text.len > 0 && text.len <= KEYWORD_MAX;
}

static void put_keywords(struct strbuf *to, const struct page_facts *facts)
{
    unsigned count = 0;
    for (unsigned i = 0; i < facts->keyword_count; i++)
        count += matters(facts->keywords[i]);
    put_number(to, count, 1);
    for (unsigned i = 0; i < facts->keyword_count; i++) {
        if (matters(facts->keywords[i]))
            put_text(to, facts->keywords[i]);
    }
}

static bool pair_matters(const struct fact_pair *pair)
{
    return matters(pair->name) && matters(pair->value);
}

static void put_key_values(struct strbuf *to, const struct page_facts *facts)
{
    unsigned count = 0;
    for (unsigned i = 0; i < facts->key_value_count; i++)
        count += pair_matters(&facts->key_values[i]);
    put_number(to, count, 1);
    for (unsigned i = 0; i < facts->key_value_count; i++) {
        if (pair_matters(&facts->key_values[i])) {
            put_text(to, facts->key_values[i].name);
            put_text(to, facts->key_values[i].value);
        }
    }
}

static void put_facts(struct strbuf *to, const struct page_facts *facts)
{
    put_number(to, facts->device, 1);
    put_number(to, facts->browser, 1);
    put_number(to, facts->system, 1);
    put_text(to, facts->country);
    put_text(to, facts->region);
    put_text(to, facts->language);
    put_text(to, facts->domain);
    put_text(to, facts->path);
    put_text(to, facts->referrer);
    put_keywords(to, facts);
    put_key_values(to, facts);
}

void logged_request_write(const struct logged_request *request, struct strbuf *to)
{
    put_number(to, VERSION, 1);
    put_number(to, (uint64_t)request->at_ms, 6);
    put_number(to, request->sample_ppm, 4);
    put_number(to, request->has_viewer, 1);
    put_number(to, request->has_viewer ? request->viewer : 0, 8);
    put_facts(to, &request->facts);
    put_number(to, request->slot_count, 1);
    for (unsigned i = 0; i < request->slot_count; i++) {
        put_text(to, request->slots[i].id);
        put_number(to, request->slots[i].width, 4);
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* What is left; once something was not there, nothing is any more. */
struct source {
    struct slice rest;
    bool failed;
};

static struct slice take(struct source *source, size_t len)
{
    struct slice taken = slice_of(source->rest.ptr, len);
    if (source->failed || source->rest.len < len) {
        source->failed = true;
        return (struct slice){0};
    }
    source->rest = slice_from(source->rest, len);
    return taken;
}

static uint64_t take_number(struct source *source, unsigned bytes, uint64_t max)
{
    struct slice taken = take(source, bytes);
    uint64_t number = 0;
    for (size_t i = 0; i < taken.len; i++)
        number = number << 8 | (uint8_t)taken.ptr[i];
    source->failed |= number > max;
    return source->failed ? 0 : number;
}

static struct slice take_text(struct source *source)
{
    return take(source, take_number(source, 2, TEXT_LEN_MAX));
}

static struct slice take_named(struct source *source)
{
    struct slice text = take_text(source);
    source->failed |= !matters(text);
    return text;
}

static void take_facts(struct source *source, struct page_facts *facts)
{
    facts->device = (enum device)take_number(source, 1, DEVICE_COUNT - 1);
    facts->browser = (enum browser)take_number(source, 1, BROWSER_COUNT - 1);
    facts->system = (enum system)take_number(source, 1, SYSTEM_COUNT - 1);
    facts->country = take_text(source);
    source->failed |= facts->country.len != 0 && facts->country.len != 2;
    facts->region = take_text(source);
    facts->language = take_text(source);
    facts->domain = take_text(source);
    facts->path = take_text(source);
    facts->referrer = take_text(source);
    facts->keyword_count = (unsigned)take_number(source, 1, FACTS_KEYWORDS_MAX);
    for (unsigned i = 0; i < facts->keyword_count; i++)
        facts->keywords[i] = take_named(source);
    facts->key_value_count = (unsigned)take_number(source, 1, FACTS_KEY_VALUES_MAX);
    for (unsigned i = 0; i < facts->key_value_count; i++)
        facts->key_values[i] = (struct fact_pair){take_named(source), take_named(source)};
}

bool logged_request_read(struct slice bytes, struct logged_request *ret)
{
    struct source source = {.rest = bytes, .failed = bytes.len > LOGGED_REQUEST_MAX};
    source.failed |= take_number(&source, 1, UINT8_MAX) != VERSION;
    ret->at_ms = (int64_t)take_number(&source, 6, INT64_MAX / US_PER_MS);
    ret->sample_ppm = (uint32_t)take_number(&source, 4, SAMPLE_ALL_PPM);
    ret->has_viewer = take_number(&source, 1, 1) == 1;
    ret->viewer = take_number(&source, 8, ret->has_viewer ? UINT64_MAX : 0);
    take_facts(&source, &ret->facts);
    ret->slot_count = (unsigned)take_number(&source, 1, PAGE_SLOTS_MAX);
    for (unsigned i = 0; i < ret->slot_count; i++) {
        ret->slots[i].id = take_text(&source);
        ret->slots[i].width = (uint32_t)take_number(&source, 4, UINT32_MAX);
        source.failed |= !id_is_valid(ret->slots[i].id);
    }
    return !source.failed && ret->sample_ppm > 0 && ret->slot_count > 0 && source.rest.len == 0;
}
