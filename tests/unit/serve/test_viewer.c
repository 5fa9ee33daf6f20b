#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "decision/page_parameters.h"
#include "net/address.h"
#include "serve/viewer.h"
#include "unit/serve/requests.h"

#define DAY_US (INT64_C(86400) * US_PER_SECOND)
#define NOW_US (INT64_C(20000) * DAY_US + 3600 * US_PER_SECOND)

/*
 * The salts, which come from Redis in a server, stand here in the program: what is looked at is
 * what is made of them.
 */
static struct {
    bool viewer_known, today_known;
} salts;

const uint8_t *secrets_viewer(const struct secrets *secrets)
{
    static const uint8_t salt[SECRET_BYTES] = "the salt of first-party ids ...";
    (void)secrets;
    return salts.viewer_known ? salt : NULL;
}

const uint8_t *secrets_today(struct secrets *secrets, int64_t now_us)
{
    static uint8_t salt[SECRET_BYTES] = "the salt of a day ........";
    (void)secrets;
    salt[SECRET_BYTES - 1] = (uint8_t)(now_us / DAY_US);
    return salts.today_known ? salt : NULL;
}

/* What one request is, and who is found behind it. */
struct visit {
    const char *ladder, *uid, *consent, *site, *address, *agent, *gpc;
    int64_t now_us;
};

static const struct visit ordinary = {
    .ladder = "first-party,daily-hash",
    .uid = "viewer-0001",
    .consent = "",
    .site = "blog.example",
    .address = "192.0.2.7",
    .agent = "Firefox",
    .now_us = NOW_US,
};

static bool identify(struct visit visit, struct viewer_key *ret)
{
    struct viewer_ladder ladder;
    struct test_request test;
    struct err err = {0};
    test_request_init(&test, HTTP_METHOD_GET);
    if (visit.agent)
        test_request_add(&test, "user-agent", visit.agent);
    if (visit.gpc)
        test_request_add(&test, "sec-gpc", visit.gpc);
    struct viewer_facts facts = {
        .uid = slice_cstr(visit.uid),
        .consent = slice_cstr(visit.consent),
        .site = slice_cstr(visit.site),
        .now_us = visit.now_us,
    };
    assert_true(net_ip_parse(slice_cstr(visit.address), &facts.client));
    assert_true(viewer_ladder_parse(slice_cstr(visit.ladder), &ladder, &err));
    bool known = viewer_identify(&ladder, NULL, &test.request, &facts, ret);
    test_request_release(&test);
    return known;
}

static bool is_known(struct visit visit)
{
    struct viewer_key key;
    return identify(visit, &key);
}

static bool same(struct visit a, struct visit b)
{
    struct viewer_key key_a, key_b;
    assert_true(identify(a, &key_a));
    assert_true(identify(b, &key_b));
    assert_true((key_a.pseudonym == key_b.pseudonym) ==
                (memcmp(key_a.bytes, key_b.bytes, VIEWER_KEY_BYTES) == 0));
    return key_a.pseudonym == key_b.pseudonym;
}

static int set_up(void **state)
{
    (void)state;
    salts.viewer_known = salts.today_known = true;
    return 0;
}

static void test_a_first_party_id_is_the_viewer(void **state)
{
    struct visit elsewhere = ordinary, other = ordinary;
    (void)state;
    elsewhere.site = "news.example";
    elsewhere.address = "2001:db8::1";
    elsewhere.agent = "Chromium";
    elsewhere.now_us += 40 * DAY_US;
    assert_true(same(ordinary, elsewhere));
    other.uid = "viewer-0002";
    assert_false(same(ordinary, other));
}

static void test_the_key_does_not_show_the_id(void **state)
{
    struct viewer_key key;
    (void)state;
    assert_true(identify(ordinary, &key));
    assert_null(memmem(key.bytes, sizeof(key.bytes), "view", 4));
    assert_null(memmem(key.bytes, sizeof(key.bytes), &key.pseudonym, 4));
}

static void test_without_id_the_daily_hash(void **state)
{
    struct visit plain = ordinary, changed;
    (void)state;
    plain.uid = "";
    assert_true(same(plain, plain));
    assert_false(same(plain, ordinary));
    changed = plain, changed.address = "192.0.2.8";
    assert_false(same(plain, changed));
    changed = plain, changed.agent = "Firefoxy";
    assert_false(same(plain, changed));
    changed = plain, changed.site = "news.example";
    assert_false(same(plain, changed));
    changed = plain, changed.now_us += DAY_US;
    assert_false(same(plain, changed));
    changed = plain, changed.now_us += 3600 * US_PER_SECOND;
    assert_true(same(plain, changed));
}

