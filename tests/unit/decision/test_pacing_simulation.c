/*
 * Weeks of a site's traffic in seconds of run time: whether campaigns keep to their plan, and reach
 * their goal without going above it, when units are leased, settled and given back as they are.
 *
 * Time is a number that the simulation counts up second by second; chance is seeded. The plan is
 * the real one; around it stands a model of what Redis and the workers do (struct cycle), which
 * knows of the plan only how much may be granted now.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "decision/pacing.h"

#include "unit.h"

#define HOUR_S     INT64_C(3600)
#define DAY_S      (24 * HOUR_S)
#define WEEK_S     (7 * DAY_S)
#define MONDAY_S   INT64_C(1767571200) /* 2026-01-05 00:00 UTC */
#define NEVER      INT64_MIN
#define PI         3.14159265358979323846
#define WEEKS_PAST 4

/* ---- The site -----------------------------------------------------------------------------------
 */

struct site {
    struct random random;
    double per_second; /* requests, on average over a weekday */
    int64_t burst_s;   /* an hour of ten times the traffic from here on; NEVER: none */
};

static double random_unit(struct random *random)
{
    return (double)(random_u64(random) >> 11) / (double)(UINT64_C(1) << 53);
}

/* Nine times as much in the afternoon as before dawn; less on the weekend, and later in the day. */
static double expected(const struct site *site, int64_t at_s)
{
    int64_t of_week = (at_s - MONDAY_S) % WEEK_S;
    of_week += of_week < 0 ? WEEK_S : 0;
    bool weekend = of_week >= 5 * DAY_S;
    double peak_hour = weekend ? 18 : 15;
    double day = 1 + 0.8 * cos(2 * PI * ((double)of_week / HOUR_S - peak_hour) / 24);
    bool burst = site->burst_s != NEVER && at_s >= site->burst_s && at_s < site->burst_s + HOUR_S;
    return site->per_second * day * (weekend ? 0.6 : 1) * (burst ? 10 : 1);
}

/* Knuth's way, good for the small means of one second. */
static unsigned poisson(struct random *random, double mean)
{
    double limit = exp(-mean), product = random_unit(random);
    unsigned count = 0;
    for (; product > limit; count++)
        product *= random_unit(random);
    return count;
}

/* The counts of the weeks before: each hour off by up to a tenth, one of them in a burst. */
static void count_past(struct site *site, int64_t before_s, struct traffic_count *ret)
{
    struct site past = *site;
    past.burst_s = before_s - 2 * WEEK_S + 3 * DAY_S;
    for (unsigned i = 0; i < WEEKS_PAST * TRAFFIC_HOURS; i++) {
        int64_t hour = before_s / HOUR_S - WEEKS_PAST * TRAFFIC_HOURS + i;
        double mean = expected(&past, hour * HOUR_S + HOUR_S / 2) * HOUR_S;
        double off = 0.9 + 0.2 * random_unit(&site->random);
        ret[i] = (struct traffic_count){hour, (uint64_t)(mean * off)};
    }
}

/* ---- The cycle of a unit: granted, served, settled or given back
 * ---------------------------------- */

#define WORKERS     8
#define LEASE_S     5  /* units not used by then go back */
#define RENDER_S    2  /* from the serve to the impression */
#define GIVE_BACK_S 60 /* from a serve without impression, or from a worker's death */
#define RING_S      64

struct worker {
    unsigned units, used; /* in hand; served in this lease */
    int64_t until_s;
};

struct cycle {
    uint64_t settled, open;
    uint64_t settling[RING_S], returning[RING_S]; /* by the second it happens in */
    struct worker workers[WORKERS];
    unsigned lost_one_in; /* serves that never bring an impression */
    uint64_t serves;
};

static unsigned ring(int64_t at_s)
{
    return (unsigned)(at_s % RING_S);
}

