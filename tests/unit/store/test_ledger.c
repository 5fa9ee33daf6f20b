#include "unit/store/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "decision/model.h"
#include "store/ledger.h"
#include "unit/store/fake_redis.h"
#include "unit/store/redis_fixture.h"

#define TTL_MS  (INT64_C(24) * 3600 * 1000)
#define NOW_US  (INT64_C(1795435200) * US_PER_SECOND) /* 2026-11-23 12:00 UTC */
#define COUNTS  "ad:count:{spring}:2026112312"
#define TOTALS  "ad:total:{spring}"
#define SEEN    "ad:seen:{spring}:AAAAAAAAAAAAAAAAAAA"
#define SEEN_MS (IMPRESSION_BLOCK_AGE_MS + TTL_MS + LEDGER_SPOOLED_MAX_MS + LEDGER_SEEN_MARGIN_MS)

struct bench {
    struct loop *loop;
    struct fake_redis *fake; /* NULL: the real one */
    struct redis *redis;
    struct ledger *ledger;
};

/* One for all tests, emptied before each. */
#define server redis_fixture_shared

static bool is_up(void *arg)
{
    return redis_is_up(((struct bench *)arg)->redis);
}

static bool is_down(void *arg)
{
    return !is_up(arg);
}

static struct bench *new_bench(bool fake)
{
    struct bench *bench = check_calloc(1, sizeof *bench);
    bench->loop = loop_new();
    bench->fake = fake ? fake_redis_new(bench->loop) : NULL;
    struct redis_config config = {.target = fake ? fake_redis_target(bench->fake) : &server.target};
    bench->redis = redis_new(bench->loop, &config);
    struct ledger_config ledger = {.loop = bench->loop,
                                   .redis = bench->redis,
                                   .clock = &clock_system,
                                   .prefix = SLICE("ad:"),
                                   .page_ttl_ms = TTL_MS};
    bench->ledger = ledger_new(&ledger);
    run_until(bench->loop, is_up, bench, PATIENCE_MS);
    return bench;
}

static int setup(void **state)
{
    redis_fixture_say(&server, "FLUSHALL");
    *state = new_bench(false);
    return 0;
}

static int setup_fake(void **state)
{
    *state = new_bench(true);
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    redis_free(bench->redis);
    ledger_free(bench->ledger);
    if (bench->fake)
        fake_redis_free(bench->fake);
    loop_free(bench->loop);
    free(bench);
    return 0;
}

struct outcome {
    unsigned calls;
    enum ledger_result result;
};

static void note(enum ledger_result result, void *arg)
{
    struct outcome *outcome = arg;
    outcome->calls++;
    outcome->result = result;
}

static bool has_ended(void *arg)
{
    return ((struct outcome *)arg)->calls > 0;
}

static struct ledger_event event_of(enum event_kind kind, uint8_t number)
{
    return (struct ledger_event){.kind = kind,
                                 .campaign = SLICE("spring"),
                                 .creative = SLICE("spring-970"),
                                 .slot = SLICE("header"),
                                 .impression = {[IMPRESSION_BYTES - 1] = (uint8_t)(number + 1)},
                                 .issued_ms = NOW_US / US_PER_MS,
                                 .now_us = NOW_US};
}

static enum ledger_result record_event(struct bench *bench, const struct ledger_event *event)
{
    struct outcome outcome = {0};
    ledger_record(bench->ledger, event, note, &outcome);
    assert_int_equal(outcome.calls, 0);
    run_until(bench->loop, has_ended, &outcome, PATIENCE_MS);
    assert_int_equal(outcome.calls, 1);
    return outcome.result;
}

static enum ledger_result record(struct bench *bench, enum event_kind kind, uint8_t number)
{
    struct ledger_event event = event_of(kind, number);
    return record_event(bench, &event);
}

/* The hour's count and the campaign's sum of a metric must both be `n`. */
static void assert_count(const char *metric, int64_t n)
{
    assert_int_equal(redis_fixture_number(&server, "HGET " COUNTS " spring-970|header|%s", metric),
                     n);
    assert_int_equal(redis_fixture_number(&server, "HGET " TOTALS " %s", metric), n);
}

