/*
 * ledger_left: what a process that was killed had under way goes into the spool of this one, and so
 * does what the disk refused of this one's own once it takes records again.
 *
 * Looks each LEDGER_LEFT_MS. Whether Redis has dealt with such a batch its identity tells when it
 * is sent again; so it does no harm if its record comes into the spool twice.
 */
#ifndef STORE_LEDGER_LEFT_H
#define STORE_LEDGER_LEFT_H

#include "store/flight_board.h"
#include "store/ledger.h"

#define LEDGER_LEFT_MS 500

struct ledger_left;

/* `flights` must outlive it. NULL where the ledger has no spool. */
struct ledger_left *ledger_left_new(const struct ledger_config *config, struct flights *flights);
/* To be called when the spool has gone. NULL is harmless. */
void ledger_left_free(struct ledger_left *left);

#endif
