/*
 * redis_node: one asynchronous connection to one server, for store/redis.c and those who know which
 * server that is (redis_sentinel.c, redis_cluster.c).
 *
 * What redis.h promises of commands, deadlines and health is kept here. The address is read from
 * the target at each attempt to connect; who finds it out by asking gives `locate`, is asked before
 * each attempt, and answers with redis_node_located() or redis_node_not_located(), at once or
 * later.
 */
#ifndef STORE_REDIS_NODE_H
#define STORE_REDIS_NODE_H

#include "base/strbuf.h"
#include "store/redis.h"

struct redis_node;

struct redis_node_config {
    const struct redis_target *target; /* must outlive the connection */
    const char *name;                  /* for the log; must outlive it too */
    struct metrics *metrics;           /* NULL: nothing is counted */
    bool shows_state;                  /* the gauges of `metrics` are this connection's alone */
    redis_state_fn *locate;            /* NULL: the target's address stands */
    redis_state_fn *on_up, *on_down;   /* may be NULL */
    void *arg;
};

struct redis_node *redis_node_new(struct loop *loop, const struct redis_node_config *config);
void redis_node_free(struct redis_node *node);
/* The first half of that: all commands end, and it stays away. Not from inside a command's
 * function. */
void redis_node_close(struct redis_node *node);

/* The answers to `locate`; harmless when nobody has asked. */
void redis_node_located(struct redis_node *node);
void redis_node_not_located(struct redis_node *node, const char *why);

/*
 * Leaves its server, to connect again after a pause; harmless while it is not connected. `why` is a
 * literal. Also from the function of one of its commands.
 */
void redis_node_leave(struct redis_node *node, const char *why);

/* Ends a long pause early: there is news of where it is to be found. */
void redis_node_hurry(struct redis_node *node);

/* Whether its first attempt to connect is still under way, which takes REDIS_GREETING_MS at most.
 */
bool redis_node_is_new(const struct redis_node *node);

/* As in redis.h. */
bool redis_node_is_up(const struct redis_node *node);
unsigned redis_node_pending(const struct redis_node *node);
const char *redis_node_trouble(const struct redis_node *node);
bool redis_node_policy_evicts(const struct redis_node *node);
const char *redis_node_server_id(const struct redis_node *node);
int64_t redis_node_client_id(const struct redis_node *node);
void redis_node_command(struct redis_node *node, const struct slice *args, unsigned count,
                        int timeout_ms, redis_fn *fn, void *arg);
void redis_node_run_script(struct redis_node *node, const struct redis_script *script,
                           const struct slice *keys, unsigned key_count, const struct slice *args,
                           unsigned arg_count, int timeout_ms, redis_fn *fn, void *arg);
void redis_node_subscribe(struct redis_node *node, const struct slice *channels, unsigned count,
                          redis_message_fn *fn, void *arg);

/*
 * A command that was put into bytes before, as it may have to be sent to more than one server:
 * `wire` is all of it, or a script's from the number of its keys on, to which `count` belongs.
 */
struct redis_request {
    const struct redis_script *script; /* NULL: a plain command */
    unsigned count;                    /* a script's: arguments of the whole command */
    struct slice wire;
};

/* With `asking` the server takes it although it is only about to get the key's slot. */
void redis_node_send(struct redis_node *node, const struct redis_request *request, bool asking,
                     int timeout_ms, redis_fn *fn, void *arg);

/* Writes a script's `wire`; returns its `count`. */
unsigned redis_node_write_script(struct strbuf *to, const struct slice *keys, unsigned key_count,
                                 const struct slice *args, unsigned arg_count);

#endif
