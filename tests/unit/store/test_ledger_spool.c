#include "unit/store/unit.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/flight_board.h"
#include "store/ledger.h"
#include "store/ledger_batch.h"
#include "store/ledger_left.h"
#include "store/ledger_recent.h"
#include "store/ledger_replay.h"
#include "store/spool.h"
#include "store/spool_marks.h"
#include "unit/store/redis_fixture.h"

#define TTL_MS      (INT64_C(24) * 3600 * 1000)
#define PATH_BYTES  256
#define SPOOL_BYTES (1 << 20)
#define TOTALS      "ad:total:{spring}"

#define server redis_fixture_shared

struct bench {
    char folder[64];
    struct loop *loop;
    struct redis *redis;
    struct flight_board *board;
    struct spool_marks *marks;
    struct spool *spool;
    struct ledger *ledger;
    unsigned replayed[LEDGER_FAILED + 1];     /* by result */
    unsigned replayed_as[EVENT_FILTER_COUNT]; /* those filtered, by filter */
    unsigned told[LEDGER_FAILED + 1];
    unsigned open;
    bool goals_unknown;
    struct metrics *metrics; /* the spool's */
    uint64_t spool_bytes;    /* that may be in it */
    struct clock clock;      /* the ledger's: the system's, but its monotonic time is ahead */
    int64_t ahead_us;
    int64_t slow_us; /* further ahead with each event that is told */
};

static int64_t wall_us(void *arg)
{
    (void)arg;
    return clock_wall_us(&clock_system);
}

static int64_t mono_us(void *arg)
{
    return clock_mono_us(&clock_system) + ((const struct bench *)arg)->ahead_us;
}

static bool is_up(void *arg)
{
    return redis_is_up(((struct bench *)arg)->redis);
}

static void on_up(void *arg)
{
    struct bench *bench = arg;
    if (bench->ledger)
        ledger_on_redis_up(bench->ledger);
}

static void on_replayed(const struct ledger_event *event, enum ledger_result result, void *arg)
{
    struct bench *bench = arg;
    assert_slice(event->campaign, "spring");
    bench->replayed[result]++;
    bench->replayed_as[event->filter] += result == LEDGER_FILTERED;
}

static bool knows_goals(void *arg)
{
    return !((struct bench *)arg)->goals_unknown;
}

static void start(struct bench *bench)
{
    struct err err;
    struct redis_config redis = {.target = &server.target, .on_up = on_up, .arg = bench};
    struct spool_config spool = {.loop = bench->loop,
                                 .clock = &clock_system,
                                 .metrics = bench->metrics,
                                 .marks = bench->marks,
                                 .state_dir = bench->folder,
                                 .fsync = SPOOL_FSYNC_OFF,
                                 .bytes_max = bench->spool_bytes};
    bench->redis = redis_new(bench->loop, &redis);
    bench->spool = spool_new(&spool, &err);
    assert_non_null(bench->spool);
    struct ledger_config ledger = {.loop = bench->loop,
                                   .redis = bench->redis,
                                   .spool = bench->spool,
                                   .board = bench->board,
                                   .patience_ms = LEDGER_PATIENCE_MAX_MS,
                                   .clock = &bench->clock,
                                   .prefix = SLICE("ad:"),
                                   .page_ttl_ms = TTL_MS,
                                   .knows_goals = knows_goals,
                                   .on_replayed = on_replayed,
                                   .arg = bench};
    bench->ledger = ledger_new(&ledger);
}

static void stop(struct bench *bench)
{
    redis_free(bench->redis);
    spool_free(bench->spool);
    ledger_free(bench->ledger);
    bench->ledger = NULL;
}

/* It is killed: what is under way goes nowhere. */
static void die(struct bench *bench)
{
    spool_free(bench->spool);
    ledger_free(bench->ledger);
    bench->ledger = NULL;
    redis_free(bench->redis);
}

