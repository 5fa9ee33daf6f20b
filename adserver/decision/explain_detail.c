/*
 * One phrase a reason, in `phrases`; a test asks for each.
 */
#include "base/check.h"
#include "decision/explain_parts.h"
#include "decision/explain_text.h"
#include "decision/list.h"
#include "decision/targeting_forms.h"
#include "decision/zone.h"

#define ITEMS_SHOWN 12 /* of a list; the others are counted */

/* What a phrase is about. */
struct case_at_hand {
    const struct explain *explain;
    unsigned slot;
    const struct explain_verdict *verdict;
    const struct explain_work *work;
    const struct campaign *campaign;
    const struct page_facts *facts;
    int64_t now_us;
};

/* ---- Lists of targeting ---------------------------------------------------------------------- */

/* A list as it was written, split; false where it is not known. */
struct rule {
    struct record_field fields[RECORD_FIELDS_MAX];
    struct slice items[LIST_MAX];
    unsigned count, included;
};

static void split(struct rule *rule, struct slice text)
{
    struct err err;
    rule->count = rule->included = 0;
    if (!list_split(text, LIST_MAX, rule->items, &rule->count, &err))
        rule->count = 0;
    for (unsigned i = 0; i < rule->count; i++)
        rule->included += rule->items[i].ptr[0] != '!';
}

static unsigned read_fields(const struct case_at_hand *at, struct rule *rule)
{
    const struct explain_question *question = &at->explain->question;
    return question->fields ? question->fields(at->campaign, rule->fields, question->arg) : 0;
}

static bool read_rule(const struct case_at_hand *at, const char *name, struct rule *rule)
{
    unsigned count = read_fields(at, rule);
    rule->count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (slice_eq(rule->fields[i].name, slice_cstr(name)))
            split(rule, rule->fields[i].value);
    }
    return rule->count > 0;
}

/* "DE, AT": what is included, or what is excluded. */
static void add_items(struct strbuf *ret, const struct rule *rule, bool included)
{
    unsigned shown = 0, count = included ? rule->included : rule->count - rule->included;
    for (unsigned i = 0; i < rule->count && shown < ITEMS_SHOWN; i++) {
        bool excludes = rule->items[i].ptr[0] == '!';
        if (excludes == included)
            continue;
        strbuf_add_cstr(ret, shown++ > 0 ? ", " : "");
        explain_add_value(ret, slice_from(rule->items[i], excludes ? 1 : 0));
    }
    if (count > shown)
        strbuf_addf(ret, " and %u more", count - shown);
}

static bool is_excluded(const struct rule *rule, struct slice value)
{
    for (unsigned i = 0; i < rule->count; i++) {
        if (rule->items[i].ptr[0] == '!' && slice_eq_nocase(slice_from(rule->items[i], 1), value))
            return true;
    }
    return false;
}

/* "country FR is not among DE, AT", "country FR is excluded", "country is not known; …" */
static void add_rule(struct strbuf *ret, const struct rule *rule, const char *noun,
                     struct slice value, const char *relation)
{
    strbuf_add_cstr(ret, noun);
    if (value.len == 0) {
        strbuf_add_cstr(ret, " is not known");
    } else {
        strbuf_add_char(ret, ' ');
        explain_add_value(ret, value);
        if (is_excluded(rule, value) || (rule->count > 0 && rule->included == 0)) {
            strbuf_add_cstr(ret, " is excluded");
            return;
        }
        strbuf_add_cstr(ret, relation);
        if (rule->count == 0)
            strbuf_addf(ret, " what it wants");
        else
            add_items(ret, rule, true);
        return;
    }
    if (rule->count == 0)
        return;
    strbuf_add_cstr(ret, rule->included > 0 ? "; wanted: " : "; excluded: ");
    add_items(ret, rule, rule->included > 0);
}

static void add_word_rule(const struct case_at_hand *at, struct strbuf *ret, const char *field,
                          const char *noun, struct slice value)
{
    struct rule rule;
    (void)read_rule(at, field, &rule);
    add_rule(ret, &rule, noun, value, " is not among ");
}

/* Of facts.h's enums, whose first one is UNKNOWN. */
static struct slice word_of(const char *const *words, unsigned value)
{
    return value == 0 ? (struct slice){NULL, 0} : slice_cstr(words[value - 1]);
}

/* ---- The phrases, in the order of reasons.def ------------------------------------------------ */

typedef void phrase_fn(const struct case_at_hand *at, struct strbuf *ret);