/* The four bits of an impression: 8 impression, 4 viewable, 2 click, 1 kept apart. */
static int64_t seen_bits(unsigned number)
{
    const struct redis_reply *reply =
        redis_fixture_say(&server, "BITFIELD " SEEN " GET u4 %u", 4 * (number + 1));
    return reply->items[0].integer;
}

/* ---- Events ---- */

static void an_event_counts_once(void **state)
{
    assert_int_equal(record(*state, EVENT_IMPRESSION, 0), LEDGER_COUNTED);
    assert_int_equal(record(*state, EVENT_IMPRESSION, 0), LEDGER_DUPLICATE);
    assert_int_equal(record(*state, EVENT_IMPRESSION, 0), LEDGER_DUPLICATE);
    assert_int_equal(record(*state, EVENT_IMPRESSION, 1), LEDGER_COUNTED);
    assert_count("impressions", 2);
    assert_count("duplicate", 2);
    assert_int_equal(seen_bits(0), 8);
    assert_int_equal(seen_bits(1), 8);
    assert_int_equal(seen_bits(2), 0);
    assert_in_range(redis_fixture_number(&server, "PTTL " SEEN), SEEN_MS - 60000, SEEN_MS);
}

static void a_click_implies_its_impression(void **state)
{
    assert_int_equal(record(*state, EVENT_CLICK, 0), LEDGER_COUNTED_IMPLIED);
    assert_count("clicks", 1);
    assert_count("impressions", 1);
    assert_int_equal(record(*state, EVENT_IMPRESSION, 0), LEDGER_DUPLICATE);
    assert_int_equal(record(*state, EVENT_VIEWABLE, 0), LEDGER_COUNTED);
    assert_int_equal(record(*state, EVENT_CLICK, 0), LEDGER_DUPLICATE);
    assert_count("clicks", 1);
    assert_count("viewables", 1);
    assert_count("impressions", 1);
    assert_count("duplicate", 2);
    assert_int_equal(seen_bits(0), 14);
}

static void a_viewable_implies_its_impression(void **state)
{
    assert_int_equal(record(*state, EVENT_VIEWABLE, 0), LEDGER_COUNTED_IMPLIED);
    assert_count("viewables", 1);
    assert_count("impressions", 1);
    assert_int_equal(record(*state, EVENT_CLICK, 0), LEDGER_COUNTED);
    assert_count("impressions", 1);
}

static void what_is_filtered_counts_under_its_word_alone(void **state)
{
    for (enum event_filter filter = EVENT_COUNTS + 1; filter < EVENT_FILTER_COUNT; filter++) {
        struct ledger_event event = event_of(EVENT_CLICK, 0);
        event.filter = filter;
        assert_int_equal(record_event(*state, &event), LEDGER_FILTERED);
        assert_int_equal(record_event(*state, &event), LEDGER_FILTERED);
        assert_count(event_filter_rows[filter].word, 2);
    }
    assert_count("clicks", 0);
    assert_count("impressions", 0);
    assert_int_equal(redis_fixture_number(&server, "EXISTS " SEEN), 0);
    assert_int_equal(record(*state, EVENT_CLICK, 0), LEDGER_COUNTED_IMPLIED);
}

static void an_event_counts_in_its_hour(void **state)
{
    struct ledger_event event = event_of(EVENT_IMPRESSION, 0);
    event.now_us = NOW_US - 1;
    assert_int_equal(record_event(*state, &event), LEDGER_COUNTED);
    assert_int_equal(
        redis_fixture_number(&server,
                             "HGET ad:count:{spring}:2026112311 spring-970|header|impressions"),
        1);
}

static void counts_pass_the_bounds_of_floating_point(void **state)
{
    redis_fixture_say(&server, "HSET " COUNTS " spring-970|header|impressions 9007199254740993");
    redis_fixture_say(&server, "HSET " TOTALS " impressions 4611686018427387905");
    assert_int_equal(record(*state, EVENT_IMPRESSION, 0), LEDGER_COUNTED);
    assert_string_equal(
        redis_fixture_text(&server, "HGET " COUNTS " spring-970|header|impressions"),
        "9007199254740994");
    assert_string_equal(redis_fixture_text(&server, "HGET " TOTALS " impressions"),
                        "4611686018427387906");
}

