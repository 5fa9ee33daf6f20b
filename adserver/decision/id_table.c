#include "decision/id_table.h"

#include <stdlib.h>

#include "base/check.h"

#define CAPACITY_MIN 16
#define MIX          UINT64_C(0x9e3779b97f4a7c15) /* odd, of no pattern: 2^64 over the golden ratio */

static uint64_t mix(uint64_t state, uint64_t word)
{
    state = (state ^ word) * MIX;
    return state ^ state >> 32;
}

/* Eight bytes at a time, the last ones with zeros behind. */
static uint32_t hash_of(struct slice id)
{
    uint64_t state = id.len, word;
    for (; id.len >= sizeof word; id = slice_from(id, sizeof word)) {
        memcpy(&word, id.ptr, sizeof word);
        state = mix(state, word);
    }
    word = 0;
    if (id.len > 0)
        memcpy(&word, id.ptr, id.len);
    return (uint32_t)mix(mix(state, word), 0);
}

/* Its place, or the free one where the search for it ends. */
static unsigned place_of(const struct id_table *table, struct slice id, uint32_t hash)
{
    unsigned mask = table->capacity - 1, at = hash & mask;
    while (table->items[at] &&
           (table->hashes[at] != hash || !slice_eq(table->id_of(table->items[at]), id)))
        at = (at + 1) & mask;
    return at;
}

static void grow(struct id_table *table)
{
    struct id_table old = *table;
    table->capacity = old.capacity ? 2 * old.capacity : CAPACITY_MIN;
    table->items = check_calloc(table->capacity, sizeof *table->items);
    table->hashes = check_calloc(table->capacity, sizeof *table->hashes);
    for (unsigned i = 0; i < old.capacity; i++) {
        unsigned at = old.hashes[i] & (table->capacity - 1);
        if (!old.items[i])
            continue;
        while (table->items[at])
            at = (at + 1) & (table->capacity - 1);
        table->items[at] = old.items[i];
        table->hashes[at] = old.hashes[i];
    }
    id_table_release(&old);
}

void id_table_release(struct id_table *table)
{
    free(table->items);
    free(table->hashes);
    table->items = NULL;
    table->hashes = NULL;
    table->capacity = table->count = 0;
}

void *id_table_find(const struct id_table *table, struct slice id)
{
    return table->count > 0 ? table->items[place_of(table, id, hash_of(id))] : NULL;
}

void *id_table_put(struct id_table *table, void *item)
{
    struct slice id = table->id_of(item);
    uint32_t hash = hash_of(id);
    if (8 * (table->count + 1) > 7 * table->capacity)
        grow(table);
    unsigned at = place_of(table, id, hash);
    void *before = table->items[at];
    table->items[at] = item;
    table->hashes[at] = hash;
    table->count += before == NULL;
    return before;
}

/* Those behind it that stood past it because it was in the way move up. */
static void close_gap(struct id_table *table, unsigned gap)
{
    unsigned mask = table->capacity - 1;
    for (unsigned at = (gap + 1) & mask; table->items[at]; at = (at + 1) & mask) {
        unsigned from_home = (at - table->hashes[at]) & mask, from_gap = (at - gap) & mask;
        if (from_home < from_gap)
            continue;
        table->items[gap] = table->items[at];
        table->hashes[gap] = table->hashes[at];
        gap = at;
    }
    table->items[gap] = NULL;
}

void *id_table_remove(struct id_table *table, struct slice id)
{
    if (table->count == 0)
        return NULL;
    unsigned at = place_of(table, id, hash_of(id));
    void *item = table->items[at];
    if (!item)
        return NULL;
    close_gap(table, at);
    table->count--;
    return item;
}
