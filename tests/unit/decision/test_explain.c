/* Every reason's phrase, and that draws are what serving would do, without counting. */
#include "decision/explain.h"

#include <stdio.h>

#include "base/clock.h"
#include "decision/explain_json.h"
#include "decision/explain_text.h"
#include "decision/zone.h"
#include "stage.h"
#include "unit.h"

#define NOW_US (INT64_C(1795605240) * US_PER_SECOND) /* Wednesday, 2026-11-25T11:14:00Z */

/* The fields of whatever campaign is asked about. */
struct known {
    const char *const *fields;
};

static unsigned tell_fields(const struct campaign *campaign, struct record_field *ret, void *arg)
{
    const struct known *known = arg;
    unsigned count = 0;
    (void)campaign;
    for (const char *const *at = known->fields; at && *at; at += 2)
        ret[count++] = (struct record_field){slice_cstr(at[0]), slice_cstr(at[1])};
    return count;
}

static struct explain *begin_judging(struct stage *stage, struct known *known)
{
    const struct explain_question question = {
        .request = stage->request,
        .catalog = stage->catalog,
        .seed = 7,
        .fields = known ? tell_fields : NULL,
        .deliveries = 8,
        .arg = known,
    };
    return explain_new(&question);
}

static struct explain *begin(struct stage *stage, struct known *known)
{
    struct explain *explain = begin_judging(stage, known);
    while (explain_judge(explain))
        ;
    return explain;
}

static struct explain *finish(struct explain *explain)
{
    while (explain_draw(explain))
        ;
    while (explain_list(explain))
        ;
    return explain;
}

/* "verdict: detail" of a campaign; "-" where it is not listed. */
static const char *verdict_of(const struct explain *explain, unsigned at, const char *campaign)
{
    static char text[EXPLAIN_DETAIL_MAX + 64];
    const struct explain_slot *slot = explain_slot(explain, at);
    for (uint32_t i = 0; i < slot->listed; i++) {
        const struct explain_verdict *verdict = &slot->list[i];
        struct strbuf detail;
        if (!slice_eq(verdict->campaign->id, slice_cstr(campaign)))
            continue;
        strbuf_init(&detail, EXPLAIN_DETAIL_MAX);
        explain_detail(explain, at, verdict, &detail);
        (void)snprintf(text, sizeof text, "%s: %s", explain_word(verdict->reason),
                       strbuf_cstr(&detail));
        strbuf_release(&detail);
        return text;
    }
    return "-";
}

static uint32_t draws_of(const struct explain *explain, unsigned at, const char *campaign)
{
    const struct explain_slot *slot = explain_slot(explain, at);
    for (uint32_t i = 0; i < slot->listed; i++) {
        if (slice_eq(slot->list[i].campaign->id, slice_cstr(campaign)))
            return slot->list[i].draws;
    }
    return 0;
}

/* ---- One campaign on one page ---------------------------------------------------------------- */

/* A page about which everything is known, and nothing matches. */
static void fill_facts(struct page_facts *facts)
{
    *facts = (struct page_facts){
        .domain = SLICE("blog.example"),
        .path = SLICE("/sport/a"),
        .referrer = SLICE("search.example"),
        .country = SLICE("FR"),
        .region = SLICE("FR-75"),
        .language = SLICE("fr-FR"),
        .device = DEVICE_DESKTOP,
        .browser = BROWSER_FIREFOX,
        .system = SYSTEM_LINUX,
        .keywords = {SLICE("beer")},
        .keyword_count = 1,
        .key_values = {{SLICE("colour"), SLICE("blue")}},
        .key_value_count = 1,
    };
}

