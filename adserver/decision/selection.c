/*
 * How a slot's list comes about:
 *
 * 1. fill_*() gathers the offers that may serve, tier by tier, in the index's scratch array, the
 *    pool: by the index, or judging all.
 * 2. rank_*() draw from a tier's pool until it is empty or the list has ended.
 * 3. enlist() puts a drawn campaign's creatives into the list, drawn in their turn.
 *
 * A weighted draw: the weights lie side by side on a line, a number below their sum falls into one
 * of them. Drawing again among the others gives an order in which the first that is not refused is
 * drawn as if the refused ones had never been there.
 */
#include "decision/selection.h"

#include "base/check.h"
#include "decision/counting.h"
#include "decision/gathering.h"
#include "decision/judging.h"
#include "decision/page_rules.h"
#include "decision/roadblock.h"

#define SHARES_ALL 1000000 /* 100 % in millionths */

/* The making of one slot's list. */
struct ranking {
    struct selection *selection;
    struct slot_selection *slot;
    const struct page_slot *asked;
    struct catalog_index *index;
    struct random *random;
    struct listener listener;
    bool ended; /* the last candidate can't be refused */
    struct roadblock_page page;
    struct roadblock_plan plans[ROADBLOCKS_MAX]; /* of campaigns that lead the page */
    unsigned plan_count, followers;              /* the latter at the slot at hand */
};

/* ---- Drawing --------------------------------------------------------------------------------- */

static uint64_t weigh(const struct offer *const *pool, unsigned count)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < count; i++)
        total += pool[i]->campaign->weight;
    return total;
}

/* `total` is the weight of the whole pool. Nothing is drawn where there is no choice. */
static unsigned draw_offer(struct random *random, const struct offer *const *pool, uint64_t total)
{
    if (pool[0]->campaign->weight == total)
        return 0;
    uint64_t ticket = random_below(random, total);
    unsigned at = 0;
    while (ticket >= pool[at]->campaign->weight)
        ticket -= pool[at++]->campaign->weight;
    return at;
}

/* How earlier slots of the page may stand in the way, as bits. */
enum clash {
    CLASH_NONE = 0,
    CLASH_CREATIVE = 1, /* one may take this creative, but leaves the campaign's others */
    CLASH_CAMPAIGN = 2, /* one may take what the whole campaign does not go with */
};

static enum clash clash_with(const struct candidate *earlier, const struct campaign *campaign,
                             const struct creative *creative)
{
    if (earlier->campaign != campaign)
        return campaign->exclusions.count > 0 && campaigns_exclude(earlier->campaign, campaign)
                   ? CLASH_CAMPAIGN
                   : CLASH_NONE;
    if (campaign->roadblock == ROADBLOCK_OFF)
        return CLASH_CAMPAIGN;
    return earlier->creative == creative ? CLASH_CREATIVE : CLASH_NONE;
}

static unsigned may_clash(const struct ranking *ranking, const struct campaign *campaign,
                          const struct creative *creative)
{
    unsigned clashes = CLASH_NONE;
    for (const struct slot_selection *slot = ranking->selection->slots; slot < ranking->slot;
         slot++) {
        for (unsigned i = 0; i < slot->count; i++)
            clashes |= clash_with(&slot->candidates[i], campaign, creative);
    }
    return clashes;
}

/* Caps are only counted for a viewer that is known; anonymous ones are served past them. */
static bool needs_cap(const struct ranking *ranking, const struct campaign *campaign,
                      const struct creative *creative)
{
    return ranking->selection->counts_caps && is_capped(campaign, creative);
}

/* Which creatives a draw is among. */
typedef bool creative_filter_fn(const struct ranking *ranking, const struct offer *offer,
                                const struct creative *creative);

static bool is_usable(const struct ranking *ranking, const struct offer *offer,
                      const struct creative *creative)
{
    return !was_on_page(ranking->selection->request, creative) &&
           judge_creative(ranking->selection, ranking->asked, offer->campaign, creative) ==
               REASON_NONE;
}

/* Usable, and nothing can refuse it later. */
static bool is_certain(const struct ranking *ranking, const struct offer *offer,
                       const struct creative *creative)
{
    return is_usable(ranking, offer, creative) && !needs_cap(ranking, offer->campaign, creative) &&
           may_clash(ranking, offer->campaign, creative) == CLASH_NONE;
}

