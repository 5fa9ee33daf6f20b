/*
 * How the index is made:
 *
 * 1. Slots, campaigns and creatives are sorted by id, so that they can be found and that equal
 *    contents give equal snapshots.
 * 2. The creatives are sorted once more by campaign, the active ones of each first, and merged with
 *    the campaigns: now each campaign has its creatives as one run.
 * 3. The campaigns are put in the order of rank: tier, in remnant cpm, id. Walked twice in that
 *    order, first to count and then to write, they fill each slot's bookings already in order.
 */
#include "decision/catalog.h"

#include <stdlib.h>

#include "base/check.h"

/* A campaign with its creatives: a run in the array that is sorted by campaign, active ones first.
 */
struct ranked {
    const struct campaign *campaign;
    const struct creative *const *creatives;
    unsigned active_count;
    unsigned creative_count;
};

struct builder {
    struct catalog *catalog;
    struct ranked *ranked; /* by rank */
    unsigned *booked;      /* by slot: bookings written so far */
};

/* ---- 1. Sorting ------------------------------------------------------------------------------ */

static int compare_slots(const void *a, const void *b)
{
    return slice_compare((*(const struct slot *const *)a)->id,
                         (*(const struct slot *const *)b)->id);
}

static int compare_campaigns(const void *a, const void *b)
{
    return slice_compare((*(const struct campaign *const *)a)->id,
                         (*(const struct campaign *const *)b)->id);
}

static int compare_creatives(const void *a, const void *b)
{
    return slice_compare((*(const struct creative *const *)a)->id,
                         (*(const struct creative *const *)b)->id);
}

static void *copy_pointers(struct arena *arena, const void *pointers, unsigned count)
{
    void *copy = arena_calloc(arena, count, sizeof(void *));
    if (count > 0)
        memcpy(copy, pointers, count * sizeof(void *));
    return copy;
}

typedef int compare_fn(const void *a, const void *b);

/* Entries mostly come in order already; then looking is all it takes. */
static void sort_ids(void *pointers, unsigned count, compare_fn *compare)
{
    char *at = pointers;
    unsigned ordered = 1;
    while (ordered < count && compare(at, at + sizeof(void *)) < 0) {
        at += sizeof(void *);
        ordered++;
    }
    if (ordered >= count)
        return;
    qsort(pointers, count, sizeof(void *), compare);
    for (at = pointers, ordered = 1; ordered < count; ordered++, at += sizeof(void *))
        CHECK(compare(at, at + sizeof(void *)) < 0);
}

/* ---- 2. Each campaign's creatives ------------------------------------------------------------ */

static int compare_by_campaign(const void *a, const void *b)
{
    const struct creative *left = *(const struct creative *const *)a;
    const struct creative *right = *(const struct creative *const *)b;
    int order = slice_compare(left->campaign, right->campaign);
    if (order == 0)
        order = (left->status != STATUS_ACTIVE) - (right->status != STATUS_ACTIVE);
    return order ? order : slice_compare(left->id, right->id);
}

/* Both are sorted by the campaign's id: one walk along both. */
static void rank_campaigns(struct builder *builder)
{
    struct catalog *catalog = builder->catalog;
    const struct creative **run =
        copy_pointers(catalog->arena, catalog->creatives, catalog->creative_count);
    const struct creative **end = run + catalog->creative_count;
    if (catalog->creative_count > 0)
        qsort(run, catalog->creative_count, sizeof *run, compare_by_campaign);
    for (unsigned i = 0; i < catalog->campaign_count; i++) {
        struct ranked *ranked = &builder->ranked[i];
        ranked->campaign = catalog->campaigns[i];
        struct slice id = ranked->campaign->id;
        while (run < end && slice_compare((*run)->campaign, id) < 0)
            run++;
        ranked->creatives = run;
        for (; run < end && slice_eq((*run)->campaign, id); run++) {
            ranked->creative_count++;
            if ((*run)->status == STATUS_ACTIVE)
                ranked->active_count++;
        }
    }
}

/* ---- 3. Bookings ----------------------------------------------------------------------------- */

static int compare_rank(const void *a, const void *b)
{
    const struct campaign *left = ((const struct ranked *)a)->campaign;
    const struct campaign *right = ((const struct ranked *)b)->campaign;
    if (left->tier != right->tier)
        return left->tier < right->tier ? -1 : 1;
    if (left->tier == TIER_REMNANT && left->cpm_micro != right->cpm_micro)
        return left->cpm_micro > right->cpm_micro ? -1 : 1;
    return slice_compare(left->id, right->id);
}

