/*
 * report_rows: the rows of a report, found by their key, with a sum for each metric.
 */
#ifndef DECISION_REPORT_ROWS_H
#define DECISION_REPORT_ROWS_H

#include "decision/id_table.h"
#include "decision/report.h"

#define REPORT_NO_ROW UINT32_MAX

struct report_entry;

struct report_rows {
    struct arena *arena; /* of keys and rows; must outlive them */
    struct report_entry **entries;
    uint32_t count, room;
    struct id_table table;
};

void report_rows_init(struct report_rows *rows, struct arena *arena);
void report_rows_release(struct report_rows *rows);

/* The row of that key, a new one at the end where there is none: REPORT_NO_ROW when it is full. */
uint32_t report_rows_find(struct report_rows *rows, const struct slice keys[REPORT_KEYS_MAX]);

void report_rows_add(struct report_rows *rows, uint32_t at, unsigned metric, report_sum number);
const struct report_row *report_rows_at(const struct report_rows *rows, uint32_t at);

/* In the order of their keys, without those that have nothing; their places change. */
void report_rows_sort(struct report_rows *rows);

/* For rows that stand alone: adds to a sum, which is made where it is missing. */
void report_row_add(struct report_row *row, unsigned metric, report_sum number);

#endif
