#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/loop.h"

/* What the callbacks of a test share: a loop, and the order in which things happened. */
struct scene {
    struct loop *loop;
    struct loop_timer *timers[3];
    char order[16];
    size_t len;
    int64_t seen_us[2];
};

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->loop = loop_new();
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 3; i++)
        loop_timer_free(scene->timers[i]);
    loop_free(scene->loop);
    free(scene);
    return 0;
}

static void note(struct scene *scene, char what)
{
    assert_true(scene->len + 1 < sizeof scene->order);
    scene->order[scene->len++] = what;
}

static void on_a(void *arg)
{
    note(arg, 'a');
}

static void on_b(void *arg)
{
    note(arg, 'b');
}

static void on_stop(void *arg)
{
    struct scene *scene = arg;
    note(scene, '.');
    loop_stop(scene->loop);
}

static void test_timers_run_in_the_order_they_are_due(void **state)
{
    struct scene *scene = *state;
    scene->timers[0] = loop_timer_new(scene->loop, on_a, scene);
    scene->timers[1] = loop_timer_new(scene->loop, on_b, scene);
    scene->timers[2] = loop_timer_new(scene->loop, on_stop, scene);
    loop_timer_set(scene->timers[2], 60 * US_PER_MS);
    loop_timer_set(scene->timers[0], 30 * US_PER_MS);
    loop_timer_set(scene->timers[1], 0);
    loop_run(scene->loop);
    assert_string_equal(scene->order, "ba.");
}

static void test_a_timer_moves_and_rests(void **state)
{
    struct scene *scene = *state;
    scene->timers[0] = loop_timer_new(scene->loop, on_a, scene);
    scene->timers[1] = loop_timer_new(scene->loop, on_b, scene);
    scene->timers[2] = loop_timer_new(scene->loop, on_stop, scene);
    loop_timer_set(scene->timers[0], 1 * US_PER_SECOND);
    loop_timer_set(scene->timers[0], 0);
    loop_timer_set(scene->timers[1], 0);
    loop_timer_clear(scene->timers[1]);
    loop_timer_set(scene->timers[2], 30 * US_PER_MS);
    loop_run(scene->loop);
    assert_string_equal(scene->order, "a.");
}

static void *wake_thrice(void *arg)
{
    for (int i = 0; i < 3; i++)
        loop_waker_wake(arg);
    return NULL;
}

static void test_another_thread_wakes_the_loop(void **state)
{
    struct scene *scene = *state;
    struct loop_waker *waker = loop_waker_new(scene->loop, on_stop, scene);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake_thrice, waker), 0);
    loop_run(scene->loop); /* waits until it is woken */
    assert_int_equal(pthread_join(thread, NULL), 0);
    loop_waker_wake(waker);
    loop_waker_wake(waker);
    loop_run(scene->loop);
    assert_int_equal(scene->len, 2); /* wakes that were not seen yet are one */
    loop_waker_wake(waker);
    loop_waker_free(waker); /* what has not been looked at is forgotten */
    scene->timers[2] = loop_timer_new(scene->loop, on_stop, scene);
    loop_timer_set(scene->timers[2], 0);
    loop_run(scene->loop);
    assert_int_equal(scene->len, 3);
}

static void on_free_self(void *arg)
{
    struct scene *scene = arg;
    loop_timer_free(scene->timers[0]);
    scene->timers[0] = NULL;
    note(scene, 'f');
}

static void test_a_timer_may_free_itself(void **state)
{
    struct scene *scene = *state;
    scene->timers[0] = loop_timer_new(scene->loop, on_free_self, scene);
    scene->timers[2] = loop_timer_new(scene->loop, on_stop, scene);
    loop_timer_set(scene->timers[0], 0);
    loop_timer_set(scene->timers[2], 20 * US_PER_MS);
    loop_run(scene->loop);
    assert_string_equal(scene->order, "f.");
}

static void on_later_again(void *arg)
{
    struct scene *scene = arg;
    note(scene, 'l');
    loop_later(scene->loop, on_stop, scene);
}

static void on_timer_then_later(void *arg)
{
    struct scene *scene = arg;
    loop_later(scene->loop, on_later_again, scene);
    note(scene, 't');
}

static void test_later_comes_after_the_callback_that_asked(void **state)
{
    struct scene *scene = *state;
    scene->timers[0] = loop_timer_new(scene->loop, on_timer_then_later, scene);
    loop_timer_set(scene->timers[0], 0);
    loop_run(scene->loop);
    assert_string_equal(scene->order, "tl.");
}

static void test_later_needs_no_event(void **state)
{
    struct scene *scene = *state;
    loop_later(scene->loop, on_a, scene);
    loop_later(scene->loop, on_stop, scene);
    assert_string_equal(scene->order, "");
    loop_run(scene->loop);
    assert_string_equal(scene->order, "a.");
}

