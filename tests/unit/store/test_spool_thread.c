/* The thread that waits for disks: what goes first, what comes back, and how it ends. */
#include <pthread.h>
#include <string.h>

#include "base/check.h"
#include "store/spool_thread.h"
#include "unit/store/unit.h"

#define PIECES_MAX 16

/* Held: tasks wait in their first piece. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

struct piece {
    struct spool_task task;
    char name;
    unsigned left; /* pieces to come */
    bool finished;
    bool hurried;
};

static char order[PIECES_MAX]; /* the thread's, until its tasks are finished */
static unsigned order_len;

static bool run_piece(struct spool_task *task, bool hurry)
{
    struct piece *piece = (struct piece *)task;
    CHECK(pthread_mutex_lock(&gate) == 0);
    CHECK(pthread_mutex_unlock(&gate) == 0);
    CHECK(order_len + 1 < PIECES_MAX);
    order[order_len++] = piece->name;
    piece->hurried = hurry;
    return --piece->left > 0 && !hurry;
}

static void finish_piece(struct spool_task *task)
{
    struct piece *piece = (struct piece *)task;
    piece->finished = true;
}

static struct piece piece_of(char name, unsigned pieces)
{
    return (struct piece){
        .task = {.run = run_piece, .finish = finish_piece}, .name = name, .left = pieces};
}

static bool is_finished(void *arg)
{
    const struct piece *piece = arg;
    return piece->finished;
}

static int set_up(void **state)
{
    *state = loop_new();
    memset(order, 0, sizeof order);
    order_len = 0;
    return 0;
}

static int tear_down(void **state)
{
    loop_free(*state);
    return 0;
}

static void test_urgent_tasks_go_between(void **state)
{
    struct loop *loop = *state;
    struct spool_thread *thread = spool_thread_new(loop);
    struct piece first = piece_of('f', 1), slow = piece_of('s', 2), later = piece_of('l', 1);
    struct piece urgent = piece_of('u', 2);
    CHECK(pthread_mutex_lock(&gate) == 0);
    spool_thread_give(thread, &first.task, true);
    spool_thread_give(thread, &slow.task, false);
    spool_thread_give(thread, &later.task, false);
    spool_thread_give(thread, &urgent.task, true);
    assert_false(first.finished);
    CHECK(pthread_mutex_unlock(&gate) == 0);
    run_until(loop, is_finished, &later, PATIENCE_MS);
    assert_true(first.finished && slow.finished && urgent.finished);
    assert_string_equal(order, "fuussl");
    assert_false(slow.hurried);
    assert_true(spool_thread_end(thread, PATIENCE_MS));
}

static struct spool_thread *given_to;
static struct piece last;

static void give_last(struct spool_task *task)
{
    finish_piece(task);
    spool_thread_give(given_to, &last.task, true);
}

static void test_the_end_waits_for_what_was_given(void **state)
{
    struct spool_thread *thread = given_to = spool_thread_new(*state);
    struct piece first = piece_of('1', 1);
    last = piece_of('2', 5);
    first.task.finish = give_last;
    spool_thread_give(thread, &first.task, true);
    assert_true(spool_thread_end(thread, PATIENCE_MS));
    assert_true(first.finished && last.finished);
    assert_true(last.hurried);
    assert_string_equal(order, "12");
}

static void test_a_thread_that_hangs_is_left_behind(void **state)
{
    static struct spool_thread *left; /* so that its memory is not taken for lost */
    static struct piece hangs;
    hangs = piece_of('h', 1);
    left = spool_thread_new(*state);
    CHECK(pthread_mutex_lock(&gate) == 0);
    spool_thread_give(left, &hangs.task, true);
    assert_false(spool_thread_end(left, 0));
    assert_false(hangs.finished);
    CHECK(pthread_mutex_unlock(&gate) == 0);
    run_for(*state, 5); /* it ends its task, and wakes nobody */
    assert_false(hangs.finished);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_urgent_tasks_go_between),
        TEST(test_the_end_waits_for_what_was_given),
        TEST(test_a_thread_that_hangs_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
