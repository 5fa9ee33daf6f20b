/*
 * log: one event, one line, on standard error, as logfmt or JSON.
 *
 * A line has a time (RFC 3339, UTC, milliseconds), a level, a message and named fields. The message
 * and names are ours; values may be anybody's: bytes outside printable ASCII are escaped, and
 * values are cut at LOG_VALUE_MAX. `errno` is preserved. Personal data (whole addresses, viewer
 * ids) and secrets (tokens, keys, passwords) are never logged: callers shorten or leave them out.
 *
 *     log_event(LOG_WARNING, "redis: connection lost", LOG_STR("error", text),
 *               LOG_INT("wait_ms", n));
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define LOG_VALUE_MAX 1024 /* bytes of one value before it is cut */

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
    const char *name; /* NULL ends a list */
    struct slice text;
    int64_t number;
    bool is_number;
};

#define LOG_SLICE(name, value) ((struct log_field){(name), (value), 0, false})
#define LOG_STR(name, value)   ((struct log_field){(name), slice_cstr(value), 0, false})
#define LOG_INT(name, value)   ((struct log_field){(name), {NULL, 0}, (int64_t)(value), true})

/* Lines below `level` are dropped. Takes effect at once, in this process. */
void log_setup(enum log_level level, enum log_format format);

/* Whether a line of that level would be written. */
bool log_enabled(enum log_level level);

/* Where lines go; 2 (standard error) from the start. */
void log_set_fd(int fd);

void log_write(enum log_level level, const char *message, const struct log_field *fields);

/* The empty field in front is there for the comma, which goes away when there are no fields. */
#define log_event(level, message, ...) \
    log_write((level), (message), &(const struct log_field[]){{0}, ##__VA_ARGS__, {0}}[1])

/*
 * At most one line a second for an event that a peer can cause at will. Give each place its own
 * static struct; the next line that passes says how many were held back in `suppressed`.
 */
struct log_limit {
    int64_t next_us;
    uint64_t suppressed;
};
bool log_allowed(struct log_limit *limit, uint64_t *ret_suppressed);

#endif
