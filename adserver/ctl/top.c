#include <limits.h>
#include <poll.h>

#include "base/clock.h"
#include "ctl/command.h"
#include "ctl/live_counts.h"
#include "ctl/screen.h"
#include "decision/number.h"

#define INTERVAL_MAX  60 /* seconds */
#define MS_PER_SECOND 1000
#define END_OF_KEYS   4 /* what ^D sends */

struct top {
    struct tool *tool;
    struct live_counts *counts;
    struct screen *screen; /* NULL: one picture */
    const char *url;       /* NULL: no statistics */
    struct server_stats *stats;
    int interval_ms;
};

/* Each look has an arena of its own, or a long watch would fill the memory. */
static bool look(struct top *top)
{
    struct err err = {"", ""};
    server_stats_free(top->stats);
    top->stats = top->url ? server_stats_get(top->url, &err) : NULL;
    if (top->url && !top->stats)
        return mistakes_add(&top->tool->mistakes, &err);
    arena_reset(top->tool->arena);
    return live_counts_look(top->counts, top->tool, top->stats);
}

static void draw(struct top *top)
{
    unsigned lines = UINT_MAX, columns = 0;
    struct strbuf text;
    if (top->screen)
        screen_size(top->screen, &lines, &columns);
    strbuf_init(&text, SIZE_MAX / 2);
    live_counts_print(top->counts, top->stats, top->tool, lines, &text);
    if (top->screen)
        screen_draw(top->screen, &text);
    else
        (void)fwrite(text.ptr, 1, text.len, top->tool->out);
    strbuf_release(&text);
}

/* Until the next look is due. False: it is to end. */
static bool wait(struct top *top)
{
    int64_t until_us = clock_mono_us(&clock_system) + top->interval_ms * US_PER_MS;
    for (;;) {
        int64_t left_us = until_us - clock_mono_us(&clock_system);
        char key = 0;
        switch (screen_wait(top->screen, left_us > 0 ? (int)(left_us / US_PER_MS) : 0, &key)) {
        case SCREEN_TIME:
            return true;
        case SCREEN_CHANGED:
            draw(top);
            break;
        case SCREEN_KEY:
            if (key == 'q' || key == 'Q' || key == END_OF_KEYS)
                return false;
            break;
        case SCREEN_END:
            return false;
        }
    }
}

static bool watch(struct top *top)
{
    do {
        if (!look(top))
            return false;
        draw(top);
    } while (wait(top));
    return true;
}

/* Two looks, so that there is something between them. */
static bool show_once(struct top *top)
{
    if (!look(top))
        return false;
    (void)poll(NULL, 0, top->interval_ms);
    if (!look(top))
        return false;
    draw(top);
    return true;
}

static bool read_interval(struct tool *tool, const struct call *call, int *ret_ms)
{
    const char *text = call_value(call, FLAG_INTERVAL);
    struct err err = {"", ""};
    uint64_t seconds = 1;
    if (text && !number_parse(slice_cstr(text), 1, INTERVAL_MAX, &seconds, &err)) {
        (void)err_at(&err, "--interval");
        return mistakes_add(&tool->mistakes, &err);
    }
    *ret_ms = (int)seconds * MS_PER_SECOND;
    return true;
}

enum tool_result command_top(struct tool *tool, const struct call *call)
{
    struct top top = {.tool = tool, .url = call_value(call, FLAG_STATS)};
    if (!read_interval(tool, call, &top.interval_ms))
        return TOOL_USAGE;
    top.counts = live_counts_new();
    if (!(call->flags & FLAG_ONCE))
        top.screen = screen_open();
    bool good = top.screen ? watch(&top) : show_once(&top);
    screen_close(top.screen);
    server_stats_free(top.stats);
    live_counts_free(top.counts);
    return good ? TOOL_DONE : TOOL_REFUSED;
}
