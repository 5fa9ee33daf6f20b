/*
 * id_table: things that have an id, found by it.
 *
 * A hash table with the hashes beside the pointers: looking past others, and growing, touches no
 * thing but the one looked for, so that a table of a hundred thousand grows within a millisecond.
 * Not for names that strangers choose.
 */
#ifndef DECISION_ID_TABLE_H
#define DECISION_ID_TABLE_H

#include "base/slice.h"

typedef struct slice id_of_fn(const void *item);

struct id_table {
    id_of_fn *id_of;
    void **items; /* NULL: a free place */
    uint32_t *hashes;
    unsigned capacity; /* a power of two, or 0 */
    unsigned count;
};

/* Begins with its id_of set and all else zero. */
void id_table_release(struct id_table *table);

/* NULL: there is none. */
void *id_table_find(const struct id_table *table, struct slice id);

/* Puts it in place of the one of the same id, which is returned; NULL: there was none. */
void *id_table_put(struct id_table *table, void *item);

/* Takes out the one of that id and returns it; NULL: there was none. */
void *id_table_remove(struct id_table *table, struct slice id);

#endif