/* Usable, and not in the list yet; a campaign's creatives stand together at its end. */
static bool is_fresh(const struct ranking *ranking, const struct offer *offer,
                     const struct creative *creative)
{
    const struct slot_selection *slot = ranking->slot;
    for (unsigned i = slot->count; i > 0; i--) {
        if (slot->candidates[i - 1].campaign != offer->campaign)
            break;
        if (slot->candidates[i - 1].creative == creative)
            return false;
    }
    return is_usable(ranking, offer, creative);
}

/* Draws by weight among those that pass the filter; NULL where none does. */
static const struct creative *draw_creative(const struct ranking *ranking,
                                            const struct offer *offer, creative_filter_fn *filter)
{
    uint64_t total = 0;
    const struct creative *last = NULL;
    for (unsigned i = 0; i < offer->active_count; i++) {
        if (!filter(ranking, offer, offer_creative(offer, i)))
            continue;
        last = offer_creative(offer, i);
        total += last->weight;
    }
    if (!last || last->weight == total)
        return last;
    uint64_t ticket = random_below(ranking->random, total);
    for (unsigned i = 0;; i++) {
        const struct creative *creative = offer_creative(offer, i);
        if (!filter(ranking, offer, creative))
            continue;
        if (ticket < creative->weight)
            return creative;
        ticket -= creative->weight;
    }
}

/* ---- Listing --------------------------------------------------------------------------------- */

/*
 * Returns whether another creative of the campaign is of use behind this one: it is where this one
 * may be refused and that says nothing of the others.
 */
static bool put(struct ranking *ranking, unsigned at, const struct campaign *campaign,
                const struct creative *creative)
{
    bool capped = needs_cap(ranking, campaign, creative);
    unsigned clashes = may_clash(ranking, campaign, creative);
    ranking->slot->candidates[at] = (struct candidate){.campaign = campaign,
                                                       .creative = creative,
                                                       .capped = capped,
                                                       .bound = campaign->delivery != 0};
    ranking->selection->needs_caps |= capped;
    ranking->ended = !capped && clashes == CLASH_NONE;
    return (clashes & CLASH_CREATIVE) || (capped && creative->caps.count > 0);
}

/* The list is full: only a candidate that can't be refused is still of use, in the last place. */
static void enlist_last(struct ranking *ranking, const struct offer *offer)
{
    const struct creative *creative = draw_creative(ranking, offer, is_certain);
    if (creative)
        (void)put(ranking, CANDIDATES_MAX - 1, offer->campaign, creative);
}

/* Whether the campaign wants the whole page, and the page has more than one slot. */
static bool wants_all(const struct ranking *ranking, const struct campaign *campaign)
{
    return campaign->roadblock == ROADBLOCK_ALL && ranking->page.count > 1;
}

static unsigned position_of(const struct ranking *ranking)
{
    return (unsigned)(ranking->slot - ranking->selection->slots);
}

/* What the plan has for the slot. Its leader's caps are asked for with those of all followers. */
static void put_planned(struct ranking *ranking, const struct roadblock_plan *plan, bool leads)
{
    const struct campaign *campaign = plan->offer->campaign;
    bool capped = false;
    for (unsigned i = 0; i < PAGE_SLOTS_MAX; i++)
        capped |= plan->creatives[i] && needs_cap(ranking, campaign, plan->creatives[i]);
    ranking->slot->candidates[ranking->slot->count++] = (struct candidate){
        .campaign = campaign,
        .creative = plan->creatives[position_of(ranking)],
        .capped = leads && capped,
        .bound = campaign->delivery != 0,
        .leads = leads,
        .follows = !leads,
    };
    ranking->selection->needs_caps |= capped;
}

/*
 * It may be taken out again (roadblock_drop_outranked()), so the list goes on behind it. Only the
 * page's first slot comes here: elsewhere judge_page_wide() has kept it out.
 */
static void enlist_leader(struct ranking *ranking, const struct offer *offer)
{
    struct roadblock_plan *plan = &ranking->plans[ranking->plan_count];
    unsigned turn = (unsigned)random_below(ranking->random, offer->active_count);
    if (ranking->plan_count == ROADBLOCKS_MAX || ranking->slot->count == CANDIDATES_MAX ||
        !roadblock_make_plan(ranking->selection, offer, turn, plan))
        return;
    ranking->plan_count++;
    put_planned(ranking, plan, true);
}

/* Those that lead the page stand first in its later slots. */
static void enlist_followers(struct ranking *ranking)
{
    for (unsigned i = 0; i < ranking->plan_count; i++) {
        if (ranking->plans[i].creatives[position_of(ranking)])
            put_planned(ranking, &ranking->plans[i], false);
    }
}