static void tell_inactive(const struct case_at_hand *at, struct strbuf *ret)
{
    const struct slot *slot = at->work->slot.index->slot;
    if (at->work->slot.closed == REASON_INACTIVE)
        strbuf_addf(ret, "slot %.*s is %s", SLICE_ARGS(slot->id), status_words[slot->status]);
    else if (at->campaign->status != STATUS_ACTIVE)
        strbuf_addf(ret, "the campaign is %s", status_words[at->campaign->status]);
    else
        strbuf_add_cstr(ret, "all its creatives are paused or archived");
}

static void tell_not_started(const struct case_at_hand *at, struct strbuf *ret)
{
    strbuf_add_cstr(ret, "starts ");
    explain_add_moment(ret, at->campaign->zone, at->campaign->start_us);
}

static void tell_ended(const struct case_at_hand *at, struct strbuf *ret)
{
    strbuf_add_cstr(ret, "ended ");
    explain_add_moment(ret, at->campaign->zone, at->campaign->end_us);
}

static void tell_slot(const struct case_at_hand *at, struct strbuf *ret)
{
    const struct slice_list *slots = &at->campaign->slots;
    strbuf_add_cstr(ret, "slots: ");
    for (unsigned i = 0; i < slots->count && i < ITEMS_SHOWN; i++)
        strbuf_addf(ret, "%s%.*s", i > 0 ? ", " : "", SLICE_ARGS(slots->item[i]));
    if (slots->count > ITEMS_SHOWN)
        strbuf_addf(ret, " and %u more", slots->count - ITEMS_SHOWN);
}

static void add_sizes(struct strbuf *ret, const struct size *sizes, unsigned count,
                      const char *last)
{
    for (unsigned i = 0; i < count; i++) {
        const char *joint = i == 0 ? "" : i + 1 == count ? last : ", ";
        strbuf_addf(ret, "%s%ux%u", joint, sizes[i].width, sizes[i].height);
    }
}

/* Each once; how many. */
static unsigned gather_sizes(const struct case_at_hand *at, struct size ret[SLOT_SIZES_MAX])
{
    const struct offer *offer = at->verdict->offer;
    unsigned count = 0;
    for (unsigned i = 0; i < offer->active_count && count < SLOT_SIZES_MAX; i++) {
        const struct creative *creative = offer_creative(offer, i);
        struct size size = creative->size;
        unsigned k = 0;
        if (!explain_fits(at->explain, at->work->slot.index, offer->campaign, creative))
            continue;
        while (k < count && (ret[k].width != size.width || ret[k].height != size.height))
            k++;
        if (k == count)
            ret[count++] = size;
    }
    return count;
}

static void tell_size(const struct case_at_hand *at, struct strbuf *ret)
{
    const struct slot *slot = at->work->slot.index->slot;
    struct size sizes[SLOT_SIZES_MAX];
    strbuf_add_cstr(ret, "size: ");
    if (at->verdict->offer) {
        unsigned count = gather_sizes(at, sizes);
        add_sizes(ret, sizes, count, " and ");
        strbuf_addf(ret, count == 1 ? " does not fit %u wide" : " do not fit %u wide",
                    at->work->width);
    } else if (slot->size_count == 0) {
        strbuf_add_cstr(ret, "it has no creative");
    } else {
        strbuf_add_cstr(ret, "none of its creatives is ");
        add_sizes(ret, slot->sizes, slot->size_count, " or ");
    }
}

static void tell_country(const struct case_at_hand *at, struct strbuf *ret)
{
    add_word_rule(at, ret, "countries", "country", at->facts->country);
}

static void tell_region(const struct case_at_hand *at, struct strbuf *ret)
{
    add_word_rule(at, ret, "regions", "region", at->facts->region);
}

static void tell_device(const struct case_at_hand *at, struct strbuf *ret)
{
    add_word_rule(at, ret, "devices", "device", word_of(device_words, at->facts->device));
}

static void tell_browser(const struct case_at_hand *at, struct strbuf *ret)
{
    add_word_rule(at, ret, "browsers", "browser", word_of(browser_words, at->facts->browser));
}

static void tell_os(const struct case_at_hand *at, struct strbuf *ret)
{
    add_word_rule(at, ret, "os", "os", word_of(system_words, at->facts->system));
}

static void tell_language(const struct case_at_hand *at, struct strbuf *ret)
{
    add_word_rule(at, ret, "languages", "language", at->facts->language);
}

