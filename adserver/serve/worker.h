/*
 * worker: one process that serves: its parts put together, run, drained and taken apart.
 */
#ifndef SERVE_WORKER_H
#define SERVE_WORKER_H

#include "base/metrics.h"
#include "serve/settings.h"
#include "serve/share_rest.h"
#include "serve/young.h"

struct flight_board;
struct spool_marks;

/* A new worker says it is ready when it has its catalog and Redis, or after this time without. */
#define WORKER_READY_WAIT_MS 500
/* Of drain_seconds, how much is left for writing the last counts once clients have had the rest. */
#define WORKER_LAST_PERCENT 20
#define WORKER_LAST_MAX_MS  1000
/* A kept-alive connection is closed when it has been idle for so long while draining. */
#define WORKER_IDLE_GRACE_MS 1000

/* What all workers share is made before the fork and outlives them. */
struct worker_config {
    const struct settings *settings;
    struct metrics *metrics;
    struct young *young;
    struct share_rest *share_rest;
    struct flight_board *board;
    struct spool_marks *marks;
    const int *public_fds, *admin_fds; /* listening sockets, the supervisor's */
    unsigned public_count, admin_count;
    unsigned number; /* its place; worker 0 writes the last good catalog to disk */
};

/* Serves until SIGTERM has drained it. Returns the process's exit code. */
int worker_run(const struct worker_config *config);

#endif
