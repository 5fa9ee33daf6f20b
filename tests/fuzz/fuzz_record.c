/*
 * Any fields as a record: it is refused with a field and a reason in printable ASCII that says what
 * is allowed, or it compiles, keeps the promises of model.h, and compiles to the same again.
 *
 * Input: kind, 0x1f, id, and for each field 0x1e, name, 0x1f, value.
 */
#include <jansson.h>

#include "base/check.h"
#include "base/strbuf.h"
#include "decision/landing.h"
#include "decision/macro_text.h"
#include "decision/record.h"
#include "decision/targeting.h"
#include "decision/text.h"
#include "decision/zone.h"

#define FIELD_BEGINS '\x1e'
#define VALUE_BEGINS '\x1f'

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- Input ----------------------------------------------------------------------------------- */

static void cut_pair(struct slice part, struct slice *ret_name, struct slice *ret_value)
{
    size_t at = slice_find(part, VALUE_BEGINS);
    *ret_name = slice_of(part.ptr, at);
    *ret_value = slice_from(part, at + 1);
}

static bool read_record(struct slice input, struct record *record, struct record_field *fields,
                        unsigned max)
{
    struct slice part, word;
    if (!slice_next(&input, FIELD_BEGINS, &part))
        return false;
    cut_pair(part, &word, &record->id);
    for (record->kind = 0; record->kind < RECORD_KIND_COUNT; record->kind++) {
        if (slice_eq(word, slice_cstr(record_kind_words[record->kind])))
            break;
    }
    record->fields = fields;
    for (record->count = 0; record->count < max; record->count++) {
        struct record_field *field = &fields[record->count];
        if (!slice_next(&input, FIELD_BEGINS, &part))
            break;
        cut_pair(part, &field->name, &field->value);
    }
    return record->kind < RECORD_KIND_COUNT;
}

/* ---- Refused --------------------------------------------------------------------------------- */

static void check_printable(const char *text)
{
    for (; *text; text++)
        CHECK(*text >= 0x20 && *text < 0x7f);
}

static void check_refusal(const struct err *err)
{
    check_printable(err->where);
    check_printable(err->text);
    CHECK(strstr(err->text, "; allowed:") != NULL);
}

/* ---- Promises of model.h --------------------------------------------------------------------- */

static void check_line(struct slice text, size_t max)
{
    struct err err;
    CHECK(text.len <= max && text_is_clean(text, TEXT_LINE, &err));
}

static void check_hosts(const struct slice_list *hosts)
{
    CHECK(hosts->count <= LIST_MAX);
    for (unsigned i = 0; i < hosts->count; i++) {
        struct slice host = hosts->item[i];
        CHECK(host_is_valid(slice_from(host, host.ptr[0] == '!' ? 1 : 0)));
        CHECK(i == 0 || slice_compare(hosts->item[i - 1], host) < 0);
    }
}

static void check_caps(const struct caps *caps)
{
    CHECK(caps->count <= CAPS_MAX);
    for (unsigned i = 0; i < caps->count; i++) {
        const struct cap *cap = &caps->item[i];
        CHECK(cap->count >= 1 && cap->count <= CAP_COUNT_MAX);
        CHECK(cap->period_ms == CAP_LIFETIME ||
              (cap->period_ms >= 1000 && cap->period_ms <= CAP_PERIOD_MAX_MS));
        for (unsigned j = 0; j < i; j++) {
            CHECK(caps->item[j].period_ms != cap->period_ms);
            CHECK(caps->item[j].key != cap->key);
        }
    }
}

static void check_size(struct size size)
{
    CHECK(size.width >= 1 && size.width <= SIZE_MAX_PIXELS);
    CHECK(size.height >= 1 && size.height <= SIZE_MAX_PIXELS);
}

static void check_slot(const struct slot *slot)
{
    CHECK(slot->references == 1 && id_is_valid(slot->id));
    CHECK(slot->status <= STATUS_ARCHIVED && slot->size_count <= SLOT_SIZES_MAX);
    check_line(slot->name, TEXT_MAX);
    check_hosts(&slot->domains);
    for (unsigned i = 0; i < slot->size_count; i++)
        check_size(slot->sizes[i]);
}

