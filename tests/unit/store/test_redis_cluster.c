/*
 * A cluster's servers that redirect, disagree and talk nonsense; real ones are in
 * tests/system/cluster.test.mjs. Server 0 holds all slots, as both say, unless a test says
 * otherwise.
 */
#include "unit/store/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "store/redis_cluster.h"
#include "store/redis_scout.h"
#include "store/scripts.h"
#include "unit/store/fake_redis.h"

#define SERVERS   2
#define TEXT_MAX  512
#define LINES_MAX 8
#define COMMANDS  20

struct says {
    char slots[TEXT_MAX], info[TEXT_MAX], redirect[TEXT_MAX];
    struct fake_line lines[LINES_MAX];
};

struct bench {
    struct loop *loop;
    struct fake_redis *server[SERVERS];
    struct says says[SERVERS];
    struct redis_target target;
    struct redis *redis;
    unsigned ended;
    enum redis_failure failure;
    char text[128];
};

static bool is_up(void *arg)
{
    return redis_is_up(((struct bench *)arg)->redis);
}

static int port_of(const struct bench *bench, unsigned server)
{
    return fake_redis_target(bench->server[server])->port;
}

/* From now on that server says that `holder` holds everything; `line` is its answer to others. */
static void let_say(struct bench *bench, unsigned server, unsigned holder, unsigned epoch,
                    struct fake_line line)
{
    struct says *says = &bench->says[server];
    char info[TEXT_MAX / 2];
    (void)snprintf(says->slots, TEXT_MAX,
                   "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n",
                   port_of(bench, holder));
    int len =
        snprintf(info, sizeof info, "cluster_state:ok\r\ncluster_current_epoch:%u\r\n", epoch);
    (void)snprintf(says->info, TEXT_MAX, "$%d\r\n%s\r\n", len, info);
    says->lines[0] = (struct fake_line){"CLUSTER SLOTS", says->slots, 0, false};
    says->lines[1] = (struct fake_line){"CLUSTER INFO", says->info, 0, false};
    says->lines[2] = line;
    fake_redis_script(bench->server[server], says->lines);
}

/* An answer to `command` that names the place of `other`. */
static struct fake_line redirect(struct bench *bench, unsigned server, const char *command,
                                 const char *word, struct slice key, unsigned other)
{
    struct says *says = &bench->says[server];
    (void)snprintf(says->redirect, TEXT_MAX, "-%s %u 127.0.0.1:%d\r\n", word, redis_slot_of(key),
                   port_of(bench, other));
    return (struct fake_line){command, says->redirect, 0, false};
}

static void begin(struct bench *bench)
{
    char url[128];
    struct err err;
    (void)snprintf(url, sizeof url, "redis-cluster://127.0.0.1:%d", port_of(bench, 0));
    CHECK(redis_target_parse(url, NULL, &bench->target, &err));
    struct redis_config config = {.target = &bench->target};
    bench->redis = redis_new(bench->loop, &config);
}

static int setup(void **state)
{
    struct bench *bench = check_calloc(1, sizeof *bench);
    bench->loop = loop_new();
    for (unsigned i = 0; i < SERVERS; i++)
        bench->server[i] = fake_redis_new_tcp(bench->loop);
    for (unsigned i = 0; i < SERVERS; i++)
        let_say(bench, i, 0, 1, (struct fake_line){"GET", "$1\r\n0\r\n", 0, false});
    bench->says[1].lines[2].bytes = "$1\r\n1\r\n";
    begin(bench);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    redis_free(bench->redis);
    redis_target_release(&bench->target);
    for (unsigned i = 0; i < SERVERS; i++)
        fake_redis_free(bench->server[i]);
    loop_free(bench->loop);
    free(bench);
    return 0;
}

/* ---- Asking ---- */

static void note(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct bench *bench = arg;
    bench->ended++;
    bench->failure = failure;
    (void)snprintf(bench->text, sizeof bench->text, "%.*s",
                   SLICE_ARGS(reply ? reply->text : SLICE("")));
}

static bool has_ended(void *arg)
{
    return ((struct bench *)arg)->ended > 0;
}

