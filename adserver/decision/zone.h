/*
 * zone: local times of the tz database.
 *
 * The rules come from glibc, which knows one zone at a time, the process's own; these functions
 * set it and put it back, so they are for one thread and for loading, never for the hot path.
 */
#ifndef DECISION_ZONE_H
#define DECISION_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define ZONE_NAME_MAX 64 /* bytes */

/*
 * Whether the tz database has that name ("Europe/Berlin", "UTC"). Nothing but [A-Za-z0-9_+/-] is
 * looked up, so that a name cannot lead out of the database's folder.
 */
bool zone_exists(struct slice name);

/*
 * The first moment (seconds since 1970-01-01 UTC) at which clocks in the zone show `local_s` (the
 * same count as if the local time were UTC) or a later time. So where clocks go back, the first of
 * the two; where they jump ahead over that time, the moment of the jump. The zone must exist.
 */
int64_t zone_to_utc(struct slice name, int64_t local_s);

#endif
