/*
 * Processes are killed at any moment: what is told of events agrees with what is counted. Each runs
 * a ledger and reports events as fast as it goes; what it tells is added up in memory that all
 * share, as the counters of /stats are.
 */
#include "unit/store/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
#include "store/flight_board.h"
#include "store/ledger.h"
#include "store/ledger_left.h"
#include "store/spool.h"
#include "store/spool_marks.h"
#include "unit/store/redis_fixture.h"

#define TTL_MS   (INT64_C(24) * 3600 * 1000)
#define KILLS    60
#define EVENTS   20 /* that are reported in one turn */
#define LANES    3
#define DRAIN_MS 30000

#define server redis_fixture_shared

struct shared {
    _Atomic uint32_t reported;
    _Atomic uint32_t told[LEDGER_FAILED + 1]; /* by result */
};

struct process {
    struct shared *shared;
    const char *folder;
    struct flight_board *board;
    struct spool_marks *marks;
    struct loop *loop;
    struct loop_timer *timer;
    struct redis *redis;
    struct spool *spool;
    struct ledger *ledger;
    struct random random;
    bool reports;     /* else it ends when all has been told */
    int64_t until_us; /* not before then: what others have left is looked for now and then */
};

static void on_result(enum ledger_result result, void *arg)
{
    struct process *process = arg;
    process->shared->told[result]++;
}

static void on_replayed(const struct ledger_event *event, enum ledger_result result, void *arg)
{
    (void)event;
    on_result(result, arg);
}

static void on_answered(enum ledger_result result, void *arg)
{
    (void)result;
    (void)arg;
}

static void on_up(void *arg)
{
    struct process *process = arg;
    if (process->ledger)
        ledger_on_redis_up(process->ledger);
}

/* Every fifth has been reported before. */
static void report_one(struct process *process)
{
    static const char *const campaigns[LANES] = {"spring", "summer", "autumn"};
    uint32_t number = process->shared->reported++;
    uint32_t impression = number % 5 == 0 ? number / 2 : number;
    struct ledger_event event = {
        .kind = (enum event_kind)random_below(&process->random, EVENT_CONVERSION),
        .filter = random_below(&process->random, 10) == 0 ? EVENT_IS_BOT : EVENT_COUNTS,
        .campaign = slice_cstr(campaigns[impression % LANES]),
        .creative = SLICE("a"),
        .slot = SLICE("header"),
        .impression = {[0] = (uint8_t)(impression >> 16),
                       [14] = (uint8_t)(impression >> 8 & 15),
                       [15] = (uint8_t)impression,
                       [1] = (uint8_t)(impression >> 12 & 15)},
        .now_us = clock_wall_us(&clock_system)};
    event.issued_ms = event.now_us / US_PER_MS;
    ledger_record(process->ledger, &event, on_answered, process);
}

static bool is_drained(const struct process *process)
{
    char folder[128];
    (void)snprintf(folder, sizeof folder, "%s/spool", process->folder);
    return clock_mono_us(&clock_system) >= process->until_us &&
           spool_waiting(process->spool) == 0 && rmdir(folder) == 0;
}

static void on_turn(void *arg)
{
    struct process *process = arg;
    for (unsigned i = 0; process->reports && i < EVENTS; i++)
        report_one(process);
    if (!process->reports && is_drained(process))
        _exit(0);
    loop_timer_set(process->timer, process->reports ? 500 : 50 * US_PER_MS);
}

_Noreturn static void live(struct process *process)
{
    struct err err;
    struct redis_config redis = {.target = &server.target, .on_up = on_up, .arg = process};
    struct spool_config spool = {.clock = &clock_system,
                                 .marks = process->marks,
                                 .state_dir = process->folder,
                                 .fsync = SPOOL_FSYNC_ALWAYS,
                                 .bytes_max = 1 << 24,
                                 .segment_bytes = 1 << 14};
    struct ledger_config ledger = {.clock = &clock_system,
                                   .board = process->board,
                                   .patience_ms = LEDGER_PATIENCE_MS,
                                   .prefix = SLICE("ad:"),
                                   .page_ttl_ms = TTL_MS,
                                   .on_result = on_result,
                                   .on_replayed = on_replayed,
                                   .arg = process};
    random_seed_from_system(&process->random);
    process->until_us = clock_mono_us(&clock_system) + 3 * LEDGER_LEFT_MS * US_PER_MS;
    process->loop = spool.loop = ledger.loop = loop_new();
    process->redis = ledger.redis = redis_new(process->loop, &redis);
    process->spool = ledger.spool = spool_new(&spool, &err);
    CHECK(process->spool != NULL);
    process->ledger = ledger_new(&ledger);
    process->timer = loop_timer_new(process->loop, on_turn, process);
    loop_timer_set(process->timer, 0);
    loop_run(process->loop);
    _exit(1);
}

