/*
 * tool: what every command of adctl works with: configuration, Redis, memory, and where it writes.
 */
#ifndef CTL_TOOL_H
#define CTL_TOOL_H

#include <stdio.h>

#include "base/arena.h"
#include "base/options.h"
#include "ctl/mistakes.h"
#include "store/redis_session.h"

#define TOOL_REDIS_TIMEOUT_MS 10000 /* for one answer */

/* How a command ends: the exit code. */
enum tool_result {
    TOOL_DONE = 0,
    TOOL_REFUSED = 1, /* its mistakes are told; nothing was written */
    TOOL_USAGE = 2,   /* it was called wrongly, or the configuration is wrong */
};

struct tool {
    const struct options *options;
    struct arena *arena; /* all that a command reads and makes */
    struct mistakes mistakes;
    FILE *out, *err;
    struct slice prefix;           /* of all keys */
    struct redis_session *session; /* NULL before tool_connect() */
    const char *typed;             /* the command, for the audit */
};

/* `options` must outlive it. */
void tool_init(struct tool *tool, const struct options *options, FILE *out, FILE *err);
void tool_release(struct tool *tool);

/* Reads redis.* of the options and connects. On failure a mistake is noted. */
enum tool_result tool_connect(struct tool *tool);

/* Notes a mistake; always returns false. `where` is not escaped, nor is what the format gives. */
#define tool_refuse(tool, where, ...) mistakes_addf(&(tool)->mistakes, (where), __VA_ARGS__)

/* A line on standard error that is no mistake. */
void tool_warn(struct tool *tool, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- Redis: failures are noted as mistakes, and replies live until the next batch ------------ */

/* One command; NULL on failure. */
const struct redis_reply *tool_call(struct tool *tool, const struct slice *args, unsigned count);

/* The same to one of redis_session_servers(). */
const struct redis_reply *tool_call_at(struct tool *tool, unsigned server, const struct slice *args,
                                       unsigned count);

/* Queues one; its reply comes from tool_fetch(), in order. Once the connection failed, all fail. */
void tool_queue(struct tool *tool, const struct slice *args, unsigned count);
const struct redis_reply *tool_fetch(struct tool *tool);
/* The same, but an error that Redis answers is a reply, for who can tell what it was about. */
const struct redis_reply *tool_fetch_any(struct tool *tool);

#endif