/* What is told of a campaign with those fields, on the page, or where nothing is known of it. */
static const char *told(const char *const *fields, bool known_page)
{
    static char text[EXPLAIN_DETAIL_MAX + 64];
    struct stage stage = {0};
    struct known known = {.fields = fields};
    stage_slot(&stage, "header", FIELDS("sizes", "100x100"));
    stage_campaign(&stage, "a", fields);
    stage_open(&stage, "header");
    stage.request.now_us = NOW_US;
    if (known_page)
        fill_facts(&stage.request.facts);
    struct explain *explain = finish(begin(&stage, &known));
    (void)snprintf(text, sizeof text, "%s", verdict_of(explain, 0, "a"));
    explain_free(explain);
    stage_close(&stage);
    return text;
}

#define assert_told(text, ...) \
    assert_string_equal(told(FIELDS("slots", "*", __VA_ARGS__), true), text)
#define assert_told_unknown(text, ...) \
    assert_string_equal(told(FIELDS("slots", "*", __VA_ARGS__), false), text)

static void test_dates_and_status(void **state)
{
    (void)state;
    assert_told("inactive: the campaign is paused", "status", "paused");
    assert_told("not_started: starts 2026-12-01 09:00 Europe/Berlin", "start",
                "2026-12-01T09:00:00", "timezone", "Europe/Berlin");
    assert_told("ended: ended 2026-11-25 11:13:30 UTC", "end", "2026-11-25T11:13:30Z");
    assert_string_equal(told(FIELDS("slots", "footer"), true), "slot: slots: footer");
}

static void test_targeting_that_does_not_match(void **state)
{
    (void)state;
    assert_told("country: country FR is not among DE, AT", "countries", "DE, AT");
    assert_told("country: country FR is excluded", "countries", "!FR");
    assert_told("country: country FR is excluded", "countries", "DE,!FR");
    assert_told("region: region FR-75 is not among DE-BY", "regions", "DE-BY");
    assert_told("device: device desktop is not among mobile, tablet", "devices", "mobile,tablet");
    assert_told("browser: browser firefox is not among safari", "browsers", "safari");
    assert_told("os: os linux is excluded", "os", "!linux");
    assert_told("language: language fr-FR is not among de, pt-BR", "languages", "de,pt-BR");
    assert_told("domain: domain blog.example is not among news.example", "domains", "news.example");
    assert_told("domain: domain blog.example is excluded", "domains", "!example");
    assert_told("path: path /sport/a matches none of /news/*, /", "paths", "/news/*,/");
    assert_told("path: path /sport/a is excluded", "paths", "!/sport/*");
    assert_told("referrer: referrer search.example is not among news.example", "referrers",
                "news.example");
    assert_told("keyword: keyword: none of tea, coffee", "keywords", "tea,coffee");
    assert_told("keyword: keyword beer is excluded", "keywords", "!Beer");
    assert_told("kv: kv.colour blue is not among red, green", "kv.colour", "red,green");
    assert_told("kv: kv.colour blue is excluded", "kv.colour", "!blue");
    assert_told("kv: kv.size is not given; wanted: xl", "kv.size", "xl", "kv.colour", "blue");
    assert_told("hours: Wed 12:14 Europe/Berlin is outside mon-fri 18-22, sat 09-12", "hours",
                "mon-fri 18-22,sat 09-12", "timezone", "Europe/Berlin");
    assert_told("hours: Wed 11:14 UTC is outside all but wed 00-24", "hours", "!wed 00-24");
    assert_told("hours: Wed 11:14 UTC is outside mon-fri 08-18 without wed 11-12", "hours",
                "mon-fri 08-18,!wed 11-12");
}

static void test_targeting_of_what_is_not_known(void **state)
{
    (void)state;
    assert_told_unknown("country: country is not known; wanted: DE, AT", "countries", "DE,AT");
    assert_told_unknown("country: country is not known; excluded: FR", "countries", "!FR");
    assert_told_unknown("device: device is not known; wanted: mobile", "devices", "mobile");
    assert_told_unknown("path: path is not known; wanted: /", "paths", "/");
    assert_told_unknown("referrer: no referrer; wanted: news.example", "referrers", "news.example");
    assert_told_unknown("keyword: keyword: none of tea", "keywords", "tea");
}

