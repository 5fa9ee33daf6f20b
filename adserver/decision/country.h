/*
 * country: the countries of ISO 3166-1 as small numbers, and sets of them.
 */
#ifndef DECISION_COUNTRY_H
#define DECISION_COUNTRY_H

#include "base/slice.h"

#define COUNTRY_NUMBERS 256 /* numbers are below it */

/*
 * The assigned two-letter codes, and XK, as Kosovo stands in location databases. 0: the code is
 * none of them, in capitals as they are.
 */
unsigned country_number(struct slice code);

struct country_set {
    uint64_t bits[COUNTRY_NUMBERS / 64];
};

static inline bool country_set_has(const struct country_set *set, unsigned number)
{
    return set->bits[number / 64] >> (number % 64) & 1;
}

static inline void country_set_add(struct country_set *set, unsigned number)
{
    set->bits[number / 64] |= UINT64_C(1) << (number % 64);
}

static inline void country_set_remove(struct country_set *set, unsigned number)
{
    set->bits[number / 64] &= ~(UINT64_C(1) << (number % 64));
}

/* Every country; without 0. */
struct country_set country_set_all(void);

#endif
