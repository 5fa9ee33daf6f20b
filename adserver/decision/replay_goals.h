/*
 * replay_goals: how far campaigns with bounds (goals, daily ceilings, budgets) have come in a
 * replay, and whether they may serve.
 *
 * Where serving leases units from Redis, a replay knows at once what was delivered: a campaign may
 * serve while one impression more stays within each of its bounds and within its pacing's ceiling
 * at that moment. Amounts are thousandths of impressions. An impression that stands for many, since
 * the log is a sample, may pass a bound by half of that, so that bounds are kept on average.
 *
 * What was delivered before the replay began is not known: a campaign that began earlier is taken
 * to be on its plan then; with pacing asap, on the plan that even would have; without a period, at
 * its beginning. Clicks are not replayed: they bind nothing.
 */
#ifndef DECISION_REPLAY_GOALS_H
#define DECISION_REPLAY_GOALS_H

#include "decision/delivery.h"
#include "decision/model.h"
#include "decision/traffic_shape.h"

#define REPLAY_ONE     1000             /* thousandths in one serve or impression */
#define REPLAY_PLAN_US INT64_C(1000000) /* how often a campaign ahead of its plan is looked at */

struct replay_goals;

/* Whether the campaign has a bound that a replay keeps. */
bool replay_goals_bind(const struct campaign *campaign);

/*
 * `campaigns[i]` has the row i, NULL or one that is not bound has none; row 0 is nobody's. They and
 * `shape` (NULL: even traffic) must outlive it. `begin_us` is when the replay begins.
 */
struct replay_goals *replay_goals_new(const struct campaign *const *campaigns, unsigned count,
                                      const struct traffic_shape *shape, int64_t begin_us);
void replay_goals_free(struct replay_goals *goals);

/* Brings all rows to that moment, which must not go back; `weight` is what one impression counts.
 */
struct deliveries replay_goals_at(struct replay_goals *goals, int64_t now_us, uint64_t weight);

/* Impressions of a row, at the moment last given. */
void replay_goals_count(struct replay_goals *goals, unsigned row, uint64_t impressions);

#endif
