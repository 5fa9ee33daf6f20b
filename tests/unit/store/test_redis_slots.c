#include "unit/store/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "store/redis_backoff.h"
#include "store/redis_reply.h"
#include "store/redis_slots.h"

/* The CRC's check value is 0x31C3 for "123456789"; the others are what redis-server's CLUSTER
 * KEYSLOT answers. */
static const struct {
    const char *key;
    unsigned slot;
} known[] = {
    {"", 0},
    {"123456789", 0x31C3 % REDIS_SLOTS},
    {"foo", 12182},
    {"bar", 5061},
    {"user1000", 3443},
    {"{user1000}.following", 3443},
    {"ad:seen:{user1000}:x", 3443},
    {"foo{}{bar}", 8363},
    {"foo{{bar}}zap", 4015},
    {"foo{bar}{zap}", 5061},
    {"foo{bar", 15278},
};

static void keys_have_the_slots_that_redis_gives_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_int_equal(redis_slot_of(slice_cstr(known[i].key)), known[i].slot);
}

static void commands_have_their_key_where_it_stands(void **state)
{
    struct slice get[] = {SLICE("GET"), SLICE("a")};
    struct slice eval[] = {SLICE("EVALSHA"), SLICE("sha"), SLICE("1"), SLICE("k"), SLICE("arg")};
    struct slice ping[] = {SLICE("PING")}, client[] = {SLICE("CLIENT"), SLICE("ID")};
    struct slice key;
    (void)state;
    assert_true(redis_key_of(get, 2, &key));
    assert_slice(key, "a");
    assert_true(redis_key_of(eval, 5, &key));
    assert_slice(key, "k");
    assert_false(redis_key_of(eval, 3, &key));
    assert_false(redis_key_of(ping, 1, &key));
    assert_false(redis_key_of(client, 2, &key));
}

/* ---- CLUSTER SLOTS ---- */

static const char *read_text(const char *text, struct redis_slots *slots)
{
    struct redis_reader *reader = redis_reader_new(REDIS_REPLY_MAX_BYTES);
    const struct redis_reply *reply;
    redis_reader_feed(reader, text, strlen(text));
    assert_int_equal(redis_reader_next(reader, &reply), REDIS_READ_REPLY);
    const char *why = redis_slots_read(reply, "asked", slots);
    redis_reader_free(reader);
    return why;
}

#define NODE(host, port) "*3\r\n" host ":" port "\r\n$1\r\nx\r\n"
#define RANGE(first, last, node) \
    "*4\r\n:" first "\r\n:" last "\r\n" node NODE("$7\r\nreplica\r\n", "9")

static void who_holds_what_is_read(void **state)
{
    struct redis_slots *slots = check_calloc(1, sizeof *slots);
    (void)state;
    assert_null(read_text("*3\r\n" RANGE("0", "5", NODE("$1\r\na\r\n", "7000"))
                              RANGE("6", "6", NODE("$-1\r\n", "7001"))
                                  RANGE("100", "16383", NODE("$1\r\na\r\n", "7000")),
                          slots));
    assert_int_equal(slots->count, 2);
    assert_string_equal(slots->primaries[0].host, "a");
    assert_int_equal(slots->primaries[0].port, 7000);
    assert_string_equal(slots->primaries[1].host, "asked");
    assert_int_equal(slots->holder[0], 1);
    assert_int_equal(slots->holder[5], 1);
    assert_int_equal(slots->holder[6], 2);
    assert_int_equal(slots->holder[7], 0);
    assert_int_equal(slots->holder[16383], 1);
    free(slots);
}

static const struct {
    const char *reply, *says;
} refused[] = {
    {"+OK\r\n", "does not answer as a cluster"},
    {"*0\r\n", "nobody holds any slots"},
    {"*1\r\n:1\r\n", "is none"},
    {"*1\r\n*2\r\n:0\r\n:1\r\n", "is none"},
    {"*1\r\n" RANGE("0", "16384", NODE("$1\r\na\r\n", "1")), "is none"},
    {"*1\r\n" RANGE("-1", "1", NODE("$1\r\na\r\n", "1")), "is none"},
    {"*1\r\n" RANGE("2", "1", NODE("$1\r\na\r\n", "1")), "is none"},
    {"*1\r\n" RANGE("0", "1", "$1\r\na\r\n"), "no address"},
    {"*1\r\n" RANGE("0", "1", NODE("$1\r\na\r\n", "0")), "no address"},
    {"*1\r\n" RANGE("0", "1", NODE("$1\r\na\r\n", "65536")), "no address"},
    {"*1\r\n" RANGE("0", "1", NODE("$1\r\na\r\n", "-1")), "no address"},
};

