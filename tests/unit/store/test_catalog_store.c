#include "unit/store/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "store/catalog_keeper.h"
#include "store/catalog_store.h"
#include "unit/store/fake_redis.h"
#include "unit/store/redis_fixture.h"

#define LIVE_MS 1000 /* within which a change is live */

struct bench {
    struct loop *loop;
    struct metrics *metrics;
    struct catalog_store *store;
    const struct redis_target *target;
    char state[64];
};

/* One for all tests, emptied before each. */
#define server redis_fixture_shared

/* ---- The bench ---- */

static void open_store(struct bench *bench)
{
    struct catalog_store_config config = {.loop = bench->loop,
                                          .clock = &clock_system,
                                          .target = bench->target,
                                          .prefix = SLICE("ad:"),
                                          .state_dir = bench->state,
                                          .persist = true,
                                          .metrics = bench->metrics};
    bench->store = catalog_store_new(&config);
}

static void close_store(struct bench *bench)
{
    catalog_store_free(bench->store);
    bench->store = NULL;
}

static int setup(void **state)
{
    struct bench *bench = check_calloc(1, sizeof *bench);
    redis_fixture_say(&server, "FLUSHALL");
    (void)snprintf(bench->state, sizeof bench->state, "/tmp/masthead-state-XXXXXX");
    CHECK(mkdtemp(bench->state) != NULL);
    bench->loop = loop_new();
    bench->metrics = metrics_new((struct metrics_layout){.series = 100, .series_counters = 1});
    bench->target = &server.target;
    metrics_attach(bench->metrics, 0);
    *state = bench;
    return 0;
}

static const char *path_of(const struct bench *bench)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/catalog", bench->state);
    return path;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    close_store(bench);
    (void)unlink(path_of(bench));
    assert_int_equal(rmdir(bench->state), 0); /* nothing else was left there */
    metrics_free(bench->metrics);
    loop_free(bench->loop);
    free(bench);
    return 0;
}

/* ---- What campaign managers write ---- */

static void write_demo(void)
{
    redis_fixture_say(&server, "SADD ad:slots header post-top");
    redis_fixture_say(&server, "HSET ad:slot:header sizes 970x250,728x90");
    redis_fixture_say(&server, "HSET ad:slot:post-top sizes 300x250");
    redis_fixture_say(&server, "SADD ad:campaigns spring");
    redis_fixture_say(&server, "HSET ad:campaign:spring slots * weight 3 caps 3/1d");
    redis_fixture_say(&server, "SADD ad:creatives spring-970");
    redis_fixture_say(&server,
                      "HSET ad:creative:spring-970 campaign spring type image size 970x250 "
                      "image /demo/a.png alt Spring landing https://example.com/");
}

/* ---- What the store shows ---- */

static bool is_confirmed(void *arg)
{
    struct catalog_status status = catalog_store_status(((struct bench *)arg)->store);
    return status.loaded && !status.from_disk && status.confirmed_us > 0;
}

static bool has_catalog(void *arg)
{
    return is_confirmed(arg) && catalog_store_current(((struct bench *)arg)->store) != NULL;
}

static void load(struct bench *bench)
{
    open_store(bench);
    run_until(bench->loop, has_catalog, bench, PATIENCE_MS);
    run_for(bench->loop, 10); /* a snapshot that is being built */
}

static const struct campaign *campaign(struct bench *bench, const char *id)
{
    return catalog_find_campaign(catalog_store_current(bench->store), slice_cstr(id));
}

/* A campaign's weight in the catalog; 0 where there is no such campaign. */
struct weight {
    struct bench *bench;
    const char *id;
    uint32_t expected;
};

static bool has_weight(void *arg)
{
    struct weight *weight = arg;
    const struct campaign *found = campaign(weight->bench, weight->id);
    return (found ? found->weight : 0) == weight->expected;
}