/* What Redis does: at most `wanted`, and never above the ceiling with all that is open. */
static unsigned cycle_grant(struct cycle *cycle, uint64_t ceiling, unsigned wanted)
{
    uint64_t taken = cycle->settled + cycle->open;
    uint64_t room = ceiling > taken ? ceiling - taken : 0;
    unsigned granted = room < wanted ? (unsigned)room : wanted;
    cycle->open += granted;
    return granted;
}

/* What falls due in this second; leases that end bring back what is left. */
static void cycle_advance(struct cycle *cycle, int64_t now_s)
{
    uint64_t *settling = &cycle->settling[ring(now_s)], *returning = &cycle->returning[ring(now_s)];
    cycle->settled += *settling;
    cycle->open -= *settling + *returning;
    *settling = *returning = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        struct worker *worker = &cycle->workers[i];
        if (worker->until_s != now_s)
            continue;
        cycle->open -= worker->units;
        worker->units = 0;
    }
}

/* A dead worker's units are known to be free only when its lease would long have ended. */
static void cycle_kill(struct cycle *cycle, unsigned dead, int64_t now_s)
{
    cycle->returning[ring(now_s + GIVE_BACK_S)] += cycle->workers[dead].units;
    cycle->workers[dead] = (struct worker){0};
}

/* One request that the campaign may have, at that worker: it serves if it has or gets a unit. */
static bool cycle_request(struct cycle *cycle, struct worker *worker, uint64_t ceiling,
                          int64_t now_s)
{
    if (worker->units == 0) {
        worker->units = cycle_grant(cycle, ceiling, worker->used + 1);
        worker->until_s = now_s + LEASE_S;
        worker->used = 0;
    }
    if (worker->units == 0)
        return false;
    worker->units--;
    worker->used++;
    if (++cycle->serves % cycle->lost_one_in == 0)
        cycle->returning[ring(now_s + GIVE_BACK_S)]++;
    else
        cycle->settling[ring(now_s + RENDER_S)]++;
    return true;
}

/* ---- One campaign's run -------------------------------------------------------------------------
 */

enum learnt { LEARNT, NOTHING_LEARNT, WRONG };

struct run {
    enum pacing pacing;
    enum learnt learnt;
    double per_second;
    double part; /* of the expected traffic that the goal is */
    int64_t begin_s, length_s, burst_s;
    double off_by; /* how far delivery may be from the plan, as a part of it; 0: as it likes */

    /* What came of it. */
    struct pacing_goal goal;
    double worst; /* distance from the plan since the first tenth */
    uint64_t delivered;
    int64_t finished_s;            /* since the begin, the goal's 99.5 %; NEVER */
    double requests[2], serves[2]; /* of nights, 00 to 06, and of afternoons, 12 to 18 */
};

/* As far as the traffic's learning knew: no burst. */
static uint64_t expected_requests(const struct run *run)
{
    struct site site = {.per_second = run->per_second, .burst_s = NEVER};
    double sum = 0;
    for (int64_t at = 0; at < run->length_s; at += 60)
        sum += expected(&site, run->begin_s + at) * 60;
    return (uint64_t)sum;
}

/* A wrong one takes night for day. */
static const struct traffic_shape *shape_of(const struct run *run, struct site *site,
                                            struct traffic_shape *shape)
{
    struct traffic_count counts[WEEKS_PAST * TRAFFIC_HOURS];
    if (run->learnt == NOTHING_LEARNT)
        return NULL;
    count_past(site, run->begin_s - run->begin_s % HOUR_S, counts);
    for (unsigned i = 0; i < WEEKS_PAST * TRAFFIC_HOURS; i++)
        counts[i].hour += run->learnt == WRONG ? 12 : 0;
    traffic_shape_learn(counts, WEEKS_PAST * TRAFFIC_HOURS, shape);
    return shape;
}

static void observe(struct run *run, const struct cycle *cycle, const struct traffic_shape *shape,
                    int64_t now_s)
{
    double plan = (double)pacing_plan(&run->goal, shape, now_s * US_PER_SECOND);
    assert_true(cycle->settled + cycle->open <= run->goal.amount);
    if (run->finished_s == NEVER && cycle->settled * 1000 >= run->goal.amount * 995)
        run->finished_s = now_s - run->begin_s;
    if ((now_s - run->begin_s) * 10 < run->length_s)
        return;
    double off = fabs((double)cycle->settled - plan) / plan;
    if (off > run->worst)
        run->worst = off;
}

