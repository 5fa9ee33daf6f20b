/*
 * How a slot's list comes about:
 *
 * 1. admit()  walks all bookings of the slot, judges each, and gathers the eligible ones tier by
 *             tier in the catalog's scratch array, the pool.
 * 2. rank_*() draw from a tier's pool until it is empty or the list has ended.
 * 3. offer()  puts a drawn campaign's creatives into the list, drawn in their turn.
 *
 * A weighted draw: the weights lie side by side on a line, a number below their sum falls into one
 * of them. Drawing again among the others gives an order in which the first that is not refused is
 * drawn as if the refused ones had never been there.
 */
#include "decision/selection.h"

#include "base/check.h"
#include "decision/judging.h"
#include "decision/page_rules.h"

#define SHARES_ALL 1000000 /* 100 % in millionths */

/* The making of one slot's list. */
struct ranking {
    struct selection *selection;
    struct slot_selection *slot;
    struct random *random;
    bool ended; /* the last candidate can't be refused */
};

/* ---- Drawing --------------------------------------------------------------------------------- */

static uint64_t weigh(const struct booking *const *pool, unsigned count)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < count; i++)
        total += pool[i]->campaign->weight;
    return total;
}

/* `total` is the weight of the whole pool. Nothing is drawn where there is no choice. */
static unsigned draw_booking(struct random *random, const struct booking *const *pool,
                             uint64_t total)
{
    if (pool[0]->campaign->weight == total)
        return 0;
    uint64_t ticket = random_below(random, total);
    unsigned at = 0;
    while (ticket >= pool[at]->campaign->weight)
        ticket -= pool[at++]->campaign->weight;
    return at;
}

/* How an earlier slot of the page may stand in the way. */
enum clash {
    CLASH_NONE,
    CLASH_CREATIVE, /* it may take this creative, but leaves the campaign's others */
    CLASH_CAMPAIGN, /* it may take what the whole campaign does not go with */
};

static enum clash clash_with(const struct candidate *earlier, const struct campaign *campaign,
                             const struct creative *creative)
{
    if (earlier->campaign != campaign)
        return campaigns_exclude(earlier->campaign, campaign) ? CLASH_CAMPAIGN : CLASH_NONE;
    if (campaign->roadblock == ROADBLOCK_OFF)
        return CLASH_CAMPAIGN;
    return earlier->creative == creative ? CLASH_CREATIVE : CLASH_NONE;
}

static enum clash may_clash(const struct ranking *ranking, const struct campaign *campaign,
                            const struct creative *creative)
{
    enum clash worst = CLASH_NONE;
    for (const struct slot_selection *slot = ranking->selection->slots; slot < ranking->slot;
         slot++) {
        for (unsigned i = 0; i < slot->count; i++) {
            enum clash clash = clash_with(&slot->candidates[i], campaign, creative);
            worst = clash > worst ? clash : worst;
        }
    }
    return worst;
}

/* Caps are only counted for a viewer that is known; anonymous ones are served past them. */
static bool needs_cap(const struct ranking *ranking, const struct campaign *campaign,
                      const struct creative *creative)
{
    return ranking->selection->counts_caps && is_capped(campaign, creative);
}

/* Which creatives a draw is among. */
typedef bool creative_filter_fn(const struct ranking *ranking, const struct booking *booking,
                                const struct creative *creative);

static bool is_usable(const struct ranking *ranking, const struct booking *booking,
                      const struct creative *creative)
{
    return judge_creative(ranking->selection, ranking->slot->width, booking->campaign, creative) ==
           REASON_NONE;
}

/* Usable, and nothing can refuse it later. */
static bool is_certain(const struct ranking *ranking, const struct booking *booking,
                       const struct creative *creative)
{
    return is_usable(ranking, booking, creative) &&
           !needs_cap(ranking, booking->campaign, creative) &&
           may_clash(ranking, booking->campaign, creative) == CLASH_NONE;
}

/* Usable, and not in the list yet; a campaign's creatives stand together at its end. */
static bool is_fresh(const struct ranking *ranking, const struct booking *booking,
                     const struct creative *creative)
{
    const struct slot_selection *slot = ranking->slot;
    for (unsigned i = slot->count; i > 0; i--) {
        if (slot->candidates[i - 1].campaign != booking->campaign)
            break;
        if (slot->candidates[i - 1].creative == creative)
            return false;
    }
    return is_usable(ranking, booking, creative);
}

