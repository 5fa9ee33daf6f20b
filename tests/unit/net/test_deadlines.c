#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/deadlines.h"
#include "net/loop.h"

#define LENGTH_US (80 * US_PER_MS)
#define SLACK_US  (8 * US_PER_MS)
#define COARSE_US (12 * US_PER_MS) /* libevent's clock and epoll's milliseconds, each way */
#define HELD_US   (20 * US_PER_MS) /* longer between two turns: the machine was busy elsewhere */
#define ENTRIES   200              /* more than are called in one turn */

struct scene {
    struct loop *loop;
    struct deadlines *queue, *other;
    struct loop_timer *timer, *latest;
    struct loop_timer *pulse; /* each millisecond, as far as the machine lets it */
    int64_t beat_us, held_us; /* the last time; for how long it did not */
    struct deadline entries[ENTRIES];
    int64_t start_us;
    int64_t called_us[ENTRIES]; /* 0: not */
    size_t calls, wanted;
    struct deadline *again; /* set once more by the first call */
};

static void on_due(struct deadline *deadline, void *context)
{
    struct scene *scene = context;
    size_t index = (size_t)(deadline - scene->entries);
    assert_null(deadline->queue);
    scene->called_us[index] = clock_mono_us(&clock_system);
    if (scene->again) {
        deadline_set(scene->queue, scene->again);
        scene->again = NULL;
    }
    if (++scene->calls == scene->wanted)
        loop_stop(scene->loop);
}

static void count_what_held(struct scene *scene)
{
    int64_t now_us = clock_mono_us(&clock_system), gap_us = now_us - scene->beat_us;
    scene->held_us += gap_us > HELD_US ? gap_us : 0;
    scene->beat_us = now_us;
}

static void on_pulse(void *arg)
{
    struct scene *scene = arg;
    count_what_held(scene);
    loop_timer_set(scene->pulse, US_PER_MS);
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->loop = loop_new();
    scene->queue = deadlines_new(scene->loop, LENGTH_US, SLACK_US, on_due, scene);
    scene->pulse = loop_timer_new(scene->loop, on_pulse, scene);
    loop_timer_set(scene->pulse, 0);
    scene->start_us = scene->beat_us = clock_mono_us(&clock_system);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    deadlines_free(scene->queue);
    deadlines_free(scene->other);
    loop_timer_free(scene->timer);
    loop_timer_free(scene->latest);
    loop_timer_free(scene->pulse);
    loop_free(scene->loop);
    free(scene);
    return 0;
}

static void run(struct scene *scene, size_t wanted)
{
    scene->wanted = wanted;
    loop_run(scene->loop);
    count_what_held(scene);
    assert_int_equal(scene->calls, wanted);
}

/* No later than that but for what the machine held up. */
static void assert_called_at(const struct scene *scene, size_t index, int64_t after_us)
{
    int64_t waited_us = scene->called_us[index] - scene->start_us;
    assert_true(waited_us >= after_us);
    assert_true(waited_us <= after_us + SLACK_US + COARSE_US + HELD_US + scene->held_us);
}

static void test_each_entry_comes_due_once(void **state)
{
    struct scene *scene = *state;
    for (size_t i = 0; i < ENTRIES; i++)
        deadline_set(scene->queue, &scene->entries[i]);
    run(scene, ENTRIES);
    for (size_t i = 0; i < ENTRIES; i++)
        assert_called_at(scene, i, LENGTH_US);
}

static void on_stop(void *arg)
{
    struct scene *scene = arg;
    loop_stop(scene->loop);
}

static void test_a_cleared_entry_does_not(void **state)
{
    struct scene *scene = *state;
    deadline_set(scene->queue, &scene->entries[0]);
    deadline_set(scene->queue, &scene->entries[1]);
    deadline_clear(&scene->entries[0]);
    deadline_clear(&scene->entries[0]);
    scene->timer = loop_timer_new(scene->loop, on_stop, scene);
    loop_timer_set(scene->timer, 2 * LENGTH_US);
    loop_run(scene->loop);
    count_what_held(scene);
    assert_int_equal(scene->calls, 1);
    assert_int_equal(scene->called_us[0], 0);
    assert_called_at(scene, 1, LENGTH_US);
}

static void on_restart(void *arg)
{
    struct scene *scene = arg;
    deadline_set(scene->queue, &scene->entries[0]);
}

static void test_setting_again_starts_the_wait_again(void **state)
{
    struct scene *scene = *state;
    deadline_set(scene->queue, &scene->entries[0]);
    deadline_set(scene->queue, &scene->entries[1]);
    scene->timer = loop_timer_new(scene->loop, on_restart, scene);
    loop_timer_set(scene->timer, LENGTH_US / 2);
    run(scene, 2);
    assert_called_at(scene, 1, LENGTH_US);
    assert_called_at(scene, 0, LENGTH_US + LENGTH_US / 2 - COARSE_US);
    assert_true(scene->called_us[0] > scene->called_us[1]);
}

static void test_an_entry_moves_to_another_queue(void **state)
{
    struct scene *scene = *state;
    scene->other = deadlines_new(scene->loop, LENGTH_US / 4, 0, on_due, scene);
    deadline_set(scene->queue, &scene->entries[0]);
    deadline_set(scene->other, &scene->entries[0]);
    assert_ptr_equal(scene->entries[0].queue, scene->other);
    run(scene, 1);
    assert_called_at(scene, 0, LENGTH_US / 4);
}

static void test_a_call_may_set_its_own_entry(void **state)
{
    struct scene *scene = *state;
    scene->again = &scene->entries[0];
    deadline_set(scene->queue, &scene->entries[0]);
    run(scene, 2);
    assert_called_at(scene, 0, 2 * LENGTH_US);
}

static void on_latest(void *arg)
{
    const struct scene *scene = arg;
    assert_true(scene->called_us[1] != 0);
}

/* A timer of the loop is held up by a busy machine as the queue is, and is due behind it. */
static void on_second(void *arg)
{
    struct scene *scene = arg;
    deadline_set(scene->queue, &scene->entries[1]);
    loop_timer_set(scene->latest, LENGTH_US + SLACK_US + COARSE_US);
}

static void test_an_entry_set_in_a_call_delays_nobody(void **state)
{
    struct scene *scene = *state;
    scene->again = &scene->entries[0];
    deadline_set(scene->queue, &scene->entries[0]);
    scene->timer = loop_timer_new(scene->loop, on_second, scene);
    scene->latest = loop_timer_new(scene->loop, on_latest, scene);
    loop_timer_set(scene->timer, LENGTH_US / 2);
    run(scene, 3);
}

static void test_a_freed_queue_lets_its_entries_go(void **state)
{
    struct scene *scene = *state;
    deadline_set(scene->queue, &scene->entries[0]);
    deadlines_free(scene->queue);
    scene->queue = NULL;
    assert_null(scene->entries[0].queue);
    deadline_clear(&scene->entries[0]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_entry_comes_due_once),
        TEST(test_a_cleared_entry_does_not),
        TEST(test_setting_again_starts_the_wait_again),
        TEST(test_an_entry_moves_to_another_queue),
        TEST(test_a_call_may_set_its_own_entry),
        TEST(test_an_entry_set_in_a_call_delays_nobody),
        TEST(test_a_freed_queue_lets_its_entries_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
