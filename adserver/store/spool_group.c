#include "store/spool_group.h"

#include <stdlib.h>

#include "base/check.h"

#define ENTRIES_LEAST 64

struct spool_entry {
    spool_fn *fn;
    void *arg;
};

void spool_entries_add(struct spool_entries *entries, spool_fn *fn, void *arg)
{
    if (entries->count == entries->capacity) {
        entries->capacity = entries->capacity ? 2 * entries->capacity : ENTRIES_LEAST;
        entries->list = check_realloc(entries->list, entries->capacity * sizeof *entries->list);
    }
    entries->list[entries->count++] = (struct spool_entry){fn, arg};
}

void spool_entries_tell(struct spool_entries *entries, bool durable)
{
    struct spool_entries told = *entries;
    *entries = (struct spool_entries){NULL, 0, 0};
    for (size_t i = 0; i < told.count; i++)
        told.list[i].fn(durable, told.list[i].arg);
    free(told.list);
}

void spool_group_init(struct spool_group *group)
{
    strbuf_init(&group->bytes, SPOOL_PENDING_MAX);
    group->entries = (struct spool_entries){NULL, 0, 0};
}

void spool_group_release(struct spool_group *group)
{
    strbuf_release(&group->bytes);
    free(group->entries.list);
}
