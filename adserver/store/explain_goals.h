/*
 * explain_goals: what goals and budgets allow a campaign, asked of lease.lua without reserving
 * anything. Only reads.
 */
#ifndef STORE_EXPLAIN_GOALS_H
#define STORE_EXPLAIN_GOALS_H

#include "decision/explain.h"
#include "store/goal_terms.h"
#include "store/ledger_keys.h"
#include "store/redis.h"

#define EXPLAIN_GOAL_ARGS 21

/* One call of the script SCRIPT_LEASE; the slices point into it. */
struct explain_goal_call {
    struct slice keys[2], args[EXPLAIN_GOAL_ARGS];
    char key_buffers[2][LEDGER_KEY_MAX], window[GOAL_WINDOW_MAX], numbers[2][GOAL_NUMBER_MAX];
    char terms[GOAL_TERMS][GOAL_NUMBER_MAX], plan[GOAL_PLAN_TERMS][GOAL_NUMBER_MAX];
};

/* What they are asked by. */
struct explain_goal_terms {
    struct slice prefix;
    int64_t hold_ms;                   /* the servers' goals.hold */
    const struct traffic_shape *shape; /* NULL: flat */
};

/* `at` is a position of explain_bound(). */
void explain_goal_ask(const struct explain *explain, unsigned at,
                      const struct explain_goal_terms *terms, struct explain_goal_call *ret);

/* Takes the script's answer; false where it is none. */
bool explain_goal_take(struct explain *explain, unsigned at, const struct explain_goal_terms *terms,
                       const struct redis_reply *reply);

#endif
