#include "plain_rules.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

const char *const plain_rule_fields[RULE_COUNT] = {
    "countries", "regions", "devices",   "browsers", "os",         "languages",
    "domains",   "paths",   "referrers", "keywords", "kv.section", "hours",
};

static const enum reason rule_reasons[RULE_COUNT] = {
    REASON_COUNTRY, REASON_REGION, REASON_DEVICE,   REASON_BROWSER, REASON_OS, REASON_LANGUAGE,
    REASON_DOMAIN,  REASON_PATH,   REASON_REFERRER, REASON_KEYWORD, REASON_KV, REASON_HOURS,
};

/* ---- Lists ----------------------------------------------------------------------------------- */

#define ITEM_MAX 64

/* The next item of a comma separated list; false: there is none. */
static bool next_item(const char **list, char item[ITEM_MAX])
{
    size_t len = strcspn(*list, ",");
    if (len == 0)
        return false;
    memcpy(item, *list, len);
    item[len] = '\0';
    *list += len + ((*list)[len] == ',');
    return true;
}

static bool has_item(const char *list, const char *wanted)
{
    char item[ITEM_MAX];
    while (next_item(&list, item)) {
        if (strcmp(item, wanted) == 0)
            return true;
    }
    return false;
}

/* ---- Targeting ------------------------------------------------------------------------------- */

static bool is_host_below(const char *host, const char *domain)
{
    size_t long_len = strlen(host), len = strlen(domain);
    return strcmp(host, domain) == 0 || (long_len > len && host[long_len - len - 1] == '.' &&
                                         strcmp(host + long_len - len, domain) == 0);
}

static bool is_language_below(const char *language, const char *wider)
{
    size_t len = strlen(wider);
    return strncasecmp(language, wider, len) == 0 &&
           (language[len] == '\0' || language[len] == '-');
}

/* "mon-fri 00-12" or "00-12", against "<day> <hour>" with Monday 0. */
static bool is_hour_in(const char *value, const char *hours)
{
    unsigned day, hour, from, to;
    bool workdays = strncmp(hours, "mon-fri ", 8) == 0;
    if (sscanf(value, "%u %u", &day, &hour) != 2 ||
        sscanf(hours + (workdays ? 8 : 0), "%u-%u", &from, &to) != 2)
        abort();
    return (!workdays || day < 5) && from <= hour && hour < to;
}

static bool item_matches(enum plain_rule rule, const char *value, const char *item)
{
    switch (rule) {
    case RULE_DOMAINS:
    case RULE_REFERRERS:
        return is_host_below(value, item);
    case RULE_LANGUAGES:
        return is_language_below(value, item);
    case RULE_KEYWORDS:
        return strcasecmp(value, item) == 0;
    case RULE_PATHS:
        return fnmatch(item, value, 0) == 0;
    case RULE_HOURS:
        return is_hour_in(value, item);
    default:
        return strcmp(value, item) == 0;
    }
}

static bool any_matches(enum plain_rule rule, const char *const *values, const char *item)
{
    for (; *values; values++) {
        if (item_matches(rule, *values, item))
            return true;
    }
    return false;
}

static bool rule_holds(enum plain_rule rule, const char *list, const char *const *values)
{
    bool always_known = rule == RULE_KEYWORDS || rule == RULE_KV || rule == RULE_REFERRERS;
    bool includes = false, included = false;
    char item[ITEM_MAX];
    if (list[0] == '\0')
        return true;
    if (!values[0] && !always_known)
        return false;
    while (next_item(&list, item)) {
        bool excludes = item[0] == '!';
        bool matches = any_matches(rule, values, item + excludes);
        if (excludes && matches)
            return false;
        includes = includes || !excludes;
        included = included || (!excludes && matches);
    }
    return included || !includes;
}

/* ---- Creatives ------------------------------------------------------------------------------- */

bool plain_is_booked(const struct plain_campaign *campaign, const struct plain_slot *slot)
{
    return has_item(campaign->slots, "*") || has_item(campaign->slots, slot->id);
}

