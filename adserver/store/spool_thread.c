#include "store/spool_thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "net/loop.h"

STAILQ_HEAD(spool_tasks, spool_task);

struct spool_thread {
    struct loop_waker *waker;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t given;  /* there is work, or `over` */
    pthread_cond_t idle;   /* there is none; measured in monotonic time */
    struct spool_tasks urgent, others, done;
    unsigned at_work; /* tasks given and not done */
    bool hurry;       /* the process ends */
    bool over;        /* the thread is to end */
    bool left;        /* nobody will finish what is done */
};

/* ---- On the thread --------------------------------------------------------------------------- */

static struct spool_task *take(struct spool_tasks *tasks)
{
    struct spool_task *task = STAILQ_FIRST(tasks);
    if (task)
        STAILQ_REMOVE_HEAD(tasks, link);
    return task;
}

/* The next task, as soon as there is one; NULL at the end. The mutex is held. */
static struct spool_task *wait_for_task(struct spool_thread *thread, bool *ret_urgent)
{
    for (;;) {
        struct spool_task *task = take(&thread->urgent);
        *ret_urgent = task != NULL;
        if (!task)
            task = take(&thread->others);
        if (task || thread->over)
            return task;
        CHECK(pthread_cond_wait(&thread->given, &thread->mutex) == 0);
    }
}

static void put_back(struct spool_thread *thread, struct spool_task *task, bool urgent)
{
    if (urgent)
        STAILQ_INSERT_HEAD(&thread->urgent, task, link);
    else
        STAILQ_INSERT_HEAD(&thread->others, task, link);
}

static void hand_back(struct spool_thread *thread, struct spool_task *task)
{
    STAILQ_INSERT_TAIL(&thread->done, task, link);
    if (!thread->left)
        loop_waker_wake(thread->waker);
    if (--thread->at_work == 0)
        CHECK(pthread_cond_signal(&thread->idle) == 0);
}

static void *run(void *arg)
{
    struct spool_thread *thread = arg;
    struct spool_task *task;
    bool urgent;
    CHECK(pthread_mutex_lock(&thread->mutex) == 0);
    while ((task = wait_for_task(thread, &urgent)) != NULL) {
        bool hurry = thread->hurry;
        CHECK(pthread_mutex_unlock(&thread->mutex) == 0);
        bool more = task->run(task, hurry);
        CHECK(pthread_mutex_lock(&thread->mutex) == 0);
        if (more)
            put_back(thread, task, urgent);
        else
            hand_back(thread, task);
    }
    CHECK(pthread_mutex_unlock(&thread->mutex) == 0);
    return NULL;
}

/* ---- On the loop ----------------------------------------------------------------------------- */

static void finish_done(void *arg)
{
    struct spool_thread *thread = arg;
    struct spool_tasks done = STAILQ_HEAD_INITIALIZER(done);
    struct spool_task *task;
    CHECK(pthread_mutex_lock(&thread->mutex) == 0);
    STAILQ_CONCAT(&done, &thread->done);
    CHECK(pthread_mutex_unlock(&thread->mutex) == 0);
    while ((task = take(&done)) != NULL)
        task->finish(task);
}

/* Signals are the loop's. */
static void start(struct spool_thread *thread)
{
    sigset_t all, before;
    CHECK(sigfillset(&all) == 0 && pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    CHECK(pthread_create(&thread->thread, NULL, run, thread) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

struct spool_thread *spool_thread_new(struct loop *loop)
{
    struct spool_thread *thread = check_calloc(1, sizeof *thread);
    pthread_condattr_t monotonic;
    STAILQ_INIT(&thread->urgent);
    STAILQ_INIT(&thread->others);
    STAILQ_INIT(&thread->done);
    CHECK(pthread_condattr_init(&monotonic) == 0);
    CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_mutex_init(&thread->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&thread->given, NULL) == 0);
    CHECK(pthread_cond_init(&thread->idle, &monotonic) == 0);
    CHECK(pthread_condattr_destroy(&monotonic) == 0);
    thread->waker = loop_waker_new(loop, finish_done, thread);
    start(thread);
    return thread;
}

void spool_thread_give(struct spool_thread *thread, struct spool_task *task, bool urgent)
{
    CHECK(pthread_mutex_lock(&thread->mutex) == 0);
    CHECK(!thread->over);
    if (urgent)
        STAILQ_INSERT_TAIL(&thread->urgent, task, link);
    else
        STAILQ_INSERT_TAIL(&thread->others, task, link);
    thread->at_work++;
    CHECK(pthread_cond_signal(&thread->given) == 0);
    CHECK(pthread_mutex_unlock(&thread->mutex) == 0);
}

/* Whether all that was given is done by `until`. */
static bool wait_for_idle(struct spool_thread *thread, const struct timespec *until)
{
    int result = 0;
    CHECK(pthread_mutex_lock(&thread->mutex) == 0);
    thread->hurry = true;
    while (thread->at_work > 0 && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&thread->idle, &thread->mutex, until);
    bool idle = thread->at_work == 0;
    thread->left = !idle;
    CHECK(pthread_mutex_unlock(&thread->mutex) == 0);
    return idle;
}

/* Whether nothing is left to do, nor to finish: what finishes may give more. */
static bool is_through(struct spool_thread *thread)
{
    CHECK(pthread_mutex_lock(&thread->mutex) == 0);
    bool through = thread->at_work == 0 && STAILQ_EMPTY(&thread->done);
    thread->over = through;
    CHECK(pthread_cond_signal(&thread->given) == 0);
    CHECK(pthread_mutex_unlock(&thread->mutex) == 0);
    return through;
}

bool spool_thread_end(struct spool_thread *thread, int64_t wait_ms)
{
    struct timespec until;
    bool idle;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_sec += (time_t)(wait_ms / 1000);
    do {
        idle = wait_for_idle(thread, &until);
        finish_done(thread);
    } while (idle && !is_through(thread));
    loop_waker_free(thread->waker);
    if (!idle) {
        CHECK(pthread_detach(thread->thread) == 0);
        return false;
    }
    CHECK(pthread_join(thread->thread, NULL) == 0);
    CHECK(pthread_cond_destroy(&thread->given) == 0);
    CHECK(pthread_cond_destroy(&thread->idle) == 0);
    CHECK(pthread_mutex_destroy(&thread->mutex) == 0);
    free(thread);
    return true;
}
