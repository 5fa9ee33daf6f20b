#include "unit/store/click_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "decision/model.h"
#include "store/click_share.h"

#define OFTEN   64 /* clicks at once */
#define PERCENT 50
#define FROM    10

/* As click_share.h says; Redis rounds what it allocates up. */
#define BYTES_AN_ADDRESS 180
#define BYTES_A_SLOT     (8 + 8) /* of names like slot-000 */
#define BYTES_A_CLICKED  (32 + 2 * 8)
#define BYTES_AT_MOST    (128 * 1024)

static struct viewer_key key_at(const uint8_t *day, const char *address)
{
    struct net_ip client;
    struct viewer_key key;
    assert_true(net_ip_parse(slice_cstr(address), &client));
    viewer_key_of_address(day, client, &key);
    return key;
}

/* Impressions */

struct sights {
    unsigned stand, lost, expected;
};

static void note_sight(bool stands, void *arg)
{
    struct sights *sights = arg;
    sights->stand += stands;
    sights->lost += !stands;
}

static bool all_sights_came(void *arg)
{
    struct sights *sights = arg;
    return sights->stand + sights->lost == sights->expected;
}

/* So many impressions of the address, spread over the servers. */
static struct sights see(struct click_bench *bench, const struct viewer_key *key, const char *slot,
                         unsigned count)
{
    struct sights sights = {.expected = count};
    for (unsigned i = 0; i < count; i++)
        click_share_seen(bench->redis[i % SERVERS], SLICE("ad:"), key, slice_cstr(slot), note_sight,
                         &sights);
    assert_int_equal(sights.stand + sights.lost, 0);
    run_until(bench->loop, all_sights_came, &sights, PATIENCE_MS);
    return sights;
}

/* Clicks */

struct answers {
    int64_t clicks[OFTEN];
    bool beyond[OFTEN];
    unsigned count, expected;
};

static void note_click(int64_t clicks, bool beyond, void *arg)
{
    struct answers *answers = arg;
    answers->clicks[answers->count] = clicks;
    answers->beyond[answers->count++] = beyond;
}

static bool all_came(void *arg)
{
    struct answers *answers = arg;
    return answers->count == answers->expected;
}

static struct click_share_click click_at(const struct viewer_key *key, const char *address,
                                         const char *slot, const uint8_t *impression)
{
    struct click_share_click click = {
        .viewer = {.agent = SLICE(FIREFOX), .salt = click_salt, .address = key},
        .slot = slice_cstr(slot),
        .impression = impression,
        .percent = PERCENT,
        .from = FROM,
    };
    assert_true(net_ip_parse(slice_cstr(address), &click.viewer.client));
    return click;
}

/* So many clicks at once, of an impression each, over all servers; answers how many are beyond. */
static unsigned clicks_at_once(struct click_bench *bench, const struct viewer_key *key,
                               const char *slot, unsigned count)
{
    struct answers answers = {.expected = count};
    unsigned beyond = 0;
    for (unsigned i = 0; i < count; i++) {
        uint8_t impression[IMPRESSION_BYTES] = {0};
        bench->clicked++;
        memcpy(impression, &bench->clicked, sizeof bench->clicked);
        struct click_share_click click = click_at(key, "192.0.2.1", slot, impression);
        click_share_count(bench->redis[i % SERVERS], SLICE("ad:"), &click, 5000, note_click,
                          &answers);
    }
    assert_int_equal(answers.count, 0);
    run_until(bench->loop, all_came, &answers, PATIENCE_MS);
    for (unsigned i = 0; i < count; i++)
        beyond += answers.beyond[i];
    return beyond;
}

static bool is_beyond(struct click_bench *bench, const struct viewer_key *key, const char *slot)
{
    return clicks_at_once(bench, key, slot, 1) == 1;
}

static struct answers ask(struct click_bench *bench, const struct click_share_click *click)
{
    struct answers answers = {.expected = 1};
    click_share_count(bench->redis[0], SLICE("ad:"), click, 5000, note_click, &answers);
    run_until(bench->loop, all_came, &answers, PATIENCE_MS);
    return answers;
}

