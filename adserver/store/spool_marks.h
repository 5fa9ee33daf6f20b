/*
 * spool_marks: how far the segments of the spool have been passed, in memory that all processes of
 * a server share and that outlives each of them.
 *
 * What is done is not written to disk, so whoever adopts a segment gets all its records again. The
 * mark tells it which of them its process had at work, and which nobody ever had.
 */
#ifndef STORE_SPOOL_MARKS_H
#define STORE_SPOOL_MARKS_H

#include <stdint.h>

#define SPOOL_MARKS_MAX 1024 /* segments at a time; those beyond have none */

struct spool_marks;

/* Before the fork. Aborts when the kernel refuses. */
struct spool_marks *spool_marks_new(void);
void spool_marks_free(struct spool_marks *marks);

/* Gives the segment of that name a mark, at 0; -1: there is no room. NULL has room for none. */
int spool_marks_add(struct spool_marks *marks, const char *name);

/* The segment's; -1: it has none, so it was made before this server began. */
int spool_marks_find(const struct spool_marks *marks, const char *name);

/* The segment has gone. -1 is harmless. */
void spool_marks_remove(struct spool_marks *marks, int mark);

/* Moves it forward, never back. */
void spool_marks_raise(struct spool_marks *marks, int mark, uint64_t offset);
uint64_t spool_marks_get(const struct spool_marks *marks, int mark);

#endif
