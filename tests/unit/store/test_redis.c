#include "unit/store/unit.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "store/scripts.h"
#include "unit/store/redis_fixture.h"

struct bench {
    struct redis_fixture server;
    struct loop *loop;
    struct metrics *metrics;
    struct redis *redis;
    unsigned ups, downs;
};

/* What became of one command. */
struct outcome {
    unsigned calls;
    enum redis_failure failure;
    enum redis_type type;
    int64_t integer;
    char text[256];
    size_t text_len;
};

static void on_up(void *arg)
{
    ((struct bench *)arg)->ups++;
}

static void on_down(void *arg)
{
    ((struct bench *)arg)->downs++;
}

static bool is_up(void *arg)
{
    return redis_is_up(((struct bench *)arg)->redis);
}

static bool is_down(void *arg)
{
    return !is_up(arg);
}

static bool has_ended(void *arg)
{
    return ((struct outcome *)arg)->calls > 0;
}

static void connect_bench(struct bench *bench)
{
    struct redis_config config = {.target = &bench->server.target,
                                  .metrics = bench->metrics,
                                  .on_up = on_up,
                                  .on_down = on_down,
                                  .arg = bench};
    bench->redis = redis_new(bench->loop, &config);
}

static int setup_with(void **state, const char *const *options)
{
    struct bench *bench = check_calloc(1, sizeof *bench);
    redis_fixture_start(&bench->server, options);
    bench->loop = loop_new();
    bench->metrics = metrics_new((struct metrics_layout){.series = 2, .series_counters = 1});
    metrics_attach(bench->metrics, 0);
    connect_bench(bench);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    *state = bench;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, NULL);
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    redis_free(bench->redis);
    loop_free(bench->loop);
    metrics_free(bench->metrics);
    redis_fixture_stop(&bench->server);
    free(bench);
    return 0;
}

static void note(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct outcome *outcome = arg;
    outcome->calls++;
    outcome->failure = failure;
    if (!reply)
        return;
    outcome->type = reply->type;
    outcome->integer = reply->integer;
    outcome->text_len = reply->text.len;
    (void)snprintf(outcome->text, sizeof outcome->text, "%.*s", SLICE_ARGS(reply->text));
}

static void send_words(struct redis *redis, const char *text, int timeout_ms,
                       struct outcome *outcome)
{
    struct slice words[16], rest = slice_cstr(text);
    unsigned count = 0;
    *outcome = (struct outcome){0};
    while (slice_next(&rest, ' ', &words[count]))
        count++;
    redis_command(redis, words, count, timeout_ms, note, outcome);
}

static struct outcome ask(struct bench *bench, const char *text)
{
    struct outcome outcome;
    send_words(bench->redis, text, 0, &outcome);
    assert_int_equal(outcome.calls, 0);
    run_until(bench->loop, has_ended, &outcome, PATIENCE_MS);
    return outcome;
}

static void a_command_gets_its_reply_after_it_returned(void **state)
{
    struct bench *bench = *state;
    struct outcome set = ask(bench, "SET a 1"), get = ask(bench, "GET a");
    struct outcome incr = ask(bench, "INCR a"), nil = ask(bench, "GET none");
    assert_int_equal(set.type, REDIS_STATUS);
    assert_string_equal(set.text, "OK");
    assert_int_equal(get.type, REDIS_STRING);
    assert_string_equal(get.text, "1");
    assert_int_equal(incr.integer, 2);
    assert_int_equal(nil.type, REDIS_NIL);
    assert_int_equal(nil.failure, REDIS_OK);
}

