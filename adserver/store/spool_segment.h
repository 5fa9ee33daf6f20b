/*
 * spool_segment: one segment that this process holds, and what has become of its records.
 *
 * Whoever has the lock on the file (flock, exclusive) holds the segment. The lock goes with the
 * descriptor, so a process that dies lets go of all of its segments.
 */
#ifndef STORE_SPOOL_SEGMENT_H
#define STORE_SPOOL_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "store/spool_directory.h"
#include "store/spool_format.h"
#include "store/spool_thread.h"

struct spool_segment {
    TAILQ_ENTRY(spool_segment) link;
    struct spool_task removal;
    struct spool_source source; /* its end: behind the last record that is durable */
    int directory;
    char name[SPOOL_NAME_MAX];
    int mark;      /* of its server (spool_marks.h); -1: none */
    bool adopted;  /* what is damaged in it has been told */
    bool complete; /* nothing will be appended */
    bool stuck;    /* the disk cannot read it, or an elder one: left to the next process */
    uint64_t records;
    uint64_t handed; /* of them handed out, the first ones */
    uint64_t done;   /* of those done */
    uint64_t read_at;
};

/* Takes over `fd`, on which the lock is held; `name` is copied. */
struct spool_segment *spool_segment_new(int directory, const char *name, int fd, uint64_t salt);

/* Closes the file and leaves it where it is. */
void spool_segment_release(struct spool_segment *segment);

/* Removes the file and frees the segment, on the thread. */
void spool_segment_remove(struct spool_segment *segment, struct spool_thread *thread);

/* Whether `fd`, which is locked, is still the file of that name. */
bool spool_segment_is_there(int directory, const char *name, int fd);

#endif