static void test_a_long_list_is_cut(void **state)
{
    (void)state;
    assert_told("keyword: keyword: none of a, b, c, d, e, f, g, h, i, j, k, l and 3 more",
                "keywords", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o");
}

static void test_sizes(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS("sizes", "970x250,728x90"));
    stage_slot(&stage, "any", FIELDS());
    stage_bare_campaign(&stage, "wide", FIELDS("slots", "*"));
    stage_image(&stage, "w1", "wide", "970x250", FIELDS());
    stage_image(&stage, "w2", "wide", "728x90", FIELDS());
    stage_campaign(&stage, "small", FIELDS("slots", "*"));
    stage_bare_campaign(&stage, "none", FIELDS("slots", "*"));
    stage_open(&stage, "header any");
    stage.request.slots[0].width = 320;
    struct explain *explain = finish(begin(&stage, NULL));
    assert_string_equal(verdict_of(explain, 0, "wide"),
                        "size: size: 970x250 and 728x90 do not fit 320 wide");
    assert_string_equal(verdict_of(explain, 0, "small"),
                        "size: size: none of its creatives is 970x250 or 728x90");
    assert_string_equal(verdict_of(explain, 1, "none"), "size: size: it has no creative");
    explain_free(explain);
    stage_close(&stage);
}

static void test_a_slot_that_is_closed(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "paused", FIELDS("status", "paused"));
    stage_slot(&stage, "shop", FIELDS("domains", "shop.example"));
    stage_campaign(&stage, "a", FIELDS("slots", "*"));
    stage_open(&stage, "paused shop nowhere");
    stage.request.facts.domain = SLICE("blog.example");
    struct explain *explain = finish(begin(&stage, NULL));
    assert_string_equal(verdict_of(explain, 0, "a"), "inactive: slot paused is paused");
    assert_string_equal(verdict_of(explain, 1, "a"),
                        "domain: slot shop: domain blog.example is not among shop.example");
    assert_null(explain_slot(explain, 2)->index);
    explain_free(explain);
    stage_close(&stage);
}

/* ---- Caps ------------------------------------------------------------------------------------ */

/* `served` of the only counter, which still lasts that long. */
static const char *told_cap(const char *caps, const char *zone, uint64_t served, int64_t left_ms)
{
    static char text[EXPLAIN_DETAIL_MAX + 64];
    struct stage stage = {0};
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "a", FIELDS("slots", "*", "caps", caps, "timezone", zone));
    stage_open(&stage, "header");
    stage.request.now_us = NOW_US;
    struct explain *explain = begin(&stage, NULL);
    assert_int_equal(explain_cap_count(explain), 1);
    assert_true(explain_cap_key(explain, 0) == stage.shelf.campaigns[0]->caps.item[0].key);
    explain_set_cap(explain, 0, served, left_ms, NOW_US);
    (void)finish(explain);
    (void)snprintf(text, sizeof text, "%s", verdict_of(explain, 0, "a"));
    explain_free(explain);
    stage_close(&stage);
    return text;
}

static void test_caps(void **state)
{
    (void)state;
    assert_string_equal(told_cap("3/1d", "Europe/Berlin", 3, 6480000),
                        "cap: cap 3/1d: 3 served, opens again 14:02");
    assert_string_equal(told_cap("3/1d", "UTC", 3, 6480000 - 59999),
                        "cap: cap 3/1d: 3 served, opens again 13:02");
    assert_string_equal(told_cap("3/1d", "UTC", 5, 13 * 3600000),
                        "cap: cap 3/1d: 5 served, opens again 2026-11-26 00:14");
    assert_string_equal(told_cap("1/10m", "UTC", 1, 61500),
                        "cap: cap 1/10m: 1 served, opens again 11:15:02");
    assert_string_equal(told_cap("10/lifetime", "UTC", 10, 86400000),
                        "cap: cap 10/lifetime: 10 served");
    assert_string_equal(told_cap("3/1d", "UTC", 3, -1), "cap: cap 3/1d: 3 served");
    assert_string_equal(told_cap("3/1d", "UTC", 2, 1000),
                        "served: creative a, weight 1 of 1 in tier standard, 100 % of the draws");
    assert_string_equal(told_cap("3/1d", "UTC", 3, 0),
                        "served: creative a, weight 1 of 1 in tier standard, 100 % of the draws");
}

