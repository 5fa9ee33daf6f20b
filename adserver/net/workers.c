#include "net/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

/*
 * The supervisor is a loop around sigtimedwait(): all its signals are blocked and taken one by one,
 * so that nothing ever runs in a signal handler. A place is one row of the metrics page with the
 * process that fills it; generations tell places of the current configuration from draining ones.
 */

struct place {
    pid_t pid;           /* 0: nobody */
    unsigned generation; /* 0: the place is free */
    unsigned number;     /* of the worker in its generation */
    bool ready;
    int ready_fd;          /* reading end of the pipe it reports on; -1: closed */
    int64_t started_us;    /* monotonic */
    int64_t restart_at_us; /* when an empty place is filled again */
    int64_t pause_ms;      /* before the next restart */
    int64_t drain_ms;      /* how long draining may take, by the configuration it was forked with */
    int64_t kill_at_us;    /* it drains, and is killed then; 0: it serves */
};

struct supervisor {
    struct workers_config config;
    struct place places[METRICS_WORKERS_MAX];
    unsigned newest;           /* generation number given last */
    unsigned generation;       /* the one that serves or is getting ready to */
    unsigned previous;         /* serves until that one is ready; 0: there is none */
    unsigned count;            /* workers wanted of the newest */
    int64_t generation_due_us; /* by when a new generation must be ready; 0: it is */
    bool reload_wanted;
    bool stopping;
    int64_t kill_at_us;
    sigset_t signals, original;
};

static int ready_pipe = -1; /* in a worker: where it reports that it is ready */

void workers_ready(void)
{
    if (ready_pipe < 0)
        return;
    ssize_t written = write(ready_pipe, "r", 1);
    (void)written; /* the supervisor is gone: SIGTERM is on its way */
    (void)close(ready_pipe);
    ready_pipe = -1;
}

static int64_t now_us(void)
{
    return clock_mono_us(&clock_system);
}

static void close_ready_fd(struct place *place)
{
    if (place->ready_fd >= 0)
        (void)close(place->ready_fd);
    place->ready_fd = -1;
}

/* The rest of a worker's life after fork(); never returns. */
static _Noreturn void worker_begin(struct supervisor *supervisor, struct place *place, int fd,
                                   pid_t parent)
{
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++)
        close_ready_fd(&supervisor->places[i]);
    ready_pipe = fd;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(0); /* the supervisor died before the line above */
    metrics_attach(supervisor->config.metrics, (unsigned)(place - supervisor->places));
    metrics_self(supervisor->config.metrics)->pid = getpid(); /* before anything tells of it */
    sigset_t mask = supervisor->original;
    (void)sigaddset(&mask, SIGTERM);
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    exit(supervisor->config.main(place->number, supervisor->config.context));
}

void workers_take_signals(void)
{
    sigset_t term;
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_UNBLOCK, &term, NULL);
}

static void place_fork(struct supervisor *supervisor, struct place *place)
{
    int fds[2];
    pid_t parent = getpid();
    struct metrics_worker *row =
        metrics_worker(supervisor->config.metrics, (unsigned)(place - supervisor->places));

    place->started_us = now_us();
    place->restart_at_us = 0;
    place->ready = false;
    place->drain_ms = supervisor->config.drain_ms(supervisor->config.context);
    place->pid = -1;
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0) {
        place->pid = fork();
        if (place->pid == 0) {
            (void)close(fds[0]);
            worker_begin(supervisor, place, fds[1], parent);
        }
        (void)close(fds[1]);
        place->ready_fd = fds[0];
    }
    if (place->pid < 0) {
        log_event(LOG_ERROR, "workers: cannot fork", LOG_STR("error", strerror(errno)));
        close_ready_fd(place);
        place->pid = 0;
        place->restart_at_us = now_us() + WORKERS_PAUSE_MAX_MS * US_PER_MS;
        return;
    }
    row->pid = place->pid;
}

/* Frees the place for another generation; its counters stay in the sums. */
static void place_vacate(struct supervisor *supervisor, struct place *place)
{
    struct metrics_worker *row =
        metrics_worker(supervisor->config.metrics, (unsigned)(place - supervisor->places));
    close_ready_fd(place);
    *row = (struct metrics_worker){0};
    *place = (struct place){.ready_fd = -1};
}

static unsigned places_free(const struct supervisor *supervisor)
{
    unsigned free_places = 0;
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++)
        free_places += supervisor->places[i].generation == 0;
    return free_places;
}

static void generation_start(struct supervisor *supervisor)
{
    unsigned number = 0;
    supervisor->previous = supervisor->generation;
    supervisor->generation = ++supervisor->newest;
    for (unsigned i = 0; i < METRICS_WORKERS_MAX && number < supervisor->count; i++) {
        struct place *place = &supervisor->places[i];
        if (place->generation != 0)
            continue;
        place->generation = supervisor->generation;
        place->number = number++;
        place_fork(supervisor, place);
    }
    supervisor->generation_due_us = now_us() + WORKERS_READY_MS * US_PER_MS;
}

