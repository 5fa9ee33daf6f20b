#include "unit/store/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "store/scripts.h"
#include "unit/store/redis_fixture.h"

/* One for all tests, emptied before each. */
#define server redis_fixture_shared

static const struct redis_reply *call(struct redis_session *session, struct err *err,
                                      const char *text)
{
    struct slice words[8], rest = slice_cstr(text);
    unsigned count = 0;
    while (slice_next(&rest, ' ', &words[count]))
        count++;
    return redis_session_call(session, words, count, err);
}

static void a_command_gets_its_reply(void **state)
{
    struct redis_session *session = *state;
    struct err err;
    assert_slice(call(session, &err, "SET a 1")->text, "OK");
    assert_int_equal(call(session, &err, "INCR a")->integer, 2);
    assert_int_equal(call(session, &err, "GET none")->type, REDIS_NIL);
    const struct redis_reply *list = call(session, &err, "MGET a none a");
    assert_int_equal(list->count, 3);
    assert_slice(list->items[2].text, "2");
}

static void an_error_says_where_and_what(void **state)
{
    struct redis_session *session = *state;
    struct err err;
    assert_non_null(call(session, &err, "SET a 1"));
    assert_null(call(session, &err, "LPUSH a 1"));
    assert_true(strstr(err.where, "Redis at /tmp/") == err.where);
    assert_string_equal(err.text,
                        "WRONGTYPE Operation against a key holding the wrong kind of value");
    assert_non_null(call(session, &err, "GET a")); /* it goes on */
}

static void a_batch_keeps_its_replies_together(void **state)
{
    struct redis_session *session = *state;
    const struct redis_reply *replies[1000];
    struct err err;
    char value[16];
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(value, sizeof value, "v%u", i);
        redis_session_queue(session, (struct slice[]){SLICE("ECHO"), slice_cstr(value)}, 2);
    }
    for (unsigned i = 0; i < 1000; i++)
        assert_non_null(replies[i] = redis_session_fetch(session, &err));
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(value, sizeof value, "v%u", i);
        assert_slice(replies[i]->text, value);
    }
}

static void an_error_in_a_transaction_is_an_item(void **state)
{
    struct redis_session *session = *state;
    struct err err;
    assert_non_null(call(session, &err, "MULTI"));
    assert_non_null(call(session, &err, "SET a 1"));
    assert_non_null(call(session, &err, "LPUSH a 1"));
    const struct redis_reply *exec = call(session, &err, "EXEC");
    assert_int_equal(exec->count, 2);
    assert_int_equal(exec->items[1].type, REDIS_ERROR_TEXT);
}

static void silence_and_absence_are_errors(void **state)
{
    struct redis_session *session;
    struct err err;
    (void)state;
    session = redis_session_open(&server.target, 100, &err);
    redis_fixture_freeze(&server);
    assert_null(call(session, &err, "PING"));
    assert_string_equal(err.text, "no answer in time");
    redis_session_close(session);
    redis_fixture_thaw(&server);
    struct redis_target nowhere = {.unix_path = (char *)"/nonexistent/socket"};
    assert_null(redis_session_open(&nowhere, 100, &err));
    assert_string_equal(err.where, "Redis at /nonexistent/socket");
    assert_string_equal(err.text, "No such file or directory");
    struct redis_target wrong = server.target;
    wrong.password = (char *)"wrong";
    wrong.user = (char *)"nobody";
    assert_null(redis_session_open(&wrong, 1000, &err));
    assert_true(strstr(err.text, "WRONGPASS") == err.text);
    wrong = server.target;
    wrong.db = 9999;
    assert_null(redis_session_open(&wrong, 1000, &err));
    assert_true(strstr(err.text, "ERR DB index is out of range") == err.text);
}

/* Redis must know each script by the name that we call it by. */
static void scripts_are_known_by_their_sha1(void **state)
{
    struct redis_session *session = *state;
    struct err err;
    for (enum script script = 0; script < SCRIPT_COUNT; script++) {
        const struct redis_script *own = script_get(script);
        struct slice load[] = {SLICE("SCRIPT"), SLICE("LOAD"), own->text};
        const struct redis_reply *reply = redis_session_call(session, load, 3, &err);
        assert_non_null(reply);
        assert_slice(reply->text, own->sha1);
    }
}

static int setup(void **state)
{
    struct err err;
    redis_fixture_say(&server, "FLUSHALL");
    *state = redis_session_open(&server.target, 5000, &err);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    redis_session_close(*state);
    return 0;
}

#define ON_REDIS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_REDIS(a_command_gets_its_reply),
        ON_REDIS(an_error_says_where_and_what),
        ON_REDIS(a_batch_keeps_its_replies_together),
        ON_REDIS(an_error_in_a_transaction_is_an_item),
        ON_REDIS(silence_and_absence_are_errors),
        ON_REDIS(scripts_are_known_by_their_sha1),
    };
    return cmocka_run_group_tests(tests, redis_fixture_group_setup, redis_fixture_group_teardown);
}
