#include "unit/store/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "decision/memory_caps.h"
#include "decision/reserving.h"
#include "store/scripts.h"
#include "store/viewer_caps.h"
#include "unit/store/redis_fixture.h"

#define DAY_MS      (INT64_C(86400) * 1000)
#define BYTES_A_CAP 150

struct bench {
    struct loop *loop;
    struct redis *redis;
};

/* One for all tests, emptied before each. */
#define server redis_fixture_shared

static bool is_up(void *arg)
{
    return redis_is_up(((struct bench *)arg)->redis);
}

static int setup(void **state)
{
    static struct bench bench;
    struct redis_config config = {.target = &server.target};
    redis_fixture_say(&server, "FLUSHALL");
    bench.loop = loop_new();
    bench.redis = redis_new(bench.loop, &config);
    run_until(bench.loop, is_up, &bench, PATIENCE_MS);
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    redis_free(bench->redis);
    loop_free(bench->loop);
    return 0;
}

/* ---- Pages, put together by hand ---- */

static struct campaign campaign_with(uint32_t count, int64_t period_ms, uint64_t key)
{
    struct campaign campaign = {.start_us = TIME_UNSET, .end_us = TIME_UNSET};
    campaign.caps = (struct caps){.item = {{count, period_ms, key}}, .count = 1};
    return campaign;
}

static void offer(struct selection *selection, unsigned slot, const struct campaign *campaign,
                  const struct creative *creative)
{
    struct slot_selection *list = &selection->slots[slot];
    bool capped = campaign->caps.count + creative->caps.count > 0;
    list->candidates[list->count++] =
        (struct candidate){.campaign = campaign, .creative = creative, .capped = capped};
    if (slot >= selection->slot_count)
        selection->slot_count = slot + 1;
    selection->needs_caps |= capped;
}

/* What came of one reservation. */
struct outcome {
    unsigned calls;
    enum redis_failure failure;
    uint32_t refused[PAGE_SLOTS_MAX];
};

static void note(enum redis_failure failure, const uint32_t *refused, void *arg)
{
    struct outcome *outcome = arg;
    outcome->calls++;
    outcome->failure = failure;
    if (refused)
        memcpy(outcome->refused, refused, sizeof outcome->refused);
}

static bool has_ended(void *arg)
{
    return ((struct outcome *)arg)->calls > 0;
}

static struct viewer_key viewer(unsigned number)
{
    struct viewer_key key = {.pseudonym = 0};
    memcpy(key.bytes, &number, sizeof number);
    return key;
}

static struct outcome reserve_at(struct bench *bench, const struct selection *selection,
                                 unsigned number, int64_t now_us)
{
    struct outcome outcome = {0};
    struct viewer_key key = viewer(number);
    viewer_caps_reserve(bench->redis, SLICE("ad:"), &key, selection, now_us, 0, note, &outcome);
    assert_int_equal(outcome.calls, 0);
    run_until(bench->loop, has_ended, &outcome, PATIENCE_MS);
    assert_int_equal(outcome.calls, 1);
    return outcome;
}

static struct outcome reserve(struct bench *bench, const struct selection *selection)
{
    struct outcome outcome = reserve_at(bench, selection, 1, clock_wall_us(&clock_system));
    assert_int_equal(outcome.failure, REDIS_OK);
    return outcome;
}

/* The only counter there is. */
static const char *only_key(void)
{
    static char key[128];
    (void)snprintf(key, sizeof key, "%s", redis_fixture_text(&server, "RANDOMKEY"));
    return key;
}

/* ---- Tests ---- */

static void a_cap_allows_its_count_and_no_more(void **state)
{
    struct campaign campaign = campaign_with(3, DAY_MS, 77);
    struct creative creative = {0};
    struct selection selection = {0};
    offer(&selection, 0, &campaign, &creative);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(reserve(*state, &selection).refused[0], i >= 3);
    assert_string_equal(only_key(), "ad:cap:{AQAAAAAAAAAA}AAAAAABN");
    assert_int_equal(redis_fixture_number(&server, "GET %s", only_key()), 3);
    assert_in_range(redis_fixture_number(&server, "PTTL %s", only_key()), DAY_MS - 60000, DAY_MS);
}

