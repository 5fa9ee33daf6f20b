/*
 * catalog_file: the last good catalog on disk.
 *
 *   "MASTHEAD CATALOG 1\n"
 *   length of the key prefix (1), the prefix      a file of another prefix is another catalog
 *   number of entries (4)
 *   each: kind (1), length of its id (1), length of its record (4), id, record (raw_record.h)
 *   SHA-256 of all that stands before (32)
 *
 * Of an entry that stands there twice the later one holds. Numbers are little-endian. A file that
 * is not whole, not ours or of another version is refused as a whole. It is written beside, synced
 * and renamed, so that there is always a whole one, by a thread: the loop never waits for a disk.
 */
#ifndef STORE_CATALOG_FILE_H
#define STORE_CATALOG_FILE_H

#include "base/err.h"
#include "base/strbuf.h"
#include "decision/record.h"

#define CATALOG_FILE_MAX  ((size_t)1024 * 1024 * 1024)
#define CATALOG_FILE_SEAL 32

struct loop;

/* ---- Contents ---- */

void catalog_file_begin(struct strbuf *to, struct slice prefix);
void catalog_file_add(struct strbuf *to, enum record_kind kind, struct slice id, struct slice raw);
/* How many there are; then it can be sealed. */
void catalog_file_end(struct strbuf *to, struct slice prefix, unsigned entry_count);
void catalog_file_seal(struct strbuf *to);

typedef void catalog_file_fn(enum record_kind kind, struct slice id, struct slice raw, void *arg);

/* Calls `fn` for each entry, once all of it is found whole. False with `err` when it is not. */
bool catalog_file_decode(struct slice bytes, struct slice prefix, catalog_file_fn *fn, void *arg,
                         struct err *err);

/* The same for a file; `*ret_absent` where there is none, which is no mistake. */
bool catalog_file_read(const char *path, struct slice prefix, catalog_file_fn *fn, void *arg,
                       bool *ret_absent, struct err *err);

/* ---- Writing ---- */

struct catalog_writer;

/* Writes to `path`. */
struct catalog_writer *catalog_writer_new(struct loop *loop, const char *path);

/* Waits for what is being written. */
void catalog_writer_free(struct catalog_writer *writer);

bool catalog_writer_is_busy(const struct catalog_writer *writer);

/* Whether the last that was written is on disk; of one that is not busy. */
bool catalog_writer_has_failed(const struct catalog_writer *writer);

/*
 * Begins to seal and write `bytes`, which it takes over (the buffer is left empty). Not while busy.
 * Where the disk refuses, a line in the log says so, and the file stays as it was.
 */
void catalog_writer_write(struct catalog_writer *writer, struct strbuf *bytes);

#endif
