/*
 * spool: records that wait on this machine's disk until they are done.
 *
 * The spool knows bytes only; the ledger puts events in it while Redis takes none, and owns their
 * way back. Each worker process appends to files of its own in <state_dir>/spool/ (segments, see
 * spool_segment.h) and holds a lock on them as long as it lives. A segment that nobody holds is an
 * orphan: whichever process notices first (each looks once a second) adopts it and hands out its
 * records as if they were its own. So nothing waits for a process that was killed or replaced.
 *
 *   append    all records of one turn of the loop are one group: one write, one sync, by a thread
 *             of the spool's own, so that the loop never waits for a disk. What comes meanwhile is
 *             the next group. A record is durable once its group is, as the policy says.
 *   replay    records are handed out oldest first: segments by the time in their names, within a
 *             segment in the order they were appended. Each has a ticket; who is through with it
 *             says so, in any order. A segment all of whose records are done is removed.
 *   limit     `bytes_max` is one of the whole directory, whoever holds the segments. What others
 *             put there is known from the last look for orphans: processes that append at the
 *             same time may pass the limit by what they append between two looks.
 *   faults    a group that can't be written is cut away again and refused as a whole; the next one
 *             tries anew, so the spool heals when the disk has. A torn end of an orphan is left
 *             out, a damaged record is skipped by looking for the next whole one; both are logged
 *             with file and offset, and counted. A segment that the disk can't read stays for the
 *             next process, and so do the younger ones of the process that made it.
 *
 * What it costs (200-byte records, a virtual disk that syncs in 1 to 2 ms, one of two busy cores):
 * the loop spends 0.2 us on an append and 0.2 to 0.6 us on handing a record out and having it done.
 *
 *   appended at a time     1        64             4,096
 *   always               440-840    22,000-34,000  750,000-1,000,000 records/s
 *   interval, off        ~80,000    >1,000,000     >1,500,000
 *
 * What is done is not written down: after a crash all records of a segment are handed out again.
 * Whoever takes them must know what it has had. A record that was refused may come too, where even
 * cutting it away failed.
 *
 * Everything here is called from the loop's thread, and calls back from the loop. No function may
 * be called from inside spool_free(); spool_free() not from inside a callback of the spool.
 */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/slice.h"

#define SPOOL_RECORD_MAX      16384                /* bytes of one record */
#define SPOOL_SEGMENT_BYTES   (UINT64_C(64) << 20) /* a segment that has reached it is closed */
#define SPOOL_PENDING_MAX     ((size_t)8 << 20)    /* bytes of records that wait for the disk */
#define SPOOL_OUTSTANDING_MAX 65536                /* handed out beyond the oldest not done */
#define SPOOL_ADOPTED_MAX     4                    /* orphans one process works on at a time */
#define SPOOL_SCAN_MS         1000                 /* between two looks for orphans, about */
#define SPOOL_LEFT_MS         3000                 /* by then an orphan has been adopted, mostly */
#define SPOOL_SYNC_MS         1000                 /* between two syncs of SPOOL_FSYNC_INTERVAL */
#define SPOOL_FREE_MS         5000                 /* how long spool_free() waits for the disk */

struct loop;
struct metrics;
struct spool;
struct spool_marks;

/* When a record is durable; in the order of the option `spool.fsync`. */
enum spool_fsync {
    SPOOL_FSYNC_ALWAYS,   /* once it is on the disk: outlives a power failure */
    SPOOL_FSYNC_INTERVAL, /* once written; the disk has it SPOOL_SYNC_MS later: outlives a crash of
                             any process, and of the machine but for the last second */
    SPOOL_FSYNC_OFF,      /* once written; the kernel syncs when it likes */
};

struct spool_config {
    struct loop *loop;
    const struct clock *clock; /* wall time names the segments */
    struct metrics *metrics;   /* NULL: nothing is counted */
    struct spool_marks *marks; /* to outlive the spool; NULL: no other process is told anything */
    const char *state_dir;     /* as in spool_lock_directory(); need not outlive spool_new() */
    enum spool_fsync fsync;
    uint64_t bytes_max;     /* of all segments in the directory; records beyond are refused */
    uint64_t segment_bytes; /* 0: SPOOL_SEGMENT_BYTES */
};

