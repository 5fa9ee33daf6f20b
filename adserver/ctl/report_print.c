#include "ctl/report_print.h"

#include "ctl/table.h"

#define CELL_MAX   64
#define PERCENT    100
#define PLACES_MIN 2 /* of money, for people */

static void end_cell(struct table *table, struct strbuf *cell)
{
    table_add(table, strbuf_slice(cell));
    strbuf_clear(cell);
}

static void add_count(struct table *table, struct strbuf *cell, report_sum number)
{
    report_add_count(cell, number);
    end_cell(table, cell);
}

/* "55.56%" of a rate of four places. */
static void add_percent(struct table *table, struct strbuf *cell, report_sum part, report_sum of)
{
    if (of > 0 && part >= 0) {
        report_sum rate = (2 * part * PERCENT * PERCENT + of) / (2 * of);
        report_add_count(cell, rate / PERCENT);
        strbuf_addf(cell, ".%02d%%", (int)(rate % PERCENT));
    }
    end_cell(table, cell);
}

static void add_row(struct table *table, const struct report *report, const struct report_row *row)
{
    const char *const *columns = report_columns(report_asked(report)->by);
    report_sum impressions = report_get(row, REPORT_IMPRESSIONS), ecpm;
    struct strbuf cell;
    strbuf_init(&cell, CELL_MAX);
    for (unsigned i = 0; columns[i]; i++)
        table_add(table, row->keys[i]);
    add_count(table, &cell, report_get(row, REPORT_SERVES));
    add_count(table, &cell, impressions);
    add_percent(table, &cell, report_get(row, REPORT_VIEWABLES), impressions);
    add_count(table, &cell, report_get(row, REPORT_CLICKS));
    add_percent(table, &cell, report_get(row, REPORT_CLICKS), impressions);
    add_count(table, &cell, report_get(row, REPORT_CONVERSIONS));
    report_add_money(&cell, report_get(row, REPORT_SPEND), PLACES_MIN);
    end_cell(table, &cell);
    if (report_ecpm(row, &ecpm))
        report_add_money(&cell, ecpm, PLACES_MIN);
    end_cell(table, &cell);
    add_count(table, &cell, report_sum_of(report, row, REPORT_KIND_REASON));
    strbuf_release(&cell);
}

static void print_table(struct tool *tool, const struct report *report)
{
    static const char *const numbers[] = {"serves", "impressions", "viewable",
                                          "clicks", "ctr",         "conversions",
                                          "spend",  "ecpm",        "filtered"};
    const char *const *columns = report_columns(report_asked(report)->by);
    const char *heads[TABLE_COLUMNS_MAX];
    unsigned count = 0, rows = report_row_count(report);
    for (; columns[count]; count++)
        heads[count] = columns[count];
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
        heads[count++] = numbers[i];
    struct table *table = table_new(tool->arena, heads, count, rows + 1);
    for (unsigned i = 0; i < rows; i++)
        add_row(table, report, report_row(report, i));
    add_row(table, report, report_totals(report));
    table_print(table, "", tool->out);
}

void report_print(struct tool *tool, const struct report *report)
{
    struct report_writing at = {0};
    struct strbuf part;
    bool more = true;
    if (report_asked(report)->format == REPORT_TABLE) {
        print_table(tool, report);
        return;
    }
    strbuf_init(&part, SIZE_MAX / 2);
    while (more) {
        more = report_write(report, &at, &part);
        (void)fwrite(part.ptr, 1, part.len, tool->out);
        strbuf_clear(&part);
    }
    strbuf_release(&part);
}
