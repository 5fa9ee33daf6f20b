/*
 * catalog_store: the catalog as this worker has it, kept equal to Redis.
 *
 *   load    at start and after every reconnect: the three id sets, then all hashes, pipelined
 *   change  Redis tells which keys were written (client-side caching's invalidation messages, which
 *           need no setting of Redis; keyspace notifications where those are on and that is not to
 *           be had); a change is compiled and live within a few milliseconds
 *   sweep   every CATALOG_SWEEP_MS a slice of CATALOG_SWEEP_ENTRIES hashes and the id sets are read
 *           anyway and compared, so that a lost message is mended
 *   refuse  an entry that does not compile is kept out whole; its last good version stays; the
 *           rejection (key, field, error) stays listed until the entry is mended or removed
 *   keep    the raw records of the last good catalog go to <state_dir>/catalog (written beside,
 *           synced, renamed) by the worker whose `persist` is set, at most once in
 *           CATALOG_PERSIST_MS; a start without Redis serves them
 */
#ifndef STORE_CATALOG_STORE_H
#define STORE_CATALOG_STORE_H

#include "decision/catalog.h"
#include "decision/record.h"
#include "store/redis.h"

#define CATALOG_SWEEP_MS       500
#define CATALOG_SWEEP_ENTRIES  500
#define CATALOG_PERSIST_MS     1000
#define CATALOG_ENTRIES_MAX    1000000 /* entries of one kind */
#define CATALOG_REJECTIONS_MAX 1000    /* listed; more are only counted */

struct catalog_store;

struct catalog_store_config {
    struct loop *loop;
    const struct clock *clock;
    const struct redis_target *target;
    struct slice prefix; /* "ad:" */
    const char *state_dir;
    bool persist;
    struct metrics *metrics;
};

struct catalog_store *catalog_store_new(const struct catalog_store_config *config);
void catalog_store_free(struct catalog_store *store);

/* The newest snapshot; NULL before the first. Retain it (catalog_retain) to keep it past this turn.
 */
struct catalog *catalog_store_current(const struct catalog_store *store);

/* Why there is none, or how old it is; for /readyz and /stats. */
struct catalog_rejection {
    struct slice key;   /* "ad:campaign:spring" */
    struct slice field; /* empty: the entry as a whole */
    struct slice error;
};
struct catalog_status {
    bool loaded;          /* there is a snapshot */
    bool from_disk;       /* it is the last good one, not yet confirmed by Redis */
    int64_t confirmed_us; /* wall time Redis last confirmed it; 0: not yet */
    unsigned rejection_count;
    const struct catalog_rejection *rejections; /* valid during this turn; first REJECTIONS_MAX */
    unsigned rejections_listed;
};
struct catalog_status catalog_store_status(struct catalog_store *store);

#endif
