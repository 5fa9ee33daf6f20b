/*
 * catalog_store: the catalog as this worker has it, kept equal to Redis.
 *
 *   load    at start and after every reconnect: the three id sets, then all hashes, pipelined
 *   change  Redis tells which keys were written (catalog_watch.h); a change is compiled and live
 *           within a few milliseconds
 *   sweep   every CATALOG_SWEEP_MS a slice of CATALOG_SWEEP_ENTRIES hashes (more where Redis does
 *           not tell of changes) and the id sets are read anyway and compared, so that a lost
 *           message is mended
 *   refuse  an entry that does not compile is kept out whole; its last good version stays; the
 *           rejection (key, field, error) stays listed until the entry is mended or removed
 *   keep    the raw records of the last good catalog go to <state_dir>/catalog (written beside,
 *           synced, renamed) by the worker whose `persist` is set, at most once in
 *           CATALOG_PERSIST_MS; a start without Redis serves them
 *
 * Once Redis has been read completely it is the truth, also where it is empty: the log then warns.
 * A hash that is not there (or not any more) does not serve, whatever it was; one that is there and
 * does not compile is a mistake, and its last good version serves on.
 */
#ifndef STORE_CATALOG_STORE_H
#define STORE_CATALOG_STORE_H

#include "decision/catalog.h"
#include "decision/record.h"
#include "store/goals.h"
#include "store/redis.h"

#define CATALOG_SWEEP_MS       500
#define CATALOG_SWEEP_ENTRIES  500
#define CATALOG_APPLY_MAX      256     /* changes brought in at once, which takes a millisecond */
#define CATALOG_ENTRIES_MAX    1000000 /* entries of one kind */
#define CATALOG_REJECTIONS_MAX 1000    /* listed; more are only counted */

struct catalog_store;

struct catalog_store_config {
    struct loop *loop;
    const struct clock *clock;
    const struct redis_target *target;
    struct slice prefix; /* "ad:"; must outlive the store */
    const char *state_dir;
    bool persist; /* keeps the file, and writes rejections to the log: one worker of several */
    struct metrics *metrics;
    struct goals *goals; /* gives campaigns that have bounds their rows; NULL: they get none */
};

struct catalog_store *catalog_store_new(const struct catalog_store_config *config);
void catalog_store_free(struct catalog_store *store);

/* The catalog; NULL before there is one. It is changed in place between turns of the loop. */
struct catalog *catalog_store_current(const struct catalog_store *store);

/*
 * Whether all that Redis holds has been brought in at least once, so that what is not there is not
 * in Redis either. A few instructions.
 */
bool catalog_store_is_known(const struct catalog_store *store);

/*
 * The fields of an entry as its last good version has them; how many, 0 where there is none. They
 * are valid during this turn.
 */
unsigned catalog_store_fields(const struct catalog_store *store, enum record_kind kind,
                              struct slice id, struct record_field ret[RECORD_FIELDS_MAX]);

/* Why there is none, or how old it is; for /readyz and /stats. */
struct catalog_rejection {
    struct slice key;   /* "ad:campaign:spring" */
    struct slice field; /* empty: the entry as a whole */
    struct slice error;
};
struct catalog_status {
    bool loaded;          /* there is a catalog */
    bool from_disk;       /* it is the last good one, not yet confirmed by Redis */
    int64_t confirmed_us; /* wall time Redis last confirmed it; 0: not yet */
    unsigned rejection_count;
    const struct catalog_rejection *rejections; /* valid during this turn; first REJECTIONS_MAX */
    unsigned rejections_listed;
};
struct catalog_status catalog_store_status(struct catalog_store *store);

#endif
