#include "store/redis_reply.h"

#include <hiredis/read.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/check.h"

#define BULK_HEADER_MAX 32 /* more than the digits of any length and its line end */

struct redis_reader {
    redisReader *parser;
    struct arena *arena; /* the reply being read */
    size_t max_bytes;
    const char *error; /* our own; NULL: the parser's */
};

/* Where the item that the parser is at belongs: in its array, or in memory of its own. */
static struct redis_reply *place(const redisReadTask *task)
{
    if (!task->parent)
        return arena_new_item((struct arena *)task->privdata, struct redis_reply);
    const struct redis_reply *array = task->parent->obj;
    return (struct redis_reply *)&array->items[task->idx];
}

static void *make_string(const redisReadTask *task, char *text, size_t len)
{
    struct redis_reply *reply = place(task);
    if (!reply)
        return NULL;
    reply->type = task->type == REDIS_REPLY_STRING   ? REDIS_STRING
                  : task->type == REDIS_REPLY_STATUS ? REDIS_STATUS
                                                     : REDIS_ERROR_TEXT;
    reply->text = arena_copy(task->privdata, slice_of(text, len));
    return reply->text.ptr ? reply : NULL;
}

static void *make_array(const redisReadTask *task, int count)
{
    struct redis_reply *reply = place(task);
    if (!reply)
        return NULL;
    reply->type = REDIS_ARRAY;
    reply->items = arena_new_array(task->privdata, struct redis_reply, (size_t)count);
    reply->count = (size_t)count;
    return reply->items ? reply : NULL;
}

static void *make_integer(const redisReadTask *task, long long number)
{
    struct redis_reply *reply = place(task);
    if (!reply)
        return NULL;
    reply->type = REDIS_INTEGER;
    reply->integer = number;
    return reply;
}

static void *make_nil(const redisReadTask *task)
{
    return place(task); /* zeroed memory is a NIL */
}

/* The arena frees them. */
static void free_nothing(void *reply)
{
    (void)reply;
}

struct redisReplyObjectFunctions redis_reply_functions = {
    .createString = make_string,
    .createArray = make_array,
    .createInteger = make_integer,
    .createNil = make_nil,
    .freeObject = free_nothing,
};

struct redis_reader *redis_reader_new(size_t max_bytes)
{
    struct redis_reader *reader = check_calloc(1, sizeof *reader);
    reader->parser = redisReaderCreateWithFunctions(&redis_reply_functions);
    CHECK(reader->parser != NULL);
    reader->arena = arena_new(max_bytes);
    reader->parser->privdata = reader->arena;
    reader->max_bytes = max_bytes;
    return reader;
}

void redis_reader_free(struct redis_reader *reader)
{
    if (!reader)
        return;
    redisReaderFree(reader->parser);
    arena_free(reader->arena);
    free(reader);
}

void redis_reader_feed(struct redis_reader *reader, const void *bytes, size_t len)
{
    (void)redisReaderFeed(reader->parser, bytes, len); /* what fails, redis_reader_next() tells */
}

/* The length that the string being read was announced with; -1 while that line is not whole. */
static int64_t announced_length(struct slice rest)
{
    char digits[BULK_HEADER_MAX + 1] = {0};
    size_t line = slice_find(rest, '\r');
    if (line + 1 >= rest.len || rest.ptr[line + 1] != '\n')
        return -1;
    memcpy(digits, rest.ptr, line);
    return strtoll(digits, NULL, 10);
}

/* The parser waits for more. Is what it waits for worth it? */
static enum redis_read judge_waiting(struct redis_reader *reader)
{
    const redisReader *parser = reader->parser;
    struct slice rest = slice_of(parser->buf + parser->pos, parser->len - parser->pos);
    bool in_string = parser->ridx >= 0 && parser->rstack[parser->ridx].type == REDIS_REPLY_STRING;
    int64_t announced =
        in_string ? announced_length(
                        slice_of(rest.ptr, rest.len < BULK_HEADER_MAX ? rest.len : BULK_HEADER_MAX))
                  : -1;

    if (announced > 0 && (uint64_t)announced > reader->max_bytes)
        reader->error = "a string larger than the limit";
    else if (announced < 0 && rest.len > REDIS_LINE_MAX)
        reader->error = "a line that does not end";
    return reader->error ? REDIS_READ_TOO_LARGE : REDIS_READ_MORE;
}

enum redis_read redis_reader_next(struct redis_reader *reader, const struct redis_reply **ret)
{
    void *reply;
    if (reader->error)
        return REDIS_READ_TOO_LARGE;
    if (reader->parser->ridx < 0)
        arena_reset(reader->arena);
    if (redisReaderGetReply(reader->parser, &reply) != REDIS_OK)
        return reader->parser->err == REDIS_ERR_OOM ? REDIS_READ_TOO_LARGE : REDIS_READ_BROKEN;
    if (!reply)
        return judge_waiting(reader);
    *ret = reply;
    return REDIS_READ_REPLY;
}

const char *redis_reader_error(const struct redis_reader *reader)
{
    if (reader->error)
        return reader->error;
    return reader->parser->err == REDIS_ERR_OOM ? "a reply larger than the limit"
                                                : reader->parser->errstr;
}

/*
 * Errors that tell of Redis's own condition, by their first word: those of the shared error
 * objects, the access control and the cluster code of Redis that a client can meet. Inside of a
 * script, access control and SCRIPT KILL say no word of their own.
 */
static const struct slice conditions[] = {
    SLICE_INIT("LOADING"),
    SLICE_INIT("READONLY"),
    SLICE_INIT("OOM"),
    SLICE_INIT("MISCONF"),
    SLICE_INIT("NOREPLICAS"),
    SLICE_INIT("MASTERDOWN"),
    SLICE_INIT("BUSY"),
    SLICE_INIT("NOAUTH"),
    SLICE_INIT("WRONGPASS"),
    SLICE_INIT("NOPERM"),
    SLICE_INIT("NOSCRIPT"),
    SLICE_INIT("CLUSTERDOWN"),
    SLICE_INIT("TRYAGAIN"),
    SLICE_INIT("MOVED"),
    SLICE_INIT("ASK"),
    SLICE_INIT("UNKILLABLE"),
    SLICE_INIT("DENIED"),
    SLICE_INIT("ERR The user executing the script"),
    SLICE_INIT("ERR Script killed by user"),
};

bool redis_reply_says(const struct redis_reply *reply, struct slice word)
{
    if (reply->type != REDIS_ERROR_TEXT || !slice_starts(reply->text, word))
        return false;
    return reply->text.len == word.len || reply->text.ptr[word.len] == ' ';
}

bool redis_reply_redirects(const struct redis_reply *reply)
{
    return redis_reply_says(reply, SLICE("MOVED")) || redis_reply_says(reply, SLICE("ASK")) ||
           redis_reply_says(reply, SLICE("TRYAGAIN"));
}

enum redis_failure redis_reply_failure(const struct redis_reply *reply)
{
    if (reply->type != REDIS_ERROR_TEXT)
        return REDIS_OK;
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
        if (redis_reply_says(reply, conditions[i]))
            return REDIS_REFUSED;
    }
    return REDIS_ERROR;
}
