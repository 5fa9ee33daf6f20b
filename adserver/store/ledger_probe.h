/*
 * ledger_probe: whether a Redis that answers also takes what is written to it.
 *
 * A Redis that is full, read-only, or without the replicas or the disk it must have, is up and
 * still refuses every event. The ledger tells the probe what Redis says to its writes. While it
 * refuses them the probe writes a key of its own, `<prefix>probe`, every LEDGER_PROBE_MS, since
 * nobody may be sending events any more: a server that says it is not ready gets none.
 */
#ifndef STORE_LEDGER_PROBE_H
#define STORE_LEDGER_PROBE_H

#include "store/ledger.h"

#define LEDGER_PROBE_MS      500
#define LEDGER_PROBE_KEPT_MS "1000"

struct ledger_probe;

struct ledger_probe *ledger_probe_new(const struct ledger_config *config);
/* One that waits for its answer outlives this until Redis gives it. */
void ledger_probe_free(struct ledger_probe *probe);

/* What became of a write; `reply` as a command's function has it. */
void ledger_probe_note(struct ledger_probe *probe, enum redis_failure failure,
                       const struct redis_reply *reply);

/* What Redis said, for people; empty while it takes what is written. */
const char *ledger_probe_trouble(const struct ledger_probe *probe);

#endif
