/*
 * zone: local times of the tz database.
 *
 * A zone is kept for the life of the process once its name has been asked for, so that pointers to
 * it stay good and equal names give equal pointers. Looking a moment up takes nanoseconds.
 *
 * The rules come from glibc, which knows one zone at a time, the process's own: to learn them this
 * module sets TZ and puts it back. That happens once for each zone and stretch of eight years that
 * is asked for and takes some 0.2 ms: in practice while campaigns are loaded. For one thread.
 */
#ifndef DECISION_ZONE_H
#define DECISION_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define ZONE_NAME_MAX 64   /* bytes */
#define ZONES_MAX     1024 /* kept; the database has some 600 names */

struct zone;

/*
 * NULL where the tz database has no such name ("Europe/Berlin", "UTC"), or ZONES_MAX are kept.
 * Nothing but [A-Za-z0-9_+/-] is looked up, so that a name cannot lead out of its folder.
 */
const struct zone *zone_find(struct slice name);

struct slice zone_name(const struct zone *zone);

/* Clocks are `offset_s` ahead of UTC from `from_s` up to, not including, `until_s` (UTC seconds).
 */
struct zone_span {
    int64_t from_s, until_s; /* INT64_MAX: for ever, as far as is known */
    int32_t offset_s;
};
struct zone_span zone_span_at(const struct zone *zone, int64_t utc_s);

/* What clocks show, as if it were UTC. */
int64_t zone_local_s(const struct zone *zone, int64_t utc_s);

/*
 * The first moment (seconds since 1970-01-01 UTC) at which clocks in the zone show `local_s` (the
 * same count as if the local time were UTC) or a later time. So where clocks go back, the first of
 * the two; where they jump ahead over that time, the moment of the jump.
 */
int64_t zone_to_utc(const struct zone *zone, int64_t local_s);

/* When the span ends in which `now_us` is; INT64_MAX: never. */
int64_t zone_next_change_us(const struct zone *zone, int64_t now_us);

/* How long the local week has lasted by what clocks show, from Sunday, 00:00 on. */
int64_t zone_week_us(const struct zone *zone, int64_t now_us);

/*
 * The local day a moment is in. Days follow each other without gap or overlap, the first moment
 * that shows the date, or a later one, begins it; they may last 23 or 25 hours.
 */
struct zone_day {
    int64_t begin_us, end_us; /* [begin, end) */
    int32_t date;             /* 20260329 */
};
struct zone_day zone_day_at(const struct zone *zone, int64_t now_us);

#endif