static void get(struct bench *bench, int timeout_ms)
{
    bench->ended = 0;
    redis_command(bench->redis, (struct slice[]){SLICE("GET"), SLICE("k")}, 2, timeout_ms, note,
                  bench);
    assert_int_equal(bench->ended, 0);
    run_until(bench->loop, has_ended, bench, PATIENCE_MS);
    assert_int_equal(bench->ended, 1);
}

static unsigned gets_at(const struct bench *bench, unsigned server)
{
    return fake_redis_seen(bench->server[server], "GET");
}

static void what_was_moved_is_followed_and_remembered(void **state)
{
    struct bench *bench = *state;
    let_say(bench, 0, 1, 2, redirect(bench, 0, "GET", "MOVED", SLICE("k"), 1));
    get(bench, 5000);
    assert_int_equal(bench->failure, REDIS_OK);
    assert_string_equal(bench->text, "1");
    assert_int_equal(gets_at(bench, 0), 1);
    get(bench, 5000);
    assert_string_equal(bench->text, "1");
    assert_int_equal(gets_at(bench, 0), 1);
}

static void an_ask_is_for_once_and_says_asking(void **state)
{
    struct bench *bench = *state;
    let_say(bench, 0, 0, 1, redirect(bench, 0, "GET", "ASK", SLICE("k"), 1));
    for (unsigned i = 1; i <= 3; i++) {
        unsigned before = gets_at(bench, 0);
        get(bench, 5000);
        assert_int_equal(bench->failure, REDIS_OK);
        assert_string_equal(bench->text, "1");
        assert_true(gets_at(bench, 0) > before);
        assert_int_equal(fake_redis_seen(bench->server[1], "ASKING"), gets_at(bench, 1));
    }
}

static bool is_greeted(void *arg)
{
    return fake_redis_seen(((struct bench *)arg)->server[1], "PING") > 0;
}

/* Sent on to a server that nobody is connected to yet, and that takes its time to greet. */
static void get_from_a_slow_server(struct bench *bench)
{
    bench->says[1].lines[3] = (struct fake_line){"PING", NULL, 0, false};
    bench->ended = 0;
    redis_command(bench->redis, (struct slice[]){SLICE("GET"), SLICE("k")}, 2, 5000, note, bench);
    run_until(bench->loop, is_greeted, bench, PATIENCE_MS);
    run_for(bench->loop, 2 * REDIS_REDIRECTS_MAX * REDIS_TRY_AGAIN_MS);
    assert_int_equal(bench->ended, 0);
    assert_int_equal(gets_at(bench, 1), 0);
    bench->says[1].lines[3].command = NULL;
    fake_redis_push(bench->server[1], "+PONG\r\n", 7);
    run_until(bench->loop, has_ended, bench, PATIENCE_MS);
    assert_int_equal(bench->failure, REDIS_OK);
    assert_string_equal(bench->text, "1");
}

static void who_is_sent_on_waits_for_the_connection(void **state)
{
    struct bench *bench = *state;
    let_say(bench, 0, 1, 2, redirect(bench, 0, "GET", "MOVED", SLICE("k"), 1));
    get_from_a_slow_server(bench);
}

static void who_is_sent_on_for_once_waits_too(void **state)
{
    struct bench *bench = *state;
    let_say(bench, 0, 0, 1, redirect(bench, 0, "GET", "ASK", SLICE("k"), 1));
    get_from_a_slow_server(bench);
}

static void run_script(struct bench *bench)
{
    bench->ended = 0;
    redis_run_script(bench->redis, script_get(SCRIPT_CAPS), (struct slice[]){SLICE("k")}, 1, NULL,
                     0, 5000, note, bench);
    run_until(bench->loop, has_ended, bench, PATIENCE_MS);
}

static void a_script_that_is_asked_for_is_sent_with_its_text(void **state)
{
    struct bench *bench = *state;
    let_say(bench, 0, 0, 1, redirect(bench, 0, "EVALSHA", "ASK", SLICE("k"), 1));
    let_say(bench, 1, 0, 1,
            (struct fake_line){"EVALSHA", "-NOSCRIPT No matching script\r\n", 0, false});
    bench->says[1].lines[3] = (struct fake_line){"EVAL ", "$4\r\ndone\r\n", 0, false};
    run_script(bench);
    assert_int_equal(bench->failure, REDIS_OK);
    assert_string_equal(bench->text, "done");
    assert_int_equal(fake_redis_seen(bench->server[1], "ASKING"), 2);
    assert_int_equal(fake_redis_seen(bench->server[1], "EVAL"), 1);
}

