#include "unit/store/unit.h"

#include <stdio.h>

#include "base/clock.h"

#define LOOK_US 200

void assert_slice_at(struct slice slice, const char *text, const char *file, int line)
{
    if (slice_eq(slice, slice_cstr(text)))
        return;
    print_error("\"%.*s\" is not \"%s\"\n", SLICE_ARGS(slice), text);
    _fail(file, line);
}

struct wait {
    struct loop *loop;
    struct loop_timer *timer;
    done_fn *done;
    void *arg;
    int64_t until_us;
    bool is_last, came_true;
};

/* After its time it looks once more, a turn later: where this process did not run for a while, all
 * that was due meanwhile comes first. */
static void look(void *arg)
{
    struct wait *wait = arg;
    wait->came_true = wait->done && wait->done(wait->arg);
    bool time_is_up = clock_mono_us(&clock_system) >= wait->until_us;
    if (wait->came_true || wait->is_last)
        loop_stop(wait->loop);
    else
        loop_timer_set(wait->timer, time_is_up ? 0 : LOOK_US);
    wait->is_last = time_is_up;
}

static bool run(struct loop *loop, done_fn *done, void *arg, int ms)
{
    struct wait wait = {.loop = loop, .done = done, .arg = arg};
    wait.until_us = clock_mono_us(&clock_system) + ms * US_PER_MS;
    wait.timer = loop_timer_new(loop, look, &wait);
    loop_timer_set(wait.timer, 0);
    loop_run(loop);
    loop_timer_free(wait.timer);
    return wait.came_true;
}

void run_until_at(struct loop *loop, done_fn *done, void *arg, int patience_ms, const char *what,
                  const char *file, int line)
{
    if (run(loop, done, arg, patience_ms))
        return;
    print_error("%s was not true within %d ms\n", what, patience_ms);
    _fail(file, line);
}

void run_for(struct loop *loop, int ms)
{
    (void)run(loop, NULL, NULL, ms);
}