static void what_is_no_map_is_told(void **state)
{
    struct redis_slots *slots = check_calloc(1, sizeof *slots);
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *why = read_text(refused[i].reply, slots);
        if (!why || !strstr(why, refused[i].says))
            fail_msg("%zu: %s", i, why ? why : "taken");
    }
    free(slots);
}

/* ---- Redirections ---- */

static const struct {
    const char *text;
    unsigned slot;
    const char *host; /* NULL: refused */
    int port;
} redirects[] = {
    {"MOVED 3999 127.0.0.1:6381", 3999, "127.0.0.1", 6381},
    {"ASK 0 host.example:1", 0, "host.example", 1},
    {"MOVED 16383 ::1:6381", 16383, "::1", 6381},
    {"MOVED 3 :6381", 3, "asked", 6381},
    {"MOVED 3 ?:6381", 3, "asked", 6381},
    {"MOVED", 0, NULL, 0},
    {"MOVED 3", 0, NULL, 0},
    {"MOVED 16384 a:1", 0, NULL, 0},
    {"MOVED x a:1", 0, NULL, 0},
    {"MOVED 3 a", 0, NULL, 0},
    {"MOVED 3 a:0", 0, NULL, 0},
    {"MOVED 3 a:65536", 0, NULL, 0},
    {"MOVED 3 a:1x", 0, NULL, 0},
};

static void redirections_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof redirects / sizeof *redirects; i++) {
        struct redis_place place = {.port = 0};
        unsigned slot = 0;
        bool read = redis_redirect_read(slice_cstr(redirects[i].text), "asked", &slot, &place);
        if (read != (redirects[i].host != NULL))
            fail_msg("%s", redirects[i].text);
        if (!read)
            continue;
        assert_int_equal(slot, redirects[i].slot);
        assert_string_equal(place.host, redirects[i].host);
        assert_int_equal(place.port, redirects[i].port);
    }
}

static void the_clusters_own_state_is_read(void **state)
{
    struct slice info = SLICE("cluster_state:ok\r\ncluster_current_epoch:12\r\n");
    (void)state;
    assert_int_equal(redis_cluster_epoch(info), 12);
    assert_true(redis_cluster_is_ok(info));
    assert_false(redis_cluster_is_ok(SLICE("cluster_state:fail\r\n")));
    assert_int_equal(redis_cluster_epoch(SLICE("")), 0);
}

/* ---- Coming back ---- */

#define PROCESSES 50
#define ATTEMPTS  7 /* 50, 100, … 800, 1000, 1000 ms at most */
#define WINDOW_US (10 * US_PER_MS)

static int by_time(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

/* Most that come within one window. */
static unsigned crowd(int64_t *times, unsigned count)
{
    unsigned most = 0;
    qsort(times, count, sizeof *times, by_time);
    for (unsigned first = 0, last = 0; last < count; last++) {
        while (times[last] - times[first] > WINDOW_US)
            first++;
        most = last - first + 1 > most ? last - first + 1 : most;
    }
    return most;
}

/* 50 processes lose the same server at the same moment: no more than half of them are ever back
 * within the same 10 ms, and none of them comes more often than its pauses allow. */
static void many_processes_do_not_come_back_together(void **state)
{
    int64_t times[PROCESSES * ATTEMPTS];
    (void)state;
    for (unsigned process = 0; process < PROCESSES; process++) {
        struct redis_backoff backoff = {0};
        struct random random;
        int64_t at_us = 0;
        random_seed(&random, process + 1);
        for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
            int64_t most_ms = REDIS_RETRY_MIN_MS << attempt;
            int64_t pause_us = redis_backoff_next_us(&backoff, &random);
            most_ms = most_ms < REDIS_RETRY_MAX_MS ? most_ms : REDIS_RETRY_MAX_MS;
            assert_in_range(pause_us, most_ms * US_PER_MS / 2, most_ms * US_PER_MS);
            times[process * ATTEMPTS + attempt] = at_us += pause_us;
        }
    }
    assert_in_range(crowd(times, PROCESSES * ATTEMPTS), 2, PROCESSES / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_have_the_slots_that_redis_gives_them),
        cmocka_unit_test(commands_have_their_key_where_it_stands),
        cmocka_unit_test(who_holds_what_is_read),
        cmocka_unit_test(what_is_no_map_is_told),
        cmocka_unit_test(redirections_are_read),
        cmocka_unit_test(the_clusters_own_state_is_read),
        cmocka_unit_test(many_processes_do_not_come_back_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
