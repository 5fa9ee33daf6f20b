#include "decision/targeting.h"

#include "decision/glob.h"
#include "decision/hours.h"
#include "decision/targeting_layout.h"
#include "decision/text.h"
#include "decision/zone.h"

#define US_PER_HOUR (INT64_C(3600) * 1000000)

/* ---- Texts ----------------------------------------------------------------------------------- */

/* Whether one text of a section's rules, as it is compiled, matches. */
typedef bool match_fn(const struct page_facts *facts, struct slice name, struct slice text);

/* "pt" for all of pt-BR. */
static bool match_language(const struct page_facts *facts, struct slice name, struct slice text)
{
    struct slice language = facts->language;
    (void)name;
    if (language.len < text.len || !slice_eq_nocase(slice_of(language.ptr, text.len), text))
        return false;
    return language.len == text.len || language.ptr[text.len] == '-';
}

static bool match_domain(const struct page_facts *facts, struct slice name, struct slice text)
{
    (void)name;
    return host_is_within(facts->domain, text);
}

static bool match_path(const struct page_facts *facts, struct slice name, struct slice text)
{
    (void)name;
    return glob_matches(text, facts->path);
}

static bool match_referrer(const struct page_facts *facts, struct slice name, struct slice text)
{
    (void)name;
    return host_is_within(facts->referrer, text);
}

static bool match_keyword(const struct page_facts *facts, struct slice name, struct slice text)
{
    (void)name;
    for (unsigned i = 0; i < facts->keyword_count; i++) {
        if (facts->keywords[i].len == text.len && slice_eq_nocase(facts->keywords[i], text))
            return true;
    }
    return false;
}

static bool match_key_value(const struct page_facts *facts, struct slice name, struct slice text)
{
    for (unsigned i = 0; i < facts->key_value_count; i++) {
        const struct fact_pair *pair = &facts->key_values[i];
        if (slice_eq(pair->value, text) && slice_eq(pair->name, name))
            return true;
    }
    return false;
}

static bool any_matches(const struct page_facts *facts, struct slice name, match_fn *match,
                        unsigned count, const char **at)
{
    bool found = false;
    for (unsigned i = 0; i < count; i++) {
        struct slice text = section_text(at);
        found = found || match(facts, name, text);
    }
    return found;
}

static bool texts_hold(const struct section *section, const struct page_facts *facts,
                       match_fn *match)
{
    const char *at = section_payload(section);
    struct slice name = {NULL, 0};
    if (section->kind == SECTION_KV)
        name = section_text(&at);
    if (any_matches(facts, name, match, section->excludes, &at))
        return false;
    return section->includes == 0 || any_matches(facts, name, match, section->includes, &at);
}

/* ---- Fields ---------------------------------------------------------------------------------- */

static bool countries_hold(const struct section *section, const struct page_facts *facts)
{
    return country_set_has(section_payload(section), country_number(facts->country));
}

static bool regions_hold(const struct section *section, const struct page_facts *facts)
{
    const uint64_t *codes = section_payload(section);
    uint64_t code = region_code(facts->region);
    unsigned count = section->includes + section->excludes;
    if (code == 0)
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (codes[i] == code)
            return section->includes > 0;
    }
    return section->excludes > 0;
}

static bool hours_hold(const struct section *section, const struct zone *zone, int64_t now_us)
{
    return hours_have(section_payload(section),
                      (unsigned)(zone_week_us(zone, now_us) / US_PER_HOUR));
}

static enum reason judge_section(const struct section *section, const struct campaign *campaign,
                                 const struct page_facts *facts, int64_t now_us)
{
    switch ((enum section_kind)section->kind) {
    case SECTION_COUNTRY:
        return countries_hold(section, facts) ? REASON_NONE : REASON_COUNTRY;
    case SECTION_REGION:
        return regions_hold(section, facts) ? REASON_NONE : REASON_REGION;
    case SECTION_LANGUAGE:
        return facts->language.len > 0 && texts_hold(section, facts, match_language)
                   ? REASON_NONE
                   : REASON_LANGUAGE;
    case SECTION_DOMAIN:
        return facts->domain.len > 0 && texts_hold(section, facts, match_domain) ? REASON_NONE
                                                                                 : REASON_DOMAIN;
    case SECTION_PATH:
        return facts->path.len > 0 && texts_hold(section, facts, match_path) ? REASON_NONE
                                                                             : REASON_PATH;
    case SECTION_REFERRER:
        return texts_hold(section, facts, match_referrer) ? REASON_NONE : REASON_REFERRER;
    case SECTION_KEYWORD:
        return texts_hold(section, facts, match_keyword) ? REASON_NONE : REASON_KEYWORD;
    case SECTION_KV:
        return texts_hold(section, facts, match_key_value) ? REASON_NONE : REASON_KV;
    default:
        return hours_hold(section, campaign->zone, now_us) ? REASON_NONE : REASON_HOURS;
    }
}

