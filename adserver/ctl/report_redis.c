#include "ctl/report_redis.h"

#define AT_ONCE 256 /* commands that are sent before their replies are read */

/* Errors are replies to this reader, which knows what it asked: see tool_fetch_any(). */
static bool take_all(struct tool *tool, struct report_read *read, unsigned count)
{
    struct err err = {"", ""};
    for (unsigned i = 0; i < count; i++) {
        const struct redis_reply *reply = tool_fetch_any(tool);
        if (!reply)
            return false;
        if (report_read_take(read, reply, &err) != REPORT_READ_GOOD)
            return mistakes_add(&tool->mistakes, &err);
    }
    return true;
}

struct report_read *report_redis_read(struct tool *tool, const struct report_query *query)
{
    struct report_read *read = report_read_new(query, tool->prefix);
    struct report_command command;
    bool good = true;
    while (good && !report_read_done(read)) {
        unsigned count = 0;
        for (; count < AT_ONCE && report_read_ask(read, &command); count++)
            tool_queue(tool, command.args, command.count);
        good = take_all(tool, read, count);
    }
    if (good)
        return read;
    report_read_free(read);
    return NULL;
}
