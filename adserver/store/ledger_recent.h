/*
 * ledger_recent: the batches of events that Redis has dealt with during the last seconds.
 *
 * They are kept for the case that another server comes in Redis's place that has not heard of them
 * all (a replica after a fail-over, the same one after a power failure). Two buffers take turns:
 * one fills for LEDGER_RECENT_MS or to LEDGER_RECENT_BYTES, then it is the older one, and what was
 * the older one is forgotten.
 */
#ifndef STORE_LEDGER_RECENT_H
#define STORE_LEDGER_RECENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define LEDGER_RECENT_MS    10000
#define LEDGER_RECENT_BYTES (4 * 1024 * 1024) /* of one buffer: some 25,000 events */
/* Up at a time, should one server after the other fail; what is more is left out. */
#define LEDGER_RECENT_UP_BYTES ((size_t)4 * LEDGER_RECENT_BYTES)

struct ledger_recent;

struct ledger_recent *ledger_recent_new(void);
void ledger_recent_free(struct ledger_recent *recent);

/* A record of at most UINT16_MAX bytes; `now_us` is monotonic. */
void ledger_recent_add(struct ledger_recent *recent, struct slice record, int64_t now_us);

/*
 * Puts all that is kept up to be sent again, oldest first, behind what is up already, done or not:
 * that is sent again, too. What is added from then on is kept apart. False where
 * LEDGER_RECENT_UP_BYTES left no room for some.
 */
bool ledger_recent_recall(struct ledger_recent *recent);

/*
 * The next one that is up and not done, and its place, by which it is known until nothing is up any
 * more; false: none. `*ret` is valid until the next call of anything but this.
 */
bool ledger_recent_next(struct ledger_recent *recent, struct slice *ret, uint64_t *ret_place);

/* It need not be sent again. */
void ledger_recent_done(struct ledger_recent *recent, uint64_t place);

/* All that is up and not done is sent again from the start. */
void ledger_recent_rewind(struct ledger_recent *recent);

/* Nothing is up any more. */
void ledger_recent_forget(struct ledger_recent *recent);

#endif
