#include "decision/selection.h"

#include "base/check.h"
#include "decision/judging.h"
#include "decision/page_rules.h"

/* Why a candidate of slot `at` cannot be the one; REASON_NONE: it can. */
static enum reason refusal(const struct selection *selection, unsigned at, unsigned candidate,
                           uint32_t refused, const int *chosen)
{
    if (refused >> candidate & 1)
        return REASON_CAP;
    return page_refuses(selection, chosen, at, &selection->slots[at].candidates[candidate]);
}

static int choose(const struct selection *selection, unsigned at, uint32_t refused,
                  const int *chosen)
{
    for (unsigned i = 0; i < selection->slots[at].count; i++) {
        if (refusal(selection, at, i, refused, chosen) == REASON_NONE)
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
 * Reports the campaigns of the first `end` candidates, but for `winner`, each once with the reason
 * that its creatives got furthest with. Returns how many there were.
 */
static unsigned reject_passed(struct selection *selection, unsigned at, unsigned end,
                              const struct campaign *winner, uint32_t refused, const int *chosen,
                              const struct listener *listener)
{
    struct slot_selection *slot = &selection->slots[at];
    unsigned count = 0;
    for (unsigned i = 0; i < end;) {
        const struct campaign *campaign = slot->candidates[i].campaign;
        enum reason furthest = REASON_EXCLUSION;
        if (stands_behind(&slot->candidates[i])) {
            i++;
            continue;
        }
        for (; i < end && slot->candidates[i].campaign == campaign; i++) {
            enum reason reason = refusal(selection, at, i, refused, chosen);
            furthest = reason > furthest ? reason : furthest;
        }
        if (campaign == winner)
            break;
        reject_campaign(slot, listener, campaign, furthest);
        count++;
    }
    return count;
}

static bool is_listed(const struct slot_selection *slot, unsigned end,
                      const struct campaign *campaign)
{
    for (unsigned i = 0; i < end; i++) {
        if (slot->candidates[i].campaign == campaign)
            return true;
    }
    return false;
}

/* Reports the eligible campaigns that are not among the first `end` candidates, `count` of them. */
static void reject_outweighed(const struct selection *selection, struct slot_selection *slot,
                              unsigned end, unsigned count, const struct listener *listener)
{
    if (!listener->reject) {
        slot->rejected[REASON_OUTWEIGHED] += count;
        return;
    }
    for (unsigned i = 0; count > 0; i++) {
        const struct booking *booking = &slot->index->bookings[i];
        CHECK(i < slot->index->tier_start[TIER_COUNT]);
        if (is_listed(slot, end, booking->campaign) ||
            judge_booking(selection, slot->width, booking) != REASON_NONE)
            continue;
        reject_campaign(slot, listener, booking->campaign, REASON_OUTWEIGHED);
        count--;
    }
}

static int settle_slot(struct selection *selection, unsigned at, uint32_t refused,
                       const int *chosen, const struct listener *listener)
{
    struct slot_selection *slot = &selection->slots[at];
    int position = choose(selection, at, refused, chosen);
    const struct campaign *winner = position < 0 ? NULL : slot->candidates[position].campaign;
    unsigned end = position < 0 ? slot->count : (unsigned)position;
    unsigned settled = reject_passed(selection, at, end, winner, refused, chosen, listener);
    if (winner) {
        settled++;
        end++;
    }
    reject_outweighed(selection, slot, end, slot->eligible - settled, listener);
    return position;
}

void selection_settle(struct selection *selection, const uint32_t *refused,
                      selection_reject_fn *reject, void *arg, int chosen[PAGE_SLOTS_MAX])
{
    struct listener listener = {reject, arg};
    for (unsigned i = 0; i < selection->slot_count; i++)
        chosen[i] = settle_slot(selection, i, refused ? refused[i] : 0, chosen, &listener);
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