static int setup(void **state)
{
    struct bench *bench = check_calloc(1, sizeof *bench);
    redis_fixture_thaw(&server); /* a test that failed may have left it frozen */
    redis_fixture_say(&server, "FLUSHALL");
    (void)snprintf(bench->folder, sizeof bench->folder, "/tmp/masthead-ledger-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    bench->loop = loop_new();
    bench->clock = (struct clock){wall_us, mono_us, bench};
    bench->board = flight_board_new();
    bench->marks = spool_marks_new();
    bench->metrics = metrics_new((struct metrics_layout){1, 1});
    metrics_attach(bench->metrics, 0);
    bench->spool_bytes = SPOOL_BYTES;
    start(bench);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    char path[128];
    stop(bench);
    loop_free(bench->loop);
    flight_board_free(bench->board);
    spool_marks_free(bench->marks);
    metrics_free(bench->metrics);
    (void)snprintf(path, sizeof path, "%s/spool", bench->folder);
    assert_int_equal(rmdir(path), 0); /* no segment is left */
    assert_int_equal(rmdir(bench->folder), 0);
    free(bench);
    return 0;
}

static void note(enum ledger_result result, void *arg)
{
    struct bench *bench = arg;
    bench->told[result]++;
    bench->open--;
    bench->ahead_us += bench->slow_us;
}

static struct ledger_event event_of(enum event_kind kind, unsigned number)
{
    struct ledger_event event = {
        .kind = kind,
        .campaign = SLICE("spring"),
        .creative = SLICE("spring-970"),
        .slot = SLICE("header"),
        .impression = {[14] = (uint8_t)((number + 1) >> 8), [15] = (uint8_t)(number + 1)},
        .now_us = clock_wall_us(&clock_system)};
    event.issued_ms = event.now_us / US_PER_MS;
    return event;
}

static void report_of(struct bench *bench, const char *campaign, enum event_kind kind,
                      unsigned number)
{
    struct ledger_event event = event_of(kind, number);
    event.campaign = slice_cstr(campaign);
    bench->open++;
    ledger_record(bench->ledger, &event, note, bench);
}

static void report(struct bench *bench, enum event_kind kind, unsigned number)
{
    report_of(bench, "spring", kind, number);
}

static void report_many(struct bench *bench, unsigned from, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        report(bench, EVENT_IMPRESSION, from + i);
}

static bool all_are_told(void *arg)
{
    return ((struct bench *)arg)->open == 0;
}

static bool is_replayed(void *arg)
{
    return spool_waiting(((struct bench *)arg)->spool) == 0;
}

/* Whether the spool has one file; its path. */
static bool find_file(const struct bench *bench, char ret[PATH_BYTES])
{
    char pattern[PATH_BYTES];
    glob_t found;
    (void)snprintf(pattern, sizeof pattern, "%s/spool/*.spool", bench->folder);
    bool one = glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc == 1;
    if (one)
        (void)snprintf(ret, PATH_BYTES, "%s", found.gl_pathv[0]);
    globfree(&found);
    return one;
}

static bool has_no_file(void *arg)
{
    char path[PATH_BYTES];
    return !find_file(arg, path);
}

static void keep_file(const struct bench *bench, char file[PATH_BYTES], char kept[PATH_BYTES])
{
    assert_true(find_file(bench, file));
    (void)snprintf(kept, PATH_BYTES, "%s/kept", bench->folder);
    assert_int_equal(link(file, kept), 0);
}

static bool has_spooled(void *arg)
{
    return spool_waiting(((struct bench *)arg)->spool) > 0;
}

static void stop_loop(void *arg)
{
    loop_stop(arg);
}

static void wait_told(struct bench *bench)
{
    run_until(bench->loop, all_are_told, bench, PATIENCE_MS);
}

static void wait_replayed(struct bench *bench)
{
    run_until(bench->loop, is_replayed, bench, PATIENCE_MS);
}

static int64_t total_of(const char *metric)
{
    return redis_fixture_number(&server, "HGET " TOTALS " %s", metric);
}

/* ---- Tests ---- */

static void what_is_reported_while_redis_stands_still_counts_once_it_goes_on(void **state)
{
    struct bench *bench = *state;
    report_many(bench, 0, 3);
    wait_told(bench);
    redis_fixture_freeze(&server);
    report_many(bench, 2, 100); /* the first ones are sent, and will run when it goes on */
    wait_told(bench);
    report_many(bench, 102, 100); /* by now it is known to stand still */
    wait_told(bench);
    assert_int_equal(bench->told[LEDGER_COUNTED], 3);
    assert_int_equal(bench->told[LEDGER_SPOOLED], 200);
    redis_fixture_thaw(&server);
    wait_replayed(bench);
    assert_int_equal(total_of("impressions"), 202);
    assert_int_equal(total_of("duplicate"), 1);
    assert_int_equal(bench->replayed[LEDGER_COUNTED], 199);
    assert_int_equal(bench->replayed[LEDGER_DUPLICATE], 1);
}

/* A connection that was dropped is read to its end by the server all the same. */
static void what_a_dropped_connection_still_brings_counts_once(void **state)
{
    struct bench *bench = *state;
    redis_fixture_freeze(&server);
    report_many(bench, 0, 10);
    report(bench, EVENT_IMPRESSION, 0);
    wait_told(bench);
    run_for(bench->loop, REDIS_DEAD_MS + 500);
    redis_fixture_thaw(&server);
    wait_replayed(bench);
    assert_int_equal(total_of("impressions"), 10);
    assert_int_equal(total_of("duplicate"), 1);
}

static void what_is_refused_waits_and_keeps_its_order(void **state)
{
    struct bench *bench = *state;
    report_many(bench, 0, 2);
    wait_told(bench);
    redis_fixture_say(&server, "CONFIG SET maxmemory 1");
    report_many(bench, 1, 2);
    wait_told(bench);
    report_many(bench, 2, 2);
    wait_told(bench);
    assert_int_equal(bench->told[LEDGER_SPOOLED], 4);
    assert_int_equal(bench->told[LEDGER_FAILED], 0);
    redis_fixture_say(&server, "CONFIG SET maxmemory 0");
    wait_replayed(bench);
    assert_int_equal(total_of("impressions"), 4);
    assert_int_equal(total_of("duplicate"), 2);
}

/* One of what is sent, one of what goes to the spool at once, each once more for what has failed.
 */
static void a_redis_that_fails_often_keeps_few_marks(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 0; i < 8; i++) {
        report_many(bench, 2 * i, 1);
        wait_told(bench);
        redis_fixture_say(&server, "ACL SETUSER default -hincrby");
        report_many(bench, 2 * i + 1, 1);
        wait_told(bench);
        redis_fixture_say(&server, "ACL SETUSER default +hincrby");
        wait_replayed(bench);
    }
    assert_int_equal(total_of("impressions"), 16);
    assert_in_range(redis_fixture_say(&server, "KEYS ad:mark:*")->count, 1, 4);
}

