/*
 * redis_cluster: connections to all primaries of a Redis Cluster, for store/redis.c.
 *
 * Each command goes to the server that holds its key's slot, as the scout last told; MOVED and ASK
 * send it on, also to a server that is connected to only now, TRYAGAIN (a slot is on its way, with
 * one of two keys) lets it wait, all within its time. Nothing is sent again that may have run. A
 * server away means that its keys are away, and those alone: its commands fail as those of a single
 * connection would.
 *
 * A cluster is up while any server that holds slots is; at the very beginning all are waited for,
 * for a moment, so that what is asked first does not fail by halves. on_up runs whenever one of
 * them is connected or again, on_down when the last of them is not.
 */
#ifndef STORE_REDIS_CLUSTER_H
#define STORE_REDIS_CLUSTER_H

#include "store/redis.h"

#define REDIS_REDIRECTS_MAX     5   /* of one command */
#define REDIS_TRY_AGAIN_MS      10  /* before a command that has to wait is sent again */
#define REDIS_CLUSTER_GATHER_MS 200 /* at the beginning, for the others after one is there */
#define REDIS_CLUSTER_LOOK_MS   300 /* between questions to the scout while a server is away */

struct redis_cluster;

struct redis_cluster *redis_cluster_new(struct loop *loop, const struct redis_config *config);
void redis_cluster_free(struct redis_cluster *cluster);

/* As in redis.h. */
bool redis_cluster_is_up(const struct redis_cluster *cluster);
unsigned redis_cluster_pending(const struct redis_cluster *cluster);
const char *redis_cluster_trouble(const struct redis_cluster *cluster);
bool redis_cluster_policy_evicts(const struct redis_cluster *cluster);
const char *redis_cluster_server_id(struct redis_cluster *cluster);
void redis_cluster_command(struct redis_cluster *cluster, const struct slice *args, unsigned count,
                           int timeout_ms, redis_fn *fn, void *arg);
void redis_cluster_run_script(struct redis_cluster *cluster, const struct redis_script *script,
                              const struct slice *keys, unsigned key_count,
                              const struct slice *args, unsigned arg_count, int timeout_ms,
                              redis_fn *fn, void *arg);
void redis_cluster_subscribe(struct redis_cluster *cluster, const struct slice *channels,
                             unsigned count, redis_message_fn *fn, void *arg);
unsigned redis_cluster_servers(const struct redis_cluster *cluster);
struct redis_server redis_cluster_server(const struct redis_cluster *cluster, unsigned server);
void redis_cluster_command_to(struct redis_cluster *cluster, unsigned server,
                              const struct slice *args, unsigned count, int timeout_ms,
                              redis_fn *fn, void *arg);

#endif
