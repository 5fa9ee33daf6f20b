/*
 * spool_format: what a segment of the spool looks like, and how it is read back.
 *
 *   head      twice, so that one damaged byte does not cost the segment:
 *               "MHSPOOL1" (8), salt (8), CRC-32C of these 16 bytes (4)
 *   records   one behind the other:
 *               mark (4)        the salt's lower half
 *               length (4)      1 to SPOOL_RECORD_MAX
 *               checksum (4)    CRC-32C of length and bytes, begun with the salt's upper half
 *               bytes
 *
 * Numbers are little-endian. The salt is random and never leaves the machine: after damage the
 * reader looks for the next mark behind which a checksum holds, and no text that a peer had put
 * into a record can pass for one.
 */
#ifndef STORE_SPOOL_FORMAT_H
#define STORE_SPOOL_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/strbuf.h"

#define SPOOL_HEAD_BYTES  40
#define SPOOL_RECORD_HEAD 12 /* bytes before a record's own */

void spool_head_write(char to[SPOOL_HEAD_BYTES], uint64_t salt);

/* False when neither copy is whole. */
bool spool_head_read(const char bytes[SPOOL_HEAD_BYTES], uint64_t *ret_salt);

/* `record` has 1 to SPOOL_RECORD_MAX bytes. */
void spool_record_add(struct strbuf *to, uint64_t salt, struct slice record);

/* ---- Reading ---- */

/* A part of a file in memory, which moves along. One may read several files in turn. */
struct spool_reader;
struct spool_reader *spool_reader_new(void);
void spool_reader_free(struct spool_reader *reader);

struct spool_source {
    uint64_t id; /* the same for the same file, never for two */
    int fd;
    uint64_t salt;
    uint64_t end; /* bytes before it never change while the source is read */
};

enum spool_look {
    SPOOL_LOOK_RECORD, /* a whole record */
    SPOOL_LOOK_NONE,   /* there is none */
    SPOOL_LOOK_FAILED, /* the file cannot be read: errno */
};

struct spool_found {
    uint64_t at, next;   /* where the record begins, and what follows it; without one: the end */
    struct slice record; /* valid until the reader is used again */
};

/* The first whole record at `from` or behind; what lies between is damaged. */
enum spool_look spool_reader_next(struct spool_reader *reader, const struct spool_source *source,
                                  uint64_t from, struct spool_found *ret);

/* The record that begins at `at`. */
enum spool_look spool_reader_at(struct spool_reader *reader, const struct spool_source *source,
                                uint64_t at, struct spool_found *ret);

#endif