static bool mask_has(uint8_t mask, unsigned bit)
{
    return bit < 8 && (mask >> bit & 1);
}

static enum reason judge_masks(const struct targeting *targeting, const struct page_facts *facts)
{
    if (!mask_has(targeting->devices, facts->device))
        return REASON_DEVICE;
    if (!mask_has(targeting->browsers, facts->browser))
        return REASON_BROWSER;
    return mask_has(targeting->systems, facts->system) ? REASON_NONE : REASON_OS;
}

static enum reason judge_rules(const struct campaign *campaign, const struct page_facts *facts,
                               int64_t now_us)
{
    const struct section *section = section_first(campaign->targeting);
    unsigned left = campaign->targeting->section_count;
    enum reason reason = REASON_NONE;
    for (; left > 0 && section->kind <= SECTION_REGION; left--, section = section_next(section)) {
        reason = judge_section(section, campaign, facts, now_us);
        if (reason != REASON_NONE)
            return reason;
    }
    reason = judge_masks(campaign->targeting, facts);
    for (; reason == REASON_NONE && left > 0; left--, section = section_next(section))
        reason = judge_section(section, campaign, facts, now_us);
    return reason;
}

enum reason targeting_judge(const struct campaign *campaign, const struct page_facts *facts,
                            int64_t now_us)
{
    return campaign->targeting ? judge_rules(campaign, facts, now_us) : REASON_NONE;
}

/* ---- What an index asks ---------------------------------------------------------------------- */

const struct section *targeting_section(const struct campaign *campaign, enum section_kind kind)
{
    if (!campaign->targeting)
        return NULL;
    const struct section *section = section_first(campaign->targeting);
    for (unsigned i = 0; i < campaign->targeting->section_count; i++) {
        if (section->kind == kind)
            return section;
        section = section_next(section);
    }
    return NULL;
}

bool targeting_hours_hold(const struct campaign *campaign, int64_t now_us)
{
    const struct section *section = targeting_section(campaign, SECTION_HOURS);
    return !section || hours_hold(section, campaign->zone, now_us);
}

/* How many hours from this one on until the hours' answer is another; 0: never. */
static unsigned hours_until_change(const struct hours *hours, unsigned hour)
{
    for (unsigned i = 1; i < HOURS_PER_WEEK; i++) {
        if (hours_have(hours, (hour + i) % HOURS_PER_WEEK) != hours_have(hours, hour))
            return i;
    }
    return 0;
}

int64_t targeting_next_change_us(const struct campaign *campaign, int64_t now_us)
{
    const struct section *section = targeting_section(campaign, SECTION_HOURS);
    if (!section)
        return INT64_MAX;
    int64_t week_us = zone_week_us(campaign->zone, now_us);
    unsigned count =
        hours_until_change(section_payload(section), (unsigned)(week_us / US_PER_HOUR));
    if (count == 0)
        return INT64_MAX;
    int64_t change_us = now_us - week_us % US_PER_HOUR + count * US_PER_HOUR;
    int64_t clocks_us = zone_next_change_us(campaign->zone, now_us);
    return change_us < clocks_us ? change_us : clocks_us;
}

const struct country_set *targeting_countries(const struct campaign *campaign)
{
    const struct section *section = targeting_section(campaign, SECTION_COUNTRY);
    return section ? section_payload(section) : NULL;
}

unsigned targeting_devices(const struct campaign *campaign)
{
    return campaign->targeting ? campaign->targeting->devices : UINT8_MAX;
}

unsigned targeting_browsers(const struct campaign *campaign)
{
    return campaign->targeting ? campaign->targeting->browsers : UINT8_MAX;
}

unsigned targeting_systems(const struct campaign *campaign)
{
    return campaign->targeting ? campaign->targeting->systems : UINT8_MAX;
}
