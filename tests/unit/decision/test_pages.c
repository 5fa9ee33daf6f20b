/*
 * Whole pages against plain rules: a million of them, from random catalogs with everything that a
 * campaign can have (targeting, tiers, shares, caps, goals at rest, exclusions, roadblocks), for
 * viewers who come again and pages that say what they have already. What was chosen must be
 * allowed, nothing better may have been passed over, and each campaign that was not chosen must
 * have been told with its reason. What chance decides is only checked to be possible; whether
 * chance is just is checked in test_draws.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "decision/memory_caps.h"
#include "decision/reserving.h"
#include "entries.h"
#include "plain_rules.h"
#include "unit.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INSTRUMENTED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define INSTRUMENTED 1
#endif
#endif
#ifdef INSTRUMENTED
#define CATALOGS 1000 /* sanitizers make it ten times as slow */
#else
#define CATALOGS 10000
#endif
#define PAGES_PER_CATALOG 100
#define DELIVERIES        6
#define HOUR_US           (INT64_C(3600) * 1000000)
#define MONDAY_US         (INT64_C(1782691200) * 1000000) /* 2026-06-29 00:00 UTC */
#define START             "2026-07-01T00:00:00Z"
#define START_US          (MONDAY_US + 48 * HOUR_US)
#define END               "2026-07-03T00:00:00Z"
#define END_US            (MONDAY_US + 96 * HOUR_US)

static struct random dice;

static unsigned throw(unsigned sides)
{
    return (unsigned)random_below(&dice, sides);
}

static const char *pick(const char *const *choices)
{
    unsigned count = 0;
    while (choices[count])
        count++;
    return choices[throw(count)];
}
#define PICK(...) pick(FIELDS(__VA_ARGS__))

/* What is tested, and what it is compared with. */
struct trial {
    struct plain_world world;
    struct plain_page page;
    struct catalog *catalog;
    struct page_request request;
    struct delivery deliveries[DELIVERIES];
    struct memory_caps *caps;
    struct random random;
    struct selection selection;
    int chosen[PAGE_SLOTS_MAX];
    enum reason verdicts[PAGE_SLOTS_MAX][PLAIN_CAMPAIGNS_MAX]; /* by the plain rules */
    unsigned told[PLAIN_CAMPAIGNS_MAX], told_as[PLAIN_CAMPAIGNS_MAX][REASON_COUNT];
    uint64_t served, empty, led; /* what there was to check */
};

/* ---- Catalogs -------------------------------------------------------------------------------- */

static const char *const *const rule_choices[RULE_COUNT] = {
    [RULE_COUNTRIES] = FIELDS("DE", "DE,FR", "!DE", "FR,IT,!DE"),
    [RULE_REGIONS] = FIELDS("DE-BY", "!DE-BY", "FR-75,DE-BE"),
    [RULE_DEVICES] = FIELDS("mobile", "!mobile", "desktop,tablet"),
    [RULE_BROWSERS] = FIELDS("chrome", "!chrome,!edge", "firefox,safari"),
    [RULE_OS] = FIELDS("android,ios", "!linux"),
    [RULE_LANGUAGES] = FIELDS("de", "pt-BR,de", "!de", "pt,!pt-BR"),
    [RULE_DOMAINS] = FIELDS("a.example", "x.a.example", "b.example,!x.b.example", "!a.example"),
    [RULE_PATHS] = FIELDS("/sport/*", "!/sport/*", "*/2026/*", "/*/x"),
    [RULE_REFERRERS] = FIELDS("r.example", "!r.example"),
    [RULE_KEYWORDS] = FIELDS("shoes", "shoes,hats", "!shoes", "Red Socks"),
    [RULE_KV] = FIELDS("1", "2,3", "!1"),
    [RULE_HOURS] = FIELDS("00-12", "mon-fri 09-18", "!12-24", "00-24,!mon-fri 06-20"),
};

