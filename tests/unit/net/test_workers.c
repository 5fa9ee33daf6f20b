#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/workers.h"

#define PATIENCE_MS 20000

/*
 * The supervisor runs in a child of this process; its workers write what happens to them into a
 * page shared with all, and do what the page tells them.
 */
enum behaviour {
    SERVE,        /* ready at once, drains at once */
    IGNORE_DRAIN, /* ready at once, SIGTERM does nothing */
    SLOW_DRAIN,   /* ready at once, drains in 300 ms */
    NEVER_READY,  /* serves, but never says so */
    DIE_AT_ONCE,
};

struct stage {
    _Atomic int behaviour;
    _Atomic bool reload_succeeds;
    _Atomic unsigned count;
    _Atomic int64_t drain_ms;
    _Atomic unsigned reloads;
    /* By number of the worker: the process there, how often it began, how often it drained. */
    _Atomic pid_t pid[WORKERS_MAX];
    _Atomic unsigned starts[WORKERS_MAX];
    _Atomic unsigned all_starts, drained;
};

static struct stage *stage;
static struct metrics *metrics;
static pid_t supervisor;

static volatile sig_atomic_t told;

static void on_term(int signal)
{
    (void)signal;
    told = 1;
}

static void pause_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

static int worker_main(unsigned number, void *context)
{
    enum behaviour behaviour = (enum behaviour)stage->behaviour;
    const struct sigaction action = {.sa_handler = on_term};
    sigset_t term, before;
    (void)context;
    stage->starts[number]++;
    stage->all_starts++;
    if (behaviour == DIE_AT_ONCE)
        return 3;
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &term, &before);
    (void)sigdelset(&before, SIGTERM); /* it waits until here */
    (void)sigaction(SIGTERM, &action, NULL);
    stage->pid[number] = getpid();
    if (behaviour != NEVER_READY)
        workers_ready();
    while (!told || behaviour == IGNORE_DRAIN)
        (void)sigsuspend(&before);
    if (behaviour == SLOW_DRAIN)
        pause_ms(300);
    stage->drained++;
    return 0;
}

static bool reload(void *context)
{
    (void)context;
    stage->reloads++;
    return stage->reload_succeeds;
}

static unsigned count(void *context)
{
    (void)context;
    return stage->count;
}

static int64_t drain_ms(void *context)
{
    (void)context;
    return stage->drain_ms;
}

static void supervise(void)
{
    const struct workers_config config = {
        .metrics = metrics,
        .main = worker_main,
        .reload = reload,
        .count = count,
        .drain_ms = drain_ms,
    };
    (void)signal(SIGTERM, SIG_DFL);
    _exit(workers_run(&config));
}

static int64_t now_ms(void)
{
    return clock_mono_us(&clock_system) / US_PER_MS;
}

/* Waits for `condition`; false when it does not come true in time. */
#define UNTIL(condition)                                                    \
    do {                                                                    \
        int64_t until_end = now_ms() + PATIENCE_MS;                         \
        while (!(condition)) {                                              \
            if (now_ms() > until_end)                                       \
                fail_msg("line %d: not in time: %s", __LINE__, #condition); \
            pause_ms(2);                                                    \
        }                                                                   \
    } while (0)

/* Orphans of a killed supervisor are this process's to bury. */
static bool is_gone(pid_t pid)
{
    if (waitpid(pid, NULL, WNOHANG) == pid)
        return true;
    return kill(pid, 0) != 0 && errno == ESRCH;
}

static bool all_serve(void)
{
    for (unsigned i = 0; i < stage->count; i++)
        if (stage->pid[i] == 0)
            return false;
    return true;
}

static void begin(enum behaviour behaviour, unsigned workers)
{
    stage->behaviour = (int)behaviour;
    stage->count = workers;
    supervisor = fork();
    CHECK(supervisor >= 0);
    if (supervisor == 0)
        supervise();
    if (behaviour != DIE_AT_ONCE)
        UNTIL(all_serve());
}

/* Asks the supervisor to end; its exit code, -1 when it was killed. */
static int end(int signal)
{
    int status;
    CHECK(kill(supervisor, signal) == 0);
    CHECK(waitpid(supervisor, &status, 0) == supervisor);
    supervisor = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int set_up(void **state)
{
    const struct metrics_layout layout = {8, 4};
    (void)state;
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(stage != MAP_FAILED);
    stage->reload_succeeds = true;
    stage->drain_ms = 5000;
    metrics = metrics_new(layout);
    log_setup(LOG_ERROR + 1, LOG_LOGFMT); /* deaths are what these tests are about */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (supervisor > 0) {
        (void)kill(supervisor, SIGTERM);
        (void)kill(supervisor, SIGTERM);
        (void)waitpid(supervisor, NULL, 0);
        supervisor = 0;
    }
    metrics_free(metrics);
    (void)munmap(stage, sizeof(*stage));
    log_setup(LOG_INFO, LOG_LOGFMT);
    return 0;
}

static uint32_t restarts(void)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++)
        sum += metrics_worker(metrics, i)->restarts;
    return sum;
}

