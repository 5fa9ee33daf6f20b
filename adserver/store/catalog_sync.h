/*
 * catalog_sync: keeps the entries of the catalog equal to what Redis holds.
 *
 * Two kinds of reading, both in pieces, so that neither Redis nor the loop is held up:
 *
 *   a walk   over the ids of a kind (SSCAN). Ids that are new get an entry; at its end the entries
 *            that it has not met are removed. A fast walk asks for the next piece as soon as it has
 *            one, a slow one at the next sweep.
 *   a read   of one hash (HGETALL). Entries to be read stand in a queue; a limited number is asked
 *            for at a time.
 *
 * A key told as written (catalog_watch.h) is read again: a set walked fast, a hash put into the
 * queue. Whatever was under way then may have been older and is done once more afterwards.
 */
#ifndef STORE_CATALOG_SYNC_H
#define STORE_CATALOG_SYNC_H

#include "base/clock.h"
#include "store/catalog_entries.h"

struct loop;
struct catalog_sync;

struct catalog_sync_config {
    struct loop *loop;
    const struct clock *clock;
    const struct redis_target *target;
    struct slice prefix;
    struct catalog_entries *entries; /* must outlive the sync */
    /* A piece was read; `changed`: the good versions are not what they were. */
    void (*on_read)(bool changed, void *arg);
    void *arg;
};

struct catalog_sync *catalog_sync_new(const struct catalog_sync_config *config);
void catalog_sync_free(struct catalog_sync *sync);

/* All sets have been walked since it began, and no hash waits to be read. */
bool catalog_sync_is_complete(const struct catalog_sync *sync);

/* Why the set of a kind's ids can't be used as it stands; NULL: it can. */
const char *catalog_sync_set_error(const struct catalog_sync *sync, enum record_kind kind);

/* "ad:campaigns", "ad:campaign:spring"; the buffer holds CATALOG_KEY_MAX bytes. */
#define CATALOG_KEY_MAX 400
struct slice catalog_set_key(char *buffer, struct slice prefix, enum record_kind kind);
struct slice catalog_entry_key(char *buffer, struct slice prefix,
                               const struct catalog_entry *entry);

#endif
