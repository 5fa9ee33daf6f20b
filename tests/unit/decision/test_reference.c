/*
 * The selection against the rules written down as plainly as can be: random catalogs, random pages,
 * 100,000 of them. What chance decides is only checked to be possible; whether chance is just is
 * checked in test_draws.c.
 */
#include <stdio.h>

#include "stage.h"
#include "unit.h"

#define CATALOGS          1000
#define PAGES_PER_CATALOG 100
#define CAMPAIGNS_MAX     36
#define DAY_US            (INT64_C(86400) * 1000000)

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

/* ---- Random catalogs and pages --------------------------------------------------------------- */

static void add_creatives(struct stage *stage, const char *campaign)
{
    for (unsigned i = throw(20) == 0 ? 30 : throw(4); i > 0; i--) {
        char id[32];
        (void)snprintf(id, sizeof id, "%s-%u", campaign, i);
        const char *weight = PICK("1", "2", "7", "1000");
        const char *caps = PICK("", "", "", "1/1d", "1/1h,2/1d");
        const char *status = PICK("active", "active", "active", "active", "paused");
        if (throw(5) == 0)
            shelf_creative(&stage->shelf,
                           make_creative(id, FIELDS("campaign", campaign, "type", "text", "title",
                                                    "x", "landing", "https://a.example/", "weight",
                                                    weight, "caps", caps, "status", status)));
        else
            stage_image(stage, id, campaign, PICK("100x50", "200x50", "300x50"),
                        FIELDS("weight", weight, "caps", caps, "status", status));
    }
}

static void add_campaigns(struct stage *stage)
{
    unsigned count = throw(10) == 0 ? CAMPAIGNS_MAX : throw(8);
    unsigned one_uncapped_in = (const unsigned[]){1, 4, 40}[throw(3)];
    for (unsigned i = 0; i < count; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "c%u", i);
        const char *tier =
            PICK("sponsorship", "standard", "standard", "remnant", "remnant", "house");
        const char *share = tier[1] == 'p' ? PICK("", "20", "45.5", "100") : "";
        stage_bare_campaign(
            stage, id,
            FIELDS("tier", tier, "share", share, "weight", PICK("1", "2", "7", "1000000"), "cpm",
                   PICK("0", "1", "2.5"), "slots", PICK("*", "*", "s0", "s1,s2", "s0,gone"),
                   "status", PICK("active", "active", "active", "active", "paused", "archived"),
                   "start", PICK("", "", "", "1970-01-02T00:00:00Z"), "end",
                   PICK("", "", "", "1970-01-03T00:00:00Z"), "devices",
                   PICK("", "", "", "", "", "", "mobile"), "exclusions",
                   PICK("", "", "", "cars", "banks", "banks,cars"), "caps",
                   throw(one_uncapped_in) ? PICK("1/1d", "2/1h,3/lifetime") : ""));
        if (stage->shelf.creative_count < 200)
            add_creatives(stage, id);
    }
}

static void make_catalog(struct stage *stage)
{
    *stage = (struct stage){0};
    for (unsigned i = 0; i < 3; i++) {
        stage_slot(stage, (const char *const[]){"s0", "s1", "s2"}[i],
                   FIELDS("sizes", PICK("", "", "100x50,200x50", "300x50"), "domains",
                          PICK("", "", "", "a.example", "!b.example,b.example"), "status",
                          PICK("active", "active", "active", "active", "paused")));
    }
    add_campaigns(stage);
    stage_open(stage, "s0");
}

