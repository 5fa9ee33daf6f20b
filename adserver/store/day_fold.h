/*
 * day_fold: what of one day's hours is moved into the packed month in one step.
 *
 * It is given the month's sums and the 24 hours as they were read, and makes the bytes that are to
 * stand behind sums and quarters (decision/packed_days.h) and, hour by hour, what is to be taken
 * out (store/fold.lua). A field that is no count, a number below zero or above PACKED_NUMBER_MAX
 * stays where it is: readers see it there.
 */
#ifndef STORE_DAY_FOLD_H
#define STORE_DAY_FOLD_H

#include "decision/packed_days.h"
#include "store/count_keys.h"
#include "store/redis.h"

#define DAY_FOLD_NUMBERS_MAX 2000 /* moved in one step: a millisecond or two of Redis */

struct day_fold;

/* `day` of the month, 1 to 31. */
struct day_fold *day_fold_new(unsigned day);
void day_fold_free(struct day_fold *fold);

/* The month's sums, before the hours; copied. False: they are no packed run, or too large. */
bool day_fold_take_month(struct day_fold *fold, struct slice packed);
/* What HGETALL of an hour answers. */
void day_fold_take_hour(struct day_fold *fold, unsigned hour, const struct redis_reply *reply);

struct day_fold_step {
    size_t month_len;                  /* bytes of the month's sums as they were read */
    struct strbuf packed[PACKED_RUNS]; /* to stand behind sums and quarters */
    struct strbuf hours[HOURS_A_DAY];  /* "<field>\n<number>\n" one behind the other */
    unsigned numbers;                  /* 0: nothing can be moved */
    bool more;                         /* there are more, for another step */
    bool stays;                        /* some can't be moved */
};
/* Once all is taken, and once only; valid as long as `fold`. */
const struct day_fold_step *day_fold_finish(struct day_fold *fold);

#endif
