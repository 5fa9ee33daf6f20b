/*
 * redis_fixture: a real redis-server for tests, on a unix socket in a folder of its own.
 *
 * It ends with its fixture, and with the test program however that ends. Nothing in it is written
 * to disk unless its options say so.
 */
#ifndef TESTS_UNIT_STORE_REDIS_FIXTURE_H
#define TESTS_UNIT_STORE_REDIS_FIXTURE_H

#include "store/redis.h"
#include "store/redis_session.h"

struct redis_fixture {
    char folder[64];
    char url[128];
    struct redis_target target;
    const char *const *options; /* more arguments of redis-server, NULL at the end; may be NULL */
    int pid;                    /* 0: not running */
    struct redis_session *session;
};

/* Starts it and waits until it answers. */
void redis_fixture_start(struct redis_fixture *fixture, const char *const *options);
void redis_fixture_stop(struct redis_fixture *fixture);

/* The server alone: SIGKILL, and started again at the same address. */
void redis_fixture_kill(struct redis_fixture *fixture);
void redis_fixture_restart(struct redis_fixture *fixture);

/* SIGSTOP and SIGCONT. */
void redis_fixture_freeze(struct redis_fixture *fixture);
void redis_fixture_thaw(struct redis_fixture *fixture);

/*
 * One command on a connection beside those under test, words separated by single spaces; an error
 * reply fails the test. Valid until the next.
 */
const struct redis_reply *redis_fixture_say(struct redis_fixture *fixture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int64_t redis_fixture_number(struct redis_fixture *fixture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *redis_fixture_text(struct redis_fixture *fixture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * One server for all tests of a program: cmocka's group setup and teardown. Tests that want it
 * empty say FLUSHALL in their own setup.
 */
extern struct redis_fixture redis_fixture_shared;
int redis_fixture_group_setup(void **state);
int redis_fixture_group_teardown(void **state);

#endif