static void make_page(struct stage *stage)
{
    struct page_request *request = &stage->request;
    request->now_us = (int64_t) throw(4) * DAY_US - throw(2);
    request->facts.domain =
        slice_cstr(PICK("", "a.example", "x.a.example", "b.example", "c.example"));
    request->facts.device = throw(2) == 0 ? DEVICE_MOBILE : (enum device) throw(3);
    request->has_viewer = throw(4) > 0;
    request->serve_anonymous = throw(2) > 0;
    request->judge_all = true;
    request->caps_away = throw(5) == 0;
    request->caps_away_reason = throw(2) ? CAPS_AWAY_REDIS : CAPS_AWAY_DEADLINE;
    request->slot_count = 1 + throw(5);
    for (unsigned i = 0; i < request->slot_count; i++) {
        struct slice name = slice_cstr(PICK("s0", "s0", "s1", "s2", "nowhere"));
        request->slots[i] = (struct page_slot){name, catalog_find_slot(stage->catalog, name),
                                               (const uint32_t[]){0, 0, 250, 150, 50}[throw(5)]};
    }
}

/* ---- The rules, plainly ---------------------------------------------------------------------- */

static bool booked(const struct campaign *campaign, const struct slot *slot)
{
    for (unsigned i = 0; i < campaign->slots.count; i++) {
        if (slice_eq(campaign->slots.item[i], slot->id))
            return true;
    }
    return campaign->all_slots;
}

static bool fits(const struct creative *creative, const struct slot *slot)
{
    bool fit = creative->type == CREATIVE_TEXT || slot->size_count == 0;
    for (unsigned i = 0; i < slot->size_count; i++)
        fit = fit || slot->sizes[i].width == creative->size.width;
    return fit;
}

static bool capped(const struct campaign *campaign, const struct creative *creative)
{
    return campaign->caps.count > 0 || creative->caps.count > 0;
}

/* Why this creative may not serve; REASON_NONE: it may. */
static enum reason creative_verdict(const struct stage *stage, unsigned at,
                                    const struct campaign *campaign,
                                    const struct creative *creative)
{
    const struct page_request *request = &stage->request;
    uint32_t width = request->slots[at].width;
    if (creative->status != STATUS_ACTIVE)
        return REASON_INACTIVE;
    if (!fits(creative, request->slots[at].index->slot))
        return REASON_SIZE;
    if (width != 0 && creative->size.width > width)
        return REASON_SIZE;
    if (!capped(campaign, creative))
        return REASON_NONE;
    if (!request->has_viewer)
        return request->serve_anonymous ? REASON_NONE : REASON_NO_VIEWER;
    if (request->caps_away)
        return request->caps_away_reason == CAPS_AWAY_REDIS ? REASON_REDIS_AWAY : REASON_DEADLINE;
    return REASON_NONE;
}

static bool page_is_allowed(const char *slot_domains, struct slice page)
{
    if (slot_domains[0] == '\0')
        return true;
    if (slot_domains[0] == 'a')
        return slice_eq(page, SLICE("a.example")) || slice_eq(page, SLICE("x.a.example"));
    return false; /* b.example is excluded and the only one included */
}

static const char *domains_of(const struct slot *slot)
{
    return slot->domains.count == 0 ? "" : slot->domains.count == 1 ? "a" : "!b";
}

/* The creatives' verdicts taken together: all paused, or the furthest of the active ones. */
static enum reason creatives_verdict(const struct stage *stage, unsigned at,
                                     const struct campaign *campaign)
{
    enum reason furthest = REASON_SIZE;
    unsigned count = 0, paused = 0;
    for (unsigned i = 0; i < stage->shelf.creative_count; i++) {
        const struct creative *creative = stage->shelf.creatives[i];
        if (!slice_eq(creative->campaign, campaign->id))
            continue;
        enum reason reason = creative_verdict(stage, at, campaign, creative);
        count++;
        paused += reason == REASON_INACTIVE;
        if (reason > furthest)
            furthest = reason;
    }
    return count > 0 && paused == count ? REASON_INACTIVE : furthest;
}

