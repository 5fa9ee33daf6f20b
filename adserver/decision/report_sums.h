/*
 * report_sums: what is counted by time, a column of sums for each metric.
 *
 * A column has a sum for each place of report_time.h. What has been read of a campaign is noted in
 * columns of its own, so that it can be dropped, and is added to what is kept column by column.
 */
#ifndef DECISION_REPORT_SUMS_H
#define DECISION_REPORT_SUMS_H

#include "decision/report_rows.h"

struct report_sums {
    uint32_t places; /* of a column; the last is never kept */
    report_sum *noted[REPORT_METRICS_MAX], *kept[REPORT_METRICS_MAX]; /* NULL: none yet */
    uint32_t from, until; /* places in which something may be noted */
};

void report_sums_init(struct report_sums *sums, uint32_t places);
void report_sums_release(struct report_sums *sums);

/* Where a metric is noted; say which places beforehand. Stays as long as `sums`. */
report_sum *report_sums_of(struct report_sums *sums, unsigned metric);
void report_sums_touch(struct report_sums *sums, uint32_t from, uint32_t until);

void report_sums_keep(struct report_sums *sums);
void report_sums_drop(struct report_sums *sums);

/* Adds what is kept to rows, one for each place but the last; then nothing is kept any more. */
void report_sums_give(struct report_sums *sums, struct report_rows *rows);

#endif