static void the_window_opens_with_the_first_serve_and_is_not_moved(void **state)
{
    struct bench *bench = *state;
    struct campaign campaign = campaign_with(3, DAY_MS, 1);
    struct creative creative = {0};
    struct selection selection = {0};
    offer(&selection, 0, &campaign, &creative);
    (void)reserve(bench, &selection);
    redis_fixture_say(&server, "PEXPIRE %s 5000", only_key());
    (void)reserve(bench, &selection);
    (void)reserve(bench, &selection);
    assert_int_equal(reserve(bench, &selection).refused[0], 1);
    assert_in_range(redis_fixture_number(&server, "PTTL %s", only_key()), 1, 5000);
}

static bool window_is_over(void *arg)
{
    (void)arg;
    return redis_fixture_number(&server, "DBSIZE") == 0;
}

static void a_window_ends_by_the_clock_of_redis(void **state)
{
    struct bench *bench = *state;
    struct campaign campaign = campaign_with(1, 100, 1);
    struct creative creative = {0};
    struct selection selection = {0};
    offer(&selection, 0, &campaign, &creative);
    int64_t wrong_us = clock_wall_us(&clock_system) + 365 * DAY_MS * US_PER_MS;
    assert_int_equal(reserve_at(bench, &selection, 1, wrong_us).refused[0], 0);
    assert_int_equal(reserve_at(bench, &selection, 1, wrong_us).refused[0], 1);
    run_until(bench->loop, window_is_over, NULL, PATIENCE_MS);
    assert_int_equal(reserve_at(bench, &selection, 1, 0).refused[0], 0);
}

static void several_caps_all_hold_and_a_refusal_counts_nothing(void **state)
{
    struct campaign campaign = campaign_with(5, DAY_MS, 1);
    struct creative creative = {.caps = {.item = {{2, 7 * DAY_MS, 2}}, .count = 1}};
    struct selection selection = {0};
    offer(&selection, 0, &campaign, &creative);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(reserve(*state, &selection).refused[0], i >= 2);
    assert_int_equal(redis_fixture_number(&server, "GET ad:cap:{AQAAAAAAAAAA}AAAAAAAB"), 2);
    assert_int_equal(redis_fixture_number(&server, "GET ad:cap:{AQAAAAAAAAAA}AAAAAAAC"), 2);
}

static void the_next_in_rank_is_taken_and_an_uncapped_one_always(void **state)
{
    struct campaign first = campaign_with(1, DAY_MS, 1), second = campaign_with(1, DAY_MS, 2);
    struct campaign last = {.end_us = TIME_UNSET};
    struct creative creatives[3] = {{0}};
    struct selection selection = {0};
    offer(&selection, 0, &first, &creatives[0]);
    offer(&selection, 0, &second, &creatives[1]);
    offer(&selection, 0, &last, &creatives[2]);
    assert_int_equal(reserve(*state, &selection).refused[0], 0);
    assert_int_equal(reserve(*state, &selection).refused[0], 1);
    assert_int_equal(reserve(*state, &selection).refused[0], 3);
    assert_int_equal(reserve(*state, &selection).refused[0], 3);
    assert_int_equal(redis_fixture_number(&server, "DBSIZE"), 2);
}

static void slots_of_a_page_count_together(void **state)
{
    struct campaign campaign = campaign_with(1, DAY_MS, 1), other = {.end_us = TIME_UNSET};
    struct creative creatives[3] = {{0}};
    struct selection selection = {0};
    campaign.roadblock = ROADBLOCK_ANY;
    offer(&selection, 0, &campaign, &creatives[0]);
    offer(&selection, 1, &campaign, &creatives[1]);
    offer(&selection, 1, &other, &creatives[2]);
    struct outcome outcome = reserve(*state, &selection);
    assert_int_equal(outcome.refused[0], 0);
    assert_int_equal(outcome.refused[1], 1);
    assert_int_equal(redis_fixture_number(&server, "GET %s", only_key()), 1);
}