static void add_creative(struct plain_campaign *campaign, const char *id, unsigned at,
                         struct catalog *catalog)
{
    static const char *const sizes[] = {"", "100x50", "200x50", "300x50"};
    struct plain_creative *creative = &campaign->creatives[campaign->creative_count++];
    const char *status = throw(8) ? "active" : "paused";
    const char *weight = PICK("1", "2", "1000");
    char creative_id[32];
    *creative = (struct plain_creative){.width = throw(4) * 100,
                                        .active = status[0] == 'a',
                                        .caps = PICK("", "", "", "", "1/1h", "2/1d")};
    (void)snprintf(creative_id, sizeof creative_id, "%s-%u", id, at);
    struct creative *entry =
        creative->width == 0
            ? make_creative(creative_id, FIELDS("campaign", id, "type", "text", "title", "x",
                                                "landing", "https://a.example/", "weight", weight,
                                                "caps", creative->caps, "status", status))
            : make_image(creative_id, id, sizes[creative->width / 100],
                         FIELDS("weight", weight, "caps", creative->caps, "status", status));
    creative->entry = entry;
    catalog_put_creative(catalog, entry);
}

static struct plain_campaign random_campaign(unsigned ruled)
{
    const char *tier = PICK("sponsorship", "standard", "standard", "standard", "remnant", "house");
    struct plain_campaign campaign = {
        .tier = tier,
        .share = tier[1] == 'p' ? PICK("", "20", "45.5", "100") : "",
        .cpm = PICK("0", "1", "2.5"),
        .slots = PICK("*", "*", "*", "s0", "s1,s2", "s0,s1", "s0,gone"),
        .status = PICK("active", "active", "active", "active", "active", "active", "active",
                       "paused", "archived"),
        .caps = PICK("", "", "", "1/1h", "2/1d", "1/1h,3/1d"),
        .exclusions = PICK("", "", "", "", "cars", "banks", "banks,cars"),
        .roadblock = PICK("off", "off", "off", "any", "all"),
        .start_us = throw(8) ? INT64_MIN : START_US,
        .end_us = throw(8) ? INT64_MAX : END_US,
        .delivery = throw(4) ? 0 : throw(DELIVERIES),
    };
    for (unsigned rule = 0; rule < RULE_COUNT; rule++)
        campaign.rules[rule] = throw(ruled) ? "" : pick(rule_choices[rule]);
    return campaign;
}

static struct campaign *compile(const char *id, const struct plain_campaign *plain)
{
    const char *fields[2 * (12 + RULE_COUNT) + 1] = {
        "tier",       plain->tier,
        "share",      plain->share,
        "weight",     PICK("1", "2", "1000000"),
        "cpm",        plain->cpm,
        "slots",      plain->slots,
        "status",     plain->status,
        "start",      plain->start_us == INT64_MIN ? "" : START,
        "end",        plain->end_us == INT64_MAX ? "" : END,
        "caps",       plain->caps,
        "exclusions", plain->exclusions,
        "roadblock",  plain->roadblock,
    };
    unsigned count = 22;
    for (unsigned rule = 0; rule < RULE_COUNT; rule++) {
        fields[count++] = plain_rule_fields[rule];
        fields[count++] = plain->rules[rule];
    }
    struct campaign *campaign = make_campaign(id, fields);
    campaign->delivery = plain->delivery;
    return campaign;
}

static void add_campaigns(struct trial *trial)
{
    static const unsigned sizes[] = {4, 8, 12, 16, 20, PLAIN_CAMPAIGNS_MAX};
    unsigned count = 1 + throw(sizes[throw(6)]), ruled = (const unsigned[]){16, 60, 400}[throw(3)];
    for (unsigned i = 0; i < count; i++) {
        struct plain_campaign *campaign = &trial->world.campaigns[i];
        char id[16];
        (void)snprintf(id, sizeof id, "c%u", i);
        *campaign = random_campaign(ruled);
        struct campaign *entry = compile(id, campaign);
        entry->series = i;
        campaign->entry = entry;
        catalog_put_campaign(trial->catalog, entry);
        for (unsigned k = throw(8) ? 1 + throw(PLAIN_CREATIVES_MAX) : 0; k > 0; k--)
            add_creative(campaign, id, k, trial->catalog);
    }
    trial->world.campaign_count = count;
}

