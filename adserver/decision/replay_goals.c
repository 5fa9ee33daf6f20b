#include "decision/replay_goals.h"

#include <stdlib.h>

#include "base/check.h"
#include "decision/pacing.h"
#include "decision/zone.h"

#define UNITS_MANY 1024 /* more than a page can use */

enum { GOAL, DAILY, BUDGET, DAILY_BUDGET, BOUNDS };

struct bound {
    uint64_t amount; /* impressions or micro-units; 0: none */
    bool daily, money;
};

struct state {
    const struct campaign *campaign;
    uint64_t total, today; /* thousandths of impressions */
    struct zone_day day;
    int64_t look_us; /* nothing changes by itself before */
};

struct replay_goals {
    const struct traffic_shape *shape;
    struct state *states;
    struct delivery *rows;
    unsigned *bound; /* the rows that are somebody's */
    unsigned bound_count, count;
    int64_t now_us;
    uint64_t weight;
};

static void read_bounds(const struct campaign *campaign, struct bound ret[BOUNDS])
{
    ret[GOAL] = (struct bound){campaign->goal_impressions, false, false};
    ret[DAILY] = (struct bound){campaign->daily_impressions, true, false};
    ret[BUDGET] = (struct bound){(uint64_t)campaign->budget_micro, false, true};
    ret[DAILY_BUDGET] = (struct bound){(uint64_t)campaign->daily_budget_micro, true, true};
    for (unsigned i = 0; i < BOUNDS; i++) {
        if (ret[i].money && campaign->cpm_micro == 0)
            ret[i].amount = 0;
    }
}

bool replay_goals_bind(const struct campaign *campaign)
{
    struct bound bounds[BOUNDS];
    read_bounds(campaign, bounds);
    return bounds[GOAL].amount || bounds[DAILY].amount || bounds[BUDGET].amount ||
           bounds[DAILY_BUDGET].amount;
}

/* ---- Plans ----------------------------------------------------------------------------------- */

static struct pacing_goal goal_of(const struct state *state, const struct bound *bound)
{
    const struct campaign *campaign = state->campaign;
    struct pacing_goal goal = {campaign->pacing, bound->amount, campaign->start_us,
                               campaign->end_us};
    if (bound->daily) {
        goal.begin_us = state->day.begin_us;
        goal.end_us = state->day.end_us;
    }
    return goal;
}

/* Whether so many thousandths of impressions stay within an amount of the bound's kind. */
static bool is_within(const struct state *state, const struct bound *bound, uint64_t impressions,
                      uint64_t amount)
{
    unsigned __int128 used = impressions, limit = amount;
    if (!bound->money)
        return used <= limit * REPLAY_ONE;
    return used * (uint64_t)state->campaign->cpm_micro <= limit * REPLAY_ONE * 1000;
}

/* Thousandths of impressions that an amount of the bound's kind is worth. */
static uint64_t worth(const struct state *state, const struct bound *bound, uint64_t amount)
{
    unsigned __int128 thousandths = (unsigned __int128)amount * REPLAY_ONE;
    if (bound->money)
        thousandths = thousandths * 1000 / (uint64_t)state->campaign->cpm_micro;
    return thousandths > UINT64_MAX / 2 ? UINT64_MAX / 2 : (uint64_t)thousandths;
}

/* What is taken to have been delivered of the bound before the replay. */
static uint64_t delivered_before(const struct state *state, const struct bound *bound,
                                 const struct traffic_shape *shape, int64_t begin_us)
{
    struct pacing_goal goal = goal_of(state, bound);
    if (goal.begin_us == TIME_UNSET || goal.end_us == TIME_UNSET || begin_us <= goal.begin_us)
        return 0;
    goal.pacing = goal.pacing == PACING_ASAP ? PACING_EVEN : goal.pacing;
    return worth(state, bound, pacing_plan(&goal, shape, begin_us));
}

