/*
 * ledger_replay: batches of events that go to Redis again, for store/ledger.c: first those it may
 * have lost (ledger_recent.h), then what is in the spool, oldest first.
 *
 * At most LEDGER_REPLAY_WINDOW are under way, and LEDGER_REPLAY_RATE a second begin, so that what
 * happens now keeps its place. They go in their order: identities need that (ledger_identity.h).
 * When one fails nothing more is sent until all have been answered; then all that are not done go
 * again, after LEDGER_REPLAY_REST_MS unless it was but a missing number. Where the oldest one of
 * these was refused only because an event before it is missing, that one will not come any more: it
 * goes alone, and says so. Where one server of a cluster is away its campaigns' batches are passed
 * over, and tried again each LEDGER_REPLAY_AWAY_MS and when a server has come. One that Redis can't
 * count, as its keys hold something else, is logged and told as LEDGER_FAILED.
 */
#ifndef STORE_LEDGER_REPLAY_H
#define STORE_LEDGER_REPLAY_H

#include "store/ledger.h"

#define LEDGER_REPLAY_WINDOW  64
#define LEDGER_REPLAY_RATE    10000
#define LEDGER_REPLAY_TICK_MS 10
#define LEDGER_REPLAY_REST_MS 250
#define LEDGER_REPLAY_AWAY_MS 1000

struct ledger_replay;
struct ledger_recent;
struct flights;
struct ledger_epoch;

/* Whether Redis takes events now. */
typedef bool ledger_ready_fn(void *arg);

/* All of it must outlive the replay, but for what the ledger's own configuration says. */
struct ledger_replay_config {
    const struct ledger_config *ledger; /* copied */
    struct ledger_recent *recent;
    struct flights *flights;
    struct ledger_epoch *live; /* told of what Redis has dealt with */
    ledger_ready_fn *ready;
    void *arg;
};
struct ledger_replay *ledger_replay_new(const struct ledger_replay_config *config);
/* Events under way are left to Redis's answer. */
void ledger_replay_free(struct ledger_replay *replay);

/* To be called when Redis, or a server of its cluster, may be ready. */
void ledger_replay_look(struct ledger_replay *replay);

/*
 * Another server has come in Redis's place: the events that were counted during the last seconds
 * are sent again, before those that are in the spool.
 */
void ledger_replay_recall(struct ledger_replay *replay);

#endif