static void add_slots(struct trial *trial)
{
    static const char *const ids[PLAIN_SLOTS] = {"s0", "s1", "s2"};
    for (unsigned i = 0; i < PLAIN_SLOTS; i++) {
        struct plain_slot *slot = &trial->world.slots[i];
        *slot = (struct plain_slot){
            .id = ids[i],
            .widths = PICK("", "", "", "100,200", "300"),
            .domains = throw(8) ? "" : PICK("a.example", "!b.example"),
            .status = throw(12) ? "active" : "paused",
        };
        const char *sizes = slot->widths[0] == '1'   ? "100x50,200x50"
                            : slot->widths[0] == '3' ? "300x50"
                                                     : "";
        catalog_put_slot(trial->catalog,
                         make_slot(slot->id, FIELDS("sizes", sizes, "domains", slot->domains,
                                                    "status", slot->status)));
    }
}

/* Who has nothing to give away may be left out of the index. */
static void change_deliveries(struct trial *trial)
{
    static const enum reason reasons[] = {REASON_GOAL_MET, REASON_BUDGET_SPENT, REASON_PACED};
    for (unsigned i = 1; i < DELIVERIES; i++)
        trial->deliveries[i] = (struct delivery){throw(2), throw(2), reasons[throw(3)]};
    for (unsigned i = 0; i < trial->world.campaign_count; i++) {
        const struct plain_campaign *campaign = &trial->world.campaigns[i];
        const struct delivery *row = &trial->deliveries[campaign->delivery];
        catalog_set_open(trial->catalog, campaign->entry->id,
                         campaign->delivery == 0 || row->units > 0 || row->may_ask || throw(2));
    }
}

static void open_trial(struct trial *trial)
{
    trial->world = (struct plain_world){.campaign_count = 0};
    trial->request = (struct page_request){.now_us = MONDAY_US + (int64_t) throw(100) * HOUR_US};
    trial->catalog = catalog_new();
    trial->caps = memory_caps_new();
    add_slots(trial);
    add_campaigns(trial);
    change_deliveries(trial);
}

static void close_trial(struct trial *trial)
{
    memory_caps_free(trial->caps);
    catalog_free(trial->catalog);
}

/* ---- Pages ----------------------------------------------------------------------------------- */

/* A value of the page for a rule; "" is none. */
static struct slice say(struct trial *trial, enum plain_rule rule, const char *value)
{
    unsigned count = 0;
    while (trial->page.values[rule][count])
        count++;
    trial->page.values[rule][count] = value[0] ? value : NULL;
    return slice_cstr(value);
}

static unsigned word(struct trial *trial, enum plain_rule rule, const char *const *words,
                     unsigned count)
{
    unsigned value = throw(count + 1);
    (void)say(trial, rule, value ? words[value - 1] : "");
    return value;
}

static void say_time(struct trial *trial)
{
    static char text[16];
    int64_t hours = (trial->request.now_us - MONDAY_US) / HOUR_US;
    (void)snprintf(text, sizeof text, "%d %d", (int)(hours / 24 % 7), (int)(hours % 24));
    (void)say(trial, RULE_HOURS, text);
}

