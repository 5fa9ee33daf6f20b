/*
 * flight_board: the batches of events that have been sent to Redis and whose fate has not been told
 * yet, in memory that outlives the process that sent them.
 *
 * A worker that is killed leaves batches under way: Redis may have counted them, and nobody knows.
 * Here the next process finds them. So every batch that Redis deals with is told exactly once
 * (/stats) while the server runs, whichever of its processes dies.
 *
 *   begin   before a batch is sent; with its record where that is nowhere else (a live batch), or
 *           without where the spool has it
 *   tell    one event after the other, each by one process only
 *   end     all have been told
 *
 * The supervisor makes the board before it forks. A process has a part of it of its own; when it
 * has ended, its supervisor says so (flight_board_release), and other processes take over what it
 * has left: records go to the spool of one of them, and from there to Redis again.
 *
 * At most FLIGHTS_MAX batches of a process are on the board, those included that wait in the spool
 * since Redis did not answer them, and FLIGHT_RECORDS of them have records there. Where that is
 * full a live batch is not to be sent: it goes to the spool. All steps are single words written as
 * a whole, so a process may be killed between any two: between telling one event and noting that,
 * which takes some nanoseconds, an event goes untold.
 */
#ifndef STORE_FLIGHT_BOARD_H
#define STORE_FLIGHT_BOARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"
#include "store/ledger_identity.h"

#define FLIGHT_RECORD_MAX 4096 /* bytes of a record that is kept: live batches are not longer */
#define FLIGHTS_MAX       4096 /* of one process */
#define FLIGHTS_REPLAYED  64   /* of these, kept for batches that the spool has */
#define FLIGHT_RECORDS    128  /* of one process: batches at Redis, each of another campaign */
#define FLIGHT_PARTS      100  /* processes at a time, those included whose flights are left over */

struct flight_board;

/* Before the fork: 60 MB of addresses, of which what is never used is no memory. Aborts when the
 * kernel refuses. */
struct flight_board *flight_board_new(void);
void flight_board_free(struct flight_board *board);

/* The process has ended: what it had is anybody's. */
void flight_board_release(struct flight_board *board, pid_t owner);

/* The board, as one process sees it that has a part of it. All below take NULL for an empty one. */
struct flights;

/* `owner` is this process, which gets an empty part if there is one. The board must outlive what is
 * returned. */
struct flights *flights_new(struct flight_board *board, pid_t owner);
/* What is still open is left to other processes. */
void flights_free(struct flights *flights);

/* A batch on the board. */
struct flight {
    uint64_t key; /* of its identity; never 0 */
    int place;    /* -1: it is not there */
};
extern const struct flight flight_none;

/*
 * Whether a live batch finds room. Also true of a process that has no part as all are taken: its
 * batches are sent, and are not on the board.
 */
bool flights_has_room(struct flights *flights);

/*
 * Puts it there; that it is not there yet the caller knows. Without a record (an empty slice) it is
 * in the spool. The place is -1 where there is no room or the record is too long.
 */
struct flight flights_begin(struct flights *flights, const struct ledger_identity *identity,
                            struct slice campaign, struct slice record);

/* The one with that identity, whoever began it. */
struct flight flights_find(const struct flights *flights, const struct ledger_identity *identity,
                           struct slice campaign);

/* Its record is in the spool now. */
void flights_spooled(struct flights *flights, struct flight flight);

/* Its record goes nowhere for now (the disk refuses it): flights_next_left() gives it. */
void flights_leave(struct flights *flights, struct flight flight);

/* Whether event `number` of it, from 0 and in their order, is to be told now by the caller. */
bool flights_tell(struct flights *flights, struct flight flight, unsigned number);

void flights_end(struct flights *flights, struct flight flight);

/*
 * Takes over the part of a process that has ended with records nobody else has, until
 * flights_give_back(); false where there is none. One at a time.
 */
bool flights_take_over(struct flights *flights);
void flights_give_back(struct flights *flights);

/*
 * The next flight with a record: all of that part, and behind them those of the own one that were
 * left. `*at`, 0 to begin with, remembers how far it has come. `*ret_record` is valid until the
 * flight is ended.
 */
bool flights_next_left(struct flights *flights, unsigned *at, struct flight *ret,
                       struct slice *ret_record);

#endif