/* Why a campaign that wants the whole page can't be drawn for the slot; REASON_NONE: it can. */
static enum reason judge_page_wide(const struct ranking *ranking, const struct offer *offer)
{
    struct roadblock_plan plan;
    if (!wants_all(ranking, offer->campaign))
        return REASON_NONE;
    if (position_of(ranking) != ranking->page.lead ||
        !roadblock_make_plan(ranking->selection, offer, 0, &plan))
        return REASON_ROADBLOCK;
    return REASON_NONE;
}

static enum reason judge_for_draw(const struct ranking *ranking, const struct offer *offer)
{
    const struct page_request *request = ranking->selection->request;
    enum reason reason = judge_offer(ranking->selection, ranking->asked, offer);
    if (reason == REASON_NONE && request->on_page_count > 0)
        reason = judge_beside(request, offer->campaign);
    if (reason == REASON_NONE && offer->blocks)
        reason = judge_page_wide(ranking, offer);
    return reason;
}

static void enlist(struct ranking *ranking, const struct offer *offer)
{
    struct slot_selection *slot = ranking->slot;
    if (wants_all(ranking, offer->campaign)) {
        enlist_leader(ranking, offer);
        return;
    }
    bool more = true;
    while (more && slot->count < CANDIDATES_MAX) {
        const struct creative *creative = draw_creative(ranking, offer, is_fresh);
        if (!creative)
            return;
        more = put(ranking, slot->count++, offer->campaign, creative);
    }
    if (more)
        enlist_last(ranking, offer);
}

static bool has_certain(const struct ranking *ranking, const struct offer *offer)
{
    for (unsigned i = 0; i < offer->active_count; i++) {
        if (is_certain(ranking, offer, offer_creative(offer, i)))
            return true;
    }
    return false;
}

/* The list is full: one draw among those that can end it, as if the others had been refused. */
static void rank_last(struct ranking *ranking, const struct offer **pool, unsigned count)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++) {
        if (has_certain(ranking, pool[i]))
            pool[kept++] = pool[i];
    }
    if (kept > 0)
        enlist_last(ranking, pool[draw_offer(ranking->random, pool, weigh(pool, kept))]);
}

/* Candidates of equal rank, drawn by weight. */
static void rank_equal(struct ranking *ranking, const struct offer **pool, unsigned count)
{
    uint64_t total = weigh(pool, count);
    while (count > 0 && !ranking->ended) {
        if (ranking->slot->count == CANDIDATES_MAX) {
            rank_last(ranking, pool, count);
            return;
        }
        unsigned at = draw_offer(ranking->random, pool, total);
        total -= pool[at]->campaign->weight;
        enlist(ranking, pool[at]);
        pool[at] = pool[--count];
    }
}

/* The pool is parted: those of the highest cpm first. Returns how many those are. */
static unsigned part_highest(const struct offer **pool, unsigned count)
{
    unsigned highest = 0;
    int64_t cpm_micro = -1;
    for (unsigned i = 0; i < count; i++) {
        const struct offer *offer = pool[i];
        if (offer->campaign->cpm_micro < cpm_micro)
            continue;
        if (offer->campaign->cpm_micro > cpm_micro)
            highest = 0;
        cpm_micro = offer->campaign->cpm_micro;
        pool[i] = pool[highest];
        pool[highest++] = offer;
    }
    return highest;
}

static void rank_by_cpm(struct ranking *ranking, const struct offer **pool, unsigned count)
{
    while (count > 0 && !ranking->ended) {
        unsigned highest = part_highest(pool, count);
        rank_equal(ranking, pool, highest);
        pool += highest;
        count -= highest;
    }
}

/* The pool is parted: campaigns with a share first. Returns how many those are. */
static unsigned part_by_share(const struct offer **pool, unsigned count, uint64_t *ret_total)
{
    unsigned sharing = 0;
    *ret_total = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct offer *offer = pool[i];
        if (offer->campaign->share_ppm == 0)
            continue;
        *ret_total += offer->campaign->share_ppm;
        pool[i] = pool[sharing];
        pool[sharing++] = offer;
    }
    return sharing;
}

/* Whom the ticket falls to; `sharing`: nobody's share. */
static unsigned find_ticket(const struct offer *const *pool, unsigned sharing, uint64_t ticket)
{
    unsigned at = 0;
    while (at < sharing && ticket >= pool[at]->campaign->share_ppm)
        ticket -= pool[at++]->campaign->share_ppm;
    return at;
}