/* One batch of a campaign is under way at a time: what waits behind it is not left to grow. */
static void what_comes_faster_than_redis_takes_it_is_spooled(void **state)
{
    struct bench *bench = *state;
    bench->slow_us = LEDGER_PATIENCE_MAX_MS * US_PER_MS;
    report_many(bench, 0, 3 * LEDGER_BATCH_EVENTS);
    wait_told(bench);
    assert_int_equal(bench->told[LEDGER_COUNTED], 2 * LEDGER_BATCH_EVENTS);
    assert_int_equal(bench->told[LEDGER_SPOOLED], LEDGER_BATCH_EVENTS);
    wait_replayed(bench);
    assert_int_equal(total_of("impressions"), 3 * LEDGER_BATCH_EVENTS);
}

/* Events that come now would find out that it refuses them; there may be none. */
static void who_refuses_is_not_asked_without_rest(void **state)
{
    struct bench *bench = *state;
    bench->goals_unknown = true;
    report_many(bench, 0, 1);
    wait_told(bench);
    redis_fixture_say(&server, "CONFIG SET maxmemory 1");
    redis_fixture_say(&server, "CONFIG RESETSTAT");
    bench->goals_unknown = false;
    run_for(bench->loop, 4 * LEDGER_REPLAY_REST_MS);
    const char *stats = redis_fixture_text(&server, "INFO commandstats");
    const char *calls = strstr(stats, "cmdstat_evalsha:calls=");
    assert_non_null(calls);
    assert_in_range(strtoul(strchr(calls, '=') + 1, NULL, 10), 1, 5);
    redis_fixture_say(&server, "CONFIG SET maxmemory 0");
    wait_replayed(bench);
    assert_int_equal(total_of("impressions"), 1);
}

