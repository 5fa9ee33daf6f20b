/*
 * conversion: what an advertiser reports of a click that was worth something.
 *
 * Parameters of /v1/x/: `value` (decimal, at most 6 digits behind the point) with `currency` (ISO
 * 4217, three capitals), and `order`, by which the advertiser knows it: each order counts once, and
 * without one each click does.
 */
#ifndef DECISION_CONVERSION_H
#define DECISION_CONVERSION_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define CONVERSION_VALUE_MAX_MICRO (INT64_C(1000000000) * 1000000) /* of one conversion */
#define CONVERSION_CURRENCY_BYTES  3
#define CONVERSION_ORDER_MAX       64

struct conversion {
    int64_t value_micro;   /* 0 to CONVERSION_VALUE_MAX_MICRO */
    struct slice currency; /* empty: it has no value */
    struct slice order;    /* empty: it has none; else [A-Za-z0-9._-]{1,64} */
};

/*
 * Reads them one by one: begin with an empty one, take each parameter (unknown names are passed
 * over), check the whole. False with `err`: `where` names the parameter. Slices are not copied.
 */
struct conversion_reading {
    struct conversion conversion;
    bool has_value;
};
bool conversion_take(struct conversion_reading *reading, struct slice name, struct slice value,
                     struct err *err);
bool conversion_check(const struct conversion_reading *reading, struct err *err);

/* Whether all is within the limits above, as stored bytes may not be. */
bool conversion_is_valid(const struct conversion *conversion);

/*
 * How long after the serve a conversion may count: a click may come for `page_ttl_ms`, and a
 * conversion for `click_window_ms` after it; without a click for `view_window_ms` after the serve.
 */
int64_t conversion_window_ms(int64_t page_ttl_ms, int64_t click_window_ms, int64_t view_window_ms);

#endif
