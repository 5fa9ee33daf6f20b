/* Who a described viewer is, and what its counters hold: read by the script, changed by nobody. */
#include "unit/store/unit.h"

#include <stdio.h>

#include "base/clock.h"
#include "decision/caps.h"
#include "store/explain_viewer.h"
#include "store/scripts.h"
#include "store/secrets.h"
#include "unit/store/redis_fixture.h"

#define server redis_fixture_shared

static const uint8_t viewer_salt[SECRET_BYTES] = {1}, day_salt[SECRET_BYTES] = {2};
static const struct viewer_salts salts = {viewer_salt, day_salt};

static struct explain_viewer find(const char *ladder_text, struct viewer_salts with,
                                  const char *const *pairs)
{
    struct viewer_ladder ladder;
    struct description description;
    struct err err = {"", ""};
    struct arena *arena = arena_new(0);
    assert_true(viewer_ladder_parse(slice_cstr(ladder_text), &ladder, &err));
    description_clear(&description);
    for (; *pairs; pairs += 2)
        assert_true(description_take(&description, arena, slice_cstr(pairs[0]),
                                     slice_cstr(pairs[1]), &err));
    struct explain_viewer viewer = explain_viewer_find(&ladder, &with, &description);
    arena_free(arena);
    return viewer;
}

#define BOTH       "first-party,daily-hash"
#define PAIRS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void test_who_it_is(void **state)
{
    const struct viewer_salts none = {NULL, NULL}, other_day = {viewer_salt, NULL};
    (void)state;
    assert_string_equal(find(BOTH, salts, PAIRS("uid", "viewer-0001")).way, "first-party");
    assert_string_equal(find(BOTH, salts, PAIRS("ip", "192.0.2.7", "ua", "Firefox")).way,
                        "daily-hash");
    assert_string_equal(find(BOTH, salts, PAIRS()).way, "new");
    assert_string_equal(find(BOTH, salts, PAIRS("ua", "Firefox")).way, "new");
    assert_string_equal(find(BOTH, salts, PAIRS("ip", "192.0.2.7")).way, "new");
    assert_string_equal(find("daily-hash", salts, PAIRS("uid", "viewer-0001")).way, "new");
    assert_string_equal(find(BOTH, none, PAIRS("uid", "viewer-0001")).way, "new");
    assert_string_equal(find(BOTH, other_day, PAIRS("ip", "192.0.2.7", "ua", "Firefox")).way,
                        "new");
    assert_null(find("none", salts, PAIRS("uid", "viewer-0001")).way);
    assert_null(find(BOTH, salts, PAIRS("uid", "viewer-0001", "consent", "nonsense")).way);
    assert_false(find(BOTH, salts, PAIRS()).has_key);
}

static void test_a_new_viewer_has_no_key(void **state)
{
    struct explain_viewer known = find(BOTH, salts, PAIRS("uid", "viewer-0001"));
    (void)state;
    assert_true(known.has_key);
    assert_false(find(BOTH, salts, PAIRS("ua", "Firefox")).has_key);
}

/* ---- Counters -------------------------------------------------------------------------------- */

static void drop(struct explain *explain)
{
    struct catalog *catalog = explain_asked(explain)->catalog;
    explain_free(explain);
    catalog_free(catalog);
}

static struct explain *explain_with(const char *caps)
{
    const struct record_field slot_fields[] = {{SLICE("status"), SLICE("active")}};
    const struct record_field fields[] = {{SLICE("slots"), SLICE("*")},
                                          {SLICE("caps"), slice_cstr(caps)}};
    const struct record_field text[] = {{SLICE("campaign"), SLICE("a")},
                                        {SLICE("type"), SLICE("text")},
                                        {SLICE("title"), SLICE("A")},
                                        {SLICE("landing"), SLICE("https://a.example/")}};
    struct err err = {"", ""};
    struct slot *slot =
        record_compile_slot(&(struct record){RECORD_SLOT, SLICE("header"), slot_fields, 1}, &err);
    struct campaign *campaign =
        record_compile_campaign(&(struct record){RECORD_CAMPAIGN, SLICE("a"), fields, 2}, &err);
    struct creative *creative =
        record_compile_creative(&(struct record){RECORD_CREATIVE, SLICE("a"), text, 4}, &err);
    assert_string_equal(err.text, "");
    struct explain_question question = {
        .catalog = catalog_build(&slot, 1, &campaign, 1, &creative, 1, 1), .seed = 1};
    question.request.now_us = clock_wall_us(&clock_system);
    question.request.has_viewer = true;
    question.request.slot_count = 1;
    question.request.slots[0].name = SLICE("header");
    question.request.slots[0].index = catalog_find_slot(question.catalog, SLICE("header"));
    struct explain *explain = explain_new(&question);
    while (explain_judge(explain))
        ;
    return explain;
}

