/*
 * catalog: an immutable snapshot of all that can be served, with the index a decision walks.
 *
 * Built from compiled entries, which it shares by reference; swapped by pointer; freed when its
 * last reader is done (single thread, counted). Entries that point nowhere (a creative of an
 * unknown campaign, a campaign booked on a slot that is not there) stay in the snapshot and are
 * never candidates.
 */
#ifndef DECISION_CATALOG_H
#define DECISION_CATALOG_H

#include "base/arena.h"
#include "decision/model.h"
#include "decision/reasons.h"

/*
 * A campaign on a slot, and those of its active creatives that fit the slot's sizes (at least one),
 * in order of their ids. A creative without a size fits every slot; a slot without sizes takes
 * every creative.
 */
struct booking {
    const struct campaign *campaign;
    const struct creative *const *creatives;
    unsigned creative_count;
};

/* A campaign on a slot that cannot be served there as long as the catalog stays as it is. */
struct resting {
    const struct campaign *campaign;
    /*
     * REASON_UNSUPPORTED, REASON_INACTIVE (it, or all of its creatives) or REASON_SIZE (it has no
     * creative that fits the slot, or none at all).
     */
    enum reason reason;
};

struct slot_index {
    const struct slot *slot;
    /*
     * Campaigns booked on this slot, tier by tier: tier t is [tier_start[t], tier_start[t + 1]).
     * Inside a tier in order of their ids; in remnant the highest cpm first, then by id.
     */
    struct booking *bookings;
    unsigned tier_start[TIER_COUNT + 1];
    struct resting *resting; /* tier by tier as well, in the same order */
    unsigned resting_count;
    /*
     * Room for the bookings of any tier: the decision's own while it runs, shared by all slots, and
     * without meaning between two decisions. It is here so that no decision allocates.
     */
    const struct booking **scratch;
};

struct catalog {
    unsigned references;
    struct arena *arena;       /* owns the arrays */
    uint64_t revision;         /* hash of all entries: equal for equal contents, wherever built */
    const struct slot **slots; /* sorted by id */
    const struct campaign **campaigns; /* sorted by id */
    const struct creative **creatives; /* sorted by id */
    unsigned slot_count, campaign_count, creative_count;
    struct slot_index *index; /* by position in `slots` */
};

/*
 * Builds a snapshot with one reference, the caller's. It takes over one reference of every entry
 * given (retain those that are to outlive it). The arrays are sorted in place and copied; they stay
 * the caller's. No id may stand there twice. Costs O(n log n) in the number of entries and
 * bookings.
 */
struct catalog *catalog_build(struct slot **slots, unsigned slot_count, struct campaign **campaigns,
                              unsigned campaign_count, struct creative **creatives,
                              unsigned creative_count, uint64_t revision);

struct catalog *catalog_retain(struct catalog *catalog);

/* One reference less; the last one releases its entries. NULL is harmless. */
void catalog_release(struct catalog *catalog);

/* By id; NULL where there is none. */
const struct slot_index *catalog_find_slot(const struct catalog *catalog, struct slice id);
const struct campaign *catalog_find_campaign(const struct catalog *catalog, struct slice id);
const struct creative *catalog_find_creative(const struct catalog *catalog, struct slice id);

#endif
