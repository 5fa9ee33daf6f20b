#include "base/log.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "base/utf8.h"

#define LINE_BYTES_MAX ((size_t)64 * 1024) /* what stands before the end of a line */
#define LINE_END_MAX   (sizeof "}\n" - 1)

static struct {
    enum log_level level;
    enum log_format format;
    int fd;
} settings = {LOG_INFO, LOG_LOGFMT, STDERR_FILENO};

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void log_setup(enum log_level level, enum log_format format)
{
    settings.level = level;
    settings.format = format;
}

bool log_enabled(enum log_level level)
{
    return level >= settings.level;
}

void log_set_fd(int fd)
{
    settings.fd = fd;
}

static bool is_printable(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7f;
}

/* One \uNNNN, or the two of a surrogate pair. */
static void add_json_code_point(struct strbuf *line, uint32_t code_point)
{
    if (code_point < 0x10000) {
        strbuf_addf(line, "\\u%04x", code_point);
        return;
    }
    code_point -= 0x10000;
    strbuf_addf(line, "\\u%04x\\u%04x", 0xd800 + (code_point >> 10), 0xdc00 + (code_point & 0x3ff));
}

/* Pure ASCII, unlike strbuf_add_json(): a log is read on terminals. */
static void add_json_value(struct strbuf *line, struct slice value)
{
    strbuf_add_char(line, '"');
    while (value.len > 0) {
        uint32_t code_point = UTF8_REPLACEMENT_CHARACTER;
        size_t len = utf8_decode(value, &code_point);
        if (code_point == '"' || code_point == '\\')
            strbuf_addf(line, "\\%c", (char)code_point);
        else if (code_point < 0x80 && is_printable((uint8_t)code_point))
            strbuf_add_char(line, (char)code_point);
        else
            add_json_code_point(line, code_point);
        value = slice_from(value, len ? len : 1);
    }
    strbuf_add_char(line, '"');
}

static bool needs_quotes(struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (!is_printable((uint8_t)c) || c == ' ' || c == '=' || c == '"' || c == '\\')
            return true;
    }
    return value.len == 0;
}

static void add_logfmt_value(struct strbuf *line, struct slice value)
{
    if (!needs_quotes(value)) {
        strbuf_add_slice(line, value);
        return;
    }
    strbuf_add_char(line, '"');
    for (size_t i = 0; i < value.len; i++) {
        uint8_t byte = (uint8_t)value.ptr[i];
        if (!is_printable(byte))
            strbuf_addf(line, "\\x%02x", byte);
        else if (byte == '"' || byte == '\\')
            strbuf_addf(line, "\\%c", byte);
        else
            strbuf_add_char(line, (char)byte);
    }
    strbuf_add_char(line, '"');
}

static void add_name(struct strbuf *line, const char *name)
{
    bool json = settings.format == LOG_JSON;
    if (line->len > (json ? 1u : 0u)) /* behind the brace a line of JSON begins with */
        strbuf_add_char(line, json ? ',' : ' ');
    if (json)
        strbuf_add_char(line, '"');
    strbuf_add_cstr(line, name);
    strbuf_add_cstr(line, json ? "\":" : "=");
}

static void add_text(struct strbuf *line, const char *name, struct slice value)
{
    if (value.len > LOG_VALUE_MAX)
        value.len = LOG_VALUE_MAX;
    add_name(line, name);
    if (settings.format == LOG_JSON)
        add_json_value(line, value);
    else
        add_logfmt_value(line, value);
}

/* Drops a field that has no room, so that the line stays well-formed. */
static bool add_field(struct strbuf *line, const struct log_field *field)
{
    size_t before = line->len;
    if (field->is_number) {
        add_name(line, field->name);
        strbuf_add_i64(line, field->number);
    } else {
        add_text(line, field->name, field->text);
    }
    if (!line->overflowed)
        return true;
    strbuf_truncate(line, before);
    line->overflowed = false;
    return false;
}

static void add_time(struct strbuf *line)
{
    int64_t now_us = clock_wall_us(&clock_system);
    time_t seconds = (time_t)(now_us / US_PER_SECOND);
    struct tm utc;
    char text[sizeof "+2147485547-12-31T23:59:60"];

    CHECK(gmtime_r(&seconds, &utc) != NULL);
    CHECK(strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc) > 0);
    add_name(line, "time");
    strbuf_addf(line, settings.format == LOG_JSON ? "\"%s.%03dZ\"" : "%s.%03dZ", text,
                (int)(now_us % US_PER_SECOND / US_PER_MS));
}

static void write_line(struct slice line)
{
    ssize_t written;
    do {
        written = write(settings.fd, line.ptr, line.len);
    } while (written < 0 && errno == EINTR);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields)
{
    if (!log_enabled(level))
        return;
    int saved_errno = errno;
    bool json = settings.format == LOG_JSON;
    struct strbuf line;
    strbuf_init(&line, LINE_BYTES_MAX);

    if (json)
        strbuf_add_char(&line, '{');
    add_time(&line);
    add_text(&line, "level", slice_cstr(level_names[level]));
    add_text(&line, "msg", slice_cstr(message));
    for (const struct log_field *field = fields; field && field->name; field++) {
        if (!add_field(&line, field))
            break;
    }
    line.max += LINE_END_MAX;
    strbuf_add_cstr(&line, json ? "}\n" : "\n");
    write_line(strbuf_slice(&line));

    strbuf_release(&line);
    errno = saved_errno;
}

bool log_allowed(struct log_limit *limit, uint64_t *ret_suppressed)
{
    int64_t now_us = clock_mono_us(&clock_system);
    if (now_us < limit->next_us) {
        limit->suppressed++;
        return false;
    }
    *ret_suppressed = limit->suppressed;
    limit->suppressed = 0;
    limit->next_us = now_us + US_PER_SECOND;
    return true;
}