/* The slot's own list is compiled and at hand. */
static void tell_slot_domain(const struct case_at_hand *at, struct strbuf *ret)
{
    const struct slot *slot = at->work->slot.index->slot;
    struct rule rule = {.count = 0};
    for (unsigned i = 0; i < slot->domains.count; i++) {
        rule.items[rule.count++] = slot->domains.item[i];
        rule.included += slot->domains.item[i].ptr[0] != '!';
    }
    strbuf_addf(ret, "slot %.*s: ", SLICE_ARGS(slot->id));
    add_rule(ret, &rule, "domain", at->facts->domain, " is not among ");
}

static void tell_domain(const struct case_at_hand *at, struct strbuf *ret)
{
    if (at->work->slot.closed == REASON_DOMAIN)
        tell_slot_domain(at, ret);
    else
        add_word_rule(at, ret, "domains", "domain", at->facts->domain);
}

static void tell_path(const struct case_at_hand *at, struct strbuf *ret)
{
    struct rule rule;
    (void)read_rule(at, "paths", &rule);
    add_rule(ret, &rule, "path", at->facts->path, " matches none of ");
}

static void tell_referrer(const struct case_at_hand *at, struct strbuf *ret)
{
    struct rule rule;
    (void)read_rule(at, "referrers", &rule);
    if (at->facts->referrer.len > 0) {
        add_rule(ret, &rule, "referrer", at->facts->referrer, " is not among ");
        return;
    }
    strbuf_add_cstr(ret, "no referrer");
    if (rule.count > 0) {
        strbuf_add_cstr(ret, "; wanted: ");
        add_items(ret, &rule, true);
    }
}

static bool excluded_keyword(const struct case_at_hand *at, const struct rule *rule,
                             struct slice *ret)
{
    for (unsigned i = 0; i < at->facts->keyword_count; i++) {
        *ret = at->facts->keywords[i];
        if (is_excluded(rule, *ret))
            return true;
    }
    return false;
}

static void tell_keyword(const struct case_at_hand *at, struct strbuf *ret)
{
    struct rule rule;
    struct slice keyword;
    (void)read_rule(at, "keywords", &rule);
    if (excluded_keyword(at, &rule, &keyword)) {
        strbuf_add_cstr(ret, "keyword ");
        explain_add_value(ret, keyword);
        strbuf_add_cstr(ret, " is excluded");
        return;
    }
    strbuf_add_cstr(ret, "keyword: none of ");
    if (rule.count > 0)
        add_items(ret, &rule, true);
    else
        strbuf_add_cstr(ret, "what it wants");
}

/* Whether the page's values of that name fit the rule, by their texts. */
static bool values_fit(const struct case_at_hand *at, struct slice name, const struct rule *rule)
{
    bool fits = rule->included == 0;
    for (unsigned i = 0; i < at->facts->key_value_count; i++) {
        const struct fact_pair *pair = &at->facts->key_values[i];
        if (!slice_eq(pair->name, name))
            continue;
        if (is_excluded(rule, pair->value))
            return false;
        for (unsigned k = 0; k < rule->count; k++)
            fits |= slice_eq_nocase(rule->items[k], pair->value);
    }
    return fits;
}

/* The first value that is excluded, else the first there is; empty: none. */
static struct slice value_to_tell(const struct case_at_hand *at, struct slice name,
                                  const struct rule *rule)
{
    struct slice found = {NULL, 0};
    for (unsigned i = at->facts->key_value_count; i-- > 0;) {
        const struct fact_pair *pair = &at->facts->key_values[i];
        if (slice_eq(pair->name, name) &&
            (!is_excluded(rule, found) || is_excluded(rule, pair->value)))
            found = pair->value;
    }
    return found;
}

static void add_key_value(const struct case_at_hand *at, struct strbuf *ret, struct slice field,
                          const struct rule *rule)
{
    struct slice value = value_to_tell(at, slice_from(field, strlen("kv.")), rule);
    explain_add_value(ret, field);
    if (value.len > 0) {
        add_rule(ret, rule, "", value, " is not among ");
        return;
    }
    strbuf_add_cstr(ret, " is not given; wanted: ");
    add_items(ret, rule, true);
}

