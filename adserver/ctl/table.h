/*
 * table: rows of text in columns, for people. Cells are escaped (ctl/shown.h) and cut.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stdio.h>

#include "base/arena.h"
#include "base/slice.h"

#define TABLE_COLUMNS_MAX 12
#define TABLE_CELL_MAX    60 /* bytes of a text before it is cut; the last column is not */

struct table;

/* `heads` are the columns' titles; they must outlive it, as the arena must. */
struct table *table_new(struct arena *arena, const char *const *heads, unsigned columns,
                        unsigned rows_max);

/* Appends a cell; `columns` of them make a row. */
void table_add(struct table *table, struct slice text);

/* Each column as wide as its widest cell; nothing but the heads where there are no rows. */
void table_print(const struct table *table, const char *indent, FILE *to);

#endif