static void a_count_at_its_end_or_edited_takes_nothing_back(void **state)
{
    redis_fixture_say(&server, "HSET " TOTALS " impressions 9223372036854775807");
    assert_int_equal(record(*state, EVENT_CLICK, 0), LEDGER_FAILED);
    redis_fixture_say(&server, "HSET " TOTALS " impressions many");
    assert_int_equal(record(*state, EVENT_IMPRESSION, 0), LEDGER_FAILED);
    assert_int_equal(redis_fixture_number(&server, "HGET " TOTALS " clicks"), 0);
    assert_int_equal(redis_fixture_number(&server, "HGET " COUNTS " spring-970|header|clicks"), 0);
    assert_int_equal(redis_fixture_number(&server, "HGET " COUNTS " spring-970|header|impressions"),
                     0);
    redis_fixture_say(&server, "DEL " TOTALS);
    assert_int_equal(record(*state, EVENT_CLICK, 0), LEDGER_COUNTED_IMPLIED);
    redis_fixture_say(&server, "SET " SEEN "x 1");
    redis_fixture_say(&server, "DEL " COUNTS);
    redis_fixture_say(&server, "SET " COUNTS " wrong");
    assert_int_equal(record(*state, EVENT_CLICK, 1), LEDGER_FAILED);
}

static void what_redis_refuses_has_failed(void **state)
{
    redis_fixture_say(&server, "CONFIG SET maxmemory 1");
    enum ledger_result result = record(*state, EVENT_IMPRESSION, 0);
    redis_fixture_say(&server, "CONFIG SET maxmemory 0");
    assert_int_equal(result, LEDGER_FAILED);
    assert_int_equal(record(*state, EVENT_IMPRESSION, 0), LEDGER_COUNTED);
    assert_count("duplicate", 0);
}

static void fifty_at_once_from_two_connections_count_once(void **state)
{
    struct bench *bench = *state, other = {0};
    struct redis_config config = {.target = &server.target};
    static struct outcome outcomes[50];
    unsigned counted = 0;
    other.redis = redis_new(bench->loop, &config);
    struct ledger_config ledger = {.loop = bench->loop,
                                   .redis = other.redis,
                                   .clock = &clock_system,
                                   .prefix = SLICE("ad:"),
                                   .page_ttl_ms = TTL_MS};
    other.ledger = ledger_new(&ledger);
    run_until(bench->loop, is_up, &other, PATIENCE_MS);
    for (unsigned i = 0; i < 50; i++) {
        struct ledger_event event = event_of(EVENT_IMPRESSION, 3);
        ledger_record(i % 2 ? bench->ledger : other.ledger, &event, note, &outcomes[i]);
    }
    for (unsigned i = 0; i < 50; i++) {
        run_until(bench->loop, has_ended, &outcomes[i], PATIENCE_MS);
        counted += outcomes[i].result == LEDGER_COUNTED;
    }
    assert_int_equal(counted, 1);
    assert_count("impressions", 1);
    assert_count("duplicate", 49);
    redis_free(other.redis);
    ledger_free(other.ledger);
}

static void names_are_as_long_as_ids_may_be(void **state)
{
    char id[ID_MAX + 1];
    memset(id, 'x', ID_MAX);
    id[ID_MAX] = '\0';
    struct ledger_event event = event_of(EVENT_IMPRESSION, 0);
    event.campaign = event.creative = event.slot = slice_cstr(id);
    assert_int_equal(record_event(*state, &event), LEDGER_COUNTED);
    assert_int_equal(redis_fixture_number(
                         &server, "HGET ad:count:{%s}:2026112312 %s|%s|impressions", id, id, id),
                     1);
}

/* ---- Without a spool what Redis does not take has failed ---- */