static void pass_second(struct run *run, struct site *site, struct cycle *cycle,
                        const struct traffic_shape *shape, int64_t now_s)
{
    uint64_t ceiling = pacing_ceiling(&run->goal, shape, now_s * US_PER_SECOND);
    unsigned requests = poisson(&site->random, expected(site, now_s));
    unsigned quarter = (unsigned)(now_s % DAY_S / (6 * HOUR_S)), served = 0;
    cycle_advance(cycle, now_s);
    if (now_s % 600 == 0)
        cycle_kill(cycle, (unsigned)random_below(&site->random, WORKERS), now_s);
    for (unsigned i = 0; i < requests; i++) {
        struct worker *worker = &cycle->workers[random_below(&site->random, WORKERS)];
        served += cycle_request(cycle, worker, ceiling, now_s);
    }
    if (quarter % 2 == 0) {
        run->requests[quarter / 2] += requests;
        run->serves[quarter / 2] += served;
    }
}

static void simulate(struct run *run)
{
    struct traffic_shape learnt;
    struct site site = {.per_second = run->per_second, .burst_s = run->burst_s};
    struct cycle cycle = {.lost_one_in = 5};
    random_seed(&site.random, 2026);
    const struct traffic_shape *shape = shape_of(run, &site, &learnt);
    run->finished_s = NEVER;
    run->goal = (struct pacing_goal){
        run->pacing, (uint64_t)((double)expected_requests(run) * run->part),
        run->begin_s * US_PER_SECOND, (run->begin_s + run->length_s) * US_PER_SECOND};
    for (int64_t at = run->begin_s; at < run->begin_s + run->length_s; at++) {
        pass_second(run, &site, &cycle, shape, at);
        observe(run, &cycle, shape, at);
    }
    /* Pages that got their ad before the end may report it behind it. */
    for (int64_t at = 0; at <= GIVE_BACK_S; at++)
        cycle_advance(&cycle, run->begin_s + run->length_s + at);
    assert_int_equal(cycle.open, 0);
    run->delivered = cycle.settled;
}

/* ---- What is promised ---------------------------------------------------------------------------
 */

static void describe(const struct run *run)
{
    static const char *const knowing[] = {"learnt", "nothing learnt", "wrong"};
    static const char *const paces[] = {"even", "front", "asap"};
    print_message("  %s, %s: goal %llu (%.0f %% of %.2f/s), at worst %.2f %% off the plan, "
                  "delivered %.3f %%, 99.5 %% at %.2f %% of the time\n",
                  paces[run->pacing], knowing[run->learnt], (unsigned long long)run->goal.amount,
                  run->part * 100, run->per_second, run->worst * 100,
                  (double)run->delivered * 100 / (double)run->goal.amount,
                  run->finished_s == NEVER ? NAN
                                           : (double)run->finished_s * 100 / (double)run->length_s);
}

static void assert_promise(struct run *run)
{
    simulate(run);
    describe(run);
    assert_true(run->delivered <= run->goal.amount);
    assert_true(run->delivered * 1000 >= run->goal.amount * 995);
    if (run->off_by > 0)
        assert_true(run->worst <= run->off_by);
}

/* A week from a Wednesday morning on, with a burst on its Friday. */
static struct run week_of(enum pacing pacing, enum learnt learnt)
{
    return (struct run){.pacing = pacing,
                        .learnt = learnt,
                        .per_second = 4,
                        .part = 0.25,
                        .begin_s = MONDAY_S + 2 * DAY_S + 9 * HOUR_S + 1800,
                        .length_s = WEEK_S,
                        .burst_s = MONDAY_S + 4 * DAY_S + 14 * HOUR_S,
                        .off_by = 0.05};
}