static void a_creative_on_the_page_is_passed_over_and_not_counted(void **state)
{
    struct campaign campaign = campaign_with(10, DAY_MS, 1);
    struct creative same = {0}, other = {0};
    struct selection selection = {0};
    campaign.roadblock = ROADBLOCK_ANY;
    offer(&selection, 0, &campaign, &same);
    offer(&selection, 1, &campaign, &same);
    offer(&selection, 1, &campaign, &other);
    offer(&selection, 2, &campaign, &same);
    struct outcome outcome = reserve(*state, &selection);
    assert_int_equal(outcome.refused[1], 0);
    assert_int_equal(outcome.refused[2], 0);
    assert_int_equal(redis_fixture_number(&server, "GET %s", only_key()), 2);
}

static void a_viewer_does_not_use_up_anothers_cap(void **state)
{
    struct campaign campaign = campaign_with(1, DAY_MS, 1);
    struct creative creative = {0};
    struct selection selection = {0};
    offer(&selection, 0, &campaign, &creative);
    assert_int_equal(reserve_at(*state, &selection, 1, 0).refused[0], 0);
    assert_int_equal(reserve_at(*state, &selection, 2, 0).refused[0], 0);
    assert_int_equal(reserve_at(*state, &selection, 1, 0).refused[0], 1);
}

static void a_lifetime_cap_is_kept_from_the_last_serve_on(void **state)
{
    struct campaign campaign = campaign_with(2, CAP_LIFETIME, 1);
    struct creative creative = {0};
    struct selection selection = {0};
    int64_t now_us = clock_wall_us(&clock_system);
    offer(&selection, 0, &campaign, &creative);
    assert_int_equal(reserve_at(*state, &selection, 1, now_us).refused[0], 0);
    redis_fixture_say(&server, "PEXPIRE %s 5000", only_key());
    assert_int_equal(reserve_at(*state, &selection, 1, now_us).refused[0], 0);
    assert_in_range(redis_fixture_number(&server, "PTTL %s", only_key()),
                    CAP_LIFETIME_KEPT_MS - 60000, CAP_LIFETIME_KEPT_MS);
    assert_int_equal(reserve_at(*state, &selection, 1, now_us).refused[0], 1);
}

static void a_lifetime_ends_a_day_after_the_campaign(void **state)
{
    struct campaign campaign = campaign_with(2, CAP_LIFETIME, 1);
    struct creative creative = {0};
    struct selection selection = {0};
    int64_t now_us = clock_wall_us(&clock_system);
    campaign.end_us = now_us + 3 * DAY_MS * US_PER_MS;
    offer(&selection, 0, &campaign, &creative);
    assert_int_equal(reserve_at(*state, &selection, 1, now_us).refused[0], 0);
    assert_in_range(redis_fixture_number(&server, "PTTL %s", only_key()), 4 * DAY_MS - 60000,
                    4 * DAY_MS);
}

/* What a hand may leave in a counter, and whether the viewer is served after it. */
static const struct {
    const char *verb, *rest; /* the key goes between */
    bool refused;
} edits[] = {
    {"SET", "0", false},  {"SET", "2", false},   {"SET", "-5", false},
    {"SET", "3", true},   {"SET", "abc", true},  {"SET", "1.5", true},
    {"SET", "007", true}, {"SET", "1e2", true},  {"SET", "0x1", true},
    {"SET", "nan", true}, {"SET", "-inf", true}, {"SET", "9223372036854775807", true},
    {"LPUSH", "x", true}, {"HSET", "a b", true}, {"SET", "-99999999999999999999", true},
};

static void a_counter_edited_by_hand_harms_nobody_for_ever(void **state)
{
    struct campaign campaign = campaign_with(3, DAY_MS, 1), other = campaign_with(1000, DAY_MS, 2);
    struct creative creative = {0}, other_creative = {0};
    struct selection selection = {0};
    offer(&selection, 0, &campaign, &creative);
    offer(&selection, 0, &other, &other_creative);
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        const char *key = "ad:cap:{AQAAAAAAAAAA}AAAAAAAB";
        redis_fixture_say(&server, "DEL %s", key);
        redis_fixture_say(&server, "%s %s %s", edits[i].verb, key, edits[i].rest);
        assert_int_equal(reserve(*state, &selection).refused[0], edits[i].refused);
        if (edits[i].refused)
            assert_in_range(redis_fixture_number(&server, "PTTL %s", key), 1, DAY_MS);
    }
    redis_fixture_say(&server, "SET ad:cap:{AQAAAAAAAAAA}AAAAAAAB 3 PX %lld",
                      (long long)(90 * DAY_MS));
    assert_int_equal(reserve(*state, &selection).refused[0], 1);
    assert_in_range(redis_fixture_number(&server, "PTTL ad:cap:{AQAAAAAAAAAA}AAAAAAAB"), 1, DAY_MS);
}

