/*
 * spool_writer: one group of records on its way to the disk.
 *
 * A group is written as a whole or not at all: what could not be written, or not be synced, is cut
 * away again. A segment whose state is not known after that is spoilt: nothing is appended to it.
 */
#ifndef STORE_SPOOL_WRITER_H
#define STORE_SPOOL_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "store/spool_directory.h"
#include "store/spool_marks.h"
#include "store/spool_thread.h"

struct spool_write {
    struct spool_task task; /* its `finish` is the giver's */

    /* What to do. */
    int directory;
    struct spool_marks *marks; /* NULL: there are none */
    struct spool_namer namer;
    uint64_t wall_ms; /* now */
    uint64_t salt;
    int sync_first; /* a segment that is complete now, to be synced before all; -1: none */
    int fd;         /* where to write; -1: a segment is to be made */
    uint64_t at;    /* its end */
    struct slice bytes;
    bool sync;
    bool trial; /* cut `bytes` away again even if all went well */

    /* What became of it. */
    int failure;        /* errno; 0: all is written, and synced if it was to be */
    const char *failed; /* what could not be done */
    bool made;          /* `fd` and `name` are a new segment, locked; `at` is behind its head */
    bool spoilt;
    int mark; /* of the new segment */
    char name[SPOOL_NAME_MAX];
};

/* Sets `run`; the giver sets the rest of what to do. */
void spool_write_init(struct spool_write *write);

#endif
