/*
 * hours: times of the week, hour by hour.
 */
#ifndef DECISION_HOURS_H
#define DECISION_HOURS_H

#include "base/slice.h"

#define HOURS_PER_WEEK 168

/* Hour 0 begins on Sunday at 00:00, by what clocks show. */
struct hours {
    uint64_t bits[3];
};

static inline bool hours_have(const struct hours *hours, unsigned hour)
{
    return hours->bits[hour / 64] >> (hour % 64) & 1;
}

/*
 * Adds "mon-fri 09-18", "sat 22-02" (which ends on Sunday) or "09-18" (every day). Days may go
 * round the week's end. False, and nothing added, for other texts.
 */
bool hours_add(struct hours *hours, struct slice text);

#endif
