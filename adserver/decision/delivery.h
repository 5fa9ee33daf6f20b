/*
 * delivery: what is known at this moment of the delivery of campaigns that are bound by a goal, a
 * daily ceiling or a budget.
 *
 * Such a campaign serves only with a unit in hand: the right to one serve that is reserved against
 * all its bounds (store/goals.h gets units from Redis, many at a time). The decision only reads how
 * many there are; whoever serves takes one for each serve. Rows are found by campaign.delivery.
 */
#ifndef DECISION_DELIVERY_H
#define DECISION_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "decision/reasons.h"

struct delivery {
    uint32_t units; /* serves that may be given away now */
    /*
     * Where there are no units: true, and asking for some is worth the way, so that the campaign is
     * offered all the same (struct candidate: bound); or false, and `resting` says why not.
     */
    bool may_ask;
    enum reason resting; /* REASON_GOAL_MET, _BUDGET_SPENT, _PACED, _REDIS_AWAY or _DEADLINE */
};

struct deliveries {
    const struct delivery *rows; /* row 0 is nobody's */
    unsigned count;
};

#endif