/* A command on the key of shares there is; its arguments in Lua, each behind a comma. */
static int64_t on_the_key(const char *command, const char *arguments)
{
    return redis_fixture_number(
        &server, "EVAL return(redis.call('%s',redis.call('KEYS','ad:shares:{*}')[1]%s)) 0", command,
        arguments);
}

/* The tests */

/* Of 40 impressions 20 may be clicked: the 21st click and all after it are beyond. */
static void one_click_is_the_first_beyond(void **state)
{
    struct viewer_key key = key_at(click_salt, "192.0.2.1");
    assert_int_equal(see(*state, &key, "header", 40).stand, 40);
    for (unsigned i = 1; i <= 20; i++)
        assert_false(is_beyond(*state, &key, "header"));
    for (unsigned i = 21; i <= 30; i++)
        assert_true(is_beyond(*state, &key, "header"));
}

static void of_clicks_at_once_as_many_count_as_one_by_one(void **state)
{
    struct viewer_key key = key_at(click_salt, "192.0.2.1");
    (void)see(*state, &key, "header", 50);
    assert_int_equal(clicks_at_once(*state, &key, "header", OFTEN), OFTEN - 25);
    assert_int_equal(clicks_at_once(*state, &key, "header", OFTEN), OFTEN);
}

static void few_clicks_are_not_asked(void **state)
{
    struct viewer_key key = key_at(click_salt, "192.0.2.1");
    assert_int_equal(clicks_at_once(*state, &key, "header", FROM - 1), 0);
    assert_true(is_beyond(*state, &key, "header"));
}

/* What follows the threshold stays beyond it, though more impressions follow. */
static void beyond_stays_beyond_until_the_window_ends(void **state)
{
    struct viewer_key key = key_at(click_salt, "192.0.2.1");
    assert_int_equal(clicks_at_once(*state, &key, "header", FROM), 1);
    (void)see(*state, &key, "header", 1000);
    assert_true(is_beyond(*state, &key, "header"));
    assert_int_equal(on_the_key("PEXPIRE", ",0"), 1);
    assert_false(is_beyond(*state, &key, "header"));
}

static void slots_addresses_and_days_are_apart(void **state)
{
    struct viewer_key key = key_at(click_salt, "192.0.2.1"),
                      other = key_at(click_salt, "192.0.2.2");
    struct viewer_key tomorrow = key_at(click_tomorrows_salt, "192.0.2.1");
    assert_int_equal(clicks_at_once(*state, &key, "header", FROM), 1);
    assert_false(is_beyond(*state, &key, "footer"));
    assert_false(is_beyond(*state, &other, "header"));
    assert_false(is_beyond(*state, &tomorrow, "header"));
    assert_true(is_beyond(*state, &key, "header"));
    assert_int_equal(redis_fixture_number(&server, "DBSIZE"), 3);
}

static void a_64_of_v6_is_one_address(void **state)
{
    struct viewer_key one = key_at(click_salt, "2001:db8:1:2::1");
    struct viewer_key temporary = key_at(click_salt, "2001:db8:1:2:9f3a:1:2:3");
    struct viewer_key neighbour = key_at(click_salt, "2001:db8:1:3::1");
    (void)see(*state, &one, "header", 20);
    assert_int_equal(clicks_at_once(*state, &one, "header", 5), 0);
    assert_int_equal(clicks_at_once(*state, &temporary, "header", 6), 1);
    assert_true(is_beyond(*state, &one, "header"));
    assert_false(is_beyond(*state, &neighbour, "header"));
}

/* An office of 300 readers who click 3 of 100 ads: far from what robots do. */
static void an_office_is_not_beyond(void **state)
{
    struct viewer_key key = key_at(click_salt, "192.0.2.1");
    for (unsigned round = 0; round < 20; round++) {
        (void)see(*state, &key, "header", 100);
        assert_int_equal(clicks_at_once(*state, &key, "header", 3), 0);
    }
}

