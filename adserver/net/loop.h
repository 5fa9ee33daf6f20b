/*
 * loop: one event loop a process, and what hangs on it.
 *
 * A thin cover of libevent, so that rooms which only need a timer, a signal or "later" need not
 * know it. Callbacks run from the loop, never from inside the call that registered them.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct loop;
struct loop_timer;
struct loop_waker;

struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* libevent's base, for the few modules that talk to it directly (http/h1, store/redis). */
struct event_base *loop_base(struct loop *loop);

/* Runs until the end of the turn in which loop_stop() is called. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/*
 * Monotonic time in microseconds as of this turn of the loop: free to ask, a turn old at most. The
 * turn's work begins when it is first asked in it, which timers do by themselves, and whoever hangs
 * an event of its own on loop_base() does at the start of its callback.
 */
int64_t loop_now_us(struct loop *loop);

typedef void loop_fn(void *arg);

/* Calls `fn` at the end of each turn with what its work took. */
typedef void loop_turn_fn(int64_t us, void *arg);
void loop_on_turn(struct loop *loop, loop_turn_fn *fn, void *arg);

/*
 * A timer, at rest until it is set. Setting it again moves it. The function may free the timer.
 * Delays are in microseconds from now; 0 runs in the next turn.
 */
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg);
void loop_timer_free(struct loop_timer *timer);
void loop_timer_set(struct loop_timer *timer, int64_t delay_us);
void loop_timer_clear(struct loop_timer *timer);
/* Runs it once at the end of this turn, behind everything that is due in it, if it is not set. */
void loop_timer_soon(struct loop_timer *timer);

/*
 * The way back from another thread: after loop_waker_wake(), which any thread may call, `fn` runs
 * from the loop; once for all wakes that came before it. No thread may wake it once it is freed.
 * The function must not free it.
 */
struct loop_waker *loop_waker_new(struct loop *loop, loop_fn *fn, void *arg);
void loop_waker_free(struct loop_waker *waker);
void loop_waker_wake(struct loop_waker *waker);

/* Calls `fn` each time the signal arrives, for the life of the loop. */
void loop_on_signal(struct loop *loop, int signal, loop_fn *fn, void *arg);

/* Runs `fn` once, after the callbacks of this turn. For freeing what a caller up the stack uses. */
void loop_later(struct loop *loop, loop_fn *fn, void *arg);

#endif
