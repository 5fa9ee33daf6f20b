#include <string.h>

#include "base/clock.h"
#include "ctl/command.h"
#include "ctl/report_print.h"
#include "ctl/report_redis.h"

/* False with a mistake noted. */
static bool read_query(struct tool *tool, const struct call *call, struct report_query *query)
{
    struct err err = {"", ""};
    bool good = true;
    report_query_clear(query);
    query->format = REPORT_TABLE;
    for (unsigned i = 0; good && i < call->given_count; i++)
        good = report_query_take(query, slice_cstr(call->given[i].name),
                                 slice_cstr(call->given[i].value), &err);
    if (good && report_query_finish(query, clock_wall_us(&clock_system), &err))
        return true;
    char option[ERR_WHERE_MAX + 2];
    (void)snprintf(option, sizeof option, "--%s", err.where);
    (void)err_at(&err, "%s", option);
    return mistakes_add(&tool->mistakes, &err);
}

enum tool_result command_report(struct tool *tool, const struct call *call)
{
    struct report_query query;
    if (!read_query(tool, call, &query))
        return TOOL_USAGE;
    struct report_read *read = report_redis_read(tool, &query);
    if (!read)
        return TOOL_REFUSED;
    const struct report *report = report_read_report(read);
    if (report_unreadable(report) > 0)
        tool_warn(tool, "report", "%llu fields are no counts and are left out",
                  (unsigned long long)report_unreadable(report));
    report_print(tool, report);
    report_read_free(read);
    return TOOL_DONE;
}
