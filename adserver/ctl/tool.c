#include "ctl/tool.h"

#include <stdarg.h>

#include "base/check.h"

#define PREFIX_MAX 32

void tool_init(struct tool *tool, const struct options *options, FILE *out, FILE *err)
{
    *tool = (struct tool){.options = options, .out = out, .err = err, .typed = ""};
    tool->arena = arena_new(0);
    tool->prefix = slice_cstr(options->redis_prefix);
}

void tool_release(struct tool *tool)
{
    redis_session_close(tool->session);
    mistakes_release(&tool->mistakes);
    arena_free(tool->arena);
}

static bool is_prefix_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(":._-", c));
}

static bool check_prefix(struct slice prefix, struct err *err)
{
    bool good = prefix.len >= 1 && prefix.len <= PREFIX_MAX;
    for (size_t i = 0; good && i < prefix.len; i++)
        good = is_prefix_byte(prefix.ptr[i]);
    return good || err_set(err, "\"%s\" is no prefix; allowed: 1 to %d of A-Z a-z 0-9 : . _ -",
                           err_quote(prefix), PREFIX_MAX);
}

static enum tool_result misconfigured(struct tool *tool, const char *option, struct err *err)
{
    (void)err_at(err, "%s", options_where(tool->options, option));
    (void)mistakes_add(&tool->mistakes, err);
    return TOOL_USAGE;
}

enum tool_result tool_connect(struct tool *tool)
{
    const struct options *options = tool->options;
    struct redis_target target;
    struct err err = {"", ""};
    if (!check_prefix(tool->prefix, &err))
        return misconfigured(tool, "redis.prefix", &err);
    if (!redis_target_parse(options->redis_url, options->redis_password_file, &target, &err))
        return misconfigured(tool, "redis.url", &err);
    tool->session = redis_session_open(&target, TOOL_REDIS_TIMEOUT_MS, &err);
    redis_target_release(&target);
    if (tool->session)
        return TOOL_DONE;
    (void)mistakes_add(&tool->mistakes, &err);
    return TOOL_REFUSED;
}

void tool_warn(struct tool *tool, const char *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(tool->err, "adctl: note: %s: ", where);
    (void)vfprintf(tool->err, format, args);
    fputc('\n', tool->err);
    va_end(args);
}

const struct redis_reply *tool_call(struct tool *tool, const struct slice *args, unsigned count)
{
    tool_queue(tool, args, count);
    return tool_fetch(tool);
}

const struct redis_reply *tool_call_at(struct tool *tool, unsigned server, const struct slice *args,
                                       unsigned count)
{
    struct err err = {"", ""};
    const struct redis_reply *reply =
        redis_session_call_at(tool->session, server, args, count, &err);
    if (!reply)
        (void)mistakes_add(&tool->mistakes, &err);
    return reply;
}

void tool_queue(struct tool *tool, const struct slice *args, unsigned count)
{
    CHECK(tool->session != NULL);
    redis_session_queue(tool->session, args, count);
}

const struct redis_reply *tool_fetch(struct tool *tool)
{
    struct err err = {"", ""};
    const struct redis_reply *reply = redis_session_fetch(tool->session, &err);
    if (!reply)
        (void)mistakes_add(&tool->mistakes, &err);
    return reply;
}

const struct redis_reply *tool_fetch_any(struct tool *tool)
{
    struct err err = {"", ""};
    const struct redis_reply *reply = redis_session_fetch_any(tool->session, &err);
    if (!reply)
        (void)mistakes_add(&tool->mistakes, &err);
    return reply;
}
