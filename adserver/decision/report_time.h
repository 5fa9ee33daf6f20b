/*
 * report_time: which row of a report an hour goes into.
 *
 * Told by places: rows by hour or day stand at 0, 1, …; where rows are not by time, all that is
 * asked for goes to place 0. The place behind the last one is that of hours not asked for. So
 * whoever adds up needs no question of each hour, only one sum more than there are rows.
 *
 * A packed month is read by days (packed_days.h): a day's sum goes to the place of its `rest`, that
 * of the hours in quarters that are not read, which is one for all of them. The hours of quarters
 * that are read are moved from there to their own places.
 */
#ifndef DECISION_REPORT_TIME_H
#define DECISION_REPORT_TIME_H

#include "decision/packed_days.h"
#include "decision/report_query.h"
#include "decision/report_rows.h"

#define REPORT_DAY_HOURS  24
#define REPORT_MONTH_DAYS 31

struct report_month {
    int64_t first;     /* hour */
    unsigned quarters; /* bits of those to be read: the fewest that do */
    uint32_t rest[REPORT_MONTH_DAYS];
    uint32_t places[REPORT_MONTH_DAYS * REPORT_DAY_HOURS]; /* of its hours */
    uint32_t from, until; /* among these are all of its places but the one outside */
};

struct report_time {
    int64_t first_hour, end_hour;
    uint32_t *hours;              /* their places; NULL: rows are not by time */
    uint32_t outside;             /* the place of what is not asked for */
    struct report_month **months; /* those met so far */
    unsigned month_count, month_last;
};

/* Makes the rows where they are by time; `rows` has none yet. */
void report_time_init(struct report_time *time, const struct report_query *query,
                      struct report_rows *rows);
void report_time_release(struct report_time *time);

uint32_t report_time_place(const struct report_time *time, int64_t hour);

/* The month that begins with that hour. Stays as long as `time`. */
const struct report_month *report_time_month(struct report_time *time, int64_t first);

#endif