/* Impatience: the same ad, once more. Two ads in turn are two each time. */
static void an_impression_clicked_again_is_one(void **state)
{
    static const uint8_t one[IMPRESSION_BYTES] = {1}, other[IMPRESSION_BYTES] = {2};
    struct viewer_key key = key_at(click_salt, "192.0.2.1");
    struct click_share_click first = click_at(&key, "192.0.2.1", "header", one);
    struct click_share_click second = click_at(&key, "192.0.2.1", "header", other);
    for (unsigned i = 0; i < 3 * FROM; i++)
        assert_false(ask(*state, &first).beyond[0]);
    for (unsigned i = 2; i < FROM; i++)
        assert_false(ask(*state, i % 2 == 0 ? &second : &first).beyond[0]);
    assert_true(ask(*state, &second).beyond[0]);
}

static void the_rate_is_counted_in_the_same_call(void **state)
{
    static const char counters[] = /* without a blank, which ends a word here */
        "local\tn,tag=0,string.match(redis.call('KEYS','ad:shares:*')[1],'{.*}')\n"
        "for\t_,key\tin\tipairs(redis.call('KEYS','ad:clicks:*'))do\n"
        "local\tleft=redis.call('PTTL',key)\n"
        "if(string.find(key,tag,1,true)and(left>0)and(left<=60000))then\tn=n+1\tend\n"
        "end\treturn\tn";
    static const uint8_t impression[IMPRESSION_BYTES] = {1};
    struct viewer_key key = key_at(click_salt, "192.0.2.1");
    struct click_share_click click = click_at(&key, "192.0.2.1", "header", impression);
    struct answers answers;
    assert_int_equal(ask(*state, &click).clicks[0], 0);
    click.rated = true;
    for (int64_t i = 1; i <= 5; i++) {
        answers = ask(*state, &click);
        assert_int_equal(answers.clicks[0], i);
        assert_false(answers.beyond[0]);
    }
    click.viewer.agent = SLICE(FIREFOX " x");
    assert_int_equal(ask(*state, &click).clicks[0], 1);
    assert_int_equal(redis_fixture_number(&server, "DBSIZE"), 3);
    /* Both counters are where a cluster looks for them beside the shares, and end. */
    assert_int_equal(redis_fixture_number(&server, "EVAL %s 0", counters), 2);
}

/* A window without an end, as an interrupted hand may leave one, is given one. */
static void the_window_ends(void **state)
{
    struct viewer_key key = key_at(click_salt, "192.0.2.1");
    (void)see(*state, &key, "header", 1);
    assert_in_range(on_the_key("PTTL", ""), 1, CLICK_SHARE_WINDOW_MS);
    assert_int_equal(on_the_key("PEXPIRE", ",60000"), 1);
    (void)see(*state, &key, "footer", 1);
    (void)is_beyond(*state, &key, "footer");
    assert_in_range(on_the_key("PTTL", ""), 1, 60000);
    assert_int_equal(on_the_key("PERSIST", ""), 1);
    (void)see(*state, &key, "header", 1);
    assert_in_range(on_the_key("PTTL", ""), 1, CLICK_SHARE_WINDOW_MS);
    assert_int_equal(on_the_key("PERSIST", ""), 1);
    (void)is_beyond(*state, &key, "header");
    assert_in_range(on_the_key("PTTL", ""), 1, CLICK_SHARE_WINDOW_MS);
}

static int64_t bytes(void)
{
    return redis_fixture_number(
        &server,
        "EVAL return(redis.call('MEMORY','USAGE',redis.call('KEYS','ad:shares:{*}')[1])) 0");
}

static int64_t used_memory(void)
{
    const char *info = redis_fixture_text(&server, "INFO memory");
    return strtoll(strstr(info, "used_memory:") + strlen("used_memory:"), NULL, 10);
}

