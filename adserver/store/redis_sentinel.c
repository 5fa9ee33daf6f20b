#include "store/redis_sentinel.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"
#include "store/redis_node.h"

#define WHERE_MAX   300 /* "sentinel host:port" */
#define TROUBLE_MAX 512

struct watcher {
    struct redis_sentinel *owner;
    struct redis_target target;
    char where[WHERE_MAX];
    struct redis_node *node;
    bool asking;
    struct redis_sentinel_answer coming; /* the address is there, the epoch still to come */
    struct redis_sentinel_answer answer;
    const char *refusal; /* what is wrong with its last answer; NULL: nothing */
};

struct redis_sentinel {
    struct loop *loop;
    struct redis_sentinel_config config;
    struct watcher *watchers[REDIS_SEEDS_MAX];
    unsigned count;
    struct redis_sentinel_answer named; /* what the owner was told last */
    bool finding;
    struct loop_timer *ask, *patience;
    struct random random;
};

static int64_t now_us(void)
{
    return clock_mono_us(&clock_system);
}

/* ---- Judging what they say ---- */

static bool is_better(const struct redis_sentinel_answer *answer,
                      const struct redis_sentinel_answer *than)
{
    if (answer->epoch != than->epoch)
        return answer->epoch > than->epoch;
    return answer->heard_us > than->heard_us;
}

static const struct redis_sentinel_answer *best_answer(const struct redis_sentinel *sentinel)
{
    const struct redis_sentinel_answer *best = NULL;
    int64_t since_us = now_us() - REDIS_SENTINEL_MEMORY_MS * US_PER_MS;
    for (unsigned i = 0; i < sentinel->count; i++) {
        const struct redis_sentinel_answer *answer = &sentinel->watchers[i]->answer;
        if (answer->host[0] && answer->heard_us >= since_us && (!best || is_better(answer, best)))
            best = answer;
    }
    return best;
}

static void name_primary(struct redis_sentinel *sentinel,
                         const struct redis_sentinel_answer *answer)
{
    bool was_asked = sentinel->finding;
    bool is_other =
        answer->port != sentinel->named.port || strcmp(answer->host, sentinel->named.host) != 0;
    sentinel->named = *answer;
    sentinel->finding = false;
    loop_timer_clear(sentinel->patience);
    if (is_other || was_asked)
        sentinel->config.on_primary(sentinel->named.host, sentinel->named.port, is_other,
                                    sentinel->config.arg);
}

static void judge(struct redis_sentinel *sentinel)
{
    const struct redis_sentinel_answer *best = best_answer(sentinel);
    if (best)
        name_primary(sentinel, best);
}

/* ---- Asking one ---- */

/* [host, port] */
const char *redis_sentinel_read_address(const struct redis_reply *reply,
                                        struct redis_sentinel_answer *ret)
{
    uint64_t port = 0;
    if (reply->type == REDIS_NIL)
        return "does not know a primary of that name";
    if (reply->type != REDIS_ARRAY || reply->count != 2 ||
        !slice_to_u64(reply->items[1].text, 65535, &port) || port == 0 ||
        reply->items[0].text.len == 0 || reply->items[0].text.len >= sizeof ret->host)
        return "does not answer as a sentinel";
    (void)snprintf(ret->host, sizeof ret->host, "%.*s", SLICE_ARGS(reply->items[0].text));
    ret->port = (int)port;
    return NULL;
}

static void on_address(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct watcher *watcher = arg;
    watcher->coming = (struct redis_sentinel_answer){.host = ""};
    if (failure == REDIS_REFUSED || failure == REDIS_ERROR)
        watcher->refusal = "refuses to tell";
    else if (failure == REDIS_OK)
        watcher->refusal = redis_sentinel_read_address(reply, &watcher->coming);
    else
        watcher->refusal = NULL; /* its connection tells why */
}

/* Names and values in turn. */
static struct slice value_of(const struct redis_reply *reply, struct slice name)
{
    for (size_t i = 0; reply->type == REDIS_ARRAY && i + 1 < reply->count; i += 2) {
        if (slice_eq(reply->items[i].text, name))
            return reply->items[i + 1].text;
    }
    return SLICE("");
}

uint64_t redis_sentinel_read_epoch(const struct redis_reply *reply)
{
    uint64_t epoch = 0;
    (void)slice_to_u64(value_of(reply, SLICE("config-epoch")), UINT64_MAX, &epoch);
    return epoch;
}

/* Without an epoch (the command is forbidden) what it says counts least. */
static void on_epoch(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct watcher *watcher = arg;
    watcher->asking = false;
    if (!watcher->coming.host[0])
        return;
    watcher->answer = watcher->coming;
    watcher->answer.heard_us = now_us();
    if (failure == REDIS_OK)
        watcher->answer.epoch = redis_sentinel_read_epoch(reply);
    judge(watcher->owner);
}

static void ask(struct watcher *watcher)
{
    struct slice service = slice_cstr(watcher->owner->config.target->service);
    struct slice address[] = {SLICE("SENTINEL"), SLICE("GET-MASTER-ADDR-BY-NAME"), service};
    struct slice primary[] = {SLICE("SENTINEL"), SLICE("MASTER"), service};
    if (watcher->asking || !redis_node_is_up(watcher->node))
        return;
    watcher->asking = true;
    redis_node_command(watcher->node, address, 3, REDIS_SENTINEL_ANSWER_MS, on_address, watcher);
    redis_node_command(watcher->node, primary, 3, REDIS_SENTINEL_ANSWER_MS, on_epoch, watcher);
}

/* ---- Learning of others ---- */