static enum reason campaign_verdict(const struct stage *stage, unsigned at,
                                    const struct campaign *campaign)
{
    const struct slot *slot = stage->request.slots[at].index->slot;
    if (slot->status != STATUS_ACTIVE)
        return REASON_INACTIVE;
    if (!page_is_allowed(domains_of(slot), stage->request.facts.domain))
        return REASON_DOMAIN;
    if (campaign->status != STATUS_ACTIVE)
        return REASON_INACTIVE;
    enum reason creatives = creatives_verdict(stage, at, campaign);
    if (creatives == REASON_INACTIVE)
        return creatives;
    if (campaign->start_us != TIME_UNSET && stage->request.now_us < campaign->start_us)
        return REASON_NOT_STARTED;
    if (campaign->end_us != TIME_UNSET && stage->request.now_us >= campaign->end_us)
        return REASON_ENDED;
    if (creatives == REASON_SIZE)
        return creatives;
    if (campaign->targeting && stage->request.facts.device != DEVICE_MOBILE)
        return REASON_DEVICE; /* the only rule there is here */
    return creatives;
}

/* ---- What was said of each campaign -----------------------------------------------------------
 */

#define UNSAID (REASON_COUNT + 1)

/* All that was told, slot by slot in turn. */
struct told {
    struct {
        const struct campaign *campaign;
        enum reason reason;
    } item[PAGE_SLOTS_MAX * CAMPAIGNS_MAX];
    unsigned count;
};

static void on_reject(const struct campaign *campaign, enum reason reason, unsigned times,
                      void *arg)
{
    struct told *told = arg;
    assert_int_equal(times, 1);
    assert_true(told->count < sizeof told->item / sizeof *told->item);
    told->item[told->count].campaign = campaign;
    told->item[told->count++].reason = reason;
}

/* What was told of one slot, by position of the campaign on the shelf. */
struct verdicts {
    unsigned of[CAMPAIGNS_MAX];
};

static unsigned position_of(const struct stage *stage, const struct campaign *campaign)
{
    for (unsigned i = 0; i < stage->shelf.campaign_count; i++) {
        if (stage->shelf.campaigns[i] == campaign)
            return i;
    }
    fail_msg("a campaign from nowhere");
    return 0;
}

static unsigned sum(const struct slot_selection *slot)
{
    unsigned all = 0;
    for (unsigned r = 0; r < REASON_COUNT; r++)
        all += slot->rejected[r];
    return all;
}

/* Takes the next `count` that were told. No campaign may be told twice for one slot. */
static struct verdicts take(const struct stage *stage, const struct told *told, unsigned *at,
                            unsigned count)
{
    struct verdicts said;
    for (unsigned i = 0; i < CAMPAIGNS_MAX; i++)
        said.of[i] = UNSAID;
    for (; count > 0; count--, (*at)++) {
        assert_true(*at < told->count);
        unsigned position = position_of(stage, told->item[*at].campaign);
        assert_int_equal(said.of[position], UNSAID);
        said.of[position] = told->item[*at].reason;
    }
    return said;
}

/* ---- Checking a list --------------------------------------------------------------------------
 */

static const struct slot_selection *list_at(const struct stage *stage, unsigned at)
{
    return &stage->selection.slots[at];
}

static bool listed(const struct stage *stage, unsigned at, const struct creative *creative)
{
    for (unsigned i = 0; i < list_at(stage, at)->count; i++) {
        if (list_at(stage, at)->candidates[i].creative == creative)
            return true;
    }
    return false;
}

static bool share_label(const struct campaign *a, const struct campaign *b)
{
    for (unsigned i = 0; i < a->exclusions.count; i++) {
        for (unsigned j = 0; j < b->exclusions.count; j++) {
            if (slice_eq(a->exclusions.item[i], b->exclusions.item[j]))
                return a != b;
        }
    }
    return false;
}

/* Whether an earlier slot may take what the campaign does not go with. */
static bool may_clash(const struct stage *stage, unsigned at, const struct campaign *campaign)
{
    for (unsigned s = 0; s < at; s++) {
        for (unsigned i = 0; i < list_at(stage, s)->count; i++) {
            const struct campaign *other = list_at(stage, s)->candidates[i].campaign;
            if (other == campaign || share_label(other, campaign))
                return true;
        }
    }
    return false;
}