/* Each creative has its own; the campaign goes on with the other. */
static void test_caps_of_creatives(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_bare_campaign(&stage, "a", FIELDS("slots", "*"));
    stage_image(&stage, "a1", "a", "100x100", FIELDS("caps", "2/1w"));
    stage_image(&stage, "a2", "a", "100x100", FIELDS("caps", "3/90m"));
    stage_open(&stage, "header");
    stage.request.now_us = NOW_US;
    struct explain *explain = begin(&stage, NULL);
    assert_int_equal(explain_cap_count(explain), 2);
    explain_set_cap(explain, 0, 2, 60000000, NOW_US);
    (void)finish(explain);
    assert_non_null(strstr(verdict_of(explain, 0, "a"), "served: creative a2, "));
    explain_free(explain);
    explain = begin(&stage, NULL);
    explain_set_cap(explain, 0, 2, 60000000, NOW_US);
    explain_set_cap(explain, 1, 3, 60000000, NOW_US);
    (void)finish(explain);
    assert_string_equal(verdict_of(explain, 0, "a"),
                        "cap: creative a1: cap 2/1w: 2 served, opens again 2026-11-26 03:54");
    explain_free(explain);
    stage_close(&stage);
}

static void test_viewers_that_are_not_known(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "a", FIELDS("slots", "*", "caps", "1/1d"));
    stage_open(&stage, "header");
    stage.request.has_viewer = false;
    struct explain *explain = finish(begin(&stage, NULL));
    assert_int_equal(explain_cap_count(explain), 0);
    assert_string_equal(verdict_of(explain, 0, "a"),
                        "no_viewer: it is capped, and the viewer is not known");
    explain_free(explain);
    stage.request.has_viewer = true;
    stage.request.caps_away = true;
    explain = finish(begin(&stage, NULL));
    assert_string_equal(verdict_of(explain, 0, "a"),
                        "redis_away: it has caps or goals, and Redis is away");
    explain_free(explain);
    stage_close(&stage);
}

/* ---- Draws ----------------------------------------------------------------------------------- */

static void test_draws_by_rank(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "one", FIELDS("slots", "*", "weight", "1"));
    stage_campaign(&stage, "nine", FIELDS("slots", "*", "weight", "9"));
    stage_campaign(&stage, "third", FIELDS("slots", "*", "tier", "sponsorship", "share", "30"));
    stage_campaign(&stage, "cheap", FIELDS("slots", "*", "tier", "remnant", "cpm", "1.2"));
    stage_open(&stage, "header");
    struct explain *explain = finish(begin(&stage, NULL));
    uint32_t one = draws_of(explain, 0, "one"), nine = draws_of(explain, 0, "nine");
    uint32_t third = draws_of(explain, 0, "third");
    assert_int_equal(one + nine + third, EXPLAIN_DRAWS);
    assert_int_equal(explain_slot(explain, 0)->filled, EXPLAIN_DRAWS);
    assert_in_range(third, 250, 350);
    assert_in_range(one, 40, 110);
    assert_int_equal(draws_of(explain, 0, "cheap"), 0);
    assert_non_null(strstr(verdict_of(explain, 0, "one"), "weight 1 of 10 in tier standard, "));
    assert_non_null(strstr(verdict_of(explain, 0, "third"), "share 30 %, "));
    assert_non_null(
        strstr(verdict_of(explain, 0, "cheap"), "outweighed: tier remnant comes behind "));
    /* Served stands first, the others by their draws. */
    const struct explain_slot *slot = explain_slot(explain, 0);
    assert_int_equal(slot->list[0].reason, REASON_NONE);
    assert_true(slot->list[1].draws >= slot->list[2].draws);
    assert_int_equal(slot->counts[REASON_NONE], 1);
    assert_int_equal(slot->counts[REASON_OUTWEIGHED], 3);
    explain_free(explain);
    stage_close(&stage);
}