/* Draws by weight among those that pass the filter; NULL where none does. */
static const struct creative *draw_creative(const struct ranking *ranking,
                                            const struct booking *booking,
                                            creative_filter_fn *filter)
{
    uint64_t total = 0;
    const struct creative *last = NULL;
    for (unsigned i = 0; i < booking->creative_count; i++) {
        if (!filter(ranking, booking, booking->creatives[i]))
            continue;
        last = booking->creatives[i];
        total += last->weight;
    }
    if (!last || last->weight == total)
        return last;
    uint64_t ticket = random_below(ranking->random, total);
    for (unsigned i = 0;; i++) {
        const struct creative *creative = booking->creatives[i];
        if (!filter(ranking, booking, creative))
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
    enum clash clash = may_clash(ranking, campaign, creative);
    ranking->slot->candidates[at] =
        (struct candidate){.campaign = campaign, .creative = creative, .capped = capped};
    ranking->selection->needs_caps |= capped;
    ranking->ended = !capped && clash == CLASH_NONE;
    return clash == CLASH_CREATIVE || (capped && creative->caps.count > 0);
}

/* The list is full: only a candidate that can't be refused is still of use, in the last place. */
static void offer_last(struct ranking *ranking, const struct booking *booking)
{
    const struct creative *creative = draw_creative(ranking, booking, is_certain);
    if (creative)
        (void)put(ranking, CANDIDATES_MAX - 1, booking->campaign, creative);
}

static void offer(struct ranking *ranking, const struct booking *booking)
{
    struct slot_selection *slot = ranking->slot;
    bool more = true;
    while (more && slot->count < CANDIDATES_MAX) {
        const struct creative *creative = draw_creative(ranking, booking, is_fresh);
        if (!creative)
            return;
        more = put(ranking, slot->count++, booking->campaign, creative);
    }
    if (more)
        offer_last(ranking, booking);
}

static bool has_certain(const struct ranking *ranking, const struct booking *booking)
{
    for (unsigned i = 0; i < booking->creative_count; i++) {
        if (is_certain(ranking, booking, booking->creatives[i]))
            return true;
    }
    return false;
}

/* The list is full: one draw among those that can end it, as if the others had been refused. */
static void rank_last(struct ranking *ranking, const struct booking **pool, unsigned count)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++) {
        if (has_certain(ranking, pool[i]))
            pool[kept++] = pool[i];
    }
    if (kept > 0)
        offer_last(ranking, pool[draw_booking(ranking->random, pool, weigh(pool, kept))]);
}

/* Candidates of equal rank, drawn by weight. */
static void rank_equal(struct ranking *ranking, const struct booking **pool, unsigned count)
{
    uint64_t total = weigh(pool, count);
    while (count > 0 && !ranking->ended) {
        if (ranking->slot->count == CANDIDATES_MAX) {
            rank_last(ranking, pool, count);
            return;
        }
        unsigned at = draw_booking(ranking->random, pool, total);
        total -= pool[at]->campaign->weight;
        offer(ranking, pool[at]);
        pool[at] = pool[--count];
    }
}

/* The pool is in order of cpm, so that equal ones stand together. */
static void rank_by_cpm(struct ranking *ranking, const struct booking **pool, unsigned count)
{
    for (unsigned from = 0, to; from < count && !ranking->ended; from = to) {
        to = from;
        while (to < count && pool[to]->campaign->cpm_micro == pool[from]->campaign->cpm_micro)
            to++;
        rank_equal(ranking, pool + from, to - from);
    }
}

/* The pool is parted: campaigns with a share first. Returns how many those are. */
static unsigned part_by_share(const struct booking **pool, unsigned count, uint64_t *ret_total)
{
    unsigned sharing = 0;
    *ret_total = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct booking *booking = pool[i];
        if (booking->campaign->share_ppm == 0)
            continue;
        *ret_total += booking->campaign->share_ppm;
        pool[i] = pool[sharing];
        pool[sharing++] = booking;
    }
    return sharing;
}

