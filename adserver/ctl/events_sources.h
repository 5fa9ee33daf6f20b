/*
 * events_sources: the event streams there are, and how far each has been read.
 *
 * A campaign is looked for where it stands in `<prefix>streams` or `<prefix>campaigns`, or was
 * asked for by name. One without a stream costs nothing but a look each EVENTS_LIST_MS.
 */
#ifndef CTL_EVENTS_SOURCES_H
#define CTL_EVENTS_SOURCES_H

#include "ctl/events_files.h"
#include "ctl/events_page.h"

#define EVENTS_LIST_MS 2000

struct events_source {
    struct slice campaign; /* a valid id */
    struct slice key;
    struct events_position position; /* of what was read and passed on */
    struct events_file *file;        /* NULL: no files are written */
    bool is_there;                   /* it has a stream */
    bool is_refused;                 /* what it has is none; this has been told */
    bool has_more;                   /* than the last page */
    char text[ID_MAX];
};

struct events_sources;

/* `files`: NULL, or where each goes on from; it must outlive this. */
struct events_sources *events_sources_new(struct events_files *files);
void events_sources_free(struct events_sources *sources);

/* False with a mistake noted: that is no id, or its files are none. */
bool events_sources_add(struct events_sources *sources, struct tool *tool, struct slice campaign);

/* Looks for new ones. False with a mistake noted. */
bool events_sources_list(struct events_sources *sources, struct tool *tool);

unsigned events_sources_count(const struct events_sources *sources);
struct events_source *events_sources_at(struct events_sources *sources, unsigned at);

#endif