static void await_weight(struct bench *bench, const char *id, uint32_t expected)
{
    struct weight weight = {bench, id, expected};
    run_until(bench->loop, has_weight, &weight, LIVE_MS);
}

/* "key field error" of the first rejection whose key that is; "" where there is none. */
static const char *rejection(struct bench *bench, const char *key)
{
    static char text[1024];
    struct catalog_status status = catalog_store_status(bench->store);
    for (unsigned i = 0; i < status.rejections_listed; i++) {
        const struct catalog_rejection *row = &status.rejections[i];
        if (!slice_eq(row->key, slice_cstr(key)))
            continue;
        (void)snprintf(text, sizeof text, "%.*s: %.*s", SLICE_ARGS(row->field),
                       SLICE_ARGS(row->error));
        return text;
    }
    return "";
}

struct awaited_rejection {
    struct bench *bench;
    const char *key, *text; /* empty: none */
};

static bool is_rejected_so(void *arg)
{
    struct awaited_rejection *awaited = arg;
    const char *text = rejection(awaited->bench, awaited->key);
    return awaited->text[0] ? strstr(text, awaited->text) != NULL : text[0] == '\0';
}

static void await_rejection(struct bench *bench, const char *key, const char *text)
{
    struct awaited_rejection awaited = {bench, key, text};
    run_until(bench->loop, is_rejected_so, &awaited, LIVE_MS);
}

/* ---- Loading and changes ---- */

static void all_entries_are_loaded(void **state)
{
    struct bench *bench = *state;
    write_demo();
    open_store(bench);
    assert_null(catalog_store_current(bench->store));
    assert_false(catalog_store_status(bench->store).loaded);
    run_until(bench->loop, has_catalog, bench, PATIENCE_MS);
    const struct catalog *catalog = catalog_store_current(bench->store);
    assert_int_equal(catalog->slot_count, 2);
    assert_int_equal(catalog->campaign_count, 1);
    assert_int_equal(catalog->creative_count, 1);
    assert_int_equal(campaign(bench, "spring")->weight, 3);
    assert_int_equal(catalog_store_status(bench->store).rejection_count, 0);
    assert_true(catalog->revision != 0);
    assert_int_equal(metrics_self(bench->metrics)->catalog_revision, catalog->revision);
    assert_true(metrics_self(bench->metrics)->catalog_loaded_us > 0);
    unsigned series = campaign(bench, "spring")->series;
    assert_int_equal(metrics_series_kind(bench->metrics, series), 'c');
    assert_slice(metrics_series_id(bench->metrics, series), "spring");
    series = catalog_find_slot(catalog, SLICE("header"))->slot->series;
    assert_int_equal(metrics_series_kind(bench->metrics, series), 's');
}

static void an_empty_redis_is_an_empty_catalog(void **state)
{
    struct bench *bench = *state;
    load(bench);
    assert_int_equal(catalog_store_current(bench->store)->slot_count, 0);
    assert_true(catalog_store_current(bench->store)->revision != 0);
}

/* How often ids have been asked for: every sweep does, and nobody who is told of a changed hash. */
static int64_t walks(void)
{
    const char *count =
        strstr(redis_fixture_text(&server, "INFO commandstats"), "cmdstat_sscan:calls=");
    return count ? strtoll(strchr(count, '=') + 1, NULL, 10) : 0;
}

/*
 * Changes a weight until as many changes as `wanted` were live before any sweep came by, so that it
 * was a message that told of them; on a busy machine a sweep may come between all the same. Without
 * messages there is none.
 */
static void await_changes_told(struct bench *bench, unsigned wanted)
{
    unsigned told = 0;
    for (unsigned weight = 10; told < wanted; weight++) {
        assert_true(weight < 200);
        int64_t before = walks();
        redis_fixture_say(&server, "HSET ad:campaign:spring weight %u", weight);
        await_weight(bench, "spring", weight);
        told += walks() == before;
    }
}