static bool has_counted_50(void *arg)
{
    return ((struct bench *)arg)->replayed[LEDGER_COUNTED] >= 50;
}

static void another_process_takes_over_what_one_has_left(void **state)
{
    struct bench *bench = *state;
    redis_fixture_freeze(&server);
    report_many(bench, 0, 10); /* sent, and dealt with when it goes on */
    wait_told(bench);
    report_many(bench, 10, 40);
    wait_told(bench);
    stop(bench);
    start(bench);
    redis_fixture_thaw(&server);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    run_until(bench->loop, has_counted_50, bench, PATIENCE_MS); /* the look for orphans */
    wait_replayed(bench);
    assert_int_equal(bench->replayed[LEDGER_COUNTED], 50);
    assert_int_equal(total_of("impressions"), 50);
    assert_int_equal(total_of("duplicate"), 0);
}

static bool has_told_of_10(void *arg)
{
    return ((struct bench *)arg)->replayed[LEDGER_COUNTED] == 10;
}

/* Nobody had been told that they would count: they are in no spool. */
static void what_was_under_way_counts_and_is_told_by_the_next_process(void **state)
{
    struct bench *bench = *state;
    redis_fixture_freeze(&server);
    report_many(bench, 0, 10);
    loop_later(bench->loop, stop_loop, bench->loop);
    loop_run(bench->loop); /* they are sent */
    die(bench);
    assert_int_equal(bench->told[LEDGER_FAILED], 10);
    start(bench);
    redis_fixture_thaw(&server);
    run_until(bench->loop, has_told_of_10, bench, PATIENCE_MS);
    wait_replayed(bench);
    assert_int_equal(total_of("impressions"), 10);
    assert_int_equal(bench->replayed[LEDGER_COUNTED], 10);
}

static bool has_told_of_some(void *arg)
{
    return ((struct bench *)arg)->replayed[LEDGER_COUNTED] >= 100;
}

static bool has_told_of_600(void *arg)
{
    return ((struct bench *)arg)->replayed[LEDGER_COUNTED] >= 600;
}

/* Some of them have been told, some are under way, some were never sent. */
static void what_ends_in_the_middle_of_a_replay_is_told_once(void **state)
{
    struct bench *bench = *state;
    bench->goals_unknown = true;
    for (unsigned i = 0; i < 600; i++) {
        report_many(bench, i, 1);
        wait_told(bench);
    }
    bench->goals_unknown = false;
    run_until(bench->loop, has_told_of_some, bench, PATIENCE_MS);
    assert_true(bench->replayed[LEDGER_COUNTED] < 600);
    die(bench);
    start(bench);
    run_until(bench->loop, has_told_of_600, bench, PATIENCE_MS);
    wait_replayed(bench);
    assert_int_equal(bench->replayed[LEDGER_COUNTED], 600);
    assert_int_equal(bench->replayed[LEDGER_DUPLICATE], 0);
    assert_int_equal(total_of("impressions"), 600);
}