/* The total and the day's are what the bound that has come least far allows. */
static void begin_state(struct state *state, const struct traffic_shape *shape, int64_t begin_us)
{
    struct bound bounds[BOUNDS];
    uint64_t least[2] = {UINT64_MAX, UINT64_MAX};
    read_bounds(state->campaign, bounds);
    state->day = zone_day_at(state->campaign->zone, begin_us);
    state->look_us = begin_us;
    for (unsigned i = 0; i < BOUNDS; i++) {
        if (bounds[i].amount == 0)
            continue;
        uint64_t before = delivered_before(state, &bounds[i], shape, begin_us);
        if (before < least[bounds[i].daily])
            least[bounds[i].daily] = before;
    }
    bool runs = state->campaign->start_us < begin_us;
    state->total = runs && least[false] != UINT64_MAX ? least[false] : 0;
    state->today = runs && least[true] != UINT64_MAX ? least[true] : 0;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static struct delivery rest(struct state *state, enum reason reason, int64_t look_us)
{
    state->look_us = look_us;
    return (struct delivery){.resting = reason};
}

/* A bound that is used up rules out more than a plan that is not so far yet. */
static struct delivery judge(struct state *state, const struct replay_goals *goals)
{
    struct bound bounds[BOUNDS];
    uint64_t room = (goals->weight + REPLAY_ONE) / 2;
    bool ahead = false;
    read_bounds(state->campaign, bounds);
    for (unsigned i = 0; i < BOUNDS; i++) {
        const struct bound *bound = &bounds[i];
        uint64_t wanted = (bound->daily ? state->today : state->total) + room;
        if (bound->amount == 0)
            continue;
        if (!is_within(state, bound, wanted, bound->amount))
            return rest(state, bound->money ? REASON_BUDGET_SPENT : REASON_GOAL_MET,
                        bound->daily ? state->day.end_us : INT64_MAX);
        struct pacing_goal goal = goal_of(state, bound);
        uint64_t ceiling = pacing_ceiling(&goal, goals->shape, goals->now_us);
        ahead |= !is_within(state, bound, wanted, ceiling);
    }
    if (ahead)
        return rest(state, REASON_PACED, goals->now_us + REPLAY_PLAN_US);
    state->look_us = state->day.end_us;
    return (struct delivery){.units = UNITS_MANY};
}

static void look(struct replay_goals *goals, unsigned row)
{
    struct state *state = &goals->states[row];
    if (goals->now_us >= state->day.end_us) {
        state->day = zone_day_at(state->campaign->zone, goals->now_us);
        state->today = 0;
    }
    goals->rows[row] = judge(state, goals);
}

struct replay_goals *replay_goals_new(const struct campaign *const *campaigns, unsigned count,
                                      const struct traffic_shape *shape, int64_t begin_us)
{
    struct replay_goals *goals = check_calloc(1, sizeof *goals);
    goals->shape = shape;
    goals->count = count;
    goals->states = check_calloc(count + 1, sizeof *goals->states);
    goals->rows = check_calloc(count + 1, sizeof *goals->rows);
    goals->bound = check_calloc(count + 1, sizeof *goals->bound);
    for (unsigned row = 1; row < count; row++) {
        if (!campaigns[row] || !replay_goals_bind(campaigns[row]))
            continue;
        goals->states[row].campaign = campaigns[row];
        begin_state(&goals->states[row], shape, begin_us);
        goals->bound[goals->bound_count++] = row;
    }
    return goals;
}

void replay_goals_free(struct replay_goals *goals)
{
    if (!goals)
        return;
    free(goals->states);
    free(goals->rows);
    free(goals->bound);
    free(goals);
}

struct deliveries replay_goals_at(struct replay_goals *goals, int64_t now_us, uint64_t weight)
{
    CHECK(now_us >= goals->now_us || goals->now_us == 0);
    goals->now_us = now_us;
    goals->weight = weight;
    for (unsigned i = 0; i < goals->bound_count; i++) {
        if (goals->states[goals->bound[i]].look_us <= now_us)
            look(goals, goals->bound[i]);
    }
    return (struct deliveries){goals->rows, goals->count};
}

void replay_goals_count(struct replay_goals *goals, unsigned row, uint64_t impressions)
{
    CHECK(row < goals->count && goals->states[row].campaign != NULL);
    goals->states[row].total += impressions;
    goals->states[row].today += impressions;
    look(goals, row);
}
