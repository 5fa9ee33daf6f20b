/*
 * fake_redis: a Redis that says what the test wants, for what a healthy one never does.
 *
 * It lives in the test's own loop, on a unix socket in a folder of its own or a free port. It takes
 * commands apart and answers each by the first line of its script that begins with the command's
 * name; what no line knows is answered as an empty Redis would do (greeting, PING), or +OK.
 */
#ifndef TESTS_UNIT_STORE_FAKE_REDIS_H
#define TESTS_UNIT_STORE_FAKE_REDIS_H

#include "store/redis.h"

struct fake_redis;

/* `bytes` NULL: silence. `then_close`: the connection ends behind them. */
struct fake_line {
    const char *command; /* "EVALSHA"; NULL ends a script */
    const char *bytes;
    size_t len; /* of `bytes`; 0: as a C string */
    bool then_close;
};

struct fake_redis *fake_redis_new(struct loop *loop);
/* The same at a port of 127.0.0.1. */
struct fake_redis *fake_redis_new_tcp(struct loop *loop);
void fake_redis_free(struct fake_redis *fake);

const struct redis_target *fake_redis_target(const struct fake_redis *fake);

/* From now on; the array must live on. NULL: none. */
void fake_redis_script(struct fake_redis *fake, const struct fake_line *lines);

/* Sends bytes that nobody asked for to all connections. */
void fake_redis_push(struct fake_redis *fake, const void *bytes, size_t len);

/* Whether somebody is connected. */
bool fake_redis_has_peers(const struct fake_redis *fake);

/* Closes all connections. */
void fake_redis_hang_up(struct fake_redis *fake);

/* Commands of that name seen; connections accepted; reads that brought at least one command. */
unsigned fake_redis_seen(const struct fake_redis *fake, const char *command);
unsigned fake_redis_accepted(const struct fake_redis *fake);
unsigned fake_redis_reads(const struct fake_redis *fake);

/* The last command of that name, arguments joined by spaces; "" where there was none. */
const char *fake_redis_last(const struct fake_redis *fake, const char *command);

#endif