static void check_campaign(const struct campaign *campaign)
{
    CHECK(campaign->references == 1 && id_is_valid(campaign->id));
    CHECK(campaign->status <= STATUS_ARCHIVED && campaign->tier < TIER_COUNT);
    CHECK(campaign->weight >= 1 && campaign->weight <= WEIGHT_MAX);
    CHECK(campaign->share_ppm <= 1000000);
    CHECK(campaign->share_ppm == 0 || campaign->tier == TIER_SPONSORSHIP);
    CHECK(campaign->all_slots == (campaign->slots.count == 0));
    for (unsigned i = 0; i < campaign->slots.count; i++) {
        CHECK(id_is_valid(campaign->slots.item[i]));
        CHECK(i == 0 || slice_compare(campaign->slots.item[i - 1], campaign->slots.item[i]) < 0);
    }
    CHECK(campaign->end_us == TIME_UNSET || campaign->start_us < campaign->end_us);
    CHECK(campaign->start_us == TIME_UNSET || campaign->start_us >= 0);
    CHECK(campaign->zone == zone_find(zone_name(campaign->zone)));
    CHECK(campaign->cpm_micro >= 0 && campaign->cpc_micro >= 0);
    check_line(campaign->name, TEXT_MAX);
    check_line(campaign->advertiser, TEXT_MAX);
    check_caps(&campaign->caps);
}

/* The fragment is JSON, and its html the creative's. */
static void check_fragment(const struct creative *creative)
{
    struct strbuf text;
    strbuf_init(&text, SIZE_MAX / 2);
    strbuf_addf(&text, "{%.*s}", SLICE_ARGS(creative->fragment));
    json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
    CHECK(json != NULL);
    const char *id = json_string_value(json_object_get(json, "creative"));
    CHECK(id && slice_eq(slice_cstr(id), creative->id));
    const char *html = json_string_value(json_object_get(json, "html"));
    bool whole = creative->content.pieces.count == 0;
    CHECK((html != NULL) == (creative->type == CREATIVE_HTML && whole));
    CHECK(!html || slice_eq(slice_cstr(html), creative->html));
    const char *image = json_string_value(json_object_get(json, "image"));
    CHECK((image != NULL) == (creative->type == CREATIVE_IMAGE && whole));
    json_decref(json);
    strbuf_release(&text);
}

/* No pieces, or one more than there are macros. (What they expand to: fuzz_macros.c.) */
static void check_text(const struct macro_text *text)
{
    unsigned uses = macro_text_use_count(text);
    CHECK(uses <= MACROS_MAX && uses * sizeof(struct macro_use) == text->uses.len);
    CHECK(text->pieces.count == (uses > 0 ? uses + 1 : 0));
}

static void check_destinations(const struct creative *creative)
{
    struct err err;
    CHECK(creative->destinations.count <= MACROS_MAX);
    for (unsigned i = 0; i < creative->destinations.count; i++)
        CHECK(landing_is_valid(creative->destinations.item[i], &err));
    for (unsigned i = 0; i < macro_text_use_count(&creative->content); i++) {
        const struct macro_use *use = &macro_text_uses(&creative->content)[i];
        CHECK(use->destination <= creative->destinations.count);
        CHECK(use->destination == 0 || use->macro == MACRO_CLICK_URL);
        CHECK(use->macro != MACRO_CLICK_URL || use->destination > 0 || creative->landing.len > 0);
    }
}

static void check_creative(const struct creative *creative)
{
    struct err err;
    bool is_text = creative->type == CREATIVE_TEXT, is_html = creative->type == CREATIVE_HTML;
    CHECK(creative->references == 1 && id_is_valid(creative->id) &&
          id_is_valid(creative->campaign));
    CHECK(creative->type <= CREATIVE_TEXT && creative->status <= STATUS_ARCHIVED);
    CHECK(creative->weight >= 1 && creative->weight <= WEIGHT_MAX);
    CHECK(is_text == (creative->size.width == 0 && creative->size.height == 0));
    if (!is_text)
        check_size(creative->size);
    CHECK(is_html == (creative->html.len > 0) && creative->html.len <= HTML_MAX);
    CHECK(is_text == (creative->title.len > 0));
    CHECK((creative->type == CREATIVE_IMAGE) == (creative->image.len > 0));
    CHECK(is_html || creative->landing.len > 0);
    CHECK(creative->landing.len == 0 || creative->landing_text.pieces.count > 0 ||
          landing_is_valid(creative->landing, &err));
    check_line(creative->alt, TEXT_MAX);
    check_line(creative->title, TEXT_MAX);
    check_line(creative->body, TEXT_MAX);
    check_line(creative->cta, TEXT_MAX);
    check_caps(&creative->caps);
    check_fragment(creative);
    check_text(&creative->landing_text);
    check_text(&creative->content);
    check_destinations(creative);
}

