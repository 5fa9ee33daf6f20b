#include "store/compact.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/check.h"
#include "decision/model.h"
#include "store/day_fold.h"
#include "store/scripts.h"

#define NUMBER_MAX 24

/* Groups of commands, in the order a campaign goes through them. */
enum group {
    GROUP_LIST,    /* which campaigns are there */
    GROUP_THROUGH, /* up to where one has been packed */
    GROUP_LOOK,    /* are there hours in the next days? */
    GROUP_DAYS,    /* in which of them? */
    GROUP_READ,    /* one day: its month and its hours */
    GROUP_FOLD,    /* the script */
    GROUP_CLOSE,   /* `through` */
    GROUP_DONE,
};

struct compact {
    struct compact_config config;
    struct arena *ids, *group_arena; /* of all campaigns; of the texts of one group */
    struct slice *campaigns;
    size_t count, at;
    enum group group;
    unsigned asked, taken; /* commands and replies of the group */
    int64_t day, through;  /* the next to look at; `through` as it stands, INT64_MIN: not */
    int64_t stays_from;    /* the first day with something that can't be packed */
    bool days[COMPACT_DAYS];
    int64_t fold_day; /* of the days looked at, the one that is being folded */
    struct day_fold *fold;
    const struct day_fold_step *step; /* the fold's */
    bool unusable;                    /* its month or one of its hours is something else */
    unsigned tries;
    struct compact_counts counts;
};

struct compact *compact_new(const struct compact_config *config)
{
    struct compact *compact = check_calloc(1, sizeof *compact);
    compact->config = *config;
    compact->ids = arena_new(0);
    compact->group_arena = arena_new(0);
    return compact;
}

void compact_free(struct compact *compact)
{
    if (!compact)
        return;
    day_fold_free(compact->fold);
    arena_free(compact->ids);
    arena_free(compact->group_arena);
    free(compact->campaigns);
    free(compact);
}

bool compact_done(const struct compact *compact)
{
    return compact->group == GROUP_DONE;
}

struct compact_counts compact_counts(const struct compact *compact)
{
    return compact->counts;
}

/* ---- Commands -------------------------------------------------------------------------------- */

static struct slice kept(struct compact *compact, struct slice text)
{
    return arena_copy(compact->group_arena, text);
}

static struct slice campaign_of(const struct compact *compact)
{
    return compact->campaigns[compact->at];
}

static void add_arg(struct compact_command *to, struct slice text)
{
    CHECK(to->count < COMPACT_ARGS_MAX);
    to->args[to->count++] = text;
}

static struct slice hour_key(struct compact *compact, int64_t hour)
{
    char key[LEDGER_KEY_MAX];
    return kept(compact, count_hour_key(key, compact->config.prefix, campaign_of(compact), hour));
}

static struct slice month_key(struct compact *compact, unsigned run)
{
    char key[LEDGER_KEY_MAX];
    int64_t month = count_month_of(compact->fold_day * HOURS_A_DAY);
    return kept(compact,
                count_month_key(key, compact->config.prefix, campaign_of(compact), month, run));
}

static struct slice compacted_key(struct compact *compact)
{
    char key[LEDGER_KEY_MAX];
    return kept(compact, count_compacted_key(key, compact->config.prefix, campaign_of(compact)));
}

static unsigned days_to_look_at(const struct compact *compact)
{
    int64_t left = compact->config.before_day - compact->day;
    return left < COMPACT_DAYS ? (unsigned)left : COMPACT_DAYS;
}

static void ask_exists(struct compact *compact, struct compact_command *ret, int64_t day,
                       unsigned days)
{
    add_arg(ret, SLICE("EXISTS"));
    for (unsigned i = 0; i < days * HOURS_A_DAY; i++)
        add_arg(ret, hour_key(compact, day * HOURS_A_DAY + i));
}

static void ask_list(struct compact *compact, struct compact_command *ret)
{
    char key[LEDGER_KEY_MAX];
    int len = snprintf(key, sizeof key, "%.*scampaigns", SLICE_ARGS(compact->config.prefix));
    add_arg(ret, SLICE("SMEMBERS"));
    add_arg(ret, kept(compact, slice_of(key, (size_t)len)));
}

static void ask_read(struct compact *compact, struct compact_command *ret)
{
    bool month = compact->asked == 0;
    add_arg(ret, month ? SLICE("GET") : SLICE("HGETALL"));
    add_arg(ret, month ? month_key(compact, 0)
                       : hour_key(compact, compact->fold_day * HOURS_A_DAY + compact->asked - 1));
}

