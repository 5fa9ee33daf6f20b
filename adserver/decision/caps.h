/*
 * caps: how often one viewer may see a campaign or creative: "1/10m,3/1d,10/lifetime".
 */
#ifndef DECISION_CAPS_H
#define DECISION_CAPS_H

#include <stddef.h>

#include "base/err.h"
#include "decision/model.h"

#define CAPS_ALLOWED                                                                           \
    "up to 8 of <count>/<period>, each period once: count 1 to 1000000, period a number with " \
    "s, m, h, d or w up to 400d, or lifetime"

/* Bytes of it that are in use. */
static inline size_t caps_size(const struct caps *caps)
{
    return offsetof(struct caps, item) + caps->count * sizeof(struct cap);
}

/*
 * `owner` names whose caps these are, "campaign/<id>" or "creative/<id>", so that the counters of a
 * campaign and a creative of the same id differ. `err` says what is wrong.
 */
bool caps_parse(struct slice text, struct slice owner, struct caps *ret, struct err *err);

#endif