static const char *verdict(struct explain *explain)
{
    while (explain_draw(explain))
        ;
    while (explain_list(explain))
        ;
    return explain_word(explain_slot(explain, 0)->list[0].reason);
}

/* Asks the script for the first batch and hands its answer over. */
static void read_caps(struct explain *explain, const struct viewer_key *viewer)
{
    static struct explain_caps_batch batch;
    struct slice args[3 + EXPLAIN_CAPS_BATCH] = {SLICE("EVAL"), script_get(SCRIPT_CAPS)->text};
    struct err err = {"", ""};
    char count[16];
    explain_caps_ask(explain, SLICE("ad:"), viewer, 0, &batch);
    (void)snprintf(count, sizeof count, "%u", batch.count);
    args[2] = slice_cstr(count);
    memcpy(args + 3, batch.keys, batch.count * sizeof *batch.keys);
    const struct redis_reply *reply =
        redis_session_call(server.session, args, 3 + batch.count, &err);
    assert_non_null(reply);
    assert_true(explain_caps_take(explain, 0, batch.count, reply, clock_wall_us(&clock_system)));
}

/* The name that reserving gives the campaign's first counter. */
static const char *first_key(const struct explain *explain, const struct viewer_key *viewer)
{
    static char name[VIEWER_CAP_KEY_MAX + 1];
    struct slice key = viewer_cap_key(name, SLICE("ad:"), viewer, explain_cap_key(explain, 0));
    name[key.len] = '\0';
    return name;
}

static void test_what_counters_hold(void **state)
{
    static const struct {
        const char *command; /* with the key in place of %s */
        const char *verdict;
    } rows[] = {
        {"DEL %s", "served"},
        {"SET %s 1 PX 60000", "served"},
        {"SET %s 2 PX 60000", "cap"},
        {"SET %s 9", "cap"},
        {"SET %s -5 PX 60000", "served"},
        {"SET %s 0 PX 60000", "served"},
        {"SET %s nonsense PX 60000", "cap"},
        {"SET %s 02 PX 60000", "cap"},
        {"SET %s 99999999999999999999 PX 60000", "cap"},
        {"LPUSH %s 1", "cap"},
    };
    const struct viewer_key viewer = {.bytes = {7}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct explain *explain = explain_with("2/1h");
        char command[256];
        const char *key = first_key(explain, &viewer);
        redis_fixture_say(&server, "FLUSHALL");
        size_t before = strcspn(rows[i].command, "%");
        (void)snprintf(command, sizeof command, "%.*s%s%s", (int)before, rows[i].command, key,
                       rows[i].command + before + 2);
        redis_fixture_say(&server, "%s", command);
        int64_t expires = redis_fixture_number(&server, "PEXPIRETIME %s", key);
        read_caps(explain, &viewer);
        if (strcmp(verdict(explain), rows[i].verdict) != 0)
            fail_msg("%s: %s", command, verdict(explain));
        assert_int_equal(redis_fixture_number(&server, "PEXPIRETIME %s", key), expires);
        assert_true(redis_fixture_number(&server, "DBSIZE") <= 1);
        drop(explain);
    }
}

static void test_what_is_no_answer(void **state)
{
    const struct redis_reply numbers[] = {{.type = REDIS_INTEGER, .integer = 9},
                                          {.type = REDIS_INTEGER, .integer = -1}};
    const struct redis_reply texts[] = {{.type = REDIS_STRING}, {.type = REDIS_INTEGER}};
    const struct redis_reply good = {.type = REDIS_ARRAY, .items = numbers, .count = 2};
    const struct redis_reply bad[] = {{.type = REDIS_NIL},
                                      {.type = REDIS_ARRAY, .items = numbers, .count = 1},
                                      {.type = REDIS_ARRAY, .items = texts, .count = 2}};
    struct explain *explain = explain_with("2/1h");
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(explain_caps_take(explain, 0, 1, &bad[i], 0));
    assert_true(explain_caps_take(explain, 0, 1, &good, 0));
    assert_string_equal(verdict(explain), "cap");
    drop(explain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_it_is),
        cmocka_unit_test(test_a_new_viewer_has_no_key),
        cmocka_unit_test(test_what_counters_hold),
        cmocka_unit_test(test_what_is_no_answer),
    };
    return cmocka_run_group_tests(tests, redis_fixture_group_setup, redis_fixture_group_teardown);
}
