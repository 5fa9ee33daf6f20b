/*
 * events_format: an event of a stream as a line of NDJSON or CSV (RFC 4180), and where such a line
 * stood in its stream.
 *
 * A line begins with the entry's id and its number in the stream, then the campaign and the fields
 * of store/event_entry.def. The number is 1 for the first event that was ever added and grows by
 * one with each: where it leaps, events are missing. NDJSON lines end in LF, CSV lines in CRLF.
 */
#ifndef CTL_EVENTS_FORMAT_H
#define CTL_EVENTS_FORMAT_H

#include "base/strbuf.h"
#include "store/event_entry.h"

#define EVENTS_LINE_MAX 1024 /* bytes of a line; all are shorter */

enum events_format { EVENTS_NDJSON, EVENTS_CSV, EVENTS_FORMAT_COUNT };
extern const char *const events_format_words[EVENTS_FORMAT_COUNT]; /* "ndjson", "csv" */

/* Where in a stream; all zero: before its first entry. */
struct events_position {
    struct event_id id;
    uint64_t number;
};

/* The line above all others; nothing in NDJSON. */
void events_format_head(enum events_format format, struct strbuf *to);

/* `entry` as it was read (event_entry_read()), which is at `number`. */
void events_format_line(enum events_format format, struct slice campaign,
                        const struct event_entry *entry, uint64_t number, struct strbuf *to);

/* The position of a line, without the LF at its end. False where it is none of ours, or the head.
 */
bool events_format_position(enum events_format format, struct slice line,
                            struct events_position *ret);

#endif
