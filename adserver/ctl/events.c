/*
 * adctl events: the event streams as lines or files, once or for as long as it runs.
 *
 *     list campaigns --> a page of each stream --> lines --> standard output, or a campaign's file
 *          ^                                                                       |
 *          '--(nothing new: rest, if it follows)------------------------------------'
 *
 * A page is on the disk before the next one is asked for, and where files end is all that is known
 * of how far it has got.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "base/check.h"
#include "base/clock.h"
#include "ctl/command.h"
#include "ctl/events_sources.h"
#include "decision/timestamp.h"
#include "decision/zone.h"

#define AT_ONCE 16   /* streams that are asked before their pages are read */
#define REST_MS 250  /* when nothing is new */
#define AWAY_MS 1000 /* before Redis is tried again */

struct events {
    struct tool *tool;
    enum events_format format;
    bool follows, is_listed; /* listed: campaigns were named */
    struct event_id from;
    struct events_files *files; /* NULL: standard output */
    struct events_sources *sources;
    struct strbuf line;
    int64_t list_due_us;
    bool falls_short; /* something was lost, or can't be read */
    bool is_away;     /* Redis */
};

static volatile sig_atomic_t ends;

static void on_signal(int number)
{
    (void)number;
    ends = 1;
}

/* The page that is under way is written to its end. */
static void mind_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* ---- Notes ----------------------------------------------------------------------------------- */

static void note_gap(struct events *events, const struct events_source *source,
                     const struct events_page *page)
{
    if (page->gap == EVENTS_GAP_LOST)
        tool_warn(events->tool, source->key.ptr,
                  "events had gone before they were read: %llu, numbers %llu to %llu; a greater "
                  "events.stream_max keeps them longer",
                  (unsigned long long)page->lost, (unsigned long long)(page->number - page->lost),
                  (unsigned long long)(page->number - 1));
    else if (page->gap == EVENTS_GAP_ANEW)
        tool_warn(events->tool, source->key.ptr,
                  "the stream began anew: what had been added to the old one and not been read "
                  "is gone, and nobody knows how many");
    else if (page->gap == EVENTS_GAP_CUT)
        tool_warn(events->tool, source->key.ptr,
                  "the stream ends before what has been read of it: Redis lost its last writes; "
                  "what servers count again comes again, with another id");
    events->falls_short |= page->gap != EVENTS_GAP_NONE;
}