static void say_facts(struct trial *trial)
{
    static const char *const devices[] = {"desktop", "mobile", "tablet"};
    static const char *const browsers[] = {"chrome", "edge",    "firefox", "opera",
                                           "safari", "samsung", "other"};
    static const char *const systems[] = {"android", "chromeos", "ios",  "linux",
                                          "macos",   "windows",  "other"};
    struct page_facts *facts = &trial->request.facts;
    *facts = (struct page_facts){
        .country = say(trial, RULE_COUNTRIES, PICK("", "DE", "DE", "FR", "US")),
        .region = say(trial, RULE_REGIONS, PICK("", "DE-BY", "DE-BE", "FR-75")),
        .language = say(trial, RULE_LANGUAGES, PICK("", "de", "de-AT", "pt-br", "pt", "en")),
        .domain = say(trial, RULE_DOMAINS,
                      PICK("", "a.example", "x.a.example", "b.example", "x.b.example", "c")),
        .path = say(trial, RULE_PATHS, PICK("", "/", "/sport/", "/sport/2026/x")),
        .referrer = say(trial, RULE_REFERRERS, PICK("", "r.example", "www.r.example")),
        .device = (enum device)word(trial, RULE_DEVICES, devices, 3),
        .browser = (enum browser)word(trial, RULE_BROWSERS, browsers, 7),
        .system = (enum system)word(trial, RULE_OS, systems, 7),
    };
    for (unsigned i = throw(3); i > 0; i--)
        facts->keywords[facts->keyword_count++] =
            say(trial, RULE_KEYWORDS, PICK("shoes", "SHOES", "hats", "red socks"));
    for (unsigned i = throw(3); i > 0; i--)
        facts->key_values[facts->key_value_count++] =
            (struct fact_pair){SLICE("section"), say(trial, RULE_KV, PICK("1", "2", "4"))};
}

static void ask_for_slots(struct trial *trial)
{
    struct page_request *request = &trial->request;
    request->slot_count = 1 + throw(4);
    for (unsigned i = 0; i < request->slot_count; i++) {
        unsigned number = throw(13);
        struct plain_slot *slot = number < 12 ? &trial->world.slots[number % PLAIN_SLOTS] : NULL;
        struct slice name = slice_cstr(slot ? slot->id : "nowhere");
        trial->page.slots[i] = slot;
        request->slots[i] =
            (struct page_slot){name, catalog_find_slot(trial->catalog, name),
                               (const uint32_t[]){0, 0, 0, 0, 250, 150, 50}[throw(7)]};
    }
}

/* The page asks once more, and says what it got before; or it is another one. */
static void keep_page(struct trial *trial)
{
    struct page_request *request = &trial->request;
    if (throw(3) > 0)
        request->on_page_count = 0;
    for (unsigned i = 0; request->slot_count > 0 && throw(2) && i < request->slot_count; i++) {
        if (trial->page.campaigns[i] && trial->page.creatives[i] &&
            request->on_page_count < PAGE_ON_PAGE_MAX)
            request->on_page[request->on_page_count++] =
                (struct page_ad){trial->page.campaigns[i]->entry, trial->page.creatives[i]->entry};
    }
    if (request->on_page_count > 0 && throw(4) == 0)
        request->on_page[throw(request->on_page_count)] = (struct page_ad){NULL, NULL};
}

static void make_page(struct trial *trial)
{
    struct page_request *request = &trial->request;
    keep_page(trial);
    trial->page = (struct plain_page){
        .world = &trial->world, .request = request, .viewer = throw(PLAIN_VIEWERS)};
    request->now_us += throw(3) ? (int64_t) throw(1000000) : (int64_t) throw(3) * HOUR_US;
    request->has_viewer = throw(8) > 0;
    request->serve_anonymous = throw(2) > 0;
    request->caps_away = throw(12) == 0;
    request->caps_away_reason = throw(2) ? CAPS_AWAY_REDIS : CAPS_AWAY_DEADLINE;
    request->judge_all = throw(2) > 0;
    request->deliveries = (struct deliveries){throw(12) ? trial->deliveries : NULL, DELIVERIES};
    if (throw(20) == 0)
        change_deliveries(trial);
    say_facts(trial);
    say_time(trial);
    ask_for_slots(trial);
}

/* ---- Deciding -------------------------------------------------------------------------------- */

static void on_reject(const struct campaign *campaign, enum reason reason, unsigned times,
                      void *arg)
{
    struct trial *trial = arg;
    trial->told[campaign->series] += times;
    trial->told_as[campaign->series][reason] += times;
}

static bool take_caps(const struct candidate *const *group, unsigned count, void *arg)
{
    struct trial *trial = arg;
    return memory_caps_take(trial->caps, trial->page.viewer, group, count,
                            trial->request.now_us / 1000);
}

