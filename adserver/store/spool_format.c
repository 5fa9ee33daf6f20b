#include "store/spool_format.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "store/spool.h"
#include "store/spool_checksum.h"

#define MAGIC       "MHSPOOL1"
#define MAGIC_LEN   8
#define COPY_BYTES  20
#define MARK_BYTES  4
#define WINDOW_SIZE (128 * 1024)

_Static_assert(WINDOW_SIZE >= SPOOL_RECORD_HEAD + SPOOL_RECORD_MAX, "a record fits the window");
_Static_assert(SPOOL_HEAD_BYTES == 2 * COPY_BYTES, "the head is two copies");

static void put_u32(char *to, uint32_t number)
{
    number = htole32(number);
    memcpy(to, &number, sizeof number);
}

static uint32_t get_u32(const char *from)
{
    uint32_t number;
    memcpy(&number, from, sizeof number);
    return le32toh(number);
}

void spool_head_write(char to[SPOOL_HEAD_BYTES], uint64_t salt)
{
    memcpy(to, MAGIC, MAGIC_LEN);
    put_u32(to + MAGIC_LEN, (uint32_t)salt);
    put_u32(to + MAGIC_LEN + 4, (uint32_t)(salt >> 32));
    put_u32(to + MAGIC_LEN + 8, spool_checksum(0, to, MAGIC_LEN + 8));
    memcpy(to + COPY_BYTES, to, COPY_BYTES);
}

bool spool_head_read(const char bytes[SPOOL_HEAD_BYTES], uint64_t *ret_salt)
{
    for (const char *copy = bytes; copy < bytes + SPOOL_HEAD_BYTES; copy += COPY_BYTES) {
        if (memcmp(copy, MAGIC, MAGIC_LEN) != 0 ||
            get_u32(copy + MAGIC_LEN + 8) != spool_checksum(0, copy, MAGIC_LEN + 8))
            continue;
        *ret_salt = get_u32(copy + MAGIC_LEN) | (uint64_t)get_u32(copy + MAGIC_LEN + 4) << 32;
        return true;
    }
    return false;
}

static uint32_t checksum_of(uint64_t salt, uint32_t len, const char *bytes)
{
    char number[4];
    put_u32(number, len);
    return spool_checksum(spool_checksum((uint32_t)(salt >> 32), number, sizeof number), bytes,
                          len);
}

void spool_record_add(struct strbuf *to, uint64_t salt, struct slice record)
{
    char head[SPOOL_RECORD_HEAD];
    CHECK(record.len > 0 && record.len <= SPOOL_RECORD_MAX);
    put_u32(head, (uint32_t)salt);
    put_u32(head + 4, (uint32_t)record.len);
    put_u32(head + 8, checksum_of(salt, (uint32_t)record.len, record.ptr));
    strbuf_add(to, head, sizeof head);
    strbuf_add_slice(to, record);
}

/* ---- Reading --------------------------------------------------------------------------------- */

struct spool_reader {
    uint64_t id; /* of the source; 0: nothing has been read */
    uint64_t base;
    size_t len;
    char bytes[WINDOW_SIZE];
};

struct spool_reader *spool_reader_new(void)
{
    struct spool_reader *reader = check_malloc(sizeof *reader);
    reader->id = 0;
    return reader;
}

void spool_reader_free(struct spool_reader *reader)
{
    free(reader);
}

/* Moves the window to `at`. False, with errno, when the file does not have its bytes. */
static bool load(struct spool_reader *reader, const struct spool_source *source, uint64_t at)
{
    uint64_t left = source->end - at;
    size_t want = left < WINDOW_SIZE ? (size_t)left : WINDOW_SIZE;
    reader->id = 0;
    reader->len = 0;
    while (reader->len < want) {
        ssize_t got = pread(source->fd, reader->bytes + reader->len, want - reader->len,
                            (off_t)(at + reader->len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got == 0 ? EIO : errno;
            return false;
        }
        reader->len += (size_t)got;
    }
    reader->id = source->id;
    reader->base = at;
    return true;
}

/*
 * All that the window has from `at` on, at least `len` bytes, which the source must have. A NULL
 * pointer when they cannot be read.
 */
static struct slice window(struct spool_reader *reader, const struct spool_source *source,
                           uint64_t at, size_t len)
{
    bool there =
        reader->id == source->id && at >= reader->base && at + len <= reader->base + reader->len;
    if (!there && !load(reader, source, at))
        return (struct slice){NULL, 0};
    return slice_from(slice_of(reader->bytes, reader->len), (size_t)(at - reader->base));
}

enum spool_look spool_reader_at(struct spool_reader *reader, const struct spool_source *source,
                                uint64_t at, struct spool_found *ret)
{
    if (at + SPOOL_RECORD_HEAD > source->end)
        return SPOOL_LOOK_NONE;
    struct slice bytes = window(reader, source, at, SPOOL_RECORD_HEAD);
    if (!bytes.ptr)
        return SPOOL_LOOK_FAILED;
    uint32_t len = get_u32(bytes.ptr + 4), sum = get_u32(bytes.ptr + 8);
    if (get_u32(bytes.ptr) != (uint32_t)source->salt || len == 0 || len > SPOOL_RECORD_MAX ||
        len > source->end - at - SPOOL_RECORD_HEAD)
        return SPOOL_LOOK_NONE;
    bytes = window(reader, source, at, SPOOL_RECORD_HEAD + len);
    if (!bytes.ptr)
        return SPOOL_LOOK_FAILED;
    if (checksum_of(source->salt, len, bytes.ptr + SPOOL_RECORD_HEAD) != sum)
        return SPOOL_LOOK_NONE;
    *ret = (struct spool_found){at, at + SPOOL_RECORD_HEAD + len,
                                slice_of(bytes.ptr + SPOOL_RECORD_HEAD, len)};
    return SPOOL_LOOK_RECORD;
}

/* The next mark at `*at` or behind. */
static enum spool_look find_mark(struct spool_reader *reader, const struct spool_source *source,
                                 uint64_t *at)
{
    char mark[MARK_BYTES];
    put_u32(mark, (uint32_t)source->salt);
    while (*at + SPOOL_RECORD_HEAD <= source->end) {
        struct slice bytes = window(reader, source, *at, SPOOL_RECORD_HEAD);
        if (!bytes.ptr)
            return SPOOL_LOOK_FAILED;
        const char *found = memmem(bytes.ptr, bytes.len, mark, MARK_BYTES);
        if (found) {
            *at += (uint64_t)(found - bytes.ptr);
            return SPOOL_LOOK_RECORD;
        }
        *at += bytes.len - MARK_BYTES + 1; /* a mark may lie across the window's edge */
    }
    return SPOOL_LOOK_NONE;
}

enum spool_look spool_reader_next(struct spool_reader *reader, const struct spool_source *source,
                                  uint64_t from, struct spool_found *ret)
{
    enum spool_look look = spool_reader_at(reader, source, from, ret);
    while (look == SPOOL_LOOK_NONE) {
        from++;
        look = find_mark(reader, source, &from);
        if (look == SPOOL_LOOK_NONE)
            break;
        if (look == SPOOL_LOOK_RECORD)
            look = spool_reader_at(reader, source, from, ret);
    }
    if (look == SPOOL_LOOK_NONE)
        *ret = (struct spool_found){source->end, source->end, {NULL, 0}};
    return look;
}
