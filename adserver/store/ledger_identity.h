/*
 * ledger_identity: what a batch of events is known by however often it is sent, so that it is dealt
 * with once.
 *
 * The batches of one campaign that a process sends in one epoch are numbered 1, 2, 3 … Redis keeps,
 * for each campaign and epoch, the number of the last one it dealt with (event.lua's mark). It
 * deals with the next number only; a lower one has been dealt with, and a higher one it refuses. So
 * when one is refused, all that were sent behind it are, too; they are sent again in their order,
 * from the spool, by whoever has it then, and none counts twice. Of one that can't come any more
 * (it was never acknowledged) the next one says so. After any failure another epoch begins, whose
 * batches need not wait for those: a new one, or an earlier one that Redis has dealt with to its
 * last number, so that a Redis that fails often is not left with ever more marks.
 */
#ifndef STORE_LEDGER_IDENTITY_H
#define STORE_LEDGER_IDENTITY_H

#include <stdint.h>

#include "base/slice.h"

#define LEDGER_EPOCH_BYTES 8
#define LEDGER_EPOCHS_KEPT 4 /* the current one included */

struct ledger_identity {
    uint8_t epoch[LEDGER_EPOCH_BYTES];
    uint64_t number; /* from 1 on */
};

/* The current epoch of a process, and those before it that may be taken up again. */
struct ledger_epoch;

struct ledger_epoch *ledger_epoch_new(void);
void ledger_epoch_free(struct ledger_epoch *epoch);

/* The next batch's of that campaign. */
struct ledger_identity ledger_epoch_next(struct ledger_epoch *epoch, struct slice campaign);

/* Redis has dealt with that batch, given out here or anywhere else: once for each. */
void ledger_epoch_settled(struct ledger_epoch *epoch, const struct ledger_identity *of);

/* Begins another epoch, unless `of` is not of the current one. */
void ledger_epoch_end(struct ledger_epoch *epoch, const struct ledger_identity *of);

#endif
