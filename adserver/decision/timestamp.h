/*
 * timestamp: a moment as RFC 3339 writes it.
 */
#ifndef DECISION_TIMESTAMP_H
#define DECISION_TIMESTAMP_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct zone;

#define TIMESTAMP_YEAR_MIN 1970
#define TIMESTAMP_YEAR_MAX 2199
#define TIMESTAMP_ALLOWED                                                                     \
    "RFC 3339 from 1970 to 2199, such as 2026-07-01T09:00:00Z or 2026-07-01T09:00:00+02:00; " \
    "without Z or offset it is in `timezone`"

/*
 * Strict: "2026-07-01T09:00:00", up to six digits of a fraction, then Z, an offset, or nothing,
 * which means a local time of `zone`. The leap second 60 is refused.
 * `*ret_us` is in microseconds since 1970-01-01 UTC. `err` says what is wrong.
 */
bool timestamp_parse(struct slice text, const struct zone *zone, int64_t *ret_us, struct err *err);

#endif