static void an_address_costs_little_memory(void **state)
{
    enum { ADDRESSES = 10000, AT_ONCE = 100 };
    struct click_bench *bench = *state;
    struct sights sights = {0};
    int64_t before = used_memory();
    for (unsigned i = 0; i < ADDRESSES; i++) {
        const uint8_t v4[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
        struct viewer_key key;
        viewer_key_of_address(click_salt, net_ip_from_v4(v4), &key);
        click_share_seen(bench->redis[0], SLICE("ad:"), &key, SLICE("slot-000"), note_sight,
                         &sights);
        sights.expected++;
        if (sights.expected % AT_ONCE ==
            0) /* so that it is not Redis's buffers that are measured */
            run_until(bench->loop, all_sights_came, &sights, PATIENCE_MS);
    }
    int64_t each = (used_memory() - before) / ADDRESSES;
    assert_int_equal(redis_fixture_number(&server, "DBSIZE"), ADDRESSES);
    print_message("an address and slot: %lld bytes of used_memory\n", (long long)each);
    assert_in_range(each, 1, BYTES_AN_ADDRESS);
}

static void a_slot_more_costs_little_memory(void **state)
{
    struct viewer_key key = key_at(click_salt, "192.0.2.1");
    char slot[16];
    (void)see(*state, &key, "slot-000", 1000);
    int64_t one = bytes();
    for (unsigned i = 1; i <= 20; i++) {
        (void)snprintf(slot, sizeof slot, "slot-%03u", i);
        (void)see(*state, &key, slot, 100);
    }
    int64_t more = bytes();
    for (unsigned i = 1; i <= 20; i++) {
        (void)snprintf(slot, sizeof slot, "slot-%03u", i);
        (void)clicks_at_once(*state, &key, slot, FROM - 1);
    }
    int64_t clicked = bytes();
    print_message("a slot more: %lld bytes, clicked %lld\n", (long long)(more - one) / 20,
                  (long long)(clicked - more) / 20);
    assert_in_range(more, 1, one + INT64_C(20) * BYTES_A_SLOT);
    assert_in_range(clicked, 1, more + INT64_C(20) * BYTES_A_CLICKED);
}

/* Nobody is beyond in a slot of which nothing is known because there is no room. */
static void slots_beyond_the_limit_are_not_judged(void **state)
{
    static const char format[] = "slot-with-the-longest-name-that-an-id-may-have-in-this-world%04u";
    struct viewer_key key = key_at(click_salt, "192.0.2.1");
    char slot[ID_MAX + 1], first[ID_MAX + 1];
    assert_int_equal(snprintf(first, sizeof first, format, 0u), ID_MAX);
    for (unsigned i = 0; i < CLICK_SHARE_FIELDS_MAX + 20; i++) {
        (void)snprintf(slot, sizeof slot, format, i);
        assert_int_equal(see(*state, &key, slot, 1).stand, 1);
    }
    assert_int_equal(on_the_key("HLEN", ""), CLICK_SHARE_FIELDS_MAX);
    assert_int_equal(clicks_at_once(*state, &key, slot, OFTEN), 0);
    assert_int_equal(on_the_key("HLEN", ""), CLICK_SHARE_FIELDS_MAX);
    assert_int_equal(see(*state, &key, first, 5).stand, 5);
    assert_int_equal(clicks_at_once(*state, &key, first, OFTEN), OFTEN - FROM + 1);
    print_message("an address with all it may have: %lld bytes\n", (long long)bytes());
    assert_in_range(bytes(), 1, BYTES_AT_MOST);
}

static void what_redis_does_not_say_is_nothing(void **state)
{
    struct viewer_key key = key_at(click_salt, "192.0.2.1");
    assert_int_equal(clicks_at_once(*state, &key, "header", FROM), 1);
    (void)on_the_key("SET", ",'a'");
    assert_int_equal(clicks_at_once(*state, &key, "header", OFTEN), 0);
    assert_int_equal(see(*state, &key, "header", 3).lost, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, click_set_up, click_tear_down)
        TEST(one_click_is_the_first_beyond),
        TEST(of_clicks_at_once_as_many_count_as_one_by_one),
        TEST(few_clicks_are_not_asked),
        TEST(beyond_stays_beyond_until_the_window_ends),
        TEST(slots_addresses_and_days_are_apart),
        TEST(a_64_of_v6_is_one_address),
        TEST(an_office_is_not_beyond),
        TEST(an_impression_clicked_again_is_one),
        TEST(the_rate_is_counted_in_the_same_call),
        TEST(the_window_ends),
        TEST(an_address_costs_little_memory),
        TEST(a_slot_more_costs_little_memory),
        TEST(slots_beyond_the_limit_are_not_judged),
        TEST(what_redis_does_not_say_is_nothing),
    };
    return cmocka_run_group_tests(tests, redis_fixture_group_setup, redis_fixture_group_teardown);
}