static bool fits(const struct plain_page *page, unsigned at, const struct plain_creative *creative)
{
    char width[ITEM_MAX];
    uint32_t room = page->request->slots[at].width;
    (void)snprintf(width, sizeof width, "%u", creative->width);
    if (room > 0 && creative->width > room)
        return false;
    return creative->width == 0 || page->slots[at]->widths[0] == '\0' ||
           has_item(page->slots[at]->widths, width);
}

static bool has_caps(const struct plain_campaign *campaign, const struct plain_creative *creative)
{
    return campaign->caps[0] || creative->caps[0];
}

/* Why nothing that has caps may serve. */
static enum reason judge_caps(const struct page_request *request)
{
    if (!request->has_viewer)
        return request->serve_anonymous ? REASON_NONE : REASON_NO_VIEWER;
    if (!request->caps_away)
        return REASON_NONE;
    return request->caps_away_reason == CAPS_AWAY_REDIS ? REASON_REDIS_AWAY : REASON_DEADLINE;
}

/* Of the active creatives that fit one has no caps, or caps are no hindrance. */
static enum reason judge_creatives(const struct plain_page *page, unsigned at,
                                   const struct plain_campaign *campaign)
{
    enum reason best = REASON_SIZE;
    for (unsigned i = 0; i < campaign->creative_count; i++) {
        const struct plain_creative *creative = &campaign->creatives[i];
        if (!creative->active || !fits(page, at, creative))
            continue;
        best = judge_caps(page->request);
        if (!has_caps(campaign, creative) || best == REASON_NONE)
            return REASON_NONE;
    }
    return best;
}

static bool is_on_page(const struct plain_page *page, unsigned end,
                       const struct plain_creative *creative)
{
    for (unsigned i = 0; i < page->request->on_page_count; i++) {
        if (page->request->on_page[i].creative == creative->entry)
            return true;
    }
    for (unsigned i = 0; i < end; i++) {
        if (page->creatives[i] == creative)
            return true;
    }
    return false;
}

static bool is_usable(const struct plain_page *page, unsigned at,
                      const struct plain_campaign *campaign, const struct plain_creative *creative)
{
    return creative->active && fits(page, at, creative) && !is_on_page(page, 0, creative) &&
           (!has_caps(campaign, creative) || judge_caps(page->request) == REASON_NONE);
}

bool plain_has_usable(const struct plain_page *page, unsigned at,
                      const struct plain_campaign *campaign)
{
    for (unsigned i = 0; i < campaign->creative_count; i++) {
        if (is_usable(page, at, campaign, &campaign->creatives[i]))
            return true;
    }
    return false;
}

/* ---- Campaigns ------------------------------------------------------------------------------- */

static enum reason judge_state(const struct plain_page *page, const struct plain_campaign *campaign)
{
    unsigned paused = 0;
    for (unsigned i = 0; i < campaign->creative_count; i++)
        paused += !campaign->creatives[i].active;
    if (strcmp(campaign->status, "active") != 0 ||
        (paused > 0 && paused == campaign->creative_count))
        return REASON_INACTIVE;
    if (page->request->now_us < campaign->start_us)
        return REASON_NOT_STARTED;
    return page->request->now_us >= campaign->end_us ? REASON_ENDED : REASON_NONE;
}

static enum reason judge_rules(const struct plain_page *page, const struct plain_campaign *campaign)
{
    for (unsigned rule = 0; rule < RULE_COUNT; rule++) {
        if (!rule_holds((enum plain_rule)rule, campaign->rules[rule], page->values[rule]))
            return rule_reasons[rule];
    }
    return REASON_NONE;
}

static enum reason judge_delivery(const struct plain_page *page,
                                  const struct plain_campaign *campaign)
{
    const struct deliveries *deliveries = &page->request->deliveries;
    if (campaign->delivery == 0)
        return REASON_NONE;
    if (!deliveries->rows)
        return REASON_REDIS_AWAY;
    const struct delivery *row = &deliveries->rows[campaign->delivery];
    return row->units > 0 || row->may_ask ? REASON_NONE : row->resting;
}