static bool fits(const struct creative *creative, const struct slot *slot)
{
    if (creative->type == CREATIVE_TEXT || slot->size_count == 0)
        return true;
    for (unsigned i = 0; i < slot->size_count; i++) {
        if (slot->sizes[i].width == creative->size.width &&
            slot->sizes[i].height == creative->size.height)
            return true;
    }
    return false;
}

static unsigned count_fitting(const struct ranked *ranked, const struct slot *slot)
{
    unsigned count = 0;
    for (unsigned i = 0; i < ranked->active_count; i++) {
        if (fits(ranked->creatives[i], slot))
            count++;
    }
    return count;
}

/* Why the campaign rests on the slot; REASON_NONE: it does not. */
static enum reason resting_reason(const struct ranked *ranked, const struct slot *slot)
{
    if (ranked->campaign->unsupported.len > 0)
        return REASON_UNSUPPORTED;
    if (ranked->campaign->status != STATUS_ACTIVE)
        return REASON_INACTIVE;
    if (ranked->creative_count > 0 && ranked->active_count == 0)
        return REASON_INACTIVE;
    return count_fitting(ranked, slot) > 0 ? REASON_NONE : REASON_SIZE;
}

/* Mostly all fit, and the run is used as it stands. */
static const struct creative *const *fitting(struct arena *arena, const struct ranked *ranked,
                                             const struct slot *slot, unsigned count)
{
    if (count == ranked->active_count)
        return ranked->creatives;
    const struct creative **some = arena_new_array(arena, const struct creative *, count);
    for (unsigned i = 0, at = 0; i < ranked->active_count; i++) {
        if (fits(ranked->creatives[i], slot))
            some[at++] = ranked->creatives[i];
    }
    return some;
}

static int compare_slot_id(const void *id, const void *slot)
{
    return slice_compare(*(const struct slice *)id, (*(const struct slot *const *)slot)->id);
}

static bool find_slot(const struct catalog *catalog, struct slice id, unsigned *ret_position)
{
    const struct slot **found =
        bsearch(&id, catalog->slots, catalog->slot_count, sizeof *catalog->slots, compare_slot_id);
    if (!found)
        return false;
    *ret_position = (unsigned)(found - catalog->slots);
    return true;
}

/* `slot` is a position in the catalog's arrays. */
typedef void booked_fn(struct builder *builder, const struct ranked *ranked, unsigned slot);

/* Calls `fn` for every pair of a campaign, in order of rank, and a slot that it is booked on. */
static void each_booked(struct builder *builder, booked_fn *fn)
{
    const struct catalog *catalog = builder->catalog;
    for (unsigned i = 0; i < catalog->campaign_count; i++) {
        const struct ranked *ranked = &builder->ranked[i];
        const struct campaign *campaign = ranked->campaign;
        for (unsigned s = 0; campaign->all_slots && s < catalog->slot_count; s++)
            fn(builder, ranked, s);
        for (unsigned s = 0; s < campaign->slots.count; s++) {
            unsigned slot;
            if (find_slot(catalog, campaign->slots.item[s], &slot))
                fn(builder, ranked, slot);
        }
    }
}

/* First walk: tier_start[t + 1] counts the bookings of tier t. */
static void count_booking(struct builder *builder, const struct ranked *ranked, unsigned slot)
{
    struct slot_index *index = &builder->catalog->index[slot];
    if (resting_reason(ranked, index->slot) == REASON_NONE)
        index->tier_start[ranked->campaign->tier + 1]++;
    else
        index->resting_count++;
}

/* Between the walks the counts become positions, and resting_count begins again. */
static void make_room(struct builder *builder)
{
    struct catalog *catalog = builder->catalog;
    unsigned widest = 0;
    for (unsigned s = 0; s < catalog->slot_count; s++) {
        struct slot_index *index = &catalog->index[s];
        for (unsigned t = 0; t < TIER_COUNT; t++) {
            if (index->tier_start[t + 1] > widest)
                widest = index->tier_start[t + 1];
            index->tier_start[t + 1] += index->tier_start[t];
        }
        index->bookings =
            arena_new_array(catalog->arena, struct booking, index->tier_start[TIER_COUNT]);
        index->resting = arena_new_array(catalog->arena, struct resting, index->resting_count);
        index->resting_count = 0;
    }
    const struct booking **scratch =
        arena_new_array(catalog->arena, const struct booking *, widest);
    for (unsigned s = 0; s < catalog->slot_count; s++)
        catalog->index[s].scratch = scratch;
}

