/*
 * spool_thread: the one thread of a process that waits for disks, and what it is given to do.
 *
 * A task is handed over whole and handed back whole: between spool_thread_give() and `finish` its
 * memory, and all that it names, is the thread's. Urgent tasks go first, each kind in its order.
 */
#ifndef STORE_SPOOL_THREAD_H
#define STORE_SPOOL_THREAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct loop;
struct spool_thread;
struct spool_task;

/*
 * On the thread: a piece of the work. True: there is more, after what is more urgent. `hurry`: the
 * process ends; what need not be done now is left.
 */
typedef bool spool_task_run(struct spool_task *task, bool hurry);

/* On the loop, once the work is done. May free the task. */
typedef void spool_task_finish(struct spool_task *task);

struct spool_task {
    STAILQ_ENTRY(spool_task) link;
    spool_task_run *run;
    spool_task_finish *finish;
};

struct spool_thread *spool_thread_new(struct loop *loop);
void spool_thread_give(struct spool_thread *thread, struct spool_task *task, bool urgent);

/*
 * Lets the thread do all it was given, in a hurry, calls each `finish` (which may give more), and
 * frees it. False when it is not through within `wait_ms`: then it is left behind with the tasks it
 * has, none of which will be finished.
 */
bool spool_thread_end(struct spool_thread *thread, int64_t wait_ms);

#endif
