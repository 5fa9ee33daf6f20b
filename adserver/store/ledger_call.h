/*
 * ledger_call: one batch of events said to Redis (event.lua), and what it answers.
 */
#ifndef STORE_LEDGER_CALL_H
#define STORE_LEDGER_CALL_H

#include "store/ledger.h"
#include "store/ledger_batch.h"

enum ledger_manner {
    LEDGER_LIVE,     /* the events are reported just now */
    LEDGER_REPLAYED, /* rules that depend on the order in which events come are not asked */
    LEDGER_FORCED,   /* likewise; batches before it that were not dealt with come no more */
};
void ledger_call_send(const struct ledger_config *config, const struct ledger_batch *batch,
                      enum ledger_manner manner, int timeout_ms, redis_fn *fn, void *arg);

enum ledger_answer {
    LEDGER_DEALT,        /* with it */
    LEDGER_DEALT_BEFORE, /* with it when it was sent before; the results are those of that time */
    LEDGER_GAP,          /* not dealt with, as the one before it has not been */
    LEDGER_AGAIN,        /* not dealt with, or not known: to be sent again */
    LEDGER_CANNOT,       /* what stands in its keys is no count */
};
enum ledger_answer ledger_call_answer(enum redis_failure failure, const struct redis_reply *reply,
                                      unsigned count, enum ledger_result ret[LEDGER_BATCH_EVENTS]);

#endif
