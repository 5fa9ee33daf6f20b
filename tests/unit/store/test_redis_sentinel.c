/*
 * Sentinels that disagree, have no idea, say what no sentinel says, or are not there; and servers
 * that they name wrongly. The real ones are in tests/system/sentinel.test.mjs.
 */
#include "unit/store/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "store/redis.h"
#include "store/redis_sentinel.h"
#include "unit/store/fake_redis.h"

#define SERVERS   2
#define SENTINELS 2
#define TEXT_MAX  512
#define PRIMARY   "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
#define REPLICA   "*5\r\n$5\r\nslave\r\n$1\r\na\r\n:1\r\n$9\r\nconnected\r\n:0\r\n"

static const struct fake_line primary[] = {{"ROLE", PRIMARY, 0, false}, {0}};
static const struct fake_line replica[] = {{"ROLE", REPLICA, 0, false}, {0}};

struct says {
    char address[TEXT_MAX], master[TEXT_MAX], others[TEXT_MAX];
    struct fake_line lines[4];
};

struct bench {
    struct loop *loop;
    struct fake_redis *server[SERVERS], *sentinel[SENTINELS];
    struct says says[SENTINELS];
    struct redis_target target;
    struct redis *redis;
    unsigned ups;
};

static void on_up(void *arg)
{
    ((struct bench *)arg)->ups++;
}

static bool is_up(void *arg)
{
    return redis_is_up(((struct bench *)arg)->redis);
}

static bool uses_first(void *arg)
{
    struct bench *bench = arg;
    return is_up(bench) && fake_redis_has_peers(bench->server[0]) &&
           !fake_redis_has_peers(bench->server[1]);
}

static bool uses_second(void *arg)
{
    struct bench *bench = arg;
    return is_up(bench) && fake_redis_has_peers(bench->server[1]) &&
           !fake_redis_has_peers(bench->server[0]);
}

static int port_of(const struct fake_redis *fake)
{
    return fake_redis_target(fake)->port;
}

/* From now on that sentinel names that server, with that epoch. */
static void let_say(struct bench *bench, unsigned sentinel, unsigned server, unsigned epoch)
{
    struct says *says = &bench->says[sentinel];
    char digits[16];
    int len = snprintf(digits, sizeof digits, "%d", port_of(bench->server[server]));
    (void)snprintf(says->address, TEXT_MAX, "*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%s\r\n", len, digits);
    len = snprintf(digits, sizeof digits, "%u", epoch);
    (void)snprintf(says->master, TEXT_MAX,
                   "*4\r\n$4\r\nname\r\n$3\r\nads\r\n$12\r\nconfig-epoch\r\n$%d\r\n%s\r\n", len,
                   digits);
    says->lines[0] = (struct fake_line){"SENTINEL GET-MASTER", says->address, 0, false};
    says->lines[1] = (struct fake_line){"SENTINEL MASTER", says->master, 0, false};
    says->lines[2] = (struct fake_line){"SENTINEL SENTINELS", says->others, 0, false};
    (void)snprintf(says->others, TEXT_MAX, "*0\r\n");
    fake_redis_script(bench->sentinel[sentinel], says->lines);
}

static void let_answer(struct bench *bench, unsigned sentinel, const char *address,
                       const char *master)
{
    let_say(bench, sentinel, 0, 0);
    (void)snprintf(bench->says[sentinel].address, TEXT_MAX, "%s", address);
    (void)snprintf(bench->says[sentinel].master, TEXT_MAX, "%s", master);
}

static void let_begin(struct bench *bench, unsigned sentinels)
{
    char url[256];
    struct err err;
    size_t len = (size_t)snprintf(url, sizeof url, "redis-sentinel://ads@");
    for (unsigned i = 0; i < sentinels; i++)
        len += (size_t)snprintf(url + len, sizeof url - len, "%s127.0.0.1:%d", i ? "," : "",
                                port_of(bench->sentinel[i]));
    CHECK(redis_target_parse(url, NULL, &bench->target, &err));
    struct redis_config config = {.target = &bench->target, .on_up = on_up, .arg = bench};
    bench->redis = redis_new(bench->loop, &config);
}

static int setup(void **state)
{
    struct bench *bench = check_calloc(1, sizeof *bench);
    bench->loop = loop_new();
    for (unsigned i = 0; i < SERVERS; i++) {
        bench->server[i] = fake_redis_new_tcp(bench->loop);
        fake_redis_script(bench->server[i], primary);
    }
    for (unsigned i = 0; i < SENTINELS; i++)
        bench->sentinel[i] = fake_redis_new_tcp(bench->loop);
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
    for (unsigned i = 0; i < SENTINELS; i++)
        fake_redis_free(bench->sentinel[i]);
    loop_free(bench->loop);
    free(bench);
    return 0;
}

