#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "ctl/command.h"
#include "decision/timestamp.h"
#include "decision/zone.h"
#include "store/compact.h"

#define DAY_US     (INT64_C(86400) * US_PER_SECOND)
#define NUMBER_MAX 16
#define DATE_MAX   64

/* Scripts are sent whole: a tool runs them too seldom to learn what Redis has. */
static void queue(struct tool *tool, const struct compact_command *command)
{
    struct slice args[3 + COMPACT_KEYS_MAX + COMPACT_ARGS_MAX];
    char keys[NUMBER_MAX];
    unsigned count = 0;
    if (command->script) {
        (void)snprintf(keys, sizeof keys, "%u", command->key_count);
        args[count++] = SLICE("EVAL");
        args[count++] = command->script->text;
        args[count++] = slice_cstr(keys);
    }
    for (unsigned i = 0; i < command->key_count; i++)
        args[count++] = command->keys[i];
    for (unsigned i = 0; i < command->count; i++)
        args[count++] = command->args[i];
    tool_queue(tool, args, count);
}

static bool run_group(struct tool *tool, struct compact *compact, struct compact_command *command)
{
    struct err err = {"", ""};
    unsigned count = 0;
    for (; compact_ask(compact, command); count++)
        queue(tool, command);
    for (; count > 0; count--) {
        const struct redis_reply *reply = tool_fetch_any(tool);
        if (!reply)
            return false;
        if (!compact_take(compact, reply, &err))
            return mistakes_add(&tool->mistakes, &err);
    }
    return true;
}

static bool run(struct tool *tool, struct compact *compact)
{
    struct compact_command *command = arena_new_item(tool->arena, struct compact_command);
    while (!compact_done(compact)) {
        if (!run_group(tool, compact, command))
            return false;
    }
    return true;
}

/* "2026-11-25": the day (UTC) with which to begin. */
static bool read_since(struct tool *tool, const char *text, int64_t *ret)
{
    char moment[DATE_MAX];
    struct err err = {"", ""};
    int64_t at_us;
    (void)snprintf(moment, sizeof moment, "%sT00:00:00Z", text);
    if (!timestamp_parse(slice_cstr(moment), zone_find(SLICE("UTC")), &at_us, &err)) {
        (void)tool_refuse(tool, "--since", "%s is no date; allowed: one such as 2026-11-25",
                          err_quote(slice_cstr(text)));
        return false;
    }
    *ret = at_us / DAY_US;
    return true;
}

static void tell(struct tool *tool, const struct compact_counts *counts)
{
    fprintf(tool->out, "%llu days of %llu campaigns packed, %llu numbers\n",
            (unsigned long long)counts->days, (unsigned long long)counts->campaigns,
            (unsigned long long)counts->numbers);
    if (counts->staying > 0)
        tool_warn(tool, "compact",
                  "%llu days hold what can't be packed, and keep it in their hours",
                  (unsigned long long)counts->staying);
}

enum tool_result command_compact(struct tool *tool, const struct call *call)
{
    int64_t after_us = tool->options->reports_compact_after_in_ms * US_PER_MS;
    struct compact_config config = {
        .prefix = tool->prefix,
        .before_day = (clock_wall_us(&clock_system) - after_us) / DAY_US,
        .since_day = clock_wall_us(&clock_system) / DAY_US - COMPACT_SINCE_DAYS,
    };
    const char *since = call_value(call, FLAG_SINCE);
    if (since && !read_since(tool, since, &config.since_day))
        return TOOL_USAGE;
    struct compact *compact = compact_new(&config);
    bool good = run(tool, compact);
    const struct compact_counts counts = compact_counts(compact);
    if (good)
        tell(tool, &counts);
    compact_free(compact);
    return good ? TOOL_DONE : TOOL_REFUSED;
}
