/*
 * redis_reply: what Redis sent, in our own types and bounded.
 *
 * A cover of the client library's parser. It makes every reply in one arena, so that none is freed
 * piece by piece, and it refuses early what would grow without end: a reply that needs more than
 * its maximum, a string announced longer than that, an array announced larger than that, a line
 * that does not end. Nesting is limited by the library (7 levels). RESP2 only.
 */
#ifndef STORE_REDIS_REPLY_H
#define STORE_REDIS_REPLY_H

#include <stddef.h>

#include "store/redis.h"

#define REDIS_LINE_MAX 65536 /* bytes of a status, an error or a number */

struct redis_reader;

/* `max_bytes` bounds the memory of one reply. */
struct redis_reader *redis_reader_new(size_t max_bytes);
void redis_reader_free(struct redis_reader *reader);

/* Adds what has been received. */
void redis_reader_feed(struct redis_reader *reader, const void *bytes, size_t len);

enum redis_read {
    REDIS_READ_MORE,      /* no whole reply is there */
    REDIS_READ_REPLY,     /* valid until the next call */
    REDIS_READ_TOO_LARGE, /* the next reply passes a limit; the reader is of no use any more */
    REDIS_READ_BROKEN,    /* that was not the protocol; likewise */
};
enum redis_read redis_reader_next(struct redis_reader *reader, const struct redis_reply **ret);

/* A phrase for the log after TOO_LARGE or BROKEN. */
const char *redis_reader_error(const struct redis_reader *reader);

/* What an error reply means: REDIS_REFUSED or REDIS_ERROR; REDIS_OK for every other reply. */
enum redis_failure redis_reply_failure(const struct redis_reply *reply);

/* Whether it is a cluster's word that the key is elsewhere, or that it is just being moved. */
bool redis_reply_redirects(const struct redis_reply *reply);

/* Whether an error reply begins with that word ("NOSCRIPT"). */
bool redis_reply_says(const struct redis_reply *reply, struct slice word);

/*
 * The functions by which the library's parser makes our replies, for a parser that somebody else
 * owns (store/redis_session.c): a `redisReplyObjectFunctions`, and its `privdata` is the arena.
 */
struct redisReplyObjectFunctions;
extern struct redisReplyObjectFunctions redis_reply_functions;

#endif