static void tell_kv(const struct case_at_hand *at, struct strbuf *ret)
{
    struct rule rule;
    unsigned count = read_fields(at, &rule);
    for (unsigned i = 0; i < count; i++) {
        struct slice field = rule.fields[i].name;
        if (!slice_starts(field, SLICE("kv.")))
            continue;
        split(&rule, rule.fields[i].value);
        if (values_fit(at, slice_from(field, strlen("kv.")), &rule))
            continue;
        add_key_value(at, ret, field, &rule);
        return;
    }
    strbuf_add_cstr(ret, reason_rows[REASON_KV].help);
}

static void tell_hours(const struct case_at_hand *at, struct strbuf *ret)
{
    struct rule rule;
    explain_add_weekday(ret, at->campaign->zone, at->now_us);
    strbuf_add_cstr(ret, " is outside ");
    if (!read_rule(at, "hours", &rule)) {
        strbuf_add_cstr(ret, "its hours");
        return;
    }
    if (rule.included == 0)
        strbuf_add_cstr(ret, "all but ");
    add_items(ret, &rule, rule.included > 0);
    if (rule.included > 0 && rule.included < rule.count) {
        strbuf_add_cstr(ret, " without ");
        add_items(ret, &rule, false);
    }
}

static void tell_no_viewer(const struct case_at_hand *at, struct strbuf *ret)
{
    (void)at;
    strbuf_add_cstr(ret, "it is capped, and the viewer is not known");
}

/* "goal_impressions 10000: 10000 delivered". False: that is not the one that is reached. */
static bool add_count_bound(struct strbuf *ret, const char *name, uint64_t bound,
                            uint64_t delivered, uint64_t reserved)
{
    if (bound == 0 || delivered + reserved < bound)
        return false;
    strbuf_addf(ret, "%s %llu: %llu delivered", name, (unsigned long long)bound,
                (unsigned long long)delivered);
    if (delivered < bound)
        strbuf_addf(ret, ", %llu serves may still be seen", (unsigned long long)reserved);
    return true;
}

static void tell_goal_met(const struct case_at_hand *at, struct strbuf *ret)
{
    const struct campaign *campaign = at->campaign;
    const struct explain_progress *got = explain_find_progress(at->explain, campaign);
    if (got && (add_count_bound(ret, "goal_impressions", campaign->goal_impressions,
                                got->impressions, got->reserved) ||
                add_count_bound(ret, "goal_clicks", campaign->goal_clicks, got->clicks, 0) ||
                add_count_bound(ret, "daily_impressions", campaign->daily_impressions,
                                got->impressions_today, got->reserved_today)))
        return;
    strbuf_add_cstr(ret, reason_rows[REASON_GOAL_MET].help);
}

static void add_money_bound(struct strbuf *ret, const char *name, int64_t bound, int64_t spent,
                            uint64_t reserved)
{
    strbuf_addf(ret, "%s ", name);
    explain_add_micro(ret, bound);
    strbuf_add_cstr(ret, ": ");
    explain_add_micro(ret, spent);
    strbuf_add_cstr(ret, " spent");
    if (spent < bound && reserved > 0)
        strbuf_addf(ret, ", %llu serves may still be seen", (unsigned long long)reserved);
    else if (spent < bound)
        strbuf_add_cstr(ret, ", the rest does not pay for another");
}

/* Of two budgets the one of which less is left. */
static void tell_budget_spent(const struct case_at_hand *at, struct strbuf *ret)
{
    const struct campaign *campaign = at->campaign;
    const struct explain_progress *got = explain_find_progress(at->explain, campaign);
    int64_t left = INT64_MAX, left_today = INT64_MAX;
    if (got && campaign->budget_micro > 0)
        left = campaign->budget_micro - got->spent_micro;
    if (got && campaign->daily_budget_micro > 0)
        left_today = campaign->daily_budget_micro - got->spent_today_micro;
    if (left == INT64_MAX && left_today == INT64_MAX)
        strbuf_add_cstr(ret, reason_rows[REASON_BUDGET_SPENT].help);
    else if (left <= left_today)
        add_money_bound(ret, "budget", campaign->budget_micro, got->spent_micro, got->reserved);
    else
        add_money_bound(ret, "daily_budget", campaign->daily_budget_micro, got->spent_today_micro,
                        got->reserved_today);
}

static void tell_paced(const struct case_at_hand *at, struct strbuf *ret)
{
    const struct campaign *campaign = at->campaign;
    const struct explain_progress *got = explain_find_progress(at->explain, campaign);
    if (!got || got->plan == 0) {
        strbuf_add_cstr(ret, "paced: it is ahead of its plan");
        return;
    }
    bool daily = campaign->goal_impressions == 0;
    uint64_t done =
        daily ? got->impressions_today + got->reserved_today : got->impressions + got->reserved;
    strbuf_addf(ret, "paced: %llu of %llu planned by now%s", (unsigned long long)done,
                (unsigned long long)got->plan, daily ? " today" : "");
}