/* Nothing is tried, nor said of it, each time it is looked. */
static void what_was_under_way_waits_for_room_in_the_spool(void **state)
{
    struct bench *bench = *state;
    redis_fixture_freeze(&server);
    report_many(bench, 0, 10);
    loop_later(bench->loop, stop_loop, bench->loop);
    loop_run(bench->loop); /* they are sent */
    die(bench);
    bench->spool_bytes = 1;
    start(bench);
    run_for(bench->loop, 3 * LEDGER_LEFT_MS);
    assert_int_equal(metrics_sum(bench->metrics, COUNTER_SPOOL_REFUSED), 0);
    die(bench);
    bench->spool_bytes = SPOOL_BYTES;
    start(bench);
    redis_fixture_thaw(&server);
    run_until(bench->loop, has_told_of_10, bench, PATIENCE_MS);
    wait_replayed(bench);
    assert_int_equal(total_of("impressions"), 10);
}

/* Its process was killed when the disk had the record and the board did not know of that yet. */
static void what_two_files_of_the_spool_have_is_told_once(void **state)
{
    struct bench *bench = *state;
    char file[PATH_BYTES], kept[PATH_BYTES];
    redis_fixture_freeze(&server);
    report_many(bench, 0, 10);
    loop_later(bench->loop, stop_loop, bench->loop);
    loop_run(bench->loop); /* they are sent */
    die(bench);
    start(bench);
    run_until(bench->loop, has_spooled, bench, PATIENCE_MS);
    keep_file(bench, file, kept);
    redis_fixture_thaw(&server);
    run_until(bench->loop, has_told_of_10, bench, PATIENCE_MS);
    run_until(bench->loop, has_no_file, bench, PATIENCE_MS);
    assert_int_equal(rename(kept, file), 0);
    assert_true(spool_marks_add(bench->marks, strrchr(file, '/') + 1) >= 0);
    run_until(bench->loop, has_no_file, bench, PATIENCE_MS); /* adopted */
    assert_int_equal(total_of("impressions"), 10);
    assert_int_equal(bench->replayed[LEDGER_COUNTED], 10);
}

/* The mark is the server's memory of numbers; a batch that it has not had the one before goes on.
 */
static void a_number_that_never_comes_holds_nothing_up(void **state)
{
    struct bench *bench = *state;
    report_many(bench, 0, 1);
    wait_told(bench);
    const struct redis_reply *marks = redis_fixture_say(&server, "KEYS ad:mark:*");
    assert_int_equal(marks->count, 1);
    redis_fixture_say(&server, "DEL %.*s", SLICE_ARGS(marks->items[0].text));
    report_many(bench, 1, 1);
    wait_told(bench);
    assert_int_equal(bench->told[LEDGER_SPOOLED], 1);
    report_many(bench, 2, 1);
    wait_told(bench);
    wait_replayed(bench);
    assert_int_equal(total_of("impressions"), 3);
    assert_int_equal(bench->told[LEDGER_COUNTED], 2);
}

static bool all_are_back(void *arg)
{
    (void)arg;
    return total_of("impressions") == 200 && total_of("clicks") == 1 && total_of("duplicate") == 1;
}

static void on_durable(bool durable, void *arg)
{
    struct bench *bench = arg;
    assert_true(durable);
    bench->open--;
}

/* One impression, in a batch whose number has none before it. */
static void spool_behind_a_gap(struct bench *bench, unsigned number)
{
    struct ledger_event event = event_of(EVENT_IMPRESSION, number);
    struct ledger_identity identity = {.epoch = {1, (uint8_t)number}, .number = 2};
    struct strbuf record;
    strbuf_init(&record, LEDGER_BATCH_BYTES);
    ledger_batch_begin(&record, event.campaign);
    ledger_batch_add(&record, &event);
    ledger_batch_identify(&record, &identity);
    bench->open++;
    spool_append(bench->spool, strbuf_slice(&record), on_durable, bench);
    strbuf_release(&record);
    wait_told(bench);
}

