/*
 * selection: which creatives to offer for the slots of a page, best first.
 *
 * 1. Every campaign booked on the slot is asked whether it may serve now; the first reason against
 *    it is counted.
 * 2. Tiers strictly in order. Inside standard and house the order is a weighted draw without
 *    replacement; inside remnant the highest cpm first, equal ones drawn by weight. Inside
 *    sponsorship one draw decides by share: a campaign with a share of 30 % gets the slot in 30 %
 *    of all draws and is not a candidate in the others; shares of more than 100 % in all are
 *    scaled down to 100. What the shares leave, or what their campaign cannot take because a cap
 *    refuses it, goes to the sponsorship campaigns without a share (a weighted draw again) and
 *    from there to the tiers below. Creatives inside a campaign: a weighted draw as well.
 * 3. The list ends with the first candidate that nothing can refuse any more: one without caps that
 *    no earlier slot of the page may take. Everything before it may be refused when its caps are
 *    reserved (store/viewer_caps.h); then the next one is tried. Where more than CANDIDATES_MAX
 *    stand before it, it takes the last place, so that caps alone never leave a slot empty. A
 *    campaign stands in the list with several creatives, one behind the other, where one of them
 *    may be refused by itself (by a cap of its own, or as it may be on the page already).
 *
 * Pure: no I/O, no clock, no randomness but the source given.
 */
#ifndef DECISION_SELECTION_H
#define DECISION_SELECTION_H

#include "base/random.h"
#include "decision/page_request.h"
#include "decision/reasons.h"

#define CANDIDATES_MAX 24 /* offered for one slot in one go */

struct candidate {
    const struct campaign *campaign;
    const struct creative *creative;
    bool capped; /* it or its campaign has a cap that must be reserved for this viewer */
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
    /* Campaigns that could not be offered, by reason. */
    uint32_t rejected[REASON_COUNT];
    const struct slot_index *index; /* as asked; NULL: unknown slot */
    uint32_t width;                 /* as asked */
    unsigned eligible;              /* campaigns that nothing speaks against, offered or not */
};

struct selection {
    struct slot_selection slots[PAGE_SLOTS_MAX];
    unsigned slot_count;
    bool needs_caps; /* some candidate that may come to serve is capped */
    /* What selection_settle() judges by again; the catalog must live until then. */
    int64_t now_us;
    struct deliveries deliveries;
    const struct page_facts *facts; /* the request's, which must live until then, too */
    enum reason capped_reason;      /* why nothing that is capped may serve; REASON_NONE: it may */
    bool counts_caps; /* false: the viewer is unknown, and capped ones serve uncapped */
};

/* Told of each campaign that can't serve on a slot, with its reason. For counters and explain. */
typedef void selection_reject_fn(const struct campaign *campaign, enum reason reason, void *arg);

/* Fills `ret` as far as slots are asked for. `reject` may be NULL. */
void selection_run(const struct page_request *request, struct random *random,
                   selection_reject_fn *reject, void *arg, struct selection *ret);

/*
 * The end of a page, once it is known which candidates caps refuse: slot by slot the first
 * candidate that is not refused and whose creative is not on the page yet. Bit i of `refused[slot]`
 * stands for candidate i; NULL: none is. Sets `chosen[slot]` to a position in its list, or -1.
 * Campaigns passed over are told to `reject` with REASON_CAP or REASON_ON_PAGE; eligible ones that
 * stand behind the chosen one, offered or not, with REASON_OUTWEIGHED. Brings `rejected` of each
 * slot up to date, so it is to be called once for a run.
 */
void selection_settle(struct selection *selection, const uint32_t *refused,
                      selection_reject_fn *reject, void *arg, int chosen[PAGE_SLOTS_MAX]);

/* The reason that stopped the most candidates of the slot; REASON_SLOT where there were none. */
enum reason selection_unfilled_reason(const struct slot_selection *slot);

#endif
