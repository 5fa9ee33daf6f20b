/*
 * selection: which creatives to offer for the slots of a page, best first.
 *
 * 1. The campaigns that may serve on the slot now are gathered: by the index (catalog_index.h), or
 *    where few are booked on the slot by looking at all. Each is judged.
 * 2. Tiers strictly in order; a lower one is not even asked when the higher has filled the slot.
 *    Inside standard and house the order is a weighted draw without replacement; inside remnant the
 *    highest cpm first, equal ones drawn by weight. Inside sponsorship one ticket decides by share:
 *    a campaign with a share of 30 % gets the slot in 30 % of all draws and is not a candidate in
 *    the others; shares of more than 100 % in all are scaled down to 100. What the shares leave, or
 *    what their campaign cannot take because a cap refuses it, goes to the sponsorship campaigns
 *    without a share (a weighted draw again) and from there to the tiers below. Creatives inside a
 *    campaign: a weighted draw as well.
 *
 *    Tickets come from the slot's deck (drawing.h), so a share is held to a few draws after any
 *    number of them, as long as the same sponsors may serve on all of them. A draw in which a
 *    sponsor may not serve (targeting, hours, nothing left) has no part for it. One in which a cap
 *    or the page's other slots refuse it goes on to the next in rank, is owed to it, and is made up
 *    for when a ticket falls to nobody's share: so the share is what is served, as far as what no
 *    share has sold reaches for that.
 * 3. The list ends with the first candidate that nothing can refuse any more: one without caps that
 *    no earlier slot of the page may take. Everything before it may be refused when its caps are
 * reserved (store/viewer_caps.h); then the next one is tried. Where more than CANDIDATES_MAX stand
 * before it, it takes the last place, so that caps alone never leave a slot empty. A campaign
 * stands in the list with several creatives, one behind the other, where one of them may be refused
 * by itself (by a cap of its own, or as it may be on the page already).
 * 4. Refusals are counted by campaign and reason, always. On a slot with at most ROSTER_MAX
 *    campaigns each request looks at all of them. On others those at hand, in the list, are told
 *    as they come; and every COUNT_EVERY pages (counting.h) one of all that are booked on one of
 *    the page's slots is looked at, in turn, and told as often as it stands for. The sums are right
 *    without favour, and the cost does not grow. Whose turn it is depends on nothing that is drawn.
 *
 * Pure: no I/O, no clock, no randomness but the source given and the slots' decks, which are filled
 * from it and remember what is owed.
 */
#ifndef DECISION_SELECTION_H
#define DECISION_SELECTION_H

#include "base/random.h"
#include "decision/page_request.h"
#include "decision/reasons.h"

#define CANDIDATES_MAX 24 /* offered for one slot in one go */
#define UNFILLED_LOOKS                                                        \
    32 /* campaigns judged to say why a slot of more than ROSTER_MAX is empty \
        */

struct candidate {
    const struct campaign *campaign;
    const struct creative *creative;
    bool capped; /* it or its campaign has a cap that must be reserved for this viewer */
    bool bound;  /* serving it takes a unit of its campaign (delivery.h) */
    /*
     * Of a roadblock: `leads` is taken together with its followers in all later slots or not at all
     * (and is capped where one of them is); `follows` only where its campaign is on the page
     * already.
     */
    bool leads, follows;
};

struct slot_selection {
    struct candidate candidates[CANDIDATES_MAX];
    unsigned count;
    /*
     * Campaigns that could not be offered, by reason: all of them where `exact`. Elsewhere only
     * those that were at hand, until selection_settle() leaves the slot empty: then an estimate
     * over all that are booked on it.
     */
    uint32_t rejected[REASON_COUNT];
    unsigned eligible; /* campaigns that nothing speaks against, in the tiers that were asked */
    bool exact;
};

struct selection {
    struct slot_selection slots[PAGE_SLOTS_MAX];
    unsigned slot_count;
    bool needs_caps; /* some candidate that may come to serve is capped */
    const struct page_request *request;
    enum reason capped_reason; /* why nothing that is capped may serve; REASON_NONE: it may */
    bool counts_caps;          /* false: the viewer is unknown, and capped ones serve uncapped */
};

/*
 * Told of a campaign that can't serve on a slot, with its reason, for counters and explain. It
 * stands for `times` refusals (1 wherever all campaigns are looked at).
 */
typedef void selection_reject_fn(const struct campaign *campaign, enum reason reason,
                                 unsigned times, void *arg);

/*
 * Fills `ret` as far as slots are asked for. `reject` may be NULL: then nobody is looked at for the
 * counts alone. The request must live as long as the selection is used.
 */
void selection_run(const struct page_request *request, struct random *random,
                   selection_reject_fn *reject, void *arg, struct selection *ret);

/*
 * A selection that outlasts the turn: the entries of its candidates, and of the ads that the page
 * says it has, are retained, so that they stay whatever happens to the catalog; and released. The
 * slots of the request must be found anew before the selection is settled.
 */
void selection_keep(const struct selection *selection);
void selection_let_go(const struct selection *selection);

/*
 * The end of a page, once it is known which candidates are refused: slot by slot the first
 * candidate that is not refused and that goes with what is on the page (page_rules.h). Bit i of
 * `refused[slot]` stands for candidate i; NULL: none is. Sets `chosen[slot]`
 * to a position in its list, or -1. Campaigns passed over are told to `reject` with REASON_CAP or
 * the page's reason; listed ones that stand behind the chosen one with REASON_OUTWEIGHED (those
 * that were not listed have been told by selection_run()). Brings `rejected` of each slot up to
 * date, so it is to be called once for a run.
 */
void selection_settle(struct selection *selection, const uint32_t *refused,
                      selection_reject_fn *reject, void *arg, int chosen[PAGE_SLOTS_MAX]);

/* The reason that stopped the most candidates of the slot; REASON_SLOT where there were none. */
enum reason selection_unfilled_reason(const struct slot_selection *slot);

#endif
