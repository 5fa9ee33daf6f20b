/*
 * catalog_index: which campaigns may serve on a page, found without looking at the others.
 *
 * 1. Every campaign has a position. Positions lie in chunks of 512; a chunk belongs to one tier, so
 *    that tiers are asked one behind the other by masking chunks. Campaigns that are loaded
 *    together are sorted first, by slots, countries, devices and so on, so that those that want
 *    alike pages share chunks: most chunks then fall out by their summary bit alone. Those that
 *    cannot serve for now (out of their time, closed, paused) have chunks of their own, their beds:
 *    a few that can are not scattered among many that cannot. Who falls asleep or wakes is found
 *    where it is, and moved by and by, one campaign in TIDY_EVERY decisions.
 * 2. For each dimension there are rows (position_row.h) that say which campaigns accept a value.
 *    A page's value in each of them, met, are the campaigns that may serve on the page; met with
 *    the slot's rows, those that may serve there.
 *
 *        dimension        rows                                        found by
 *        slot             named by id; everywhere                     slot
 *        size             one a size of an active creative            sizes of the slot
 *        open             active, has creatives, not closed           -
 *        country, device, free (no rule), wide (free, or all but      the page's value
 *        browser, system  few), by value: taken in, left out
 *        language         free, by primary language: taken in         the page's language
 *        context          free, by key: taken in (key_table.h)        all keys of the page
 *        time             timetable.h                                 now
 *        uncapped, unbound                                            where Redis is away
 *
 * 3. Rows may hold campaigns that do not accept the page (a region within the country, a path with
 *    stars), never miss one that does: whoever is found is judged as exactly as without an index.
 *    So the index can cost time, but never change a verdict.
 *
 * A campaign is in as many rows as its rules have items, so changing one costs a few microseconds.
 */
#ifndef DECISION_CATALOG_INDEX_H
#define DECISION_CATALOG_INDEX_H

#include "decision/catalog.h"
#include "decision/drawing.h"
#include "decision/facts.h"
#include "decision/id_table.h"
#include "decision/key_table.h"
#include "decision/targeting.h"
#include "decision/timetable.h"

/* Campaigns booked on a slot up to which each request looks at all of them. */
#define ROSTER_MAX 32
#define TIDY_EVERY 4 /* decisions */

/* All that are booked on a slot, tier by tier: tier t is [tier_start[t], tier_start[t + 1]). */
struct roster {
    const struct offer **items;
    unsigned tier_start[TIER_COUNT + 1];
};

struct slot_rows {
    struct slot_index index;    /* its slot is NULL where campaigns name one that is not there */
    struct position_row booked; /* by its name */
    struct share_deck deck;
    uint32_t sample_at; /* position that was looked at last for the counts of refusals */
    uint64_t roster_generation;
    struct roster roster; /* right where the generation is the index's, of at most ROSTER_MAX */
    const struct offer *few[ROSTER_MAX];
    uint8_t id_len;
    char id[ID_MAX];
};

enum dimension {
    DIMENSION_COUNTRY,
    DIMENSION_DEVICE,
    DIMENSION_BROWSER,
    DIMENSION_SYSTEM,
    DIMENSION_COUNT
};

/* Those that accept value v: (wide and not left_out[v]) or taken_in[v]; the unknown one: free. */
struct dimension_rows {
    struct position_row free, wide;
    struct position_row taken_in[COUNTRY_NUMBERS], left_out[COUNTRY_NUMBERS];
};

/* Rows by a key; they stay once they are there. */
struct row_map {
    uint64_t *keys;
    struct position_row **rows; /* NULL: a free place */
    unsigned capacity, count;
};

/* Where decisions put what they are about; allocated as campaigns come, so that none allocates. */
struct index_scratch {
    const struct offer **pool;   /* by position: room for all */
    const struct offer **roster; /* made when first asked for */
    uint8_t *verdicts;           /* like it */
    uint64_t *summary;           /* of the page: a bit a chunk */
    uint64_t *hit_summary;       /* chunks with hits */
    struct chunk_bits *hits;     /* by chunk: found by keys of the page; zero between decisions */
    struct chunk_bits *page;     /* by chunk: what is the same for all slots of a page */
    uint32_t *page_number;       /* by chunk: the page that `page` was worked out for */
    uint32_t number;             /* of the page at hand */
};

struct catalog_index {
    struct chunk_pool pool;
    struct id_table slots, offers, creatives;
    uint64_t generation; /* counts changes */

    unsigned offers_in; /* campaigns that have their bits */
    struct offer **at;  /* by position; NULL: free */
    unsigned chunks, chunk_capacity;
    uint8_t *chunk_class; /* tier times two, and one more for beds */
    uint16_t *chunk_taken;
    uint64_t *tier_chunks[TIER_COUNT]; /* a bit a chunk */
    uint64_t *class_chunks[2 * TIER_COUNT];
    uint64_t *roomy;          /* chunks with free positions */
    uint32_t neighbours[256]; /* by a hash of what is wanted: the chunk last given */

    struct position_row taken; /* by anybody */
    struct position_row everywhere, open, uncapped, unbound;
    struct dimension_rows *dimensions; /* DIMENSION_COUNT of them */
    struct position_row language_free, context_free;
    struct row_map languages, sizes;
    struct key_table keys;
    unsigned context_users[CONTEXT_KINDS + 1]; /* campaigns found by keys of that kind; by none */
    struct timetable time;
    struct index_scratch scratch;
    unsigned tidy_turn, tidy_at;         /* the chunk that is being tidied */
    unsigned holders;                    /* of positions: nobody is moved meanwhile */
    unsigned sample_turn, estimate_turn; /* whose turn it is to be looked at (counting.h) */
};

struct catalog_index *index_new(void);
void index_free(struct catalog_index *index);

/*
 * Gives the offer's campaign its bits, and a position where it has none yet; takes them. Nothing
 * that its bits come from (campaign, creatives, closed) may change between the two.
 */
void index_add(struct catalog_index *index, struct offer *offer);
void index_take_out(struct catalog_index *index, struct offer *offer);
/* Its bit among the open ones, after its `closed` has changed. */
void index_set_open(struct catalog_index *index, struct offer *offer);
/* For good, once its bits are gone. */
void index_free_position(struct catalog_index *index, struct offer *offer);

/* The rows of a slot of that id, made where there are none; let go where nobody needs them. */
struct slot_rows *index_slot(struct catalog_index *index, struct slice id);
void index_drop_slot(struct catalog_index *index, struct slot_rows *rows);

void index_turn(struct catalog_index *index, int64_t now_us);

/* One chunk is looked at, and one campaign moved at most. No position may be in use. */
void index_tidy(struct catalog_index *index);

/* NULL: no campaign has it. */
const struct position_row *row_map_find(const struct row_map *map, uint64_t key);
static inline uint64_t size_key(struct size size)
{
    return (uint64_t)size.width << 16 | size.height;
}

/* Sorts campaigns so that alike ones stand side by side. */
void index_sort(struct campaign **campaigns, unsigned count);

#endif
