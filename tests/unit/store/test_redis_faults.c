/*
 * What a healthy Redis never says: every command still ends exactly once, the connection is dropped
 * where it must be, memory stays bounded, and a healthy peer afterwards is used again.
 */
#include "unit/store/unit.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
#include "store/scripts.h"
#include "unit/store/fake_redis.h"

#define COMMANDS 5

struct bench {
    struct loop *loop;
    struct fake_redis *fake;
    struct redis *redis;
    unsigned ended[COMMANDS];
    enum redis_failure failure[COMMANDS];
    char text[COMMANDS][64];
    unsigned all_ended;
};

struct one {
    struct bench *bench;
    unsigned number;
};

static bool is_up(void *arg)
{
    return redis_is_up(((struct bench *)arg)->redis);
}

static bool is_down(void *arg)
{
    return !is_up(arg);
}

static bool all_ended(void *arg)
{
    return ((struct bench *)arg)->all_ended >= COMMANDS;
}

static void connect_bench(struct bench *bench)
{
    struct redis_config config = {.target = fake_redis_target(bench->fake), .arg = bench};
    bench->redis = redis_new(bench->loop, &config);
}

static int setup(void **state)
{
    struct bench *bench = check_calloc(1, sizeof *bench);
    bench->loop = loop_new();
    bench->fake = fake_redis_new(bench->loop);
    connect_bench(bench);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    redis_free(bench->redis);
    fake_redis_free(bench->fake);
    loop_free(bench->loop);
    free(bench);
    return 0;
}

/* A new connection, with short pauses again. */
static void start_anew(struct bench *bench)
{
    redis_free(bench->redis);
    connect_bench(bench);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
}

static void note(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct one *one = arg;
    struct bench *bench = one->bench;
    bench->ended[one->number]++;
    bench->all_ended++;
    bench->failure[one->number] = failure;
    bench->text[one->number][0] = '\0';
    if (reply)
        (void)snprintf(bench->text[one->number], sizeof bench->text[0], "%.*s",
                       SLICE_ARGS(reply->text));
    free(one);
}

static void send_commands(struct bench *bench, int timeout_ms)
{
    bench->all_ended = 0;
    for (unsigned i = 0; i < COMMANDS; i++) {
        struct one *one = check_malloc(sizeof *one);
        *one = (struct one){bench, i};
        bench->ended[i] = 0;
        redis_command(bench->redis, (struct slice[]){SLICE("ASK"), SLICE("it")}, 2, timeout_ms,
                      note, one);
    }
}

/* All commands end once; then Redis is healthy again, and so are we. */
static void end_commands(struct bench *bench)
{
    run_until(bench->loop, all_ended, bench, PATIENCE_MS);
    for (unsigned i = 0; i < COMMANDS; i++)
        assert_int_equal(bench->ended[i], 1);
    fake_redis_script(bench->fake, NULL);
    run_until(bench->loop, is_up, bench, REDIS_DEAD_MS + 2000);
    send_commands(bench, 0);
    run_until(bench->loop, all_ended, bench, PATIENCE_MS);
    for (unsigned i = 0; i < COMMANDS; i++)
        assert_int_equal(bench->failure[i], REDIS_OK);
}

#define BYTES(literal) (literal), sizeof(literal) - 1