static bool counts_caps(const struct stage *stage)
{
    return stage->request.has_viewer;
}

static bool certain(const struct stage *stage, unsigned at, const struct campaign *campaign,
                    const struct creative *creative)
{
    return !(counts_caps(stage) && capped(campaign, creative)) && !may_clash(stage, at, campaign);
}

/* Whether the refusal of a creative leaves hope for others of its campaign. */
static bool says_little(const struct stage *stage, const struct creative *creative)
{
    return counts_caps(stage) && creative->caps.count > 0;
}

/* Of two candidates: negative where the first must stand before the second. */
static int rank_order(const struct campaign *a, const struct campaign *b)
{
    if (a->tier != b->tier)
        return (int)a->tier - (int)b->tier;
    if (a->tier == TIER_REMNANT && a->cpm_micro != b->cpm_micro)
        return a->cpm_micro > b->cpm_micro ? -1 : 1;
    return 0;
}

static void check_candidates(const struct stage *stage, unsigned at)
{
    const struct slot_selection *list = list_at(stage, at);
    for (unsigned i = 0; i < list->count; i++) {
        const struct candidate *candidate = &list->candidates[i];
        const struct campaign *campaign = candidate->campaign;
        assert_true(slice_eq(candidate->creative->campaign, campaign->id));
        assert_int_equal(campaign_verdict(stage, at, campaign), REASON_NONE);
        assert_int_equal(creative_verdict(stage, at, campaign, candidate->creative), REASON_NONE);
        assert_int_equal(candidate->capped,
                         counts_caps(stage) && capped(campaign, candidate->creative));
        assert_true(!candidate->capped || stage->selection.needs_caps);
        assert_true(i + 1 == list->count || !certain(stage, at, campaign, candidate->creative));
        assert_true(i == 0 || rank_order(list->candidates[i - 1].campaign, campaign) <= 0);
        assert_true(campaign->share_ppm == 0 || campaign == list->candidates[0].campaign);
        assert_true(i == 0 || list->candidates[i - 1].campaign != campaign ||
                    says_little(stage, list->candidates[i - 1].creative));
        for (unsigned j = 0; j < i; j++) {
            assert_ptr_not_equal(list->candidates[j].creative, candidate->creative);
            assert_true(list->candidates[j].campaign != campaign ||
                        list->candidates[i - 1].campaign == campaign);
        }
    }
}

static bool ended(const struct stage *stage, unsigned at)
{
    const struct slot_selection *list = list_at(stage, at);
    const struct candidate *last = &list->candidates[list->count - 1];
    return list->count > 0 && certain(stage, at, last->campaign, last->creative);
}

/* A creative that could serve and is not in the list: was it right to leave it out? */
static void check_left_out(const struct stage *stage, unsigned at, const struct campaign *campaign,
                           const struct creative *creative)
{
    const struct slot_selection *list = list_at(stage, at);
    const struct creative *other = NULL;
    for (unsigned i = 0; i < list->count; i++) {
        if (list->candidates[i].campaign == campaign)
            other = list->candidates[i].creative;
    }
    if (campaign->share_ppm > 0 && !other)
        return; /* its share was not drawn */
    if (other && !says_little(stage, other))
        return; /* what refuses the other refuses this one */
    if (ended(stage, at)) {
        const struct campaign *last = list->candidates[list->count - 1].campaign;
        assert_true(list->count == CANDIDATES_MAX || rank_order(last, campaign) <= 0);
        assert_true(!certain(stage, at, campaign, creative) || rank_order(last, campaign) <= 0);
        return;
    }
    assert_int_equal(list->count, CANDIDATES_MAX);
    assert_false(certain(stage, at, campaign, creative));
}

