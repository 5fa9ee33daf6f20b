/*
 * click_fixture: several servers, each with its connection to one Redis that is empty at first, for
 * tests of what is known of clicks over all of them.
 */
#ifndef TESTS_UNIT_STORE_CLICK_FIXTURE_H
#define TESTS_UNIT_STORE_CLICK_FIXTURE_H

#include "store/secrets.h"
#include "unit/store/redis_fixture.h"
#include "unit/store/unit.h"

#define FIREFOX "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
#define SERVERS 4

/* One for all tests, emptied before each. */
#define server redis_fixture_shared

extern const uint8_t click_salt[SECRET_BYTES], click_tomorrows_salt[SECRET_BYTES];

struct click_bench {
    struct loop *loop;
    struct redis *redis[SERVERS]; /* all are up */
    unsigned clicked;             /* impressions, for the test to count */
};

/* For cmocka's set-up and tear-down: *state is the bench. */
int click_set_up(void **state);
int click_tear_down(void **state);

#endif