static void test_remnant_by_cpm(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "low", FIELDS("slots", "*", "tier", "remnant", "cpm", "1.2"));
    stage_campaign(&stage, "high", FIELDS("slots", "*", "tier", "remnant", "cpm", "2.5"));
    stage_open(&stage, "header");
    struct explain *explain = finish(begin(&stage, NULL));
    assert_string_equal(verdict_of(explain, 0, "low"),
                        "outweighed: outweighed: cpm 1.2, the highest is 2.5, 0 % of the draws");
    assert_string_equal(verdict_of(explain, 0, "high"),
                        "served: creative high, cpm 2.5, 100 % of the draws");
    explain_free(explain);
    stage_close(&stage);
}

static void test_what_is_on_the_page(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "one", FIELDS());
    stage_slot(&stage, "two", FIELDS());
    stage_campaign(&stage, "a", FIELDS("slots", "*"));
    stage_open(&stage, "one two");
    struct explain *explain = finish(begin(&stage, NULL));
    assert_string_equal(verdict_of(explain, 1, "a"), "on_page: creative a is in slot one");
    assert_int_equal(explain_slot(explain, 1)->filled, 0);
    explain_free(explain);
    stage_close(&stage);
}

static void test_one_campaign_alone(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "a", FIELDS("slots", "*"));
    stage_campaign(&stage, "b", FIELDS("slots", "*"));
    stage_open(&stage, "header");
    const struct explain_question question = {
        .request = stage.request, .catalog = stage.catalog, .campaign = SLICE("b"), .seed = 7};
    struct explain *explain = explain_new(&question);
    while (explain_judge(explain))
        ;
    (void)finish(explain);
    assert_int_equal(explain_slot(explain, 0)->total, 1);
    assert_int_equal(explain_slot(explain, 0)->listed, 1);
    assert_in_range(draws_of(explain, 0, "b"), 400, 600);
    explain_free(explain);
    stage_close(&stage);
}

/* ---- Phrases that need more than a page ------------------------------------------------------ */

static const char *phrase(enum reason reason, const char *const *fields,
                          const struct explain_progress *progress)
{
    static char text[EXPLAIN_DETAIL_MAX];
    struct stage stage = {0};
    struct known known = {.fields = fields};
    struct strbuf detail;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "a", fields);
    stage.shelf.campaigns[0]->delivery = progress ? 1 : 0;
    stage_open(&stage, "header");
    struct explain *explain = begin(&stage, &known);
    if (progress)
        explain_set_progress(explain, 0, progress);
    (void)finish(explain);
    struct explain_verdict verdict = explain_slot(explain, 0)->list[0];
    if (progress)
        assert_string_equal(explain_word(verdict.reason), explain_word(reason));
    verdict.reason = reason;
    strbuf_init(&detail, EXPLAIN_DETAIL_MAX);
    explain_detail(explain, 0, &verdict, &detail);
    (void)snprintf(text, sizeof text, "%s", strbuf_cstr(&detail));
    strbuf_release(&detail);
    explain_free(explain);
    stage_close(&stage);
    return text;
}

#define assert_phrase(reason, progress, text, ...) \
    assert_string_equal(phrase((reason), FIELDS("slots", "*", __VA_ARGS__), (progress)), text)

#define assert_goal(text, why, ...)                    \
    do {                                               \
        got.resting = (why);                           \
        assert_phrase((why), &got, text, __VA_ARGS__); \
    } while (0)