static void a_lost_event_fails(void **state)
{
    struct bench *bench = *state;
    static const struct fake_line breaks[] = {{"EVALSHA", NULL, 0, true}, {0}};
    struct ledger_event event = event_of(EVENT_IMPRESSION, 0);
    struct outcome outcome = {0};
    fake_redis_script(bench->fake, breaks);
    ledger_record(bench->ledger, &event, note, &outcome);
    run_until(bench->loop, has_ended, &outcome, 1000);
    assert_int_equal(outcome.result, LEDGER_FAILED);
}

static void what_follows_a_lost_event_counts(void **state)
{
    struct bench *bench = *state;
    struct ledger_event event = event_of(EVENT_IMPRESSION, 0);
    struct outcome outcome = {0};
    assert_int_equal(record(bench, EVENT_IMPRESSION, 1), LEDGER_COUNTED);
    redis_fixture_say(&server, "CONFIG SET maxmemory 1");
    ledger_record(bench->ledger, &event, note, &outcome);
    run_until(bench->loop, has_ended, &outcome, PATIENCE_MS);
    assert_int_equal(outcome.result, LEDGER_FAILED);
    redis_fixture_say(&server, "CONFIG SET maxmemory 0");
    assert_int_equal(record(bench, EVENT_IMPRESSION, 2), LEDGER_COUNTED);
    assert_int_equal(record(bench, EVENT_IMPRESSION, 0), LEDGER_COUNTED);
    assert_count("impressions", 3);
    assert_count("duplicate", 0);
}

static void clicks_without_impression_can_be_kept_apart(void **state)
{
    struct bench *bench = *state, strict = *bench;
    struct ledger_config config = {.loop = bench->loop,
                                   .redis = bench->redis,
                                   .clock = &clock_system,
                                   .prefix = SLICE("ad:"),
                                   .page_ttl_ms = TTL_MS,
                                   .refuse_without_impression = true};
    strict.ledger = ledger_new(&config);
    assert_int_equal(record(&strict, EVENT_CLICK, 0), LEDGER_NO_IMPRESSION);
    assert_int_equal(record(&strict, EVENT_IMPRESSION, 0), LEDGER_COUNTED);
    assert_int_equal(record(&strict, EVENT_CLICK, 0), LEDGER_COUNTED);
    assert_int_equal(record(&strict, EVENT_CLICK, 0), LEDGER_DUPLICATE);
    assert_count("clicks", 1);
    assert_count("no_impression", 1);
    ledger_free(strict.ledger);
}

static bool waits(void *arg)
{
    return *(bool *)arg;
}

/* Its impression may be among them: Redis has not heard of it yet. */
static void clicks_are_not_kept_apart_while_impressions_wait(void **state)
{
    struct bench *bench = *state, strict = *bench;
    bool waiting = true;
    struct ledger_config config = {.loop = bench->loop,
                                   .redis = bench->redis,
                                   .clock = &clock_system,
                                   .prefix = SLICE("ad:"),
                                   .page_ttl_ms = TTL_MS,
                                   .refuse_without_impression = true,
                                   .waiting = waits,
                                   .arg = &waiting};
    strict.ledger = ledger_new(&config);
    assert_int_equal(record(&strict, EVENT_CLICK, 0), LEDGER_COUNTED_IMPLIED);
    waiting = false;
    assert_int_equal(record(&strict, EVENT_CLICK, 1), LEDGER_NO_IMPRESSION);
    assert_count("clicks", 1);
    assert_count("impressions", 1);
    ledger_free(strict.ledger);
}

static void an_absent_redis_fails_at_once(void **state)
{
    struct bench *bench = *state;
    static const struct fake_line loads[] = {{"PING", "-LOADING\r\n", 0, false}, {0}};
    struct ledger_event event = event_of(EVENT_IMPRESSION, 0);
    struct outcome outcome = {0};
    fake_redis_script(bench->fake, loads);
    fake_redis_hang_up(bench->fake);
    run_until(bench->loop, is_down, bench, PATIENCE_MS);
    ledger_record(bench->ledger, &event, note, &outcome);
    run_until(bench->loop, has_ended, &outcome, 50);
    assert_int_equal(outcome.result, LEDGER_FAILED);
}

