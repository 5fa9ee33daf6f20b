#include "net/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"

/*
 * The loop is ours and each turn is libevent's: wait, run what is ready, come back. Between two
 * turns stand the functions of loop_later() and the moment at which the cached time becomes old.
 */

struct later {
    STAILQ_ENTRY(later) link;
    loop_fn *fn;
    void *arg;
};

struct signal_hook {
    SLIST_ENTRY(signal_hook) link;
    struct event *event;
    loop_fn *fn;
    void *arg;
};

struct loop {
    struct event_base *base;
    STAILQ_HEAD(, later) laters;
    SLIST_HEAD(, signal_hook) signals;
    int64_t now_us;        /* 0: not asked yet in this turn */
    loop_turn_fn *on_turn; /* or NULL */
    void *on_turn_arg;
    bool stopped;
};

struct loop_timer {
    struct event event;
    struct loop *loop;
    loop_fn *fn;
    void *arg;
};

struct loop_waker {
    struct event event;
    int fd; /* an eventfd: counts the wakes that were not looked at */
    loop_fn *fn;
    void *arg;
};

struct loop *loop_new(void)
{
    struct loop *loop = check_calloc(1, sizeof *loop);
    struct event_config *config = event_config_new();
    CHECK(config != NULL);
    CHECK(event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST |
                                            EVENT_BASE_FLAG_NOLOCK) == 0);
    loop->base = event_base_new_with_config(config);
    CHECK(loop->base != NULL);
    event_config_free(config);
    STAILQ_INIT(&loop->laters);
    SLIST_INIT(&loop->signals);
    /* A peer that has closed is told by EPIPE, not by a signal that ends the process. */
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    struct later *later;
    while ((later = STAILQ_FIRST(&loop->laters)) != NULL) {
        STAILQ_REMOVE_HEAD(&loop->laters, link);
        free(later);
    }
    struct signal_hook *hook;
    while ((hook = SLIST_FIRST(&loop->signals)) != NULL) {
        SLIST_REMOVE_HEAD(&loop->signals, link);
        event_free(hook->event);
        free(hook);
    }
    event_base_free(loop->base);
    free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

/* Those that were there at the start; what they add themselves waits for the next turn. */
static void run_laters(struct loop *loop)
{
    STAILQ_HEAD(, later) due = STAILQ_HEAD_INITIALIZER(due);
    STAILQ_CONCAT(&due, &loop->laters);
    struct later *later;
    while ((later = STAILQ_FIRST(&due)) != NULL) {
        STAILQ_REMOVE_HEAD(&due, link);
        later->fn(later->arg);
        free(later);
    }
}

void loop_on_turn(struct loop *loop, loop_turn_fn *fn, void *arg)
{
    loop->on_turn = fn;
    loop->on_turn_arg = arg;
}

static void end_turn(struct loop *loop)
{
    if (loop->on_turn && loop->now_us != 0)
        loop->on_turn(clock_mono_us(&clock_system) - loop->now_us, loop->on_turn_arg);
    loop->now_us = 0;
}

void loop_run(struct loop *loop)
{
    loop->stopped = false;
    loop->now_us = 0;
    while (!loop->stopped) {
        int wait = STAILQ_EMPTY(&loop->laters) ? 0 : EVLOOP_NONBLOCK;
        CHECK(event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY | wait) >= 0);
        run_laters(loop);
        end_turn(loop);
    }
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

int64_t loop_now_us(struct loop *loop)
{
    if (loop->now_us == 0)
        loop->now_us = clock_mono_us(&clock_system);
    return loop->now_us;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop_timer *timer = arg;
    (void)loop_now_us(timer->loop);
    timer->fn(timer->arg);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg)
{
    struct loop_timer *timer = check_calloc(1, sizeof *timer);
    timer->loop = loop;
    timer->fn = fn;
    timer->arg = arg;
    CHECK(evtimer_assign(&timer->event, loop->base, on_timer, timer) == 0);
    return timer;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer)
        return;
    (void)event_del(&timer->event);
    free(timer);
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_us)
{
    CHECK(delay_us >= 0);
    struct timeval delay = {.tv_sec = (time_t)(delay_us / US_PER_SECOND),
                            .tv_usec = (suseconds_t)(delay_us % US_PER_SECOND)};
    CHECK(evtimer_add(&timer->event, &delay) == 0);
}

void loop_timer_clear(struct loop_timer *timer)
{
    (void)event_del(&timer->event);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct loop_waker *waker = arg;
    uint64_t wakes;
    (void)what;
    if (read(fd, &wakes, sizeof wakes) == (ssize_t)sizeof wakes)
        waker->fn(waker->arg);
}

struct loop_waker *loop_waker_new(struct loop *loop, loop_fn *fn, void *arg)
{
    struct loop_waker *waker = check_calloc(1, sizeof *waker);
    waker->fn = fn;
    waker->arg = arg;
    waker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK(waker->fd >= 0);
    CHECK(event_assign(&waker->event, loop->base, waker->fd, EV_READ | EV_PERSIST, on_wake,
                       waker) == 0);
    CHECK(event_add(&waker->event, NULL) == 0);
    return waker;
}

void loop_waker_free(struct loop_waker *waker)
{
    if (!waker)
        return;
    (void)event_del(&waker->event);
    (void)close(waker->fd);
    free(waker);
}

void loop_waker_wake(struct loop_waker *waker)
{
    const uint64_t one = 1;
    ssize_t written;
    do
        written = write(waker->fd, &one, sizeof one);
    while (written < 0 && errno == EINTR);
    /* EAGAIN: more wakes than can be counted, all of which the loop has yet to see. */
    CHECK(written == (ssize_t)sizeof one || errno == EAGAIN);
}

void loop_timer_soon(struct loop_timer *timer)
{
    event_active(&timer->event, EV_TIMEOUT, 1);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)number;
    (void)what;
    struct signal_hook *hook = arg;
    hook->fn(hook->arg);
}

void loop_on_signal(struct loop *loop, int signal, loop_fn *fn, void *arg)
{
    struct signal_hook *hook = check_calloc(1, sizeof *hook);
    hook->fn = fn;
    hook->arg = arg;
    hook->event = evsignal_new(loop->base, signal, on_signal, hook);
    CHECK(hook->event != NULL && event_add(hook->event, NULL) == 0);
    SLIST_INSERT_HEAD(&loop->signals, hook, link);
}

void loop_later(struct loop *loop, loop_fn *fn, void *arg)
{
    struct later *later = check_malloc(sizeof *later);
    later->fn = fn;
    later->arg = arg;
    STAILQ_INSERT_TAIL(&loop->laters, later, link);
}