static bool are_202(void *arg)
{
    (void)arg;
    return total_of("impressions") == 202;
}

/* In the middle of what a new server is told again, and of what is spooled meanwhile. */
static void gaps_hold_nothing_up_when_a_new_server_is_told_again(void **state)
{
    struct bench *bench = *state;
    report_many(bench, 0, 100);
    wait_told(bench);
    spool_behind_a_gap(bench, 100);
    wait_replayed(bench);
    report_many(bench, 101, 100);
    wait_told(bench);
    redis_fixture_kill(&server);
    spool_behind_a_gap(bench, 201);
    redis_fixture_restart(&server);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    run_until(bench->loop, are_202, NULL, PATIENCE_MS);
    wait_replayed(bench);
    assert_int_equal(total_of("impressions"), 202);
    assert_int_equal(total_of("duplicate"), 0);
}

/* It comes back empty, as a replica would that had heard of nothing. */
static void what_a_new_server_has_not_heard_of_is_told_again(void **state)
{
    struct bench *bench = *state;
    report_many(bench, 0, 200);
    wait_told(bench);
    report(bench, EVENT_CLICK, 7);
    report(bench, EVENT_IMPRESSION, 7);
    wait_told(bench);
    redis_fixture_kill(&server);
    redis_fixture_restart(&server);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    run_until(bench->loop, all_are_back, NULL, PATIENCE_MS);
    assert_int_equal(bench->replayed[LEDGER_COUNTED], 0); /* they had been told */
    report_many(bench, 200, 1);
    wait_told(bench);
    assert_int_equal(total_of("impressions"), 201);
}

static bool are_both_back(void *arg)
{
    (void)arg;
    return total_of("impressions") == 2 &&
           redis_fixture_number(&server, "HGET ad:total:{summer} impressions") == 2;
}

/* The first ones are so old that nobody remembers them but the server that has gone. */
static void what_is_told_again_goes_on_behind_what_is_forgotten(void **state)
{
    struct bench *bench = *state;
    for (unsigned number = 0; number < 3; number++) {
        report(bench, EVENT_IMPRESSION, number);
        report_of(bench, "summer", EVENT_IMPRESSION, number);
        wait_told(bench);
        bench->ahead_us += LEDGER_RECENT_MS * US_PER_MS;
    }
    redis_fixture_kill(&server);
    redis_fixture_restart(&server);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    run_until(bench->loop, are_both_back, NULL, PATIENCE_MS);
    redis_fixture_freeze(&server);
    report_many(bench, 3, 1);
    wait_told(bench);
    redis_fixture_thaw(&server);
    wait_replayed(bench); /* what is spooled comes after what is told again */
    assert_int_equal(total_of("impressions"), 3);
}

/* What a campaign costs, and its bounds, are not known yet: counting now would be free of charge.
 */
static void nothing_counts_before_prices_and_bounds_are_known(void **state)
{
    struct bench *bench = *state;
    bench->goals_unknown = true;
    report_many(bench, 0, 3);
    wait_told(bench);
    assert_int_equal(bench->told[LEDGER_SPOOLED], 3);
    run_for(bench->loop, 2 * LEDGER_REPLAY_REST_MS);
    assert_int_equal(total_of("impressions"), 0);
    bench->goals_unknown = false;
    wait_replayed(bench);
    assert_int_equal(total_of("impressions"), 3);
}

static void report_old(struct bench *bench, enum event_filter filter)
{
    struct ledger_event event = {.kind = EVENT_IMPRESSION,
                                 .filter = filter,
                                 .campaign = SLICE("spring"),
                                 .impression = {[15] = 1},
                                 .now_us = clock_wall_us(&clock_system) -
                                           (LEDGER_SPOOLED_MAX_MS + 1000) * US_PER_MS};
    event.issued_ms = event.now_us / US_PER_MS;
    bench->open++;
    ledger_record(bench->ledger, &event, note, bench);
}