static void check_completeness(const struct stage *stage, unsigned at)
{
    for (unsigned c = 0; c < stage->shelf.campaign_count; c++) {
        const struct campaign *campaign = stage->shelf.campaigns[c];
        if (!booked(campaign, stage->request.slots[at].index->slot) ||
            campaign_verdict(stage, at, campaign) != REASON_NONE)
            continue;
        for (unsigned i = 0; i < stage->shelf.creative_count; i++) {
            const struct creative *creative = stage->shelf.creatives[i];
            if (slice_eq(creative->campaign, campaign->id) && !listed(stage, at, creative) &&
                creative_verdict(stage, at, campaign, creative) == REASON_NONE)
                check_left_out(stage, at, campaign, creative);
        }
    }
}

static bool lists_campaign(const struct stage *stage, unsigned at, const struct campaign *campaign)
{
    for (unsigned i = 0; i < list_at(stage, at)->count; i++) {
        if (list_at(stage, at)->candidates[i].campaign == campaign)
            return true;
    }
    return false;
}

static void check_rejections(const struct stage *stage, unsigned at, const struct verdicts *said)
{
    uint32_t counts[REASON_COUNT] = {0};
    unsigned eligible = 0;
    for (unsigned c = 0; c < stage->shelf.campaign_count; c++) {
        const struct campaign *campaign = stage->shelf.campaigns[c];
        if (!booked(campaign, stage->request.slots[at].index->slot)) {
            assert_int_equal(said->of[c], UNSAID);
            continue;
        }
        enum reason expected = campaign_verdict(stage, at, campaign);
        eligible += expected == REASON_NONE;
        if (expected == REASON_NONE && !lists_campaign(stage, at, campaign))
            expected = REASON_OUTWEIGHED;
        assert_int_equal(said->of[c], expected == REASON_NONE ? UNSAID : (unsigned)expected);
        if (expected != REASON_NONE)
            counts[expected]++;
    }
    assert_int_equal(list_at(stage, at)->eligible, eligible);
    assert_memory_equal(list_at(stage, at)->rejected, counts, sizeof counts);
}

/* ---- Checking the page's end ------------------------------------------------------------------
 */

/* Why it can't be beside what the slots before took. */
static enum reason beside(const struct stage *stage, unsigned at, const struct campaign *campaign)
{
    for (unsigned i = 0; i < at; i++) {
        if (stage->chosen[i] < 0)
            continue;
        const struct campaign *other = list_at(stage, i)->candidates[stage->chosen[i]].campaign;
        if (other == campaign)
            return REASON_ON_PAGE;
        if (share_label(other, campaign))
            return REASON_EXCLUSION;
    }
    return REASON_NONE;
}

static int expected_choice(const struct stage *stage, unsigned at, uint32_t refused)
{
    for (unsigned i = 0; i < list_at(stage, at)->count; i++) {
        if (!(refused & UINT32_C(1) << i) &&
            beside(stage, at, list_at(stage, at)->candidates[i].campaign) == REASON_NONE)
            return (int)i;
    }
    return -1;
}

static enum reason expected_end(const struct stage *stage, unsigned at, uint32_t refused,
                                const struct campaign *campaign)
{
    const struct slot_selection *list = list_at(stage, at);
    int chosen = stage->chosen[at];
    unsigned end = chosen < 0 ? list->count : (unsigned)chosen;
    enum reason reason = REASON_OUTWEIGHED;
    if (chosen >= 0 && list->candidates[chosen].campaign == campaign)
        return REASON_NONE;
    for (unsigned i = 0; i < end; i++) {
        if (list->candidates[i].campaign != campaign)
            continue;
        if (refused & UINT32_C(1) << i)
            return REASON_CAP;
        reason = beside(stage, at, campaign);
    }
    return reason;
}

