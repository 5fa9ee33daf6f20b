/*
 * workers: a supervisor and its worker processes.
 *
 * The supervisor owns what must outlive a worker (listening sockets, the page of metrics), forks
 * the workers, and does nothing else:
 *
 *   a worker dies      it is forked again at once; one that keeps dying within WORKERS_YOUNG_MS of
 *                      its start is forked again after a pause that grows to WORKERS_PAUSE_MAX_MS
 *   SIGHUP             `reload` is asked; when it agrees, a new generation is forked, and once all
 *                      of it is ready the old one is told to drain: no connection is refused; those
 *                      of it still there after the `drain_ms` they were forked with are killed
 *   SIGTERM, SIGINT    all are told to drain; those still there after `drain_ms` are killed; a
 *                      second signal kills them at once
 *
 * A worker gets SIGTERM when it is to drain, also when its supervisor dies.
 */
#ifndef NET_WORKERS_H
#define NET_WORKERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/metrics.h"

#define WORKERS_MAX          32
#define WORKERS_YOUNG_MS     1000
#define WORKERS_PAUSE_MIN_MS 50
#define WORKERS_PAUSE_MAX_MS 800
#define WORKERS_READY_MS     10000 /* a new generation that is not ready by then replaces nothing */

/* One worker's life, in its own process; `number` is its place, from 0. Returns its exit code. */
typedef int workers_main_fn(unsigned number, void *context);

/* Reads the configuration again. False: everything stays as it is (it has said why). */
typedef bool workers_reload_fn(void *context);

/* That worker process has ended, however it did: nothing of its pid is in use any more. */
typedef void workers_ended_fn(pid_t pid, void *context);

/* Everybody is about to be told to drain: the supervisor's listening sockets are to be closed. */
typedef void workers_stopping_fn(void *context);

struct workers_config {
    struct metrics *metrics;
    workers_main_fn *main;
    workers_reload_fn *reload;
    workers_ended_fn *ended;       /* may be NULL */
    workers_stopping_fn *stopping; /* may be NULL */
    void *context;
    unsigned (*count)(void *context);   /* wanted now, 1 to WORKERS_MAX; asked at each generation */
    int64_t (*drain_ms)(void *context); /* how long draining may take */
};

/* Forks and supervises until a signal ends it. Returns the supervisor's exit code. */
int workers_run(const struct workers_config *config);

/*
 * In a worker: it has a handler for SIGTERM. Until then the signal waits, so that one that is told
 * to end while it begins ends as any other.
 */
void workers_take_signals(void);

/* In a worker: it can serve now. Tells the supervisor. */
void workers_ready(void);

#endif