/* Of those that draws are owed the one with the most; its debt is paid. `sharing`: none is. */
static unsigned pay_debt(struct share_deck *deck, const struct offer *const *pool, unsigned sharing)
{
    unsigned at = sharing, most = 0;
    for (unsigned i = 0; i < sharing && deck->owed > 0; i++) {
        unsigned owed = share_deck_owed(deck, pool[i]->campaign->id);
        at = owed > most ? i : at;
        most = owed > most ? owed : most;
    }
    if (at < sharing)
        share_deck_pay(deck, pool[at]->campaign->id);
    return at;
}

static void rank_by_share(struct ranking *ranking, const struct offer **pool, unsigned count)
{
    struct share_deck *deck = &ranking->asked->index->rows->deck;
    uint64_t total;
    unsigned sharing = part_by_share(pool, count, &total);
    if (sharing > 0) {
        uint64_t ticket =
            share_deck_draw(deck, ranking->random, total > SHARES_ALL ? total : SHARES_ALL);
        unsigned at = find_ticket(pool, sharing, ticket);
        at = at < sharing ? at : pay_debt(deck, pool, sharing);
        if (at < sharing)
            enlist(ranking, pool[at]);
    }
    rank_equal(ranking, pool + sharing, count - sharing);
}

typedef void rank_fn(struct ranking *ranking, const struct offer **pool, unsigned count);
static rank_fn *const rank_tier[TIER_COUNT] = {
    [TIER_SPONSORSHIP] = rank_by_share,
    [TIER_STANDARD] = rank_equal,
    [TIER_REMNANT] = rank_by_cpm,
    [TIER_HOUSE] = rank_equal,
};

/* ---- A slot ---------------------------------------------------------------------------------- */

/* Those of the pool that may serve move to its front; returns how many. */
static unsigned keep_eligible(const struct ranking *ranking, const struct offer **pool,
                              unsigned count)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++) {
        if (judge_for_draw(ranking, pool[i]) == REASON_NONE)
            pool[kept++] = pool[i];
    }
    return kept;
}

/* By the index: only those that may serve are looked at, and only as long as the list is open. */
static void fill_by_index(struct ranking *ranking, struct gathering *gathering)
{
    const struct selection *selection = ranking->selection;
    const struct offer **pool = ranking->index->scratch.pool;
    bool uncapped = selection->capped_reason != REASON_NONE;
    for (enum tier tier = 0; tier < TIER_COUNT && !ranking->ended; tier++) {
        unsigned count =
            gathering_tier(gathering, selection->request, ranking->asked, uncapped, tier, pool);
        count = keep_eligible(ranking, pool, count);
        ranking->slot->eligible += count;
        rank_tier[tier](ranking, pool, count);
    }
}

/* Judges a tier of the roster; the eligible ones are the pool. Returns how many. */
static unsigned judge_tier(struct ranking *ranking, const struct roster *roster, unsigned tier,
                           uint8_t *verdicts, const struct offer **pool)
{
    unsigned count = 0;
    for (unsigned i = roster->tier_start[tier]; i < roster->tier_start[tier + 1]; i++) {
        const struct offer *offer = roster->items[i];
        enum reason reason = judge_for_draw(ranking, offer);
        bool follows =
            ranking->followers > 0 && is_listed(ranking->slot, ranking->followers, offer->campaign);
        verdicts[i] = (uint8_t)(follows ? REASON_NONE : reason);
        if (follows)
            continue;
        if (reason == REASON_NONE)
            pool[count++] = offer;
        else
            reject_campaign(ranking->slot, &ranking->listener, offer->campaign, reason);
    }
    return count;
}

/* Eligible ones that the list has no place for, or no use. */
static void reject_unlisted(struct ranking *ranking, const struct roster *roster,
                            const uint8_t *verdicts)
{
    for (unsigned i = 0; i < roster->tier_start[TIER_COUNT]; i++) {
        const struct campaign *campaign = roster->items[i]->campaign;
        if (verdicts[i] == REASON_NONE && !is_listed(ranking->slot, ranking->slot->count, campaign))
            reject_campaign(ranking->slot, &ranking->listener, campaign, REASON_OUTWEIGHED);
    }
}

