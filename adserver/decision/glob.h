/*
 * glob: `*` stands for any bytes, also none and also `/`, `?` for exactly one, all others for
 * themselves.
 *
 * Without backtracking. The part before the first `*` must begin the text and the part behind the
 * last one end it; what stands between is looked for from left to right, and the first place found
 * is as good as any later one. So each byte of the text is gone over a fixed number of times,
 * however hostile glob and text are.
 */
#ifndef DECISION_GLOB_H
#define DECISION_GLOB_H

#include "base/slice.h"

#define GLOB_PART_MAX 64 /* bytes between two `*` where there is a `?` among them */

/* Whether it keeps GLOB_PART_MAX. */
bool glob_is_valid(struct slice glob);

/* The glob is a valid one. */
bool glob_matches(struct slice glob, struct slice text);

#endif