static void rank_by_share(struct ranking *ranking, const struct booking **pool, unsigned count)
{
    uint64_t total;
    unsigned sharing = part_by_share(pool, count, &total);
    if (sharing > 0) {
        uint64_t ticket = random_below(ranking->random, total > SHARES_ALL ? total : SHARES_ALL);
        unsigned at = 0;
        while (at < sharing && ticket >= pool[at]->campaign->share_ppm)
            ticket -= pool[at++]->campaign->share_ppm;
        if (at < sharing)
            offer(ranking, pool[at]);
    }
    rank_equal(ranking, pool + sharing, count - sharing);
}

typedef void rank_fn(struct ranking *ranking, const struct booking **pool, unsigned count);
static rank_fn *const rank_tier[TIER_COUNT] = {
    [TIER_SPONSORSHIP] = rank_by_share,
    [TIER_STANDARD] = rank_equal,
    [TIER_REMNANT] = rank_by_cpm,
    [TIER_HOUSE] = rank_equal,
};

/* ---- The page -------------------------------------------------------------------------------- */

/* Gathers the eligible bookings of a tier; returns how many. */
static unsigned admit(struct ranking *ranking, const struct listener *listener, unsigned tier)
{
    struct slot_selection *slot = ranking->slot;
    const struct slot_index *index = slot->index;
    unsigned count = 0;
    for (unsigned i = index->tier_start[tier]; i < index->tier_start[tier + 1]; i++) {
        const struct booking *booking = &index->bookings[i];
        enum reason reason = judge_booking(ranking->selection, slot->width, booking);
        if (reason == REASON_NONE)
            index->scratch[count++] = booking;
        else
            reject_campaign(slot, listener, booking->campaign, reason);
    }
    slot->eligible += count;
    return count;
}

static void fill_slot(struct ranking *ranking, const struct listener *listener)
{
    const struct slot_index *index = ranking->slot->index;
    for (unsigned tier = 0; tier < TIER_COUNT; tier++) {
        unsigned count = admit(ranking, listener, tier);
        if (!ranking->ended)
            rank_tier[tier](ranking, index->scratch, count);
    }
    for (unsigned i = 0; i < index->resting_count; i++)
        reject_campaign(ranking->slot, listener, index->resting[i].campaign,
                        index->resting[i].reason);
}

static void close_slot(struct slot_selection *slot, const struct listener *listener,
                       enum reason reason)
{
    const struct slot_index *index = slot->index;
    for (unsigned i = 0; i < index->tier_start[TIER_COUNT]; i++)
        reject_campaign(slot, listener, index->bookings[i].campaign, reason);
    for (unsigned i = 0; i < index->resting_count; i++)
        reject_campaign(slot, listener, index->resting[i].campaign, reason);
}

/* Only what is asked for is set: a whole selection is large, and most pages have few slots. */
static void clear_slot(struct slot_selection *slot, const struct page_slot *asked)
{
    slot->count = 0;
    memset(slot->rejected, 0, sizeof slot->rejected);
    slot->index = asked->index;
    slot->width = asked->width;
    slot->eligible = 0;
}

void selection_run(const struct page_request *request, struct random *random,
                   selection_reject_fn *reject, void *arg, struct selection *ret)
{
    struct listener listener = {reject, arg};
    CHECK(request->slot_count <= PAGE_SLOTS_MAX);
    ret->slot_count = request->slot_count;
    ret->needs_caps = false;
    ret->now_us = request->now_us;
    ret->deliveries = request->deliveries;
    ret->facts = &request->facts;
    ret->capped_reason = judge_capped(request);
    ret->counts_caps = request->has_viewer;
    for (unsigned i = 0; i < request->slot_count; i++) {
        struct slot_selection *slot = &ret->slots[i];
        clear_slot(slot, &request->slots[i]);
        if (!slot->index)
            continue;
        enum reason reason = judge_slot(slot->index->slot, request->facts.domain);
        struct ranking ranking = {.selection = ret, .slot = slot, .random = random};
        if (reason == REASON_NONE)
            fill_slot(&ranking, &listener);
        else
            close_slot(slot, &listener, reason);
    }
}
