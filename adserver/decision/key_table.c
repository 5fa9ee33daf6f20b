#include "decision/key_table.h"

#include <stdlib.h>

#include "base/check.h"

#define CAPACITY_MIN 16
#define MIX          UINT64_C(0x9e3779b97f4a7c15) /* odd, of no pattern: 2^64 over the golden ratio */

static unsigned home_of(const struct key_table *table, uint64_t key)
{
    return (unsigned)(key * MIX >> 32) & (table->capacity - 1);
}

static unsigned place_of(const struct key_table *table, uint64_t key)
{
    unsigned at = home_of(table, key);
    while (table->rows[at].count > 0 && table->rows[at].key != key)
        at = (at + 1) & (table->capacity - 1);
    return at;
}

static void grow(struct key_table *table)
{
    struct key_table old = *table;
    table->capacity = old.capacity ? 2 * old.capacity : CAPACITY_MIN;
    table->rows = check_calloc(table->capacity, sizeof *table->rows);
    for (unsigned i = 0; i < old.capacity; i++) {
        if (old.rows[i].count > 0)
            table->rows[place_of(table, old.rows[i].key)] = old.rows[i];
    }
    free(old.rows);
}

const struct key_row *key_table_find(const struct key_table *table, uint64_t key)
{
    if (table->count == 0)
        return NULL;
    const struct key_row *row = &table->rows[place_of(table, key)];
    return row->count > 0 ? row : NULL;
}

/* ---- The positions of one key ---------------------------------------------------------------- */

/* Where it stands in the list, or its count. */
static unsigned find_in_list(const struct key_row *row, uint32_t position)
{
    const uint32_t *list = key_row_list(row);
    unsigned at = 0;
    while (at < row->count && list[at] != position)
        at++;
    return at;
}

static void list_to_row(struct key_row *row, struct chunk_pool *pool)
{
    struct position_row *positions = check_calloc(1, sizeof *positions);
    for (unsigned i = 0; i < row->count; i++)
        row_set(positions, pool, row->at.list[i]);
    free(row->at.list);
    row->at.row = positions;
    row->has_row = true;
}

static void add_to_list(struct key_row *row, uint32_t position)
{
    if (row->count == 1) {
        uint32_t *list = check_malloc(2 * sizeof *list);
        list[0] = row->at.one;
        row->at.list = list;
    } else if ((row->count & (row->count - 1)) == 0) {
        row->at.list = check_realloc(row->at.list, 2 * row->count * sizeof *row->at.list);
    }
    row->at.list[row->count++] = position;
}

static void add_position(struct key_row *row, struct chunk_pool *pool, uint32_t position)
{
    if (!row->has_row && find_in_list(row, position) < row->count)
        return;
    if (!row->has_row && row->count == KEY_LIST_MAX)
        list_to_row(row, pool);
    if (!row->has_row) {
        add_to_list(row, position);
        return;
    }
    row_set(row->at.row, pool, position);
    row->count = row->at.row->count;
}

static void remove_from_list(struct key_row *row, uint32_t position)
{
    unsigned at = find_in_list(row, position);
    if (at == row->count)
        return;
    if (--row->count == 0)
        return;
    row->at.list[at] = row->at.list[row->count];
    if (row->count == 1) {
        uint32_t last = row->at.list[0];
        free(row->at.list);
        row->at.one = last;
    }
}

static void free_positions(struct key_row *row)
{
    if (row->has_row) {
        row_release(row->at.row);
        free(row->at.row);
    } else if (row->count > 1) {
        free(row->at.list);
    }
}

static void remove_position(struct key_row *row, struct chunk_pool *pool, uint32_t position)
{
    if (!row->has_row) {
        remove_from_list(row, position);
        return;
    }
    row_clear(row->at.row, pool, position);
    row->count = row->at.row->count;
    if (row->count == 0)
        free_positions(row);
}

/* ---- The table ------------------------------------------------------------------------------- */

void key_table_add(struct key_table *table, struct chunk_pool *pool, uint64_t key,
                   uint32_t position)
{
    if (8 * (table->count + 1) > 7 * table->capacity)
        grow(table);
    struct key_row *row = &table->rows[place_of(table, key)];
    if (row->count > 0) {
        add_position(row, pool, position);
        return;
    }
    *row = (struct key_row){.key = key, .count = 1, .at.one = position};
    table->count++;
}

/* Those behind it that stood past it because it was in the way move up. */
static void close_gap(struct key_table *table, unsigned gap)
{
    unsigned mask = table->capacity - 1;
    for (unsigned at = (gap + 1) & mask; table->rows[at].count > 0; at = (at + 1) & mask) {
        unsigned from_home = (at - home_of(table, table->rows[at].key)) & mask;
        if (from_home < ((at - gap) & mask))
            continue;
        table->rows[gap] = table->rows[at];
        gap = at;
    }
    table->rows[gap] = (struct key_row){.count = 0};
}

void key_table_remove(struct key_table *table, struct chunk_pool *pool, uint64_t key,
                      uint32_t position)
{
    if (table->count == 0)
        return;
    unsigned at = place_of(table, key);
    if (table->rows[at].count == 0)
        return;
    remove_position(&table->rows[at], pool, position);
    if (table->rows[at].count > 0)
        return;
    close_gap(table, at);
    table->count--;
}

void key_table_release(struct key_table *table)
{
    for (unsigned i = 0; i < table->capacity; i++) {
        if (table->rows[i].count > 0)
            free_positions(&table->rows[i]);
    }
    free(table->rows);
    *table = (struct key_table){0};
}
