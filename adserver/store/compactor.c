#include "store/compactor.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
#include "net/loop.h"
#include "store/compact.h"

#define DAY_MS     (INT64_C(86400) * 1000)
#define NAME_MAX   17 /* 64 bits in hexadecimal, with a NUL */
#define NUMBER_MAX 24

struct compactor {
    struct compactor_config config;
    struct random random;
    struct loop_timer *timer;
    struct compact *compact; /* NULL between rounds */
    struct compact_command command;
    char name[NAME_MAX]; /* who holds the lock */
    char lock[LEDGER_PREFIX_MAX + 16];
    int64_t renew_us; /* monotonic: when the lock is to be taken again */
    unsigned open;    /* commands without an answer */
    bool failed;
};

static void wait_ms(struct compactor *compactor, int64_t ms)
{
    loop_timer_set(compactor->timer, ms * US_PER_MS);
}

/* The next round, at another moment on each server. */
static void rest(struct compactor *compactor)
{
    compact_free(compactor->compact);
    compactor->compact = NULL;
    wait_ms(compactor,
            COMPACTOR_ROUND_MS / 2 + (int64_t)random_below(&compactor->random, COMPACTOR_ROUND_MS));
}

static void tell(const struct compactor *compactor)
{
    const struct compact_counts counts = compact_counts(compactor->compact);
    if (counts.days > 0)
        log_event(LOG_INFO, "compactor: packed", LOG_INT("days", counts.days),
                  LOG_INT("numbers", counts.numbers), LOG_INT("campaigns", counts.campaigns));
    if (counts.staying > 0)
        log_event(LOG_WARNING, "compactor: hours hold what can't be packed",
                  LOG_INT("days", counts.staying));
}

/* ---- A group of commands --------------------------------------------------------------------- */

static void group_is_over(struct compactor *compactor)
{
    if (compactor->failed) {
        rest(compactor);
    } else if (compact_done(compactor->compact)) {
        tell(compactor);
        rest(compactor);
    } else {
        wait_ms(compactor, COMPACTOR_PAUSE_MS);
    }
}

static void on_reply(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct compactor *compactor = arg;
    struct err err = {"", ""};
    bool has_reply = failure == REDIS_OK || (failure == REDIS_ERROR && reply);
    compactor->open--;
    if (!compactor->failed && !has_reply)
        compactor->failed = true;
    else if (!compactor->failed && !compact_take(compactor->compact, reply, &err)) {
        compactor->failed = true;
        log_event(LOG_WARNING, "compactor: stops", LOG_STR("where", err.where),
                  LOG_STR("error", err.text));
    }
    if (compactor->open == 0)
        group_is_over(compactor);
}

static void send_command(struct compactor *compactor)
{
    const struct compact_command *command = &compactor->command;
    compactor->open++;
    if (command->script)
        redis_run_script(compactor->config.redis, command->script, command->keys,
                         command->key_count, command->args, command->count, 0, on_reply, compactor);
    else
        redis_command(compactor->config.redis, command->args, command->count, 0, on_reply,
                      compactor);
}

/* ---- The lock -------------------------------------------------------------------------------- */

static void begin_round(struct compactor *compactor)
{
    int64_t closed_ms =
        clock_wall_us(compactor->config.clock) / US_PER_MS - compactor->config.after_ms;
    const struct compact_config config = {
        .prefix = compactor->config.prefix,
        .before_day = closed_ms / DAY_MS,
        .since_day = INT64_MIN,
    };
    compactor->failed = false;
    compactor->compact = compact_new(&config);
}

static void go_on(struct compactor *compactor)
{
    if (!compactor->compact)
        begin_round(compactor);
    compactor->renew_us = clock_mono_us(compactor->config.clock) + COMPACTOR_RENEW_MS * US_PER_MS;
    wait_ms(compactor, 0);
}

static void on_renewed(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct compactor *compactor = arg;
    (void)reply;
    compactor->open--;
    if (failure == REDIS_OK)
        go_on(compactor);
    else
        rest(compactor);
}

static void renew(struct compactor *compactor)
{
    char ms[NUMBER_MAX];
    (void)snprintf(ms, sizeof ms, "%d", COMPACTOR_LOCK_MS);
    const struct slice args[] = {SLICE("PEXPIRE"), slice_cstr(compactor->lock), slice_cstr(ms)};
    compactor->open++;
    redis_command(compactor->config.redis, args, 3, 0, on_renewed, compactor);
}

/* Nothing where it was free; else who holds it, which may be this one. */
static void on_lock(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct compactor *compactor = arg;
    compactor->open--;
    if (failure == REDIS_OK && reply->type == REDIS_NIL)
        go_on(compactor);
    else if (failure == REDIS_OK && slice_eq(reply->text, slice_cstr(compactor->name)))
        renew(compactor);
    else
        rest(compactor);
}

static void take_lock(struct compactor *compactor)
{
    char ms[NUMBER_MAX];
    (void)snprintf(ms, sizeof ms, "%d", COMPACTOR_LOCK_MS);
    const struct slice args[] = {SLICE("SET"),
                                 slice_cstr(compactor->lock),
                                 slice_cstr(compactor->name),
                                 SLICE("NX"),
                                 SLICE("GET"),
                                 SLICE("PX"),
                                 slice_cstr(ms)};
    compactor->open++;
    redis_command(compactor->config.redis, args, 7, 0, on_lock, compactor);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void on_timer(void *arg)
{
    struct compactor *compactor = arg;
    if (!compactor->compact || clock_mono_us(compactor->config.clock) >= compactor->renew_us) {
        take_lock(compactor);
        return;
    }
    while (compact_ask(compactor->compact, &compactor->command))
        send_command(compactor);
}

struct compactor *compactor_new(const struct compactor_config *config)
{
    struct compactor *compactor = check_calloc(1, sizeof *compactor);
    CHECK(config->prefix.len <= LEDGER_PREFIX_MAX);
    compactor->config = *config;
    random_seed_from_system(&compactor->random);
    (void)snprintf(compactor->name, sizeof compactor->name, "%016llx",
                   (unsigned long long)random_u64(&compactor->random));
    (void)snprintf(compactor->lock, sizeof compactor->lock, "%.*scompacting",
                   SLICE_ARGS(config->prefix));
    compactor->timer = loop_timer_new(config->loop, on_timer, compactor);
    wait_ms(compactor, COMPACTOR_FIRST_MS);
    return compactor;
}

void compactor_free(struct compactor *compactor)
{
    if (!compactor)
        return;
    CHECK(compactor->open == 0);
    loop_timer_free(compactor->timer);
    compact_free(compactor->compact);
    free(compactor);
}
