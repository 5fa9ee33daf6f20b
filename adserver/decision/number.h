/*
 * number: whole numbers and decimals of fields, as integers.
 */
#ifndef DECISION_NUMBER_H
#define DECISION_NUMBER_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* Digits alone, `min` to `max`. `err` says what is wrong. */
bool number_parse(struct slice text, uint64_t min, uint64_t max, uint64_t *ret, struct err *err);

#define DECIMAL_PLACES_MAX 6

/*
 * "12", "0.5": digits, at most `places` of them behind a point; no sign, no exponent. `*ret` is the
 * number times ten to the power of `places`, at most `max`.
 */
bool decimal_parse(struct slice text, unsigned places, uint64_t max, uint64_t *ret,
                   struct err *err);

#endif