static void freeing_ends_open_events(void **state)
{
    struct bench *bench = *state;
    static const struct fake_line silent[] = {{"EVALSHA", NULL, 0, false}, {0}};
    struct ledger_event event = event_of(EVENT_IMPRESSION, 0);
    struct outcome outcome = {0}, flushed = {0};
    fake_redis_script(bench->fake, silent);
    ledger_record(bench->ledger, &event, note, &outcome);
    ledger_add_serve(bench->ledger, EVENT_COUNTS, SLICE("a"), SLICE("b"), SLICE("c"), NOW_US);
    ledger_flush(bench->ledger, note, &flushed);
    run_for(bench->loop, 20);
    ledger_free(bench->ledger);
    bench->ledger = NULL;
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.result, LEDGER_FAILED);
    assert_int_equal(flushed.calls, 1);
    assert_int_equal(flushed.result, LEDGER_FAILED);
    fake_redis_push(bench->fake, ":1\r\n:1\r\n", 8);
    run_for(bench->loop, 20);
    assert_int_equal(outcome.calls, 1);
}

/* ---- Serves ---- */

static enum ledger_result flush(struct bench *bench)
{
    struct outcome outcome = {0};
    ledger_flush(bench->ledger, note, &outcome);
    assert_int_equal(outcome.calls, 0);
    run_until(bench->loop, has_ended, &outcome, PATIENCE_MS);
    return outcome.result;
}

static void serve(struct bench *bench, const char *campaign, const char *creative, unsigned n,
                  int64_t now_us)
{
    for (unsigned i = 0; i < n; i++)
        ledger_add_serve(bench->ledger, EVENT_COUNTS, slice_cstr(campaign), slice_cstr(creative),
                         SLICE("header"), now_us);
}

static void serves_add_up_and_are_written(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(flush(bench), LEDGER_COUNTED);
    serve(bench, "spring", "spring-970", 5, NOW_US);
    serve(bench, "spring", "spring-728", 2, NOW_US);
    serve(bench, "spring", "spring-970", 1, NOW_US - 1);
    serve(bench, "autumn", "spring-970", 7, NOW_US);
    assert_int_equal(flush(bench), LEDGER_COUNTED);
    serve(bench, "spring", "spring-970", 3, NOW_US);
    assert_int_equal(flush(bench), LEDGER_COUNTED);
    assert_int_equal(redis_fixture_number(&server, "HGET " COUNTS " spring-970|header|serves"), 8);
    assert_int_equal(redis_fixture_number(&server, "HGET " COUNTS " spring-728|header|serves"), 2);
    assert_int_equal(
        redis_fixture_number(&server, "HGET ad:count:{spring}:2026112311 spring-970|header|serves"),
        1);
    assert_int_equal(redis_fixture_number(&server, "HGET " TOTALS " serves"), 11);
    assert_int_equal(redis_fixture_number(&server, "HGET ad:total:{autumn} serves"), 7);
}

/* A metric of its own in the hour and in the sum, with the words that events have. */
static void serves_that_do_not_count_are_kept_apart(void **state)
{
    struct bench *bench = *state;
    serve(bench, "spring", "spring-970", 5, NOW_US);
    for (enum event_filter filter = EVENT_COUNTS + 1; filter < EVENT_FILTER_COUNT; filter++)
        for (unsigned i = 0; i <= filter; i++)
            ledger_add_serve(bench->ledger, filter, SLICE("spring"), SLICE("spring-970"),
                             SLICE("header"), NOW_US);
    assert_int_equal(flush(bench), LEDGER_COUNTED);
    for (enum event_filter filter = EVENT_COUNTS + 1; filter < EVENT_FILTER_COUNT; filter++) {
        const char *word = event_filter_rows[filter].word;
        assert_int_equal(redis_fixture_number(&server, "HGET " TOTALS " serves_%s", word),
                         filter + 1);
        assert_int_equal(
            redis_fixture_number(&server, "HGET " COUNTS " spring-970|header|serves_%s", word),
            filter + 1);
    }
    assert_int_equal(redis_fixture_number(&server, "HGET " TOTALS " serves"), 5);
    assert_int_equal(redis_fixture_number(&server, "HGET " COUNTS " spring-970|header|serves"), 5);
}