static void test_goals_and_budgets(void **state)
{
    struct explain_progress got = {.impressions = 10000,
                                   .clicks = 7,
                                   .impressions_today = 300,
                                   .spent_micro = 12500000,
                                   .spent_today_micro = 899999,
                                   .reserved = 23,
                                   .reserved_today = 11,
                                   .plan = 510};
    (void)state;
    assert_goal("goal_impressions 10000: 10000 delivered", REASON_GOAL_MET, "goal_impressions",
                "10000");
    assert_goal("goal_impressions 10020: 10000 delivered, 23 serves may still be seen",
                REASON_GOAL_MET, "goal_impressions", "10020");
    assert_goal("goal_clicks 7: 7 delivered", REASON_GOAL_MET, "goal_clicks", "7",
                "goal_impressions", "20000");
    assert_goal("daily_impressions 300: 300 delivered", REASON_GOAL_MET, "daily_impressions",
                "300");
    assert_goal("budget 12.5: 12.5 spent", REASON_BUDGET_SPENT, "budget", "12.50", "cpm", "1");
    assert_goal("daily_budget 0.9: 0.899999 spent, 11 serves may still be seen",
                REASON_BUDGET_SPENT, "daily_budget", "0.9", "budget", "20", "cpm", "1");
    got.reserved_today = 0;
    assert_goal("daily_budget 0.9: 0.899999 spent, the rest does not pay for another",
                REASON_BUDGET_SPENT, "daily_budget", "0.9", "cpm", "1");
    assert_goal("paced: 10023 of 510 planned by now", REASON_PACED, "goal_impressions", "20000");
    assert_goal("paced: 300 of 510 planned by now today", REASON_PACED, "daily_impressions",
                "20000");
    got.plan = 0;
    assert_goal("paced: it is ahead of its plan", REASON_PACED, "budget", "20", "cpm", "1");
}

/* What has room is served; what has none is not, in no draw. */
static void test_goals_in_draws(void **state)
{
    struct explain_progress got = {.resting = REASON_NONE};
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "a", FIELDS("slots", "*", "goal_impressions", "10"));
    stage_campaign(&stage, "b", FIELDS("slots", "*", "tier", "house"));
    struct campaign *bound = stage.shelf.campaigns[0];
    bound->delivery = 3;
    stage_open(&stage, "header");
    struct explain *explain = begin(&stage, NULL);
    assert_int_equal(explain_bound_count(explain), 1);
    assert_ptr_equal(explain_bound(explain, 0), bound);
    explain_set_progress(explain, 0, &got);
    assert_int_equal(draws_of(finish(explain), 0, "a"), EXPLAIN_DRAWS);
    explain_free(explain);
    got = (struct explain_progress){.resting = REASON_GOAL_MET, .impressions = 10};
    explain = begin(&stage, NULL);
    explain_set_progress(explain, 0, &got);
    assert_int_equal(draws_of(finish(explain), 0, "b"), EXPLAIN_DRAWS);
    assert_string_equal(verdict_of(explain, 0, "a"), "goal_met: goal_impressions 10: 10 delivered");
    assert_int_equal(explain_slot(explain, 0)->counts[REASON_GOAL_MET], 1);
    explain_free(explain);
    stage_close(&stage);
}

static void test_phrases_without_figures(void **state)
{
    const struct explain_progress *none = NULL;
    (void)state;
    assert_phrase(REASON_PACED, none, "paced: it is ahead of its plan", "weight", "1");
    assert_phrase(REASON_DEADLINE, none, "it has caps or goals, and Redis did not answer in time",
                  "weight", "1");
    assert_phrase(REASON_ROADBLOCK, none,
                  "roadblock all: not every slot of the page can be its own", "weight", "1");
    assert_phrase(REASON_EXCLUSION, none,
                  "exclusions: it shares a label with a campaign on the page", "weight", "1");
}

