#include "unit/store/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "decision/zone.h"
#include "store/goals.h"
#include "store/ledger.h"
#include "unit/store/fake_redis.h"
#include "unit/store/redis_fixture.h"

#define HOLD_MS   INT64_C(60000)
#define HOLD_US   (HOLD_MS * US_PER_MS)
#define WINDOW_US (HOLD_US / GOAL_WINDOWS)
#define NOON_US   (INT64_C(1795435200) * US_PER_SECOND) /* 2026-11-23 12:00 UTC */
#define GOAL      "ad:goal:{spring}"
#define TOTAL     "ad:total:{spring}"
#define WAIT_MS   2000
#define DAY_US    (INT64_C(86400) * US_PER_SECOND)
#define PROCESSES 8

#define server redis_fixture_shared

struct bench;

/* One process: what a worker has of this. */
struct process {
    struct bench *bench;
    int64_t ahead_us; /* of the bench's wall clock */
    struct clock clock;
    struct redis *redis;
    struct goals *goals;
};

struct bench {
    struct loop *loop;
    struct fake_redis *fake; /* NULL: the real one */
    int64_t wall_us, mono_us;
    struct process processes[PROCESSES];
    unsigned count;
    struct ledger *ledger;
    struct campaign campaign;
    uint32_t impressions; /* numbers given away */
    unsigned told; /* how often the first process was told that the campaign opens or closes */
    bool closed;
};

static int64_t wall(void *context)
{
    const struct process *process = context;
    return process->bench->wall_us + process->ahead_us;
}

static int64_t mono(void *context)
{
    return ((const struct process *)context)->bench->mono_us;
}

static void pass(struct bench *bench, int64_t us)
{
    bench->wall_us += us;
    bench->mono_us += us;
    for (unsigned i = 0; i < bench->count; i++)
        goals_open(bench->processes[i].goals, wall(&bench->processes[i]));
}

static bool all_are_up(void *arg)
{
    const struct bench *bench = arg;
    for (unsigned i = 0; i < bench->count; i++) {
        if (!redis_is_up(bench->processes[i].redis))
            return false;
    }
    return true;
}

static bool is_down(void *arg)
{
    return !all_are_up(arg);
}

static void on_closed(struct slice campaign, bool closed, void *arg)
{
    struct bench *bench = arg;
    assert_slice(campaign, "spring");
    assert_int_not_equal(closed, bench->closed);
    bench->closed = closed;
    bench->told++;
}

static void add_process(struct bench *bench)
{
    struct process *process = &bench->processes[bench->count++];
    struct redis_config redis = {.target =
                                     bench->fake ? fake_redis_target(bench->fake) : &server.target};
    process->bench = bench;
    process->ahead_us = 0;
    process->clock = (struct clock){wall, mono, process};
    process->redis = redis_new(bench->loop, &redis);
    struct goals_config goals = {.loop = bench->loop,
                                 .redis = process->redis,
                                 .clock = &process->clock,
                                 .prefix = SLICE("ad:"),
                                 .hold_ms = HOLD_MS,
                                 .on_closed = bench->count == 1 ? on_closed : NULL,
                                 .arg = bench};
    process->goals = goals_new(&goals);
    run_until(bench->loop, all_are_up, bench, PATIENCE_MS);
}

static bool goal_of(const struct ledger_event *event, struct event_goal *ret, void *arg)
{
    struct bench *bench = arg;
    ret->campaign = &bench->campaign;
    ret->window = goal_window_at(bench->campaign.zone, HOLD_US, event->issued_ms * US_PER_MS);
    ret->held_from_us = bench->wall_us - HOLD_US;
    return true;
}

static struct bench *bench_new(bool fake)
{
    struct bench *bench = check_calloc(1, sizeof *bench);
    bench->loop = loop_new();
    bench->fake = fake ? fake_redis_new(bench->loop) : NULL;
    bench->wall_us = NOON_US;
    bench->mono_us = 1000 * US_PER_SECOND;
    add_process(bench);
    struct ledger_config ledger = {.loop = bench->loop,
                                   .redis = bench->processes[0].redis,
                                   .clock = &clock_system,
                                   .prefix = SLICE("ad:"),
                                   .page_ttl_ms = DAY_US / US_PER_MS,
                                   .goal_of = goal_of,
                                   .arg = bench};
    bench->ledger = ledger_new(&ledger);
    bench->campaign = (struct campaign){.references = 1,
                                        .id = SLICE("spring"),
                                        .zone = zone_find(SLICE("UTC")),
                                        .start_us = TIME_UNSET,
                                        .end_us = TIME_UNSET,
                                        .pacing = PACING_ASAP};
    return bench;
}

static int setup(void **state)
{
    redis_fixture_say(&server, "FLUSHALL");
    *state = bench_new(false);
    return 0;
}

static int setup_fake(void **state)
{
    *state = bench_new(true);
    return 0;
}

/* A process that is killed: nothing of it is given back. */
static void kill_last(struct bench *bench)
{
    struct process *process = &bench->processes[--bench->count];
    redis_free(process->redis);
    goals_free(process->goals);
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(bench->campaign.references, 1);
    while (bench->count > 0)
        kill_last(bench);
    ledger_free(bench->ledger);
    if (bench->fake)
        fake_redis_free(bench->fake);
    loop_free(bench->loop);
    free(bench);
    return 0;
}

/* ---- Asking and taking ---- */

struct wanting {
    unsigned calls, got;
    bool in_time;
    struct goals_units units;
};

static void on_waited(bool in_time, struct goals_wait *wait, void *arg)
{
    struct wanting *wanting = arg;
    const struct goals_units *got = goals_wait_got(wait, &wanting->got);
    wanting->calls++;
    wanting->in_time = in_time;
    if (wanting->got > 0)
        wanting->units = got[0];
    goals_wait_free(wait);
}

static bool has_waited(void *arg)
{
    return ((struct wanting *)arg)->calls > 0;
}

static void begin(struct bench *bench, struct process *process, unsigned count, int timeout_ms,
                  struct wanting *ret)
{
    struct goals_wait *wait = goals_wait_new(process->goals, on_waited, ret);
    *ret = (struct wanting){0};
    goals_wait_for(wait, &bench->campaign, count);
    goals_wait_begin(wait, timeout_ms);
    assert_int_equal(ret->calls, 0);
}

