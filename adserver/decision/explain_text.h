/*
 * explain_text: numbers, times and foreign texts inside the phrases of explain.
 */
#ifndef DECISION_EXPLAIN_TEXT_H
#define DECISION_EXPLAIN_TEXT_H

#include "base/strbuf.h"
#include "decision/zone.h"

#define EXPLAIN_VALUE_MAX 80 /* bytes of a foreign text that are shown */

/* Cut, without control characters. */
void explain_add_value(struct strbuf *ret, struct slice value);

/* "1.2", "3", "0.137": millionths without what says nothing. */
void explain_add_micro(struct strbuf *ret, int64_t micro);

/* "9.7 %", rounded down; `all` is not 0. */
void explain_add_percent(struct strbuf *ret, uint32_t part, uint32_t all);

/* "1d", "90m", "lifetime" (CAP_LIFETIME) */
void explain_add_period(struct strbuf *ret, int64_t period_ms);

/* "2026-11-25T00:40:00Z", whole seconds. */
void explain_add_utc(struct strbuf *ret, int64_t us);

/* "2026-12-01 09:00 Europe/Berlin", with seconds where there are some. */
void explain_add_moment(struct strbuf *ret, const struct zone *zone, int64_t us);

/* "Wed 03:12 Europe/Berlin" */
void explain_add_weekday(struct strbuf *ret, const struct zone *zone, int64_t us);

/*
 * A time ahead: "14:02", with its date where that is not today's, with seconds where it is near. A
 * minute, or second, that is begun counts as full.
 */
void explain_add_time_ahead(struct strbuf *ret, const struct zone *zone, int64_t now_us,
                            int64_t us);

#endif