static void a_change_is_live_at_once(void **state)
{
    struct bench *bench = *state;
    write_demo();
    load(bench);
    uint64_t before = catalog_store_current(bench->store)->revision;
    const struct catalog *catalog = catalog_store_current(bench->store);
    const struct creative *creative = catalog_find_creative(catalog, SLICE("spring-970"));
    await_changes_told(bench, 5);
    assert_true(catalog_store_current(bench->store)->revision != before);
    assert_ptr_equal(catalog_find_creative(catalog, SLICE("spring-970")), creative); /* untouched */
    redis_fixture_say(&server, "HSET ad:campaign:spring weight 3");
    await_weight(bench, "spring", 3);
    assert_int_equal(catalog_store_current(bench->store)->revision, before);
}

static bool has_no_entries(void *arg)
{
    const struct catalog *catalog = catalog_store_current(((struct bench *)arg)->store);
    return catalog->slot_count + catalog->campaign_count + catalog->creative_count == 0;
}

/* Every way by which a key comes and goes. */
static void follow_changes(struct bench *bench)
{
    redis_fixture_say(&server, "HSET ad:campaign:summer slots * weight 5");
    redis_fixture_say(&server, "SADD ad:campaigns summer");
    await_weight(bench, "summer", 5);
    redis_fixture_say(&server, "SREM ad:campaigns summer");
    await_weight(bench, "summer", 0);
    redis_fixture_say(&server, "SADD ad:campaigns summer");
    await_weight(bench, "summer", 5);
    redis_fixture_say(&server, "DEL ad:campaign:summer");
    await_weight(bench, "summer", 0);
    await_rejection(bench, "ad:campaign:summer", "no such hash");
    redis_fixture_say(&server, "HSET ad:campaign:autumn slots * weight 6");
    redis_fixture_say(&server, "RENAME ad:campaign:autumn ad:campaign:summer");
    await_weight(bench, "summer", 6);
    await_rejection(bench, "ad:campaign:summer", "");
    redis_fixture_say(&server, "PEXPIRE ad:campaign:summer 1");
    await_weight(bench, "summer", 0);
    redis_fixture_say(&server, "HSET ad:campaign:summer slots * weight 7");
    await_weight(bench, "summer", 7);
    redis_fixture_say(&server, "DEL ad:campaigns");
    await_weight(bench, "summer", 0);
    redis_fixture_say(&server, "SADD ad:campaigns summer spring");
    await_weight(bench, "spring", 3);
    redis_fixture_say(&server, "FLUSHALL");
    run_until(bench->loop, has_no_entries, bench, LIVE_MS);
    write_demo();
    await_weight(bench, "spring", 3);
}

static void every_kind_of_change_is_live(void **state)
{
    struct bench *bench = *state;
    write_demo();
    load(bench);
    follow_changes(bench);
}

static void changes_are_live_without_tracking_and_without_notifications(void **state)
{
    struct bench *bench = *state;
    redis_fixture_say(&server, "ACL SETUSER default -client|tracking");
    write_demo();
    load(bench);
    follow_changes(bench);
    redis_fixture_say(&server, "ACL SETUSER default +@all");
}

static void notifications_stand_in_for_tracking(void **state)
{
    struct bench *bench = *state;
    redis_fixture_say(&server, "ACL SETUSER default -client|tracking");
    redis_fixture_say(&server, "CONFIG SET notify-keyspace-events KA");
    write_demo();
    load(bench);
    await_changes_told(bench, 5);
    redis_fixture_say(&server, "CONFIG SET notify-keyspace-events ");
    redis_fixture_say(&server, "ACL SETUSER default +@all");
}