/* Waits for units that are then put into the row; whether there were any. */
static bool ask(struct bench *bench, struct process *process, unsigned count)
{
    struct wanting wanting;
    begin(bench, process, count, WAIT_MS, &wanting);
    run_until(bench->loop, has_waited, &wanting, PATIENCE_MS);
    assert_int_equal(wanting.calls, 1);
    if (wanting.got > 0)
        goals_put_back(process->goals, &wanting.units);
    return wanting.got > 0;
}

static void open_rows(struct bench *bench)
{
    for (unsigned i = 0; i < bench->count; i++)
        bench->campaign.delivery = goals_row(bench->processes[i].goals, &bench->campaign);
}

static struct delivery row(struct bench *bench, struct process *process)
{
    return goals_deliveries(process->goals).rows[bench->campaign.delivery];
}

static bool serve(struct bench *bench, struct process *process)
{
    struct goals_units unit;
    return goals_take(process->goals, &bench->campaign, 1, &unit);
}

/* Serves as long as there are units to be had; returns how many. */
static unsigned serve_all(struct bench *bench, struct process *process)
{
    unsigned served = 0;
    while (serve(bench, process) ||
           (row(bench, process).may_ask && ask(bench, process, 1) && serve(bench, process)))
        served++;
    return served;
}

static int64_t reserved(void)
{
    const struct redis_reply *reply = redis_fixture_say(&server, "HGETALL " GOAL);
    int64_t sum = 0;
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        if (slice_starts(reply->items[i].text, SLICE("reserved:")))
            sum += strtoll(reply->items[i + 1].text.ptr, NULL, 10);
    }
    return sum;
}

/* ---- Events ---- */

struct outcome {
    unsigned calls;
    enum ledger_result result;
};

static void note(enum ledger_result result, void *arg)
{
    struct outcome *outcome = arg;
    outcome->calls++;
    outcome->result = result;
}

static bool has_ended(void *arg)
{
    return ((struct outcome *)arg)->calls > 0;
}

/* Dense in blocks, as a server numbers them. */
static void number_impression(unsigned long number, uint8_t ret[IMPRESSION_BYTES])
{
    unsigned long block = number / IMPRESSION_BLOCK, place = number % IMPRESSION_BLOCK + 1;
    memset(ret, 0, IMPRESSION_BYTES);
    memcpy(ret, &block, sizeof block);
    ret[IMPRESSION_BYTES - 2] = (uint8_t)(place >> 8);
    ret[IMPRESSION_BYTES - 1] = (uint8_t)place;
}

/* An event of impression `number`, whose serve was at `issued_us`. */
static enum ledger_result report(struct bench *bench, enum event_kind kind, uint32_t number,
                                 int64_t issued_us)
{
    struct outcome outcome = {0};
    struct ledger_event event = {.kind = kind,
                                 .campaign = SLICE("spring"),
                                 .creative = SLICE("a"),
                                 .slot = SLICE("header"),
                                 .issued_ms = issued_us / US_PER_MS,
                                 .now_us = bench->wall_us};
    number_impression(number, event.impression);
    ledger_record(bench->ledger, &event, note, &outcome);
    run_until(bench->loop, has_ended, &outcome, PATIENCE_MS);
    return outcome.result;
}

static enum ledger_result impress(struct bench *bench, int64_t issued_us)
{
    return report(bench, EVENT_IMPRESSION, ++bench->impressions, issued_us);
}

static int64_t sum_of(const char *metric)
{
    return redis_fixture_number(&server, "HGET " TOTAL " %s", metric);
}

/* ---- Tests ---- */

static void what_nothing_binds_has_no_row(void **state)
{
    struct bench *bench = *state;
    open_rows(bench);
    assert_int_equal(bench->campaign.delivery, 0);
    bench->campaign.goal_impressions = 1;
    open_rows(bench);
    unsigned first = bench->campaign.delivery;
    assert_int_not_equal(first, 0);
    open_rows(bench);
    assert_int_equal(bench->campaign.delivery, first);
    assert_true(row(bench, bench->processes).may_ask);
}

static void units_are_served_without_asking_again(void **state)
{
    struct bench *bench = *state;
    bench->campaign.goal_impressions = 1000000;
    open_rows(bench);
    assert_true(ask(bench, bench->processes, 1));
    unsigned units = row(bench, bench->processes).units;
    assert_int_equal(units, GOALS_LEASE_FIRST);
    assert_int_equal(reserved(), units);
    for (unsigned i = 0; i < units; i++)
        assert_true(serve(bench, bench->processes));
    assert_int_equal(reserved() % GOALS_LEASE_FIRST, 0); /* more has been asked for meanwhile */
}

static void leases_grow_with_the_rate(void **state)
{
    struct bench *bench = *state;
    bench->campaign.goal_impressions = 1000000;
    open_rows(bench);
    unsigned asked = 0;
    for (unsigned i = 0; i < 20000; i++) {
        while (!serve(bench, bench->processes)) {
            assert_true(ask(bench, bench->processes, 1));
            asked++;
        }
    }
    assert_in_range(asked, 1, 16);
}

static void all_processes_together_serve_the_goal_and_no_more(void **state)
{
    struct bench *bench = *state;
    bench->campaign.goal_impressions = 500;
    while (bench->count < PROCESSES)
        add_process(bench);
    open_rows(bench);
    unsigned served = 0;
    for (unsigned turn = 0; turn < 10; turn++) {
        for (unsigned i = 0; i < bench->count; i++)
            served += serve_all(bench, &bench->processes[i]);
        assert_true(reserved() <= 500);
        pass(bench, GOALS_REST_LONG_MS * US_PER_MS / 20); /* rests end, the window does not */
        open_rows(bench);
    }
    assert_int_equal(served, 500);
    assert_int_equal(reserved(), 500);
    assert_false(row(bench, bench->processes).may_ask && ask(bench, bench->processes, 1));
    assert_int_equal(row(bench, bench->processes).resting, REASON_GOAL_MET);
}

static bool nothing_is_reserved(void *arg)
{
    (void)arg;
    return reserved() == 0;
}

