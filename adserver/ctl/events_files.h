/*
 * events_files: events as files, each exactly once, whatever kills the writer.
 *
 *     DIR/lock                           locked while somebody writes: a second one is refused
 *     DIR/<campaign>/00000001-2026112801.ndjson
 *     DIR/<campaign>/00000002-2026112802.ndjson      the higher number is the later one
 *
 * How far a campaign has been written is what its last line says (events_format.h), so position and
 * data can never differ. A line that was cut off by a crash is taken away at the start, and read
 * from the stream again. A file is closed when the hour (UTC) of the entries' ids changes, or when
 * it is full; closed files never change. What events_file_flush() has written is on the disk.
 */
#ifndef CTL_EVENTS_FILES_H
#define CTL_EVENTS_FILES_H

#include "base/err.h"
#include "ctl/events_format.h"
#include "decision/model.h"

#define EVENTS_FILE_BYTES                                                  \
    (UINT64_C(64) * 1024 * 1024) /* a full one, where nothing else is said \
                                  */
#define EVENTS_FILE_BYTES_MIN 4096
#define EVENTS_FILE_BYTES_MAX (UINT64_C(1) << 40)

struct events_files;

/* Makes the directory where it is missing (not its parents), and locks it. NULL with `err`. */
struct events_files *events_files_open(const char *dir, enum events_format format,
                                       uint64_t bytes_max, struct err *err);
void events_files_close(struct events_files *files);

struct events_file;

/*
 * The files of a campaign, which is a valid id; `ret` is where they end, all zero where there are
 * none. NULL with `err` where what is there is not ours to go on with.
 */
struct events_file *events_file_open(struct events_files *files, struct slice campaign,
                                     struct events_position *ret, struct err *err);
/* What was not flushed is lost. */
void events_file_free(struct events_file *file);

/* Adds a line, its end included, of the entry of that id. False with `err`: nothing more may be
 * added. */
bool events_file_add(struct events_file *file, struct event_id id, struct slice line,
                     struct err *err);
bool events_file_flush(struct events_file *file, struct err *err);

#endif