static void a_full_redis_refuses_and_counts_nothing(void **state)
{
    struct campaign campaign = campaign_with(3, DAY_MS, 1);
    struct creative creative = {0};
    struct selection selection = {0};
    offer(&selection, 0, &campaign, &creative);
    redis_fixture_say(&server, "CONFIG SET maxmemory 1");
    struct outcome outcome = reserve_at(*state, &selection, 1, 0);
    redis_fixture_say(&server, "CONFIG SET maxmemory 0");
    assert_int_equal(outcome.failure, REDIS_REFUSED);
    assert_int_equal(redis_fixture_number(&server, "DBSIZE"), 0);
}

static void a_page_with_more_counters_than_fit_refuses_the_rest(void **state)
{
    static struct campaign campaigns[CANDIDATES_MAX];
    static struct creative creatives[PAGE_SLOTS_MAX][CANDIDATES_MAX];
    static struct selection selection;
    for (unsigned c = 0; c < CANDIDATES_MAX; c++) {
        campaigns[c] = campaign_with(1, DAY_MS, c + 1);
        campaigns[c].roadblock = ROADBLOCK_ANY;
        for (unsigned i = 0; i < CAPS_MAX; i++)
            campaigns[c].caps.item[i] = (struct cap){1, DAY_MS, 1000 * (c + 1) + i};
        campaigns[c].caps.count = CAPS_MAX;
    }
    for (unsigned s = 0; s < PAGE_SLOTS_MAX; s++) {
        for (unsigned c = 0; c < CANDIDATES_MAX; c++) {
            for (unsigned i = 0; i < CAPS_MAX; i++)
                creatives[s][c].caps.item[i] =
                    (struct cap){1, DAY_MS, 100000 * (s + 1) + 100 * c + i};
            creatives[s][c].caps.count = CAPS_MAX;
            offer(&selection, s, &campaigns[c], &creatives[s][c]);
        }
    }
    struct outcome outcome = reserve(*state, &selection);
    assert_int_equal(outcome.refused[0], 0);
    assert_int_equal(outcome.refused[1], 1); /* its campaign is on slot 0 */
    assert_int_equal(outcome.refused[PAGE_SLOTS_MAX - 1], (1 << CANDIDATES_MAX) - 1);
}

/* ---- The same rule in C ---- */

#define PEOPLE         5
#define PAGES          400
#define CAMPAIGNS      6
#define CREATIVES_EACH 3

struct world {
    struct campaign campaigns[CAMPAIGNS];
    struct creative creatives[CAMPAIGNS][CREATIVES_EACH];
    struct slice labels[CAMPAIGNS][2];
    struct random dice;
};

static unsigned throw(struct world * world, unsigned sides)
{
    return (unsigned)random_below(&world->dice, sides);
}

static struct caps some_caps(struct world *world, uint64_t key)
{
    struct caps caps = {.count = throw(world, 3)};
    for (unsigned i = 0; i < caps.count; i++)
        caps.item[i] = (struct cap){1 + throw(world, 4), DAY_MS, key + i};
    return caps;
}

static void make_world(struct world *world)
{
    static const char *const words[] = {"banks", "cars", "phones"};
    for (unsigned c = 0; c < CAMPAIGNS; c++) {
        struct campaign *campaign = &world->campaigns[c];
        *campaign = (struct campaign){.start_us = TIME_UNSET, .end_us = TIME_UNSET};
        campaign->caps = some_caps(world, 100 * (c + 1));
        campaign->roadblock = (enum roadblock) throw(world, 3);
        campaign->exclusions = (struct slice_list){world->labels[c], throw(world, 3)};
        unsigned first = throw(world, 2);
        world->labels[c][0] = slice_cstr(words[first]);
        world->labels[c][1] = slice_cstr(words[first + 1]);
        for (unsigned i = 0; i < CREATIVES_EACH; i++)
            world->creatives[c][i] =
                (struct creative){.caps = some_caps(world, 100 * (c + 1) + 10 * (i + 1))};
    }
}