static void what_is_left_of_a_window_is_given_back(void **state)
{
    struct bench *bench = *state;
    bench->campaign.goal_impressions = 1000;
    open_rows(bench);
    assert_true(ask(bench, bench->processes, 1));
    pass(bench, WINDOW_US);
    assert_int_equal(row(bench, bench->processes).units, 0);
    run_until(bench->loop, nothing_is_reserved, NULL, PATIENCE_MS);
}

static void what_a_page_holds_past_its_window_is_given_back(void **state)
{
    struct bench *bench = *state;
    struct goals_units held;
    bench->campaign.goal_impressions = 1000;
    open_rows(bench);
    assert_true(ask(bench, bench->processes, 1));
    assert_true(goals_take(bench->processes->goals, &bench->campaign, 3, &held));
    pass(bench, WINDOW_US);
    goals_put_back(bench->processes->goals, &held);
    assert_int_equal(row(bench, bench->processes).units, 0);
    run_until(bench->loop, nothing_is_reserved, NULL, PATIENCE_MS);
}

static void a_killed_process_keeps_nothing_for_longer_than_the_hold(void **state)
{
    struct bench *bench = *state;
    bench->campaign.goal_impressions = 20;
    add_process(bench);
    open_rows(bench);
    assert_int_equal(serve_all(bench, &bench->processes[1]), 20);
    kill_last(bench);
    assert_false(ask(bench, bench->processes, 1));
    pass(bench, HOLD_US + WINDOW_US - US_PER_MS);
    assert_false(ask(bench, bench->processes, 1));
    pass(bench, US_PER_SECOND);
    assert_int_equal(serve_all(bench, bench->processes), 20);
}

static void an_impression_uses_up_its_reservation(void **state)
{
    struct bench *bench = *state;
    bench->campaign.goal_impressions = 100;
    open_rows(bench);
    assert_true(ask(bench, bench->processes, 1));
    int64_t before = reserved();
    assert_int_equal(impress(bench, bench->wall_us), LEDGER_COUNTED);
    assert_int_equal(reserved(), before - 1);
    assert_int_equal(sum_of("impressions"), 1);
    assert_int_equal(redis_fixture_number(&server, "HGET " GOAL " impressions:20261123"), 1);
    assert_int_equal(report(bench, EVENT_IMPRESSION, 1, bench->wall_us), LEDGER_DUPLICATE);
    assert_int_equal(reserved(), before - 1);
}

/* A goal of ten: ten serves of which nine were seen in time; the tenth comes when it was given
 * back. */
static void a_late_impression_counts_where_there_is_room(void **state)
{
    struct bench *bench = *state;
    int64_t issued_us = bench->wall_us;
    bench->campaign.goal_impressions = 10;
    open_rows(bench);
    assert_int_equal(serve_all(bench, bench->processes), 10);
    for (unsigned i = 0; i < 9; i++)
        assert_int_equal(impress(bench, issued_us), LEDGER_COUNTED);
    pass(bench, HOLD_US + WINDOW_US);
    open_rows(bench);
    assert_int_equal(serve_all(bench, bench->processes), 1);
    assert_int_equal(impress(bench, issued_us), LEDGER_OVER_GOAL); /* its place is reserved */
    assert_int_equal(sum_of("over_goal"), 1);
    pass(bench, HOLD_US + WINDOW_US);
    assert_int_equal(impress(bench, issued_us), LEDGER_COUNTED);
    assert_int_equal(impress(bench, issued_us), LEDGER_OVER_GOAL);
    assert_int_equal(sum_of("impressions"), 10);
    assert_int_equal(sum_of("over_goal"), 2);
}

static void an_impression_over_its_goal_takes_viewable_and_click_with_it(void **state)
{
    struct bench *bench = *state;
    bench->campaign.goal_impressions = 1;
    open_rows(bench);
    assert_int_equal(impress(bench, bench->wall_us), LEDGER_COUNTED);
    assert_int_equal(report(bench, EVENT_IMPRESSION, 2, bench->wall_us), LEDGER_OVER_GOAL);
    assert_int_equal(report(bench, EVENT_IMPRESSION, 2, bench->wall_us), LEDGER_DUPLICATE);
    assert_int_equal(report(bench, EVENT_CLICK, 2, bench->wall_us), LEDGER_OVER_GOAL);
    assert_int_equal(report(bench, EVENT_CLICK, 2, bench->wall_us), LEDGER_DUPLICATE);
    assert_int_equal(report(bench, EVENT_VIEWABLE, 2, bench->wall_us), LEDGER_OVER_GOAL);
    /* The click of another came first: it says that there was an impression, and that is over. */
    assert_int_equal(report(bench, EVENT_CLICK, 3, bench->wall_us), LEDGER_OVER_GOAL);
    assert_int_equal(report(bench, EVENT_IMPRESSION, 3, bench->wall_us), LEDGER_OVER_GOAL);
    assert_int_equal(report(bench, EVENT_CLICK, 1, bench->wall_us), LEDGER_COUNTED);
    assert_int_equal(sum_of("impressions"), 1);
    assert_int_equal(sum_of("clicks"), 1);
    assert_int_equal(sum_of("over_goal"), 5);
    assert_int_equal(sum_of("duplicate"), 2);
}

static void a_goal_that_is_lowered_binds_at_once(void **state)
{
    struct bench *bench = *state;
    bench->campaign.goal_impressions = 100;
    open_rows(bench);
    assert_true(ask(bench, bench->processes, 8));
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(impress(bench, bench->wall_us), LEDGER_COUNTED);
    bench->campaign.goal_impressions = 3;
    assert_int_equal(impress(bench, bench->wall_us), LEDGER_OVER_GOAL);
    assert_int_equal(sum_of("impressions"), 3);
}

