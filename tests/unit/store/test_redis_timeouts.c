#include "unit/store/unit.h"

#include "base/clock.h"
#include "store/redis_timeouts.h"

#define COUNT 12

static const unsigned lengths_ms[COUNT] = {1, 2, 5, 31, 32, 33, 50, 63, 100, 127, 200, 300};

struct one {
    struct redis_timeout timeout;
    unsigned length_ms;
    int64_t set_us;
    unsigned ended;
};

struct bench {
    struct loop *loop;
    struct redis_timeouts *timeouts;
    struct one one[COUNT];
    unsigned ended;
};

/* Never earlier by a sixteenth, in the loop's own time; later is the machine's own slowness. */
static void on_timeout(struct redis_timeout *timeout, void *context)
{
    struct bench *bench = context;
    struct one *one = (struct one *)timeout;
    int64_t took_us = loop_now_us(bench->loop) - one->set_us;
    int64_t length_us = one->length_ms * US_PER_MS;
    one->ended++;
    bench->ended++;
    assert_true(took_us >= length_us - length_us / 16);
    assert_null(timeout->list);
}

static int setup(void **state)
{
    static struct bench bench;
    bench = (struct bench){.loop = loop_new()};
    bench.timeouts = redis_timeouts_new(bench.loop, on_timeout, &bench);
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    redis_timeouts_free(bench->timeouts);
    loop_free(bench->loop);
    return 0;
}

static void set(struct bench *bench, unsigned i, unsigned length_ms)
{
    bench->one[i].length_ms = length_ms;
    bench->one[i].set_us = loop_now_us(bench->loop);
    redis_timeouts_set(bench->timeouts, &bench->one[i].timeout, length_ms);
}

static bool all_ended(void *arg)
{
    return ((struct bench *)arg)->ended == COUNT;
}

static void each_comes_due_once_whatever_the_order(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 0; i < COUNT; i++)
        set(bench, i, lengths_ms[COUNT - 1 - i]);
    run_until(bench->loop, all_ended, bench, PATIENCE_MS);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(bench->one[i].ended, 1);
}

static bool second_ended(void *arg)
{
    return ((struct bench *)arg)->one[1].ended > 0;
}

static void a_cleared_one_is_forgotten(void **state)
{
    struct bench *bench = *state;
    set(bench, 0, 5);
    set(bench, 1, 5);
    redis_timeout_clear(&bench->one[0].timeout);
    redis_timeout_clear(&bench->one[0].timeout);
    run_until(bench->loop, second_ended, bench, PATIENCE_MS);
    assert_int_equal(bench->one[0].ended, 0);
    assert_int_equal(bench->one[1].ended, 1);
    set(bench, 0, REDIS_TIMEOUT_MAX_MS);
    run_for(bench->loop, 30);
    assert_int_equal(bench->one[0].ended, 0);
}

static void a_shorter_one_set_later_comes_first(void **state)
{
    struct bench *bench = *state;
    set(bench, 0, REDIS_TIMEOUT_MAX_MS);
    run_for(bench->loop, 5);
    set(bench, 1, 5);
    run_until(bench->loop, second_ended, bench, PATIENCE_MS);
    assert_int_equal(bench->one[0].ended, 0);
    assert_int_equal(bench->one[1].ended, 1);
}

static struct bench *chained;

static void on_chain(struct redis_timeout *timeout, void *context)
{
    struct one *one = (struct one *)timeout;
    (void)context;
    if (++one->ended < 3)
        set(chained, 0, 2);
}

static bool chain_ended(void *arg)
{
    return ((struct bench *)arg)->one[0].ended == 3;
}

static void the_function_may_set_it_again(void **state)
{
    struct bench *bench = chained = *state;
    redis_timeouts_free(bench->timeouts);
    bench->timeouts = redis_timeouts_new(bench->loop, on_chain, bench);
    set(bench, 0, 2);
    run_until(bench->loop, chain_ended, bench, PATIENCE_MS);
    run_for(bench->loop, 10);
    assert_int_equal(bench->one[0].ended, 3);
}

#define ON_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_LOOP(each_comes_due_once_whatever_the_order),
        ON_LOOP(a_cleared_one_is_forgotten),
        ON_LOOP(a_shorter_one_set_later_comes_first),
        ON_LOOP(the_function_may_set_it_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
