/*
 * spool_group: the records of one write, and who is to be told what became of them.
 */
#ifndef STORE_SPOOL_GROUP_H
#define STORE_SPOOL_GROUP_H

#include <stddef.h>

#include "base/strbuf.h"
#include "store/spool.h"

struct spool_entry;

/* Those to be told, in the order of their appends. All zeros: none. */
struct spool_entries {
    struct spool_entry *list;
    size_t count, capacity;
};

void spool_entries_add(struct spool_entries *entries, spool_fn *fn, void *arg);

/* Forgets all and tells each. Its functions may add to the same entries; those are not told yet. */
void spool_entries_tell(struct spool_entries *entries, bool durable);

struct spool_group {
    struct strbuf bytes; /* as in a segment; SPOOL_PENDING_MAX at most */
    struct spool_entries entries;
};

void spool_group_init(struct spool_group *group);
void spool_group_release(struct spool_group *group);

#endif