static void clicks_stop_at_their_goal(void **state)
{
    struct bench *bench = *state;
    bench->campaign.goal_clicks = 2;
    open_rows(bench);
    for (uint32_t i = 1; i <= 3; i++)
        assert_int_equal(report(bench, EVENT_IMPRESSION, i, bench->wall_us), LEDGER_COUNTED);
    assert_int_equal(report(bench, EVENT_CLICK, 1, bench->wall_us), LEDGER_COUNTED);
    assert_int_equal(report(bench, EVENT_CLICK, 4, bench->wall_us), LEDGER_COUNTED_IMPLIED);
    assert_int_equal(report(bench, EVENT_CLICK, 2, bench->wall_us), LEDGER_OVER_GOAL);
    assert_int_equal(report(bench, EVENT_CLICK, 2, bench->wall_us), LEDGER_DUPLICATE);
    assert_int_equal(report(bench, EVENT_CLICK, 5, bench->wall_us), LEDGER_OVER_GOAL_IMPLIED);
    assert_int_equal(report(bench, EVENT_IMPRESSION, 5, bench->wall_us), LEDGER_DUPLICATE);
    assert_int_equal(report(bench, EVENT_VIEWABLE, 2, bench->wall_us), LEDGER_COUNTED);
    assert_int_equal(sum_of("clicks"), 2);
    assert_int_equal(sum_of("impressions"), 5);
    assert_int_equal(sum_of("over_goal"), 2);
    assert_false(ask(bench, bench->processes, 1));
    assert_int_equal(row(bench, bench->processes).resting, REASON_GOAL_MET);
}

static void a_daily_ceiling_is_of_the_day_of_the_serve(void **state)
{
    struct bench *bench = *state;
    bench->campaign.daily_impressions = 5;
    bench->campaign.zone = zone_find(SLICE("America/New_York"));
    bench->wall_us = NOON_US + 17 * INT64_C(3600) * US_PER_SECOND - US_PER_SECOND; /* 23:59:59 */
    open_rows(bench);
    int64_t evening_us = bench->wall_us;
    assert_int_equal(serve_all(bench, bench->processes), 5);
    assert_int_equal(row(bench, bench->processes).resting, REASON_GOAL_MET);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(impress(bench, evening_us), LEDGER_COUNTED);
    pass(bench, US_PER_SECOND);
    open_rows(bench);
    assert_int_equal(serve_all(bench, bench->processes), 5);
    assert_int_equal(impress(bench, evening_us), LEDGER_COUNTED);
    assert_int_equal(impress(bench, evening_us), LEDGER_OVER_GOAL);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(impress(bench, bench->wall_us), LEDGER_COUNTED);
    assert_int_equal(impress(bench, bench->wall_us), LEDGER_OVER_GOAL);
    assert_int_equal(redis_fixture_number(&server, "HGET " GOAL " impressions:20261123"), 5);
    assert_int_equal(redis_fixture_number(&server, "HGET " GOAL " impressions:20261124"), 5);
    pass(bench, 11 * DAY_US);
    open_rows(bench);
    assert_true(ask(bench, bench->processes, 1));
    assert_int_equal(redis_fixture_number(&server, "HEXISTS " GOAL " impressions:20261124"), 0);
}

static void a_daily_ceiling_is_open_again_by_itself(void **state)
{
    struct bench *bench = *state;
    bench->campaign.daily_impressions = 5;
    bench->wall_us = NOON_US + DAY_US / 2 - US_PER_SECOND;
    open_rows(bench);
    assert_int_equal(serve_all(bench, bench->processes), 5);
    assert_false(row(bench, bench->processes).may_ask);
    pass(bench, GOALS_REST_LONG_MS * US_PER_MS + 2 * GOALS_REST_TICK_MS * US_PER_MS);
    assert_int_equal(serve_all(bench, bench->processes), 5);
}

/* ---- Clocks ---- */

/* Serves and reports, with the process's own time in the token, until none is to be had; how many
 * of them counted. */
static unsigned deliver(struct bench *bench, struct process *process, unsigned most)
{
    unsigned counted = 0;
    for (unsigned i = 0; i < most; i++) {
        bool served = serve(bench, process) || (row(bench, process).may_ask &&
                                                ask(bench, process, 1) && serve(bench, process));
        if (!served)
            break;
        counted += impress(bench, wall(process)) == LEDGER_COUNTED;
    }
    return counted;
}

/* A leap second: midnight has come, and the last second of the day comes again. */
static void a_second_that_repeats_opens_no_day_twice(void **state)
{
    struct bench *bench = *state;
    struct process *process = bench->processes;
    const int64_t midnight_us = NOON_US + DAY_US / 2;
    bench->campaign.daily_impressions = 5;
    bench->wall_us = midnight_us - US_PER_SECOND / 2;
    open_rows(bench);
    assert_int_equal(deliver(bench, process, 9), 5);
    pass(bench, US_PER_SECOND);
    open_rows(bench);
    assert_int_equal(deliver(bench, process, 2), 2);
    bench->wall_us -= US_PER_SECOND;
    pass(bench, 0);
    open_rows(bench);
    assert_int_equal(deliver(bench, process, 9), 0);
    unsigned tomorrow = 2;
    for (unsigned i = 0; i < 20; i++) {
        pass(bench, US_PER_SECOND);
        open_rows(bench);
        tomorrow += deliver(bench, process, 9);
    }
    assert_int_equal(tomorrow, 5);
    assert_int_equal(redis_fixture_number(&server, "HGET " GOAL " impressions:20261123"), 5);
    assert_int_equal(redis_fixture_number(&server, "HGET " GOAL " impressions:20261124"), 5);
    assert_int_equal(sum_of("impressions"), 10);
}

/* The other kind of leap second is left out: what was reserved before it counts. */
static void a_second_left_out_takes_nothing_away(void **state)
{
    struct bench *bench = *state;
    struct process *process = bench->processes;
    bench->campaign.daily_impressions = 5;
    bench->wall_us = NOON_US + DAY_US / 2 - US_PER_SECOND - 1;
    open_rows(bench);
    assert_int_equal(deliver(bench, process, 4), 4);
    int64_t evening_us = wall(process);
    assert_true(serve(bench, process) || (ask(bench, process, 1) && serve(bench, process)));
    bench->wall_us += US_PER_SECOND;
    pass(bench, 1);
    open_rows(bench);
    assert_int_equal(deliver(bench, process, 9), 5);
    assert_int_equal(impress(bench, evening_us), LEDGER_COUNTED);
    assert_int_equal(impress(bench, evening_us), LEDGER_OVER_GOAL);
}

/*
 * A day with a leap second that one clock smears: it loses a second over 24 hours, from noon to
 * noon, 1/86400 slower than the others; of these one repeats the second at midnight, and one has
 * been set before. Every half hour all deliver, and both days get what they may and no more.
 */
