/*
 * field: how the text of one field becomes a member of an entry.
 *
 * A parse function checks `text`, which is never empty, and writes to the member `to` points at. On
 * a mistake it says in reading->err what is wrong; what is allowed the row's phrase adds
 * (record.c).
 */
#ifndef DECISION_FIELD_H
#define DECISION_FIELD_H

#include "decision/list.h"
#include "decision/record.h"

/* A record on its way to becoming an entry. */
struct reading {
    const struct record *record;
    const struct record_form_row *rows; /* of its kind */
    unsigned row_count;
    struct arena *arena;               /* for all that the entry points to, until it is packed */
    struct slice name;                 /* of the field being parsed */
    const struct zone *zone;           /* in which times without an offset are */
    struct targeting_lists *targeting; /* a campaign's, as read; NULL before the first */
    struct err *err;
};

/* Checks the id and the record's size; where they are fine, reading_end() is to be called. */
bool reading_begin(struct reading *reading, const struct record *record, struct err *err);

void reading_end(struct reading *reading);

/* All fields, row by row, into `entry`. */
bool reading_run(struct reading *reading, void *entry);

/* The field's value as written; empty where it is not given. */
struct slice reading_value(const struct reading *reading, const char *name);

/* Refuses with the row's name in `where`; what is allowed is added to what err.text says. */
bool reading_refuse(struct reading *reading, const char *name);

#define MONEY_MAX_UNITS 1000000000
#define MONEY_ALLOWED   "a decimal number from 0 to 1000000000, at most 6 digits behind the point"
#define BUDGET_ALLOWED \
    "a decimal number above 0 up to 1000000000, at most 6 digits behind the point"
#define COUNT_MAX      1000000000000
#define COUNT_ALLOWED  "a whole number from 1 to 1000000000000"
#define TEXT_ALLOWED   "text of at most 1024 bytes, UTF-8, without control characters"
#define STATUS_ALLOWED "active, paused or archived"
#define WEIGHT_ALLOWED "a whole number from 1 to 1000000"
#define ID_ALLOWED     "1 to 64 of a-z, 0-9, `.`, `_` and `-`, the first one a letter or digit"

record_parse_fn field_text;   /* struct slice */
record_parse_fn field_id;     /* struct slice */
record_parse_fn field_status; /* enum entry_status */
record_parse_fn field_weight; /* uint32_t */
record_parse_fn field_money;  /* int64_t, millionths */
record_parse_fn field_time;   /* int64_t, microseconds */
record_parse_fn field_caps;   /* struct caps */
record_parse_fn field_hosts;  /* struct slice_list */
record_parse_fn field_count;  /* uint64_t, 1 to COUNT_MAX */
record_parse_fn field_budget; /* int64_t, millionths, above 0 */

/* "1.37", in millionths. */
bool field_money_parse(struct slice text, int64_t *ret_micro, struct err *err);

/* "970x250" */
bool field_size(struct slice text, struct size *ret, struct err *err);

/* One of `words`, which NULL ends. */
bool field_word(struct slice text, const char *const *words, unsigned *ret, struct err *err);

#endif