static void decide(struct trial *trial)
{
    uint32_t refused[PAGE_SLOTS_MAX] = {0};
    memset(trial->told, 0, sizeof trial->told);
    memset(trial->told_as, 0, sizeof trial->told_as);
    selection_run(&trial->request, &trial->random, on_reject, trial, &trial->selection);
    if (trial->selection.needs_caps)
        selection_reserve(&trial->selection, take_caps, trial, refused);
    selection_settle(&trial->selection, refused, on_reject, trial, trial->chosen);
}

static const struct plain_campaign *chosen_at(const struct trial *trial, unsigned at,
                                              const struct plain_creative **ret_creative)
{
    *ret_creative = NULL;
    if (trial->chosen[at] < 0)
        return NULL;
    const struct candidate *candidate = &trial->selection.slots[at].candidates[trial->chosen[at]];
    const struct plain_campaign *campaign = &trial->world.campaigns[candidate->campaign->series];
    assert_ptr_equal(campaign->entry, candidate->campaign);
    for (unsigned i = 0; i < campaign->creative_count; i++) {
        if (campaign->creatives[i].entry == candidate->creative)
            *ret_creative = &campaign->creatives[i];
    }
    assert_non_null(*ret_creative);
    return campaign;
}

/* ---- Roadblocks ------------------------------------------------------------------------------ */

static bool shares(const struct plain_campaign *campaign)
{
    return campaign->share[0] != '\0';
}

static bool counts(const struct trial *trial, unsigned at)
{
    return trial->page.slots[at] && plain_judge_slot(&trial->page, at) == REASON_NONE;
}

/* Whether a later slot of the page may offer (or surely offers) what comes before in its tier. */
static bool is_outranked(const struct trial *trial, const struct plain_campaign *campaign,
                         bool surely)
{
    const struct plain_world *world = &trial->world;
    for (unsigned s = plain_lead(&trial->page) + 1; s < trial->request.slot_count; s++) {
        for (unsigned i = 0; counts(trial, s) && i < world->campaign_count; i++) {
            const struct plain_campaign *other = &world->campaigns[i];
            if (trial->verdicts[s][i] == REASON_NONE &&
                other->entry->tier < campaign->entry->tier &&
                plain_is_booked(other, trial->page.slots[s]) &&
                (!surely || (!shares(other) && plain_has_usable(&trial->page, s, other))))
                return true;
        }
    }
    return false;
}

/* It has all slots, each with a creative of its own that may be there. */
static void check_leader(const struct trial *trial, const struct plain_campaign *campaign)
{
    struct plain_page page = trial->page;
    unsigned taken = 0;
    assert_false(is_outranked(trial, campaign, true));
    for (unsigned s = plain_lead(&trial->page); s < trial->request.slot_count; s++) {
        const struct plain_creative *creative;
        if (!counts(trial, s))
            continue;
        assert_ptr_equal(chosen_at(trial, s, &creative), campaign);
        assert_true(plain_is_booked(campaign, page.slots[s]));
        assert_true(plain_may_serve(&page, s, campaign, creative));
        page.campaigns[s] = campaign;
        page.creatives[s] = creative;
        taken++;
    }
    assert_true(taken > 1);
}

/* Whether it could have led for certain: then nothing that comes behind it may have the slot. */
static bool must_lead(const struct trial *trial, const struct plain_campaign *campaign)
{
    unsigned count = 0, rivals = 0;
    for (unsigned s = 0; s < trial->request.slot_count; s++)
        count += counts(trial, s);
    for (unsigned i = 0; i < trial->world.campaign_count; i++)
        rivals += plain_is_wide(&trial->page, &trial->world.campaigns[i]);
    for (unsigned i = 0; i < campaign->creative_count; i++) {
        if (campaign->creatives[i].caps[0] && trial->request.has_viewer)
            return false; /* it depends on which creatives were drawn */
    }
    return rivals <= 4 && !shares(campaign) && !is_outranked(trial, campaign, false) &&
           !plain_is_capped_out(&trial->page, campaign, NULL, count);
}

/* ---- What was chosen ------------------------------------------------------------------------- */

