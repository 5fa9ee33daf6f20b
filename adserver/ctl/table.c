#include "ctl/table.h"

#include "base/check.h"
#include "ctl/shown.h"

#define GAP "  "

struct table {
    struct arena *arena;
    const char *const *heads;
    struct slice *cells; /* shown, row by row */
    unsigned columns;
    size_t count, max; /* of cells */
};

struct table *table_new(struct arena *arena, const char *const *heads, unsigned columns,
                        unsigned rows_max)
{
    CHECK(columns > 0 && columns <= TABLE_COLUMNS_MAX);
    struct table *table = arena_new_item(arena, struct table);
    *table = (struct table){.arena = arena, .heads = heads, .columns = columns};
    table->max = (size_t)columns * rows_max;
    table->cells = arena_new_array(arena, struct slice, table->max);
    return table;
}

static size_t column_of(const struct table *table, size_t cell)
{
    CHECK(table->columns > 0);
    return cell % table->columns;
}

void table_add(struct table *table, struct slice text)
{
    struct strbuf shown;
    CHECK(table->count < table->max);
    bool last = column_of(table, table->count) + 1 == table->columns;
    strbuf_init(&shown, SIZE_MAX / 2);
    if (text.len == 0)
        strbuf_add_char(&shown, '-');
    shown_add(&shown, text, last ? SHOWN_ALL : TABLE_CELL_MAX);
    table->cells[table->count++] = arena_copy(table->arena, strbuf_slice(&shown));
    strbuf_release(&shown);
}

static void measure(const struct table *table, size_t widths[TABLE_COLUMNS_MAX])
{
    for (unsigned i = 0; i < table->columns; i++)
        widths[i] = strlen(table->heads[i]);
    for (size_t i = 0; i < table->count; i++) {
        size_t width = shown_width(table->cells[i]);
        size_t column = column_of(table, i);
        if (width > widths[column])
            widths[column] = width;
    }
}

/* Nothing follows the last cell, so that lines have no blanks at their ends. */
static void print_cell(const struct table *table, size_t column, struct slice cell, size_t width,
                       FILE *to)
{
    (void)fwrite(cell.ptr, 1, cell.len, to);
    if (column + 1 == table->columns)
        fputc('\n', to);
    else
        fprintf(to, "%*s" GAP, (int)(width - shown_width(cell)), "");
}

void table_print(const struct table *table, const char *indent, FILE *to)
{
    size_t widths[TABLE_COLUMNS_MAX];
    measure(table, widths);
    fputs(indent, to);
    for (unsigned i = 0; i < table->columns; i++)
        print_cell(table, i, slice_cstr(table->heads[i]), widths[i], to);
    for (size_t i = 0; i < table->count; i++) {
        size_t column = column_of(table, i);
        if (column == 0)
            fputs(indent, to);
        print_cell(table, column, table->cells[i], widths[column], to);
    }
}
