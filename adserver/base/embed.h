/*
 * embed: the files that the programs carry in themselves.
 *
 * Redis functions, tag.js (without its comments) and the demo blog are built in by scripts/embed,
 * so that a program needs nothing beside it. A file's path is the one below adserver/:
 * "store/reserve.lua", "web/tag.js", "web/demo/index.html". All of it is constant data that lives
 * as long as the process; a NUL that does not count into the size stands behind each file.
 */
#ifndef BASE_EMBED_H
#define BASE_EMBED_H

#include <stddef.h>

#include "base/slice.h"

struct embed_file {
    const char *path;
    const char *data;
    size_t size;
};

/* Sorted by path; a row with a NULL path ends it and is not counted. */
extern const struct embed_file embed_files[];
extern const size_t embed_file_count;

/* The file of that very path, or NULL. */
const struct embed_file *embed_find(struct slice path);

#endif