static void offer_one(struct world *world, struct selection *selection, unsigned slot, unsigned c)
{
    struct slot_selection *list = &selection->slots[slot];
    offer(selection, slot, &world->campaigns[c],
          &world->creatives[c][throw(world, CREATIVES_EACH)]);
    struct candidate *last = &list->candidates[list->count - 1];
    last->follows = last->campaign->roadblock != ROADBLOCK_OFF && slot > 0 && throw(world, 2);
    last->leads = last->campaign->roadblock == ROADBLOCK_ALL && slot == 0;
    last->capped |= last->leads;
}

static void make_page(struct world *world, struct selection *selection)
{
    *selection = (struct selection){.needs_caps = false};
    selection->slot_count = 1 + throw(world, 4);
    for (unsigned s = 0; s < selection->slot_count; s++) {
        for (unsigned i = throw(world, 6); i > 0; i--)
            offer_one(world, selection, s, throw(world, CAMPAIGNS));
    }
}

struct counting {
    struct memory_caps *caps;
    uint64_t viewer;
};

static bool take(const struct candidate *const *group, unsigned count, void *arg)
{
    struct counting *counting = arg;
    return memory_caps_take(counting->caps, counting->viewer, group, count, 0);
}

static void the_script_and_the_way_in_c_refuse_alike(void **state)
{
    struct counting counting = {.caps = memory_caps_new()};
    struct world world;
    random_seed(&world.dice, 2026);
    for (unsigned round = 0; round < PAGES; round++) {
        struct selection selection;
        uint32_t refused[PAGE_SLOTS_MAX];
        if (round % 40 ==
            0) { /* a new world has other counters: nothing is left of the old one's */
            redis_fixture_say(&server, "FLUSHALL");
            memory_caps_free(counting.caps);
            counting.caps = memory_caps_new();
            make_world(&world);
        }
        counting.viewer = throw(&world, PEOPLE);
        make_page(&world, &selection);
        struct outcome outcome =
            reserve_at(*state, &selection, (unsigned)counting.viewer, clock_wall_us(&clock_system));
        selection_reserve(&selection, take, &counting, refused);
        assert_int_equal(outcome.failure, REDIS_OK);
        assert_memory_equal(outcome.refused, refused, selection.slot_count * sizeof *refused);
    }
    memory_caps_free(counting.caps);
}

/* ---- Exactness ---- */

#define PROCESSES 3
#define PARALLEL  200
#define ROUNDS    20

struct crowd {
    struct bench *bench;
    unsigned ended, served;
};

static void count_one(enum redis_failure failure, const uint32_t *refused, void *arg)
{
    struct crowd *crowd = arg;
    crowd->ended++;
    crowd->served += failure == REDIS_OK && refused[0] == 0;
}

static bool crowd_has_ended(void *arg)
{
    return ((struct crowd *)arg)->ended == PARALLEL / PROCESSES + 1;
}

/* One server process: its share of the requests of every round's viewer, all at once. */
static void run_process(int start, unsigned served[ROUNDS])
{
    struct bench bench = {.loop = loop_new()};
    struct redis_config config = {.target = &server.target};
    struct campaign campaign = campaign_with(3, DAY_MS, 1);
    struct creative creative = {0};
    struct selection selection = {0};
    char go;
    offer(&selection, 0, &campaign, &creative);
    bench.redis = redis_new(bench.loop, &config);
    run_until(bench.loop, is_up, &bench, PATIENCE_MS);
    CHECK(read(start, &go, 1) == 0); /* the end of the pipe: all go */
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct crowd crowd = {.bench = &bench};
        struct viewer_key key = viewer(1000 + round);
        for (unsigned i = 0; i < PARALLEL / PROCESSES + 1; i++)
            viewer_caps_reserve(bench.redis, SLICE("ad:"), &key, &selection, 0, 0, count_one,
                                &crowd);
        run_until(bench.loop, crowd_has_ended, &crowd, PATIENCE_MS);
        served[round] = crowd.served;
    }
}

