/*
 * spool_orphans: finds the segments that nobody holds, takes them and looks them through.
 *
 * Runs on the thread, in pieces short enough for a group of records to pass. A segment is read to
 * its end before it is handed on, so that its records are counted and what is wrong with it is
 * known once. One process left its segments in an order that its records need: a segment is taken
 * only with or after the elder ones of the same process. What nothing is in is removed; what is no
 * segment gets the name <segment>.bad.
 *
 * Each scan adds up what the segments take on the disk, whoever holds them.
 */
#ifndef STORE_SPOOL_ORPHANS_H
#define STORE_SPOOL_ORPHANS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/spool.h"
#include "store/spool_segment.h"
#include "store/spool_thread.h"

#define SPOOL_NOTES_MAX  32   /* told of one scan; what is beyond is counted only */
#define SPOOL_LISTED_MAX 4096 /* segments looked at in one scan, the oldest; others wait */

enum spool_note_kind {
    SPOOL_NOTE_TORN,       /* the end of a segment is no whole record */
    SPOOL_NOTE_DAMAGED,    /* what lies between two whole records */
    SPOOL_NOTE_UNREADABLE, /* the disk refuses; errno in `bytes` */
    SPOOL_NOTE_FOREIGN,    /* no segment of this version */
};

struct spool_note {
    enum spool_note_kind kind;
    char name[SPOOL_NAME_MAX];
    uint64_t at, bytes;
};

/* One line in the log; a disk that refuses in each scan is told of once a second at most. */
void spool_note_log(const struct spool_note *note);

struct spool_orphans {
    struct spool_task task; /* its `finish` is the giver's */
    int directory;
    char own[SPOOL_NAME_MAX];  /* a name of the giver's process */
    struct spool_marks *marks; /* NULL: there are none */
    unsigned room;             /* how many to take: at most SPOOL_ADOPTED_MAX; 0: only to look */

    /* Bytes of all segments but those that the giver's process made, when they were listed last; to
       be asked at any time. */
    atomic_uint_fast64_t bytes_of_others;

    /* What was found; the giver's to take. */
    struct spool_segment *found[SPOOL_ADOPTED_MAX];
    unsigned found_count;
    bool more; /* there was no room for all */
    struct spool_note notes[SPOOL_NOTES_MAX];
    unsigned note_count;
    uint64_t torn, damaged; /* all of them */

    /* The thread's own. */
    bool listed;
    char (*names)[SPOOL_NAME_MAX];
    unsigned name_count, next_name;
    bool *taken; /* which of them, in this scan */
    struct spool_segment *looked_at;
    struct spool_reader *reader;
};

/* `own` is copied. */
void spool_orphans_init(struct spool_orphans *orphans, int directory, const char *own);
void spool_orphans_release(struct spool_orphans *orphans);

/* Before each scan. */
void spool_orphans_begin(struct spool_orphans *orphans, unsigned room);

#endif
