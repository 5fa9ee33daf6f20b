/*
 * gathering: the campaigns that may come to serve on a slot, by the index or all of them.
 */
#ifndef DECISION_GATHERING_H
#define DECISION_GATHERING_H

#include "decision/catalog_index.h"
#include "decision/page_request.h"

#define GATHERING_TERMS_MAX (4 + DIMENSION_COUNT + 1) /* rows that a page is met with */

/*
 * One row a page asks for: (base without less) and more. `less` and `more` may be NULL.
 */
struct gathering_term {
    const struct position_row *base, *less, *more;
};

/* What is the same for all slots of a page. */
struct gathering {
    struct catalog_index *index;
    struct gathering_term terms[GATHERING_TERMS_MAX];
    unsigned term_count;
    const struct position_row *key_rows[PAGE_CONTEXT_KEYS_MAX]; /* of keys that many want */
    unsigned key_row_count;
    bool begun, hit;
};

/* Made ready for a page; what costs something is done when the first slot needs it. */
void gathering_init(struct gathering *gathering, struct catalog_index *index);
/* To be called behind the last slot. */
void gathering_end(struct gathering *gathering);

/*
 * The offers of a tier that may serve on the slot, by position: all that may, and some that may
 * not. `pool` has room for all there are. `uncapped`: none that has a cap may serve now.
 */
unsigned gathering_tier(struct gathering *gathering, const struct page_request *request,
                        const struct page_slot *slot, bool uncapped, enum tier tier,
                        const struct offer **pool);

/* How many campaigns are booked on the slot; an upper bound where some name it besides `*`. */
static inline unsigned count_booked(const struct catalog_index *index, const struct slot_rows *rows)
{
    return rows->booked.count + index->everywhere.count;
}

/* All that are booked on it. For more than ROSTER_MAX of them it is kept for one decision only. */
const struct roster *gather_roster(struct catalog_index *index, struct slot_rows *rows);

/* The one booked at a position behind `position`, or, behind the last, the first; NULL: none is. */
const struct offer *gather_next(const struct catalog_index *index, const struct slot_rows *rows,
                                uint32_t position);

/* Of those booked on it, by position, number `first` and every `stride`th behind it; at most `max`.
 * Returns how many. */
unsigned gather_spread(const struct catalog_index *index, const struct slot_rows *rows,
                       unsigned stride, unsigned first, const struct offer **to, unsigned max);

#endif
