#include "decision/selection.h"

#include "decision/catalog_index.h"
#include "decision/counting.h"
#include "decision/judging.h"
#include "decision/page_rules.h"

/* What is known of the candidates of one slot when the page ends. */
struct settling {
    struct selection *selection;
    struct slot_selection *slot;
    unsigned at;
    uint32_t refused;
    const int *chosen; /* of the slots before */
    struct listener listener;
};

/* Why a candidate cannot be the one; REASON_NONE: it can. */
static enum reason refusal(const struct settling *settling, unsigned candidate)
{
    if (settling->refused >> candidate & 1)
        return REASON_CAP;
    return page_refuses(settling->selection, settling->chosen, settling->at,
                        &settling->slot->candidates[candidate]);
}

static int choose(const struct settling *settling)
{
    for (unsigned i = 0; i < settling->slot->count; i++) {
        if (refusal(settling, i) == REASON_NONE)
            return (int)i;
    }
    return -1;
}

/* A roadblock that takes what it gets stands there once more, as any other campaign. */
static bool stands_behind(const struct candidate *candidate)
{
    return candidate->follows && candidate->campaign->roadblock != ROADBLOCK_ALL;
}

/*
 * Tells of the campaigns of the list but for the winner's, each once: those before it with the
 * reason that their creatives got furthest with, those behind it as outweighed.
 */
static void reject_listed(const struct settling *settling, unsigned end,
                          const struct campaign *winner)
{
    struct slot_selection *slot = settling->slot;
    for (unsigned i = 0; i < slot->count;) {
        const struct campaign *campaign = slot->candidates[i].campaign;
        if (stands_behind(&slot->candidates[i])) {
            i++;
            continue;
        }
        enum reason furthest = i < end ? refusal(settling, i) : REASON_OUTWEIGHED;
        for (i++; i < slot->count && slot->candidates[i].campaign == campaign; i++) {
            enum reason reason = i < end ? refusal(settling, i) : REASON_NONE;
            furthest = reason > furthest && reason != REASON_NONE ? reason : furthest;
        }
        if (campaign != winner)
            reject_campaign(slot, &settling->listener, campaign, furthest);
    }
}

/* A share that was drawn and refused is made up for; at most one is drawn for a slot. */
static void owe_share(const struct settling *settling, unsigned end, const struct campaign *winner)
{
    const struct slot_index *slot = settling->selection->request->slots[settling->at].index;
    for (unsigned i = 0; slot && i < end; i++) {
        const struct candidate *candidate = &settling->slot->candidates[i];
        if (candidate->campaign->share_ppm == 0 || candidate->follows)
            continue;
        if (candidate->campaign != winner)
            share_deck_owe(&slot->rows->deck, candidate->campaign->id);
        return;
    }
}

static int settle_slot(const struct settling *settling)
{
    int position = choose(settling);
    const struct campaign *winner =
        position < 0 ? NULL : settling->slot->candidates[position].campaign;
    unsigned end = position < 0 ? settling->slot->count : (unsigned)position;
    reject_listed(settling, end, winner);
    owe_share(settling, end, winner);
    if (!winner && !settling->slot->exact)
        estimate_refusals(settling->selection, settling->at);
    return position;
}

void selection_settle(struct selection *selection, const uint32_t *refused,
                      selection_reject_fn *reject, void *arg, int chosen[PAGE_SLOTS_MAX])
{
    struct settling settling = {
        .selection = selection, .chosen = chosen, .listener = {reject, arg}};
    for (unsigned i = 0; i < selection->slot_count; i++) {
        settling.slot = &selection->slots[i];
        settling.at = i;
        settling.refused = refused ? refused[i] : 0;
        chosen[i] = settle_slot(&settling);
    }
}

enum reason selection_unfilled_reason(const struct slot_selection *slot)
{
    enum reason most = REASON_SLOT;
    for (unsigned reason = 0; reason < REASON_COUNT; reason++) {
        if (slot->rejected[reason] > 0 && slot->rejected[reason] >= slot->rejected[most])
            most = (enum reason)reason;
    }
    return most;
}