static void ask_fold(struct compact *compact, struct compact_command *ret)
{
    const struct day_fold_step *step = compact->step;
    char length[NUMBER_MAX];
    (void)snprintf(length, sizeof length, "%zu", step->month_len);
    ret->script = script_get(SCRIPT_FOLD);
    for (unsigned run = 0; run < PACKED_RUNS; run++)
        ret->keys[ret->key_count++] = month_key(compact, run);
    ret->keys[ret->key_count++] = compacted_key(compact);
    add_arg(ret, kept(compact, slice_cstr(length)));
    for (unsigned run = 0; run < PACKED_RUNS; run++)
        add_arg(ret, strbuf_slice(&step->packed[run]));
    for (unsigned i = 0; i < HOURS_A_DAY; i++) {
        if (step->hours[i].len == 0)
            continue;
        ret->keys[ret->key_count++] = hour_key(compact, compact->fold_day * HOURS_A_DAY + i);
        add_arg(ret, strbuf_slice(&step->hours[i]));
    }
}

static int64_t new_through(const struct compact *compact)
{
    int64_t before = compact->config.before_day;
    return compact->stays_from < before ? compact->stays_from : before;
}

static void ask_close(struct compact *compact, struct compact_command *ret)
{
    char day[COUNT_DAY_MAX];
    count_day_text(new_through(compact), day);
    add_arg(ret, SLICE("HSET"));
    add_arg(ret, compacted_key(compact));
    add_arg(ret, SLICE("through"));
    add_arg(ret, kept(compact, slice_cstr(day)));
}

static unsigned commands_of(const struct compact *compact)
{
    switch (compact->group) {
    case GROUP_DAYS:
        return days_to_look_at(compact);
    case GROUP_READ:
        return 1 + HOURS_A_DAY;
    case GROUP_DONE:
        return 0;
    default:
        return 1;
    }
}

static void write_command(struct compact *compact, struct compact_command *ret)
{
    switch (compact->group) {
    case GROUP_LIST:
        ask_list(compact, ret);
        break;
    case GROUP_THROUGH:
        add_arg(ret, SLICE("HGET"));
        add_arg(ret, compacted_key(compact));
        add_arg(ret, SLICE("through"));
        break;
    case GROUP_LOOK:
        ask_exists(compact, ret, compact->day, days_to_look_at(compact));
        break;
    case GROUP_DAYS:
        ask_exists(compact, ret, compact->day + compact->asked, 1);
        break;
    case GROUP_READ:
        ask_read(compact, ret);
        break;
    case GROUP_FOLD:
        ask_fold(compact, ret);
        break;
    default:
        ask_close(compact, ret);
        break;
    }
}

bool compact_ask(struct compact *compact, struct compact_command *ret)
{
    if (compact->asked == commands_of(compact))
        return false;
    ret->script = NULL;
    ret->key_count = ret->count = 0;
    write_command(compact, ret);
    compact->asked++;
    return true;
}

/* ---- From group to group --------------------------------------------------------------------- */

static void begin(struct compact *compact, enum group group)
{
    compact->group = group;
    compact->asked = compact->taken = 0;
    arena_reset(compact->group_arena);
}

static void begin_campaign(struct compact *compact)
{
    compact->through = INT64_MIN;
    compact->stays_from = INT64_MAX;
    begin(compact, compact->at < compact->count ? GROUP_THROUGH : GROUP_DONE);
}

static void next_campaign(struct compact *compact)
{
    compact->counts.campaigns++;
    compact->at++;
    begin_campaign(compact);
}

/* The days looked at are over. */
static void look_on(struct compact *compact)
{
    if (compact->day < compact->config.before_day)
        begin(compact, GROUP_LOOK);
    else if (new_through(compact) != compact->through)
        begin(compact, GROUP_CLOSE);
    else
        next_campaign(compact);
}

static void read_day(struct compact *compact)
{
    int64_t begin_day =
        count_month_begin(count_month_of(compact->fold_day * HOURS_A_DAY)) / HOURS_A_DAY;
    day_fold_free(compact->fold);
    compact->fold = day_fold_new((unsigned)(compact->fold_day - begin_day) + 1);
    compact->unusable = false;
    begin(compact, GROUP_READ);
}

/* To the next day that has hours. */
static void fold_on(struct compact *compact, int64_t from)
{
    unsigned days = days_to_look_at(compact);
    for (unsigned i = (unsigned)(from - compact->day); i < days; i++) {
        if (!compact->days[i])
            continue;
        compact->fold_day = compact->day + i;
        compact->tries = 0;
        read_day(compact);
        return;
    }
    compact->day += days;
    look_on(compact);
}

/* ---- Replies --------------------------------------------------------------------------------- */

