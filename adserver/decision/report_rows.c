#include "decision/report_rows.h"

#include <stdlib.h>

#include "base/check.h"

#define JOINT '\x1f' /* between the parts of a key; in no id */

struct report_entry {
    struct report_row row;
    struct slice key; /* all its keys in one */
    uint32_t at;
};

static struct slice key_of(const void *item)
{
    return ((const struct report_entry *)item)->key;
}

void report_rows_init(struct report_rows *rows, struct arena *arena)
{
    *rows = (struct report_rows){.arena = arena, .table = {.id_of = key_of}};
}

void report_rows_release(struct report_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++)
        free(rows->entries[i]->row.sums);
    free(rows->entries);
    id_table_release(&rows->table);
}

static uint32_t add_entry(struct report_rows *rows, struct slice key,
                          const struct slice keys[REPORT_KEYS_MAX])
{
    if (rows->count == REPORT_ROWS_MAX)
        return REPORT_NO_ROW;
    if (rows->count == rows->room) {
        rows->room = rows->room > 0 ? 2 * rows->room : 64;
        rows->entries = check_realloc(rows->entries, rows->room * sizeof *rows->entries);
    }
    struct report_entry *entry = arena_new_item(rows->arena, struct report_entry);
    entry->key = arena_copy(rows->arena, key);
    entry->at = rows->count;
    for (unsigned i = 0; i < REPORT_KEYS_MAX; i++)
        entry->row.keys[i] = arena_copy(rows->arena, keys[i]);
    (void)id_table_put(&rows->table, entry);
    rows->entries[rows->count] = entry;
    return rows->count++;
}

uint32_t report_rows_find(struct report_rows *rows, const struct slice keys[REPORT_KEYS_MAX])
{
    struct strbuf key;
    strbuf_init(&key, SIZE_MAX / 2);
    for (unsigned i = 0; i < REPORT_KEYS_MAX; i++) {
        strbuf_add_slice(&key, keys[i]);
        strbuf_add_char(&key, JOINT);
    }
    const struct report_entry *found = id_table_find(&rows->table, strbuf_slice(&key));
    uint32_t at = found ? found->at : add_entry(rows, strbuf_slice(&key), keys);
    strbuf_release(&key);
    return at;
}

void report_row_add(struct report_row *row, unsigned metric, report_sum number)
{
    if (metric >= row->count) {
        row->sums = check_realloc(row->sums, (metric + 1) * sizeof *row->sums);
        while (row->count <= metric)
            row->sums[row->count++] = 0;
    }
    row->sums[metric] += number;
}

void report_rows_add(struct report_rows *rows, uint32_t at, unsigned metric, report_sum number)
{
    CHECK(at < rows->count);
    report_row_add(&rows->entries[at]->row, metric, number);
}

const struct report_row *report_rows_at(const struct report_rows *rows, uint32_t at)
{
    CHECK(at < rows->count);
    return &rows->entries[at]->row;
}

static bool has_any(const struct report_row *row)
{
    for (unsigned i = 0; i < row->count; i++) {
        if (row->sums[i] != 0)
            return true;
    }
    return false;
}

static int compare(const void *a, const void *b)
{
    const struct report_entry *const *left = a, *const *right = b;
    return slice_compare((*left)->key, (*right)->key);
}

void report_rows_sort(struct report_rows *rows)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        struct report_entry *entry = rows->entries[i];
        if (has_any(&entry->row))
            rows->entries[kept++] = entry;
        else
            free(entry->row.sums);
    }
    rows->count = kept;
    id_table_release(&rows->table);
    if (kept > 0)
        qsort(rows->entries, kept, sizeof *rows->entries, compare);
}