static bool serves_are_there(void *arg)
{
    (void)arg;
    return redis_fixture_number(&server, "HGET " TOTALS " serves") == 1;
}

static void serves_are_written_without_being_asked(void **state)
{
    struct bench *bench = *state;
    serve(bench, "spring", "spring-970", 1, NOW_US);
    run_until(bench->loop, serves_are_there, NULL, 5 * LEDGER_FLUSH_MS);
}

static void many_fields_are_written_in_several_calls(void **state)
{
    struct bench *bench = *state;
    char creative[32];
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(creative, sizeof creative, "c%u", i);
        serve(bench, "spring", creative, 2, NOW_US);
    }
    assert_int_equal(flush(bench), LEDGER_COUNTED);
    assert_int_equal(redis_fixture_number(&server, "HLEN " COUNTS), 1000);
    assert_int_equal(redis_fixture_number(&server, "HGET " TOTALS " serves"), 2000);
}

static void serves_wait_for_redis_and_count_once(void **state)
{
    struct bench *bench = *state;
    serve(bench, "spring", "spring-970", 5, NOW_US);
    redis_fixture_freeze(&server);
    struct outcome outcome = {0};
    ledger_flush(bench->ledger, note, &outcome);
    run_until(bench->loop, is_down, bench, PATIENCE_MS);
    serve(bench, "spring", "spring-970", 3, NOW_US);
    run_until(bench->loop, has_ended, &outcome, PATIENCE_MS); /* once the connection is dropped */
    assert_int_equal(outcome.result, LEDGER_FAILED);
    redis_fixture_thaw(&server);
    run_until(bench->loop, is_up, bench, 2000);
    assert_int_equal(flush(bench), LEDGER_COUNTED);
    assert_int_equal(redis_fixture_number(&server, "HGET " COUNTS " spring-970|header|serves"), 8);
    assert_int_equal(redis_fixture_number(&server, "HGET " TOTALS " serves"), 8);
}

static void a_field_without_a_number_costs_only_itself(void **state)
{
    struct bench *bench = *state;
    redis_fixture_say(&server, "HSET " COUNTS " spring-970|header|serves many");
    serve(bench, "spring", "spring-970", 5, NOW_US);
    serve(bench, "spring", "spring-728", 2, NOW_US);
    assert_int_equal(flush(bench), LEDGER_COUNTED);
    assert_int_equal(redis_fixture_number(&server, "HGET " COUNTS " spring-728|header|serves"), 2);
    redis_fixture_say(&server, "DEL " COUNTS);
    redis_fixture_say(&server, "LPUSH " COUNTS " x");
    serve(bench, "spring", "spring-970", 5, NOW_US);
    assert_int_equal(flush(bench), LEDGER_COUNTED);
}

static void a_batch_is_tried_until_redis_takes_it(void **state)
{
    struct bench *bench = *state;
    redis_fixture_say(&server, "CONFIG SET maxmemory 1");
    serve(bench, "spring", "spring-970", 5, NOW_US);
    assert_int_equal(flush(bench), LEDGER_FAILED);
    serve(bench, "spring", "spring-970", 5, NOW_US);
    redis_fixture_say(&server, "CONFIG SET maxmemory 0");
    assert_int_equal(flush(bench), LEDGER_COUNTED);
    assert_int_equal(redis_fixture_number(&server, "HGET " TOTALS " serves"), 10);
}

static void serves_held_are_limited(void **state)
{
    struct bench *bench = *state;
    static const struct fake_line loads[] = {{"PING", "-LOADING\r\n", 0, false}, {0}};
    char creative[32];
    fake_redis_script(bench->fake, loads);
    fake_redis_hang_up(bench->fake);
    run_until(bench->loop, is_down, bench, PATIENCE_MS);
    log_setup(LOG_ERROR + 1, LOG_LOGFMT); /* it says so; that is not for this screen */
    for (unsigned i = 0; i < LEDGER_PENDING_MAX + 1000; i++) {
        (void)snprintf(creative, sizeof creative, "c%u", i);
        serve(bench, "spring", creative, 1, NOW_US);
    }
    log_setup(LOG_ERROR, LOG_LOGFMT);
    assert_int_equal(flush(bench), LEDGER_FAILED);
}

