/*
 * spool_directory: <state_dir>/spool/, who may be in it, and the names of segments.
 *
 *   lock                                     held by one server (spool_lock_directory in spool.h)
 *   <milliseconds>-<pid>-<random>-<n>.spool  a segment: when it was made (wall time, 12 hexadecimal
 *                                            digits, never less than its process's last), by whom
 *   <such a name>.bad                        what could not be read as a segment; for people
 *
 * Names in the order of bytes are segments in the order of time.
 */
#ifndef STORE_SPOOL_DIRECTORY_H
#define STORE_SPOOL_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define SPOOL_NAME_MAX 64 /* bytes of a segment's name, its NUL included */
#define SPOOL_SUFFIX   ".spool"

/* The directory, made (mode 0700) where there is none; -1 with `err`. The caller closes it. */
int spool_directory_open(const char *state_dir, struct err *err);

/* Whether a file of that name is a segment. */
bool spool_name_is_segment(const char *name);

/* The part of a segment's name that is the same in all that one process made, and in no other. */
struct slice spool_name_process(const char *name);

/* Makes the names of one process's segments. */
struct spool_namer {
    uint64_t last_ms;
    uint32_t pid, random;
    unsigned count;
};
void spool_name_next(struct spool_namer *namer, uint64_t wall_ms, char name[SPOOL_NAME_MAX]);

#endif