/*
 * For the supervisor, once and before it forks: makes <state_dir>/spool/ (mode 0700) and locks it
 * for this server. Started as root, directory and lock are given to `uid` and `gid` (0: to nobody);
 * what another account put in their place is refused. Returns a descriptor, to be kept open for as
 * long as the server or any of its workers lives and closed by nobody (the lock ends with the last
 * process that has it), or -1 with `err`: another server works there, or the directory is no good.
 */
int spool_lock_directory(const char *state_dir, uid_t uid, gid_t gid, struct err *err);

/*
 * For a worker, after the fork: starts the thread and looks for orphans in the first turn of the
 * loop. No file is made before the first record. Does not ask for the lock above. NULL with `err`
 * where the directory can be neither opened nor made.
 */
struct spool *spool_new(const struct spool_config *config, struct err *err);

/*
 * Writes what waits, tells every append that is open how it went, removes the segments that are
 * done and leaves the others to the next process. Waits for the disk, at most SPOOL_FREE_MS: then
 * open appends are told false and the thread is left behind with its memory. NULL is harmless.
 */
void spool_free(struct spool *spool);

/* ---- Appending ---- */

/* `durable`: the record outlives what the policy says. False: it was refused and will not return.
 */
typedef void spool_fn(bool durable, void *arg);

/*
 * Appends a copy of `record`, 1 to SPOOL_RECORD_MAX bytes (others are refused). Calls `fn` exactly
 * once, from the loop, never before this returns; the order of calls is that of the appends, but
 * for refusals without a try at the disk, which come earlier.
 *
 * Refused without a try: SPOOL_PENDING_MAX or `bytes_max` is reached.
 */
void spool_append(struct spool *spool, struct slice record, spool_fn *fn, void *arg);

/* ---- Replay ---- */

/*
 * The oldest record not handed out yet; false when there is none (a few instructions), or when
 * SPOOL_OUTSTANDING_MAX are out. `*ret_record` is valid until the next call of any function of the
 * spool that is not const. Only durable records are handed out: their fn(true) has been called, or
 * will be in this turn of the loop. May read from the disk, at most 128 KiB at a time.
 */
bool spool_next(struct spool *spool, struct slice *ret_record, uint64_t *ret_ticket);

/* Whether another process has appended the record; of a ticket that is not done. */
bool spool_is_adopted(const struct spool *spool, uint64_t ticket);

/*
 * Notes for whoever adopts the segment that this record has been at work here, and so have all that
 * were handed out before it.
 */
void spool_pass(struct spool *spool, uint64_t ticket);

/*
 * Whether the record has been passed by another process; or may have been, as it was appended
 * before this server began.
 */
bool spool_was_passed(const struct spool *spool, uint64_t ticket);

/* The record need not come again. A ticket that is done already is ignored. */
void spool_done(struct spool *spool, uint64_t ticket);

/*
 * All that was handed out and is not done is handed out again, in the order and with the tickets of
 * the first time, before anything else.
 */
void spool_rewind(struct spool *spool);

/*
 * Calls `fn` from the loop whenever there is more to hand out than before: an orphan was adopted, a
 * group became durable (after its own calls). Not for spool_rewind(). One function; NULL: none.
 */
typedef void spool_records_fn(void *arg);
void spool_on_records(struct spool *spool, spool_records_fn *fn, void *arg);

/* ---- Asking ---- */

/* Records not done, own and adopted; those handed out included, those not durable yet not. */
uint64_t spool_waiting(const struct spool *spool);

/* Bytes of the segments this process holds, own and adopted. */
uint64_t spool_bytes(const struct spool *spool);

/*
 * Why a record appended now would probably be refused, as a phrase ("cannot write: No space left on
 * device"); empty while all is well. While the disk refuses, it is tried every SPOOL_SCAN_MS
 * without a record, so that the phrase goes when the trouble does. Valid until the next turn.
 */
const char *spool_trouble(const struct spool *spool);

#endif
