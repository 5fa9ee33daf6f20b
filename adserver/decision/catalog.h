/*
 * catalog: an immutable snapshot of all that can be served, with the index a decision walks.
 *
 * Built from compiled entries, which it shares by reference; swapped by pointer; freed when its last
 * reader is done (single thread, counted). Entries that point nowhere (a creative of an unknown
 * campaign, a campaign without creatives) stay in the snapshot and are never candidates.
 */
#ifndef DECISION_CATALOG_H
#define DECISION_CATALOG_H

#include "decision/model.h"

/* A campaign and those of its creatives that fit a slot's sizes, by weight. */
struct booking {
    const struct campaign *campaign;
    const struct creative *const *creatives;
    unsigned creative_count;
    bool has_creatives; /* false: none fits (or there is none): REASON_SIZE */
};

struct slot_index {
    const struct slot *slot;
    /*
     * Campaigns booked on this slot, tier by tier: tier t is [tier_start[t], tier_start[t + 1]).
     * Only active campaigns; the others stand in `resting` for their reasons' sake.
     */
    struct booking *bookings;
    unsigned tier_start[TIER_COUNT + 1];
};

struct catalog {
    unsigned references;
    struct arena *arena; /* owns the arrays */
    uint64_t revision;   /* hash of all entries: equal for equal contents, wherever built */
    const struct slot **slots;          /* sorted by id */
    const struct campaign **campaigns;  /* sorted by id */
    const struct creative **creatives;  /* sorted by id */
    unsigned slot_count, campaign_count, creative_count;
    struct slot_index *index;           /* by position in `slots` */
};

/*
 * Takes one reference to every entry given (the caller's) and builds the index. The arrays are
 * sorted in place and copied; they stay the caller's.
 */
struct catalog *catalog_build(struct slot **slots, unsigned slot_count,
                              struct campaign **campaigns, unsigned campaign_count,
                              struct creative **creatives, unsigned creative_count,
                              uint64_t revision);

struct catalog *catalog_retain(struct catalog *catalog);
void catalog_release(struct catalog *catalog);

/* By id; NULL where there is none. */
const struct slot_index *catalog_find_slot(const struct catalog *catalog, struct slice id);
const struct campaign *catalog_find_campaign(const struct catalog *catalog, struct slice id);
const struct creative *catalog_find_creative(const struct catalog *catalog, struct slice id);

#endif
