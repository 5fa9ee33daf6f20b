/*
 * redis_calls: the commands of one connection that have not ended, for store/redis.c.
 *
 * Replies come in the order of the commands, so those that wait for one are a queue. A call ends
 * exactly once: with its reply, at its deadline, with the connection, or, where it could not be
 * sent, at the end of the turn. One that ended at its deadline stays in the queue, mute, until its
 * reply has come. Calls are taken from a list of spare ones; nothing is allocated in the long run.
 */
#ifndef STORE_REDIS_CALLS_H
#define STORE_REDIS_CALLS_H

#include <sys/queue.h>

#include "base/strbuf.h"
#include "store/redis.h"
#include "store/redis_timeouts.h"

struct redis_calls;

struct redis_call {
    STAILQ_ENTRY(redis_call) link;
    struct redis_timeout timeout;
    struct redis_calls *calls;
    redis_fn *fn; /* NULL: mute */
    void *arg;
    int64_t sent_us;                   /* monotonic */
    uint64_t position;                 /* of its first byte in the link's output */
    enum redis_failure failure;        /* how it ends at the end of the turn */
    const struct redis_script *script; /* not NULL: it may have to be sent again with its text */
    bool asking;                       /* a script's: ASKING goes before it */
    unsigned wire_count;               /* a script's: arguments of the command as sent */
    struct strbuf wire_rest;           /* a script's: key count, keys and arguments as sent */
};

/* `on_timeout` runs before the function of each call that came to its deadline. */
typedef void redis_calls_timeout_fn(void *arg);
struct redis_calls *redis_calls_new(struct loop *loop, redis_calls_timeout_fn *on_timeout,
                                    void *arg);

/* Ends all calls first. */
void redis_calls_free(struct redis_calls *calls);

/* Ends all calls, those that wait with REDIS_LOST, and those that their functions make. */
void redis_calls_end(struct redis_calls *calls);

/* A new call in no list; to be given to wait or refuse at once. */
struct redis_call *redis_calls_take(struct redis_calls *calls, redis_fn *fn, void *arg);

/* It is being sent, its bytes standing at `position`, and waits for its reply. */
void redis_calls_wait(struct redis_calls *calls, struct redis_call *call, uint64_t position);

/* Its time from now on; `timeout_ms` as in redis_command(). */
void redis_calls_limit(struct redis_calls *calls, struct redis_call *call, int timeout_ms);

/* It was not sent: its function runs at the end of this turn. */
void redis_calls_refuse(struct redis_calls *calls, struct redis_call *call,
                        enum redis_failure failure);

/* The call whose reply comes next; NULL when none waits. */
struct redis_call *redis_calls_first(const struct redis_calls *calls);

/* Takes that one out of the queue, for one of the functions above or below. */
struct redis_call *redis_calls_shift(struct redis_calls *calls);

/* Ends a call that is in no list. */
void redis_calls_finish(struct redis_calls *calls, struct redis_call *call,
                        enum redis_failure failure, const struct redis_reply *reply);

/* The connection is gone after `sent` bytes: those that wait end with REDIS_LOST or REDIS_AWAY. */
void redis_calls_lose(struct redis_calls *calls, uint64_t sent);

/* Calls that have not ended, mute ones included. */
unsigned redis_calls_count(const struct redis_calls *calls);

/* Whether some call's function is running. */
bool redis_calls_busy(const struct redis_calls *calls);

#endif