static bool share_label(const struct campaign *a, const struct campaign *b, struct slice *ret)
{
    for (unsigned i = 0; i < a->exclusions.count; i++) {
        for (unsigned k = 0; k < b->exclusions.count; k++) {
            *ret = a->exclusions.item[i];
            if (slice_eq(*ret, b->exclusions.item[k]))
                return true;
        }
    }
    return false;
}

static void tell_exclusion(const struct case_at_hand *at, struct strbuf *ret)
{
    struct slice label;
    for (unsigned i = 0; i < at->explain->question.request.slot_count; i++) {
        const struct explain_work *work = &at->explain->work[i];
        const struct campaign *other = work->winners[EXPLAIN_SHOWN].campaign;
        if (i == at->slot || !other || other == at->campaign ||
            !share_label(at->campaign, other, &label))
            continue;
        strbuf_addf(ret, "exclusion %.*s: campaign %.*s is in slot %.*s", SLICE_ARGS(label),
                    SLICE_ARGS(other->id), SLICE_ARGS(work->slot.name));
        return;
    }
    strbuf_add_cstr(ret, "exclusions: it shares a label with a campaign on the page");
}

static void tell_on_page(const struct case_at_hand *at, struct strbuf *ret)
{
    for (unsigned i = 0; i < at->explain->question.request.slot_count; i++) {
        const struct explain_work *work = &at->explain->work[i];
        const struct candidate *other = &work->winners[EXPLAIN_SHOWN];
        if (i == at->slot || other->campaign != at->campaign)
            continue;
        strbuf_addf(ret, "creative %.*s is in slot %.*s", SLICE_ARGS(other->creative->id),
                    SLICE_ARGS(work->slot.name));
        return;
    }
    strbuf_add_cstr(ret, reason_rows[REASON_ON_PAGE].help);
}

static void tell_roadblock(const struct case_at_hand *at, struct strbuf *ret)
{
    (void)at;
    strbuf_add_cstr(ret, "roadblock all: not every slot of the page can be its own");
}

/* The campaign's cap, or that of the first of its creatives that has none left. */
static const struct cap *cap_to_tell(const struct case_at_hand *at, const struct creative **ret)
{
    const struct offer *offer = at->verdict->offer;
    const struct cap *cap = explain_full_cap(at->explain, at->slot, &at->campaign->caps);
    *ret = NULL;
    for (unsigned i = 0; !cap && offer && i < offer->active_count; i++) {
        if (!explain_fits(at->explain, at->work->slot.index, at->campaign,
                          offer_creative(offer, i)))
            continue;
        *ret = offer_creative(offer, i);
        cap = explain_full_cap(at->explain, at->slot, &(*ret)->caps);
    }
    return cap;
}

static void tell_cap(const struct case_at_hand *at, struct strbuf *ret)
{
    const struct creative *creative;
    const struct cap *cap = cap_to_tell(at, &creative);
    if (!cap) {
        strbuf_add_cstr(ret, reason_rows[REASON_CAP].help);
        return;
    }
    const struct explain_cap *known = explain_find_cap(at->explain, cap->key);
    if (creative)
        strbuf_addf(ret, "creative %.*s: ", SLICE_ARGS(creative->id));
    strbuf_addf(ret, "cap %u/", cap->count);
    explain_add_period(ret, cap->period_ms);
    uint64_t served = explain_served(at->explain, at->slot, cap->key);
    strbuf_addf(ret, ": %llu served", (unsigned long long)served);
    if (known && served > known->served)
        strbuf_add_cstr(ret, ", earlier slots of this page included");
    if (cap->period_ms == CAP_LIFETIME || !known || known->end_us == TIME_UNSET)
        return;
    strbuf_add_cstr(ret, ", opens again ");
    explain_add_time_ahead(ret, at->campaign->zone, at->now_us, known->end_us);
}

static void tell_redis_away(const struct case_at_hand *at, struct strbuf *ret)
{
    (void)at;
    strbuf_add_cstr(ret, "it has caps or goals, and Redis is away");
}

static void tell_deadline(const struct case_at_hand *at, struct strbuf *ret)
{
    (void)at;
    strbuf_add_cstr(ret, "it has caps or goals, and Redis did not answer in time");
}