/* Whether the campaign could have been put into the slot. */
static bool could_serve(const struct trial *trial, unsigned at, unsigned number)
{
    const struct plain_campaign *campaign = &trial->world.campaigns[number];
    if (trial->verdicts[at][number] != REASON_NONE || shares(campaign) ||
        !plain_is_booked(campaign, trial->page.slots[at]))
        return false;
    if (plain_is_wide(&trial->page, campaign))
        return must_lead(trial, campaign);
    for (unsigned i = 0; i < campaign->creative_count; i++) {
        if (plain_may_serve(&trial->page, at, campaign, &campaign->creatives[i]))
            return true;
    }
    return false;
}

/* Nobody who could have served comes before the one who does. */
static void check_rank(const struct trial *trial, unsigned at, const struct plain_campaign *chosen)
{
    if (trial->selection.slots[at].count == CANDIDATES_MAX)
        return; /* the list was full of what was refused */
    for (unsigned i = 0; i < trial->world.campaign_count; i++) {
        const struct plain_campaign *campaign = &trial->world.campaigns[i];
        if (campaign != chosen && (!chosen || plain_compare(campaign, chosen) < 0))
            assert_false(could_serve(trial, at, i));
    }
}

static bool is_led(const struct trial *trial, unsigned at)
{
    unsigned lead = plain_lead(&trial->page);
    return lead < at && trial->page.campaigns[lead] &&
           plain_is_wide(&trial->page, trial->page.campaigns[lead]);
}

static void check_choice(struct trial *trial, unsigned at)
{
    const struct plain_creative *creative;
    const struct plain_campaign *chosen = chosen_at(trial, at, &creative);
    trial->served += chosen != NULL;
    trial->empty += chosen == NULL;
    if (is_led(trial, at))
        return; /* checked with its leader */
    if (chosen) {
        assert_int_equal(trial->verdicts[at][chosen - trial->world.campaigns], REASON_NONE);
        assert_true(plain_is_booked(chosen, trial->page.slots[at]));
        assert_true(plain_may_serve(&trial->page, at, chosen, creative));
    }
    if (chosen && plain_is_wide(&trial->page, chosen)) {
        check_leader(trial, chosen);
        trial->led++;
    }
    check_rank(trial, at, chosen);
}

/* ---- What was told --------------------------------------------------------------------------- */

/* Reasons of the page's end come on top of those that were there before. */
static bool may_come_at_the_end(enum reason reason)
{
    return reason == REASON_CAP || reason == REASON_EXCLUSION || reason == REASON_ON_PAGE ||
           reason == REASON_ROADBLOCK || reason == REASON_OUTWEIGHED;
}

/* Each campaign but the chosen one once, by the reason that the rules have against it. */
static void check_rejections(const struct trial *trial, unsigned at,
                             const struct plain_campaign *chosen)
{
    const struct slot_selection *slot = &trial->selection.slots[at];
    uint32_t counted[REASON_COUNT] = {0}, wide = 0, booked = 0, eligible = 0, sum = 0;
    for (unsigned i = 0; i < trial->world.campaign_count; i++) {
        const struct plain_campaign *campaign = &trial->world.campaigns[i];
        if (!plain_is_booked(campaign, trial->page.slots[at]))
            continue;
        enum reason verdict = trial->verdicts[at][i];
        booked++;
        eligible += verdict == REASON_NONE;
        wide += verdict == REASON_ROADBLOCK;
        if (verdict != REASON_NONE && campaign != chosen)
            counted[verdict]++;
    }
    for (unsigned reason = 0; reason < REASON_COUNT; reason++) {
        sum += slot->rejected[reason];
        if (!may_come_at_the_end((enum reason)reason))
            assert_int_equal(slot->rejected[reason], counted[reason]);
        else if (reason != REASON_ROADBLOCK)
            assert_true(slot->rejected[reason] >= counted[reason]);
        else
            assert_true(slot->rejected[reason] + wide >= counted[reason]);
    }
    assert_int_equal(sum, booked - (chosen != NULL));
    assert_int_equal(slot->eligible, eligible);
}

