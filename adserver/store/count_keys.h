/*
 * count_keys: where a campaign's counts stand in Redis, hour by hour and packed.
 *
 *     <prefix>count:{<campaign>}:<YYYYMMDDHH>  HASH, an hour (UTC): field
 * <creative>|<slot>|<metric> <prefix>month:{<campaign>}:<YYYYMM>      STRING, closed days of a
 * month (decision/packed_days.h) <prefix>compacted:{<campaign>}           HASH: `through`, the day
 * (YYYYMMDD) before which all hours have been packed, and `folds`, which grows whenever counts move
 *     <prefix>total:{<campaign>}               HASH, its sums since it began: field <metric>
 *
 * Hours, days and months are numbers since 1970, in UTC.
 */
#ifndef STORE_COUNT_KEYS_H
#define STORE_COUNT_KEYS_H

#include <stdbool.h>

#include "store/ledger_keys.h"

#define HOURS_A_DAY 24

struct slice count_hour_key(char buffer[LEDGER_KEY_MAX], struct slice prefix, struct slice campaign,
                            int64_t hour);
/* `run`: 0 sums, 1 to 4 the quarters. */
struct slice count_month_key(char buffer[LEDGER_KEY_MAX], struct slice prefix,
                             struct slice campaign, int64_t month, unsigned run);
struct slice count_compacted_key(char buffer[LEDGER_KEY_MAX], struct slice prefix,
                                 struct slice campaign);
struct slice count_total_key(char buffer[LEDGER_KEY_MAX], struct slice prefix,
                             struct slice campaign);

/* The month that an hour is in, and the hour that a month begins with. */
int64_t count_month_of(int64_t hour);
int64_t count_month_begin(int64_t month);

/* "20261130" */
#define COUNT_DAY_MAX 16
void count_day_text(int64_t day, char ret[COUNT_DAY_MAX]);
bool count_day_parse(struct slice text, int64_t *ret);

/* "2026113019" and "202611", exactly. */
bool count_hour_parse(struct slice text, int64_t *ret);
bool count_month_parse(struct slice text, int64_t *ret);

#endif
