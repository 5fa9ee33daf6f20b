/*
 * Any bytes through the reader of replies: whole and in pieces (of one byte where they are few)
 * they give the same replies and the same end, texts end in NUL, and a hash that can be laid out
 * can be taken apart again.
 */
#include <stdlib.h>

#include "base/check.h"
#include "store/raw_record.h"
#include "store/redis_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REPLY_MAX ((size_t)65536)
#define TOLD_MAX  ((size_t)64 * 1024 * 1024)

static void tell(struct strbuf *told, const struct redis_reply *reply, unsigned depth)
{
    CHECK(depth < 10);
    strbuf_addf(told, "%d:%lld:%zu:", (int)reply->type, (long long)reply->integer, reply->count);
    if (reply->type == REDIS_STRING || reply->type == REDIS_STATUS ||
        reply->type == REDIS_ERROR_TEXT)
        CHECK(reply->text.ptr[reply->text.len] == '\0');
    strbuf_add_slice(told, reply->text);
    for (size_t i = 0; i < reply->count; i++)
        tell(told, &reply->items[i], depth + 1);
}

static void check_hash(const struct redis_reply *reply)
{
    struct record_field fields[RECORD_FIELDS_MAX];
    struct strbuf raw;
    struct err err;
    unsigned count;
    strbuf_init(&raw, RAW_RECORD_MAX);
    if (raw_record_pack(reply, &raw, &err) && raw_record_unpack(strbuf_slice(&raw), fields, &count))
        CHECK(count == reply->count / 2);
    strbuf_release(&raw);
}

/* All replies there are, then what stopped them. */
static enum redis_read drain(struct redis_reader *reader, struct strbuf *told)
{
    const struct redis_reply *reply;
    enum redis_read read;
    while ((read = redis_reader_next(reader, &reply)) == REDIS_READ_REPLY) {
        tell(told, reply, 0);
        check_hash(reply);
        strbuf_add_u64(told, redis_reply_failure(reply));
    }
    CHECK(read == REDIS_READ_MORE || redis_reader_error(reader)[0] != '\0');
    return read;
}

static void run(const uint8_t *data, size_t size, size_t piece, struct strbuf *told)
{
    struct redis_reader *reader = redis_reader_new(REPLY_MAX);
    enum redis_read read = REDIS_READ_MORE;
    for (size_t at = 0; at < size && read == REDIS_READ_MORE; at += piece) {
        redis_reader_feed(reader, data + at, size - at < piece ? size - at : piece);
        read = drain(reader, told);
    }
    strbuf_add_u64(told, read);
    redis_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strbuf whole, pieces;
    strbuf_init(&whole, TOLD_MAX);
    strbuf_init(&pieces, TOLD_MAX);
    run(data, size, size > 0 ? size : 1, &whole);
    run(data, size, 1 + size / 64, &pieces);
    if (size <= REPLY_MAX / 2)
        CHECK(slice_eq(strbuf_slice(&whole), strbuf_slice(&pieces)));
    strbuf_release(&whole);
    strbuf_release(&pieces);
    return 0;
}
