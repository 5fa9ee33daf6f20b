#include "store/redis_talk.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "store/redis_greeting.h"
#include "store/redis_reply.h"
#include "store/redis_wire.h"

#define OUTPUT_MAX ((size_t)512 * 1024 * 1024) /* one batch of commands */
#define QUOTE_STEP 64                          /* err_quote() cuts there */

struct redis_talk {
    redisContext *connection;
    struct arena *arena;       /* the replies' */
    struct strbuf output;      /* commands queued and not sent */
    char where[ERR_WHERE_MAX]; /* the address, for messages */
};

static redisContext *connect_to(const struct redis_target *target, struct timeval timeout)
{
    return target->unix_path ? redisConnectUnixWithTimeout(target->unix_path, timeout)
                             : redisConnectWithTimeout(target->host, target->port, timeout);
}

static void name_address(struct redis_talk *talk, const struct redis_target *target)
{
    if (target->unix_path)
        (void)snprintf(talk->where, sizeof talk->where, "Redis at %s", target->unix_path);
    else
        (void)snprintf(talk->where, sizeof talk->where, "Redis at %s:%d", target->host,
                       target->port);
}

static bool broken(const struct redis_talk *talk, struct err *err)
{
    const redisContext *connection = talk->connection;
    (void)err_at(err, "%s", talk->where);
    if (connection && connection->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK))
        return err_set(err, "no answer in time");
    return err_set(err, "%s", connection ? connection->errstr : "no memory to connect");
}

bool redis_talk_refused(const struct redis_talk *talk, struct slice text, struct err *err)
{
    (void)err_at(err, "%s", talk->where);
    return err_set(err, "%s%s", err_quote(text), err_quote(slice_from(text, QUOTE_STEP)));
}

static bool send_output(struct redis_talk *talk, struct err *err)
{
    int done = 0;
    CHECK(!talk->output.overflowed);
    if (redisAppendFormattedCommand(talk->connection, talk->output.ptr ? talk->output.ptr : "",
                                    talk->output.len) != 0)
        return broken(talk, err);
    strbuf_clear(&talk->output);
    while (!done) {
        if (redisBufferWrite(talk->connection, &done) != 0)
            return broken(talk, err);
    }
    return true;
}

const struct redis_reply *redis_talk_fetch(struct redis_talk *talk, struct err *err)
{
    void *reply = NULL;
    if (talk->output.len > 0 && !send_output(talk, err))
        return NULL;
    if (redisGetReply(talk->connection, &reply) != 0) {
        (void)broken(talk, err);
        return NULL;
    }
    return reply;
}

static bool greet(struct redis_talk *talk, const struct redis_target *target, struct err *err)
{
    struct redis_greeting greeting;
    enum redis_greeting_result result = GREETING_GOES_ON;
    redis_greeting_begin(&greeting, target, &talk->output);
    while (result == GREETING_GOES_ON) {
        const struct redis_reply *reply = redis_talk_fetch(talk, err);
        if (!reply)
            return false;
        result = redis_greeting_take(&greeting, reply);
        if (result == GREETING_FAILED)
            return redis_talk_refused(talk, slice_cstr(greeting.why), err);
    }
    return true;
}

struct redis_talk *redis_talk_open(const struct redis_target *target, int timeout_ms,
                                   struct arena *replies, struct err *err)
{
    struct timeval timeout = {.tv_sec = timeout_ms / 1000,
                              .tv_usec = (suseconds_t)(timeout_ms % 1000 * US_PER_MS)};
    struct redis_talk *talk = check_calloc(1, sizeof *talk);
    talk->arena = replies;
    strbuf_init(&talk->output, OUTPUT_MAX);
    name_address(talk, target);
    talk->connection = connect_to(target, timeout);
    if (!talk->connection || talk->connection->err) {
        (void)broken(talk, err);
        redis_talk_close(talk);
        return NULL;
    }
    (void)redisSetTimeout(talk->connection, timeout);
    talk->connection->reader->fn = &redis_reply_functions;
    talk->connection->reader->privdata = talk->arena;
    if (greet(talk, target, err))
        return talk;
    redis_talk_close(talk);
    return NULL;
}

void redis_talk_close(struct redis_talk *talk)
{
    if (!talk)
        return;
    if (talk->connection)
        redisFree(talk->connection);
    strbuf_release(&talk->output);
    free(talk);
}

void redis_talk_queue(struct redis_talk *talk, const struct slice *args, unsigned count)
{
    redis_wire_command(&talk->output, args, count);
}

void redis_talk_queue_wire(struct redis_talk *talk, struct slice command)
{
    strbuf_add_slice(&talk->output, command);
}

const struct redis_reply *redis_talk_call(struct redis_talk *talk, const struct slice *args,
                                          unsigned count, struct err *err)
{
    redis_talk_queue(talk, args, count);
    const struct redis_reply *reply = redis_talk_fetch(talk, err);
    if (!reply || reply->type != REDIS_ERROR_TEXT)
        return reply;
    (void)redis_talk_refused(talk, reply->text, err);
    return NULL;
}
