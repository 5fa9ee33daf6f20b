#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/options_table.h"

#define LINE_BYTES_MAX  (OPTIONS_VALUE_MAX + 256)
#define BYTE_ORDER_MARK SLICE("\xef\xbb\xbf")

/*
 * One reading of a file. inih takes lines apart; it neither tells its caller the line's number nor
 * says when a line was too long for it, so it gets its lines from next_line(), which does both.
 */
struct reading {
    struct options *options;
    const char *path;
    struct slice rest;
    int line;                      /* of the line inih has; from 1 */
    int first_lines[OPTION_COUNT]; /* where an option was set; 0: not yet */
    bool refused;                  /* `err` is filled */
    struct err *err;
};

static bool read_all(const char *path, struct strbuf *text, struct err *err)
{
    char chunk[4096];
    size_t got;
    (void)err_at(err, "%s", path);
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(err, "cannot be read: %s", strerrordesc_np(errno));
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0 && !text->overflowed)
        strbuf_add(text, chunk, got);
    int failure = ferror(file) ? errno : 0;
    (void)fclose(file);
    if (failure)
        return err_set(err, "cannot be read: %s", strerrordesc_np(failure));
    if (text->overflowed)
        return err_set(err, "is larger than %d bytes", OPTIONS_FILE_MAX);
    return true;
}

/* Refuses the line with what `err->text` says. Returns false, for `return`. */
static bool refuse_line(struct reading *reading)
{
    (void)err_at(reading->err, "%s:%d", reading->path, reading->line);
    reading->refused = true;
    return false;
}

static bool refuse_form(struct reading *reading)
{
    (void)err_set(reading->err, "the line is neither [section] nor key = value nor a # comment");
    return refuse_line(reading);
}

static bool refuse_section(struct reading *reading, struct slice name)
{
    struct strbuf sections;
    strbuf_init(&sections, ERR_TEXT_MAX);
    options_add_sections(&sections);
    (void)err_set(reading->err, "[%s] is no section; the sections are %s", err_quote(name),
                  strbuf_cstr(&sections));
    strbuf_release(&sections);
    return refuse_line(reading);
}

static bool check_section(struct reading *reading, struct slice line)
{
    size_t end = slice_find(line, ']');
    if (end + 1 != line.len)
        return refuse_form(reading);
    struct slice name = slice_of(line.ptr + 1, end - 1);
    return options_has_section(name) || refuse_section(reading, name);
}

/* Where the first control byte is that is no tab; `line.len` where there is none. */
static size_t find_control(struct slice line)
{
    for (size_t i = 0; i < line.len; i++) {
        unsigned char byte = (unsigned char)line.ptr[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return i;
    }
    return line.len;
}

/* What inih would pass over or cut without a word. */
static bool check_line(struct reading *reading, struct slice line, size_t room)
{
    if (line.len >= room) {
        (void)err_set(reading->err, "the line is longer than %d bytes", LINE_BYTES_MAX);
        return refuse_line(reading);
    }
    size_t control = find_control(line);
    if (control < line.len) {
        (void)err_set(reading->err, "the line contains the control byte %s",
                      err_quote(slice_of(line.ptr + control, 1)));
        return refuse_line(reading);
    }
    return !slice_starts(line, SLICE("[")) || check_section(reading, line);
}

/* Called by inih, in the manner of fgets(). NULL ends the reading. */
static char *next_line(char *buffer, int size, void *context)
{
    struct reading *reading = context;
    struct slice line;

    if (reading->refused || !slice_next(&reading->rest, '\n', &line))
        return NULL;
    reading->line++;
    if (slice_ends(line, SLICE("\r")))
        line.len--;
    line = slice_trim(line); /* to inih, blanks in front would continue the line before */
    if (!check_line(reading, line, (size_t)size))
        return NULL;
    if (line.len)
        memcpy(buffer, line.ptr, line.len);
    buffer[line.len] = '\0';
    return buffer;
}

/* The option of a line, unless there is none or it has been set before. */
static const struct options_row *find_option(struct reading *reading, const char *section,
                                             const char *key)
{
    const struct options_row *option = options_find(slice_cstr(section), slice_cstr(key));
    if (*section == '\0') {
        (void)err_set(reading->err, "stands before any [section]");
        return NULL;
    }
    if (!option) {
        (void)options_refuse_name(reading->err);
        return NULL;
    }
    int *first_line = &reading->first_lines[option - options_table];
    if (*first_line) {
        (void)err_set(reading->err, "is set twice; the first time in line %d", *first_line);
        return NULL;
    }
    *first_line = reading->line;
    return option;
}

/* Called by inih for "key = value"; zero stops it. */
static int on_value(void *context, const char *section, const char *key, const char *value)
{
    struct reading *reading = context;
    char where[ERR_WHERE_MAX];
    const struct options_row *option = find_option(reading, section, key);

    (void)snprintf(where, sizeof where, "%s:%d: %s%s%s", reading->path, reading->line, section,
                   *section ? "." : "", err_quote(slice_cstr(key)));
    (void)err_at(reading->err, "%s", where);
    reading->refused =
        !option || !options_set(reading->options, option, slice_cstr(value), where, reading->err);
    return !reading->refused;
}

/* Debian's inih takes these at run time. */
static void set_up_inih(void)
{
    ini_max_line = LINE_BYTES_MAX + 1;
    ini_allow_bom = false;             /* without_mark() has taken it away */
    ini_allow_inline_comments = false; /* they would cut values at " ;" */
    ini_stop_on_first_error = true;
}

static bool parse(struct reading *reading)
{
    set_up_inih();
    int failed_line = ini_parse_stream(next_line, reading, on_value, reading);
    if (reading->refused)
        return false;
    CHECK(failed_line >= 0);
    return failed_line == 0 || refuse_form(reading);
}

static struct slice without_mark(struct slice text)
{
    return slice_starts(text, BYTE_ORDER_MARK) ? slice_from(text, BYTE_ORDER_MARK.len) : text;
}

bool options_read_file(struct options *options, const char *path, struct err *err)
{
    struct strbuf text;
    struct reading reading = {.options = options, .path = path, .err = err};

    strbuf_init(&text, OPTIONS_FILE_MAX);
    bool good = read_all(path, &text, err);
    reading.rest = without_mark(strbuf_slice(&text));
    good = good && parse(&reading);
    strbuf_release(&text);
    return good;
}