static void of_two_words_the_later_epoch_counts(void **state)
{
    struct bench *bench = *state;
    let_say(bench, 0, 0, 9); /* as texts "9" would come behind "10" */
    let_say(bench, 1, 1, 10);
    let_begin(bench, 2);
    run_until(bench->loop, uses_second, bench, PATIENCE_MS);
    run_for(bench->loop, 2 * REDIS_SENTINEL_ASK_MS);
    assert_true(uses_second(bench));
    assert_true(bench->ups <= 2);
}

static void another_primary_is_gone_over_to_though_the_old_one_answers(void **state)
{
    struct bench *bench = *state;
    let_say(bench, 0, 0, 1);
    let_begin(bench, 1);
    run_until(bench->loop, uses_first, bench, PATIENCE_MS);
    let_say(bench, 0, 1, 2);
    run_until(bench->loop, uses_second, bench, 2 * REDIS_SENTINEL_ASK_MS + 500);
}

static bool tells_no_primary(void *arg)
{
    return strstr(redis_trouble(((struct bench *)arg)->redis), "it is no primary") != NULL;
}

static void a_server_that_is_no_primary_is_not_used(void **state)
{
    struct bench *bench = *state;
    fake_redis_script(bench->server[0], replica);
    let_say(bench, 0, 0, 1);
    let_begin(bench, 1);
    run_until(bench->loop, tells_no_primary, bench, PATIENCE_MS);
    run_for(bench->loop, 300);
    assert_int_equal(bench->ups, 0);
    fake_redis_script(bench->server[0], primary); /* it is promoted after all */
    run_until(bench->loop, uses_first, bench, PATIENCE_MS);
}

static void where_no_sentinel_answers_the_last_word_holds(void **state)
{
    struct bench *bench = *state;
    static const struct fake_line silent[] = {{"", NULL, 0, false}, {0}};
    let_say(bench, 0, 0, 1);
    let_begin(bench, 1);
    run_until(bench->loop, uses_first, bench, PATIENCE_MS);
    fake_redis_script(bench->sentinel[0], silent);
    fake_redis_hang_up(bench->sentinel[0]);
    fake_redis_hang_up(bench->server[0]);
    run_for(bench->loop, 50);
    run_until(bench->loop, uses_first, bench, PATIENCE_MS);
    assert_int_equal(bench->ups, 2);
}

static void a_sentinel_that_others_know_is_asked_too(void **state)
{
    struct bench *bench = *state;
    char digits[16];
    int len = snprintf(digits, sizeof digits, "%d", port_of(bench->sentinel[1]));
    let_say(bench, 0, 0, 1);
    let_say(bench, 1, 1, 2);
    (void)snprintf(bench->says[0].others, TEXT_MAX,
                   "*1\r\n*4\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n$%d\r\n%s\r\n", len,
                   digits);
    let_begin(bench, 1);
    run_until(bench->loop, uses_second, bench, PATIENCE_MS);
}

static const struct {
    const char *address, *master, *trouble;
} strange[] = {
    {"*-1\r\n", "-ERR No such master with that name\r\n", "does not know a primary of that name"},
    {"$-1\r\n", "$-1\r\n", "does not know a primary of that name"},
    {"-ERR unknown command 'SENTINEL'\r\n", "-ERR unknown command\r\n", "refuses to tell"},
    {"+OK\r\n", "+OK\r\n", "does not answer as a sentinel"},
    {"*0\r\n", "*0\r\n", "does not answer as a sentinel"},
    {"*2\r\n$0\r\n\r\n$1\r\n1\r\n", "*0\r\n", "does not answer as a sentinel"},
    {"*2\r\n$1\r\na\r\n$1\r\n0\r\n", "*0\r\n", "does not answer as a sentinel"},
    {"*2\r\n$1\r\na\r\n$5\r\n65536\r\n", "*0\r\n", "does not answer as a sentinel"},
    {"*2\r\n*1\r\n:1\r\n*-1\r\n", "*0\r\n", "does not answer as a sentinel"},
};

struct expected {
    struct bench *bench;
    const char *trouble;
};

static bool is_told(void *arg)
{
    const struct expected *expected = arg;
    return strstr(redis_trouble(expected->bench->redis), expected->trouble) != NULL;
}

static void what_no_sentinel_says_is_told_and_not_used(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        struct expected expected = {bench, strange[i].trouble};
        let_answer(bench, 0, strange[i].address, strange[i].master);
        let_begin(bench, 1);
        run_until(bench->loop, is_told, &expected, PATIENCE_MS);
        assert_int_equal(bench->ups, 0);
        redis_free(bench->redis);
        redis_target_release(&bench->target);
    }
    let_say(bench, 0, 0, 1);
    let_begin(bench, 1);
    run_until(bench->loop, uses_first, bench, PATIENCE_MS);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(of_two_words_the_later_epoch_counts),
        WITH_BENCH(another_primary_is_gone_over_to_though_the_old_one_answers),
        WITH_BENCH(a_server_that_is_no_primary_is_not_used),
        WITH_BENCH(where_no_sentinel_answers_the_last_word_holds),
        WITH_BENCH(a_sentinel_that_others_know_is_asked_too),
        WITH_BENCH(what_no_sentinel_says_is_told_and_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
