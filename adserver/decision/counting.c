#include "decision/counting.h"

#include "decision/gathering.h"

/* The slots that are not exact; returns how many. */
static unsigned list_slots(const struct selection *selection, unsigned slots[PAGE_SLOTS_MAX])
{
    unsigned count = 0;
    for (unsigned i = 0; i < selection->slot_count; i++) {
        if (selection->request->slots[i].index && !selection->slots[i].exact)
            slots[count++] = i;
    }
    return count;
}

static enum reason judge_on(const struct selection *selection, unsigned at,
                            const struct offer *offer)
{
    const struct page_request *request = selection->request;
    const struct page_slot *slot = &request->slots[at];
    enum reason reason = judge_slot(slot->index->slot, request->facts.domain);
    if (reason == REASON_NONE)
        reason = judge_offer(selection, slot, offer);
    return reason == REASON_NONE ? judge_beside(request, offer->campaign) : reason;
}

/* Those in the list are told when it is settled. */
void count_in_turn(struct selection *selection, const struct listener *listener)
{
    unsigned slots[PAGE_SLOTS_MAX], count = list_slots(selection, slots);
    if (count == 0 || !listener->reject)
        return;
    struct catalog_index *index = selection->request->slots[slots[0]].index->catalog->index;
    unsigned turn = index->sample_turn++;
    if (turn % COUNT_EVERY != 0)
        return;
    unsigned at = slots[turn / COUNT_EVERY % count];
    struct slot_rows *rows = selection->request->slots[at].index->rows;
    const struct offer *offer = gather_next(index, rows, rows->sample_at);
    if (!offer)
        return;
    rows->sample_at = offer->position;
    enum reason reason = judge_on(selection, at, offer);
    if (reason == REASON_NONE &&
        is_listed(&selection->slots[at], selection->slots[at].count, offer->campaign))
        return;
    listener->reject(offer->campaign, reason == REASON_NONE ? REASON_OUTWEIGHED : reason,
                     count_booked(index, rows) * count * COUNT_EVERY, listener->arg);
}

void estimate_refusals(struct selection *selection, unsigned at)
{
    const struct offer *looked_at[UNFILLED_LOOKS];
    const struct slot_index *slot = selection->request->slots[at].index;
    if (!slot)
        return;
    struct catalog_index *index = slot->catalog->index;
    unsigned weight = count_booked(index, slot->rows) / UNFILLED_LOOKS + 1;
    unsigned count = gather_spread(index, slot->rows, weight, index->estimate_turn++ % weight,
                                   looked_at, UNFILLED_LOOKS);
    for (unsigned i = 0; i < count; i++) {
        enum reason reason = judge_on(selection, at, looked_at[i]);
        if (reason != REASON_NONE)
            selection->slots[at].rejected[reason] += weight;
    }
}