static void a_key_on_its_way_is_waited_for_but_no_longer_than_allowed(void **state)
{
    struct bench *bench = *state;
    struct fake_line again = {"GET", "-TRYAGAIN Multiple keys request\r\n", 0, false};
    let_say(bench, 0, 0, 1, again);
    get(bench, 100);
    assert_int_equal(bench->failure, REDIS_TIMEOUT);
    assert_true(gets_at(bench, 0) > 1);

    bench->ended = 0;
    redis_command(bench->redis, (struct slice[]){SLICE("GET"), SLICE("k")}, 2, 5000, note, bench);
    run_for(bench->loop, 50);
    assert_int_equal(bench->ended, 0);
    let_say(bench, 0, 0, 1, (struct fake_line){"GET", "$1\r\n0\r\n", 0, false});
    run_until(bench->loop, has_ended, bench, PATIENCE_MS);
    assert_int_equal(bench->failure, REDIS_OK);
}

/* Half of a script's keys here, half there: the one says ASK, the other TRYAGAIN, until it is over.
 */
static void a_slot_on_its_way_may_send_to_and_fro_for_as_long_as_there_is_time(void **state)
{
    struct bench *bench = *state;
    let_say(bench, 0, 0, 1, redirect(bench, 0, "GET", "ASK", SLICE("k"), 1));
    let_say(bench, 1, 0, 1, (struct fake_line){"GET", "-TRYAGAIN\r\n", 0, false});
    bench->ended = 0;
    redis_command(bench->redis, (struct slice[]){SLICE("GET"), SLICE("k")}, 2, 5000, note, bench);
    while (gets_at(bench, 1) <= 2 * REDIS_REDIRECTS_MAX)
        run_for(bench->loop, 5);
    assert_int_equal(bench->ended, 0);
    let_say(bench, 1, 0, 1, (struct fake_line){"GET", "$1\r\n1\r\n", 0, false});
    run_until(bench->loop, has_ended, bench, PATIENCE_MS);
    assert_int_equal(bench->failure, REDIS_OK);
    assert_string_equal(bench->text, "1");
}

static void servers_that_send_on_in_a_ring_are_given_up(void **state)
{
    struct bench *bench = *state;
    let_say(bench, 0, 0, 1, redirect(bench, 0, "GET", "MOVED", SLICE("k"), 1));
    let_say(bench, 1, 0, 1, redirect(bench, 1, "GET", "MOVED", SLICE("k"), 0));
    get(bench, 5000);
    assert_int_equal(bench->failure, REDIS_REFUSED);
    assert_in_range(gets_at(bench, 0) + gets_at(bench, 1), 2, REDIS_REDIRECTS_MAX + 1);
}

static const char *const refusals[] = {
    "-MOVED\r\n",
    "-MOVED 99999 127.0.0.1:1\r\n",
    "-MOVED 1 127.0.0.1:1\r\n", /* of another slot */
    "-MOVED 7629 127.0.0.1:x\r\n",
    "-ASK 7629\r\n",
    "-CLUSTERDOWN Hash slot not served\r\n",
    "-LOADING Redis is loading the dataset in memory\r\n",
};

static void what_is_no_redirection_is_told(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(redis_slot_of(SLICE("k")), 7629);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        unsigned before = gets_at(bench, 0);
        let_say(bench, 0, 0, 1, (struct fake_line){"GET", refusals[i], 0, false});
        get(bench, 5000);
        assert_int_equal(bench->failure, REDIS_REFUSED);
        assert_memory_equal(bench->text, refusals[i] + 1, strlen(refusals[i]) - 3);
        assert_int_equal(gets_at(bench, 0), before + 1);
    }
}

/* ---- The map ---- */

