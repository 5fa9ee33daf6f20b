#include "decision/page_rules.h"

/* Labels are sorted: one walk along both lists. */
bool campaigns_exclude(const struct campaign *a, const struct campaign *b)
{
    unsigned i = 0, j = 0;
    while (i < a->exclusions.count && j < b->exclusions.count) {
        int order = slice_compare(a->exclusions.item[i], b->exclusions.item[j]);
        if (order == 0)
            return a != b;
        if (order < 0)
            i++;
        else
            j++;
    }
    return false;
}

static enum reason refuses_beside(const struct candidate *there, const struct candidate *candidate)
{
    if (there->creative == candidate->creative)
        return REASON_ON_PAGE;
    if (there->campaign == candidate->campaign)
        return candidate->campaign->roadblock == ROADBLOCK_OFF ? REASON_ON_PAGE : REASON_NONE;
    return campaigns_exclude(there->campaign, candidate->campaign) ? REASON_EXCLUSION : REASON_NONE;
}

enum reason page_refuses(const struct selection *selection, const int *chosen, unsigned at,
                         const struct candidate *candidate)
{
    bool followed = false;
    for (unsigned i = 0; i < at; i++) {
        if (chosen[i] < 0)
            continue;
        const struct candidate *there = &selection->slots[i].candidates[chosen[i]];
        enum reason reason = refuses_beside(there, candidate);
        if (reason != REASON_NONE)
            return reason;
        followed |= there->campaign == candidate->campaign;
    }
    return candidate->follows && !followed ? REASON_ROADBLOCK : REASON_NONE;
}

static const struct candidate *follower(const struct slot_selection *slot,
                                        const struct campaign *campaign)
{
    for (unsigned i = 0; i < slot->count; i++) {
        if (slot->candidates[i].follows && slot->candidates[i].campaign == campaign)
            return &slot->candidates[i];
    }
    return NULL;
}

unsigned page_group(const struct selection *selection, unsigned at,
                    const struct candidate *candidate,
                    const struct candidate *group[PAGE_SLOTS_MAX])
{
    unsigned count = 0;
    group[count++] = candidate;
    for (unsigned s = at + 1; candidate->leads && s < selection->slot_count; s++) {
        const struct candidate *next = follower(&selection->slots[s], candidate->campaign);
        if (next)
            group[count++] = next;
    }
    return count;
}

bool page_is_paid(const struct candidate *candidate)
{
    return candidate->follows && candidate->campaign->roadblock == ROADBLOCK_ALL;
}