static void replies_come_in_the_order_of_the_commands(void **state)
{
    struct bench *bench = *state;
    static struct outcome outcomes[5000];
    for (unsigned i = 0; i < 5000; i++)
        send_words(bench->redis, "INCR n", 0, &outcomes[i]);
    assert_int_equal(redis_pending(bench->redis), 5000);
    run_until(bench->loop, has_ended, &outcomes[4999], PATIENCE_MS);
    for (unsigned i = 0; i < 5000; i++) {
        assert_int_equal(outcomes[i].calls, 1);
        assert_int_equal(outcomes[i].integer, i + 1);
    }
    assert_int_equal(redis_pending(bench->redis), 0);
    assert_int_equal(metrics_sum(bench->metrics, COUNTER_REDIS_COMMANDS), 5000);
}

static void arguments_hold_any_bytes(void **state)
{
    struct bench *bench = *state;
    size_t len = 65536;
    char *bytes = check_malloc(len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = "\r\n\0 {}*$"[i % 8];
    struct slice set[] = {SLICE("SET"), slice_of(bytes, len), slice_of(bytes, len)};
    struct slice length[] = {SLICE("STRLEN"), slice_of(bytes, len)};
    struct outcome done = {0}, strlen_done = {0};
    redis_command(bench->redis, set, 3, 0, note, &done);
    redis_command(bench->redis, length, 2, 0, note, &strlen_done);
    run_until(bench->loop, has_ended, &strlen_done, PATIENCE_MS);
    assert_string_equal(done.text, "OK");
    assert_int_equal(strlen_done.integer, 65536);
    assert_int_equal(redis_fixture_number(&bench->server, "DBSIZE"), 1);
    free(bytes);
}

static void an_error_is_told_from_a_condition(void **state)
{
    struct bench *bench = *state;
    (void)ask(bench, "SET a 1");
    struct outcome wrong = ask(bench, "LPUSH a 1");
    assert_int_equal(wrong.failure, REDIS_ERROR);
    assert_memory_equal(wrong.text, "WRONGTYPE", 9);
    redis_fixture_say(&bench->server, "CONFIG SET maxmemory 1");
    struct outcome full = ask(bench, "SET a 2");
    assert_int_equal(full.failure, REDIS_REFUSED);
    assert_memory_equal(full.text, "OOM", 3);
    assert_int_equal(metrics_sum(bench->metrics, COUNTER_REDIS_ERRORS), 2);
    assert_true(redis_is_up(bench->redis));
}

static void run_reserve(struct bench *bench, struct outcome *outcome)
{
    struct slice key = SLICE("{v}k");
    struct slice args[] = {slice_of("\0\0\0\3\0\0\0\0\0\x27\x10", 11),
                           slice_of("\1\0\0\0\0\0\0\1\0\1\1", 11)};
    *outcome = (struct outcome){0};
    redis_run_script(bench->redis, script_get(SCRIPT_RESERVE), &key, 1, args, 2, 0, note, outcome);
}

static void a_script_that_redis_lacks_is_sent_with_its_text(void **state)
{
    struct bench *bench = *state;
    struct outcome first, second, third;
    run_reserve(bench, &first);
    run_reserve(bench, &second);
    run_until(bench->loop, has_ended, &second, PATIENCE_MS);
    assert_int_equal(first.failure, REDIS_OK);
    assert_int_equal(second.failure, REDIS_OK);
    redis_fixture_say(&bench->server, "SCRIPT FLUSH");
    run_reserve(bench, &third);
    run_until(bench->loop, has_ended, &third, PATIENCE_MS);
    assert_int_equal(third.failure, REDIS_OK);
    assert_int_equal(redis_fixture_number(&bench->server, "GET {v}k"), 3);
}

static void a_lost_connection_ends_its_commands_and_is_made_again(void **state)
{
    struct bench *bench = *state;
    struct outcome lost, away, after;
    redis_fixture_freeze(&bench->server);
    send_words(bench->redis, "INCR n", 5000, &lost);
    run_for(bench->loop, 20);
    redis_fixture_kill(&bench->server);
    run_until(bench->loop, is_down, bench, PATIENCE_MS);
    assert_int_equal(lost.calls, 1);
    assert_int_equal(lost.failure, REDIS_LOST);
    assert_true(redis_trouble(bench->redis)[0] != '\0');

    send_words(bench->redis, "INCR n", 5000, &away);
    assert_int_equal(away.calls, 0);
    run_until(bench->loop, has_ended, &away, PATIENCE_MS);
    assert_int_equal(away.failure, REDIS_AWAY);

    redis_fixture_restart(&bench->server);
    run_until(bench->loop, is_up, bench, 2000);
    after = ask(bench, "INCR n");
    assert_int_equal(after.integer, 1);
    assert_int_equal(bench->ups, 2);
    assert_int_equal(bench->downs, 1);
    assert_int_equal(metrics_sum(bench->metrics, COUNTER_REDIS_RECONNECTS), 1);
}

static void another_server_is_told_from_the_same(void **state)
{
    struct bench *bench = *state;
    char first[REDIS_SERVER_ID_MAX];
    (void)snprintf(first, sizeof first, "%s", redis_server_id(bench->redis));
    assert_int_equal(strlen(first), 40);
    redis_fixture_say(&bench->server, "CLIENT KILL TYPE normal SKIPME yes");
    run_until(bench->loop, is_down, bench, PATIENCE_MS);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    assert_string_equal(redis_server_id(bench->redis), first);
    redis_fixture_kill(&bench->server);
    run_until(bench->loop, is_down, bench, PATIENCE_MS);
    assert_string_equal(redis_server_id(bench->redis), first);
    redis_fixture_restart(&bench->server);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    assert_int_equal(strlen(redis_server_id(bench->redis)), 40);
    assert_string_not_equal(redis_server_id(bench->redis), first);
}

static void a_killed_client_connects_again(void **state)
{
    struct bench *bench = *state;
    redis_fixture_say(&bench->server, "CLIENT KILL TYPE normal SKIPME yes");
    run_until(bench->loop, is_down, bench, PATIENCE_MS);
    run_until(bench->loop, is_up, bench, 2000);
    assert_int_equal(ask(bench, "INCR n").integer, 1);
}

/* Frozen for so long; what the connection did is in the counters afterwards. */
static void freeze(struct bench *bench, int ms)
{
    struct outcome slow, at_once;
    redis_fixture_freeze(&bench->server);
    send_words(bench->redis, "INCR n", 20, &slow);
    run_until(bench->loop, has_ended, &slow, 60);
    assert_int_equal(slow.failure, REDIS_TIMEOUT);
    assert_false(redis_is_up(bench->redis));
    send_words(bench->redis, "INCR n", 20, &at_once);
    run_until(bench->loop, has_ended, &at_once, 10);
    assert_int_equal(at_once.failure, REDIS_AWAY);
    run_for(bench->loop, ms);
    redis_fixture_thaw(&bench->server);
    run_until(bench->loop, is_up, bench, 2000);
    assert_int_equal(slow.calls, 1);
    assert_int_equal(ask(bench, "PING").failure, REDIS_OK);
}

static void a_short_stall_passes_and_late_replies_are_swallowed(void **state)
{
    struct bench *bench = *state;
    freeze(bench, 200);
    assert_int_equal(metrics_sum(bench->metrics, COUNTER_REDIS_TIMEOUTS), 1);
    assert_int_equal(metrics_sum(bench->metrics, COUNTER_REDIS_LATE_REPLIES), 1);
    assert_int_equal(metrics_sum(bench->metrics, COUNTER_REDIS_RECONNECTS), 0);
    assert_int_equal(redis_pending(bench->redis), 0);
    assert_int_equal(bench->downs, 1);
}

static void a_long_silence_is_a_lost_connection(void **state)
{
    struct bench *bench = *state;
    freeze(bench, REDIS_DEAD_MS + 1500);
    assert_int_equal(metrics_sum(bench->metrics, COUNTER_REDIS_RECONNECTS), 1);
    assert_int_equal(redis_pending(bench->redis), 0);
}

static void an_idle_connection_is_probed(void **state)
{
    struct bench *bench = *state;
    redis_fixture_freeze(&bench->server);
    run_until(bench->loop, is_down, bench, REDIS_PROBE_MS + REDIS_DEAD_MS + 1000);
    redis_fixture_thaw(&bench->server);
    run_until(bench->loop, is_up, bench, 2000);
}

static void a_client_pause_is_a_stall(void **state)
{
    struct bench *bench = *state;
    struct outcome slow;
    redis_fixture_say(&bench->server, "CLIENT PAUSE 300 ALL");
    send_words(bench->redis, "INCR n", 20, &slow);
    run_until(bench->loop, is_down, bench, 100);
    run_until(bench->loop, is_up, bench, 1000);
    assert_int_equal(slow.calls, 1);
}

static bool nothing_pends(void *arg)
{
    return redis_pending(((struct bench *)arg)->redis) == 0;
}

/* That Redis does not have a script is no error, also where it says so too late. */
static void a_script_that_is_missed_too_late_is_no_error(void **state)
{
    struct bench *bench = *state;
    struct outcome outcome = {0};
    redis_fixture_freeze(&bench->server);
    redis_run_script(bench->redis, script_get(SCRIPT_RESERVE), &SLICE("k"), 1, NULL, 0, 20, note,
                     &outcome);
    run_until(bench->loop, has_ended, &outcome, PATIENCE_MS);
    assert_int_equal(outcome.failure, REDIS_TIMEOUT);
    redis_fixture_thaw(&bench->server);
    run_until(bench->loop, nothing_pends, bench, PATIENCE_MS);
    assert_int_equal(metrics_sum(bench->metrics, COUNTER_REDIS_LATE_REPLIES), 1);
    assert_int_equal(metrics_sum(bench->metrics, COUNTER_REDIS_ERRORS), 0);
}

static void too_many_pending_commands_are_refused(void **state)
{
    struct bench *bench = *state;
    struct outcome last;
    redis_fixture_freeze(&bench->server);
    struct outcome *outcomes = check_calloc(REDIS_PENDING_MAX, sizeof *outcomes);
    for (unsigned i = 0; i < REDIS_PENDING_MAX; i++)
        send_words(bench->redis, "PING", 0, &outcomes[i]);
    send_words(bench->redis, "PING", 0, &last);
    run_until(bench->loop, has_ended, &last, PATIENCE_MS);
    assert_int_equal(last.failure, REDIS_AWAY);
    redis_fixture_thaw(&bench->server);
    run_until(bench->loop, nothing_pends, bench, PATIENCE_MS);
    for (unsigned i = 0; i < REDIS_PENDING_MAX; i++) {
        assert_int_equal(outcomes[i].calls, 1);
        assert_int_equal(outcomes[i].failure, REDIS_OK);
    }
    free(outcomes);
}

static void again(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct bench *bench = arg;
    (void)failure, (void)reply;
    bench->ups++;
    if (bench->ups < 5)
        redis_command(bench->redis, (struct slice[]){SLICE("PING")}, 1, 0, again, bench);
}

static void freeing_ends_open_commands_also_those_sent_from_their_ends(void **state)
{
    struct bench *bench = *state;
    struct outcome open;
    send_words(bench->redis, "PING", 0, &open);
    bench->ups = 0;
    redis_command(bench->redis, (struct slice[]){SLICE("PING")}, 1, 0, again, bench);
    redis_free(bench->redis);
    bench->redis = NULL;
    assert_int_equal(open.calls, 1);
    assert_int_equal(open.failure, REDIS_LOST);
    assert_int_equal(bench->ups, 5);
}

static void an_evicting_policy_is_told(void **state)
{
    struct bench *bench = *state;
    assert_false(redis_policy_evicts(bench->redis));
    redis_fixture_say(&bench->server, "CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lru");
    redis_free(bench->redis);
    connect_bench(bench);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    assert_true(redis_policy_evicts(bench->redis));
    assert_true(redis_server_at(bench->redis, 0).client_id > 0);
}

/* ---- Passwords ---- */

static bool has_wrong_password(void *arg)
{
    return strstr(redis_trouble(((struct bench *)arg)->redis), "WRONGPASS") != NULL;
}

static void reconnect_as(struct bench *bench, const char *credentials, const char *db)
{
    struct err err;
    char url[256];
    redis_free(bench->redis);
    redis_target_release(&bench->server.target);
    const char *port = redis_fixture_text(&bench->server, "GET port");
    (void)snprintf(url, sizeof url, "redis://%s127.0.0.1:%s%s", credentials, port, db);
    assert_true(redis_target_parse(url, NULL, &bench->server.target, &err));
    connect_bench(bench);
}

/* A port of the kernel's choice that Redis is told to use; another may take it first: try again. */
static void open_port(struct bench *bench)
{
    struct err err;
    for (int port = 20000 + (int)(clock_mono_us(&clock_system) % 20000);; port++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", port);
        struct slice words[] = {SLICE("CONFIG"), SLICE("SET"), SLICE("port"), slice_cstr(text)};
        if (redis_session_call(bench->server.session, words, 4, &err)) {
            redis_fixture_say(&bench->server, "SET port %d", port);
            return;
        }
    }
}

static void user_password_and_database_are_used(void **state)
{
    struct bench *bench = *state;
    open_port(bench);
    redis_fixture_say(&bench->server, "ACL SETUSER ads on >p@ss:w/rd ~* &* +@all");
    reconnect_as(bench, "ads:p%40ss%3Aw%2Frd@", "/3");
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    assert_int_equal(ask(bench, "SET here 1").failure, REDIS_OK);
    redis_fixture_say(&bench->server, "SELECT 3");
    assert_int_equal(redis_fixture_number(&bench->server, "GET here"), 1);
    redis_fixture_say(&bench->server, "SELECT 0");
    reconnect_as(bench, "ads:wrong@", "");
    run_until(bench->loop, has_wrong_password, bench, PATIENCE_MS);
    assert_false(redis_is_up(bench->redis));
}

/* Where there is no /etc/hosts (a root file system fresh from debootstrap) it may have no address.
 */
static bool localhost_has_an_address(void)
{
    struct addrinfo *list;
    if (getaddrinfo("localhost", NULL, NULL, &list) != 0)
        return false;
    freeaddrinfo(list);
    return true;
}

static void a_host_name_is_looked_up(void **state)
{
    struct bench *bench = *state;
    if (!localhost_has_an_address())
        skip();
    open_port(bench);
    reconnect_as(bench, "", "");
    free(bench->server.target.host);
    bench->server.target.host = check_strdup("localhost");
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    assert_string_equal(ask(bench, "PING").text, "PONG");
}

/* ---- Listening ---- */

struct heard {
    unsigned count;
    char text[128];
};

static void on_message(const struct redis_reply *message, void *arg)
{
    struct heard *heard = arg;
    heard->count++;
    const struct redis_reply *last = &message->items[message->count - 1];
    (void)snprintf(heard->text, sizeof heard->text, "%.*s", SLICE_ARGS(last->text));
}

static bool has_heard(void *arg)
{
    return ((struct heard *)arg)->count > 0;
}

static void a_listener_hears_also_after_a_reconnect(void **state)
{
    struct bench *bench = *state;
    struct heard heard = {0};
    struct slice channels[] = {SLICE("plain"), SLICE("pat*")};
    redis_free(bench->redis);
    connect_bench(bench);
    redis_subscribe(bench->redis, channels, 2, on_message, &heard);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    for (int round = 0; round < 2; round++) {
        heard.count = 0;
        redis_fixture_say(&bench->server, "PUBLISH plain one");
        run_until(bench->loop, has_heard, &heard, PATIENCE_MS);
        assert_string_equal(heard.text, "one");
        heard.count = 0;
        redis_fixture_say(&bench->server, "PUBLISH pattern two");
        run_until(bench->loop, has_heard, &heard, PATIENCE_MS);
        assert_string_equal(heard.text, "two");
        redis_fixture_kill(&bench->server);
        run_until(bench->loop, is_down, bench, PATIENCE_MS);
        redis_fixture_restart(&bench->server);
        run_until(bench->loop, is_up, bench, 2000);
    }
}

static void a_listener_takes_no_commands_and_is_probed(void **state)
{
    struct bench *bench = *state;
    struct heard heard = {0};
    struct outcome outcome;
    redis_free(bench->redis);
    connect_bench(bench);
    redis_subscribe(bench->redis, (struct slice[]){SLICE("c")}, 1, on_message, &heard);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    send_words(bench->redis, "PING", 0, &outcome);
    run_until(bench->loop, has_ended, &outcome, PATIENCE_MS);
    assert_int_equal(outcome.failure, REDIS_AWAY);
    run_for(bench->loop, REDIS_PROBE_MS + REDIS_DEAD_MS + 600);
    assert_true(redis_is_up(bench->redis));
    assert_int_equal(bench->downs, 0);
    redis_fixture_freeze(&bench->server);
    run_until(bench->loop, is_down, bench, REDIS_PROBE_MS + REDIS_DEAD_MS + 1000);
    redis_fixture_thaw(&bench->server);
    run_until(bench->loop, is_up, bench, 2000);
}

/* ---- No Redis at all ---- */

static bool cannot_connect(void *arg)
{
    return strstr(redis_trouble(((struct bench *)arg)->redis), "cannot connect") != NULL;
}

static void it_waits_for_a_redis_that_is_not_there_yet(void **state)
{
    struct bench *bench = *state;
    redis_fixture_kill(&bench->server);
    redis_free(bench->redis);
    bench->ups = bench->downs = 0;
    connect_bench(bench);
    run_until(bench->loop, cannot_connect, bench, PATIENCE_MS);
    redis_fixture_restart(&bench->server);
    run_until(bench->loop, is_up, bench, 2000);
    assert_int_equal(bench->ups, 1);
    assert_int_equal(bench->downs, 0);
}

#define ON_REDIS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_REDIS(a_command_gets_its_reply_after_it_returned),
        ON_REDIS(replies_come_in_the_order_of_the_commands),
        ON_REDIS(arguments_hold_any_bytes),
        ON_REDIS(an_error_is_told_from_a_condition),
        ON_REDIS(a_script_that_redis_lacks_is_sent_with_its_text),
        ON_REDIS(a_lost_connection_ends_its_commands_and_is_made_again),
        ON_REDIS(another_server_is_told_from_the_same),
        ON_REDIS(a_killed_client_connects_again),
        ON_REDIS(a_short_stall_passes_and_late_replies_are_swallowed),
        ON_REDIS(a_long_silence_is_a_lost_connection),
        ON_REDIS(an_idle_connection_is_probed),
        ON_REDIS(a_client_pause_is_a_stall),
        ON_REDIS(a_script_that_is_missed_too_late_is_no_error),
        ON_REDIS(too_many_pending_commands_are_refused),
        ON_REDIS(freeing_ends_open_commands_also_those_sent_from_their_ends),
        ON_REDIS(an_evicting_policy_is_told),
        ON_REDIS(user_password_and_database_are_used),
        ON_REDIS(a_host_name_is_looked_up),
        ON_REDIS(a_listener_hears_also_after_a_reconnect),
        ON_REDIS(a_listener_takes_no_commands_and_is_probed),
        ON_REDIS(it_waits_for_a_redis_that_is_not_there_yet),
    };
    log_setup(LOG_ERROR, LOG_LOGFMT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
