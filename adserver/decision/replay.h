/*
 * replay: what a catalog would have delivered, had the requests of the log been asked of it.
 *
 * Each logged request is decided by the code that serves: selection_run(), the reservation of caps
 * (in memory), the bounds of campaigns (replay_goals.h), selection_settle(). What it brings counts
 * as many times as requests stand behind it in the sample. Amounts are thousandths of serves
 * (REPLAY_ONE is one).
 *
 * Of a sample each logged request may be decided several times (`draws`): each draw is a world of
 * its own, with the same visits, its own viewers' counters and its own way to the goals, and counts
 * with its part of the weight. So lots are drawn as often as they really were, and what chance is
 * left is that of which viewers the sample has.
 *
 * Chance is seeded anew for each request from its place in the log, so that two catalogs of which
 * most is the same decide most requests alike, and what differs is the difference between them.
 *
 * Pure, as all that decides. Memory: some bytes for each cap counter, and for each viewer that saw
 * the campaign under test.
 */
#ifndef DECISION_REPLAY_H
#define DECISION_REPLAY_H

#include "decision/logged_request.h"
#include "decision/replay_amount.h"
#include "decision/replay_goals.h"
#include "decision/selection.h"

#define REPLAY_DRAWS_MAX 16

/*
 * Campaigns and slots are known by numbers from 1 on, which the caller gives them before they go
 * into a catalog; equal numbers in two catalogs make them comparable. No other code may use the
 * entries' `series` and `delivery`.
 */
void replay_number_campaign(struct campaign *campaign, unsigned number);
void replay_number_slot(struct slot *slot, unsigned number);

struct replay_config {
    const struct catalog *catalog;
    const struct campaign *const *campaigns; /* those in the catalog, by number; NULL: none */
    unsigned campaign_count, slot_count;     /* numbers are below */
    unsigned subject;                        /* the campaign under test; 0: none */
    const struct traffic_shape *shape;       /* for pacing; NULL: even traffic */
    int64_t begin_us;                        /* when the log begins */
    uint64_t seed;
    unsigned draws;           /* times each request is decided, 1 to REPLAY_DRAWS_MAX; 0 is 1 */
    bool scaled;              /* weights make the requests as many as they are known to have been */
    bool serve_anonymous;     /* as in struct page_request */
    uint32_t impressions_ppm; /* of a million serves so many become impressions */
};

struct replay;

/* All that the configuration points to must outlive it. */
struct replay *replay_new(const struct replay_config *config);
void replay_free(struct replay *replay);

/*
 * The next one of the log, which stands for `weight` thousandths of requests. A request older than
 * the one before counts as that old.
 */
void replay_request(struct replay *replay, const struct logged_request *request, uint64_t weight);

/* For how many requests, in thousandths, a logged one stands by its sample. */
uint64_t replay_weight(const struct logged_request *request);

/* Draws at which one stands for about one request, where a logged one stands for `weight`. */
unsigned replay_draws(uint64_t weight);

/* ---- What came of it ------------------------------------------------------------------------- */

/*
 * Each `…_error` is the part of its amount that chance in taking the sample may have added or taken
 * away: two standard errors (replay_amount.h). 0 where all viewers were logged.
 */

struct replay_slot {
    uint64_t requests, unfilled;     /* of the slot */
    uint64_t subject, subject_error; /* serves of the campaign under test */
};

struct replay_subject {
    uint64_t serves;
    /* Refusals by reason: how often it was not chosen on a slot that it is booked on, and why. */
    uint64_t rejected[REASON_COUNT];
    uint64_t reach; /* viewers it was served to, as far as they are known */
    uint64_t serves_error, reach_error;
};

struct replay_result {
    uint64_t requests;      /* pages */
    uint64_t slot_requests; /* of slots that the catalog has */
    uint64_t unfilled, unfilled_error;
    uint64_t unfilled_by[REASON_COUNT]; /* by what stopped the most campaigns */
    struct replay_subject subject;
};
struct replay_result replay_result(const struct replay *replay);

/* By number. */
struct replay_slot replay_slot(const struct replay *replay, unsigned slot);
uint64_t replay_serves(const struct replay *replay, unsigned campaign);
uint64_t replay_serves_error(const struct replay *replay, unsigned campaign);
uint64_t replay_serves_on(const struct replay *replay, unsigned campaign, unsigned slot);

/* Of the difference that `after` makes to a campaign, or to what stays unfilled, in the same log.
 */
uint64_t replay_difference_error(const struct replay *before, const struct replay *after,
                                 unsigned campaign);
uint64_t replay_unfilled_difference_error(const struct replay *before, const struct replay *after);

#endif