/* By itself on the slot, as if it were the page's only campaign. */
static enum reason judge_alone(const struct plain_page *page, unsigned at,
                               const struct plain_campaign *campaign)
{
    enum reason state = judge_state(page, campaign);
    enum reason creatives = judge_creatives(page, at, campaign);
    if (state != REASON_NONE || creatives == REASON_SIZE)
        return state != REASON_NONE ? state : creatives;
    enum reason rules = judge_rules(page, campaign);
    if (rules != REASON_NONE || creatives != REASON_NONE)
        return rules != REASON_NONE ? rules : creatives;
    return judge_delivery(page, campaign);
}

enum reason plain_judge_slot(const struct plain_page *page, unsigned at)
{
    const struct plain_slot *slot = page->slots[at];
    if (strcmp(slot->status, "active") != 0)
        return REASON_INACTIVE;
    return rule_holds(RULE_DOMAINS, slot->domains, page->values[RULE_DOMAINS]) ? REASON_NONE
                                                                               : REASON_DOMAIN;
}

static const struct plain_campaign *find_campaign(const struct plain_world *world,
                                                  const struct campaign *entry)
{
    const struct plain_campaign *campaign = world->campaigns;
    while (campaign->entry != entry)
        campaign++;
    return campaign;
}

static enum reason judge_beside(const struct plain_page *page,
                                const struct plain_campaign *campaign)
{
    for (unsigned i = 0; i < page->request->on_page_count; i++) {
        const struct campaign *there = page->request->on_page[i].campaign;
        if (there == campaign->entry && strcmp(campaign->roadblock, "off") == 0)
            return REASON_ON_PAGE;
        if (there && plain_excludes(find_campaign(page->world, there), campaign))
            return REASON_EXCLUSION;
    }
    return REASON_NONE;
}

enum reason plain_judge(const struct plain_page *page, unsigned at,
                        const struct plain_campaign *campaign)
{
    enum reason reason = plain_judge_slot(page, at);
    if (reason == REASON_NONE)
        reason = judge_alone(page, at, campaign);
    if (reason == REASON_NONE)
        reason = judge_beside(page, campaign);
    if (reason == REASON_NONE && plain_is_wide(page, campaign) &&
        (at != plain_lead(page) || !plain_has_plan(page, campaign)))
        reason = REASON_ROADBLOCK;
    return reason;
}

bool plain_excludes(const struct plain_campaign *a, const struct plain_campaign *b)
{
    const char *labels = a->exclusions;
    char label[ITEM_MAX];
    while (a != b && next_item(&labels, label)) {
        if (has_item(b->exclusions, label))
            return true;
    }
    return false;
}

static int tier_of(const struct plain_campaign *campaign)
{
    static const char *const tiers[] = {"sponsorship", "standard", "remnant", "house"};
    int tier = 0;
    while (strcmp(tiers[tier], campaign->tier) != 0)
        tier++;
    return tier;
}

int plain_compare(const struct plain_campaign *a, const struct plain_campaign *b)
{
    double dearer = strtod(b->cpm, NULL) - strtod(a->cpm, NULL);
    if (tier_of(a) != tier_of(b) || strcmp(a->tier, "remnant") != 0)
        return tier_of(a) - tier_of(b);
    return (dearer > 0) - (dearer < 0);
}

/* ---- Caps ------------------------------------------------------------------------------------ */

static int64_t period_ms(unsigned count, char unit)
{
    return count * INT64_C(1000) * (unit == 'h' ? 3600 : 86400);
}

/* Of a viewer's serves, oldest first, those in the window that is open now: it opens with a serve
 * that no other window holds. `creative` NULL: all of the campaign. */
