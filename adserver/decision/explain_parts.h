/*
 * explain_parts: what the files of explain share.
 */
#ifndef DECISION_EXPLAIN_PARTS_H
#define DECISION_EXPLAIN_PARTS_H

#include "decision/catalog_index.h"
#include "decision/explain.h"
#include "decision/judging.h"

#define EXPLAIN_CAP_PLACES   (2 * EXPLAIN_CAPS_MAX) /* a power of two */
#define EXPLAIN_TAKEN_MAX    (PAGE_SLOTS_MAX * 2 * CAPS_MAX)
#define EXPLAIN_VERDICTS_MAX (2 * EXPLAIN_CAMPAIGNS_MAX)
/* The draw that is shown: the last one, so that what it took is still there to be told. */
#define EXPLAIN_SHOWN (EXPLAIN_DRAWS - 1)

_Static_assert(EXPLAIN_VERDICTS_MAX >= EXPLAIN_CAMPAIGNS_MAX + EXPLAIN_DRAWS, "winners have room");

/* One counter of the viewer. */
struct explain_cap {
    uint64_t key;
    uint64_t served; /* at the moment asked about */
    int64_t end_us;  /* of its window, wall time; TIME_UNSET: none is open, or it has no end */
    uint32_t taken;  /* in the draw at hand */
};

/* A campaign with bounds. */
struct explain_bound {
    const struct campaign *campaign;
    struct explain_progress progress;
};

/* What the eligible campaigns of a tier have together. */
struct explain_tier {
    uint64_t weight;   /* of those without a share */
    int64_t cpm_micro; /* the highest */
};

/* A slot while it is being explained. */
struct explain_work {
    struct explain_slot slot;
    uint32_t width;
    struct explain_verdict *verdicts; /* room for EXPLAIN_VERDICTS_MAX */
    uint32_t kept;
    uint32_t judged;        /* position in the index */
    struct share_deck deck; /* its own: what it draws must not be missing where ads are served */
    struct explain_tier tiers[TIER_COUNT];
    struct candidate winners[EXPLAIN_DRAWS]; /* campaign NULL: none */
    /* The draw that is shown: campaigns passed over, and why. */
    struct {
        const struct campaign *campaign;
        enum reason reason;
    } passed[CANDIDATES_MAX];
    unsigned passed_count;
};

struct explain {
    struct explain_question question;
    uint64_t changes;           /* of the catalog when it began */
    bool holds;                 /* the catalog's positions, until all are judged */
    struct selection selection; /* of the draw at hand; `capped_reason` and the like also before */
    struct random random;
    unsigned judging, drawn, listing; /* how far each step has come */
    struct explain_cap *caps;         /* room for EXPLAIN_CAPS_MAX */
    unsigned cap_count;
    uint16_t cap_places[EXPLAIN_CAP_PLACES]; /* positions in caps plus 1, by key */
    struct delivery *rows; /* question.deliveries of them: units for all that are not at rest */
    struct explain_bound bounds[EXPLAIN_BOUNDS_MAX];
    unsigned bound_count;
    /* The draw that is shown: what its slots took, in their order. */
    struct {
        unsigned slot;
        uint64_t key;
    } taken[EXPLAIN_TAKEN_MAX];
    unsigned taken_count;
    struct explain_work *work; /* one a slot */
};

/* NULL where it is not known. */
struct explain_cap *explain_find_cap(const struct explain *explain, uint64_t key);
/* NULL where it is not known. */
const struct explain_progress *explain_find_progress(const struct explain *explain,
                                                     const struct campaign *campaign);
/* Served to the viewer when it is the slot's turn in the draw that is shown. */
uint64_t explain_served(const struct explain *explain, unsigned slot, uint64_t key);
/* The first cap without room on the slot in the draw that is shown; NULL: all have room. */
const struct cap *explain_full_cap(const struct explain *explain, unsigned slot,
                                   const struct caps *caps);
/* Those of its creatives that could serve but for their caps have none left. */
bool explain_is_capped_out(const struct explain *explain, unsigned slot, const struct offer *offer);
/* Whether the creative has one of the slot's sizes, whatever width is there. */
bool explain_fits(const struct explain *explain, const struct slot_index *index,
                  const struct campaign *campaign, const struct creative *creative);

#endif
