/*
 * ledger_left: what a process that was killed had under way goes into the spool of this one, and so
 * does what the disk refused of this one's own once it takes records again.
 *
 * Looks each LEDGER_LEFT_MS while the spool has room. A record may come into the spool twice: by
 * its own process, which was killed before it noted that, and by this one. That does no harm: its
 * identity tells whether Redis has dealt with it, and once it has left the board it has been told.
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