static void test_what_is_left_for_later_goes_with_the_loop(void **state)
{
    struct scene *scene = *state;
    loop_later(scene->loop, on_a, scene); /* a leak would be seen by the sanitizer */
}

static void test_a_loop_runs_again(void **state)
{
    struct scene *scene = *state;
    loop_later(scene->loop, on_stop, scene);
    loop_run(scene->loop);
    loop_later(scene->loop, on_stop, scene);
    loop_run(scene->loop);
    assert_string_equal(scene->order, "..");
}

static void on_look(void *arg)
{
    struct scene *scene = arg;
    scene->seen_us[0] = loop_now_us(scene->loop);
    while (clock_mono_us(&clock_system) < scene->seen_us[0] + 2 * US_PER_MS)
        continue;
    assert_int_equal(loop_now_us(scene->loop), scene->seen_us[0]);
    loop_timer_set(scene->timers[1], 0);
}

static void on_look_again(void *arg)
{
    struct scene *scene = arg;
    scene->seen_us[1] = loop_now_us(scene->loop);
    loop_stop(scene->loop);
}

static void test_time_stands_still_within_a_turn_only(void **state)
{
    struct scene *scene = *state;
    scene->timers[0] = loop_timer_new(scene->loop, on_look, scene);
    scene->timers[1] = loop_timer_new(scene->loop, on_look_again, scene);
    int64_t before_us = loop_now_us(scene->loop) + 1;
    while (clock_mono_us(&clock_system) < before_us)
        continue; /* what the loop has read is old now */
    loop_timer_set(scene->timers[0], 0);
    loop_run(scene->loop);
    assert_true(scene->seen_us[0] >= before_us);
    assert_true(scene->seen_us[1] >= scene->seen_us[0] + 2 * US_PER_MS);
}

static void on_raise(void *arg)
{
    (void)arg;
    assert_int_equal(raise(SIGUSR1), 0);
}

static void test_signals(void **state)
{
    struct scene *scene = *state;
    scene->timers[0] = loop_timer_new(scene->loop, on_raise, scene);
    loop_on_signal(scene->loop, SIGUSR1, on_a, scene);
    loop_on_signal(scene->loop, SIGUSR1, on_stop, scene);
    loop_timer_set(scene->timers[0], 0);
    loop_run(scene->loop);
    assert_int_equal(scene->len, 2); /* in any order: stopping swallows nothing */
    assert_non_null(strchr(scene->order, 'a'));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

/* ---- What turns take --------------------------------------------------------------------------
 */

static void note_turn(int64_t us, void *arg)
{
    struct scene *scene = arg;
    if (us > scene->seen_us[0])
        scene->seen_us[0] = us;
    scene->seen_us[1]++;
}

/* Keeps the loop busy for 20 ms. */
static void on_busy(void *arg)
{
    struct scene *scene = arg;
    int64_t until_us = clock_mono_us(&clock_system) + 20 * US_PER_MS;
    while (clock_mono_us(&clock_system) < until_us)
        continue;
    loop_stop(scene->loop);
}

static void a_turn_takes_as_long_as_its_work_and_not_as_its_wait(void **state)
{
    struct scene *scene = *state;
    loop_on_turn(scene->loop, note_turn, scene);
    scene->timers[0] = loop_timer_new(scene->loop, on_stop, scene);
    int64_t began_us = clock_mono_us(&clock_system); /* before the wait, which is part of it */
    loop_timer_set(scene->timers[0], 300 * US_PER_MS);
    loop_run(scene->loop);
    int64_t took_us = clock_mono_us(&clock_system) - began_us;
    assert_int_equal(scene->seen_us[1], 1);
    assert_true(scene->seen_us[0] <= took_us - 290 * US_PER_MS); /* libevent's clock is coarse */
    scene->timers[1] = loop_timer_new(scene->loop, on_busy, scene);
    loop_timer_set(scene->timers[1], 0);
    loop_run(scene->loop);
    assert_int_equal(scene->seen_us[1], 2);
    assert_true(scene->seen_us[0] >= 20 * US_PER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_turn_takes_as_long_as_its_work_and_not_as_its_wait),
        TEST(test_timers_run_in_the_order_they_are_due),
        TEST(test_a_timer_moves_and_rests),
        TEST(test_another_thread_wakes_the_loop),
        TEST(test_a_timer_may_free_itself),
        TEST(test_later_comes_after_the_callback_that_asked),
        TEST(test_later_needs_no_event),
        TEST(test_what_is_left_for_later_goes_with_the_loop),
        TEST(test_a_loop_runs_again),
        TEST(test_time_stands_still_within_a_turn_only),
        TEST(test_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
