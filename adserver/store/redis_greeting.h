/*
 * redis_greeting: what is said on a new connection before it is used.
 *
 * AUTH, SELECT, ROLE, CLIENT SETNAME, CLIENT ID, CONFIG GET maxmemory*, INFO server, PING leave
 * together; the replies come in that order. AUTH, SELECT and PING must succeed (PING fails while
 * Redis is loading), and where Sentinel has named the server ROLE must say that it is a primary:
 * one that was demoted, or is only about to be promoted, takes no writes. The others may be
 * forbidden.
 */
#ifndef STORE_REDIS_GREETING_H
#define STORE_REDIS_GREETING_H

#include "base/strbuf.h"
#include "store/redis.h"

#define REDIS_GREETING_STEPS 8
#define REDIS_MAJOR_MIN      7 /* an older version is told of in the log */

struct redis_greeting {
    const struct redis_greeting_step *steps[REDIS_GREETING_STEPS];
    unsigned count, next;
    const char *why;
    int64_t client_id;                   /* 0: not told */
    char server_id[REDIS_SERVER_ID_MAX]; /* see redis_server_id() */
    bool evicts;                         /* see redis_policy_evicts() */
};

/* Appends the commands to `output`. */
void redis_greeting_begin(struct redis_greeting *greeting, const struct redis_target *target,
                          struct strbuf *output);

/* Takes the next reply. FAILED where it forbids use; `why` says why, as long as the reply lives. */
enum redis_greeting_result { GREETING_GOES_ON, GREETING_DONE, GREETING_FAILED };
enum redis_greeting_result redis_greeting_take(struct redis_greeting *greeting,
                                               const struct redis_reply *reply);

#endif
