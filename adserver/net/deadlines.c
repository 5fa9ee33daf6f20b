#include "net/deadlines.h"

#include <stdlib.h>

#include "base/check.h"
#include "net/loop.h"

/*
 * The timer is left alone while entries come and go: once set it goes off, looks at the head and is
 * set again for it. So a connection that restarts its deadline a thousand times a second costs the
 * list two links each time and the timer nothing.
 */

/* A crowd that comes due together must not keep everybody else waiting: the rest is for next turn.
 */
#define DEADLINES_A_TURN 32

TAILQ_HEAD(deadline_list, deadline);

struct deadlines {
    struct loop *loop;
    struct loop_timer *timer;
    struct deadline_list entries; /* in the order they come due */
    int64_t length_us;
    int64_t slack_us;
    bool timer_set;
    deadline_fn *fn;
    void *context;
};

/* Not before the head is due, and late enough to take with it what comes due soon after. */
static void set_timer(struct deadlines *queue, const struct deadline *head)
{
    int64_t delay_us = head->due_us - loop_now_us(queue->loop);
    loop_timer_set(queue->timer, delay_us > 0 ? delay_us + queue->slack_us / 2 : 0);
    queue->timer_set = true;
}

static void on_timer(void *arg)
{
    struct deadlines *queue = arg;
    int64_t now_us = loop_now_us(queue->loop);
    struct deadline *head;
    for (int i = 0; i < DEADLINES_A_TURN; i++) {
        head = TAILQ_FIRST(&queue->entries);
        if (!head || head->due_us > now_us)
            break;
        deadline_clear(head);
        queue->fn(head, queue->context);
    }
    head = TAILQ_FIRST(&queue->entries);
    queue->timer_set = false;
    if (head)
        set_timer(queue, head);
}

struct deadlines *deadlines_new(struct loop *loop, int64_t length_us, int64_t slack_us,
                                deadline_fn *fn, void *context)
{
    CHECK(length_us > 0 && slack_us >= 0);
    struct deadlines *queue = check_calloc(1, sizeof *queue);
    queue->loop = loop;
    queue->timer = loop_timer_new(loop, on_timer, queue);
    queue->length_us = length_us;
    queue->slack_us = slack_us;
    queue->fn = fn;
    queue->context = context;
    TAILQ_INIT(&queue->entries);
    return queue;
}

void deadlines_free(struct deadlines *queue)
{
    if (!queue)
        return;
    while (!TAILQ_EMPTY(&queue->entries))
        deadline_clear(TAILQ_FIRST(&queue->entries));
    loop_timer_free(queue->timer);
    free(queue);
}

void deadline_set(struct deadlines *queue, struct deadline *deadline)
{
    deadline_clear(deadline);
    deadline->queue = queue;
    deadline->due_us = loop_now_us(queue->loop) + queue->length_us;
    TAILQ_INSERT_TAIL(&queue->entries, deadline, link);
    if (!queue->timer_set)
        set_timer(queue, deadline);
}

void deadline_clear(struct deadline *deadline)
{
    if (!deadline->queue)
        return;
    TAILQ_REMOVE(&deadline->queue->entries, deadline, link);
    deadline->queue = NULL;
}
