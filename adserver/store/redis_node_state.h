/*
 * redis_node_state: the inside of a connection, shared by the files that make it: redis_node.c (its
 * states), redis_node_commands.c (what is sent), redis_node_replies.c (what comes).
 */
#ifndef STORE_REDIS_NODE_STATE_H
#define STORE_REDIS_NODE_STATE_H

#include "store/redis_backoff.h"
#include "store/redis_calls.h"
#include "store/redis_channels.h"
#include "store/redis_greeting.h"
#include "store/redis_link.h"
#include "store/redis_node.h"
#include "store/redis_reply.h"

/*
 *            redis_node_new, a pause is over
 *   RESTING --------------> (LOCATING) --> OPENING
 *      ^                                     | connected
 *      | closed, refused,                    v
 *      | silent, too slow                 GREETING      (JOINING too where it listens to channels)
 *      |                                     | all answered
 *      |       a command's deadline          v
 *      +---------- STALLED <--------------- UP
 *                     |                      ^
 *                     +----------------------+
 *                       its probe is answered
 *
 * Replies come in the order of the commands, so the commands that wait for one are a queue. A
 * command given up at its deadline stays in it, without its function, until its reply has come.
 */
enum redis_node_state { RESTING, LOCATING, OPENING, GREETING, JOINING, UP, STALLED };

#define REDIS_READ_BYTES  16384
#define REDIS_TROUBLE_MAX 160

struct redis_node {
    struct loop *loop;
    struct redis_node_config config;
    enum redis_node_state state;
    struct redis_link *link;
    struct redis_reader *reader; /* NULL before GREETING */

    struct redis_calls *calls;

    struct loop_timer *pause; /* until the next attempt, and an attempt's own limit */
    struct loop_timer *tick;
    struct random random;
    struct redis_backoff backoff;
    int64_t up_since_us;
    int64_t heard_us; /* when bytes last came */
    int64_t probe_us; /* when the probe under way was sent; 0: none */
    unsigned timeouts_in_row;
    bool was_up, was_dropped; /* ever */
    bool freeing;
    bool taking;          /* a reply is being dealt with */
    const char *drop_why; /* set while a reply is dealt with: drop the connection after it */

    struct redis_greeting greeting;
    char server_id[REDIS_SERVER_ID_MAX];
    char trouble[REDIS_TROUBLE_MAX];

    struct redis_channels channels;
    char read_buffer[REDIS_READ_BYTES];
};

static inline int64_t redis_node_now_us(void)
{
    return clock_mono_us(&clock_system);
}

/* ---- redis_node.c ---- */

void redis_node_count(const struct redis_node *node, enum metrics_counter counter);
void redis_node_show_state(const struct redis_node *node);

/* Closes what there is and begins the pause before the next attempt. Not while a reply is dealt
 * with: then `drop_why` is set. */
void redis_node_drop(struct redis_node *node, const char *why);

void redis_node_take_greeting(struct redis_node *node, const struct redis_reply *reply);

/* It has answered all that is said on a new connection. */
void redis_node_greeted(struct redis_node *node);

void redis_node_probe_answered(struct redis_node *node);

/* ---- redis_node_commands.c ---- */

/* A call whose bytes follow in the output. */
void redis_node_put_waiting(struct redis_node *node, struct redis_call *call);

/* Redis does not have the script: the same call again, with the text, under the same deadline. */
void redis_node_send_script_text(struct redis_node *node, struct redis_call *call);

/* ---- redis_node_replies.c ---- */

/* The link's event; `arg` is the node. */
void redis_node_on_readable(void *arg);

#endif