/* What decides inside its tier: "weight 1 of 10, ", "cpm 1.2, the highest is 2.5, ", … */
static void add_rank(const struct case_at_hand *at, struct strbuf *ret)
{
    const struct campaign *campaign = at->campaign;
    const struct explain_tier *tier = &at->work->tiers[campaign->tier];
    if (campaign->share_ppm > 0) {
        strbuf_add_cstr(ret, "share ");
        explain_add_micro(ret, (int64_t)campaign->share_ppm * 100);
        strbuf_add_cstr(ret, " %, ");
        return;
    }
    if (campaign->tier == TIER_REMNANT) {
        strbuf_add_cstr(ret, "cpm ");
        explain_add_micro(ret, campaign->cpm_micro);
        if (campaign->cpm_micro < tier->cpm_micro) {
            strbuf_add_cstr(ret, ", the highest is ");
            explain_add_micro(ret, tier->cpm_micro);
        }
        strbuf_add_cstr(ret, ", ");
        return;
    }
    strbuf_addf(ret, "weight %u of %llu in tier %s, ", campaign->weight,
                (unsigned long long)tier->weight, tier_words[campaign->tier]);
}

static void tell_outweighed(const struct case_at_hand *at, struct strbuf *ret)
{
    const struct campaign *winner = at->work->winners[EXPLAIN_SHOWN].campaign;
    strbuf_add_cstr(ret, "outweighed: ");
    if (winner && winner->tier < at->campaign->tier && at->verdict->draws == 0)
        strbuf_addf(ret, "tier %s comes behind %s, ", tier_words[at->campaign->tier],
                    tier_words[winner->tier]);
    else
        add_rank(at, ret);
    explain_add_percent(ret, at->verdict->draws, EXPLAIN_DRAWS);
    strbuf_add_cstr(ret, " of the draws");
}

static void tell_served(const struct case_at_hand *at, struct strbuf *ret)
{
    if (at->verdict->creative)
        strbuf_addf(ret, "creative %.*s, ", SLICE_ARGS(at->verdict->creative->id));
    add_rank(at, ret);
    explain_add_percent(ret, at->verdict->draws, EXPLAIN_DRAWS);
    strbuf_add_cstr(ret, " of the draws");
}

static phrase_fn *const phrases[REASON_COUNT + 1] = {
    [REASON_INACTIVE] = tell_inactive, [REASON_NOT_STARTED] = tell_not_started,
    [REASON_ENDED] = tell_ended,       [REASON_SLOT] = tell_slot,
    [REASON_SIZE] = tell_size,         [REASON_COUNTRY] = tell_country,
    [REASON_REGION] = tell_region,     [REASON_DEVICE] = tell_device,
    [REASON_BROWSER] = tell_browser,   [REASON_OS] = tell_os,
    [REASON_LANGUAGE] = tell_language, [REASON_DOMAIN] = tell_domain,
    [REASON_PATH] = tell_path,         [REASON_REFERRER] = tell_referrer,
    [REASON_KEYWORD] = tell_keyword,   [REASON_KV] = tell_kv,
    [REASON_HOURS] = tell_hours,       [REASON_NO_VIEWER] = tell_no_viewer,
    [REASON_GOAL_MET] = tell_goal_met, [REASON_BUDGET_SPENT] = tell_budget_spent,
    [REASON_PACED] = tell_paced,       [REASON_EXCLUSION] = tell_exclusion,
    [REASON_ON_PAGE] = tell_on_page,   [REASON_ROADBLOCK] = tell_roadblock,
    [REASON_CAP] = tell_cap,           [REASON_REDIS_AWAY] = tell_redis_away,
    [REASON_DEADLINE] = tell_deadline, [REASON_OUTWEIGHED] = tell_outweighed,
    [REASON_NONE] = tell_served,
};

void explain_detail(const struct explain *explain, unsigned slot,
                    const struct explain_verdict *verdict, struct strbuf *ret)
{
    const struct case_at_hand at = {
        .explain = explain,
        .slot = slot,
        .verdict = verdict,
        .work = &explain->work[slot],
        .campaign = verdict->campaign,
        .facts = &explain->question.request.facts,
        .now_us = explain->question.request.now_us,
    };
    CHECK(verdict->reason <= REASON_NONE);
    if (phrases[verdict->reason])
        phrases[verdict->reason](&at, ret);
    else
        strbuf_add_cstr(ret, reason_rows[verdict->reason].help);
}