/* A new reason without a phrase fails here: what it would be told with is the row's help alone. */
static void test_every_reason_has_a_phrase(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REASON_COUNT; i++)
        assert_true(phrase((enum reason)i, FIELDS("slots", "*"), NULL)[0]);
}

static void test_json(void **state)
{
    struct stage stage = {0};
    struct explain_json at = {0};
    struct strbuf text;
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "a", FIELDS("slots", "*"));
    stage_open(&stage, "header nowhere");
    stage.request.now_us = NOW_US;
    stage.request.facts.domain = SLICE("blog.example");
    struct explain *explain = finish(begin(&stage, NULL));
    strbuf_init(&text, 65536);
    while (explain_json_add(explain, "new", &at, &text))
        ;
    assert_string_equal(
        strbuf_cstr(&text),
        "{\"at\":\"2026-11-25T11:14:00Z\",\"page\":{\"domain\":\"blog.example\",\"path\":null,"
        "\"referrer\":null,\"country\":null,\"region\":null,\"language\":null,\"device\":null,"
        "\"browser\":null,\"os\":null,\"keywords\":[],\"kv\":[]},\"viewer\":\"new\",\"draws\":1000,"
        "\"slots\":[{\"slot\":\"header\",\"filled\":1000,\"campaigns\":1,\"verdicts\":"
        "{\"served\":1},\"listed\":[{\"campaign\":\"a\",\"verdict\":\"served\",\"creative\":\"a\","
        "\"draws\":1000,\"detail\":\"creative a, weight 1 of 1 in tier standard, 100 % of the "
        "draws\"}]},{\"slot\":\"nowhere\",\"unknown\":true}]}\n");
    strbuf_release(&text);
    explain_free(explain);
    stage_close(&stage);
}

#define MANY 700

/* Of many the index moves those that cannot serve: not while somebody goes through them. */
static void test_decisions_between_the_steps(void **state)
{
    (void)state;
    struct stage stage = {0};
    char id[16];
    stage_slot(&stage, "header", FIELDS());
    stage_open(&stage, "header");
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(id, sizeof id, "c%u", i);
        catalog_put_campaign(stage.catalog, make_campaign(id, FIELDS("slots", "*")));
        catalog_put_creative(stage.catalog, make_image(id, id, "100x100", FIELDS()));
    }
    stage.request.now_us = NOW_US;
    stage.deaf = true;
    uint32_t before = catalog_positions(stage.catalog);
    struct explain *explain = begin_judging(&stage, NULL);
    assert_true(explain_judge(explain));
    for (unsigned i = 0; i < MANY; i += 2) {
        (void)snprintf(id, sizeof id, "c%u", i);
        catalog_set_open(stage.catalog, slice_cstr(id), false);
    }
    for (unsigned i = 0; i < 8 * MANY; i++)
        stage_run(&stage);
    while (explain_judge(explain))
        ;
    assert_int_equal(explain_slot(finish(explain), 0)->total, MANY);
    explain_free(explain);
    for (unsigned i = 0; i < 8 * MANY; i++)
        stage_run(&stage);
    assert_true(catalog_positions(stage.catalog) > before); /* now they have moved */
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates_and_status),
        cmocka_unit_test(test_targeting_that_does_not_match),
        cmocka_unit_test(test_targeting_of_what_is_not_known),
        cmocka_unit_test(test_a_long_list_is_cut),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_a_slot_that_is_closed),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_caps_of_creatives),
        cmocka_unit_test(test_viewers_that_are_not_known),
        cmocka_unit_test(test_draws_by_rank),
        cmocka_unit_test(test_remnant_by_cpm),
        cmocka_unit_test(test_what_is_on_the_page),
        cmocka_unit_test(test_one_campaign_alone),
        cmocka_unit_test(test_goals_and_budgets),
        cmocka_unit_test(test_goals_in_draws),
        cmocka_unit_test(test_phrases_without_figures),
        cmocka_unit_test(test_every_reason_has_a_phrase),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_decisions_between_the_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