/* Sent once as the answer to the first of the commands. */
static const struct {
    const char *what;
    const char *bytes;
    size_t len;
    enum redis_failure first; /* how the first command ends */
} broken[] = {
    {"words", BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"), REDIS_LOST},
    {"zeros", BYTES("\0\0\0\0\0\0\0\0"), REDIS_LOST},
    {"a RESP3 push", BYTES(">2\r\n+invalidate\r\n*0\r\n"), REDIS_LOST},
    {"a RESP3 map", BYTES("%1\r\n+a\r\n+b\r\n"), REDIS_LOST},
    {"a RESP3 null", BYTES("_\r\n"), REDIS_LOST},
    {"a RESP3 double", BYTES(",1.5\r\n"), REDIS_LOST},
    {"a string of length -2", BYTES("$-2\r\n"), REDIS_LOST},
    {"a string without length", BYTES("$\r\n"), REDIS_LOST},
    {"a length with junk", BYTES("$3x\r\nabc\r\n"), REDIS_LOST},
    {"a number with junk", BYTES(":12a\r\n"), REDIS_LOST},
    {"a number beyond 64 bits", BYTES(":99999999999999999999\r\n"), REDIS_LOST},
    {"an array of length -2", BYTES("*-2\r\n"), REDIS_LOST},
    {"an array of 2^32", BYTES("*4294967296\r\n"), REDIS_LOST},
    {"an array of 2^30 - 1", BYTES("*1073741823\r\n"), REDIS_ERROR},
    {"an array of 2^31 - 1", BYTES("*2147483647\r\n"), REDIS_ERROR},
    {"arrays that add up", BYTES("*2\r\n*1000000\r\n*1000000\r\n"), REDIS_ERROR},
    {"eight levels", BYTES("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"),
     REDIS_LOST},
    {"a string of 512 MB", BYTES("$536870912\r\nabc"), REDIS_ERROR},
    {"a string of 2^63 - 1", BYTES("$9223372036854775807\r\n"), REDIS_ERROR},
    {"a string of 512 MB in an array", BYTES("*2\r\n:1\r\n$536870912\r\nabc"), REDIS_ERROR},
};

static void what_breaks_the_protocol_drops_the_connection(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct fake_line lines[] = {{"ASK", broken[i].bytes, broken[i].len, false}, {0}};
        start_anew(bench);
        unsigned accepted = fake_redis_accepted(bench->fake);
        fake_redis_script(bench->fake, lines);
        send_commands(bench, 300);
        run_until(bench->loop, all_ended, bench, PATIENCE_MS);
        if (bench->failure[0] != broken[i].first)
            print_error("%s: %s\n", broken[i].what, redis_failure_words[bench->failure[0]]);
        assert_int_equal(bench->failure[0], broken[i].first);
        end_commands(bench);
        assert_int_equal(fake_redis_accepted(bench->fake), accepted + 1);
    }
}

static void memory_stays_bounded(void **state)
{
    struct bench *bench = *state;
    static const struct fake_line array = {"ASK", "*1400000\r\n", 0, false};
    struct fake_line lines[] = {array, {0}};
    char line[REDIS_REPLY_MAX_BYTES / 1024];
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    memset(line, 'x', sizeof line);
    line[0] = '+';
    fake_redis_script(bench->fake, lines);
    send_commands(bench, 2000);
    run_until(bench->loop, all_ended, bench, PATIENCE_MS); /* 1,400,000 items pass the limit */
    end_commands(bench);

    struct fake_line endless[] = {{"ASK", NULL, 0, false}, {0}};
    fake_redis_script(bench->fake, endless);
    send_commands(bench, 2000);
    run_for(bench->loop, 10);
    for (unsigned i = 0; i < 40; i++) /* a status that goes on */
        fake_redis_push(bench->fake, i ? line + 1 : line, sizeof line - 1);
    run_until(bench->loop, is_down, bench, PATIENCE_MS);
    end_commands(bench);
    assert_true(mallinfo2().uordblks + mallinfo2().hblkhd < before + 4 * 1024 * 1024);
}

static void silence_is_a_timeout(void **state)
{
    struct bench *bench = *state;
    static const struct fake_line lines[] = {
        {"ASK", NULL, 0, false}, {"PING", NULL, 0, false}, {0}};
    fake_redis_script(bench->fake, lines);
    send_commands(bench, 30);
    run_until(bench->loop, all_ended, bench, 60);
    assert_int_equal(bench->failure[0], REDIS_TIMEOUT);
    end_commands(bench);
}

static void a_close_in_the_middle_of_a_reply_loses_it(void **state)
{
    struct bench *bench = *state;
    static const struct fake_line lines[] = {{"ASK", "*2\r\n$5\r\nhel", 0, true}, {0}};
    fake_redis_script(bench->fake, lines);
    send_commands(bench, 1000);
    run_until(bench->loop, all_ended, bench, PATIENCE_MS);
    for (unsigned i = 0; i < COMMANDS; i++)
        assert_int_equal(bench->failure[i], REDIS_LOST);
    end_commands(bench);
}

static void a_reply_nobody_asked_for_drops_the_connection(void **state)
{
    struct bench *bench = *state;
    fake_redis_push(bench->fake, "+OK\r\n", 5);
    run_until(bench->loop, is_down, bench, PATIENCE_MS);
    send_commands(bench, 1000);
    end_commands(bench);
}