static void add_watcher(struct redis_sentinel *sentinel, const char *host, int port);

static bool knows(const struct redis_sentinel *sentinel, const char *host, int port)
{
    for (unsigned i = 0; i < sentinel->count; i++) {
        if (redis_target_is_at(&sentinel->watchers[i]->target, host, port))
            return true;
    }
    return false;
}

static void learn(struct redis_sentinel *sentinel, const struct redis_reply *told)
{
    char host[REDIS_SENTINEL_HOST_MAX];
    uint64_t port = 0;
    struct slice name = value_of(told, SLICE("ip"));
    if (sentinel->count == REDIS_SEEDS_MAX || name.len == 0 || name.len >= sizeof host ||
        !slice_to_u64(value_of(told, SLICE("port")), 65535, &port) || port == 0)
        return;
    (void)snprintf(host, sizeof host, "%.*s", SLICE_ARGS(name));
    if (!knows(sentinel, host, (int)port))
        add_watcher(sentinel, host, (int)port);
}

static void on_others(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct watcher *watcher = arg;
    if (failure != REDIS_OK || reply->type != REDIS_ARRAY)
        return;
    for (size_t i = 0; i < reply->count; i++)
        learn(watcher->owner, &reply->items[i]);
}

static void on_watcher_up(void *arg)
{
    struct watcher *watcher = arg;
    struct slice service = slice_cstr(watcher->owner->config.target->service);
    struct slice others[] = {SLICE("SENTINEL"), SLICE("SENTINELS"), service};
    ask(watcher);
    redis_node_command(watcher->node, others, 3, REDIS_SENTINEL_ANSWER_MS, on_others, watcher);
}

static void add_watcher(struct redis_sentinel *sentinel, const char *host, int port)
{
    struct watcher *watcher = check_calloc(1, sizeof *watcher);
    CHECK(sentinel->count < REDIS_SEEDS_MAX);
    watcher->owner = sentinel;
    watcher->target = redis_target_sentinel(sentinel->config.target, host, port);
    (void)snprintf(watcher->where, sizeof watcher->where, "sentinel %s:%d", host, port);
    struct redis_node_config config = {
        .target = &watcher->target, .name = watcher->where, .on_up = on_watcher_up, .arg = watcher};
    watcher->node = redis_node_new(sentinel->loop, &config);
    sentinel->watchers[sentinel->count++] = watcher;
}

/* ---- Asking all ---- */

static void ask_all(struct redis_sentinel *sentinel)
{
    for (unsigned i = 0; i < sentinel->count; i++)
        ask(sentinel->watchers[i]);
}

/* Not all processes at once: three quarters to five quarters of the time. */
static void ask_later(struct redis_sentinel *sentinel)
{
    uint64_t spread_us = REDIS_SENTINEL_ASK_MS * US_PER_MS / 2;
    loop_timer_set(sentinel->ask, (int64_t)(spread_us + spread_us / 2 +
                                            random_below(&sentinel->random, spread_us + 1)));
}

static void on_ask(void *arg)
{
    struct redis_sentinel *sentinel = arg;
    ask_all(sentinel);
    ask_later(sentinel);
}

/* What one of them has to say for it. */
static void tell_none(const struct redis_sentinel *sentinel)
{
    char why[TROUBLE_MAX];
    const struct watcher *watcher = sentinel->watchers[0];
    for (unsigned i = 0; i < sentinel->count; i++) {
        if (sentinel->watchers[i]->refusal)
            watcher = sentinel->watchers[i];
    }
    const char *trouble = watcher->refusal ? watcher->refusal : redis_node_trouble(watcher->node);
    (void)snprintf(why, sizeof why, "no sentinel names a primary; %s: %s", watcher->where,
                   trouble[0] ? trouble : "does not answer in time");
    sentinel->config.on_none(why, sentinel->config.arg);
}

static void on_patience_over(void *arg)
{
    struct redis_sentinel *sentinel = arg;
    sentinel->finding = false;
    if (sentinel->named.host[0])
        sentinel->config.on_primary(sentinel->named.host, sentinel->named.port, false,
                                    sentinel->config.arg);
    else
        tell_none(sentinel);
}

void redis_sentinel_find(struct redis_sentinel *sentinel)
{
    sentinel->finding = true;
    loop_timer_set(sentinel->patience, REDIS_SENTINEL_ANSWER_MS * US_PER_MS);
    ask_all(sentinel);
}

/* ---- Life ---- */

struct redis_sentinel *redis_sentinel_new(struct loop *loop,
                                          const struct redis_sentinel_config *config)
{
    struct redis_sentinel *sentinel = check_calloc(1, sizeof *sentinel);
    sentinel->loop = loop;
    sentinel->config = *config;
    random_seed_from_system(&sentinel->random);
    sentinel->ask = loop_timer_new(loop, on_ask, sentinel);
    sentinel->patience = loop_timer_new(loop, on_patience_over, sentinel);
    for (unsigned i = 0; i < config->target->seed_count; i++)
        add_watcher(sentinel, config->target->seeds[i].host, config->target->seeds[i].port);
    ask_later(sentinel);
    return sentinel;
}

void redis_sentinel_free(struct redis_sentinel *sentinel)
{
    if (!sentinel)
        return;
    for (unsigned i = 0; i < sentinel->count; i++) {
        redis_node_free(sentinel->watchers[i]->node);
        redis_target_release(&sentinel->watchers[i]->target);
        free(sentinel->watchers[i]);
    }
    loop_timer_free(sentinel->ask);
    loop_timer_free(sentinel->patience);
    free(sentinel);
}
