#include "store/goals_lease.h"

#include "base/check.h"
#include "decision/zone.h"
#include "net/loop.h"
#include "store/lease_call.h"
#include "store/scripts.h"

#define CHANGE_MS  1000 /* after which a changed campaign is sure to be the one that is served */
#define FIRST_PART 8    /* of a window, that at least must be over to tell a rate from it */
#define AHEAD_PART 4    /* of a window: in its last one the next is asked for */
#define LOW_PART   4    /* of a lot: fewer units in hand, and more are asked for */
#define LOT_MIN    8    /* smaller lots come near a bound: nothing is asked for ahead of need */

int64_t lease_window_us(const struct goals *goals)
{
    return goal_window_us(goals->config.hold_ms * US_PER_MS);
}

struct goal_window lease_window_at(const struct lease *lease, int64_t at_us)
{
    return goal_window_at(lease->zone, lease->goals->config.hold_ms * US_PER_MS, at_us);
}

struct delivery *lease_row(const struct lease *lease)
{
    return &lease->goals->rows[lease->row];
}

void lease_note(const struct goals *goals, enum metrics_counter counter, uint64_t n)
{
    if (goals->config.metrics)
        metrics_add(goals->config.metrics, counter, n);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static void run(struct lease *lease, const struct lease_call *call, redis_fn *fn, void *arg)
{
    const struct goals *goals = lease->goals;
    struct lease_question question = {.prefix = goals->config.prefix,
                                      .id = slice_of(lease->id, lease->id_len),
                                      .zone = lease->zone,
                                      .shape = goals->shape,
                                      .hold_ms = goals->config.hold_ms,
                                      .now_us = goals->now_us,
                                      .call = *call};
    struct lease_words words;
    lease_call_write(&question, &words);
    redis_run_script(goals->config.redis, script_get(SCRIPT_LEASE), words.keys, LEASE_KEYS,
                     words.args, LEASE_ARGS, GOALS_CALL_MS, fn, arg);
}

static void on_given_back(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    (void)failure, (void)reply, (void)arg;
}

void lease_give_back(struct lease *lease, struct goal_window window, uint32_t count)
{
    struct lease_call call = {.window = window, .back = count};
    if (count == 0 || !redis_is_up(lease->goals->config.redis))
        return;
    lease_note(lease->goals, COUNTER_GOAL_UNITS_GIVEN_BACK, count);
    run(lease, &call, on_given_back, NULL);
}

static void ask(struct lease *lease, const struct campaign *campaign, struct goal_window window,
                uint32_t wanted, uint32_t needed)
{
    struct lease_ask *ask = check_malloc(sizeof *ask);
    struct lease_call call = {.campaign = campaign, .window = window, .needed = needed};
    call.wanted = wanted < LEASE_MAX ? wanted : LEASE_MAX;
    *ask = (struct lease_ask){.lease = lease, .window = window};
    lease->asking = true;
    lease->goals->asks++;
    run(lease, &call, lease_on_answer, ask);
}

/* ---- Resting --------------------------------------------------------------------------------- */

void lease_tell(struct lease *lease)
{
    const struct goals_config *config = &lease->goals->config;
    bool closed =
        lease->resting && lease->lasting && lease->next_units == 0 && lease_row(lease)->units == 0;
    if (closed == lease->closed)
        return;
    lease->closed = closed;
    if (config->on_closed)
        config->on_closed(slice_of(lease->id, lease->id_len), closed, config->arg);
}

static void get_up(struct lease *lease)
{
    if (lease->resting)
        TAILQ_REMOVE(&lease->goals->buckets[lease->bucket], lease, rest_link);
    lease->resting = false;
}

void lease_wake(struct lease *lease)
{
    get_up(lease);
    lease_row(lease)->may_ask = true;
    lease_tell(lease);
}

/* What is refused may still have been asked for by the bounds from before a change. */
static bool is_new(const struct lease *lease)
{
    int64_t now_us = clock_mono_us(lease->goals->config.clock);
    return now_us - lease->changed_us < CHANGE_MS * US_PER_MS;
}

void lease_rest(struct lease *lease, enum reason reason, unsigned ms)
{
    struct goals *goals = lease->goals;
    if (is_new(lease) && ms > GOALS_REST_MIN_MS)
        ms = GOALS_REST_MIN_MS;
    unsigned jittered_ms = (ms + (unsigned)random_below(&goals->random, ms + 1)) / 2;
    int64_t ticks = jittered_ms / GOALS_REST_TICK_MS + 1;
    get_up(lease);
    lease->resting = true;
    lease->lasting = ms == GOALS_REST_LONG_MS;
    lease->bucket = (unsigned)((goals->tick + ticks) % LEASE_REST_BUCKETS);
    TAILQ_INSERT_TAIL(&goals->buckets[lease->bucket], lease, rest_link);
    lease_row(lease)->may_ask = false;
    lease_row(lease)->resting = reason;
    lease_tell(lease);
}

void lease_rest_longer(struct lease *lease, enum reason reason)
{
    unsigned ms = lease->rest_ms ? 2 * lease->rest_ms : GOALS_REST_MIN_MS;
    lease->rest_ms = ms < GOALS_REST_MAX_MS ? ms : GOALS_REST_MAX_MS;
    lease_rest(lease, reason, lease->rest_ms);
}

void lease_end_rests(struct goals *goals)
{
    int64_t tick = clock_mono_us(goals->config.clock) / LEASE_TICK_US;
    if (tick - goals->tick > LEASE_REST_BUCKETS)
        goals->tick = tick - LEASE_REST_BUCKETS;
    while (goals->tick < tick) {
        struct lease_list *bucket = &goals->buckets[++goals->tick % LEASE_REST_BUCKETS];
        struct lease *lease;
        while ((lease = TAILQ_FIRST(bucket)))
            lease_wake(lease);
    }
}

/* ---- Windows --------------------------------------------------------------------------------- */

void lease_set_active(struct lease *lease)
{
    struct goals *goals = lease->goals;
    if (lease->active)
        return;
    lease->active = true;
    TAILQ_INSERT_TAIL(&goals->active, lease, active_link);
    if (lease->window.end_us < goals->next_us)
        goals->next_us = 0; /* found anew by the next goals_open() */
    loop_timer_set(goals->roll_timer, lease_window_us(goals));
}

void lease_roll(struct lease *lease)
{
    struct delivery *row = lease_row(lease);
    struct goal_window window = lease_window_at(lease, lease->goals->now_us);
    if (goal_window_eq(lease->window, window))
        return;
    lease_give_back(lease, lease->window, row->units);
    bool goes_on = goal_window_eq(lease->next, window);
    if (!goes_on)
        lease_give_back(lease, lease->next, lease->next_units);
    row->units = lease->granted = goes_on ? lease->next_units : 0;
    lease->next_units = 0;
    lease->taken_before = lease->taken;
    lease->taken = 0;
    lease->window = window;
    lease_tell(lease);
}

void lease_roll_active(struct goals *goals)
{
    goals->next_us = INT64_MAX;
    for (struct lease *lease = TAILQ_FIRST(&goals->active), *next; lease; lease = next) {
        next = TAILQ_NEXT(lease, active_link);
        lease_roll(lease);
        if (lease_row(lease)->units + lease->taken + lease->taken_before == 0) {
            TAILQ_REMOVE(&goals->active, lease, active_link);
            lease->active = false;
            continue;
        }
        int64_t day_end_us = zone_day_at(lease->zone, goals->now_us).end_us;
        int64_t end_us = lease->window.end_us < day_end_us ? lease->window.end_us : day_end_us;
        goals->next_us = end_us < goals->next_us ? end_us : goals->next_us;
    }
}

/* ---- How many to ask for --------------------------------------------------------------------- */

/* What the rest of the window may need at the rate of late; at least as many as it had so far. */
static uint32_t wanted_now(const struct lease *lease)
{
    const struct goals *goals = lease->goals;
    int64_t length_us = lease_window_us(goals), left_us = lease->window.end_us - goals->now_us;
    int64_t past_us = length_us - left_us;
    if (past_us < length_us / FIRST_PART)
        past_us = length_us / FIRST_PART;
    int64_t at_this_rate = left_us * lease->taken / past_us;
    int64_t as_before = left_us * lease->taken_before / length_us;
    int64_t wanted = at_this_rate > as_before ? at_this_rate : as_before;
    wanted = wanted > lease->granted ? wanted : lease->granted;
    wanted = wanted > GOALS_LEASE_FIRST ? wanted : GOALS_LEASE_FIRST;
    return wanted < LEASE_MAX ? (uint32_t)wanted : LEASE_MAX;
}

void lease_ask_now(struct lease *lease, const struct campaign *campaign, uint32_t needed)
{
    uint32_t wanted = wanted_now(lease);
    ask(lease, campaign, lease->window, wanted > needed ? wanted : needed, needed);
}

void lease_refill(struct lease *lease, const struct campaign *campaign)
{
    const struct goals *goals = lease->goals;
    int64_t left_us = lease->window.end_us - goals->now_us;
    bool soon = left_us < lease_window_us(goals) / AHEAD_PART;
    if (lease->asking || lease->resting || lease->lot < LOT_MIN)
        return;
    struct goal_window next = lease_window_at(lease, lease->window.end_us);
    if (!soon && lease_row(lease)->units < lease->lot / LOW_PART)
        lease_ask_now(lease, campaign, 0);
    else if (soon && next.date == lease->window.date && !goal_window_eq(next, lease->next)) {
        lease->next = next;
        ask(lease, campaign, next, lease->taken + lease->taken / 4 + 1, 0);
    }
}

bool lease_take(struct lease *lease, uint32_t count, struct goals_units *ret)
{
    struct delivery *row = lease_row(lease);
    if (row->units < count)
        return false;
    row->units -= count;
    lease->taken += count;
    *ret = (struct goals_units){.row = lease->row, .count = count, .window = lease->window};
    lease_tell(lease);
    return true;
}
