#include "store/goals.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
#include "decision/zone.h"
#include "net/loop.h"
#include "store/ledger_keys.h"
#include "store/scripts.h"

/*
 * Every bound campaign has a lease, whose row is what decisions see of it:
 *
 *   - Units in hand are of one window. When that is over roll() gives back what is left and takes
 *     up what was reserved for the next.
 *   - One call to Redis at a time (`asking`). Pages that wait have tickets; they are served in
 *     order, and as long as some are left and Redis refuses nothing, it is asked again.
 *   - A refused lease rests in a wheel of buckets, a tick each, until goals_open() comes past it.
 */

#define REST_BUCKETS 512
#define ROW_NO_PLACE 1 /* of campaigns beyond GOALS_ROWS_MAX: at rest for ever */
#define ROW_FIRST    2
#define ROWS_MIN     64
#define LEASE_ARGS   21
#define FIRST_PART   8 /* of a window, that at least must be over to tell a rate from it */
#define AHEAD_PART   4 /* of a window: in its last one the next is asked for */
#define LOW_PART     4 /* of a lot: fewer units in hand, and more are asked for */
#define LOT_MIN      8 /* smaller lots come near a bound: nothing is asked for ahead of need */
#define TICK_US      (GOALS_REST_TICK_MS * US_PER_MS)
#define DAYS_KEPT_US (INT64_C(9) * 86400 * US_PER_SECOND) /* events count for a week at most */

_Static_assert(GOALS_REST_LONG_MS / GOALS_REST_TICK_MS < REST_BUCKETS, "a rest ends in one turn");

/* lease.lua's answers. */
enum refusal { REFUSED_NOT, REFUSED_GOAL, REFUSED_BUDGET, REFUSED_PLAN, REFUSALS };

struct lease {
    struct goals *goals;
    const struct zone *zone; /* the campaign's */
    unsigned row;
    struct goal_window window, next; /* of the units in hand, and of `next_units` */
    uint32_t next_units;
    uint32_t taken, taken_before; /* in this window, and in the one before */
    uint32_t granted;             /* in this window */
    uint32_t lot;                 /* granted last time */
    unsigned rest_ms;             /* of the last rest, 0: served since */
    bool asking, active, resting;
    TAILQ_ENTRY(lease) active_link;
    TAILQ_ENTRY(lease) rest_link; /* in one of the buckets */
    unsigned bucket;
    TAILQ_HEAD(, ticket) tickets;
    uint8_t id_len;
    char id[];
};

/* A page waits for units of one campaign. */
struct ticket {
    TAILQ_ENTRY(ticket) link; /* in its lease while it is open */
    struct goals_wait *wait;
    struct lease *lease;
    struct campaign *campaign; /* one reference */
    unsigned count;
    bool open;
};

TAILQ_HEAD(wait_list, goals_wait);

struct goals_wait {
    TAILQ_ENTRY(goals_wait) link;
    struct goals *goals;
    goals_wait_fn *fn;
    void *arg;
    int64_t due_us; /* monotonic */
    unsigned open, ticket_count, got_count;
    struct ticket tickets[GOALS_WAIT_MAX];
    struct goals_units got[GOALS_WAIT_MAX];
};

TAILQ_HEAD(lease_list, lease);

struct goals {
    struct goals_config config;
    struct random random;
    const struct traffic_shape *shape;
    struct delivery *rows;
    struct lease **leases; /* by row */
    unsigned count, capacity;
    uint32_t *table; /* rows by id, open addressing; 0: free */
    size_t table_size;
    struct delivery *resting_rows; /* for goals_at_rest() */
    unsigned resting_count;
    enum reason resting_reason;
    struct lease_list active; /* with units, or taken from in this window or the last */
    struct lease_list buckets[REST_BUCKETS];
    int64_t tick;    /* monotonic; buckets up to it are empty */
    int64_t now_us;  /* wall time of the last goals_open() */
    int64_t next_us; /* wall time at which some active lease's window is over */
    struct loop_timer *roll_timer, *wait_timer;
    struct wait_list waits;
    unsigned asks; /* calls under way */
    bool late;     /* a page has waited in vain for one of them, and none has been answered since */
};

/* A call of lease.lua under way. */
struct ask {
    struct lease *lease;
    struct goal_window window;
};

