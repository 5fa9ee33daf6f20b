/*
 * report_query: what a report is asked for, by parameters that adctl and the API have in common.
 *
 *     campaign=ID     only that one; as often as needed
 *     advertiser=TEXT only campaigns of that advertiser
 *     from=, to=      RFC 3339, or a date alone, in the time zone: from the beginning of that day,
 * to the end of that day. Without them: seven days, today included timezone=NAME   of the tz
 * database; UTC by=, format=    the words below; day, json
 *
 * Counts stand by the hour of UTC. An hour belongs whole to where it begins: where local time is
 * not whole hours ahead of UTC, a local day has the 24 hours (or 23, or 25) that begin in it.
 */
#ifndef DECISION_REPORT_QUERY_H
#define DECISION_REPORT_QUERY_H

#include <stdint.h>

#include "base/err.h"
#include "decision/zone.h"

#define REPORT_CAMPAIGNS_MAX 100 /* named in one report */
#define REPORT_HOURS_MAX     (24 * 366 * 10)
#define REPORT_TEXT_MAX      1024 /* bytes of one value */

enum report_by {
    REPORT_BY_HOUR,
    REPORT_BY_DAY,
    REPORT_BY_SLOT,
    REPORT_BY_CREATIVE,
    REPORT_BY_CAMPAIGN,
    REPORT_BY_ADVERTISER,
};
extern const char *const report_by_words[]; /* NULL at the end */

enum report_format { REPORT_TABLE, REPORT_CSV, REPORT_JSON };
extern const char *const report_format_words[]; /* NULL at the end */

struct report_query {
    struct slice campaigns[REPORT_CAMPAIGNS_MAX];
    unsigned campaign_count;
    struct slice advertiser;
    bool has_advertiser;
    struct slice from, to, timezone; /* as given; empty: not */
    enum report_by by;
    enum report_format format;
    /* What report_query_finish() makes of them: hours since 1970, [first, end). */
    const struct zone *zone;
    int64_t first_hour, end_hour;
};

void report_query_clear(struct report_query *query);

/* Takes one parameter; `value` is kept. False with `err` (where: the parameter). */
bool report_query_take(struct report_query *query, struct slice name, struct slice value,
                       struct err *err);

/* Once all are taken. */
bool report_query_finish(struct report_query *query, int64_t now_us, struct err *err);

#endif