/* ---- Twice the same -------------------------------------------------------------------------- */

static void check_same_list(const struct slice_list *a, const struct slice_list *b)
{
    CHECK(a->count == b->count);
    for (unsigned i = 0; i < a->count; i++)
        CHECK(slice_eq(a->item[i], b->item[i]));
}

static void check_same_caps(const struct caps *a, const struct caps *b)
{
    CHECK(a->count == b->count);
    for (unsigned i = 0; i < a->count; i++) {
        CHECK(a->item[i].count == b->item[i].count && a->item[i].key == b->item[i].key);
        CHECK(a->item[i].period_ms == b->item[i].period_ms);
    }
}

static void check_same_slot(const struct slot *a, const struct slot *b)
{
    CHECK(slice_eq(a->name, b->name) && a->status == b->status && a->size_count == b->size_count);
    CHECK(memcmp(a->sizes, b->sizes, sizeof a->sizes) == 0);
    check_same_list(&a->domains, &b->domains);
}

static void check_same_campaign(const struct campaign *a, const struct campaign *b)
{
    CHECK(slice_eq(a->name, b->name) && slice_eq(a->advertiser, b->advertiser));
    CHECK(a->status == b->status && a->tier == b->tier && a->weight == b->weight);
    CHECK(a->share_ppm == b->share_ppm && a->all_slots == b->all_slots);
    CHECK(a->start_us == b->start_us && a->end_us == b->end_us);
    CHECK(a->zone == b->zone);
    CHECK(a->cpm_micro == b->cpm_micro && a->cpc_micro == b->cpc_micro);
    check_same_list(&a->slots, &b->slots);
    check_same_caps(&a->caps, &b->caps);
}

static void check_same_creative(const struct creative *a, const struct creative *b)
{
    CHECK(a->status == b->status && a->weight == b->weight && slice_eq(a->landing, b->landing));
    CHECK(slice_eq(a->fragment, b->fragment) && slice_eq(a->html, b->html));
    check_same_list(&a->landing_text.pieces, &b->landing_text.pieces);
    check_same_list(&a->content.pieces, &b->content.pieces);
    check_same_list(&a->destinations, &b->destinations);
    CHECK(slice_eq(a->landing_text.uses, b->landing_text.uses));
    CHECK(slice_eq(a->content.uses, b->content.uses));
    check_same_caps(&a->caps, &b->caps);
}

/* ---- Targeting: judged with the record's own texts as facts --------------------------------- */

/* The `number`th item of the field's list, bare; empty where there are fewer. */
static struct slice item_of(const struct record *record, const char *name, unsigned number)
{
    struct slice item = {NULL, 0};
    for (unsigned i = 0; i < record->count; i++) {
        struct slice rest = record->fields[i].value;
        if (!slice_eq(record->fields[i].name, slice_cstr(name)))
            continue;
        for (unsigned j = 0; j <= number; j++) {
            if (!slice_next(&rest, ',', &item))
                return slice_of(NULL, 0);
        }
    }
    item = slice_trim(item);
    return slice_from(item, slice_starts(item, SLICE("!")) ? 1 : 0);
}

static void add_key_values(const struct record *record, struct page_facts *facts)
{
    for (unsigned i = 0; i < record->count; i++) {
        const struct record_field *field = &record->fields[i];
        struct slice rest = field->value, value;
        if (!slice_starts(field->name, SLICE("kv.")) ||
            facts->key_value_count == FACTS_KEY_VALUES_MAX || !slice_next(&rest, ',', &value))
            continue;
        facts->key_values[facts->key_value_count++] =
            (struct fact_pair){slice_from(field->name, 3), slice_trim(value)};
    }
}

