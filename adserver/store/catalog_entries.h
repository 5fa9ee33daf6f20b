/*
 * catalog_entries: all slots, campaigns and creatives that Redis names, for store/catalog_store.c.
 *
 * An entry has its last good version (raw and compiled), which serves, and where what Redis holds
 * now does not compile, that too, with the reason. It is changed only by the functions below. What
 * has changed stands in a queue until catalog_entries_apply() brings it into the catalog.
 */
#ifndef STORE_CATALOG_ENTRIES_H
#define STORE_CATALOG_ENTRIES_H

#include <sys/queue.h>

#include "base/metrics.h"
#include "decision/catalog.h"
#include "store/goals.h"
#include "store/raw_record.h"

#define CATALOG_ID_KEPT_MAX 255 /* bytes of a name that is no id, so that it can be told */

struct catalog_entries;

/* Why an entry is refused, or kept out. */
struct catalog_refusal {
    char *field; /* empty: the entry as a whole */
    char *error;
};

struct catalog_entry {
    struct catalog_entries *home;
    enum record_kind kind;
    unsigned position; /* among those of its kind; moves when others go */
    struct catalog_entry *next_in_bucket;
    struct raw_record *good; /* NULL: there has never been one, or its hash is gone */
    struct raw_record *bad;  /* what is refused; NULL: nothing, or it could not even be kept */
    union {
        void *any; /* NULL exactly when `good` is */
        struct slot *slot;
        struct campaign *campaign;
        struct creative *creative;
    } compiled;
    uint64_t hash;                  /* of `good` */
    struct catalog_refusal refusal; /* `error` NULL: none */
    TAILQ_ENTRY(catalog_entry) refused;
    bool is_id;
    bool changed; /* its good version is not the one in the catalog: it stands in the queue */
    TAILQ_ENTRY(catalog_entry) change;

    /* The reader's (catalog_sync.c): how far it has been read. */
    void *owner;
    STAILQ_ENTRY(catalog_entry) queue;
    bool queued, reading, read_again, removed;
    unsigned seen;         /* number of the walk over the ids that last met it */
    int64_t not_before_us; /* monotonic; too large to be read often */

    uint8_t id_len;
    char id[];
};

/* Told of each refusal that is new or changed. */
typedef void catalog_refused_fn(const struct catalog_entry *entry, void *context);

/* `metrics` names the series of slots and campaigns, `goals` their rows; NULL: they get none. */
struct catalog_entries *catalog_entries_new(struct metrics *metrics, struct goals *goals,
                                            catalog_refused_fn *on_refused, void *context);
void catalog_entries_free(struct catalog_entries *entries);

unsigned catalog_entries_count(const struct catalog_entries *entries, enum record_kind kind);
struct catalog_entry *catalog_entries_at(const struct catalog_entries *entries,
                                         enum record_kind kind, unsigned position);
struct catalog_entry *catalog_entries_find(const struct catalog_entries *entries,
                                           enum record_kind kind, struct slice id);

/* A new one; the name is at most CATALOG_ID_KEPT_MAX bytes. One that is no id is refused at once.
 */
struct catalog_entry *catalog_entries_add(struct catalog_entries *entries, enum record_kind kind,
                                          struct slice id);

/* Out of the catalog. Frees it, unless it is being read: then its reader does, by the next
 * function; or still to be taken out: then that does.
 */
void catalog_entry_remove(struct catalog_entry *entry);
void catalog_entry_free_removed(struct catalog_entry *entry);

struct slice catalog_entry_id(const struct catalog_entry *entry);

/* What Redis holds now. Each returns whether the catalog has changed. */
bool catalog_entry_set(struct catalog_entry *entry, struct slice raw);
bool catalog_entry_refuse(struct catalog_entry *entry, const char *field, const char *error);
bool catalog_entry_vanish(
    struct catalog_entry *entry); /* its hash is not there: it stops serving */

/* Of all good versions; the same for the same contents wherever built; never 0. */
uint64_t catalog_entries_revision(const struct catalog_entries *entries);

/*
 * Brings up to `max` changes into the catalog, in the order in which they came, with a reference
 * for the catalog each. Returns how many are left. The revision is the caller's.
 */
unsigned catalog_entries_apply(struct catalog_entries *entries, struct catalog *catalog,
                               unsigned max);
unsigned catalog_entries_changes(const struct catalog_entries *entries);

/*
 * Puts all good versions into an empty catalog, in the order that makes it quickest; no change is
 * left then.
 */
void catalog_entries_fill(struct catalog_entries *entries, struct catalog *catalog);

unsigned catalog_entries_refused_count(const struct catalog_entries *entries);
const struct catalog_entry *catalog_entries_refused_first(const struct catalog_entries *entries);
const struct catalog_entry *catalog_entries_refused_next(const struct catalog_entry *entry);

#endif
