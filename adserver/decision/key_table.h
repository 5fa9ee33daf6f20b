/*
 * key_table: at which positions the campaigns stand that want a page with a certain key.
 *
 * Most keys (a domain, a keyword, a key-value) are one campaign's, or a few's: their positions are
 * a short list. A key of more than KEY_LIST_MAX has a row, which is met with other rows as a whole.
 */
#ifndef DECISION_KEY_TABLE_H
#define DECISION_KEY_TABLE_H

#include "decision/position_row.h"

#define KEY_LIST_MAX 64

struct key_row {
    uint64_t key;
    uint32_t count; /* 0: a free place */
    bool has_row;
    union {
        uint32_t one;             /* count is 1 */
        uint32_t *list;           /* room for the next power of two; no position twice */
        struct position_row *row; /* has_row */
    } at;
};

/* Begins as zero bytes. */
struct key_table {
    struct key_row *rows;
    unsigned capacity, count;
};

void key_table_release(struct key_table *table);
void key_table_add(struct key_table *table, struct chunk_pool *pool, uint64_t key,
                   uint32_t position);
void key_table_remove(struct key_table *table, struct chunk_pool *pool, uint64_t key,
                      uint32_t position);

/* NULL: nobody wants it. Valid until the next change. */
const struct key_row *key_table_find(const struct key_table *table, uint64_t key);

/* The positions of a key that has no row. */
static inline const uint32_t *key_row_list(const struct key_row *row)
{
    return row->count == 1 ? &row->at.one : row->at.list;
}

#endif
