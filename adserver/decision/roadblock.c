/*
 * A creative for each slot is a matching: slot after slot takes one of its creatives that is still
 * free, or one whose slot can move on to another (Kuhn's algorithm; sixteen slots at most).
 */
#include "decision/roadblock.h"

#include "base/check.h"

static bool counts(const struct page_request *request, unsigned slot)
{
    const struct slot_index *index = request->slots[slot].index;
    return index && judge_slot(index->slot, request->facts.domain) == REASON_NONE;
}

struct roadblock_page roadblock_page(const struct page_request *request)
{
    struct roadblock_page page = {.count = 0};
    for (unsigned i = request->slot_count; i-- > 0;) {
        if (!counts(request, i))
            continue;
        page.lead = i;
        page.count++;
    }
    return page;
}

static bool is_booked(const struct campaign *campaign, const struct slot *slot)
{
    if (campaign->all_slots)
        return true;
    for (unsigned i = 0; i < campaign->slots.count; i++) {
        if (slice_eq(campaign->slots.item[i], slot->id))
            return true;
    }
    return false;
}

/* ---- Matching -------------------------------------------------------------------------------- */

struct matching {
    const struct selection *selection;
    struct roadblock_plan *plan;
    unsigned turn;
    uint32_t visited; /* slots that have been asked to move on: a bit each */
};

/* The slot that has the creative; PAGE_SLOTS_MAX: none. */
static unsigned slot_with(const struct roadblock_plan *plan, const struct creative *creative)
{
    unsigned slot = 0;
    while (slot < PAGE_SLOTS_MAX && plan->creatives[slot] != creative)
        slot++;
    return slot;
}

static bool give(struct matching *matching, unsigned slot);

static bool may_take(struct matching *matching, const struct creative *creative)
{
    unsigned holder = slot_with(matching->plan, creative);
    if (holder == PAGE_SLOTS_MAX)
        return true;
    return !(matching->visited >> holder & 1) && give(matching, holder);
}

/* Gives the slot a creative, another one where it has one. */
static bool give(struct matching *matching, unsigned slot)
{
    const struct offer *offer = matching->plan->offer;
    const struct page_slot *asked = &matching->selection->request->slots[slot];
    matching->visited |= UINT32_C(1) << slot;
    for (unsigned i = 0; i < offer->active_count; i++) {
        const struct creative *creative =
            offer_creative(offer, (i + matching->turn) % offer->active_count);
        if (creative == matching->plan->creatives[slot] ||
            was_on_page(matching->selection->request, creative) ||
            judge_creative(matching->selection, asked, offer->campaign, creative) != REASON_NONE)
            continue;
        if (may_take(matching, creative)) {
            matching->plan->creatives[slot] = creative;
            return true;
        }
    }
    return false;
}

bool roadblock_make_plan(const struct selection *selection, const struct offer *offer,
                         unsigned turn, struct roadblock_plan *ret)
{
    const struct page_request *request = selection->request;
    struct matching matching = {.selection = selection, .plan = ret, .turn = turn};
    *ret = (struct roadblock_plan){.offer = offer};
    for (unsigned i = 0; i < request->slot_count; i++) {
        if (!counts(request, i))
            continue;
        matching.visited = 0;
        if (!is_booked(offer->campaign, request->slots[i].index->slot) ||
            judge_offer(selection, &request->slots[i], offer) != REASON_NONE || !give(&matching, i))
            return false;
    }
    return true;
}

/* ---- Tiers ----------------------------------------------------------------------------------- */

/* Whether another campaign that the slot offers comes before the tier. */
static bool outranks(const struct slot_selection *slot, const struct campaign *campaign)
{
    unsigned at = 0;
    while (at < slot->count && slot->candidates[at].follows)
        at++;
    return at < slot->count && slot->candidates[at].campaign->tier < campaign->tier;
}

static bool is_outranked(const struct selection *selection, unsigned lead,
                         const struct campaign *campaign)
{
    for (unsigned i = lead + 1; i < selection->slot_count; i++) {
        if (outranks(&selection->slots[i], campaign))
            return true;
    }
    return false;
}

static void drop(struct slot_selection *slot, const struct campaign *campaign,
                 const struct listener *listener)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < slot->count; i++) {
        if (slot->candidates[i].campaign != campaign)
            slot->candidates[kept++] = slot->candidates[i];
    }
    if (kept < slot->count)
        reject_campaign(slot, listener, campaign, REASON_ROADBLOCK);
    slot->count = kept;
}

static const struct campaign *next_outranked(const struct selection *selection, unsigned *ret_lead)
{
    for (unsigned s = 0; s < selection->slot_count; s++) {
        const struct slot_selection *slot = &selection->slots[s];
        for (unsigned i = 0; i < slot->count; i++) {
            *ret_lead = s;
            if (slot->candidates[i].leads &&
                is_outranked(selection, s, slot->candidates[i].campaign))
                return slot->candidates[i].campaign;
        }
    }
    return NULL;
}

void roadblock_drop_outranked(struct selection *selection, const struct listener *listener)
{
    const struct campaign *campaign;
    unsigned lead;
    while ((campaign = next_outranked(selection, &lead))) {
        for (unsigned i = lead; i < selection->slot_count; i++)
            drop(&selection->slots[i], campaign, listener);
    }
}