static void a_smeared_second_loses_and_doubles_nothing(void **state)
{
    enum { STEPS = 48, DAILY = 60 };
    struct bench *bench = *state;
    unsigned counted = 0;
    bench->campaign.daily_impressions = DAILY;
    add_process(bench);
    add_process(bench);
    for (int64_t step = 0; step < STEPS; step++) {
        bench->processes[0].ahead_us = US_PER_SECOND - step * US_PER_SECOND / STEPS;
        bench->processes[1].ahead_us = step < STEPS / 2 ? US_PER_SECOND : 0;
        pass(bench, 0);
        open_rows(bench);
        for (unsigned i = 0; i < bench->count; i++)
            counted += deliver(bench, &bench->processes[i], 1);
        pass(bench, DAY_US / STEPS - (step == STEPS - 1 ? 60 * US_PER_SECOND : 0));
    }
    for (unsigned i = 0; i < 20; i++, pass(bench, US_PER_SECOND)) {
        open_rows(bench);
        counted += deliver(bench, bench->processes, DAILY);
    }
    assert_int_equal(redis_fixture_number(&server, "HGET " GOAL " impressions:20261123"), DAILY);
    assert_int_equal(redis_fixture_number(&server, "HGET " GOAL " impressions:20261124"), DAILY);
    assert_int_equal(counted, sum_of("impressions"));
}

/* Five minutes apart, more than serves are held: more may be served, never counted. */
static void clocks_five_minutes_apart_count_the_goal_and_no_more(void **state)
{
    enum { GOAL_IMPRESSIONS = 100 };
    const int64_t apart_us = 300 * US_PER_SECOND;
    struct bench *bench = *state;
    unsigned counted = 0;
    bench->campaign.goal_impressions = GOAL_IMPRESSIONS;
    add_process(bench);
    add_process(bench);
    bench->processes[1].ahead_us = apart_us;
    bench->processes[2].ahead_us = -apart_us;
    for (unsigned turn = 0; turn < 200 && counted < GOAL_IMPRESSIONS; turn++) {
        pass(bench, US_PER_SECOND);
        open_rows(bench);
        counted += deliver(bench, &bench->processes[turn % bench->count], 1 + turn % 4);
    }
    assert_int_equal(counted, GOAL_IMPRESSIONS);
    for (unsigned i = 0; i < bench->count; i++) {
        open_rows(bench);
        assert_int_equal(deliver(bench, &bench->processes[i], 5), 0);
        assert_int_equal(impress(bench, wall(&bench->processes[i])), LEDGER_OVER_GOAL);
    }
    assert_int_equal(sum_of("impressions"), GOAL_IMPRESSIONS);
}

/* ---- Refusal ---- */

static void one_that_is_refused_rests_and_is_asked_again(void **state)
{
    struct bench *bench = *state;
    struct wanting wanting;
    bench->campaign.goal_impressions = 5;
    add_process(bench);
    open_rows(bench);
    assert_int_equal(serve_all(bench, &bench->processes[0]), 5);
    begin(bench, &bench->processes[1], 1, WAIT_MS, &wanting);
    run_until(bench->loop, has_waited, &wanting, PATIENCE_MS);
    assert_true(wanting.in_time);
    assert_int_equal(wanting.got, 0);
    assert_false(row(bench, &bench->processes[1]).may_ask);
    assert_int_equal(row(bench, &bench->processes[1]).resting, REASON_GOAL_MET);
    pass(bench, GOALS_REST_MIN_MS * US_PER_MS / 2 - GOALS_REST_TICK_MS * US_PER_MS);
    assert_false(row(bench, &bench->processes[1]).may_ask);
    pass(bench, (GOALS_REST_MIN_MS + GOALS_REST_TICK_MS) * US_PER_MS); /* the tick that began it */
    assert_true(row(bench, &bench->processes[1]).may_ask);
}

static void a_goal_met_for_good_rests_long_until_it_is_raised(void **state)
{
    struct bench *bench = *state;
    bench->campaign.goal_impressions = 5;
    redis_fixture_say(&server, "HSET " TOTAL " impressions 5");
    open_rows(bench);
    assert_false(ask(bench, bench->processes, 1)); /* it may be the goal from before a change */
    pass(bench, GOALS_REST_MAX_MS * US_PER_MS);
    assert_true(row(bench, bench->processes).may_ask);
    assert_int_equal(bench->told, 0);
    assert_false(ask(bench, bench->processes, 1));
    pass(bench, GOALS_REST_MAX_MS * US_PER_MS);
    assert_false(row(bench, bench->processes).may_ask);
    assert_true(bench->closed);
    bench->campaign.goal_impressions = 6;
    open_rows(bench);
    assert_false(bench->closed);
    assert_true(ask(bench, bench->processes, 1));
    assert_int_equal(bench->told, 2);
}

static void one_is_closed_as_long_as_it_has_no_unit(void **state)
{
    struct bench *bench = *state;
    struct goals_units unit;
    bench->campaign.goal_impressions = 5;
    open_rows(bench);
    pass(bench, 2 * US_PER_SECOND); /* it is no longer new */
    assert_true(ask(bench, bench->processes, 5));
    assert_true(goals_take(bench->processes->goals, &bench->campaign, 1, &unit));
    for (unsigned i = 0; i < 4; i++)
        assert_true(serve(bench, bench->processes));
    redis_fixture_say(&server, "HSET " TOTAL " impressions 5");
    assert_false(ask(bench, bench->processes, 1));
    assert_true(bench->closed);
    goals_put_back(bench->processes->goals, &unit);
    assert_false(bench->closed);
    assert_true(serve(bench, bench->processes));
    assert_true(bench->closed);
    pass(bench, GOALS_REST_LONG_MS * US_PER_MS + 2 * GOALS_REST_TICK_MS * US_PER_MS);
    assert_false(bench->closed); /* it may be asked for again */
}