/* Signals the workers of generations `from` to `to`. */
static void signal_range(const struct supervisor *supervisor, int signal, unsigned from,
                         unsigned to)
{
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++) {
        const struct place *place = &supervisor->places[i];
        if (place->pid > 0 && place->generation >= from && place->generation <= to)
            (void)kill(place->pid, signal);
    }
}

static void signal_all(const struct supervisor *supervisor, int signal)
{
    signal_range(supervisor, signal, 1, UINT_MAX);
}

static void restart_later(struct place *place)
{
    bool young = now_us() - place->started_us < WORKERS_YOUNG_MS * US_PER_MS;
    if (!young)
        place->pause_ms = 0;
    place->restart_at_us = now_us() + place->pause_ms * US_PER_MS;
    place->pause_ms = place->pause_ms == 0 ? WORKERS_PAUSE_MIN_MS : place->pause_ms * 2;
    if (place->pause_ms > WORKERS_PAUSE_MAX_MS)
        place->pause_ms = WORKERS_PAUSE_MAX_MS;
}

/* Places that are filled again when their worker dies. */
static bool is_wanted(const struct supervisor *supervisor, const struct place *place)
{
    if (supervisor->stopping || place->generation == 0)
        return false;
    return place->generation == supervisor->generation || place->generation == supervisor->previous;
}

/*
 * The requests it had in flight are lost, so an operator wants to know of each; most of all of one
 * that was to go on.
 */
static void log_death(enum log_level level, pid_t pid, int status)
{
    if (WIFSIGNALED(status))
        log_event(level, "workers: a worker was killed", LOG_INT("pid", pid),
                  LOG_INT("signal", WTERMSIG(status)));
    else
        log_event(level, "workers: a worker ended", LOG_INT("pid", pid),
                  LOG_INT("status", WEXITSTATUS(status)));
}

static void place_died(struct supervisor *supervisor, struct place *place, int status)
{
    struct metrics_worker *row =
        metrics_worker(supervisor->config.metrics, (unsigned)(place - supervisor->places));
    pid_t pid = place->pid;
    uint32_t restarts = row->restarts;

    if (supervisor->config.ended)
        supervisor->config.ended(pid, supervisor->config.context);
    place->pid = 0;
    close_ready_fd(place);
    if (!is_wanted(supervisor, place)) {
        if (status != 0)
            log_death(LOG_WARNING, pid, status);
        place_vacate(supervisor, place);
        return;
    }
    log_death(LOG_ERROR, pid, status);
    *row = (struct metrics_worker){.restarts = restarts + 1};
    restart_later(place);
}

static void reap(struct supervisor *supervisor)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++)
            if (supervisor->places[i].pid == pid)
                place_died(supervisor, &supervisor->places[i], status);
}

static void restart_due(struct supervisor *supervisor)
{
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++) {
        struct place *place = &supervisor->places[i];
        if (is_wanted(supervisor, place) && place->pid == 0 && now_us() >= place->restart_at_us)
            place_fork(supervisor, place);
    }
}

static void hear_ready(struct supervisor *supervisor)
{
    char byte;
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++) {
        struct place *place = &supervisor->places[i];
        if (place->ready_fd >= 0 && !place->ready && read(place->ready_fd, &byte, 1) == 1) {
            place->ready = true;
            close_ready_fd(place);
        }
    }
}

static bool generation_is_ready(const struct supervisor *supervisor)
{
    unsigned ready = 0;
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++)
        ready += supervisor->places[i].generation == supervisor->generation &&
                 supervisor->places[i].ready;
    return ready == supervisor->count;
}

/* Ends a generation; places that wait for a restart come free at once, the others when they died.
 */
static void generation_end(struct supervisor *supervisor, unsigned generation, int signal)
{
    signal_range(supervisor, signal, generation, generation);
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++) {
        struct place *place = &supervisor->places[i];
        if (place->generation != generation)
            continue;
        place->kill_at_us = now_us() + place->drain_ms * US_PER_MS;
        if (place->pid == 0)
            place_vacate(supervisor, place);
    }
}

/* One that hangs would keep its place, and the memory of its configuration, for ever. */
static void kill_overdue(struct supervisor *supervisor)
{
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++) {
        struct place *place = &supervisor->places[i];
        if (place->pid <= 0 || place->kill_at_us == 0 || now_us() <= place->kill_at_us)
            continue;
        log_event(LOG_WARNING, "workers: an old worker did not drain in its time and is killed",
                  LOG_INT("pid", place->pid));
        (void)kill(place->pid, SIGKILL);
        place->kill_at_us = 0;
    }
}