/* How many of an afternoon's requests it got for one of a night's. */
static double day_against_night(const struct run *run)
{
    return run->serves[1] / run->requests[1] / (run->serves[0] / run->requests[0]);
}

/* With the burst out of sight, each request has the same chance, by night and by day. */
static void test_even_gives_each_request_the_same_chance(void **state)
{
    struct run learnt = week_of(PACING_EVEN, LEARNT);
    struct run straight = week_of(PACING_EVEN, NOTHING_LEARNT);
    (void)state;
    learnt.burst_s = straight.burst_s = NEVER;
    assert_promise(&learnt);
    assert_promise(&straight);
    assert_true(day_against_night(&learnt) > 0.95 && day_against_night(&learnt) < 1.05);
    assert_true(day_against_night(&straight) < 0.5);
}

static void test_even(void **state)
{
    struct run run = week_of(PACING_EVEN, LEARNT);
    (void)state;
    assert_promise(&run);
    assert_true(run.finished_s > WEEK_S * 98 / 100);
}

static void test_front(void **state)
{
    struct run run = week_of(PACING_FRONT, LEARNT);
    (void)state;
    assert_promise(&run);
    assert_true(run.finished_s > WEEK_S * 95 / 100);
}

/* The plan of asap is the goal at once: there is nothing to keep to but the goal. */
static void test_asap(void **state)
{
    (void)state;
    for (unsigned learnt = LEARNT; learnt <= WRONG; learnt++) {
        struct run run = week_of(PACING_ASAP, (enum learnt)learnt);
        run.off_by = 0;
        assert_promise(&run);
        assert_true(run.finished_s < WEEK_S * 35 / 100);
    }
}

/* A plan that asks for more than a night has: behind by night, made up for by day. */
static void test_without_the_right_shape(void **state)
{
    (void)state;
    for (unsigned front = 0; front < 2; front++) {
        for (unsigned learnt = NOTHING_LEARNT; learnt <= WRONG; learnt++) {
            struct run run = week_of(front ? PACING_FRONT : PACING_EVEN, (enum learnt)learnt);
            run.off_by = 0;
            assert_promise(&run);
        }
    }
}

/* Most of the traffic there is: what is behind must wait for requests. */
static void test_a_goal_of_most_of_the_traffic(void **state)
{
    struct run run = week_of(PACING_EVEN, LEARNT);
    (void)state;
    run.part = 0.7;
    assert_promise(&run);
}

/* A small goal on a small site: workers sit on units that others could use. */
static void test_a_small_site(void **state)
{
    struct run run = week_of(PACING_EVEN, LEARNT);
    (void)state;
    run.per_second = 0.05;
    assert_promise(&run);
}

static void test_four_weeks(void **state)
{
    struct run run = week_of(PACING_EVEN, LEARNT);
    (void)state;
    run.length_s = 4 * WEEK_S;
    run.per_second = 1;
    assert_promise(&run);
}

/* Days of daily_impressions, whose ends are in the middle of the night. */
static void test_days(void **state)
{
    (void)state;
    for (int64_t hours = 23; hours <= 25; hours++) {
        for (unsigned front = 0; front < 2; front++) {
            struct run run = week_of(front ? PACING_FRONT : PACING_EVEN, LEARNT);
            run.begin_s = MONDAY_S + 6 * DAY_S - HOUR_S;
            run.length_s = hours * HOUR_S;
            run.burst_s = run.begin_s + 14 * HOUR_S;
            assert_promise(&run);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_even_gives_each_request_the_same_chance),
        cmocka_unit_test(test_even),
        cmocka_unit_test(test_front),
        cmocka_unit_test(test_asap),
        cmocka_unit_test(test_without_the_right_shape),
        cmocka_unit_test(test_a_goal_of_most_of_the_traffic),
        cmocka_unit_test(test_a_small_site),
        cmocka_unit_test(test_four_weeks),
        cmocka_unit_test(test_days),
    };
    return cmocka_run_group_tests_name("decision/pacing_simulation", tests, NULL, NULL);
}