static struct page_facts facts_of(const struct record *record, unsigned number)
{
    struct page_facts facts = {
        .domain = item_of(record, "domains", number),
        .path = item_of(record, "paths", number),
        .referrer = item_of(record, "referrers", number),
        .country = item_of(record, "countries", number),
        .region = item_of(record, "regions", number),
        .language = item_of(record, "languages", number),
        .device = (enum device)((number + 1) % DEVICE_COUNT),
        .browser = (enum browser)((number + 1) % BROWSER_COUNT),
        .system = (enum system)((number + 1) % SYSTEM_COUNT),
    };
    for (unsigned i = 0; i < 4; i++) {
        struct slice keyword = item_of(record, "keywords", number + i);
        if (keyword.len > 0)
            facts.keywords[facts.keyword_count++] = keyword;
    }
    add_key_values(record, &facts);
    return facts;
}

struct wanted {
    const uint64_t *keys;
    unsigned count;
    bool found;
};

static void look_for(uint64_t key, void *arg)
{
    struct wanted *wanted = arg;
    for (unsigned i = 0; i < wanted->count; i++)
        wanted->found = wanted->found || wanted->keys[i] == key;
}

/* What may serve an index must find. */
static void check_is_found(const struct campaign *campaign, const struct page_facts *facts)
{
    uint64_t keys[PAGE_CONTEXT_KEYS_MAX];
    uint32_t kind = UINT32_C(1) << targeting_context_kind(campaign);
    struct wanted wanted = {keys, page_context_keys(facts, kind, keys), false};
    const struct country_set *countries = targeting_countries(campaign);
    CHECK(!targeting_context_keys(campaign, look_for, &wanted) || wanted.found);
    CHECK(!countries || country_set_has(countries, country_number(facts->country)));
    CHECK(targeting_devices(campaign) >> facts->device & 1);
}

static void check_targeting(const struct record *record, const struct campaign *a,
                            const struct campaign *b)
{
    CHECK((a->targeting == NULL) == (b->targeting == NULL));
    for (unsigned i = 0; i < 9; i++) {
        struct page_facts facts = facts_of(record, i);
        int64_t now_us = INT64_C(1767225600000000) + i * INT64_C(987654321098);
        enum reason reason = targeting_judge(a, &facts, now_us);
        CHECK(reason == targeting_judge(b, &facts, now_us));
        CHECK(reason == REASON_NONE || (reason >= REASON_COUNTRY && reason <= REASON_HOURS));
        CHECK(a->targeting || reason == REASON_NONE);
        CHECK(targeting_next_change_us(a, now_us) > now_us);
        if (reason == REASON_NONE)
            check_is_found(a, &facts);
    }
}

/* ---- Kinds ----------------------------------------------------------------------------------- */

static bool try_slot(const struct record *record, struct err *err)
{
    struct slot *slot = record_compile_slot(record, err);
    if (!slot)
        return false;
    struct slot *again = record_compile_slot(record, err);
    CHECK(again != NULL);
    check_slot(slot);
    check_same_slot(slot, again);
    slot_release(slot);
    slot_release(again);
    return true;
}

static bool try_campaign(const struct record *record, struct err *err)
{
    struct campaign *campaign = record_compile_campaign(record, err);
    if (!campaign)
        return false;
    struct campaign *again = record_compile_campaign(record, err);
    CHECK(again != NULL);
    check_campaign(campaign);
    check_same_campaign(campaign, again);
    check_targeting(record, campaign, again);
    campaign_release(campaign);
    campaign_release(again);
    return true;
}

static bool try_creative(const struct record *record, struct err *err)
{
    struct creative *creative = record_compile_creative(record, err);
    if (!creative)
        return false;
    struct creative *again = record_compile_creative(record, err);
    CHECK(again != NULL);
    check_creative(creative);
    check_same_creative(creative, again);
    creative_release(creative);
    creative_release(again);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool (*const kinds[])(const struct record *, struct err *) = {
        [RECORD_SLOT] = try_slot,
        [RECORD_CAMPAIGN] = try_campaign,
        [RECORD_CREATIVE] = try_creative,
    };
    struct record_field fields[RECORD_FIELDS_MAX + 2];
    struct record record;
    struct err err = {"", ""};
    if (!read_record(slice_of((const char *)data, size), &record, fields, RECORD_FIELDS_MAX + 2))
        return 0;
    if (!kinds[record.kind](&record, &err))
        check_refusal(&err);
    return 0;
}
