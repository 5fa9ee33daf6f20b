#include "store/redis_scout.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"
#include "store/redis_node.h"

struct redis_scout {
    struct redis_scout_config config;
    struct redis_target target; /* where it is, or tries to be */
    struct redis_node *node;
    struct redis_slots *slots; /* the last that was told */
    struct redis_slots *coming;
    unsigned next; /* of the places it knows */
    bool asking, again;
    uint64_t epoch, coming_epoch;
    bool coming_ok;
    int64_t heard_us, asked_us;
    const char *refusal; /* what is wrong with the last answer; NULL: nothing */
    struct loop_timer *timer;
    struct random random;
};

static int64_t now_us(void)
{
    return clock_mono_us(&clock_system);
}

/* ---- Asking ---- */

static redis_fn on_info, on_slots;

static void ask(struct redis_scout *scout)
{
    struct slice info[] = {SLICE("CLUSTER"), SLICE("INFO")};
    struct slice slots[] = {SLICE("CLUSTER"), SLICE("SLOTS")};
    scout->again = false;
    if (!redis_node_is_up(scout->node))
        return; /* it asks when it is */
    scout->asking = true;
    scout->asked_us = now_us();
    redis_node_command(scout->node, info, 2, REDIS_SCOUT_ANSWER_MS, on_info, scout);
    redis_node_command(scout->node, slots, 2, REDIS_SCOUT_ANSWER_MS, on_slots, scout);
}

/* Half to all of that time: not all processes at once. */
static void ask_in(struct redis_scout *scout, int64_t ms)
{
    uint64_t half_us = (uint64_t)(ms * US_PER_MS) / 2;
    loop_timer_set(scout->timer, (int64_t)(half_us + random_below(&scout->random, half_us + 1)));
}

static void on_timer(void *arg)
{
    struct redis_scout *scout = arg;
    ask_in(scout, REDIS_SCOUT_ASK_MS);
    if (!scout->asking)
        ask(scout);
}

void redis_scout_ask(struct redis_scout *scout)
{
    if (scout->again)
        return;
    scout->again = true;
    if (!scout->asking)
        ask_in(scout, now_us() - scout->asked_us > 2 * REDIS_SCOUT_REST_MS * US_PER_MS
                          ? 1
                          : 2 * REDIS_SCOUT_REST_MS);
}

/* ---- Answers ---- */

static void on_info(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct redis_scout *scout = arg;
    bool told = failure == REDIS_OK && reply->type == REDIS_STRING;
    scout->coming_epoch = told ? redis_cluster_epoch(reply->text) : 0;
    scout->coming_ok = told && redis_cluster_is_ok(reply->text);
}

static bool is_outdated(const struct redis_scout *scout)
{
    return scout->coming_epoch < scout->epoch &&
           now_us() - scout->heard_us < REDIS_SCOUT_MEMORY_MS * US_PER_MS;
}

static void take_slots(struct redis_scout *scout, const struct redis_reply *reply)
{
    struct redis_slots *coming = scout->coming;
    scout->refusal = redis_slots_read(reply, scout->target.host, coming);
    if (scout->refusal || is_outdated(scout))
        return;
    scout->coming = scout->slots;
    scout->slots = coming;
    scout->epoch = scout->coming_epoch;
    scout->heard_us = now_us();
    scout->config.on_slots(coming, scout->config.arg);
}

static void on_slots(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct redis_scout *scout = arg;
    scout->asking = false;
    if (failure == REDIS_OK)
        take_slots(scout, reply);
    else if (failure == REDIS_REFUSED || failure == REDIS_ERROR)
        scout->refusal = "it refuses to tell the slots";
    if (failure != REDIS_OK || !scout->coming_ok || scout->refusal)
        redis_node_leave(scout->node, "not well, another server may know more");
    if (scout->again)
        ask_in(scout, 2 * REDIS_SCOUT_REST_MS);
}

/* ---- Where to ask ---- */

/* The servers of the URL, and behind them those that hold slots. */
static void go_on(void *arg)
{
    struct redis_scout *scout = arg;
    const struct redis_target *seeds = scout->config.target;
    unsigned at = scout->next++ % (seeds->seed_count + scout->slots->count);
    if (at < seeds->seed_count) {
        redis_target_move(&scout->target, seeds->seeds[at].host, seeds->seeds[at].port);
    } else {
        const struct redis_place *place = &scout->slots->primaries[at - seeds->seed_count];
        redis_target_move(&scout->target, place->host, place->port);
    }
    redis_node_located(scout->node);
}

static void on_up(void *arg)
{
    ask(arg);
}

const char *redis_scout_trouble(const struct redis_scout *scout)
{
    const char *trouble = redis_node_trouble(scout->node);
    return scout->refusal ? scout->refusal : trouble;
}

/* ---- Life ---- */

struct redis_scout *redis_scout_new(struct loop *loop, const struct redis_scout_config *config)
{
    struct redis_scout *scout = check_calloc(1, sizeof *scout);
    scout->config = *config;
    random_seed_from_system(&scout->random);
    scout->next = (unsigned)random_below(&scout->random, config->target->seed_count);
    scout->slots = check_calloc(1, sizeof *scout->slots);
    scout->coming = check_calloc(1, sizeof *scout->coming);
    scout->target = redis_target_at(config->target, "", 0);
    scout->timer = loop_timer_new(loop, on_timer, scout);
    ask_in(scout, REDIS_SCOUT_ASK_MS);
    struct redis_node_config node = {.target = &scout->target,
                                     .name = config->name,
                                     .locate = go_on,
                                     .on_up = on_up,
                                     .arg = scout};
    scout->node = redis_node_new(loop, &node);
    return scout;
}

void redis_scout_free(struct redis_scout *scout)
{
    if (!scout)
        return;
    redis_node_free(scout->node);
    loop_timer_free(scout->timer);
    redis_target_release(&scout->target);
    free(scout->slots);
    free(scout->coming);
    free(scout);
}