static void a_lost_message_is_mended_by_the_sweep(void **state)
{
    struct bench *bench = *state;
    write_demo();
    load(bench);
    run_for(bench->loop, 50);
    redis_fixture_say(&server, "CLIENT KILL TYPE pubsub");
    redis_fixture_say(&server, "HSET ad:campaign:spring weight 9");
    await_weight(bench, "spring", 9);
    redis_fixture_say(&server, "CLIENT KILL TYPE normal SKIPME yes");
    redis_fixture_say(&server, "HSET ad:campaign:spring weight 8");
    await_weight(bench, "spring", 8);
    run_for(bench->loop, 200);
    redis_fixture_say(&server, "HSET ad:campaign:spring weight 7");
    await_weight(bench, "spring", 7);
}

static void what_is_retained_outlives_its_place_in_the_catalog(void **state)
{
    struct bench *bench = *state;
    write_demo();
    load(bench);
    struct campaign *held = campaign_retain((struct campaign *)campaign(bench, "spring"));
    redis_fixture_say(&server, "FLUSHALL");
    run_until(bench->loop, has_no_entries, bench, LIVE_MS);
    assert_int_equal(held->weight, 3);
    assert_int_equal(held->references, 1);
    campaign_release(held);
}

/* ---- Refusals ---- */

static void an_invalid_entry_is_refused_and_its_last_good_version_serves(void **state)
{
    struct bench *bench = *state;
    write_demo();
    load(bench);
    redis_fixture_say(&server, "HSET ad:campaign:spring weight much");
    await_rejection(bench, "ad:campaign:spring", "weight: ");
    assert_int_equal(campaign(bench, "spring")->weight, 3);
    redis_fixture_say(&server, "HSET ad:campaign:spring weight 4 no_such_field 1");
    await_rejection(bench, "ad:campaign:spring", "no_such_field: ");
    assert_int_equal(campaign(bench, "spring")->weight, 3);
    redis_fixture_say(&server, "HDEL ad:campaign:spring no_such_field");
    await_weight(bench, "spring", 4);
    await_rejection(bench, "ad:campaign:spring", "");
    assert_int_equal(catalog_store_status(bench->store).rejection_count, 0);
}

static void what_returns_to_its_good_version_is_no_longer_refused(void **state)
{
    struct bench *bench = *state;
    write_demo();
    load(bench);
    uint64_t revision = catalog_store_current(bench->store)->revision;
    redis_fixture_say(&server, "HSET ad:campaign:spring weight much");
    await_rejection(bench, "ad:campaign:spring", "weight: ");
    redis_fixture_say(&server, "HSET ad:campaign:spring weight 3");
    await_rejection(bench, "ad:campaign:spring", "");
    assert_int_equal(catalog_store_current(bench->store)->revision, revision);
}

static void keys_of_a_wrong_type_are_refused(void **state)
{
    struct bench *bench = *state;
    write_demo();
    load(bench);
    redis_fixture_say(&server, "SET ad:campaign:spring text");
    await_rejection(bench, "ad:campaign:spring", "not a hash");
    assert_int_equal(campaign(bench, "spring")->weight, 3);
    redis_fixture_say(&server, "DEL ad:campaign:spring");
    redis_fixture_say(&server, "HSET ad:campaign:spring slots * weight 8");
    await_weight(bench, "spring", 8);
    redis_fixture_say(&server, "SET ad:campaigns text");
    await_rejection(bench, "ad:campaigns", "not a set");
    assert_int_equal(campaign(bench, "spring")->weight, 8);
    redis_fixture_say(&server, "DEL ad:campaigns");
    redis_fixture_say(&server, "SADD ad:campaigns spring");
    await_rejection(bench, "ad:campaigns", "");
}

