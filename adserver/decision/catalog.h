/*
 * catalog: all that can be served, with the index a decision asks (catalog_index.h).
 *
 * One a worker, changed in place, single thread: a change takes microseconds and is part of the
 * next decision. Entries are counted references (model.h): whoever keeps one over a turn of the
 * loop retains it. What points into the catalog itself (struct slot_index, struct offer) is valid
 * until the next change. Entries that point nowhere (a creative of an unknown campaign, a campaign
 * booked on a slot that is not there) wait for the other half and are never candidates.
 */
#ifndef DECISION_CATALOG_H
#define DECISION_CATALOG_H

#include "decision/model.h"
#include "decision/reasons.h"

struct catalog_index;
struct slot_rows;

struct catalog {
    uint64_t revision; /* hash of all entries, by whoever fills it: equal for equal contents */
    unsigned slot_count, campaign_count, creative_count;
    uint64_t changes; /* counts all that was put and removed: what was found is valid as long as
                         this stays the same */
    struct catalog_index *index;
};

/* A slot as a page asks for it. */
struct slot_index {
    const struct slot *slot;
    struct catalog *catalog;
    struct slot_rows *rows;
};

/*
 * A campaign, its creatives, and where it stands in the index. What judging asks of most campaigns
 * is copied here, so that it is one line of the cache, and not five that are spread over memory.
 */
struct offer {
    struct campaign *campaign; /* NULL: there are only creatives that name it */
    union {
        struct creative *one; /* creative_count is 1 */
        struct creative **many;
    } creatives; /* in order of their ids, active ones first */
    unsigned creative_count, active_count;
    int64_t start_us, end_us; /* INT64_MIN, INT64_MAX: open */
    uint32_t position;
    struct size size; /* of the only creative; 0x0 for a text */
    uint8_t resting;  /* enum reason for which it rests as long as it stays as it is, or none */
    bool single : 1;  /* it has one creative, which is active */
    bool capped : 1;  /* of a single one: it or the campaign has a cap */
    bool plain : 1;   /* wants everybody, and nothing binds it */
    bool blocks : 1;  /* it is a roadblock */
    bool closed : 1;  /* by catalog_set_open() */
};
_Static_assert(sizeof(struct offer) <= 64, "one line of the cache");

static inline const struct creative *offer_creative(const struct offer *offer, unsigned at)
{
    return offer->creative_count == 1 ? offer->creatives.one : offer->creatives.many[at];
}

struct catalog *catalog_new(void);
void catalog_free(struct catalog *catalog);

/* Each puts an entry in place of the one of its id. One reference is taken over. */
void catalog_put_slot(struct catalog *catalog, struct slot *slot);
void catalog_put_campaign(struct catalog *catalog, struct campaign *campaign);
void catalog_put_creative(struct catalog *catalog, struct creative *creative);

/*
 * Many at once, in an order of its own (the array is sorted): campaigns that want alike pages get
 * places side by side, which makes decisions among very many quick. For the first load; it may take
 * a second for a million.
 */
void catalog_put_campaigns(struct catalog *catalog, struct campaign **campaigns, unsigned count);

/* Nothing happens where there is none of that id. */
void catalog_remove_slot(struct catalog *catalog, struct slice id);
void catalog_remove_campaign(struct catalog *catalog, struct slice id);
void catalog_remove_creative(struct catalog *catalog, struct slice id);

/*
 * Whether the campaign has anything to give away (delivery.h). A closed one is not found by
 * decisions that need not account for each campaign; judged it is as always, so that closing one is
 * a promise of the caller that it would be refused. Putting the campaign anew opens it.
 */
void catalog_set_open(struct catalog *catalog, struct slice campaign, bool open);

/*
 * Brings what depends on the time to a moment. Decisions do so themselves; doing it before the
 * first one keeps that quick.
 */
void catalog_turn(struct catalog *catalog, int64_t now_us);

/* A catalog of these, as the functions above make it. The arrays stay the caller's. */
struct catalog *catalog_build(struct slot **slots, unsigned slot_count, struct campaign **campaigns,
                              unsigned campaign_count, struct creative **creatives,
                              unsigned creative_count, uint64_t revision);

/* By id; NULL where there is none. */
const struct slot_index *catalog_find_slot(const struct catalog *catalog, struct slice id);
const struct campaign *catalog_find_campaign(const struct catalog *catalog, struct slice id);
const struct creative *catalog_find_creative(const struct catalog *catalog, struct slice id);

/*
 * For going through all campaigns in steps, as long as `changes` stays the same: positions are
 * below catalog_positions(); NULL: no campaign stands there. Between hold and let_go decisions
 * leave everybody at their positions; so that must be short, and each hold has its let_go.
 */
void catalog_hold_positions(struct catalog *catalog);
void catalog_let_go_positions(struct catalog *catalog);
uint32_t catalog_positions(const struct catalog *catalog);
const struct offer *catalog_offer_at(const struct catalog *catalog, uint32_t position);

/* Calls for each campaign, in no order. The catalog must not change meanwhile. */
typedef void catalog_campaign_fn(const struct campaign *campaign, void *arg);
void catalog_each_campaign(const struct catalog *catalog, catalog_campaign_fn *fn, void *arg);

#endif
