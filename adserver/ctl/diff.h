/*
 * diff: what changes, for people: entry by entry, field by field, old → new.
 *
 *     + slot header
 *         sizes: 970x250,728x90
 *     ~ campaign spring
 *         weight: 1 → 3
 *         cpm: 4.5 → (none)
 *     - creative old
 *     1 new, 1 changed, 1 deleted
 */
#ifndef CTL_DIFF_H
#define CTL_DIFF_H

#include "ctl/change.h"

#define DIFF_VALUE_MAX 240 /* bytes of a value before it is cut */

void diff_print(const struct changes *changes, FILE *to);

#endif
