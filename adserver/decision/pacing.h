/*
 * pacing: how much of a goal should have been delivered by a moment.
 *
 * A goal is an amount (impressions, clicks, or money in micro-units) for a period: start to end of
 * the campaign, or the day in its zone. Its plan is a function of time alone: 0 before the period,
 * never falling, and the whole amount from a little before the end on:
 *
 *     amount |                      ________     even   in step with the site's traffic
 *            |              __..--""             front  ahead of even all the way
 *            |        _.-""                      asap   everything at once
 *            |   _.-"
 *          0 |_-"__________________________
 *            begin                  aim  end
 *
 * Nothing here knows what was delivered. Units are granted up to the ceiling (the plan a look-ahead
 * later) less what was granted before; so whatever fell behind is granted at once, without any
 * other limit, and is made up for by the first traffic there is.
 *
 * A unit that the plan has begun counts as planned (amounts are rounded up): the first unit of a
 * small goal need not wait until the time of a whole one has gone by.
 */
#ifndef DECISION_PACING_H
#define DECISION_PACING_H

#include <stdint.h>

#include "base/clock.h"
#include "decision/model.h"
#include "decision/traffic_shape.h"

/*
 * How far before the end of its period a plan is complete: a part of the period, but no less than
 * these microseconds, and in short periods no more than another part. A serve that brings no
 * impression comes back after a minute, and may go wrong again; and traffic below the learnt may
 * leave a rest. Both need time that the plan does not claim.
 */
#define PACING_RESERVE_PART      200 /* of the period: 0.5 % */
#define PACING_RESERVE_MIN_US    (120 * US_PER_SECOND)
#define PACING_RESERVE_MOST_PART 5 /* in periods below ten minutes */

/*
 * How far beyond now a lease may reach: the minute after which a serve without impression is given
 * back. Units granted stay open for a while: in the hands of a worker that awaits requests, until
 * the browser reports, or for that minute. Without a look-ahead, delivery would lag behind its plan
 * by all these; with a minute it lags only where more than that is open at a time. It also lets a
 * worker fetch units for many requests in one go. The other side: if all is reported at once, a
 * campaign is a minute ahead. That is 0.1 % of a day, and in short periods a part that stays below
 * 2.5 % of the plan from its first tenth on.
 */
#define PACING_LOOK_AHEAD_US   (60 * US_PER_SECOND)
#define PACING_LOOK_AHEAD_PART 400

/*
 * `front` delivers faster at first: where even is at x of the amount, front is at x + LEAD x (1 -
 * x). So the pace falls from 150 % of the even one to 50 %, and half way 62.5 % is done. In
 * percent, at most 100: above that, front would be done too early and have to go back.
 */
#define PACING_FRONT_LEAD_PERCENT 50

struct pacing_goal {
    enum pacing pacing;
    uint64_t amount;
    /* [begin_us, end_us), wall time. Where one is TIME_UNSET there is no period: asap. */
    int64_t begin_us, end_us;
};

/*
 * How much of the amount should have been delivered by now_us. `shape` NULL: traffic is taken to be
 * the same at all times. Another shape is another plan, which may be behind the last one; then
 * nothing is granted until it has caught up with what was delivered.
 */
uint64_t pacing_plan(const struct pacing_goal *goal, const struct traffic_shape *shape,
                     int64_t now_us);

/* How much may have been granted by now_us, open units included: the plan a look-ahead later. */
uint64_t pacing_ceiling(const struct pacing_goal *goal, const struct traffic_shape *shape,
                        int64_t now_us);

#endif