static void note_unreadable(struct events *events, const struct events_source *source,
                            uint64_t unreadable, struct event_id first)
{
    char id[EVENT_ID_TEXT_MAX];
    if (unreadable == 0)
        return;
    tool_warn(events->tool, source->key.ptr,
              "entries that are no event are left out: %llu, the first is %s",
              (unsigned long long)unreadable, event_id_write(first, id));
    events->falls_short = true;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static bool write_line(struct events *events, struct events_source *source, struct event_id id)
{
    struct err err = {"", ""};
    struct slice line = strbuf_slice(&events->line);
    CHECK(!events->line.overflowed);
    if (!source->file)
        return fwrite(line.ptr, 1, line.len, events->tool->out) == line.len;
    return events_file_add(source->file, id, line, &err) ||
           mistakes_add(&events->tool->mistakes, &err);
}

static bool flush(struct events *events, struct events_source *source)
{
    struct err err = {"", ""};
    if (!source->file)
        return fflush(events->tool->out) == 0;
    return events_file_flush(source->file, &err) || mistakes_add(&events->tool->mistakes, &err);
}

static bool write_page(struct events *events, struct events_source *source,
                       const struct events_page *page)
{
    uint64_t unreadable = 0;
    struct event_id first_unreadable = {0, 0};
    bool good = true;
    for (size_t i = 0; good && i < page->count; i++) {
        struct event_entry entry;
        if (!event_entry_read(&page->entries[i], &entry)) {
            if (unreadable++ == 0)
                first_unreadable = entry.id;
            continue;
        }
        if (event_id_compare(entry.id, events->from) < 0)
            continue;
        strbuf_clear(&events->line);
        events_format_line(events->format, source->campaign, &entry, page->number + i,
                           &events->line);
        good = write_line(events, source, entry.id);
    }
    note_unreadable(events, source, unreadable, first_unreadable);
    return good && (page->count == 0 || flush(events, source));
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool take_page(struct events *events, struct events_source *source,
                      const struct redis_reply *reply)
{
    struct events_page page;
    const char *why;
    enum events_page_result result = events_page_read(reply, &source->position, &page, &why);
    source->is_there = result == EVENTS_PAGE_READ;
    source->has_more = false;
    if (result == EVENTS_PAGE_REFUSED && !source->is_refused) {
        tool_warn(events->tool, source->key.ptr, "%s", why);
        source->is_refused = events->falls_short = true;
    }
    if (result != EVENTS_PAGE_READ)
        return true;
    source->is_refused = false;
    note_gap(events, source, &page);
    source->has_more = page.count == EVENTS_PAGE_ENTRIES || page.gap == EVENTS_GAP_CUT;
    return write_page(events, source, &page);
}

/* One page of each of the streams. */
static bool read_pages(struct events *events, struct events_source *const *some, unsigned count)
{
    const struct redis_reply *replies[AT_ONCE];
    for (unsigned i = 0; i < count; i++)
        events_page_ask(events->tool, some[i]->key, &some[i]->position);
    for (unsigned i = 0; i < count; i++) {
        replies[i] = events_page_fetch(events->tool);
        if (!replies[i]) {
            events->is_away = true;
            return false;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (!take_page(events, some[i], replies[i]))
            return false;
    }
    return true;
}

/* `all`: also those that had no stream of late. */
static bool read_all(struct events *events, bool all, bool *ret_more)
{
    struct events_source *some[AT_ONCE];
    unsigned count = events_sources_count(events->sources), chosen = 0;
    bool good = true;
    for (unsigned i = 0; good && i < count; i++) {
        struct events_source *source = events_sources_at(events->sources, i);
        if (all || source->is_there)
            some[chosen++] = source;
        if (chosen == AT_ONCE || (i + 1 == count && chosen > 0)) {
            good = read_pages(events, some, chosen);
            chosen = 0;
        }
    }
    *ret_more = false;
    for (unsigned i = 0; i < count; i++)
        *ret_more |= events_sources_at(events->sources, i)->has_more;
    return good;
}

static bool list(struct events *events)
{
    if (events_sources_list(events->sources, events->tool))
        return true;
    events->is_away = tool_call(events->tool, (struct slice[]){SLICE("PING")}, 1) == NULL;
    return false;
}

/* Looks for campaigns when that is due, and reads one page of each stream. */
static bool read_round(struct events *events, bool *ret_more)
{
    int64_t now_us = clock_mono_us(&clock_system);
    bool lists = now_us >= events->list_due_us;
    if (lists && !events->is_listed && !list(events))
        return false;
    if (lists)
        events->list_due_us = now_us + EVENTS_LIST_MS * US_PER_MS;
    return read_all(events, lists, ret_more);
}

/* Redis went away: told once, then waited for. What has been written stays written. */
static void await_redis(struct events *events)
{
    struct tool *tool = events->tool;
    mistakes_print(&tool->mistakes, tool->err);
    do {
        mistakes_release(&tool->mistakes);
        redis_session_close(tool->session);
        tool->session = NULL;
        (void)poll(NULL, 0, AWAY_MS);
    } while (!ends && tool_connect(tool) != TOOL_DONE);
    mistakes_release(&tool->mistakes);
    events->is_away = false;
    events->list_due_us = 0;
}

static bool run(struct events *events)
{
    bool more = true;
    while (!ends && (more || events->follows)) {
        if (!read_round(events, &more)) {
            if (!events->follows || !events->is_away)
                return false;
            await_redis(events);
        } else if (!more && events->follows) {
            (void)poll(NULL, 0, REST_MS);
        }
    }
    return true;
}

/* ---- How it was called ----------------------------------------------------------------------- */

static bool read_format(struct events *events, const char *text)
{
    unsigned format = 0;
    while (text && format < EVENTS_FORMAT_COUNT && strcmp(text, events_format_words[format]) != 0)
        format++;
    events->format = (enum events_format)format;
    return format < EVENTS_FORMAT_COUNT ||
           tool_refuse(events->tool, "--format", "\"%s\"; allowed: ndjson, csv",
                       err_quote(slice_cstr(text)));
}

static bool read_from(struct events *events, const char *text)
{
    struct err err = {"", ""};
    int64_t at_us;
    if (!text || event_id_read(slice_cstr(text), &events->from))
        return true;
    if (!timestamp_parse(slice_cstr(text), zone_find(SLICE("UTC")), &at_us, &err))
        return tool_refuse(events->tool, "--from", "%s; allowed: an entry's id, or %s", err.text,
                           TIMESTAMP_ALLOWED);
    events->from.ms = (uint64_t)(at_us / US_PER_MS);
    return true;
}

static bool read_bytes(struct events *events, const char *text, uint64_t *ret)
{
    *ret = EVENTS_FILE_BYTES;
    return !text ||
           (slice_to_u64(slice_cstr(text), EVENTS_FILE_BYTES_MAX, ret) &&
            *ret >= EVENTS_FILE_BYTES_MIN) ||
           tool_refuse(events->tool, "--file-bytes", "\"%s\"; allowed: %d to %llu",
                       err_quote(slice_cstr(text)), EVENTS_FILE_BYTES_MIN,
                       (unsigned long long)EVENTS_FILE_BYTES_MAX);
}

static bool add_named(struct events *events, const struct call *call)
{
    for (unsigned i = 0; i < call->given_count; i++) {
        if (strcmp(call->given[i].name, "campaign") != 0)
            continue;
        events->is_listed = true;
        if (!events_sources_add(events->sources, events->tool, slice_cstr(call->given[i].value)))
            return false;
    }
    return true;
}

static bool open_files(struct events *events, const char *dir, uint64_t bytes_max)
{
    struct err err = {"", ""};
    if (!dir)
        return true;
    events->files = events_files_open(dir, events->format, bytes_max, &err);
    return events->files || mistakes_add(&events->tool->mistakes, &err);
}

static bool begin(struct events *events, const struct call *call, uint64_t bytes_max)
{
    if (!open_files(events, call_value(call, FLAG_OUT), bytes_max))
        return false;
    events->sources = events_sources_new(events->files);
    if (!add_named(events, call))
        return false;
    if (!events->files) {
        events_format_head(events->format, &events->line);
        (void)fwrite(strbuf_cstr(&events->line), 1, events->line.len, events->tool->out);
    }
    if (events->follows)
        mind_signals();
    return true;
}

enum tool_result command_events(struct tool *tool, const struct call *call)
{
    struct events events = {.tool = tool, .follows = call->flags & FLAG_FOLLOW};
    uint64_t bytes_max;
    if (!read_format(&events, call_value(call, FLAG_FORMAT)) ||
        !read_from(&events, call_value(call, FLAG_FROM)) ||
        !read_bytes(&events, call_value(call, FLAG_FILE_BYTES), &bytes_max))
        return TOOL_USAGE;
    strbuf_init(&events.line, EVENTS_LINE_MAX);
    bool good = begin(&events, call, bytes_max) && run(&events);
    events_sources_free(events.sources);
    events_files_close(events.files);
    strbuf_release(&events.line);
    return good && !events.falls_short ? TOOL_DONE : TOOL_REFUSED;
}
