/*
 * memory_caps: frequency caps counted in this process's memory.
 *
 * The same rule as store/reserve.lua, for deciding what is past or supposed (forecasts, tests): a
 * counter's window opens with its first serve and lasts the period; all caps of a serve have room,
 * or none is counted.
 */
#ifndef DECISION_MEMORY_CAPS_H
#define DECISION_MEMORY_CAPS_H

#include "decision/selection.h"

#define MEMORY_CAPS_MAX (UINT64_C(1) << 26) /* counters; what comes then is refused */

struct memory_caps;

struct memory_caps *memory_caps_new(void);
void memory_caps_free(struct memory_caps *caps);

/*
 * Takes one serve to the viewer of each candidate of the group, under all caps of all of them
 * together, or says false and counts nothing. `now_ms` must not go back.
 */
bool memory_caps_take(struct memory_caps *caps, uint64_t viewer,
                      const struct candidate *const *group, unsigned count, int64_t now_ms);

#endif