/* Over the whole page: each as often as it was booked and not chosen, and for no wrong reason. */
static void check_told(const struct trial *trial)
{
    for (unsigned i = 0; i < trial->world.campaign_count; i++) {
        const struct plain_campaign *campaign = &trial->world.campaigns[i];
        unsigned booked = 0, chosen = 0, excluded = 0, capped = 0;
        for (unsigned s = 0; s < trial->request.slot_count; s++) {
            if (!trial->page.slots[s] || !plain_is_booked(campaign, trial->page.slots[s]))
                continue;
            booked++;
            chosen += trial->page.campaigns[s] == campaign;
            excluded += trial->verdicts[s][i] == REASON_EXCLUSION;
        }
        for (unsigned s = 0; s < trial->request.slot_count; s++)
            excluded +=
                trial->page.campaigns[s] && plain_excludes(trial->page.campaigns[s], campaign);
        capped = campaign->caps[0] != '\0';
        for (unsigned k = 0; k < campaign->creative_count; k++)
            capped += campaign->creatives[k].caps[0] != '\0';
        assert_int_equal(trial->told[i], booked - chosen);
        assert_true(excluded > 0 || trial->told_as[i][REASON_EXCLUSION] == 0);
        assert_true(capped > 0 || trial->told_as[i][REASON_CAP] == 0);
        assert_true(campaign->roadblock[1] == 'l' || trial->told_as[i][REASON_ROADBLOCK] == 0);
    }
}

/* ---- The page -------------------------------------------------------------------------------- */

static void judge_plainly(struct trial *trial)
{
    for (unsigned s = 0; s < trial->request.slot_count; s++) {
        for (unsigned i = 0; trial->page.slots[s] && i < trial->world.campaign_count; i++)
            trial->verdicts[s][i] = plain_judge(&trial->page, s, &trial->world.campaigns[i]);
    }
}

static void check_slots(struct trial *trial)
{
    bool all_exact = true;
    for (unsigned s = 0; s < trial->request.slot_count; s++) {
        const struct plain_creative *creative;
        if (!trial->page.slots[s]) {
            assert_int_equal(trial->chosen[s], -1);
            continue;
        }
        check_choice(trial, s);
        const struct plain_campaign *chosen = chosen_at(trial, s, &creative);
        if (trial->selection.slots[s].exact)
            check_rejections(trial, s, chosen);
        all_exact = all_exact && trial->selection.slots[s].exact;
        trial->page.campaigns[s] = chosen;
        trial->page.creatives[s] = creative;
    }
    if (all_exact)
        check_told(trial);
}

/* What a known viewer has been served counts for the next pages. */
static void remember(struct trial *trial)
{
    struct plain_world *world = &trial->world;
    for (unsigned s = 0; trial->request.has_viewer && s < trial->request.slot_count; s++) {
        if (!trial->page.campaigns[s])
            continue;
        assert_true(world->serve_count < PLAIN_SERVES_MAX);
        world->serves[world->serve_count++] =
            (struct plain_serve){trial->page.viewer, trial->page.campaigns[s],
                                 trial->page.creatives[s], trial->request.now_us / 1000};
    }
}

static void test_pages_keep_the_rules(void **state)
{
    struct trial *trial = check_calloc(1, sizeof *trial);
    (void)state;
    random_seed(&dice, 20260701);
    random_seed(&trial->random, 7);
    for (unsigned c = 0; c < CATALOGS; c++) {
        open_trial(trial);
        for (unsigned i = 0; i < PAGES_PER_CATALOG; i++) {
            make_page(trial);
            judge_plainly(trial);
            decide(trial);
            check_slots(trial);
            remember(trial);
        }
        close_trial(trial);
    }
    print_message("%u decisions: %llu slots filled, %llu empty, %llu pages led by a roadblock\n",
                  CATALOGS * PAGES_PER_CATALOG, (unsigned long long)trial->served,
                  (unsigned long long)trial->empty, (unsigned long long)trial->led);
    assert_true(trial->served > CATALOGS * 20 && trial->empty > CATALOGS * 20 &&
                trial->led > CATALOGS);
    free(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_keep_the_rules),
    };
    return cmocka_run_group_tests_name("decision/pages", tests, NULL, NULL);
}