static int64_t window_us(const struct goals *goals)
{
    return goal_window_us(goals->config.hold_ms * US_PER_MS);
}

static struct goal_window window_at(const struct lease *lease, int64_t at_us)
{
    return goal_window_at(lease->zone, lease->goals->config.hold_ms * US_PER_MS, at_us);
}

static struct delivery *row_of(const struct lease *lease)
{
    return &lease->goals->rows[lease->row];
}

static void note(const struct goals *goals, enum metrics_counter counter, uint64_t n)
{
    if (goals->config.metrics)
        metrics_add(goals->config.metrics, counter, n);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

/* What one call of lease.lua is about; the campaign NULL: it only gives back. */
struct lease_call {
    const struct campaign *campaign;
    struct goal_window window;
    uint32_t wanted, needed, back;
};

static struct slice write_number(char buffer[GOAL_NUMBER_MAX], int64_t number)
{
    int len = snprintf(buffer, GOAL_NUMBER_MAX, "%lld", (long long)number);
    return slice_of(buffer, (size_t)len);
}

static void run_lease(struct lease *lease, const struct lease_call *call, redis_fn *fn, void *arg)
{
    struct goals *goals = lease->goals;
    struct slice id = slice_of(lease->id, lease->id_len), keys[2], args[LEASE_ARGS];
    char key_buffers[2][LEDGER_KEY_MAX], name[GOAL_WINDOW_MAX], numbers[6][GOAL_NUMBER_MAX];
    char terms[GOAL_TERMS][GOAL_NUMBER_MAX], plan[GOAL_PLAN_TERMS][GOAL_NUMBER_MAX];
    struct slice window = goal_window_name(call->window, name);
    struct goal_window kept = window_at(lease, goals->now_us - DAYS_KEPT_US);
    keys[0] = ledger_key(key_buffers[0], goals->config.prefix, "goal", id, "");
    keys[1] = ledger_key(key_buffers[1], goals->config.prefix, "total", id, "");
    args[0] = write_number(numbers[0], goals->now_us / US_PER_MS);
    args[1] = write_number(numbers[1], goals->config.hold_ms);
    args[2] = call->back ? window : SLICE("");
    args[3] = write_number(numbers[2], call->back);
    args[4] = call->campaign ? window : SLICE("");
    args[5] = goal_window_date(window);
    args[6] = write_number(numbers[3], call->wanted);
    args[7] = write_number(numbers[4], call->needed);
    goal_terms(call->campaign, terms, args + 8);
    goal_plan_terms(call->campaign, goals->shape, goals->now_us, plan, args + 8 + GOAL_TERMS);
    args[LEASE_ARGS - 1] = write_number(numbers[5], kept.date);
    redis_run_script(goals->config.redis, script_get(SCRIPT_LEASE), keys, 2, args, LEASE_ARGS,
                     GOALS_CALL_MS, fn, arg);
}

static void on_given_back(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    (void)failure, (void)reply, (void)arg;
}

/* Tried once: what does not arrive is given back by Redis itself in a while. */
static void give_back(struct lease *lease, struct goal_window window, uint32_t count)
{
    struct lease_call call = {.window = window, .back = count};
    if (count == 0 || !redis_is_up(lease->goals->config.redis))
        return;
    note(lease->goals, COUNTER_GOAL_UNITS_GIVEN_BACK, count);
    run_lease(lease, &call, on_given_back, NULL);
}

static redis_fn on_leased;

static void ask(struct lease *lease, const struct campaign *campaign, struct goal_window window,
                uint32_t wanted, uint32_t needed)
{
    struct ask *ask = check_malloc(sizeof *ask);
    struct lease_call call = {.campaign = campaign, .window = window, .needed = needed};
    call.wanted = wanted < GOALS_LEASE_MAX ? wanted : GOALS_LEASE_MAX;
    *ask = (struct ask){.lease = lease, .window = window};
    lease->asking = true;
    lease->goals->asks++;
    run_lease(lease, &call, on_leased, ask);
}

/* ---- Resting --------------------------------------------------------------------------------- */

static void wake(struct lease *lease)
{
    if (lease->resting)
        TAILQ_REMOVE(&lease->goals->buckets[lease->bucket], lease, rest_link);
    lease->resting = false;
    row_of(lease)->may_ask = true;
}

/* From half of `ms` to all of it, so that processes do not ask in step. */
static void rest(struct lease *lease, enum reason reason, unsigned ms)
{
    struct goals *goals = lease->goals;
    unsigned jittered_ms = (ms + (unsigned)random_below(&goals->random, ms + 1)) / 2;
    int64_t ticks = jittered_ms / GOALS_REST_TICK_MS + 1;
    wake(lease);
    lease->resting = true;
    lease->bucket = (unsigned)((goals->tick + ticks) % REST_BUCKETS);
    TAILQ_INSERT_TAIL(&goals->buckets[lease->bucket], lease, rest_link);
    row_of(lease)->may_ask = false;
    row_of(lease)->resting = reason;
}

/* Longer each time, where it may end any moment. */
static void rest_longer(struct lease *lease, enum reason reason)
{
    unsigned ms = lease->rest_ms ? 2 * lease->rest_ms : GOALS_REST_MIN_MS;
    lease->rest_ms = ms < GOALS_REST_MAX_MS ? ms : GOALS_REST_MAX_MS;
    rest(lease, reason, lease->rest_ms);
}

static void end_rests(struct goals *goals)
{
    int64_t tick = clock_mono_us(goals->config.clock) / TICK_US;
    if (tick - goals->tick > REST_BUCKETS)
        goals->tick = tick - REST_BUCKETS;
    while (goals->tick < tick) {
        struct lease_list *bucket = &goals->buckets[++goals->tick % REST_BUCKETS];
        struct lease *lease;
        while ((lease = TAILQ_FIRST(bucket)))
            wake(lease);
    }
}

/* ---- Windows --------------------------------------------------------------------------------- */

static void set_active(struct lease *lease)
{
    struct goals *goals = lease->goals;
    if (lease->active)
        return;
    lease->active = true;
    TAILQ_INSERT_TAIL(&goals->active, lease, active_link);
    if (lease->window.end_us < goals->next_us)
        goals->next_us = 0; /* found anew by the next goals_open() */
    loop_timer_set(goals->roll_timer, window_us(goals));
}

/* Brings a lease to the window that is now. */
static void roll(struct lease *lease)
{
    struct delivery *row = row_of(lease);
    struct goal_window window = window_at(lease, lease->goals->now_us);
    if (goal_window_eq(lease->window, window))
        return;
    give_back(lease, lease->window, row->units);
    bool goes_on = goal_window_eq(lease->next, window);
    if (!goes_on)
        give_back(lease, lease->next, lease->next_units);
    row->units = lease->granted = goes_on ? lease->next_units : 0;
    lease->next_units = 0;
    lease->taken_before = lease->taken;
    lease->taken = 0;
    lease->window = window;
}

static void roll_active(struct goals *goals)
{
    goals->next_us = INT64_MAX;
    for (struct lease *lease = TAILQ_FIRST(&goals->active), *next; lease; lease = next) {
        next = TAILQ_NEXT(lease, active_link);
        roll(lease);
        if (row_of(lease)->units + lease->taken + lease->taken_before == 0) {
            TAILQ_REMOVE(&goals->active, lease, active_link);
            lease->active = false;
            continue;
        }
        int64_t day_end_us = zone_day_at(lease->zone, goals->now_us).end_us;
        int64_t end_us = lease->window.end_us < day_end_us ? lease->window.end_us : day_end_us;
        goals->next_us = end_us < goals->next_us ? end_us : goals->next_us;
    }
}

void goals_open(struct goals *goals, int64_t now_us)
{
    bool back = now_us < goals->now_us;
    goals->now_us = now_us;
    end_rests(goals);
    if (back || now_us >= goals->next_us)
        roll_active(goals);
}

static void on_roll(void *arg)
{
    struct goals *goals = arg;
    goals_open(goals, clock_wall_us(goals->config.clock));
    if (!TAILQ_EMPTY(&goals->active))
        loop_timer_set(goals->roll_timer, window_us(goals));
}

/* ---- How many to ask for --------------------------------------------------------------------- */

/* What the rest of the window may need at the rate of late; at least as many as it had so far. */
static uint32_t wanted_now(const struct lease *lease)
{
    const struct goals *goals = lease->goals;
    int64_t length_us = window_us(goals), left_us = lease->window.end_us - goals->now_us;
    int64_t past_us = length_us - left_us;
    if (past_us < length_us / FIRST_PART)
        past_us = length_us / FIRST_PART;
    int64_t at_this_rate = left_us * lease->taken / past_us;
    int64_t as_before = left_us * lease->taken_before / length_us;
    int64_t wanted = at_this_rate > as_before ? at_this_rate : as_before;
    wanted = wanted > lease->granted ? wanted : lease->granted;
    wanted = wanted > GOALS_LEASE_FIRST ? wanted : GOALS_LEASE_FIRST;
    return wanted < GOALS_LEASE_MAX ? (uint32_t)wanted : GOALS_LEASE_MAX;
}

static void ask_now(struct lease *lease, const struct campaign *campaign, uint32_t needed)
{
    uint32_t wanted = wanted_now(lease);
    ask(lease, campaign, lease->window, wanted > needed ? wanted : needed, needed);
}

/* Ahead of need: for this window when few are left, for the next when this one ends soon. */
static void refill(struct lease *lease, const struct campaign *campaign)
{
    const struct goals *goals = lease->goals;
    int64_t left_us = lease->window.end_us - goals->now_us;
    bool soon = left_us < window_us(goals) / AHEAD_PART;
    if (lease->asking || lease->resting || lease->lot < LOT_MIN)
        return;
    struct goal_window next = window_at(lease, lease->window.end_us);
    if (!soon && row_of(lease)->units < lease->lot / LOW_PART)
        ask_now(lease, campaign, 0);
    else if (soon && next.date == lease->window.date && !goal_window_eq(next, lease->next)) {
        lease->next = next;
        ask(lease, campaign, next, lease->taken + lease->taken / 4 + 1, 0);
    }
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static void set_wait_timer(struct goals *goals)
{
    const struct goals_wait *first = TAILQ_FIRST(&goals->waits);
    if (!first) {
        loop_timer_clear(goals->wait_timer);
        return;
    }
    int64_t left_us = first->due_us - clock_mono_us(goals->config.clock);
    loop_timer_set(goals->wait_timer, left_us > 0 ? left_us : 0);
}

static void close_ticket(struct ticket *ticket)
{
    TAILQ_REMOVE(&ticket->lease->tickets, ticket, link);
    ticket->open = false;
    ticket->wait->open--;
}

static bool take(struct lease *lease, uint32_t count, struct goals_units *ret)
{
    struct delivery *row = row_of(lease);
    if (row->units < count)
        return false;
    row->units -= count;
    lease->taken += count;
    *ret = (struct goals_units){.row = lease->row, .count = count, .window = lease->window};
    return true;
}

/*
 * Serves tickets in their order as far as units last; where no more are to be had, the others go
 * without. Waits that are over with it go to `ret_over`.
 */
static void serve_tickets(struct lease *lease, bool refused, struct wait_list *ret_over)
{
    struct ticket *ticket;
    while ((ticket = TAILQ_FIRST(&lease->tickets))) {
        struct goals_wait *wait = ticket->wait;
        if (take(lease, ticket->count, &wait->got[wait->got_count]))
            wait->got_count++;
        else if (!refused)
            break;
        close_ticket(ticket);
        if (wait->open > 0)
            continue;
        TAILQ_REMOVE(&lease->goals->waits, wait, link);
        TAILQ_INSERT_TAIL(ret_over, wait, link);
    }
}

static void ask_for_tickets(struct lease *lease)
{
    const struct ticket *ticket, *first = TAILQ_FIRST(&lease->tickets);
    uint32_t needed = 0;
    if (!first || lease->asking)
        return;
    TAILQ_FOREACH (ticket, &lease->tickets, link)
        needed += ticket->count;
    ask_now(lease, first->campaign, needed - row_of(lease)->units);
}

static void end_waits(struct wait_list *over, bool in_time)
{
    struct goals_wait *wait;
    while ((wait = TAILQ_FIRST(over))) {
        TAILQ_REMOVE(over, wait, link);
        wait->fn(in_time, wait, wait->arg);
    }
}

static void on_wait_timer(void *arg)
{
    struct goals *goals = arg;
    struct wait_list over = TAILQ_HEAD_INITIALIZER(over);
    struct goals_wait *wait;
    int64_t now_us = clock_mono_us(goals->config.clock);
    while ((wait = TAILQ_FIRST(&goals->waits)) && wait->due_us <= now_us) {
        for (unsigned i = 0; i < wait->ticket_count; i++) {
            if (wait->tickets[i].open)
                close_ticket(&wait->tickets[i]);
        }
        TAILQ_REMOVE(&goals->waits, wait, link);
        TAILQ_INSERT_TAIL(&over, wait, link);
        goals->late = goals->asks > 0;
    }
    set_wait_timer(goals);
    end_waits(&over, false);
}

struct goals_wait *goals_wait_new(struct goals *goals, goals_wait_fn *fn, void *arg)
{
    struct goals_wait *wait = check_malloc(sizeof *wait);
    wait->goals = goals;
    wait->fn = fn;
    wait->arg = arg;
    wait->open = wait->ticket_count = wait->got_count = 0;
    return wait;
}

void goals_wait_for(struct goals_wait *wait, const struct campaign *campaign, unsigned count)
{
    CHECK(wait->ticket_count < GOALS_WAIT_MAX && campaign->delivery >= ROW_FIRST);
    struct ticket *ticket = &wait->tickets[wait->ticket_count++];
    *ticket = (struct ticket){.wait = wait,
                              .lease = wait->goals->leases[campaign->delivery],
                              .campaign = campaign_retain((struct campaign *)(uintptr_t)campaign),
                              .count = count,
                              .open = true};
    TAILQ_INSERT_TAIL(&ticket->lease->tickets, ticket, link);
    wait->open++;
}

/* In the order they come due; almost always that is the order they begin. */
static void put_in_order(struct goals_wait *wait)
{
    struct wait_list *waits = &wait->goals->waits;
    struct goals_wait *before = TAILQ_LAST(waits, wait_list);
    while (before && before->due_us > wait->due_us)
        before = TAILQ_PREV(before, wait_list, link);
    if (before)
        TAILQ_INSERT_AFTER(waits, before, wait, link);
    else
        TAILQ_INSERT_HEAD(waits, wait, link);
}

void goals_wait_begin(struct goals_wait *wait, int timeout_ms)
{
    struct goals *goals = wait->goals;
    CHECK(wait->open > 0);
    wait->due_us = clock_mono_us(goals->config.clock) + timeout_ms * US_PER_MS;
    put_in_order(wait);
    set_wait_timer(goals);
    for (unsigned i = 0; i < wait->ticket_count; i++) {
        roll(wait->tickets[i].lease);
        ask_for_tickets(wait->tickets[i].lease);
    }
}

const struct goals_units *goals_wait_got(const struct goals_wait *wait, unsigned *ret_count)
{
    *ret_count = wait->got_count;
    return wait->got;
}

void goals_wait_free(struct goals_wait *wait)
{
    for (unsigned i = 0; i < wait->ticket_count; i++)
        campaign_release(wait->tickets[i].campaign);
    free(wait);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void receive(struct lease *lease, struct goal_window window, uint32_t granted)
{
    struct delivery *row = row_of(lease);
    note(lease->goals, COUNTER_GOAL_UNITS_RESERVED, granted);
    lease->lot = granted;
    lease->rest_ms = 0;
    if (goal_window_eq(window, lease->window)) {
        row->units += granted;
        lease->granted += granted;
    } else if (goal_window_eq(window, lease->next) && window.end_us > lease->window.end_us) {
        lease->next_units += granted;
    } else {
        give_back(lease, window, granted);
    }
    set_active(lease);
}

static void refuse(struct lease *lease, enum refusal refusal, bool lasting)
{
    static const enum reason reasons[REFUSALS] = {[REFUSED_GOAL] = REASON_GOAL_MET,
                                                  [REFUSED_BUDGET] = REASON_BUDGET_SPENT,
                                                  [REFUSED_PLAN] = REASON_PACED};
    if (lasting)
        rest(lease, reasons[refusal], GOALS_REST_LONG_MS);
    else if (refusal == REFUSED_PLAN)
        rest(lease, REASON_PACED, (unsigned)(window_us(lease->goals) / 2 / US_PER_MS));
    else
        rest_longer(lease, reasons[refusal]);
}

/* False unless it is what lease.lua answers. */
static bool read_answer(const struct redis_reply *reply, int64_t ret[3])
{
    if (reply->type != REDIS_ARRAY || reply->count != 3)
        return false;
    for (unsigned i = 0; i < 3; i++) {
        if (reply->items[i].type != REDIS_INTEGER)
            return false;
        ret[i] = reply->items[i].integer;
    }
    return ret[0] >= 0 && ret[0] <= GOALS_LEASE_MAX && ret[1] >= 0 && ret[1] < REFUSALS &&
           (ret[0] > 0) == (ret[1] == REFUSED_NOT);
}

static void on_leased(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct ask ask = *(struct ask *)arg;
    struct lease *lease = ask.lease;
    struct goals *goals = lease->goals;
    struct wait_list over = TAILQ_HEAD_INITIALIZER(over);
    int64_t answer[3] = {0};
    bool answered = failure == REDIS_OK && read_answer(reply, answer);
    bool granted = answered && answer[0] > 0;
    free(arg);
    lease->asking = goals->late = false;
    goals->asks--;
    if (failure != REDIS_AWAY && failure != REDIS_LOST) {
        goals_open(goals, clock_wall_us(goals->config.clock));
        roll(lease);
    }
    if (granted) {
        note(goals, COUNTER_GOAL_LEASES_GRANTED, 1);
        receive(lease, ask.window, (uint32_t)answer[0]);
    } else if (answered) {
        note(goals, COUNTER_GOAL_LEASES_REFUSED, 1);
        refuse(lease, (enum refusal)answer[1], answer[2] != 0);
    } else {
        note(goals, COUNTER_GOAL_LEASES_FAILED, 1);
        rest_longer(lease, failure == REDIS_TIMEOUT ? REASON_DEADLINE : REASON_REDIS_AWAY);
    }
    serve_tickets(lease, !granted, &over);
    if (granted)
        ask_for_tickets(lease);
    set_wait_timer(goals);
    end_waits(&over, true);
}

/* ---- Taking ---------------------------------------------------------------------------------- */

struct deliveries goals_deliveries(struct goals *goals)
{
    if (!redis_is_up(goals->config.redis))
        return goals_at_rest(goals, REASON_REDIS_AWAY);
    if (goals->late)
        return goals_at_rest(goals, REASON_DEADLINE);
    return (struct deliveries){.rows = goals->rows, .count = goals->count};
}

struct deliveries goals_at_rest(struct goals *goals, enum reason reason)
{
    if (goals->resting_count != goals->count || goals->resting_reason != reason) {
        goals->resting_rows =
            check_realloc(goals->resting_rows, goals->count * sizeof *goals->resting_rows);
        for (unsigned i = 0; i < goals->count; i++)
            goals->resting_rows[i] = (struct delivery){.resting = reason};
        goals->resting_count = goals->count;
        goals->resting_reason = reason;
    }
    return (struct deliveries){.rows = goals->resting_rows, .count = goals->count};
}

bool goals_take(struct goals *goals, const struct campaign *campaign, unsigned count,
                struct goals_units *ret)
{
    CHECK(campaign->delivery < goals->count);
    struct lease *lease = goals->leases[campaign->delivery];
    if (!lease || !take(lease, count, ret))
        return false;
    refill(lease, campaign);
    return true;
}

void goals_put_back(struct goals *goals, const struct goals_units *units)
{
    struct lease *lease = goals->leases[units->row];
    if (goal_window_eq(lease->window, units->window)) {
        row_of(lease)->units += units->count;
        lease->taken -= units->count;
    } else {
        give_back(lease, units->window, units->count);
    }
}

void goals_hide(struct goals *goals, unsigned row, struct delivery *ret_kept)
{
    *ret_kept = goals->rows[row];
    if (ret_kept->may_ask)
        goals->rows[row].resting = REASON_DEADLINE;
    goals->rows[row].units = 0;
    goals->rows[row].may_ask = false;
}

void goals_show(struct goals *goals, unsigned row, const struct delivery *kept)
{
    goals->rows[row] = *kept;
}

void goals_give_back(struct goals *goals)
{
    struct lease *lease;
    TAILQ_FOREACH (lease, &goals->active, active_link) {
        give_back(lease, lease->window, row_of(lease)->units);
        give_back(lease, lease->next, lease->next_units);
        row_of(lease)->units = lease->next_units = 0;
    }
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static size_t slot_of(const struct goals *goals, struct slice id)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ (uint8_t)id.ptr[i]) * UINT64_C(0x100000001b3);
    size_t at = (hash ^ hash >> 32) & (goals->table_size - 1);
    for (; goals->table[at]; at = (at + 1) & (goals->table_size - 1)) {
        const struct lease *lease = goals->leases[goals->table[at]];
        if (slice_eq(slice_of(lease->id, lease->id_len), id))
            break;
    }
    return at;
}

static void grow(struct goals *goals)
{
    goals->capacity = goals->capacity ? 2 * goals->capacity : ROWS_MIN;
    goals->rows = check_realloc(goals->rows, goals->capacity * sizeof *goals->rows);
    goals->leases = check_realloc(goals->leases, goals->capacity * sizeof(void *));
    free(goals->table);
    goals->table_size = 2 * (size_t)goals->capacity;
    goals->table = check_calloc(goals->table_size, sizeof *goals->table);
    for (unsigned row = ROW_FIRST; row < goals->count; row++) {
        const struct lease *lease = goals->leases[row];
        goals->table[slot_of(goals, slice_of(lease->id, lease->id_len))] = row;
    }
}

static unsigned add_row(struct goals *goals, struct slice id)
{
    if (goals->count == goals->capacity)
        grow(goals);
    unsigned row = goals->count++;
    struct lease *lease = check_calloc(1, sizeof *lease + id.len);
    lease->goals = goals;
    lease->row = row;
    TAILQ_INIT(&lease->tickets);
    lease->id_len = (uint8_t)id.len;
    memcpy(lease->id, id.ptr, id.len);
    goals->table[slot_of(goals, id)] = row;
    goals->leases[row] = lease;
    goals->rows[row] = (struct delivery){.may_ask = true};
    return row;
}

unsigned goals_row(struct goals *goals, const struct campaign *campaign)
{
    if (!goal_binds(campaign))
        return 0;
    unsigned row = goals->table[slot_of(goals, campaign->id)];
    if (row == 0 && goals->count == GOALS_ROWS_MAX)
        return ROW_NO_PLACE;
    if (row == 0)
        row = add_row(goals, campaign->id);
    goals->leases[row]->zone = campaign->zone;
    goals->leases[row]->rest_ms = 0;
    wake(goals->leases[row]);
    return row;
}

void goals_set_shape(struct goals *goals, const struct traffic_shape *shape)
{
    goals->shape = shape;
}

/* ---- Life ------------------------------------------------------------------------------------ */

struct goals *goals_new(const struct goals_config *config)
{
    struct goals *goals = check_calloc(1, sizeof *goals);
    goals->config = *config;
    random_seed_from_system(&goals->random);
    TAILQ_INIT(&goals->active);
    TAILQ_INIT(&goals->waits);
    for (unsigned i = 0; i < REST_BUCKETS; i++)
        TAILQ_INIT(&goals->buckets[i]);
    goals->tick = clock_mono_us(config->clock) / TICK_US;
    goals->now_us = clock_wall_us(config->clock);
    goals->roll_timer = loop_timer_new(config->loop, on_roll, goals);
    goals->wait_timer = loop_timer_new(config->loop, on_wait_timer, goals);
    grow(goals);
    goals->count = ROW_FIRST;
    goals->leases[0] = goals->leases[ROW_NO_PLACE] = NULL;
    goals->rows[0] = (struct delivery){.resting = GOALS_REASON_NO_ROW};
    goals->rows[ROW_NO_PLACE] = goals->rows[0];
    return goals;
}

void goals_free(struct goals *goals)
{
    if (!goals)
        return;
    CHECK(TAILQ_EMPTY(&goals->waits));
    for (unsigned row = ROW_FIRST; row < goals->count; row++)
        free(goals->leases[row]);
    loop_timer_free(goals->roll_timer);
    loop_timer_free(goals->wait_timer);
    free(goals->leases);
    free(goals->rows);
    free(goals->resting_rows);
    free(goals->table);
    free(goals);
}
