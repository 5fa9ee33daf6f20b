#include "decision/reserving.h"

#include "decision/page_rules.h"

static bool takes(const struct selection *selection, unsigned at, const struct candidate *candidate,
                  reserving_take_fn *take, void *arg)
{
    const struct candidate *group[PAGE_SLOTS_MAX];
    if (!candidate->capped || page_is_paid(candidate))
        return true;
    return take(group, page_group(selection, at, candidate, group), arg);
}

static int reserve_slot(const struct selection *selection, unsigned at, const int *chosen,
                        reserving_take_fn *take, void *arg, uint32_t *ret_refused)
{
    const struct slot_selection *slot = &selection->slots[at];
    for (unsigned i = 0; i < slot->count; i++) {
        const struct candidate *candidate = &slot->candidates[i];
        if (page_refuses(selection, chosen, at, candidate) != REASON_NONE)
            continue;
        if (takes(selection, at, candidate, take, arg))
            return (int)i;
        *ret_refused |= UINT32_C(1) << i;
    }
    return -1;
}

void selection_reserve(const struct selection *selection, reserving_take_fn *take, void *arg,
                       uint32_t refused[PAGE_SLOTS_MAX])
{
    int chosen[PAGE_SLOTS_MAX];
    for (unsigned i = 0; i < selection->slot_count; i++) {
        refused[i] = 0;
        chosen[i] = reserve_slot(selection, i, chosen, take, arg, &refused[i]);
    }
}