static unsigned rows_in_use(void)
{
    unsigned rows = 0;
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++)
        rows += metrics_worker(metrics, i)->pid > 0;
    return rows;
}

static void test_every_number_is_filled_once(void **state)
{
    (void)state;
    begin(SERVE, 5);
    assert_int_equal(stage->all_starts, 5);
    assert_int_equal(rows_in_use(), 5);
    assert_int_equal(end(SIGTERM), 0);
    assert_int_equal(stage->drained, 5);
    assert_int_equal(stage->all_starts, 5);
}

static void test_interrupt_ends_it_too(void **state)
{
    (void)state;
    begin(SERVE, 2);
    assert_int_equal(end(SIGINT), 0);
    assert_int_equal(stage->drained, 2);
}

static void test_a_killed_worker_comes_back_alone(void **state)
{
    pid_t others[2], killed;
    (void)state;
    begin(SERVE, 3);
    others[0] = stage->pid[0], others[1] = stage->pid[2];
    killed = stage->pid[1];
    int64_t began = now_ms();
    (void)kill(killed, SIGKILL);
    UNTIL(stage->pid[1] != killed);
    assert_true(now_ms() - began < 1000);
    assert_int_equal(stage->pid[0], others[0]);
    assert_int_equal(stage->pid[2], others[1]);
    assert_int_equal(restarts(), 1);
    assert_int_equal(rows_in_use(), 3);
    assert_int_equal(end(SIGTERM), 0);
}

/* One that dies as soon as it lives does not keep the machine busy. */
static void test_a_worker_that_keeps_dying_is_restarted_ever_more_slowly(void **state)
{
    (void)state;
    int64_t began = now_ms(); /* before the first of them can have begun */
    begin(DIE_AT_ONCE, 1);
    UNTIL(stage->all_starts >= 6); /* after 0, 50, 100, 200 and 400 ms */
    assert_true(now_ms() - began >= 700);
    assert_true(stage->all_starts <= 6);
    stage->behaviour = SERVE;
    UNTIL(stage->pid[0] != 0);
    assert_int_equal(end(SIGTERM), 0);
}

static void test_stopping_while_a_worker_waits_for_its_restart(void **state)
{
    (void)state;
    begin(DIE_AT_ONCE, 2);
    UNTIL(stage->all_starts >= 8);
    assert_int_equal(end(SIGTERM), 0);
}

static void test_a_worker_that_does_not_drain_is_killed(void **state)
{
    (void)state;
    stage->drain_ms = 300;
    begin(IGNORE_DRAIN, 2);
    int64_t began = now_ms();
    assert_int_equal(end(SIGTERM), 0);
    assert_true(now_ms() - began >= 300);
    assert_int_equal(stage->drained, 0);
    assert_true(is_gone(stage->pid[0]) && is_gone(stage->pid[1]));
}

static void test_a_second_signal_does_not_wait(void **state)
{
    (void)state;
    stage->drain_ms = 60000;
    begin(IGNORE_DRAIN, 2);
    int64_t began = now_ms();
    (void)kill(supervisor, SIGTERM);
    pause_ms(20); /* two signals of a kind that come together are one */
    assert_int_equal(end(SIGINT), 0);
    assert_true(now_ms() - began < 10000);
}

static void test_workers_drain_in_their_own_time(void **state)
{
    (void)state;
    begin(SLOW_DRAIN, 3);
    int64_t began = now_ms();
    assert_int_equal(end(SIGTERM), 0);
    assert_true(now_ms() - began >= 300);
    assert_int_equal(stage->drained, 3);
}

static void test_a_reload_replaces_all_workers(void **state)
{
    pid_t old[2];
    (void)state;
    begin(SERVE, 2);
    old[0] = stage->pid[0], old[1] = stage->pid[1];
    stage->count = 3;
    CHECK(kill(supervisor, SIGHUP) == 0);
    UNTIL(stage->drained == 2);
    assert_int_equal(stage->reloads, 1);
    assert_int_equal(stage->all_starts, 5);
    assert_true(stage->pid[0] != old[0] && stage->pid[1] != old[1] && stage->pid[2] != 0);
    UNTIL(rows_in_use() == 3);
    assert_int_equal(restarts(), 0);
    assert_int_equal(end(SIGTERM), 0);
    assert_int_equal(stage->drained, 5);
}