static void pages_that_wait_get_theirs_in_order(void **state)
{
    struct bench *bench = *state;
    struct wanting wanting[12];
    unsigned got = 0;
    bench->campaign.goal_impressions = 10;
    open_rows(bench);
    for (unsigned i = 0; i < 12; i++)
        begin(bench, bench->processes, 1, WAIT_MS, &wanting[i]);
    for (unsigned i = 0; i < 12; i++) {
        run_until(bench->loop, has_waited, &wanting[i], PATIENCE_MS);
        assert_true(wanting[i].in_time);
        assert_int_equal(wanting[i].got, i < 10);
        got += wanting[i].got;
    }
    assert_int_equal(got, 10);
    assert_int_equal(reserved(), 10);
}

static void a_page_gets_all_it_needs_or_nothing(void **state)
{
    struct bench *bench = *state;
    bench->campaign.goal_impressions = 5;
    open_rows(bench);
    assert_true(ask(bench, bench->processes, 3));
    struct goals_units units;
    assert_true(goals_take(bench->processes->goals, &bench->campaign, 3, &units));
    assert_false(ask(bench, bench->processes, 3));
    assert_int_equal(row(bench, bench->processes).units, 2);
}

static void pacing_holds_back(void **state)
{
    struct bench *bench = *state;
    bench->campaign.pacing = PACING_EVEN;
    bench->campaign.goal_impressions = 10000;
    bench->campaign.start_us = NOON_US;
    bench->campaign.end_us = NOON_US + DAY_US;
    bench->wall_us = NOON_US + DAY_US / 2;
    open_rows(bench);
    unsigned served = serve_all(bench, bench->processes);
    assert_in_range(served, 5000, 5100);
    assert_int_equal(row(bench, bench->processes).resting, REASON_PACED);
    pass(bench, WINDOW_US);
    assert_true(row(bench, bench->processes).may_ask);
    bench->campaign.pacing = PACING_ASAP;
    assert_int_equal(serve_all(bench, bench->processes), 10000 - served);
}

/* ---- Money ---- */

static void a_budget_pays_for_what_fits_into_it(void **state)
{
    struct bench *bench = *state;
    bench->campaign.cpm_micro = 1371235; /* 1371.235 micro-units an impression */
    bench->campaign.budget_micro = 1371235;
    open_rows(bench);
    assert_int_equal(serve_all(bench, bench->processes), 1000);
    assert_int_equal(row(bench, bench->processes).resting, REASON_BUDGET_SPENT);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(impress(bench, bench->wall_us), LEDGER_COUNTED);
    assert_int_equal(sum_of("spend"), 1371235);
    assert_int_equal(sum_of("spend_rest"), 0);
    assert_int_equal(impress(bench, bench->wall_us), LEDGER_OVER_GOAL);
    bench->campaign.budget_micro += 1371; /* a fraction short of one more */
    assert_int_equal(impress(bench, bench->wall_us), LEDGER_OVER_GOAL);
    bench->campaign.budget_micro += 1;
    assert_int_equal(impress(bench, bench->wall_us), LEDGER_COUNTED);
    assert_int_equal(sum_of("spend"), 1371235 + 1371);
    assert_int_equal(sum_of("spend_rest"), 235);
}

static void clicks_are_paid_from_the_budget(void **state)
{
    struct bench *bench = *state;
    bench->campaign.cpc_micro = 250000;
    bench->campaign.budget_micro = 600000;
    open_rows(bench);
    assert_true(ask(bench, bench->processes, 1)); /* impressions are free */
    assert_int_equal(report(bench, EVENT_CLICK, 1, bench->wall_us), LEDGER_COUNTED_IMPLIED);
    assert_int_equal(report(bench, EVENT_CLICK, 2, bench->wall_us), LEDGER_COUNTED_IMPLIED);
    assert_int_equal(report(bench, EVENT_CLICK, 3, bench->wall_us), LEDGER_OVER_GOAL_IMPLIED);
    assert_int_equal(sum_of("spend"), 500000);
    pass(bench, WINDOW_US);
    assert_false(ask(bench, bench->processes, 1)); /* what is left pays no click */
    assert_int_equal(row(bench, bench->processes).resting, REASON_BUDGET_SPENT);
}

static void a_click_leaves_what_is_reserved_alone(void **state)
{
    struct bench *bench = *state;
    bench->campaign.cpm_micro = 1000000; /* 1000 an impression */
    bench->campaign.cpc_micro = 5000;
    bench->campaign.budget_micro = 13000;
    open_rows(bench);
    assert_int_equal(serve_all(bench, bench->processes), 8); /* and a click */
    for (uint32_t i = 1; i <= 8; i++)
        assert_int_equal(report(bench, EVENT_IMPRESSION, i, bench->wall_us), LEDGER_COUNTED);
    assert_int_equal(report(bench, EVENT_CLICK, 1, bench->wall_us), LEDGER_COUNTED);
    assert_int_equal(report(bench, EVENT_CLICK, 2, bench->wall_us), LEDGER_OVER_GOAL);
    assert_int_equal(sum_of("spend"), 13000);
}

static void a_daily_budget_opens_with_the_day(void **state)
{
    struct bench *bench = *state;
    bench->campaign.cpm_micro = 1500; /* 1.5 micro-units an impression */
    bench->campaign.daily_budget_micro = 10;
    open_rows(bench);
    assert_int_equal(serve_all(bench, bench->processes), 6);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(impress(bench, bench->wall_us), LEDGER_COUNTED);
    assert_int_equal(impress(bench, bench->wall_us), LEDGER_OVER_GOAL);
    assert_int_equal(redis_fixture_number(&server, "HGET " GOAL " spend:20261123"), 9);
    pass(bench, DAY_US);
    open_rows(bench);
    assert_int_equal(serve_all(bench, bench->processes), 6);
}

static void a_price_without_bounds_is_added_up(void **state)
{
    struct bench *bench = *state;
    bench->campaign.cpm_micro = 1371235;
    bench->campaign.cpc_micro = 7;
    assert_int_equal(report(bench, EVENT_CLICK, 1, bench->wall_us), LEDGER_COUNTED_IMPLIED);
    for (unsigned i = 0; i < 9; i++)
        assert_int_equal(report(bench, EVENT_IMPRESSION, 100 + i, bench->wall_us), LEDGER_COUNTED);
    assert_int_equal(sum_of("spend"), 13712 + 7);
    assert_int_equal(sum_of("spend_rest"), 350);
    assert_int_equal(redis_fixture_number(&server, "EXISTS " GOAL), 0);
}