static void a_reply_in_pieces_is_one_reply(void **state)
{
    struct bench *bench = *state;
    static const struct fake_line silent[] = {{"ASK", NULL, 0, false}, {0}};
    fake_redis_script(bench->fake, silent);
    send_commands(bench, 5000);
    run_for(bench->loop, 10);
    for (unsigned i = 0; i < COMMANDS; i++) {
        const char *bytes = "$12\r\nhello\r\nworld\r\n";
        for (size_t at = 0; at < strlen(bytes); at++) {
            fake_redis_push(bench->fake, bytes + at, 1);
            run_for(bench->loop, 0);
        }
    }
    run_until(bench->loop, all_ended, bench, PATIENCE_MS);
    for (unsigned i = 0; i < COMMANDS; i++) {
        assert_int_equal(bench->failure[i], REDIS_OK);
        assert_string_equal(bench->text[i], "hello\r\nworld");
    }
}

/* Errors by name: what they are taken for, and whether another server is looked for. */
static const struct {
    const char *bytes;
    enum redis_failure failure;
    bool drops;
} errors[] = {
    {"-LOADING Redis is loading the dataset in memory\r\n", REDIS_REFUSED, false},
    {"-READONLY You can't write against a read only replica.\r\n", REDIS_REFUSED, true},
    {"-OOM command not allowed when used memory > 'maxmemory'.\r\n", REDIS_REFUSED, false},
    {"-MISCONF Redis is configured to save RDB snapshots\r\n", REDIS_REFUSED, false},
    {"-NOREPLICAS Not enough good replicas to write.\r\n", REDIS_REFUSED, false},
    {"-ERR The user executing the script can't run this command or subcommand script: 0\r\n",
     REDIS_REFUSED, false},
    {"-ERR Script killed by user with SCRIPT KILL... script: 0\r\n", REDIS_REFUSED, false},
    {"-MASTERDOWN Link with MASTER is down\r\n", REDIS_REFUSED, false},
    {"-BUSY Redis is busy running a script.\r\n", REDIS_REFUSED, false},
    {"-NOAUTH Authentication required.\r\n", REDIS_REFUSED, true},
    {"-NOPERM this user has no permissions\r\n", REDIS_REFUSED, false},
    {"-MOVED 3999 127.0.0.1:6381\r\n", REDIS_REFUSED, false},
    {"-ASK 3999 127.0.0.1:6381\r\n", REDIS_REFUSED, false},
    {"-CLUSTERDOWN The cluster is down\r\n", REDIS_REFUSED, false},
    {"-NOSCRIPT No matching script.\r\n", REDIS_REFUSED, false},
    {"-WRONGTYPE Operation against a key\r\n", REDIS_ERROR, false},
    {"-ERR unknown command\r\n", REDIS_ERROR, false},
    {"-LOADINGX is no condition\r\n", REDIS_ERROR, false},
    {"-\r\n", REDIS_ERROR, false},
};

static void an_error_reply_is_known_by_its_first_word(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        struct fake_line lines[] = {{"ASK", errors[i].bytes, 0, false}, {0}};
        start_anew(bench);
        unsigned accepted = fake_redis_accepted(bench->fake);
        fake_redis_script(bench->fake, lines);
        send_commands(bench, 1000);
        run_until(bench->loop, all_ended, bench, PATIENCE_MS);
        assert_int_equal(bench->failure[0], errors[i].failure);
        end_commands(bench);
        assert_int_equal(fake_redis_accepted(bench->fake), accepted + errors[i].drops);
    }
}

static void a_server_that_lacks_every_script_is_not_asked_for_ever(void **state)
{
    struct bench *bench = *state;
    static const struct fake_line lines[] = {{"EVAL", "-NOSCRIPT No matching script\r\n", 0, false},
                                             {0}};
    struct one *one = check_malloc(sizeof *one);
    *one = (struct one){bench, 0};
    bench->all_ended = COMMANDS - 1;
    fake_redis_script(bench->fake, lines);
    redis_run_script(bench->redis, script_get(SCRIPT_RESERVE), NULL, 0, NULL, 0, 1000, note, one);
    run_until(bench->loop, all_ended, bench, PATIENCE_MS);
    assert_int_equal(bench->failure[0], REDIS_REFUSED);
    assert_int_equal(fake_redis_seen(bench->fake, "EVALSHA"), 1);
    assert_int_equal(fake_redis_seen(bench->fake, "EVAL"), 1);
}

