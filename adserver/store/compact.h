/*
 * compact: packs the hours of closed days, command by command.
 *
 * Like report_read.h it knows no connection: it is asked for commands and given their replies in
 * the same order. Commands come in groups that need no answer to each other (compact_ask() until it
 * is false, then all replies); between groups a server lets time pass.
 *
 * Campaign by campaign, from a month before the day up to which it was packed last (a server may
 * have written an hour late), or from `since` on, its days are looked for; those that have hours
 * are folded (day_fold.h, fold.lua), one script a step; at the end `through` is set. Whatever dies
 * in between, every count stands in exactly one place, and the next round goes on. Where two do it
 * at once, one of them finds that the counts have moved and looks again.
 */
#ifndef STORE_COMPACT_H
#define STORE_COMPACT_H

#include "decision/packed_days.h"
#include "store/count_keys.h"
#include "store/redis.h"

#define COMPACT_SINCE_DAYS 1100 /* how far back hours are looked for the first time */
#define COMPACT_LATE_DAYS  31   /* how far back again in later rounds */
#define COMPACT_TRIES      20   /* of one step while others change the same */
#define COMPACT_DAYS       20   /* looked for with one command */
#define COMPACT_KEYS_MAX   (PACKED_RUNS + 1 + HOURS_A_DAY)
#define COMPACT_ARGS_MAX   (HOURS_A_DAY * COMPACT_DAYS + 8)

struct compact_config {
    struct slice prefix; /* must outlive it */
    int64_t before_day;  /* days before it are closed */
    int64_t since_day;   /* look from there on, whatever was packed; INT64_MIN: as above */
};

struct compact_command {
    const struct redis_script *script; /* NULL: a plain command of all arguments */
    struct slice keys[COMPACT_KEYS_MAX];
    unsigned key_count;
    struct slice args[COMPACT_ARGS_MAX];
    unsigned count; /* of args */
};

struct compact_counts {
    uint64_t campaigns, days, numbers;
    uint64_t staying; /* days with something that can't be packed */
};

struct compact;

struct compact *compact_new(const struct compact_config *config);
void compact_free(struct compact *compact);

/* False: wait for the replies of this group; see compact_done(). Valid until the group is over. */
bool compact_ask(struct compact *compact, struct compact_command *ret);

/* The reply to the oldest command without one, errors too. False with `err`: it is over. */
bool compact_take(struct compact *compact, const struct redis_reply *reply, struct err *err);

bool compact_done(const struct compact *compact);
struct compact_counts compact_counts(const struct compact *compact);

#endif
