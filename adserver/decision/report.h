/*
 * report: counts of campaigns added up in rows.
 *
 * Pure: whoever has read counts gives them to it, campaign by campaign. Between report_begin() and
 * report_keep() they are only noted, so that a campaign of which the counts moved while they were
 * read can be dropped and read again. Sums have 128 bits: 2^63 times anything fits.
 *
 * Rows by hour and day are there for the whole time asked for, in its order; others where something
 * was counted, in the order of their keys.
 */
#ifndef DECISION_REPORT_H
#define DECISION_REPORT_H

#include "decision/packed_days.h"
#include "decision/report_metrics.h"
#include "decision/report_query.h"

#define REPORT_ROWS_MAX 100000
#define REPORT_KEYS_MAX 3 /* texts that name a row */

struct report;

/* A campaign; the texts are copied where they are needed. */
struct report_owner {
    struct slice id, name, advertiser;
};

enum report_result {
    REPORT_GOOD,
    REPORT_BROKEN,   /* those bytes are no packed month */
    REPORT_TOO_MUCH, /* more than REPORT_ROWS_MAX rows or REPORT_METRICS_MAX metrics */
};
extern const char *const report_result_words[]; /* a sentence each */

/* `query` is finished, and copied. */
struct report *report_new(const struct report_query *query);
void report_free(struct report *report);

void report_begin(struct report *report, const struct report_owner *owner);

/* One field of an hour's HASH. What is no count is passed over, see report_unreadable(). */
enum report_result report_add_field(struct report *report, int64_t hour, struct slice field,
                                    struct slice value);

/*
 * Which runs of the packed month that begins with the hour `first` are to be read: bits, 1 << run
 * (packed_days.h). The others would add nothing.
 */
unsigned report_runs(struct report *report, int64_t first);

/* One of these runs. What it has outside of the time is left out. */
enum report_result report_add_month(struct report *report, int64_t first, unsigned run,
                                    struct slice packed);

void report_keep(struct report *report);
void report_drop(struct report *report);

/* Once all campaigns are kept; rows without any count go where they are not by time. */
void report_finish(struct report *report);

/* ---- What has been added up ------------------------------------------------------------------ */

typedef packed_total report_sum;

struct report_row {
    struct slice keys[REPORT_KEYS_MAX]; /* as report_columns() heads them */
    report_sum *sums;                   /* by column of report_metrics() */
    unsigned count;                     /* of them; those behind are 0 */
};

const struct report_query *report_asked(const struct report *report);
const struct report_metrics *report_metrics(const struct report *report);
unsigned report_row_count(const struct report *report);
const struct report_row *report_row(const struct report *report, unsigned at);
const struct report_row *report_totals(const struct report *report);
report_sum report_get(const struct report_row *row, unsigned metric);

/* Of a row's metrics of that kind. */
report_sum report_sum_of(const struct report *report, const struct report_row *row,
                         enum report_metric_kind kind);

/* Fields met that are no counts. */
uint64_t report_unreadable(const struct report *report);

/* The heads of the keys, NULL at the end: "campaign", "name", "advertiser". */
const char *const *report_columns(enum report_by by);

/* "2026-11-25T14:00:00+01:00": the hour as the clocks of the zone show it. */
#define REPORT_TIME_MAX 32
void report_hour_text(const struct zone *zone, int64_t hour, char ret[REPORT_TIME_MAX]);

#endif