static bool take_list(struct compact *compact, const struct redis_reply *reply)
{
    if (reply->type != REDIS_ARRAY)
        return false;
    compact->campaigns = check_calloc(reply->count + 1, sizeof *compact->campaigns);
    for (size_t i = 0; i < reply->count; i++) {
        if (id_is_valid(reply->items[i].text))
            compact->campaigns[compact->count++] = arena_copy(compact->ids, reply->items[i].text);
    }
    begin_campaign(compact);
    return true;
}

static bool take_through(struct compact *compact, const struct redis_reply *reply)
{
    int64_t day = INT64_MIN;
    if (reply->type == REDIS_STRING && !count_day_parse(reply->text, &day))
        return false;
    compact->through = day;
    compact->day = compact->config.before_day - COMPACT_SINCE_DAYS;
    if (day != INT64_MIN)
        compact->day = day - COMPACT_LATE_DAYS;
    if (compact->config.since_day != INT64_MIN)
        compact->day = compact->config.since_day;
    if (compact->day < 0)
        compact->day = 0;
    look_on(compact);
    return true;
}

static bool take_look(struct compact *compact, const struct redis_reply *reply)
{
    if (reply->integer > 0) {
        begin(compact, GROUP_DAYS);
        return true;
    }
    compact->day += days_to_look_at(compact);
    look_on(compact);
    return true;
}

static bool take_day(struct compact *compact, const struct redis_reply *reply)
{
    compact->days[compact->taken - 1] = reply->integer > 0;
    if (compact->taken == days_to_look_at(compact))
        fold_on(compact, compact->day);
    return true;
}

static void note_staying(struct compact *compact)
{
    compact->counts.staying++;
    if (compact->fold_day < compact->stays_from)
        compact->stays_from = compact->fold_day;
}

/* All of the day has been read. */
static void plan(struct compact *compact)
{
    compact->step = day_fold_finish(compact->fold);
    if (!compact->unusable && compact->step->numbers > 0) {
        begin(compact, GROUP_FOLD);
        return;
    }
    if (compact->unusable || compact->step->stays)
        note_staying(compact);
    fold_on(compact, compact->fold_day + 1);
}

static bool take_read(struct compact *compact, const struct redis_reply *reply)
{
    bool is_month = compact->taken == 1;
    if (is_month && reply->type != REDIS_NIL)
        compact->unusable =
            reply->type != REDIS_STRING || !day_fold_take_month(compact->fold, reply->text);
    else if (!is_month && reply->type == REDIS_ARRAY)
        day_fold_take_hour(compact->fold, compact->taken - 2, reply);
    else if (!is_month)
        compact->unusable = true;
    if (compact->taken == 1 + HOURS_A_DAY)
        plan(compact);
    return true;
}

static bool take_fold(struct compact *compact, const struct redis_reply *reply)
{
    if (reply->integer != 1) {
        read_day(compact);
        return ++compact->tries < COMPACT_TRIES;
    }
    compact->counts.numbers += compact->step->numbers;
    if (compact->step->more) {
        read_day(compact);
        return true;
    }
    compact->counts.days++;
    if (compact->step->stays)
        note_staying(compact);
    fold_on(compact, compact->fold_day + 1);
    return true;
}

static bool take_close(struct compact *compact, const struct redis_reply *reply)
{
    (void)reply;
    next_campaign(compact);
    return true;
}

typedef bool take_fn(struct compact *compact, const struct redis_reply *reply);
static take_fn *const takers[] = {
    [GROUP_LIST] = take_list,   [GROUP_THROUGH] = take_through, [GROUP_LOOK] = take_look,
    [GROUP_DAYS] = take_day,    [GROUP_READ] = take_read,       [GROUP_FOLD] = take_fold,
    [GROUP_CLOSE] = take_close,
};

static bool refuse(const struct compact *compact, const char *text, struct err *err)
{
    if (compact->group == GROUP_LIST)
        (void)err_at(err, "%.*scampaigns", SLICE_ARGS(compact->config.prefix));
    else
        (void)err_at(err, "%.*scompacted:{%.*s}", SLICE_ARGS(compact->config.prefix),
                     SLICE_ARGS(campaign_of(compact)));
    return err_set(err, "%s", text);
}

bool compact_take(struct compact *compact, const struct redis_reply *reply, struct err *err)
{
    CHECK(compact->taken < compact->asked);
    compact->taken++;
    if (reply->type == REDIS_ERROR_TEXT && compact->group != GROUP_READ)
        return refuse(compact, err_quote(reply->text), err);
    if (takers[compact->group](compact, reply))
        return true;
    return refuse(compact,
                  compact->group == GROUP_FOLD
                      ? "its counts change faster than they can be packed; allowed: trying later"
                      : "what stands there is something else; allowed: what servers write",
                  err);
}
