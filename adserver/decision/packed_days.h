/*
 * packed_days: a campaign's counts of one month (UTC) in five runs of bytes: the sums of its days,
 * and their hours in four quarters of six hours each.
 *
 * What an hour's HASH holds as text takes some 50 bytes a number; packed it takes one or two. Most
 * reports read sums alone. One by days of another time zone reads the quarters in which these days
 * begin as well, and none of the others.
 *
 * The bytes only ever grow at their end, so that adding a day needs no reading back inside Redis:
 *
 *     run     "M1" item*
 *     item    0, length, bytes           the next field, numbered from 0:
 * `<creative>|<slot>|<metric>` | day (1..31), count, entry* counts of that day entry   field, size,
 * sum [, mask, number*]
 *
 * All numbers are little-endian base 128, seven bits a byte. `size` is that of what follows it in
 * the entry. In a quarter `mask` is a byte with a bit for each hour that has a number other than
 * zero, and `sum` that of these numbers. All five runs name the same fields in the same order. A
 * day and field may come more than once (what is counted late is added later); readers add
 * everything up.
 *
 * Anything may stand in Redis: reading checks all of it and never goes past the end.
 */
#ifndef DECISION_PACKED_DAYS_H
#define DECISION_PACKED_DAYS_H

#include "base/slice.h"
#include "base/strbuf.h"

#define PACKED_QUARTERS   4
#define PACKED_HOURS      6                        /* of a quarter */
#define PACKED_RUNS       (1 + PACKED_QUARTERS)    /* sums, then the quarters */
#define PACKED_NUMBER_MAX ((INT64_C(1) << 53) - 1) /* of an hour; larger ones are not packed */
#define PACKED_FIELD_MAX  192                      /* bytes of a field's name */
#define PACKED_FIELDS_MAX 65536                    /* of a month */
#define PACKED_RUN_MAX    ((size_t)16 * 1024 * 1024)

/* ---- Reading --------------------------------------------------------------------------------- */

struct packed_reader {
    struct slice rest;
    unsigned fields; /* named so far */
    unsigned day;
    uint64_t entries; /* of that day, still to come */
};

enum packed_item {
    PACKED_END,
    PACKED_FIELD,  /* `name` is the next field */
    PACKED_DAY,    /* entries of `day` follow; of packed_next_part() alone */
    PACKED_ENTRY,  /* counts of `field` on `day` */
    PACKED_BROKEN, /* it is no packed run */
};

struct packed_entry {
    struct slice name;
    unsigned field, day;
    int64_t sum;
    struct slice hours; /* of a quarter, for packed_hours(); empty: a day's sum */
};

/* No bytes at all are a month without days. */
void packed_begin(struct packed_reader *reader, struct slice bytes);
enum packed_item packed_next(struct packed_reader *reader, struct packed_entry *ret);

/* False where the hours are broken, or do not add up to the sum. */
bool packed_hours(const struct packed_entry *entry, int64_t ret[PACKED_HOURS]);

/* ---- Adding up ------------------------------------------------------------------------------- */

/*
 * The same in one pass, for who wants sums alone: instead of a day's first entry packed_next_part()
 * tells of the day, and one of the others adds up all of its entries. A field's counts go to
 * `totals[field]`, which has an item for each place; NULL: it is not asked for, and its hours are
 * not looked at. False: it is broken, and some of it may have been added.
 */
typedef __int128 packed_total;

/* Only where no entry is left to be read. */
enum packed_item packed_next_part(struct packed_reader *reader, struct packed_entry *ret);

/* The sums, all to one place. */
bool packed_sum_day(struct packed_reader *reader, packed_total *const *totals, uint32_t place);

/* Of a quarter: each hour to its place, and off from where the day's sum is. */
bool packed_sum_hours(struct packed_reader *reader, packed_total *const *totals,
                      const uint32_t places[PACKED_HOURS], uint32_t from);

/* ---- Writing --------------------------------------------------------------------------------- */

/* What a run begins with. */
void packed_add_head(struct strbuf *to);
void packed_add_field(struct strbuf *to, struct slice name);
/* `entries` of them follow. */
void packed_add_day(struct strbuf *to, unsigned day, unsigned entries);
/* Above 0. */
void packed_add_sum(struct strbuf *to, unsigned field, int64_t sum);
/* Each number from 0 to PACKED_NUMBER_MAX, one of them at least above 0. */
void packed_add_hours(struct strbuf *to, unsigned field, const int64_t hours[PACKED_HOURS]);

#endif