static void the_largest_budget_is_exact(void **state)
{
    struct bench *bench = *state;
    bench->campaign.cpm_micro = 1000;                         /* a micro-unit an impression */
    bench->campaign.budget_micro = INT64_C(1000000000000000); /* 10^9 units */
    redis_fixture_say(&server, "HSET " TOTAL " spend 999999999999997 impressions 999999999999");
    open_rows(bench);
    assert_int_equal(serve_all(bench, bench->processes), 3);
    bench->campaign.cpm_micro = 1001;
    bench->campaign.budget_micro = INT64_C(1000000000000000) - 1;
    redis_fixture_say(&server, "DEL " GOAL);
    open_rows(bench);
    assert_int_equal(serve_all(bench, bench->processes), 1);
    assert_int_equal(impress(bench, bench->wall_us), LEDGER_COUNTED);
    assert_int_equal(sum_of("spend"), 999999999999998);
    assert_int_equal(sum_of("spend_rest"), 1);
}

static void the_dearest_impression_is_exact(void **state)
{
    struct bench *bench = *state;
    bench->campaign.cpm_micro = INT64_C(1000000000000000); /* 10^6 units an impression */
    bench->campaign.budget_micro = INT64_C(1000000000000000) - 1;
    open_rows(bench);
    assert_int_equal(serve_all(bench, bench->processes), 999);
    bench->campaign.budget_micro += 1;
    open_rows(bench);
    assert_int_equal(serve_all(bench, bench->processes), 1);
}

static void numbers_past_all_bounds_bind(void **state)
{
    struct bench *bench = *state;
    bench->campaign.goal_impressions = 1000;
    redis_fixture_say(&server, "HSET " TOTAL " impressions 9223372036854775806");
    open_rows(bench);
    assert_false(ask(bench, bench->processes, 1));
    assert_int_equal(impress(bench, bench->wall_us), LEDGER_OVER_GOAL);
    redis_fixture_say(&server, "HSET " TOTAL " impressions many");
    assert_int_equal(impress(bench, bench->wall_us), LEDGER_OVER_GOAL);
}

/* GOALS_MANY=1000000 takes a minute; they are written as fast as they go. */
static unsigned long many_of_them(void)
{
    const char *many = getenv("GOALS_MANY");
    return many ? strtoul(many, NULL, 10) : 100000;
}

struct crowd {
    unsigned long sent, ended, counted;
};

static void note_one(enum ledger_result result, void *arg)
{
    struct crowd *crowd = arg;
    crowd->ended++;
    crowd->counted += result == LEDGER_COUNTED;
}

static bool has_room(void *arg)
{
    const struct crowd *crowd = arg;
    return crowd->sent - crowd->ended < 1000;
}

static bool is_done(void *arg)
{
    const struct crowd *crowd = arg;
    return crowd->sent == crowd->ended;
}

static void impress_many(struct bench *bench, unsigned long count)
{
    struct crowd crowd = {0};
    struct ledger_event event = {.kind = EVENT_IMPRESSION,
                                 .campaign = SLICE("spring"),
                                 .creative = SLICE("a"),
                                 .slot = SLICE("header"),
                                 .issued_ms = bench->wall_us / US_PER_MS,
                                 .now_us = bench->wall_us};
    while (crowd.sent < count) {
        for (unsigned i = 0; i < 1000 && crowd.sent < count; i++) {
            crowd.sent++;
            number_impression(crowd.sent, event.impression);
            ledger_record(bench->ledger, &event, note_one, &crowd);
        }
        run_until(bench->loop, has_room, &crowd, 60000);
    }
    run_until(bench->loop, is_done, &crowd, 60000);
    assert_int_equal(crowd.counted, count);
}

static void cpm_adds_up_to_the_unit(void **state)
{
    struct bench *bench = *state;
    unsigned long many = many_of_them();
    bench->campaign.cpm_micro = 1370000;
    bench->campaign.budget_micro = (int64_t)many * 1370;
    open_rows(bench);
    impress_many(bench, many);
    assert_int_equal(sum_of("spend"), (int64_t)many * 1370);
    bench->impressions = UINT32_MAX - 1;
    assert_int_equal(impress(bench, bench->wall_us), LEDGER_OVER_GOAL);
}

static void cpm_with_a_fraction_adds_up_to_the_unit(void **state)
{
    struct bench *bench = *state;
    bench->campaign.cpm_micro = 1370001;
    bench->campaign.budget_micro = 137000100;
    open_rows(bench);
    impress_many(bench, 10000);
    assert_int_equal(sum_of("spend"), 13700010);
    assert_int_equal(sum_of("spend_rest"), 0);
}

/* ---- What goes wrong ---- */

static void a_key_of_another_type_costs_nothing_counted(void **state)
{
    struct bench *bench = *state;
    bench->campaign.goal_impressions = 10;
    open_rows(bench);
    redis_fixture_say(&server, "SET " GOAL " x");
    assert_int_equal(report(bench, EVENT_IMPRESSION, 7, bench->wall_us), LEDGER_FAILED);
    assert_int_equal(redis_fixture_number(&server, "EXISTS " TOTAL), 0);
    assert_false(ask(bench, bench->processes, 1));
    assert_int_equal(row(bench, bench->processes).resting, REASON_REDIS_AWAY);
    redis_fixture_say(&server, "DEL " GOAL);
    assert_int_equal(report(bench, EVENT_IMPRESSION, 7, bench->wall_us), LEDGER_COUNTED);
    bench->campaign.cpm_micro = 1001;
    redis_fixture_say(&server, "HSET " TOTAL " spend 1.5");
    assert_int_equal(report(bench, EVENT_IMPRESSION, 8, bench->wall_us), LEDGER_FAILED);
    assert_int_equal(sum_of("impressions"), 1);
    assert_int_equal(sum_of("spend_rest"), 0);
    redis_fixture_say(&server, "HDEL " TOTAL " spend");
    assert_int_equal(report(bench, EVENT_IMPRESSION, 8, bench->wall_us), LEDGER_COUNTED);
}

