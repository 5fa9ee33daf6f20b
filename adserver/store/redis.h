/*
 * redis: an asynchronous connection to Redis, kept alive, with a deadline on every command.
 *
 * Where the target names sentinels it is a connection to the primary that they name, checked by
 * asking it for its ROLE; it goes over to another as soon as one of them names another
 * (store/redis_sentinel.h). A cluster is a connection to each of its primaries
 * (store/redis_cluster.h): a command goes to the one that holds its key, and where that one is away
 * it fails as it would with a single server, while others go on.
 *
 * A command's function is called exactly once and never before redis_command() has returned: with
 * the reply, or with a failure. A reply that comes after its command was given up is swallowed and
 * counted. All commands of one loop turn leave in one write.
 *
 * Health: after REDIS_STALL_TIMEOUTS commands in a row were given up, the connection counts as
 * stalled; commands then fail at once with REDIS_AWAY (so that nobody waits for a Redis that does
 * not answer, and nothing piles up) until it has answered a probe. An idle connection is probed
 * every REDIS_PROBE_MS. One from which no byte comes for REDIS_DEAD_MS though an answer is due is
 * dropped, whatever TCP still believes. A lost connection is made again with a jittered, growing
 * pause between REDIS_RETRY_MIN_MS and REDIS_RETRY_MAX_MS.
 *
 * The connection is ready when Redis has answered a PING after AUTH and SELECT: one that is
 * loading, wants another password or does not speak the protocol is away. After READONLY or NOAUTH
 * it is made again, since the name may by now lead to another server.
 *
 * Replies are bounded: one larger or deeper than the named limits drops the connection. Of the
 * client library only its parser is used (store/redis_reply.h): its asynchronous half has neither
 * deadlines nor a way to answer "it was not sent".
 */
#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include "base/clock.h"
#include "base/err.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/slice.h"

struct loop;
struct redis;

#define REDIS_ARGS_MAX        512
#define REDIS_PENDING_MAX     65536              /* commands without a reply */
#define REDIS_REPLY_MAX_BYTES (64 * 1024 * 1024) /* of one reply */
#define REDIS_RETRY_MIN_MS    50
#define REDIS_RETRY_MAX_MS    1000
#define REDIS_STALL_TIMEOUTS  1
#define REDIS_PROBE_MS        1000
#define REDIS_DEAD_MS         3000
#define REDIS_PROBE_MAX_MS    30000 /* a probe's answer, however busily other bytes come */
#define REDIS_GREETING_MS     2000  /* to connect and be greeted */

enum redis_failure {
    REDIS_OK = 0,
    REDIS_AWAY,    /* not connected, stalled, or too much is pending: it was not sent */
    REDIS_LOST,    /* sent, and the connection broke: it may or may not have run */
    REDIS_TIMEOUT, /* sent, and no reply in time: it may or may not run */
    REDIS_REFUSED, /* Redis answered with an error that is not the command's fault: LOADING,
                      READONLY, OOM, MISCONF, NOREPLICAS, MASTERDOWN, BUSY, NOAUTH, NOPERM … */
    REDIS_ERROR,   /* any other error reply: ours or the data's fault (WRONGTYPE …) */
};
/* "away", "lost", … for logs. */
extern const char *const redis_failure_words[];

enum redis_type {
    REDIS_NIL,
    REDIS_INTEGER,
    REDIS_STRING,
    REDIS_ARRAY,
    REDIS_STATUS,
    REDIS_ERROR_TEXT, /* an error: a whole reply, or an item of EXEC's */
};

/* A reply, valid during the call of the command's function only. */
struct redis_reply {
    enum redis_type type;
    int64_t integer;
    struct slice text;               /* STRING, STATUS, ERROR_TEXT */
    const struct redis_reply *items; /* ARRAY */
    size_t count;
};

/* `reply` is NULL unless `failure` is REDIS_OK, REDIS_REFUSED or REDIS_ERROR (there: the text). */
typedef void redis_fn(enum redis_failure failure, const struct redis_reply *reply, void *arg);

/* Which of the three ways to find the server, or the servers, that hold the keys. */
enum redis_kind {
    REDIS_SINGLE,   /* redis:// and unix://: the address */
    REDIS_SENTINEL, /* redis-sentinel://: the primary that the sentinels name */
    REDIS_CLUSTER,  /* redis-cluster://: many, each with its part of the keys */
};

#define REDIS_SEEDS_MAX 16 /* addresses in one URL */

struct redis_address {
    char *host;
    int port;
};

struct redis_target {
    enum redis_kind kind;
    char *host; /* NULL for a unix socket, Sentinel and Cluster */
    int port;
    char *unix_path;                             /* NULL for TCP */
    struct redis_address seeds[REDIS_SEEDS_MAX]; /* sentinels, or some of a cluster's nodes */
    unsigned seed_count;
    char *service; /* Sentinel's name of the primary */
    int db;
    char *user, *password;                   /* of the servers; NULL: none */
    char *sentinel_user, *sentinel_password; /* of the sentinels; NULL: none */
};