static void a_map_of_an_older_epoch_is_not_believed(void **state)
{
    struct bench *bench = *state;
    let_say(bench, 0, 0, 7, (struct fake_line){"GET", "$1\r\n0\r\n", 0, false});
    fake_redis_hang_up(bench->server[0]); /* everything is connected and asked anew */
    run_for(bench->loop, 50);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    get(bench, 5000);
    let_say(bench, 0, 1, 6, (struct fake_line){"GET", "$1\r\n0\r\n", 0, false});
    fake_redis_hang_up(bench->server[0]);
    run_for(bench->loop, 50);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    get(bench, 5000);
    assert_string_equal(bench->text, "0");
    assert_int_equal(gets_at(bench, 1), 0);
    let_say(bench, 0, 1, 8, (struct fake_line){"GET", "$1\r\n0\r\n", 0, false});
    fake_redis_hang_up(bench->server[0]);
    run_for(bench->loop, 400);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    get(bench, 5000);
    assert_string_equal(bench->text, "1");
}

static bool tells_of_no_cluster(void *arg)
{
    return strstr(redis_trouble(((struct bench *)arg)->redis), "refuses to tell the slots") != NULL;
}

static void a_server_that_is_no_cluster_is_told(void **state)
{
    struct bench *bench = *state;
    static const struct fake_line lines[] = {
        {"CLUSTER", "-ERR This instance has cluster support disabled\r\n", 0, false}, {0}};
    redis_free(bench->redis);
    redis_target_release(&bench->target);
    fake_redis_script(bench->server[0], lines);
    begin(bench);
    run_until(bench->loop, tells_of_no_cluster, bench, PATIENCE_MS);
    assert_false(is_up(bench));
    get(bench, 5000);
    assert_int_equal(bench->failure, REDIS_AWAY);
}

/* ---- The end ---- */

static void again_and_again(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct bench *bench = arg;
    note(failure, reply, arg);
    if (bench->ended < COMMANDS + 3)
        redis_command(bench->redis, (struct slice[]){SLICE("GET"), SLICE("k")}, 2, 0,
                      again_and_again, bench);
}

static void freeing_ends_each_command_once_those_that_wait_too(void **state)
{
    struct bench *bench = *state;
    let_say(bench, 0, 0, 1, (struct fake_line){"GET", "-TRYAGAIN\r\n", 0, false});
    bench->ended = 0;
    for (unsigned i = 0; i < COMMANDS / 2; i++)
        redis_command(bench->redis, (struct slice[]){SLICE("GET"), SLICE("k")}, 2, 5000, note,
                      bench);
    run_for(bench->loop, 30);
    for (unsigned i = 0; i < COMMANDS / 2 - 1; i++)
        redis_command(bench->redis, (struct slice[]){SLICE("SET"), SLICE("k"), SLICE("v")}, 3, 5000,
                      note, bench);
    redis_command(bench->redis, (struct slice[]){SLICE("SET"), SLICE("k"), SLICE("v")}, 3, 5000,
                  again_and_again, bench);
    assert_int_equal(redis_pending(bench->redis), COMMANDS);
    redis_free(bench->redis);
    bench->redis = NULL;
    assert_in_range(bench->ended, COMMANDS, COMMANDS + 3);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(what_was_moved_is_followed_and_remembered),
        WITH_BENCH(an_ask_is_for_once_and_says_asking),
        WITH_BENCH(who_is_sent_on_waits_for_the_connection),
        WITH_BENCH(who_is_sent_on_for_once_waits_too),
        WITH_BENCH(a_script_that_is_asked_for_is_sent_with_its_text),
        WITH_BENCH(a_key_on_its_way_is_waited_for_but_no_longer_than_allowed),
        WITH_BENCH(a_slot_on_its_way_may_send_to_and_fro_for_as_long_as_there_is_time),
        WITH_BENCH(servers_that_send_on_in_a_ring_are_given_up),
        WITH_BENCH(what_is_no_redirection_is_told),
        WITH_BENCH(a_map_of_an_older_epoch_is_not_believed),
        WITH_BENCH(a_server_that_is_no_cluster_is_told),
        WITH_BENCH(freeing_ends_each_command_once_those_that_wait_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
