/*
 * explain: for a described request every campaign's verdict on every slot, with the figures behind
 * it: served, or the first reason why not.
 *
 * The decision itself answers, not a copy of its rules:
 *
 * 1. explain_judge()  asks of each campaign what serving asks (decision/judging.h), in small steps.
 * 2. The caller reads the viewer's counters that explain_cap_key() names, and tells them.
 * 3. explain_draw()   runs the selection EXPLAIN_DRAWS times, from a fixed seed, and ends each page
 *                     as store/reserve.lua would, but without counting anything. One draw is shown;
 *                     all of them tell how often a campaign would serve.
 * 4. explain_list()   puts what comes nearest to being served first.
 *
 * Each of the steps is short, so that a server can do them between requests. When the catalog has
 * changed in between (explain_is_current()) all that is left to do is to begin anew. Nothing is
 * counted, no cap, goal or budget is touched. Pure: no I/O, no clock, no randomness but the seed.
 */
#ifndef DECISION_EXPLAIN_H
#define DECISION_EXPLAIN_H

#include "base/strbuf.h"
#include "decision/record.h"
#include "decision/selection.h"

#define EXPLAIN_DRAWS         1000
#define EXPLAIN_SEED          UINT64_C(0x6d61737468656164) /* the same question, the same answer */
#define EXPLAIN_CAMPAIGNS_MAX 1000                         /* listed for a slot; all are counted */
#define EXPLAIN_CAPS_MAX      4096 /* counters asked for; others are not known, and have room */
#define EXPLAIN_BOUNDS_MAX    512  /* campaigns whose goals are asked for; others have room */
#define EXPLAIN_JUDGED_STEP   256  /* campaigns judged in one step */
#define EXPLAIN_DETAIL_MAX    4096 /* bytes of a phrase */

/* What a campaign with goals or budgets has delivered. */
struct explain_progress {
    enum reason resting; /* REASON_GOAL_MET, _BUDGET_SPENT, _PACED; REASON_NONE: it has room */
    uint64_t impressions, clicks, impressions_today;
    int64_t spent_micro, spent_today_micro;
    uint64_t reserved, reserved_today; /* serves that may still be seen */
    uint64_t plan; /* impressions that are planned by now, or today by now; 0: not known */
};

/* The fields of a campaign as they were written, at most RECORD_FIELDS_MAX; how many. */
typedef unsigned explain_fields_fn(const struct campaign *campaign, struct record_field *ret,
                                   void *arg);

struct explain_question {
    struct page_request request; /* what its slices point to must outlive the explanation */
    struct catalog *catalog;     /* in which its slots were found; must outlive it */
    struct slice campaign;       /* the only one to tell about; empty: all */
    uint64_t seed;
    explain_fields_fn *fields; /* may be NULL: phrases are without the texts of lists */
    unsigned deliveries;       /* rows: each campaign.delivery is below it; 0: none is bound */
    void *arg;
};

struct explain_verdict {
    const struct campaign *campaign;
    const struct offer *offer;       /* its creatives; NULL: it has none that fits the slot */
    const struct creative *creative; /* served in the draw that is shown; NULL: none */
    enum reason reason;              /* REASON_NONE: served */
    uint32_t draws;                  /* in which it was served */
    uint32_t order;                  /* in which it was judged */
};

struct explain_slot {
    struct slice name;
    const struct slot_index *index;    /* NULL: there is no such slot */
    enum reason closed;                /* why nothing may serve on it; REASON_NONE: something may */
    uint32_t counts[REASON_COUNT + 1]; /* campaigns by verdict; the last one: served */
    uint32_t total;                    /* campaigns judged */
    uint32_t filled;                   /* draws in which the slot got a creative */
    const struct explain_verdict *list; /* nearest to being served first */
    uint32_t listed;
};

struct explain;

struct explain *explain_new(const struct explain_question *question);
/* NULL is harmless. */
void explain_free(struct explain *explain);

/* False: the catalog has changed since, and the explanation is of no more use but to be freed. */
bool explain_is_current(const struct explain *explain);

/* Judges some campaigns more. False: all are judged. */
bool explain_judge(struct explain *explain);

/* The counters that the answer depends on, once all are judged; none for an unknown viewer. */
unsigned explain_cap_count(const struct explain *explain);
uint64_t explain_cap_key(const struct explain *explain, unsigned at);
/*
 * What stands in a counter: served so far, and how long its window still lasts from `read_us`
 * (wall time) on; -1: without an end. One that is not told holds nothing.
 */
void explain_set_cap(struct explain *explain, unsigned at, uint64_t served, int64_t left_ms,
                     int64_t read_us);

/* The campaigns that goals or budgets bind, once all are judged; those at rest for another reason
 * are not among them. */
unsigned explain_bound_count(const struct explain *explain);
const struct campaign *explain_bound(const struct explain *explain, unsigned at);
/* One that is not told has room. */
void explain_set_progress(struct explain *explain, unsigned at,
                          const struct explain_progress *progress);

/* One draw more. False: all are drawn. */
bool explain_draw(struct explain *explain);

/* Lists one slot more. False: all are listed. */
bool explain_list(struct explain *explain);

const struct explain_question *explain_asked(const struct explain *explain);
unsigned explain_slot_count(const struct explain *explain);
/* Once all are listed. */
const struct explain_slot *explain_slot(const struct explain *explain, unsigned slot);

/* "served", or the reason's word. */
const char *explain_word(enum reason reason);

/* Appends the figures behind a verdict as one phrase: "cap 3/1d: 3 served, opens again 14:02". */
void explain_detail(const struct explain *explain, unsigned slot,
                    const struct explain_verdict *verdict, struct strbuf *ret);

#endif
