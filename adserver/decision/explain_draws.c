/*
 * The end of a page by decision/reserving.h, over counters that have been read. What is taken
 * counts for the slots behind it, and is forgotten with the draw.
 */
#include "base/check.h"
#include "decision/explain_parts.h"
#include "decision/page_rules.h"
#include "decision/reserving.h"

/* False where one of them is above its count by now. */
static bool take(struct explain *explain, unsigned slot, const struct caps *caps)
{
    bool has_room = true;
    for (unsigned i = 0; i < caps->count; i++) {
        struct explain_cap *cap = explain_find_cap(explain, caps->item[i].key);
        if (!cap)
            continue;
        CHECK(explain->taken_count < EXPLAIN_TAKEN_MAX);
        explain->taken[explain->taken_count].slot = slot;
        explain->taken[explain->taken_count++].key = cap->key;
        cap->taken++;
        has_room &= cap->served + cap->taken <= caps->item[i].count;
    }
    return has_room;
}

static void forget_taken(struct explain *explain, unsigned but)
{
    while (explain->taken_count > but)
        explain_find_cap(explain, explain->taken[--explain->taken_count].key)->taken--;
}

/* The one in whose list the candidate stands. */
static unsigned slot_of(const struct selection *selection, const struct candidate *candidate)
{
    unsigned slot = 0;
    while (candidate < selection->slots[slot].candidates ||
           candidate >= selection->slots[slot].candidates + CANDIDATES_MAX)
        slot++;
    return slot;
}

/* All or nothing, for selection_reserve(). */
static bool take_group(const struct candidate *const *group, unsigned count, void *arg)
{
    struct explain *explain = arg;
    unsigned slot = slot_of(&explain->selection, group[0]), before = explain->taken_count;
    bool has_room = true;
    for (unsigned i = 0; i < count; i++) {
        has_room &= take(explain, slot, &group[i]->campaign->caps);
        has_room &= take(explain, slot, &group[i]->creative->caps);
    }
    if (!has_room)
        forget_taken(explain, before);
    return has_room;
}

/* A roadblock that takes what it gets stands there once more, as any other campaign. */
static bool stands_behind(const struct candidate *candidate)
{
    return candidate->follows && candidate->campaign->roadblock != ROADBLOCK_ALL;
}

static void note(struct explain_work *work, const struct campaign *campaign, enum reason reason)
{
    for (unsigned i = 0; i < work->passed_count; i++) {
        if (work->passed[i].campaign != campaign)
            continue;
        if (reason > work->passed[i].reason)
            work->passed[i].reason = reason;
        return;
    }
    work->passed[work->passed_count].campaign = campaign;
    work->passed[work->passed_count++].reason = reason;
}

/* Campaigns passed over in the draw that is shown, each with the reason it got furthest with. */
static void note_passed(struct explain *explain, unsigned slot, uint32_t refused,
                        const int chosen[PAGE_SLOTS_MAX])
{
    const struct slot_selection *offered = &explain->selection.slots[slot];
    unsigned end = chosen[slot] < 0 ? offered->count : (unsigned)chosen[slot];
    for (unsigned i = 0; i < end; i++) {
        const struct candidate *candidate = &offered->candidates[i];
        if (refused >> i & 1)
            note(&explain->work[slot], candidate->campaign, REASON_CAP);
        else if (!stands_behind(candidate))
            note(&explain->work[slot], candidate->campaign,
                 page_refuses(&explain->selection, chosen, slot, candidate));
    }
}

static void end_page(struct explain *explain)
{
    uint32_t refused[PAGE_SLOTS_MAX];
    int chosen[PAGE_SLOTS_MAX];
    selection_reserve(&explain->selection, take_group, explain, refused);
    selection_settle(&explain->selection, refused, NULL, NULL, chosen);
    for (unsigned i = 0; i < explain->selection.slot_count; i++) {
        const struct slot_selection *offered = &explain->selection.slots[i];
        if (explain->drawn == EXPLAIN_SHOWN)
            note_passed(explain, i, refused[i], chosen);
        if (chosen[i] >= 0)
            explain->work[i].winners[explain->drawn] = offered->candidates[chosen[i]];
    }
}

/* The deck of a slot and the explanation's own change places. */
static void swap_deck(struct explain *explain, unsigned slot)
{
    const struct slot_index *index = explain->question.request.slots[slot].index;
    if (!index)
        return;
    struct share_deck deck = index->rows->deck;
    index->rows->deck = explain->work[slot].deck;
    explain->work[slot].deck = deck;
}

/* A slot may be asked for twice: the last one that was changed is the first to be put back. */
static void run_page(struct explain *explain)
{
    unsigned count = explain->question.request.slot_count;
    for (unsigned i = 0; i < count; i++)
        swap_deck(explain, i);
    selection_run(&explain->question.request, &explain->random, NULL, NULL, &explain->selection);
    end_page(explain);
    for (unsigned i = count; i-- > 0;)
        swap_deck(explain, i);
}

bool explain_draw(struct explain *explain)
{
    if (explain->drawn == EXPLAIN_DRAWS)
        return false;
    forget_taken(explain, 0);
    run_page(explain);
    explain->drawn++;
    return true;
}

uint64_t explain_served(const struct explain *explain, unsigned slot, uint64_t key)
{
    const struct explain_cap *cap = explain_find_cap(explain, key);
    uint64_t served = cap ? cap->served : 0;
    for (unsigned i = 0; i < explain->taken_count; i++)
        served += explain->taken[i].key == key && explain->taken[i].slot < slot;
    return served;
}

const struct cap *explain_full_cap(const struct explain *explain, unsigned slot,
                                   const struct caps *caps)
{
    for (unsigned i = 0; i < caps->count; i++) {
        if (explain_served(explain, slot, caps->item[i].key) >= caps->item[i].count)
            return &caps->item[i];
    }
    return NULL;
}

bool explain_is_capped_out(const struct explain *explain, unsigned slot, const struct offer *offer)
{
    const struct page_slot *asked = &explain->question.request.slots[slot];
    bool any = false;
    if (!offer || !explain->selection.counts_caps)
        return false;
    if (explain_full_cap(explain, slot, &offer->campaign->caps))
        return true;
    for (unsigned i = 0; i < offer->active_count; i++) {
        const struct creative *creative = offer_creative(offer, i);
        if (judge_creative(&explain->selection, asked, offer->campaign, creative) != REASON_NONE)
            continue;
        if (!explain_full_cap(explain, slot, &creative->caps))
            return false;
        any = true;
    }
    return any;
}