static bool has_no_trouble(void *arg)
{
    return ledger_trouble(((struct bench *)arg)->ledger)[0] == '\0';
}

static void a_redis_that_refuses_is_told_of_until_it_takes_events(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(record(bench, EVENT_IMPRESSION, 0), LEDGER_COUNTED);
    assert_true(has_no_trouble(bench));
    redis_fixture_say(&server, "CONFIG SET maxmemory 1");
    assert_int_equal(record(bench, EVENT_IMPRESSION, 1), LEDGER_FAILED);
    assert_true(strncmp(ledger_trouble(bench->ledger), "OOM ", 4) == 0);
    redis_fixture_say(&server, "CONFIG SET maxmemory 0");
    run_until(bench->loop, has_no_trouble, bench, PATIENCE_MS);
    assert_int_equal(record(bench, EVENT_IMPRESSION, 1), LEDGER_COUNTED);
    assert_true(has_no_trouble(bench));
}

/* A field without a number is one campaign's trouble, not Redis's. */
static void spoiled_counts_are_no_trouble(void **state)
{
    struct bench *bench = *state;
    redis_fixture_say(&server, "HSET " TOTALS " impressions x");
    assert_int_equal(record(bench, EVENT_IMPRESSION, 0), LEDGER_FAILED);
    assert_true(has_no_trouble(bench));
}

static void it_may_end_while_redis_refuses(void **state)
{
    struct bench *bench = *state;
    redis_fixture_say(&server, "CONFIG SET maxmemory 1");
    assert_int_equal(record(bench, EVENT_IMPRESSION, 0), LEDGER_FAILED);
    redis_fixture_say(&server, "CONFIG SET maxmemory 0");
}

#define ON_REDIS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define ON_FAKE(test)  cmocka_unit_test_setup_teardown(test, setup_fake, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_REDIS(an_event_counts_once),
        ON_REDIS(a_click_implies_its_impression),
        ON_REDIS(a_viewable_implies_its_impression),
        ON_REDIS(what_is_filtered_counts_under_its_word_alone),
        ON_REDIS(an_event_counts_in_its_hour),
        ON_REDIS(counts_pass_the_bounds_of_floating_point),
        ON_REDIS(a_count_at_its_end_or_edited_takes_nothing_back),
        ON_REDIS(what_redis_refuses_has_failed),
        ON_REDIS(fifty_at_once_from_two_connections_count_once),
        ON_REDIS(names_are_as_long_as_ids_may_be),
        ON_FAKE(a_lost_event_fails),
        ON_REDIS(what_follows_a_lost_event_counts),
        ON_REDIS(clicks_without_impression_can_be_kept_apart),
        ON_REDIS(clicks_are_not_kept_apart_while_impressions_wait),
        ON_FAKE(an_absent_redis_fails_at_once),
        ON_FAKE(freeing_ends_open_events),
        ON_REDIS(serves_add_up_and_are_written),
        ON_REDIS(serves_that_do_not_count_are_kept_apart),
        ON_REDIS(serves_are_written_without_being_asked),
        ON_REDIS(many_fields_are_written_in_several_calls),
        ON_REDIS(serves_wait_for_redis_and_count_once),
        ON_REDIS(a_field_without_a_number_costs_only_itself),
        ON_REDIS(a_batch_is_tried_until_redis_takes_it),
        ON_REDIS(a_redis_that_refuses_is_told_of_until_it_takes_events),
        ON_REDIS(spoiled_counts_are_no_trouble),
        ON_REDIS(it_may_end_while_redis_refuses),
        ON_FAKE(serves_held_are_limited),
    };
    log_setup(LOG_ERROR, LOG_LOGFMT);
    return cmocka_run_group_tests(tests, redis_fixture_group_setup, redis_fixture_group_teardown);
}