/* Parses redis.url and reads redis.password_file. The strings are freed by redis_target_release. */
bool redis_target_parse(const char *url, const char *password_file, struct redis_target *ret,
                        struct err *err);
void redis_target_release(struct redis_target *target);

/* How to reach one server of those that `target` finds: its credentials, with an address. */
struct redis_target redis_target_at(const struct redis_target *target, const char *host, int port);
/* One of the sentinels. Both are released as above. */
struct redis_target redis_target_sentinel(const struct redis_target *target, const char *host,
                                          int port);
/* Changes the address. */
void redis_target_move(struct redis_target *target, const char *host, int port);
bool redis_target_is_at(const struct redis_target *target, const char *host, int port);

/*
 * Begins to connect. `on_up` runs each time a connection is ready to use, one of a cluster's too;
 * `on_down` when none is any more.
 */
typedef void redis_state_fn(void *arg);
struct redis_config {
    const struct redis_target *target; /* must outlive the connection */
    const char *name;                  /* a literal, for the log; NULL: "main" */
    struct metrics *metrics;           /* NULL: nothing is counted */
    redis_state_fn *on_up, *on_down;   /* may be NULL */
    void *arg;
};
struct redis *redis_new(struct loop *loop, const struct redis_config *config);

/* Open commands end with REDIS_LOST first. Not from inside a command's function. */
void redis_free(struct redis *redis);

/* Connected, and answering; a cluster: some of the servers that hold our keys are. */
bool redis_is_up(const struct redis *redis);
unsigned redis_pending(const struct redis *redis);

/* Why it is not up, a phrase for /readyz; empty while it is. Valid during this turn. */
const char *redis_trouble(const struct redis *redis);

/*
 * Whether Redis would throw keys away when its memory is full (maxmemory set, and a policy other
 * than noeviction): caps and counts are then not to be relied on. False where it does not tell.
 */
bool redis_policy_evicts(const struct redis *redis);

/*
 * Which server it is that answers: text that differs from one process of Redis to any other, so
 * that whoever remembers it sees that a restart or a fail-over lies between. A cluster's differs
 * whenever one of its primaries is another. It changes before on_up runs and stays while the
 * connection is away. Empty before the first connection, and where Redis does not tell (INFO is
 * forbidden).
 */
#define REDIS_SERVER_ID_MAX 64
const char *redis_server_id(const struct redis *redis);

/*
 * The servers that hold our keys: one, or a cluster's primaries, none before they are known. Their
 * order changes from turn to turn.
 */
struct redis_server {
    const char *address; /* "host:port", or a unix socket's path; valid during this turn */
    const char *id;      /* as above */
    bool up;
    unsigned pending;    /* commands sent to it and not answered */
    int64_t client_id;   /* its number of our connection; 0: not known */
    const char *trouble; /* why it is not up */
};
unsigned redis_server_count(const struct redis *redis);
struct redis_server redis_server_at(struct redis *redis, unsigned server);

/* A command that has no key, to one of them. */
void redis_command_to(struct redis *redis, unsigned server, const struct slice *args,
                      unsigned count, int timeout_ms, redis_fn *fn, void *arg);

/*
 * Sends one command. A cluster finds its server by its key, the first of its arguments but for EVAL
 * and EVALSHA: all of its keys must share a hash tag there, and one without a key goes anywhere.
 * The arguments are copied before it returns. `timeout_ms` from now; 0 means REDIS_SLOW_MS, for
 * what nobody waits for.
 */
#define REDIS_SLOW_MS 5000
void redis_command(struct redis *redis, const struct slice *args, unsigned count, int timeout_ms,
                   redis_fn *fn, void *arg);

/*
 * Runs a script by its hash and sends its text first where Redis does not have it (after a restart,
 * a fail-over, SCRIPT FLUSH). `script` is one of store/scripts.h's.
 */
struct redis_script {
    const char *name;
    struct slice text;
    char sha1[41];
};
void redis_run_script(struct redis *redis, const struct redis_script *script,
                      const struct slice *keys, unsigned key_count, const struct slice *args,
                      unsigned arg_count, int timeout_ms, redis_fn *fn, void *arg);

/*
 * Makes this a connection that listens: from now on it takes no commands. `fn` gets each message as
 * it comes (type ARRAY as sent by Redis), also after a reconnect, when it subscribes again by
 * itself. A channel with a `*` is a pattern. Calling it again adds channels (`fn` and `arg` replace
 * the old ones). It is up once all channels that were there when it connected are confirmed.
 */
#define REDIS_CHANNELS_MAX 16
typedef void redis_message_fn(const struct redis_reply *message, void *arg);
void redis_subscribe(struct redis *redis, const struct slice *channels, unsigned count,
                     redis_message_fn *fn, void *arg);

#endif