static void what_has_waited_too_long_is_late_and_told_so(void **state)
{
    struct bench *bench = *state;
    bench->goals_unknown = true;
    report_old(bench, EVENT_COUNTS);
    report_old(bench, EVENT_IS_BOT);
    wait_told(bench);
    bench->goals_unknown = false;
    wait_replayed(bench);
    assert_int_equal(total_of("late"), 1);
    assert_int_equal(total_of("bot"), 1);
    assert_int_equal(bench->replayed_as[EVENT_IS_LATE], 1);
    assert_int_equal(bench->replayed_as[EVENT_IS_BOT], 1);
}

/* As if it had been killed when Redis had dealt with all and no answer had come yet. */
static void the_answers_of_a_whole_window_are_known_to_the_next_process(void **state)
{
    struct bench *bench = *state;
    char file[PATH_BYTES], kept[PATH_BYTES];
    bench->goals_unknown = true;
    for (unsigned i = 0; i < LEDGER_REPLAY_WINDOW; i++) {
        report_many(bench, i / 2, 1); /* counted, duplicate, counted ... */
        wait_told(bench);
    }
    keep_file(bench, file, kept);
    bench->goals_unknown = false;
    wait_replayed(bench);
    stop(bench);
    memset(bench->replayed, 0, sizeof bench->replayed);
    assert_int_equal(rename(kept, file), 0);
    assert_true(spool_marks_add(bench->marks, strrchr(file, '/') + 1) >= 0);
    start(bench);
    run_until(bench->loop, has_no_file, bench, PATIENCE_MS);
    assert_int_equal(bench->replayed[LEDGER_COUNTED], LEDGER_REPLAY_WINDOW / 2);
    assert_int_equal(bench->replayed[LEDGER_DUPLICATE], LEDGER_REPLAY_WINDOW / 2);
    assert_int_equal(total_of("impressions"), LEDGER_REPLAY_WINDOW / 2);
    assert_int_equal(total_of("duplicate"), LEDGER_REPLAY_WINDOW / 2);
}

/* Of what is so old that its answer is forgotten another one's must not be taken. */
static void answers_that_are_forgotten_are_not_mistaken(void **state)
{
    struct bench *bench = *state;
    char file[PATH_BYTES], kept[PATH_BYTES];
    unsigned batches = LEDGER_REPLAY_WINDOW + 36;
    bench->goals_unknown = true;
    for (unsigned i = 0; i < batches; i++) {
        report_many(bench, 0, i % 3 + 1); /* but for the first ones all are duplicates */
        wait_told(bench);
    }
    keep_file(bench, file, kept);
    bench->goals_unknown = false;
    wait_replayed(bench);
    run_until(bench->loop, has_no_file, bench, PATIENCE_MS);
    memset(bench->replayed, 0, sizeof bench->replayed);
    assert_int_equal(rename(kept, file), 0);
    run_until(bench->loop, has_no_file, bench, PATIENCE_MS);
    for (unsigned i = 0; i <= LEDGER_FAILED; i++)
        assert_int_equal(bench->replayed[i], 0); /* all had been told */
    assert_int_equal(total_of("impressions"), 3);
}

/* Its server has begun again: all may have been told by the one before. */
static void what_was_counted_is_not_told_again_by_who_takes_it_over(void **state)
{
    struct bench *bench = *state;
    char file[PATH_BYTES], kept[PATH_BYTES];
    redis_fixture_freeze(&server);
    report_many(bench, 0, 40);
    wait_told(bench);
    keep_file(bench, file, kept);
    redis_fixture_thaw(&server);
    wait_replayed(bench);
    assert_int_equal(bench->replayed[LEDGER_COUNTED], 40);
    stop(bench);
    assert_int_equal(rename(kept, file), 0);
    start(bench);
    run_until(bench->loop, has_no_file, bench, PATIENCE_MS);
    assert_int_equal(total_of("impressions"), 40);
    assert_int_equal(bench->replayed[LEDGER_COUNTED], 40);
}

