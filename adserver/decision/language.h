/*
 * language: the language a viewer prefers, from Accept-Language (RFC 9110, section 12.5.4).
 */
#ifndef DECISION_LANGUAGE_H
#define DECISION_LANGUAGE_H

#include "base/slice.h"

#define LANGUAGE_RANGES_MAX 32 /* of one header that are looked at */

/*
 * The language range with the highest weight, the first among equals, as sent; it points into
 * `header`. `*` and ranges with `q=0` prefer nothing, and what is malformed is passed over. Empty
 * when there is none.
 */
struct slice language_preferred(struct slice header);

#endif