/* The new generation serves: the one before it drains. */
static void generation_take_over(struct supervisor *supervisor)
{
    unsigned old = supervisor->previous;
    supervisor->generation_due_us = 0;
    supervisor->previous = 0;
    if (old != 0)
        generation_end(supervisor, old, SIGTERM);
}

/* The new generation does not get ready: the one before it stays. */
static void generation_abandon(struct supervisor *supervisor)
{
    unsigned failed = supervisor->generation;
    supervisor->generation_due_us = 0;
    if (supervisor->previous == 0)
        return; /* nobody to go back to: the restarts go on */
    log_event(LOG_ERROR, "workers: new workers do not get ready; the old ones go on");
    supervisor->generation = supervisor->previous;
    supervisor->previous = 0;
    generation_end(supervisor, failed, SIGKILL);
}

static void generation_watch(struct supervisor *supervisor)
{
    if (supervisor->generation_due_us == 0)
        return;
    hear_ready(supervisor);
    if (generation_is_ready(supervisor))
        generation_take_over(supervisor);
    else if (now_us() > supervisor->generation_due_us)
        generation_abandon(supervisor);
}

static void reload_if_wanted(struct supervisor *supervisor)
{
    if (!supervisor->reload_wanted || supervisor->generation_due_us != 0 || supervisor->stopping)
        return;
    if (places_free(supervisor) < WORKERS_MAX)
        return; /* earlier generations still drain: their places come free */
    supervisor->reload_wanted = false;
    if (!supervisor->config.reload(supervisor->config.context))
        return;
    supervisor->count = supervisor->config.count(supervisor->config.context);
    generation_start(supervisor);
}

static void stop(struct supervisor *supervisor)
{
    if (supervisor->stopping) {
        signal_all(supervisor, SIGKILL);
        return;
    }
    supervisor->stopping = true;
    if (supervisor->config.stopping)
        supervisor->config.stopping(supervisor->config.context);
    supervisor->kill_at_us =
        now_us() + supervisor->config.drain_ms(supervisor->config.context) * US_PER_MS;
    signal_all(supervisor, SIGTERM);
}

/* Something is to be done before the next signal. */
static bool is_busy(const struct supervisor *supervisor)
{
    if (supervisor->stopping || supervisor->reload_wanted || supervisor->generation_due_us != 0)
        return true;
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++)
        if (supervisor->places[i].generation != 0 && supervisor->places[i].pid == 0)
            return true;
    return false;
}

static void take_signal(struct supervisor *supervisor)
{
    const struct timespec busy = {0, 5 * 1000 * 1000}, idle = {1, 0};
    int signal = sigtimedwait(&supervisor->signals, NULL, is_busy(supervisor) ? &busy : &idle);
    if (signal == SIGHUP)
        supervisor->reload_wanted = true;
    else if (signal == SIGTERM || signal == SIGINT)
        stop(supervisor);
}

static bool anyone_left(const struct supervisor *supervisor)
{
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++)
        if (supervisor->places[i].pid > 0)
            return true;
    return false;
}

static void prepare(struct supervisor *supervisor, const struct workers_config *config)
{
    *supervisor = (struct supervisor){.config = *config};
    for (unsigned i = 0; i < METRICS_WORKERS_MAX; i++)
        supervisor->places[i].ready_fd = -1;
    (void)sigemptyset(&supervisor->signals);
    (void)sigaddset(&supervisor->signals, SIGHUP);
    (void)sigaddset(&supervisor->signals, SIGTERM);
    (void)sigaddset(&supervisor->signals, SIGINT);
    (void)sigaddset(&supervisor->signals, SIGCHLD);
    CHECK(sigprocmask(SIG_BLOCK, &supervisor->signals, &supervisor->original) == 0);
    supervisor->count = config->count(config->context);
    CHECK(supervisor->count >= 1 && supervisor->count <= WORKERS_MAX);
}

int workers_run(const struct workers_config *config)
{
    static struct supervisor supervisor; /* one a process; too large for comfort on the stack */

    prepare(&supervisor, config);
    generation_start(&supervisor);
    while (!supervisor.stopping || anyone_left(&supervisor)) {
        take_signal(&supervisor);
        reap(&supervisor);
        if (supervisor.stopping) {
            if (now_us() > supervisor.kill_at_us)
                signal_all(&supervisor, SIGKILL);
            continue;
        }
        kill_overdue(&supervisor);
        restart_due(&supervisor);
        generation_watch(&supervisor);
        reload_if_wanted(&supervisor);
    }
    (void)sigprocmask(SIG_SETMASK, &supervisor.original, NULL);
    return 0;
}