static unsigned count_in_window(const struct plain_page *page,
                                const struct plain_campaign *campaign,
                                const struct plain_creative *creative, int64_t length_ms)
{
    int64_t now_ms = page->request->now_us / 1000, opened_ms = INT64_MIN / 2;
    unsigned count = 0;
    for (unsigned i = 0; i < page->world->serve_count; i++) {
        const struct plain_serve *serve = &page->world->serves[i];
        if (serve->viewer != page->viewer || serve->campaign != campaign ||
            (creative && serve->creative != creative))
            continue;
        if (serve->at_ms >= opened_ms + length_ms) {
            opened_ms = serve->at_ms;
            count = 0;
        }
        count++;
    }
    return now_ms < opened_ms + length_ms ? count : 0;
}

/* Serves of this page count as well. */
static unsigned count_on_page(const struct plain_page *page, const struct plain_campaign *campaign,
                              const struct plain_creative *creative)
{
    unsigned count = 0;
    for (unsigned i = 0; i < PAGE_SLOTS_MAX; i++)
        count += page->campaigns[i] == campaign && (!creative || page->creatives[i] == creative);
    return count;
}

static bool is_full(const struct plain_page *page, const char *caps,
                    const struct plain_campaign *campaign, const struct plain_creative *creative,
                    unsigned more)
{
    char item[ITEM_MAX];
    while (next_item(&caps, item)) {
        unsigned most, length;
        char unit;
        if (sscanf(item, "%u/%u%c", &most, &length, &unit) != 3)
            abort();
        if (count_in_window(page, campaign, creative, period_ms(length, unit)) +
                count_on_page(page, campaign, creative) + more >
            most)
            return true;
    }
    return false;
}

bool plain_is_capped_out(const struct plain_page *page, const struct plain_campaign *campaign,
                         const struct plain_creative *creative, unsigned more)
{
    return page->request->has_viewer &&
           (is_full(page, campaign->caps, campaign, NULL, more) ||
            (creative && is_full(page, creative->caps, campaign, creative, 1)));
}

/* ---- The page -------------------------------------------------------------------------------- */

bool plain_may_serve(const struct plain_page *page, unsigned at,
                     const struct plain_campaign *campaign, const struct plain_creative *creative)
{
    for (unsigned i = 0; i < at; i++) {
        if (page->campaigns[i] == campaign && strcmp(campaign->roadblock, "off") == 0)
            return false;
        if (page->campaigns[i] && plain_excludes(page->campaigns[i], campaign))
            return false;
    }
    return is_usable(page, at, campaign, creative) && !is_on_page(page, at, creative) &&
           !plain_is_capped_out(page, campaign, creative, 1);
}

static bool counts(const struct plain_page *page, unsigned at)
{
    return page->slots[at] && plain_judge_slot(page, at) == REASON_NONE;
}

unsigned plain_lead(const struct plain_page *page)
{
    unsigned at = 0;
    while (at < page->request->slot_count && !counts(page, at))
        at++;
    return at;
}

bool plain_is_wide(const struct plain_page *page, const struct plain_campaign *campaign)
{
    unsigned count = 0;
    for (unsigned i = 0; i < page->request->slot_count; i++)
        count += counts(page, i);
    return count > 1 && strcmp(campaign->roadblock, "all") == 0;
}

/* Each creative for each slot, one after the other, until it works out. */
static bool find_plan(const struct plain_page *page, const struct plain_campaign *campaign,
                      unsigned at, unsigned used)
{
    if (at == page->request->slot_count)
        return true;
    if (!counts(page, at))
        return find_plan(page, campaign, at + 1, used);
    if (!plain_is_booked(campaign, page->slots[at]) ||
        judge_alone(page, at, campaign) != REASON_NONE)
        return false;
    for (unsigned i = 0; i < campaign->creative_count; i++) {
        if (!(used >> i & 1) && is_usable(page, at, campaign, &campaign->creatives[i]) &&
            find_plan(page, campaign, at + 1, used | 1U << i))
            return true;
    }
    return false;
}

bool plain_has_plan(const struct plain_page *page, const struct plain_campaign *campaign)
{
    return find_plan(page, campaign, 0, 0);
}