/* Moving a byte from one part to the next makes another viewer. */
static void test_parts_do_not_run_into_each_other(void **state)
{
    struct visit a = ordinary, b = ordinary;
    (void)state;
    a.uid = b.uid = "";
    a.agent = "Firefox", a.site = "blog.example";
    b.agent = "Firefo", b.site = "xblog.example";
    assert_false(same(a, b));
}

static const struct {
    const char *ladder, *uid, *agent;
    bool viewer_salt, day_salt, expected;
} rungs[] = {
    {"first-party,daily-hash", "viewer-0001", "Firefox", true, true, true},
    {"first-party,daily-hash", "", "Firefox", true, true, true},
    {"first-party,daily-hash", "viewer-0001", NULL, true, true, true},
    {"first-party,daily-hash", "", NULL, true, true, false},
    {"first-party,daily-hash", "", "", true, true, false},
    {"first-party,daily-hash", "viewer-0001", "Firefox", false, true, true},
    {"first-party,daily-hash", "viewer-0001", "Firefox", false, false, false},
    {"first-party,daily-hash", "", "Firefox", true, false, false},
    {"first-party", "viewer-0001", "Firefox", true, true, true},
    {"first-party", "", "Firefox", true, true, false},
    {"daily-hash", "viewer-0001", "Firefox", true, true, true},
    {"daily-hash", "viewer-0001", NULL, true, true, false},
    {"none", "viewer-0001", "Firefox", true, true, false},
};

static void test_the_rungs_of_the_ladder(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rungs) / sizeof(*rungs); i++) {
        struct visit visit = ordinary;
        visit.ladder = rungs[i].ladder;
        visit.uid = rungs[i].uid;
        visit.agent = rungs[i].agent;
        salts.viewer_known = rungs[i].viewer_salt;
        salts.today_known = rungs[i].day_salt;
        if (is_known(visit) != rungs[i].expected)
            fail_msg("row %zu", i);
    }
}

static void test_the_order_of_the_ladder(void **state)
{
    struct visit id_first = ordinary, hash_first = ordinary, hash = ordinary;
    (void)state;
    id_first.ladder = " first-party , daily-hash ";
    hash_first.ladder = "daily-hash,first-party";
    hash.ladder = "daily-hash";
    assert_false(same(id_first, hash_first));
    assert_true(same(hash, hash_first));
}

static void test_gpc_and_refused_consent_skip_all(void **state)
{
    struct visit visit = ordinary;
    (void)state;
    visit.gpc = "1";
    assert_false(is_known(visit));
    visit.gpc = "0";
    assert_true(is_known(visit));
    visit.gpc = "";
    assert_true(is_known(visit));
    visit.gpc = NULL;
    visit.consent = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA";
    assert_false(is_known(visit));
    visit.consent = "not understood";
    assert_false(is_known(visit));
}

static void test_ids(void **state)
{
    static const struct {
        const char *uid;
        bool valid;
    } rows[] = {
        {"", false},
        {"1234567", false},
        {"12345678", true},
        {"abcXYZ_-09", true},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
        {"1234567.", false},
        {"1234567 ", false},
        {"12345/78", false},
        {"1234567\xc3\xa4", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(viewer_uid_is_valid(slice_cstr(rows[i].uid)), rows[i].valid);
    assert_false(viewer_uid_is_valid(SLICE("1234567\0")));
}

static void test_wrong_ladders_are_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "cookies",
                                        "first-party,",
                                        "first-party,none",
                                        "none,none",
                                        "First-Party",
                                        "first-party;daily-hash",
                                        "daily-hash,daily-hash,daily-hash,daily-hash,daily-hash"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct viewer_ladder ladder = {.count = 4711};
        struct err err = {0};
        if (viewer_ladder_parse(slice_cstr(texts[i]), &ladder, &err))
            fail_msg("accepted: \"%s\"", texts[i]);
        assert_true(err.text[0] != '\0');
        assert_int_equal(ladder.count, 4711);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_first_party_id_is_the_viewer, set_up),
        cmocka_unit_test_setup(test_the_key_does_not_show_the_id, set_up),
        cmocka_unit_test_setup(test_without_id_the_daily_hash, set_up),
        cmocka_unit_test_setup(test_parts_do_not_run_into_each_other, set_up),
        cmocka_unit_test_setup(test_the_rungs_of_the_ladder, set_up),
        cmocka_unit_test_setup(test_the_order_of_the_ladder, set_up),
        cmocka_unit_test_setup(test_gpc_and_refused_consent_skip_all, set_up),
        cmocka_unit_test_setup(test_ids, set_up),
        cmocka_unit_test_setup(test_wrong_ladders_are_refused, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