static void exactly_three_are_served_by_several_processes(void **state)
{
    int start[2], results[PROCESSES][2];
    unsigned served[ROUNDS] = {0};
    (void)state;
    assert_int_equal(pipe(start), 0);
    for (unsigned p = 0; p < PROCESSES; p++) {
        assert_int_equal(pipe(results[p]), 0);
        if (fork() == 0) {
            unsigned own[ROUNDS];
            (void)close(start[1]);
            run_process(start[0], own);
            _exit(write(results[p][1], own, sizeof own) != sizeof own);
        }
    }
    (void)close(start[1]);
    for (unsigned p = 0; p < PROCESSES; p++) {
        unsigned own[ROUNDS];
        int status;
        assert_int_equal(read(results[p][0], own, sizeof own), sizeof own);
        for (unsigned round = 0; round < ROUNDS; round++)
            served[round] += own[round];
        assert_true(wait(&status) > 0 && status == 0);
    }
    for (unsigned round = 0; round < ROUNDS; round++)
        assert_int_equal(served[round], 3);
}

static int64_t used_memory(void)
{
    const char *info = redis_fixture_text(&server, "INFO memory");
    return strtoll(strstr(info, "used_memory:") + strlen("used_memory:"), NULL, 10);
}

static void a_counter_costs_little_memory(void **state)
{
    enum { VIEWERS = 10000 };
    struct bench *bench = *state;
    struct campaign campaign = campaign_with(3, DAY_MS, UINT64_MAX - 5);
    struct creative creative = {0};
    struct selection selection = {0};
    static struct outcome outcomes[VIEWERS];
    offer(&selection, 0, &campaign, &creative);
    int64_t before = used_memory();
    for (unsigned i = 0; i < VIEWERS; i++) {
        struct viewer_key key = viewer(i);
        viewer_caps_reserve(bench->redis, SLICE("ad:"), &key, &selection, 0, 0, note, &outcomes[i]);
        if (i % 100 == 99) /* so that it is not Redis's buffers that are measured */
            run_until(bench->loop, has_ended, &outcomes[i], PATIENCE_MS);
    }
    int64_t after = used_memory();
    assert_int_equal(redis_fixture_number(&server, "DBSIZE"), VIEWERS);
    print_message("a viewer and cap: %lld bytes of used_memory, MEMORY USAGE %lld\n",
                  (long long)((after - before) / VIEWERS),
                  (long long)redis_fixture_number(&server, "MEMORY USAGE %s", only_key()));
    assert_in_range((after - before) / VIEWERS, 1, BYTES_A_CAP);
    assert_in_range(redis_fixture_number(&server, "MEMORY USAGE %s", only_key()), 1, BYTES_A_CAP);
}

#define ON_REDIS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_REDIS(a_cap_allows_its_count_and_no_more),
        ON_REDIS(the_window_opens_with_the_first_serve_and_is_not_moved),
        ON_REDIS(a_window_ends_by_the_clock_of_redis),
        ON_REDIS(several_caps_all_hold_and_a_refusal_counts_nothing),
        ON_REDIS(the_next_in_rank_is_taken_and_an_uncapped_one_always),
        ON_REDIS(slots_of_a_page_count_together),
        ON_REDIS(a_creative_on_the_page_is_passed_over_and_not_counted),
        ON_REDIS(a_viewer_does_not_use_up_anothers_cap),
        ON_REDIS(a_lifetime_cap_is_kept_from_the_last_serve_on),
        ON_REDIS(a_lifetime_ends_a_day_after_the_campaign),
        ON_REDIS(a_counter_edited_by_hand_harms_nobody_for_ever),
        ON_REDIS(a_full_redis_refuses_and_counts_nothing),
        ON_REDIS(a_page_with_more_counters_than_fit_refuses_the_rest),
        ON_REDIS(the_script_and_the_way_in_c_refuse_alike),
        ON_REDIS(exactly_three_are_served_by_several_processes),
        ON_REDIS(a_counter_costs_little_memory),
    };
    log_setup(LOG_ERROR, LOG_LOGFMT);
    return cmocka_run_group_tests(tests, redis_fixture_group_setup, redis_fixture_group_teardown);
}