/* Greetings that must not end in a connection; and what /readyz would say. */
static const struct {
    const char *command, *bytes, *trouble;
} greetings[] = {
    {"PING", "-LOADING Redis is loading\r\n", "LOADING"},
    {"PING", "-MASTERDOWN Link is down\r\n", "MASTERDOWN"},
    {"PING", "-NOAUTH Authentication required.\r\n", "NOAUTH"},
    {"CLIENT", "-ERR max number of clients reached\r\n-ERR x\r\n-ERR x\r\n", "max number"},
    {"CLIENT", "garbage\r\n", "Protocol error"},
    {"PING", NULL, "no answer"},
};

struct trouble {
    struct redis *redis;
    const char *text;
};

static bool says_trouble(void *arg)
{
    struct trouble *trouble = arg;
    return strstr(redis_trouble(trouble->redis), trouble->text) != NULL;
}

static void a_bad_greeting_is_not_a_connection(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof greetings / sizeof greetings[0]; i++) {
        struct fake_line lines[] = {{greetings[i].command, greetings[i].bytes, 0, false}, {0}};
        start_anew(bench);
        struct trouble trouble = {bench->redis, greetings[i].trouble};
        if (i == 3)
            lines[0].then_close = true, trouble.text = "not ready";
        fake_redis_script(bench->fake, lines);
        fake_redis_hang_up(bench->fake);
        run_until(bench->loop, says_trouble, &trouble, REDIS_GREETING_MS + 2000);
        assert_false(redis_is_up(bench->redis));
        send_commands(bench, 1000);
        end_commands(bench);
    }
}

static void all_commands_of_a_turn_leave_in_one_write(void **state)
{
    struct bench *bench = *state;
    unsigned reads = fake_redis_reads(bench->fake);
    for (unsigned i = 0; i < 3; i++) {
        send_commands(bench, 1000);
        run_until(bench->loop, all_ended, bench, PATIENCE_MS);
    }
    assert_int_equal(fake_redis_reads(bench->fake), reads + 3);
}

static void attempts_to_connect_become_rare(void **state)
{
    struct bench *bench = *state;
    static const struct fake_line lines[] = {{"PING", "-LOADING\r\n", 0, false}, {0}};
    fake_redis_script(bench->fake, lines);
    fake_redis_hang_up(bench->fake);
    unsigned accepted = fake_redis_accepted(bench->fake);
    run_for(bench->loop, 3000);
    unsigned attempts = fake_redis_accepted(bench->fake) - accepted;
    assert_in_range(attempts, 5, 12); /* 50, 100, 200, 400, 800, 1000, 1000 ms, or half of each */
}

static void random_bytes_end_every_command_once(void **state)
{
    struct bench *bench = *state;
    struct random random;
    random_seed(&random, 20);
    for (unsigned round = 0; round < 200; round++) {
        char bytes[256];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = round % 2 ? (char)random_u64(&random)
                                 : "*$:+-0123456789\r\n\r\nab"[random_below(&random, 21)];
        struct fake_line lines[] = {{"ASK", bytes, sizeof bytes, true}, {0}};
        fake_redis_script(bench->fake, lines);
        send_commands(bench, 1000);
        run_until(bench->loop, all_ended, bench, PATIENCE_MS);
        for (unsigned i = 0; i < COMMANDS; i++)
            assert_int_equal(bench->ended[i], 1);
        fake_redis_script(bench->fake, NULL);
        start_anew(bench);
    }
}

#define ON_FAKE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_FAKE(what_breaks_the_protocol_drops_the_connection),
        ON_FAKE(memory_stays_bounded),
        ON_FAKE(silence_is_a_timeout),
        ON_FAKE(a_close_in_the_middle_of_a_reply_loses_it),
        ON_FAKE(a_reply_nobody_asked_for_drops_the_connection),
        ON_FAKE(a_reply_in_pieces_is_one_reply),
        ON_FAKE(an_error_reply_is_known_by_its_first_word),
        ON_FAKE(a_server_that_lacks_every_script_is_not_asked_for_ever),
        ON_FAKE(a_bad_greeting_is_not_a_connection),
        ON_FAKE(all_commands_of_a_turn_leave_in_one_write),
        ON_FAKE(attempts_to_connect_become_rare),
        ON_FAKE(random_bytes_end_every_command_once),
    };
    log_setup(LOG_ERROR, LOG_LOGFMT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