static void test_twenty_reloads(void **state)
{
    (void)state;
    begin(SERVE, 2);
    for (unsigned i = 1; i <= 20; i++) {
        CHECK(kill(supervisor, SIGHUP) == 0);
        UNTIL(stage->drained == 2 * i);
    }
    UNTIL(rows_in_use() == 2);
    assert_int_equal(stage->all_starts, 42);
    assert_int_equal(end(SIGTERM), 0);
}

static void test_a_refused_reload_changes_nothing(void **state)
{
    pid_t old;
    (void)state;
    begin(SERVE, 2);
    old = stage->pid[0];
    stage->reload_succeeds = false;
    CHECK(kill(supervisor, SIGHUP) == 0);
    UNTIL(stage->reloads == 1);
    pause_ms(50);
    assert_int_equal(stage->pid[0], old);
    assert_int_equal(stage->all_starts, 2);
    assert_int_equal(end(SIGTERM), 0);
}

/* The old ones serve until the new ones can; when these never can, they are given up. */
static void test_a_generation_that_never_gets_ready_replaces_nothing(void **state)
{
    pid_t old, never;
    (void)state;
    begin(SERVE, 2);
    old = stage->pid[0];
    stage->behaviour = NEVER_READY;
    CHECK(kill(supervisor, SIGHUP) == 0);
    UNTIL(stage->all_starts == 4 && stage->pid[0] != old);
    never = stage->pid[0];
    (void)kill(old, SIGKILL); /* one of the old generation is restarted as ever */
    UNTIL(stage->all_starts == 5 && rows_in_use() == 4);
    stage->behaviour = SERVE;
    CHECK(kill(supervisor, SIGHUP) == 0); /* waits until the one before is decided */
    UNTIL(is_gone(never));
    assert_true(stage->drained == 0 || stage->reloads == 2);
    UNTIL(stage->reloads == 2);
    UNTIL(stage->drained == 2); /* of the first generation: the second reload has worked */
    UNTIL(rows_in_use() == 2);
    pause_ms(100);
    assert_int_equal(rows_in_use(), 2);
    assert_int_equal(stage->all_starts, 7);
    assert_int_equal(end(SIGTERM), 0);
    assert_int_equal(stage->drained, 4);
}

/* By the time they were started with: the new configuration may give another one. */
static void test_an_old_worker_that_does_not_drain_is_killed(void **state)
{
    pid_t old[2];
    (void)state;
    stage->drain_ms = 300;
    begin(IGNORE_DRAIN, 2);
    old[0] = stage->pid[0], old[1] = stage->pid[1];
    stage->behaviour = SERVE;
    stage->drain_ms = 60000;
    int64_t began = now_ms();
    CHECK(kill(supervisor, SIGHUP) == 0);
    UNTIL(is_gone(old[0]) && is_gone(old[1]));
    assert_true(now_ms() - began >= 300);
    UNTIL(rows_in_use() == 2);
    assert_int_equal(stage->all_starts, 4);
    assert_int_equal(restarts(), 0);
    assert_int_equal(end(SIGTERM), 0);
    assert_int_equal(stage->drained, 2);
}

static void test_workers_drain_when_their_supervisor_is_killed(void **state)
{
    (void)state;
    begin(SERVE, 2);
    assert_int_equal(end(SIGKILL), -1);
    UNTIL(stage->drained == 2);
    UNTIL(is_gone(stage->pid[0]) && is_gone(stage->pid[1]));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_every_number_is_filled_once),
        CASE(test_interrupt_ends_it_too),
        CASE(test_a_killed_worker_comes_back_alone),
        CASE(test_a_worker_that_keeps_dying_is_restarted_ever_more_slowly),
        CASE(test_stopping_while_a_worker_waits_for_its_restart),
        CASE(test_a_worker_that_does_not_drain_is_killed),
        CASE(test_a_second_signal_does_not_wait),
        CASE(test_workers_drain_in_their_own_time),
        CASE(test_a_reload_replaces_all_workers),
        CASE(test_twenty_reloads),
        CASE(test_a_refused_reload_changes_nothing),
        CASE(test_a_generation_that_never_gets_ready_replaces_nothing),
        CASE(test_an_old_worker_that_does_not_drain_is_killed),
        CASE(test_workers_drain_when_their_supervisor_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