/* The account may not do all that counting needs, until its mistake is mended. */
static void what_an_account_may_not_count_waits_for_its_rights(void **state)
{
    struct bench *bench = *state;
    redis_fixture_freeze(&server);
    report_many(bench, 0, 1);
    wait_told(bench);
    report_many(bench, 1, 20);
    wait_told(bench);
    redis_fixture_thaw(&server);
    redis_fixture_say(&server, "ACL SETUSER default -hincrby");
    report_many(bench, 21, 1);
    wait_told(bench);
    assert_int_equal(bench->told[LEDGER_FAILED], 0);
    run_for(bench->loop, 2 * LEDGER_REPLAY_REST_MS);
    redis_fixture_say(&server, "ACL SETUSER default +hincrby");
    wait_replayed(bench);
    assert_int_equal(total_of("impressions"), 22);
}

static void spoiled_counts_are_told_as_failed_and_hold_nothing_up(void **state)
{
    struct bench *bench = *state;
    redis_fixture_freeze(&server);
    report_many(bench, 0, 1);
    wait_told(bench);
    report_many(bench, 1, 1);
    wait_told(bench);
    redis_fixture_thaw(&server);
    redis_fixture_say(&server, "DEL " TOTALS);
    redis_fixture_say(&server, "SET " TOTALS " nonsense");
    wait_replayed(bench);
    redis_fixture_say(&server, "DEL " TOTALS);
    report_many(bench, 2, 1);
    wait_told(bench);
    assert_int_equal(total_of("impressions"), 1);
}

#define ON_REDIS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_REDIS(what_is_reported_while_redis_stands_still_counts_once_it_goes_on),
        ON_REDIS(what_a_dropped_connection_still_brings_counts_once),
        ON_REDIS(what_is_refused_waits_and_keeps_its_order),
        ON_REDIS(a_redis_that_fails_often_keeps_few_marks),
        ON_REDIS(what_comes_faster_than_redis_takes_it_is_spooled),
        ON_REDIS(who_refuses_is_not_asked_without_rest),
        ON_REDIS(another_process_takes_over_what_one_has_left),
        ON_REDIS(what_was_under_way_counts_and_is_told_by_the_next_process),
        ON_REDIS(what_ends_in_the_middle_of_a_replay_is_told_once),
        ON_REDIS(what_was_under_way_waits_for_room_in_the_spool),
        ON_REDIS(what_two_files_of_the_spool_have_is_told_once),
        ON_REDIS(answers_that_are_forgotten_are_not_mistaken),
        ON_REDIS(the_answers_of_a_whole_window_are_known_to_the_next_process),
        ON_REDIS(a_number_that_never_comes_holds_nothing_up),
        ON_REDIS(gaps_hold_nothing_up_when_a_new_server_is_told_again),
        ON_REDIS(what_a_new_server_has_not_heard_of_is_told_again),
        ON_REDIS(what_is_told_again_goes_on_behind_what_is_forgotten),
        ON_REDIS(nothing_counts_before_prices_and_bounds_are_known),
        ON_REDIS(what_has_waited_too_long_is_late_and_told_so),
        ON_REDIS(what_was_counted_is_not_told_again_by_who_takes_it_over),
        ON_REDIS(what_an_account_may_not_count_waits_for_its_rights),
        ON_REDIS(spoiled_counts_are_told_as_failed_and_hold_nothing_up),
    };
    log_setup(LOG_ERROR, LOG_LOGFMT);
    return cmocka_run_group_tests(tests, redis_fixture_group_setup, redis_fixture_group_teardown);
}