/* By judging all that are booked on the slot. */
static void fill_by_roster(struct ranking *ranking)
{
    const struct roster *roster = gather_roster(ranking->index, ranking->asked->index->rows);
    const struct offer **pool = ranking->index->scratch.pool;
    uint8_t few[ROSTER_MAX], *verdicts = few;
    if (roster->tier_start[TIER_COUNT] > ROSTER_MAX)
        verdicts = ranking->index->scratch.verdicts;
    for (unsigned tier = 0; tier < TIER_COUNT; tier++) {
        unsigned count = judge_tier(ranking, roster, tier, verdicts, pool);
        ranking->slot->eligible += count;
        if (!ranking->ended)
            rank_tier[tier](ranking, pool, count);
    }
    if (ranking->slot->eligible > 0)
        reject_unlisted(ranking, roster, verdicts);
}

static void close_by_roster(struct ranking *ranking, enum reason reason)
{
    const struct roster *roster = gather_roster(ranking->index, ranking->asked->index->rows);
    for (unsigned i = 0; i < roster->tier_start[TIER_COUNT]; i++)
        reject_campaign(ranking->slot, &ranking->listener, roster->items[i]->campaign, reason);
}

/* ---- The page -------------------------------------------------------------------------------- */

static void fill_slot(struct ranking *ranking, struct gathering *gathering)
{
    const struct page_request *request = ranking->selection->request;
    const struct slot_index *slot = ranking->asked->index;
    enum reason closed = judge_slot(slot->slot, request->facts.domain);
    ranking->slot->exact =
        request->judge_all || count_booked(ranking->index, slot->rows) <= ROSTER_MAX;
    if (closed == REASON_NONE)
        enlist_followers(ranking);
    ranking->followers = ranking->slot->count;
    if (closed == REASON_NONE && ranking->slot->exact)
        fill_by_roster(ranking);
    else if (closed == REASON_NONE)
        fill_by_index(ranking, gathering);
    else if (ranking->slot->exact)
        close_by_roster(ranking, closed);
}

/* Only what is asked for is set: a whole selection is large, and most pages have few slots. */
static void clear_slot(struct slot_selection *slot)
{
    slot->count = 0;
    memset(slot->rejected, 0, sizeof slot->rejected);
    slot->eligible = 0;
    slot->exact = true;
}

static struct catalog_index *find_index(const struct page_request *request)
{
    for (unsigned i = 0; i < request->slot_count; i++) {
        if (request->slots[i].index)
            return request->slots[i].index->catalog->index;
    }
    return NULL;
}

void selection_run(const struct page_request *request, struct random *random,
                   selection_reject_fn *reject, void *arg, struct selection *ret)
{
    struct gathering gathering;
    struct ranking ranking = {.selection = ret,
                              .index = find_index(request),
                              .random = random,
                              .listener = {reject, arg}};
    CHECK(request->slot_count <= PAGE_SLOTS_MAX);
    ret->slot_count = request->slot_count;
    ret->needs_caps = false;
    ret->request = request;
    ret->capped_reason = judge_capped(request);
    ret->counts_caps = request->has_viewer;
    ranking.page = roadblock_page(request);
    gathering_init(&gathering, ranking.index);
    for (unsigned i = 0; i < request->slot_count; i++) {
        clear_slot(&ret->slots[i]);
        ranking.slot = &ret->slots[i];
        ranking.asked = &request->slots[i];
        ranking.ended = false;
        if (ranking.asked->index)
            fill_slot(&ranking, &gathering);
    }
    gathering_end(&gathering);
    if (ranking.plan_count > 0)
        roadblock_drop_outranked(ret, &ranking.listener);
    count_in_turn(ret, &ranking.listener);
}

/* ---- Keeping --------------------------------------------------------------------------------- */

static void keep_both(const struct campaign *campaign, const struct creative *creative)
{
    if (campaign)
        campaign_retain((struct campaign *)campaign);
    if (creative)
        creative_retain((struct creative *)creative);
}

static void let_go_both(const struct campaign *campaign, const struct creative *creative)
{
    campaign_release((struct campaign *)campaign);
    creative_release((struct creative *)creative);
}

typedef void entries_fn(const struct campaign *campaign, const struct creative *creative);

static void each_entry(const struct selection *selection, entries_fn *fn)
{
    const struct page_request *request = selection->request;
    for (unsigned s = 0; s < selection->slot_count; s++) {
        const struct slot_selection *slot = &selection->slots[s];
        for (unsigned i = 0; i < slot->count; i++)
            fn(slot->candidates[i].campaign, slot->candidates[i].creative);
    }
    for (unsigned i = 0; i < request->on_page_count; i++)
        fn(request->on_page[i].campaign, request->on_page[i].creative);
}

void selection_keep(const struct selection *selection)
{
    each_entry(selection, keep_both);
}

void selection_let_go(const struct selection *selection)
{
    each_entry(selection, let_go_both);
}
