#include "decision/explain_json.h"

#include "decision/explain_text.h"
#include "decision/targeting_forms.h"

/* A text, or null where it is not known. */
static void add_text(struct strbuf *ret, const char *name, struct slice value)
{
    strbuf_addf(ret, ",\"%s\":", name);
    if (value.len > 0)
        strbuf_add_json(ret, value);
    else
        strbuf_add_cstr(ret, "null");
}

static void add_word(struct strbuf *ret, const char *name, const char *const *words, unsigned value)
{
    add_text(ret, name, value > 0 ? slice_cstr(words[value - 1]) : (struct slice){NULL, 0});
}

static void add_lists(struct strbuf *ret, const struct page_facts *facts)
{
    strbuf_add_cstr(ret, ",\"keywords\":[");
    for (unsigned i = 0; i < facts->keyword_count; i++) {
        strbuf_add_cstr(ret, i > 0 ? "," : "");
        strbuf_add_json(ret, facts->keywords[i]);
    }
    strbuf_add_cstr(ret, "],\"kv\":[");
    for (unsigned i = 0; i < facts->key_value_count; i++) {
        strbuf_add_cstr(ret, i > 0 ? ",{\"name\":" : "{\"name\":");
        strbuf_add_json(ret, facts->key_values[i].name);
        strbuf_add_cstr(ret, ",\"value\":");
        strbuf_add_json(ret, facts->key_values[i].value);
        strbuf_add_char(ret, '}');
    }
    strbuf_add_char(ret, ']');
}

static void add_page(struct strbuf *ret, const struct page_facts *facts)
{
    size_t begin = ret->len;
    add_text(ret, "domain", facts->domain);
    if (!ret->overflowed)
        ret->ptr[begin] = '{';
    add_text(ret, "path", facts->path);
    add_text(ret, "referrer", facts->referrer);
    add_text(ret, "country", facts->country);
    add_text(ret, "region", facts->region);
    add_text(ret, "language", facts->language);
    add_word(ret, "device", device_words, facts->device);
    add_word(ret, "browser", browser_words, facts->browser);
    add_word(ret, "os", system_words, facts->system);
    add_lists(ret, facts);
    strbuf_add_char(ret, '}');
}

static void begin(const struct explain *explain, const char *viewer, struct strbuf *ret)
{
    const struct explain_question *question = explain_asked(explain);
    strbuf_add_cstr(ret, "{\"at\":\"");
    explain_add_utc(ret, question->request.now_us);
    strbuf_add_cstr(ret, "\",\"page\":");
    add_page(ret, &question->request.facts);
    add_text(ret, "viewer", slice_cstr(viewer));
    strbuf_addf(ret, ",\"draws\":%d,\"slots\":[", EXPLAIN_DRAWS);
}

static void add_counts(struct strbuf *ret, const struct explain_slot *slot)
{
    const char *joint = "";
    strbuf_add_cstr(ret, ",\"verdicts\":{");
    for (unsigned i = 0; i <= REASON_COUNT; i++) {
        enum reason reason = i == 0 ? REASON_NONE : (enum reason)(REASON_COUNT - i);
        if (slot->counts[reason] == 0)
            continue;
        strbuf_addf(ret, "%s\"%s\":%u", joint, explain_word(reason), slot->counts[reason]);
        joint = ",";
    }
    strbuf_add_char(ret, '}');
}

/* False: there is no such slot, and all is said. */
static bool begin_slot(const struct explain *explain, unsigned at, struct strbuf *ret)
{
    const struct explain_slot *slot = explain_slot(explain, at);
    strbuf_add_cstr(ret, at > 0 ? ",{\"slot\":" : "{\"slot\":");
    strbuf_add_json(ret, slot->name);
    if (!slot->index) {
        strbuf_add_cstr(ret, ",\"unknown\":true}");
        return false;
    }
    uint32_t width = explain_asked(explain)->request.slots[at].width;
    if (width > 0)
        strbuf_addf(ret, ",\"width\":%u", width);
    strbuf_addf(ret, ",\"filled\":%u,\"campaigns\":%u", slot->filled, slot->total);
    add_counts(ret, slot);
    strbuf_add_cstr(ret, ",\"listed\":[");
    return true;
}

static void add_verdict(const struct explain *explain, unsigned at, uint32_t number,
                        struct strbuf *ret)
{
    const struct explain_verdict *verdict = &explain_slot(explain, at)->list[number];
    struct strbuf detail;
    strbuf_add_cstr(ret, number > 0 ? ",{\"campaign\":" : "{\"campaign\":");
    strbuf_add_json(ret, verdict->campaign->id);
    strbuf_addf(ret, ",\"verdict\":\"%s\"", explain_word(verdict->reason));
    if (verdict->creative) {
        strbuf_add_cstr(ret, ",\"creative\":");
        strbuf_add_json(ret, verdict->creative->id);
    }
    strbuf_addf(ret, ",\"draws\":%u,\"detail\":", verdict->draws);
    strbuf_init(&detail, EXPLAIN_DETAIL_MAX);
    explain_detail(explain, at, verdict, &detail);
    strbuf_add_json(ret, strbuf_slice(&detail));
    strbuf_release(&detail);
    strbuf_add_char(ret, '}');
}

bool explain_json_add(const struct explain *explain, const char *viewer, struct explain_json *at,
                      struct strbuf *ret)
{
    if (!at->begun)
        begin(explain, viewer, ret);
    at->begun = true;
    if (at->slot == explain_slot_count(explain)) {
        strbuf_add_cstr(ret, "]}\n");
        return false;
    }
    const struct explain_slot *slot = explain_slot(explain, at->slot);
    if (at->campaign == 0 && !begin_slot(explain, at->slot, ret)) {
        at->slot++;
        return true;
    }
    for (unsigned i = 0; i < EXPLAIN_JSON_STEP && at->campaign < slot->listed; i++)
        add_verdict(explain, at->slot, at->campaign++, ret);
    if (at->campaign < slot->listed)
        return true;
    strbuf_add_cstr(ret, "]}");
    at->slot++;
    at->campaign = 0;
    return true;
}
