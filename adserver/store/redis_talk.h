/*
 * redis_talk: a blocking conversation with one server, for store/redis_session.c.
 *
 * Every failure fills `err` with what went wrong and at which address.
 */
#ifndef STORE_REDIS_TALK_H
#define STORE_REDIS_TALK_H

#include "base/arena.h"
#include "store/redis.h"

struct redis_talk;

/* Replies are made in `replies`, which belongs to the caller. */
struct redis_talk *redis_talk_open(const struct redis_target *target, int timeout_ms,
                                   struct arena *replies, struct err *err);
void redis_talk_close(struct redis_talk *talk);

/* Queues one; the second form takes a command that is in bytes already. */
void redis_talk_queue(struct redis_talk *talk, const struct slice *args, unsigned count);
void redis_talk_queue_wire(struct redis_talk *talk, struct slice command);

/* The next reply, in order, an error too; NULL when the connection broke. */
const struct redis_reply *redis_talk_fetch(struct redis_talk *talk, struct err *err);

/* Both; NULL also when Redis answered an error. */
const struct redis_reply *redis_talk_call(struct redis_talk *talk, const struct slice *args,
                                          unsigned count, struct err *err);

/* Tells what Redis says against a command; always false. */
bool redis_talk_refused(const struct redis_talk *talk, struct slice text, struct err *err);

#endif
