#include "store/redis_session.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "store/redis_greeting.h"
#include "store/redis_reply.h"
#include "store/redis_sentinel.h"
#include "store/redis_wire.h"

#define OUTPUT_MAX  ((size_t)512 * 1024 * 1024)  /* one batch of commands */
#define REPLIES_MAX ((size_t)1024 * 1024 * 1024) /* one batch of replies */
#define SENTINEL_MS 1000                         /* for one of them to answer */
#define QUOTE_STEP  64                           /* err_quote() cuts there */

struct redis_session {
    redisContext *connection;
    struct arena *arena;  /* replies of the batch being fetched */
    struct strbuf output; /* commands queued and not sent */
    unsigned unfetched;
    char where[ERR_WHERE_MAX]; /* the address, for messages */
};

static redisContext *connect_to(const struct redis_target *target, struct timeval timeout)
{
    return target->unix_path ? redisConnectUnixWithTimeout(target->unix_path, timeout)
                             : redisConnectWithTimeout(target->host, target->port, timeout);
}

static void name_address(struct redis_session *session, const struct redis_target *target)
{
    if (target->unix_path)
        (void)snprintf(session->where, sizeof session->where, "Redis at %s", target->unix_path);
    else
        (void)snprintf(session->where, sizeof session->where, "Redis at %s:%d", target->host,
                       target->port);
}

static bool broken(const struct redis_session *session, struct err *err)
{
    const redisContext *connection = session->connection;
    (void)err_at(err, "%s", session->where);
    if (connection && connection->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK))
        return err_set(err, "no answer in time");
    return err_set(err, "%s", connection ? connection->errstr : "no memory to connect");
}

/* What Redis says against a command. */
static bool refused(const struct redis_session *session, struct slice text, struct err *err)
{
    (void)err_at(err, "%s", session->where);
    return err_set(err, "%s%s", err_quote(text), err_quote(slice_from(text, QUOTE_STEP)));
}

static bool send_output(struct redis_session *session, struct err *err)
{
    int done = 0;
    CHECK(!session->output.overflowed);
    if (redisAppendFormattedCommand(session->connection,
                                    session->output.ptr ? session->output.ptr : "",
                                    session->output.len) != 0)
        return broken(session, err);
    strbuf_clear(&session->output);
    while (!done) {
        if (redisBufferWrite(session->connection, &done) != 0)
            return broken(session, err);
    }
    return true;
}

/* The next reply, errors too; NULL with `err` when there is none. */
static const struct redis_reply *read_reply(struct redis_session *session, struct err *err)
{
    void *reply = NULL;
    if (session->output.len > 0 && !send_output(session, err))
        return NULL;
    if (redisGetReply(session->connection, &reply) != 0) {
        (void)broken(session, err);
        return NULL;
    }
    return reply;
}

static bool greet(struct redis_session *session, const struct redis_target *target, struct err *err)
{
    struct redis_greeting greeting;
    enum redis_greeting_result result = GREETING_GOES_ON;
    redis_greeting_begin(&greeting, target, &session->output);
    while (result == GREETING_GOES_ON) {
        const struct redis_reply *reply = read_reply(session, err);
        if (!reply)
            return false;
        result = redis_greeting_take(&greeting, reply);
        if (result == GREETING_FAILED)
            return refused(session, slice_cstr(greeting.why), err);
    }
    return true;
}

static struct redis_session *open_at(const struct redis_target *target, int timeout_ms,
                                     struct err *err)
{
    struct timeval timeout = {.tv_sec = timeout_ms / 1000,
                              .tv_usec = (suseconds_t)(timeout_ms % 1000 * US_PER_MS)};
    struct redis_session *session = check_calloc(1, sizeof *session);
    session->arena = arena_new(REPLIES_MAX);
    strbuf_init(&session->output, OUTPUT_MAX);
    name_address(session, target);
    session->connection = connect_to(target, timeout);
    if (!session->connection || session->connection->err) {
        (void)broken(session, err);
        redis_session_close(session);
        return NULL;
    }
    (void)redisSetTimeout(session->connection, timeout);
    session->connection->reader->fn = &redis_reply_functions;
    session->connection->reader->privdata = session->arena;
    if (greet(session, target, err))
        return session;
    redis_session_close(session);
    return NULL;
}

/* ---- By the word of the sentinels ---- */

/* What one sentinel says, where its word counts more than that of those before. */
static bool hear(struct redis_session *sentinel, const char *service,
                 struct redis_sentinel_answer *best, struct err *err)
{
    struct slice address[] = {SLICE("SENTINEL"), SLICE("GET-MASTER-ADDR-BY-NAME"),
                              slice_cstr(service)};
    struct slice primary[] = {SLICE("SENTINEL"), SLICE("MASTER"), slice_cstr(service)};
    struct redis_sentinel_answer answer = {.host = ""};
    const struct redis_reply *reply = redis_session_call(sentinel, address, 3, err);
    if (!reply)
        return false;
    const char *why = redis_sentinel_read_address(reply, &answer);
    if (why)
        return refused(sentinel, slice_cstr(why), err);
    reply = redis_session_call(sentinel, primary, 3, err);
    if (reply)
        answer.epoch = redis_sentinel_read_epoch(reply);
    if (!best->host[0] || answer.epoch > best->epoch)
        *best = answer;
    return true;
}

static void ask_sentinel(const struct redis_target *target, const struct redis_address *where,
                         struct redis_sentinel_answer *best, struct err *err)
{
    struct redis_target at = redis_target_sentinel(target, where->host, where->port);
    struct redis_session *sentinel = open_at(&at, SENTINEL_MS, err);
    if (sentinel)
        (void)hear(sentinel, target->service, best, err);
    redis_session_close(sentinel);
    redis_target_release(&at);
}

static struct redis_session *open_primary(const struct redis_target *target, int timeout_ms,
                                          struct err *err)
{
    struct redis_sentinel_answer best = {.host = ""};
    for (unsigned i = 0; i < target->seed_count; i++)
        ask_sentinel(target, &target->seeds[i], &best, err);
    if (!best.host[0])
        return NULL;
    struct redis_target at = redis_target_at(target, best.host, best.port);
    struct redis_session *session = open_at(&at, timeout_ms, err);
    redis_target_release(&at);
    return session;
}

struct redis_session *redis_session_open(const struct redis_target *target, int timeout_ms,
                                         struct err *err)
{
    return target->kind == REDIS_SENTINEL ? open_primary(target, timeout_ms, err)
                                          : open_at(target, timeout_ms, err);
}

void redis_session_close(struct redis_session *session)
{
    if (!session)
        return;
    if (session->connection)
        redisFree(session->connection);
    arena_free(session->arena);
    strbuf_release(&session->output);
    free(session);
}

void redis_session_queue(struct redis_session *session, const struct slice *args, unsigned count)
{
    if (session->unfetched == 0)
        arena_reset(session->arena);
    session->unfetched++;
    redis_wire_command(&session->output, args, count);
}

const struct redis_reply *redis_session_fetch(struct redis_session *session, struct err *err)
{
    CHECK(session->unfetched > 0);
    session->unfetched--;
    const struct redis_reply *reply = read_reply(session, err);
    if (!reply || reply->type != REDIS_ERROR_TEXT)
        return reply;
    (void)refused(session, reply->text, err);
    return NULL;
}

const struct redis_reply *redis_session_call(struct redis_session *session,
                                             const struct slice *args, unsigned count,
                                             struct err *err)
{
    CHECK(session->unfetched == 0);
    redis_session_queue(session, args, count);
    return redis_session_fetch(session, err);
}