/* Second walk. A slot's bookings come in order, so each goes behind the one before. */
static void write_booking(struct builder *builder, const struct ranked *ranked, unsigned slot)
{
    struct slot_index *index = &builder->catalog->index[slot];
    enum reason reason = resting_reason(ranked, index->slot);
    if (reason != REASON_NONE) {
        index->resting[index->resting_count++] = (struct resting){ranked->campaign, reason};
        return;
    }
    unsigned count = count_fitting(ranked, index->slot);
    index->bookings[builder->booked[slot]++] = (struct booking){
        ranked->campaign,
        fitting(builder->catalog->arena, ranked, index->slot, count),
        count,
    };
}

static void build_index(struct catalog *catalog)
{
    struct arena *scratch = arena_new(0);
    struct builder builder = {
        .catalog = catalog,
        .ranked = arena_new_array(scratch, struct ranked, catalog->campaign_count),
        .booked = arena_new_array(scratch, unsigned, catalog->slot_count),
    };
    catalog->index = arena_new_array(catalog->arena, struct slot_index, catalog->slot_count);
    for (unsigned s = 0; s < catalog->slot_count; s++)
        catalog->index[s].slot = catalog->slots[s];
    rank_campaigns(&builder);
    if (catalog->campaign_count > 0)
        qsort(builder.ranked, catalog->campaign_count, sizeof *builder.ranked, compare_rank);
    each_booked(&builder, count_booking);
    make_room(&builder);
    each_booked(&builder, write_booking);
    arena_free(scratch);
}

/* ---- The snapshot ---------------------------------------------------------------------------- */

struct catalog *catalog_build(struct slot **slots, unsigned slot_count, struct campaign **campaigns,
                              unsigned campaign_count, struct creative **creatives,
                              unsigned creative_count, uint64_t revision)
{
    struct arena *arena = arena_new(0);
    struct catalog *catalog = arena_new_item(arena, struct catalog);
    sort_ids(slots, slot_count, compare_slots);
    sort_ids(campaigns, campaign_count, compare_campaigns);
    sort_ids(creatives, creative_count, compare_creatives);
    *catalog = (struct catalog){
        .references = 1,
        .arena = arena,
        .revision = revision,
        .slots = copy_pointers(arena, slots, slot_count),
        .campaigns = copy_pointers(arena, campaigns, campaign_count),
        .creatives = copy_pointers(arena, creatives, creative_count),
        .slot_count = slot_count,
        .campaign_count = campaign_count,
        .creative_count = creative_count,
    };
    build_index(catalog);
    return catalog;
}

struct catalog *catalog_retain(struct catalog *catalog)
{
    catalog->references++;
    return catalog;
}

static void release_entries(struct catalog *catalog)
{
    for (unsigned i = 0; i < catalog->slot_count; i++)
        slot_release((struct slot *)catalog->slots[i]);
    for (unsigned i = 0; i < catalog->campaign_count; i++)
        campaign_release((struct campaign *)catalog->campaigns[i]);
    for (unsigned i = 0; i < catalog->creative_count; i++)
        creative_release((struct creative *)catalog->creatives[i]);
}

void catalog_release(struct catalog *catalog)
{
    if (!catalog)
        return;
    CHECK(catalog->references > 0);
    if (--catalog->references > 0)
        return;
    release_entries(catalog);
    arena_free(catalog->arena);
}

/* ---- Finding --------------------------------------------------------------------------------- */

static int compare_campaign_id(const void *id, const void *campaign)
{
    return slice_compare(*(const struct slice *)id,
                         (*(const struct campaign *const *)campaign)->id);
}

static int compare_creative_id(const void *id, const void *creative)
{
    return slice_compare(*(const struct slice *)id,
                         (*(const struct creative *const *)creative)->id);
}

const struct slot_index *catalog_find_slot(const struct catalog *catalog, struct slice id)
{
    unsigned position;
    return find_slot(catalog, id, &position) ? &catalog->index[position] : NULL;
}

const struct campaign *catalog_find_campaign(const struct catalog *catalog, struct slice id)
{
    const struct campaign **found = bsearch(&id, catalog->campaigns, catalog->campaign_count,
                                            sizeof(void *), compare_campaign_id);
    return found ? *found : NULL;
}

const struct creative *catalog_find_creative(const struct catalog *catalog, struct slice id)
{
    const struct creative **found = bsearch(&id, catalog->creatives, catalog->creative_count,
                                            sizeof(void *), compare_creative_id);
    return found ? *found : NULL;
}
