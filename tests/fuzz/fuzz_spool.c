/*
 * Any bytes as a segment of the spool: reading it ends, and each record it gives lies where it
 * says, behind the one before, with a checksum that holds by a second way of reckoning.
 *
 * The first byte of the input chooses: the rest is a whole file, or what stands behind a good head,
 * or pieces (a byte that tells: a record or mere bytes, a byte of length, the bytes), so that whole
 * records and damage of all kinds stand side by side.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/strbuf.h"
#include "store/spool.h"
#include "store/spool_format.h"

#define INPUT_MAX (256 * 1024)
#define FILE_MAX  (4 * 1024 * 1024)
#define SALT      UINT64_C(0x0123456789abcdef)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_head(struct strbuf *file)
{
    char head[SPOOL_HEAD_BYTES];
    spool_head_write(head, SALT);
    strbuf_add(file, head, sizeof head);
}

static void add_pieces(struct strbuf *file, struct slice rest)
{
    while (rest.len >= 2) {
        bool is_record = rest.ptr[0] & 1;
        size_t len = (uint8_t)rest.ptr[1];
        rest = slice_from(rest, 2);
        if (len > rest.len)
            len = rest.len;
        if (is_record && len > 0)
            spool_record_add(file, SALT, slice_of(rest.ptr, len));
        else
            strbuf_add(file, rest.ptr, len);
        rest = slice_from(rest, len);
    }
}

static uint32_t number_at(const char *bytes)
{
    const uint8_t *at = (const uint8_t *)bytes;
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Bit by bit. */
static uint32_t checksum(uint32_t sum, const char *bytes, size_t len)
{
    sum = ~sum;
    for (size_t i = 0; i < len; i++) {
        sum ^= (uint8_t)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? UINT32_C(0x82f63b78) : 0);
    }
    return ~sum;
}

static void check_record(struct slice file, const struct spool_found *found, uint64_t salt)
{
    CHECK(found->record.len > 0 && found->record.len <= SPOOL_RECORD_MAX);
    CHECK(found->next == found->at + SPOOL_RECORD_HEAD + found->record.len);
    CHECK(found->next <= file.len);
    const char *head = file.ptr + found->at;
    CHECK(number_at(head) == (uint32_t)salt && number_at(head + 4) == found->record.len);
    CHECK(slice_eq(found->record, slice_of(head + SPOOL_RECORD_HEAD, found->record.len)));
    uint32_t sum = checksum((uint32_t)(salt >> 32), head + 4, 4);
    sum = checksum(sum, head + SPOOL_RECORD_HEAD, found->record.len);
    CHECK(number_at(head + 8) == sum);
}

static void read_records(struct slice file, int fd, uint64_t salt)
{
    struct spool_source source = {.id = 1, .fd = fd, .salt = salt, .end = file.len};
    struct spool_reader *reader = spool_reader_new();
    struct spool_reader *again = spool_reader_new();
    struct spool_found found, same;
    uint64_t at = SPOOL_HEAD_BYTES;
    enum spool_look look;
    while ((look = spool_reader_next(reader, &source, at, &found)) == SPOOL_LOOK_RECORD) {
        CHECK(found.at >= at);
        check_record(file, &found, salt);
        CHECK(spool_reader_at(again, &source, found.at, &same) == SPOOL_LOOK_RECORD);
        CHECK(same.next == found.next && slice_eq(same.record, found.record));
        at = found.next;
    }
    CHECK(look == SPOOL_LOOK_NONE && found.at == file.len && found.next == file.len);
    spool_reader_free(reader);
    spool_reader_free(again);
}

static void try_file(struct slice file)
{
    uint64_t salt;
    if (file.len < SPOOL_HEAD_BYTES || !spool_head_read(file.ptr, &salt))
        return;
    int fd = memfd_create("segment", MFD_CLOEXEC);
    CHECK(fd >= 0 && write(fd, file.ptr, file.len) == (ssize_t)file.len);
    read_records(file, fd, salt);
    (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strbuf file;
    if (size == 0 || size > INPUT_MAX)
        return 0;
    struct slice rest = slice_of((const char *)data + 1, size - 1);
    strbuf_init(&file, FILE_MAX);
    if (data[0] % 3 != 0)
        add_head(&file);
    if (data[0] % 3 == 2)
        add_pieces(&file, rest);
    else
        strbuf_add_slice(&file, rest);
    try_file(strbuf_slice(&file));
    strbuf_release(&file);
    return 0;
}
