#include "store/redis.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "store/redis_cluster.h"
#include "store/redis_node.h"
#include "store/redis_sentinel.h"

#define ADDRESS_MAX 320

/*
 * One server, by address or by the sentinels' word, is a redis_node. With Sentinel `server` is the
 * address that they named last; each attempt to connect asks them first. Many servers are a
 * redis_cluster, and there is no `node`.
 */
struct redis {
    struct redis_config config;
    struct redis_cluster *cluster; /* NULL: one server */
    struct redis_node *node;
    char address[ADDRESS_MAX];
    struct redis_sentinel *sentinel; /* NULL: the address is given */
    struct redis_target server;      /* Sentinel: where the primary is */
};

const char *const redis_failure_words[] = {
    [REDIS_OK] = "ok",           [REDIS_AWAY] = "away",       [REDIS_LOST] = "lost",
    [REDIS_TIMEOUT] = "timeout", [REDIS_REFUSED] = "refused", [REDIS_ERROR] = "error",
};

static void on_up(void *arg)
{
    struct redis *redis = arg;
    if (redis->config.on_up)
        redis->config.on_up(redis->config.arg);
}

static void on_down(void *arg)
{
    struct redis *redis = arg;
    if (redis->config.on_down)
        redis->config.on_down(redis->config.arg);
}

/* ---- Sentinel ---- */

static void on_locate(void *arg)
{
    struct redis *redis = arg;
    redis_sentinel_find(redis->sentinel);
}

static void on_none(const char *why, void *arg)
{
    struct redis *redis = arg;
    redis_node_not_located(redis->node, why);
}

static void on_primary(const char *host, int port, bool is_other, void *arg)
{
    struct redis *redis = arg;
    if (is_other) {
        log_event(LOG_INFO, "redis: the sentinels name the primary",
                  LOG_STR("connection", redis->config.name), LOG_STR("host", host),
                  LOG_INT("port", port));
        redis_target_move(&redis->server, host, port);
        redis_node_leave(redis->node, "another server is the primary");
        redis_node_hurry(redis->node);
    }
    redis_node_located(redis->node);
}

static void begin_sentinel(struct redis *redis, struct loop *loop)
{
    struct redis_sentinel_config sentinel = {
        .target = redis->config.target, .on_primary = on_primary, .on_none = on_none, .arg = redis};
    redis->server = redis_target_at(redis->config.target, "", 0);
    redis->sentinel = redis_sentinel_new(loop, &sentinel);
}

/* ---- Life ---- */

static void begin_single(struct redis *redis, struct loop *loop)
{
    struct redis_node_config node = {.target = redis->config.target,
                                     .name = redis->config.name,
                                     .metrics = redis->config.metrics,
                                     .shows_state = true,
                                     .on_up = on_up,
                                     .on_down = on_down,
                                     .arg = redis};
    if (redis->config.target->kind == REDIS_SENTINEL) {
        begin_sentinel(redis, loop);
        node.target = &redis->server;
        node.locate = on_locate;
    }
    redis->node = redis_node_new(loop, &node);
}

struct redis *redis_new(struct loop *loop, const struct redis_config *config)
{
    struct redis *redis = check_calloc(1, sizeof *redis);
    redis->config = *config;
    if (!redis->config.name)
        redis->config.name = "main";
    if (config->target->kind == REDIS_CLUSTER)
        redis->cluster = redis_cluster_new(loop, &redis->config);
    else
        begin_single(redis, loop);
    return redis;
}

void redis_free(struct redis *redis)
{
    if (!redis)
        return;
    redis_cluster_free(redis->cluster);
    redis_sentinel_free(redis->sentinel);
    redis_node_free(redis->node);
    redis_target_release(&redis->server);
    free(redis);
}

/* ---- Commands ---- */

void redis_command(struct redis *redis, const struct slice *args, unsigned count, int timeout_ms,
                   redis_fn *fn, void *arg)
{
    if (redis->cluster)
        redis_cluster_command(redis->cluster, args, count, timeout_ms, fn, arg);
    else
        redis_node_command(redis->node, args, count, timeout_ms, fn, arg);
}

void redis_command_to(struct redis *redis, unsigned server, const struct slice *args,
                      unsigned count, int timeout_ms, redis_fn *fn, void *arg)
{
    if (redis->cluster)
        redis_cluster_command_to(redis->cluster, server, args, count, timeout_ms, fn, arg);
    else
        redis_node_command(redis->node, args, count, timeout_ms, fn, arg);
}

void redis_run_script(struct redis *redis, const struct redis_script *script,
                      const struct slice *keys, unsigned key_count, const struct slice *args,
                      unsigned arg_count, int timeout_ms, redis_fn *fn, void *arg)
{
    if (redis->cluster)
        redis_cluster_run_script(redis->cluster, script, keys, key_count, args, arg_count,
                                 timeout_ms, fn, arg);
    else
        redis_node_run_script(redis->node, script, keys, key_count, args, arg_count, timeout_ms, fn,
                              arg);
}

void redis_subscribe(struct redis *redis, const struct slice *channels, unsigned count,
                     redis_message_fn *fn, void *arg)
{
    if (redis->cluster)
        redis_cluster_subscribe(redis->cluster, channels, count, fn, arg);
    else
        redis_node_subscribe(redis->node, channels, count, fn, arg);
}

/* ---- Questions ---- */

bool redis_is_up(const struct redis *redis)
{
    return redis->cluster ? redis_cluster_is_up(redis->cluster) : redis_node_is_up(redis->node);
}

unsigned redis_pending(const struct redis *redis)
{
    return redis->cluster ? redis_cluster_pending(redis->cluster) : redis_node_pending(redis->node);
}

const char *redis_trouble(const struct redis *redis)
{
    return redis->cluster ? redis_cluster_trouble(redis->cluster) : redis_node_trouble(redis->node);
}

bool redis_policy_evicts(const struct redis *redis)
{
    return redis->cluster ? redis_cluster_policy_evicts(redis->cluster)
                          : redis_node_policy_evicts(redis->node);
}

const char *redis_server_id(const struct redis *redis)
{
    return redis->cluster ? redis_cluster_server_id(redis->cluster)
                          : redis_node_server_id(redis->node);
}

unsigned redis_server_count(const struct redis *redis)
{
    return redis->cluster ? redis_cluster_servers(redis->cluster) : 1;
}

static void write_address(struct redis *redis)
{
    const struct redis_target *target = redis->sentinel ? &redis->server : redis->config.target;
    if (target->unix_path)
        (void)snprintf(redis->address, ADDRESS_MAX, "%s", target->unix_path);
    else
        (void)snprintf(redis->address, ADDRESS_MAX, "%s:%d", target->host ? target->host : "",
                       target->port);
}

struct redis_server redis_server_at(struct redis *redis, unsigned server)
{
    if (redis->cluster)
        return redis_cluster_server(redis->cluster, server);
    write_address(redis);
    return (struct redis_server){.address = redis->address,
                                 .id = redis_node_server_id(redis->node),
                                 .up = redis_node_is_up(redis->node),
                                 .pending = redis_node_pending(redis->node),
                                 .client_id = redis_node_client_id(redis->node),
                                 .trouble = redis_node_trouble(redis->node)};
}
