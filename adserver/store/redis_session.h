/*
 * redis_session: a blocking conversation with Redis, for tools (adctl), never for the server.
 *
 * Replies live until the next call on the session or its end. Every failure fills `err` with what
 * went wrong and where.
 *
 * With Sentinel it is a conversation with the primary that is named at its beginning. With a
 * cluster each command goes to the server that holds its key, and is sent on while its slot is
 * being moved; there are no transactions over several keys then, and a command without a key goes
 * to any server.
 */
#ifndef STORE_REDIS_SESSION_H
#define STORE_REDIS_SESSION_H

#include "base/arena.h"
#include "store/redis.h"

struct redis_session;

struct redis_session *redis_session_open(const struct redis_target *target, int timeout_ms,
                                         struct err *err);
void redis_session_close(struct redis_session *session);

bool redis_session_is_cluster(const struct redis_session *session);

/* One command and its reply; NULL with `err` when it broke or Redis answered an error. */
const struct redis_reply *redis_session_call(struct redis_session *session,
                                             const struct slice *args, unsigned count,
                                             struct err *err);

/* For what every server has to be asked, such as SCAN: how many there are, and one command to one
 * of them, 0 being the first. */
unsigned redis_session_servers(const struct redis_session *session);
const struct redis_reply *redis_session_call_at(struct redis_session *session, unsigned number,
                                                const struct slice *args, unsigned count,
                                                struct err *err);

/*
 * Pipelining: queue any number of commands, then fetch their replies in order. A reply that is an
 * error makes the fetch fail, as in redis_session_call(). The replies of one batch live together
 * until the next queue after a finished batch.
 */
void redis_session_queue(struct redis_session *session, const struct slice *args, unsigned count);
const struct redis_reply *redis_session_fetch(struct redis_session *session, struct err *err);

/* The same, but an error is a reply (REDIS_ERROR_TEXT); NULL only where the conversation broke. */
const struct redis_reply *redis_session_fetch_any(struct redis_session *session, struct err *err);

#endif