/* ---- Who kills them -------------------------------------------------------------------------- */

static pid_t begin(struct process *process, bool reports)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0)
        return child;
    process->reports = reports;
    live(process);
}

static void reap(const struct process *process, pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    flight_board_release(process->board, child);
}

static void pause_ms(uint64_t ms)
{
    (void)usleep((useconds_t)(ms * 1000));
}

/* Redis stands still now and then, so that there is something in the spool. */
static void disturb(struct random *random, unsigned round)
{
    if (round % 6 == 2)
        redis_fixture_freeze(&server);
    if (round % 6 == 4)
        redis_fixture_thaw(&server);
    pause_ms(5 + random_below(random, 60));
}

static void kill_and_replace(struct process *process, struct random *random)
{
    pid_t children[2] = {begin(process, true), begin(process, true)};
    pause_ms(200);
    for (unsigned i = 0; i < KILLS; i++) {
        unsigned victim = (unsigned)random_below(random, 2);
        disturb(random, i);
        assert_int_equal(kill(children[victim], SIGKILL), 0);
        reap(process, children[victim]);
        children[victim] = begin(process, true);
    }
    redis_fixture_thaw(&server);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(kill(children[i], SIGKILL), 0);
        reap(process, children[i]);
    }
}

static void drain(struct process *process)
{
    int status = -1;
    pid_t child = begin(process, false);
    for (int waited = 0; waited < DRAIN_MS && waitpid(child, &status, WNOHANG) == 0; waited += 10)
        pause_ms(10);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int64_t counted_as(const char *metric)
{
    return redis_fixture_number(&server, "HGET ad:total:{spring} %s", metric) +
           redis_fixture_number(&server, "HGET ad:total:{summer} %s", metric) +
           redis_fixture_number(&server, "HGET ad:total:{autumn} %s", metric);
}

static void what_is_told_is_what_is_counted_whoever_is_killed(void **state)
{
    (void)state;
    char folder[] = "/tmp/masthead-killed-XXXXXX";
    struct random random;
    struct process process = {
        .folder = mkdtemp(folder), .board = flight_board_new(), .marks = spool_marks_new()};
    process.shared = mmap(NULL, sizeof *process.shared, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(process.shared != MAP_FAILED);
    assert_non_null(process.folder);
    random_seed_from_system(&random);
    kill_and_replace(&process, &random);
    drain(&process);
    const _Atomic uint32_t *told = process.shared->told;
    print_message("%u reported, %u counted, %u duplicate, %u spooled\n", process.shared->reported,
                  told[LEDGER_COUNTED] + told[LEDGER_COUNTED_IMPLIED], told[LEDGER_DUPLICATE],
                  told[LEDGER_SPOOLED]);
    assert_true(told[LEDGER_SPOOLED] > 0 && told[LEDGER_DUPLICATE] > 0);
    assert_int_equal(told[LEDGER_FAILED], 0);
    assert_int_equal(told[LEDGER_COUNTED] + 2 * told[LEDGER_COUNTED_IMPLIED],
                     counted_as("impressions") + counted_as("viewables") + counted_as("clicks"));
    assert_int_equal(told[LEDGER_DUPLICATE], counted_as("duplicate"));
    assert_int_equal(told[LEDGER_FILTERED], counted_as("bot"));
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(munmap(process.shared, sizeof *process.shared), 0);
    flight_board_free(process.board);
    spool_marks_free(process.marks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told_is_what_is_counted_whoever_is_killed),
    };
    log_setup(LOG_ERROR, LOG_LOGFMT);
    return cmocka_run_group_tests(tests, redis_fixture_group_setup, redis_fixture_group_teardown);
}
