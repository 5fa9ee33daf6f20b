/*
 * How pages wait for units, and what becomes of Redis's answers.
 */
#include <stdlib.h>

#include "base/check.h"
#include "net/loop.h"
#include "store/goals_lease.h"
#include "store/lease_call.h"

/* A page waits for units of one campaign. */
struct ticket {
    TAILQ_ENTRY(ticket) link; /* in its lease while it is open */
    struct goals_wait *wait;
    struct lease *lease;
    struct campaign *campaign; /* one reference */
    unsigned count;
    bool open;
};

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

/*
 * Serves tickets in their order as far as units last; where no more are to be had, the others go
 * without. Waits that are over with it go to `ret_over`.
 */
static void serve_tickets(struct lease *lease, bool refused, struct wait_list *ret_over)
{
    struct ticket *ticket;
    while ((ticket = TAILQ_FIRST(&lease->tickets))) {
        struct goals_wait *wait = ticket->wait;
        if (lease_take(lease, ticket->count, &wait->got[wait->got_count]))
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
    lease_ask_now(lease, first->campaign, needed - lease_row(lease)->units);
}

static void end_waits(struct wait_list *over, bool in_time)
{
    struct goals_wait *wait;
    while ((wait = TAILQ_FIRST(over))) {
        TAILQ_REMOVE(over, wait, link);
        wait->fn(in_time, wait, wait->arg);
    }
}

void goals_on_wait_timer(void *arg)
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
    CHECK(wait->ticket_count < GOALS_WAIT_MAX && campaign->delivery >= LEASE_ROW_FIRST);
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
        lease_roll(wait->tickets[i].lease);
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
    struct delivery *row = lease_row(lease);
    lease_note(lease->goals, COUNTER_GOAL_UNITS_RESERVED, granted);
    lease->lot = granted;
    lease->rest_ms = 0;
    if (goal_window_eq(window, lease->window)) {
        row->units += granted;
        lease->granted += granted;
    } else if (goal_window_eq(window, lease->next) && window.end_us > lease->window.end_us) {
        lease->next_units += granted;
    } else {
        lease_give_back(lease, window, granted);
    }
    lease_set_active(lease);
    lease_tell(lease);
}

static void refuse(struct lease *lease, const struct lease_answer *answer)
{
    static const enum reason reasons[LEASE_REFUSALS] = {[LEASE_GOAL_MET] = REASON_GOAL_MET,
                                                        [LEASE_BUDGET_SPENT] = REASON_BUDGET_SPENT,
                                                        [LEASE_PACED] = REASON_PACED};
    if (answer->lasting)
        lease_rest(lease, reasons[answer->refusal], GOALS_REST_LONG_MS);
    else if (answer->refusal == LEASE_PACED)
        lease_rest(lease, REASON_PACED, (unsigned)(lease_window_us(lease->goals) / 2 / US_PER_MS));
    else
        lease_rest_longer(lease, reasons[answer->refusal]);
}

void lease_on_answer(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct lease_ask ask = *(struct lease_ask *)arg;
    struct lease *lease = ask.lease;
    struct goals *goals = lease->goals;
    struct wait_list over = TAILQ_HEAD_INITIALIZER(over);
    struct lease_answer answer = {0};
    bool answered = failure == REDIS_OK && lease_answer_read(reply, &answer);
    bool granted = answered && answer.granted > 0;
    free(arg);
    lease->asking = goals->late = false;
    goals->asks--;
    if (failure != REDIS_AWAY && failure != REDIS_LOST) {
        goals_open(goals, clock_wall_us(goals->config.clock));
        lease_roll(lease);
    }
    if (granted) {
        lease_note(goals, COUNTER_GOAL_LEASES_GRANTED, 1);
        receive(lease, ask.window, answer.granted);
    } else if (answered) {
        lease_note(goals, COUNTER_GOAL_LEASES_REFUSED, 1);
        refuse(lease, &answer);
    } else {
        lease_note(goals, COUNTER_GOAL_LEASES_FAILED, 1);
        lease_rest_longer(lease, failure == REDIS_TIMEOUT ? REASON_DEADLINE : REASON_REDIS_AWAY);
    }
    serve_tickets(lease, !granted, &over);
    if (granted)
        ask_for_tickets(lease);
    set_wait_timer(goals);
    end_waits(&over, true);
}