static void names_that_are_no_ids_are_refused(void **state)
{
    struct bench *bench = *state;
    char long_id[300];
    write_demo();
    load(bench);
    redis_fixture_say(&server, "SADD ad:campaigns Spring");
    await_rejection(bench, "ad:campaign:Spring", "is not an id");
    struct slice words[] = {SLICE("SADD"), SLICE("ad:campaigns"), SLICE("a\r\nb\0c {x}")};
    struct err err;
    assert_non_null(redis_session_call(server.session, words, 3, &err));
    await_rejection(bench, "ad:campaign:Spring", "is not an id");
    memset(long_id, 'x', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    redis_fixture_say(&server, "SADD ad:campaigns %s", long_id);
    await_rejection(bench, "ad:campaigns", "more than 255 bytes");
    assert_int_equal(campaign(bench, "spring")->weight, 3);
    assert_int_equal(catalog_store_status(bench->store).rejection_count, 3);
}

static void hashes_beyond_the_limits_are_refused(void **state)
{
    struct bench *bench = *state;
    write_demo();
    load(bench);
    for (unsigned i = 0; i < RECORD_FIELDS_MAX; i++)
        redis_fixture_say(&server, "HSET ad:campaign:spring kv.f%u 1", i);
    await_rejection(bench, "ad:campaign:spring", "fields; allowed: at most 128");
    redis_fixture_say(&server, "DEL ad:campaign:spring");
    struct strbuf big;
    strbuf_init(&big, 1 << 20);
    for (unsigned i = 0; i < 200000; i++)
        strbuf_add_char(&big, 'x');
    struct slice words[] = {SLICE("HSET"), SLICE("ad:campaign:spring"), SLICE("name"),
                            strbuf_slice(&big)};
    struct err err;
    assert_non_null(redis_session_call(server.session, words, 4, &err));
    await_rejection(bench, "ad:campaign:spring", "bytes; allowed: at most");
    strbuf_release(&big);
}

static void many_refusals_are_counted_and_the_first_are_listed(void **state)
{
    struct bench *bench = *state;
    struct slice words[] = {SLICE("SADD"), SLICE("ad:campaigns"), SLICE("")};
    char id[32];
    struct err err;
    for (unsigned i = 0; i < 3000; i++) {
        (void)snprintf(id, sizeof id, "c%u", i);
        words[2] = slice_cstr(id);
        assert_non_null(redis_session_call(server.session, words, 3, &err));
    }
    load(bench);
    struct catalog_status status = catalog_store_status(bench->store);
    assert_int_equal(status.rejection_count, 3000);
    assert_int_equal(status.rejections_listed, CATALOG_REJECTIONS_MAX);
}

/* ---- The last good catalog ---- */

static bool is_kept(void *arg)
{
    struct stat stat_now;
    return stat(path_of(arg), &stat_now) == 0;
}

/* Points the store to where no Redis is. */
static const struct redis_target nowhere = {.unix_path = (char *)"/nonexistent/socket"};

static void a_start_without_redis_serves_the_last_good_catalog(void **state)
{
    struct bench *bench = *state;
    write_demo();
    load(bench);
    redis_fixture_say(&server, "HSET ad:campaign:spring weight much"); /* bad: is not kept */
    await_rejection(bench, "ad:campaign:spring", "weight: ");
    uint64_t revision = catalog_store_current(bench->store)->revision;
    run_until(bench->loop, is_kept, bench, PATIENCE_MS);
    close_store(bench);

    bench->target = &nowhere;
    open_store(bench);
    struct catalog_status status = catalog_store_status(bench->store);
    assert_true(status.loaded && status.from_disk);
    assert_int_equal(status.confirmed_us, 0);
    assert_int_equal(catalog_store_current(bench->store)->revision, revision);
    assert_int_equal(campaign(bench, "spring")->weight, 3);
    run_for(bench->loop, 100);
    assert_true(catalog_store_status(bench->store).from_disk);
    close_store(bench);

    bench->target = &server.target; /* still holding the bad one */
    load(bench);
    assert_int_equal(campaign(bench, "spring")->weight, 3);
    assert_true(strstr(rejection(bench, "ad:campaign:spring"), "weight: ") != NULL);
    assert_int_equal(catalog_store_current(bench->store)->revision, revision);
}

static void redis_is_the_truth_once_it_was_read(void **state)
{
    struct bench *bench = *state;
    write_demo();
    load(bench);
    run_until(bench->loop, is_kept, bench, PATIENCE_MS);
    close_store(bench);
    redis_fixture_say(&server, "FLUSHALL");
    open_store(bench);
    assert_int_equal(catalog_store_current(bench->store)->campaign_count, 1);
    run_until(bench->loop, has_no_entries, bench, PATIENCE_MS);
    assert_false(catalog_store_status(bench->store).from_disk);
}

static void overwrite(const char *path, size_t at, uint8_t flip)
{
    uint8_t byte;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= flip;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

static void a_damaged_file_is_refused(void **state)
{
    struct bench *bench = *state;
    struct stat stat_now;
    write_demo();
    load(bench);
    run_until(bench->loop, is_kept, bench, PATIENCE_MS);
    close_store(bench);
    bench->target = &nowhere;
    assert_int_equal(stat(path_of(bench), &stat_now), 0);
    for (size_t at = 0; at < (size_t)stat_now.st_size; at += 7) {
        overwrite(path_of(bench), at, 0x20);
        open_store(bench);
        assert_null(catalog_store_current(bench->store));
        close_store(bench);
        overwrite(path_of(bench), at, 0x20);
    }
    for (off_t len = stat_now.st_size - 1; len >= 0; len -= len > 40 ? 31 : 1) {
        assert_int_equal(truncate(path_of(bench), len), 0);
        open_store(bench);
        assert_null(catalog_store_current(bench->store));
        close_store(bench);
    }
}

static void without_persist_nothing_is_written(void **state)
{
    struct bench *bench = *state;
    struct catalog_store_config config = {.loop = bench->loop,
                                          .clock = &clock_system,
                                          .target = bench->target,
                                          .prefix = SLICE("ad:"),
                                          .state_dir = bench->state,
                                          .metrics = bench->metrics};
    write_demo();
    bench->store = catalog_store_new(&config);
    run_until(bench->loop, has_catalog, bench, PATIENCE_MS);
    run_for(bench->loop, CATALOG_PERSIST_MS + 200);
    assert_false(is_kept(bench));
}

/* ---- Redis coming and going ---- */

static void it_outlives_a_restart_of_redis(void **state)
{
    struct bench *bench = *state;
    write_demo();
    load(bench);
    redis_fixture_kill(&server);
    run_for(bench->loop, 300);
    assert_int_equal(campaign(bench, "spring")->weight, 3);
    redis_fixture_restart(&server);
    redis_fixture_say(&server, "MULTI");
    write_demo();
    redis_fixture_say(&server, "HSET ad:campaign:spring weight 12");
    redis_fixture_say(&server, "EXEC");
    struct weight weight = {bench, "spring", 12};
    run_until(bench->loop, has_weight, &weight, PATIENCE_MS);
}

static void a_frozen_redis_holds_nothing_up(void **state)
{
    struct bench *bench = *state;
    write_demo();
    load(bench);
    redis_fixture_freeze(&server);
    run_for(bench->loop, REDIS_DEAD_MS + REDIS_PROBE_MS + 500);
    assert_int_equal(campaign(bench, "spring")->weight, 3);
    redis_fixture_thaw(&server);
    redis_fixture_say(&server, "HSET ad:campaign:spring weight 13");
    struct weight weight = {bench, "spring", 13};
    run_until(bench->loop, has_weight, &weight, PATIENCE_MS);
}

static void a_reply_beyond_all_limits_ends_in_a_refusal(void **state)
{
    struct bench *bench = *state;
    struct fake_redis *fake = fake_redis_new(bench->loop);
    static const struct fake_line lines[] = {
        {"SSCAN ad:campaigns", "*2\r\n$1\r\n0\r\n*2\r\n$3\r\nbig\r\n$4\r\ngood\r\n", 0, false},
        {"SSCAN", "*2\r\n$1\r\n0\r\n*0\r\n", 0, false},
        {"HGETALL ad:campaign:big", "*2\r\n$1\r\na\r\n$999999999\r\n", 0, false},
        {"HGETALL", "*4\r\n$5\r\nslots\r\n$1\r\n*\r\n$6\r\nweight\r\n$1\r\n4\r\n", 0, false},
        {0}};
    fake_redis_script(fake, lines);
    bench->target = fake_redis_target(fake);
    load(bench);
    assert_int_equal(campaign(bench, "good")->weight, 4);
    assert_true(strstr(rejection(bench, "ad:campaign:big"), "larger than the limit") != NULL);
    run_for(bench->loop, 1500);
    unsigned accepted = fake_redis_accepted(fake);
    run_for(bench->loop, 1500);
    assert_int_equal(fake_redis_accepted(fake), accepted); /* not asked for again and again */
    close_store(bench);
    fake_redis_free(fake);
}

static void strange_answers_are_refusals(void **state)
{
    struct bench *bench = *state;
    struct fake_redis *fake = fake_redis_new(bench->loop);
    static const struct fake_line lines[] = {
        {"SSCAN ad:campaigns", "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n", 0, false},
        {"SSCAN ad:creatives", ":5\r\n", 0, false},
        {"SSCAN", "*2\r\n:0\r\n*0\r\n", 0, false},
        {"HGETALL ad:campaign:a", "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n", 0, false},
        {"HGETALL", "+OK\r\n", 0, false},
        {0}};
    static const char *const messages[] = {
        "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*-1\r\n",
        "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n*1\r\n:1\r\n",
        "*1\r\n$7\r\nmessage\r\n"};
    fake_redis_script(fake, lines);
    bench->target = fake_redis_target(fake);
    load(bench);
    assert_true(strstr(rejection(bench, "ad:campaign:a"), "not a hash") != NULL);
    assert_true(strstr(rejection(bench, "ad:campaign:b"), "not a hash") != NULL);
    assert_true(strstr(rejection(bench, "ad:creatives"), "not a set") != NULL);
    assert_true(strstr(rejection(bench, "ad:slots"), "not a set") != NULL);
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
        fake_redis_push(fake, messages[i], strlen(messages[i]));
    run_for(bench->loop, 300);
    close_store(bench);
    fake_redis_free(fake);
}

#define ON_REDIS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_REDIS(all_entries_are_loaded),
        ON_REDIS(an_empty_redis_is_an_empty_catalog),
        ON_REDIS(a_change_is_live_at_once),
        ON_REDIS(every_kind_of_change_is_live),
        ON_REDIS(changes_are_live_without_tracking_and_without_notifications),
        ON_REDIS(notifications_stand_in_for_tracking),
        ON_REDIS(a_lost_message_is_mended_by_the_sweep),
        ON_REDIS(what_is_retained_outlives_its_place_in_the_catalog),
        ON_REDIS(an_invalid_entry_is_refused_and_its_last_good_version_serves),
        ON_REDIS(what_returns_to_its_good_version_is_no_longer_refused),
        ON_REDIS(keys_of_a_wrong_type_are_refused),
        ON_REDIS(names_that_are_no_ids_are_refused),
        ON_REDIS(hashes_beyond_the_limits_are_refused),
        ON_REDIS(many_refusals_are_counted_and_the_first_are_listed),
        ON_REDIS(a_start_without_redis_serves_the_last_good_catalog),
        ON_REDIS(redis_is_the_truth_once_it_was_read),
        ON_REDIS(a_damaged_file_is_refused),
        ON_REDIS(without_persist_nothing_is_written),
        ON_REDIS(it_outlives_a_restart_of_redis),
        ON_REDIS(a_frozen_redis_holds_nothing_up),
        ON_REDIS(a_reply_beyond_all_limits_ends_in_a_refusal),
        ON_REDIS(strange_answers_are_refusals),
    };
    log_setup(LOG_ERROR, LOG_LOGFMT);
    return cmocka_run_group_tests(tests, redis_fixture_group_setup, redis_fixture_group_teardown);
}