static void check_end(const struct stage *stage, unsigned at, uint32_t refused,
                      const struct verdicts *said)
{
    uint32_t counts[REASON_COUNT] = {0};
    for (unsigned c = 0; c < stage->shelf.campaign_count; c++) {
        const struct campaign *campaign = stage->shelf.campaigns[c];
        if (!booked(campaign, stage->request.slots[at].index->slot))
            continue;
        enum reason verdict = campaign_verdict(stage, at, campaign);
        enum reason end = REASON_NONE;
        if (verdict == REASON_NONE) {
            verdict = expected_end(stage, at, refused, campaign);
            end =
                lists_campaign(stage, at, campaign) ? verdict : REASON_NONE; /* else told before */
        }
        assert_int_equal(said->of[c], end == REASON_NONE ? UNSAID : (unsigned)end);
        if (verdict != REASON_NONE)
            counts[verdict]++;
    }
    assert_memory_equal(list_at(stage, at)->rejected, counts, sizeof counts);
    enum reason unfilled = selection_unfilled_reason(list_at(stage, at));
    for (unsigned r = 0; r < REASON_COUNT; r++) {
        bool more = counts[r] > counts[unfilled];
        bool as_many = counts[r] > 0 && counts[r] == counts[unfilled];
        assert_false(more || (as_many && r > unfilled));
    }
}

/* ---- The property -----------------------------------------------------------------------------
 */

static void check_run(struct stage *stage)
{
    struct told told = {.count = 0};
    unsigned at = 0;
    memset(&stage->selection, 0xaa, sizeof stage->selection);
    selection_run(&stage->request, &stage->random, on_reject, &told, &stage->selection);
    assert_int_equal(stage->selection.slot_count, stage->request.slot_count);
    for (unsigned i = 0; i < stage->request.slot_count; i++) {
        assert_true(list_at(stage, i)->exact);
        if (!stage->request.slots[i].index) {
            assert_int_equal(list_at(stage, i)->count + sum(list_at(stage, i)), 0);
            continue;
        }
        struct verdicts said = take(stage, &told, &at, sum(list_at(stage, i)));
        check_rejections(stage, i, &said);
        check_candidates(stage, i);
        check_completeness(stage, i);
    }
    assert_int_equal(at, told.count);
}

/* Caps refuse at random, but nothing that has none. */
static void refuse(const struct stage *stage, uint32_t refused[PAGE_SLOTS_MAX])
{
    unsigned often = throw(4);
    for (unsigned i = 0; i < stage->selection.slot_count; i++) {
        refused[i] = 0;
        for (unsigned c = 0; c < list_at(stage, i)->count; c++) {
            if (list_at(stage, i)->candidates[c].capped && throw(4) < often)
                refused[i] |= UINT32_C(1) << c;
        }
    }
}

static void check_settle(struct stage *stage)
{
    struct told told = {.count = 0};
    uint32_t refused[PAGE_SLOTS_MAX];
    unsigned before[PAGE_SLOTS_MAX] = {0}, at = 0;
    for (unsigned i = 0; i < stage->request.slot_count; i++)
        before[i] = sum(list_at(stage, i));
    refuse(stage, refused);
    selection_settle(&stage->selection, refused, on_reject, &told, stage->chosen);
    for (unsigned i = 0; i < stage->request.slot_count; i++) {
        assert_int_equal(stage->chosen[i], expected_choice(stage, i, refused[i]));
        if (!stage->request.slots[i].index)
            continue;
        struct verdicts said = take(stage, &told, &at, sum(list_at(stage, i)) - before[i]);
        check_end(stage, i, refused[i], &said);
    }
    assert_int_equal(at, told.count);
}

static void test_decisions_keep_the_rules(void **state)
{
    (void)state;
    random_seed(&dice, 2026);
    for (unsigned c = 0; c < CATALOGS; c++) {
        struct stage stage;
        make_catalog(&stage);
        for (unsigned i = 0; i < PAGES_PER_CATALOG; i++) {
            make_page(&stage);
            check_run(&stage);
            check_settle(&stage);
        }
        stage_close(&stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decisions_keep_the_rules),
    };
    return cmocka_run_group_tests_name("decision/reference", tests, NULL, NULL);
}