static void while_redis_is_away_all_rest(void **state)
{
    struct bench *bench = *state;
    bench->campaign.goal_impressions = 1000;
    open_rows(bench);
    assert_true(ask(bench, bench->processes, 1));
    redis_fixture_kill(&server);
    run_until(bench->loop, is_down, bench, PATIENCE_MS);
    assert_int_equal(row(bench, bench->processes).units, 0);
    assert_false(row(bench, bench->processes).may_ask);
    assert_int_equal(row(bench, bench->processes).resting, REASON_REDIS_AWAY);
    redis_fixture_restart(&server);
    run_until(bench->loop, all_are_up, bench, PATIENCE_MS);
    assert_int_equal(row(bench, bench->processes).units, GOALS_LEASE_FIRST);
}

static bool was_asked(void *arg)
{
    return fake_redis_seen(((struct bench *)arg)->fake, "EVALSHA") > 0;
}

static bool has_units(void *arg)
{
    struct bench *bench = arg;
    return row(bench, bench->processes).units > 0;
}

static void a_late_answer_is_taken_all_the_same(void **state)
{
    struct bench *bench = *state;
    static const struct fake_line silent[] = {{"EVALSHA", NULL, 0, false}, {0}};
    struct wanting wanting;
    fake_redis_script(bench->fake, silent);
    bench->campaign.goal_impressions = 1000;
    open_rows(bench);
    begin(bench, bench->processes, 1, 30, &wanting);
    run_until(bench->loop, was_asked, bench, PATIENCE_MS);
    bench->mono_us += 40 * US_PER_MS;
    run_until(bench->loop, has_waited, &wanting, PATIENCE_MS);
    assert_false(wanting.in_time);
    assert_int_equal(wanting.got, 0);
    assert_int_equal(row(bench, bench->processes).resting, REASON_DEADLINE);
    assert_false(row(bench, bench->processes).may_ask);
    fake_redis_push(bench->fake, "*3\r\n:8\r\n:0\r\n:0\r\n", 16);
    run_until(bench->loop, has_units, bench, PATIENCE_MS);
    assert_int_equal(row(bench, bench->processes).units, 8);
}

static void an_answer_that_makes_no_sense_is_a_failure(void **state)
{
    struct bench *bench = *state;
    static const struct fake_line lines[][2] = {
        {{"EVALSHA", ":1\r\n", 0, false}, {0}},
        {{"EVALSHA", "*2\r\n:1\r\n:0\r\n", 0, false}, {0}},
        {{"EVALSHA", "*3\r\n:1\r\n:1\r\n:0\r\n", 0, false}, {0}},
        {{"EVALSHA", "*3\r\n:-1\r\n:0\r\n:0\r\n", 0, false}, {0}},
        {{"EVALSHA", "*3\r\n:1000001\r\n:0\r\n:0\r\n", 0, false}, {0}},
        {{"EVALSHA", "*3\r\n:0\r\n:9\r\n:0\r\n", 0, false}, {0}},
        {{"EVALSHA", "*3\r\n:0\r\n$1\r\n1\r\n:0\r\n", 0, false}, {0}},
    };
    bench->campaign.goal_impressions = 1000;
    open_rows(bench);
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
        fake_redis_script(bench->fake, lines[i]);
        assert_false(ask(bench, bench->processes, 1));
        assert_int_equal(row(bench, bench->processes).units, 0);
        assert_int_equal(row(bench, bench->processes).resting, REASON_REDIS_AWAY);
        open_rows(bench);
    }
}

#define ON_REDIS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define ON_FAKE(test)  cmocka_unit_test_setup_teardown(test, setup_fake, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_REDIS(what_nothing_binds_has_no_row),
        ON_REDIS(units_are_served_without_asking_again),
        ON_REDIS(leases_grow_with_the_rate),
        ON_REDIS(all_processes_together_serve_the_goal_and_no_more),
        ON_REDIS(what_is_left_of_a_window_is_given_back),
        ON_REDIS(what_a_page_holds_past_its_window_is_given_back),
        ON_REDIS(a_killed_process_keeps_nothing_for_longer_than_the_hold),
        ON_REDIS(an_impression_uses_up_its_reservation),
        ON_REDIS(a_late_impression_counts_where_there_is_room),
        ON_REDIS(an_impression_over_its_goal_takes_viewable_and_click_with_it),
        ON_REDIS(a_goal_that_is_lowered_binds_at_once),
        ON_REDIS(clicks_stop_at_their_goal),
        ON_REDIS(a_daily_ceiling_is_of_the_day_of_the_serve),
        ON_REDIS(a_daily_ceiling_is_open_again_by_itself),
        ON_REDIS(a_second_that_repeats_opens_no_day_twice),
        ON_REDIS(a_second_left_out_takes_nothing_away),
        ON_REDIS(a_smeared_second_loses_and_doubles_nothing),
        ON_REDIS(clocks_five_minutes_apart_count_the_goal_and_no_more),
        ON_REDIS(one_that_is_refused_rests_and_is_asked_again),
        ON_REDIS(a_goal_met_for_good_rests_long_until_it_is_raised),
        ON_REDIS(one_is_closed_as_long_as_it_has_no_unit),
        ON_REDIS(pages_that_wait_get_theirs_in_order),
        ON_REDIS(a_page_gets_all_it_needs_or_nothing),
        ON_REDIS(pacing_holds_back),
        ON_REDIS(a_budget_pays_for_what_fits_into_it),
        ON_REDIS(clicks_are_paid_from_the_budget),
        ON_REDIS(a_click_leaves_what_is_reserved_alone),
        ON_REDIS(a_daily_budget_opens_with_the_day),
        ON_REDIS(a_price_without_bounds_is_added_up),
        ON_REDIS(the_largest_budget_is_exact),
        ON_REDIS(the_dearest_impression_is_exact),
        ON_REDIS(numbers_past_all_bounds_bind),
        ON_REDIS(cpm_adds_up_to_the_unit),
        ON_REDIS(cpm_with_a_fraction_adds_up_to_the_unit),
        ON_REDIS(a_key_of_another_type_costs_nothing_counted),
        ON_REDIS(while_redis_is_away_all_rest),
        ON_FAKE(a_late_answer_is_taken_all_the_same),
        ON_FAKE(an_answer_that_makes_no_sense_is_a_failure),
    };
    log_setup(LOG_ERROR, LOG_LOGFMT);
    return cmocka_run_group_tests(tests, redis_fixture_group_setup, redis_fixture_group_teardown);
}
