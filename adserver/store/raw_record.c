#include "store/raw_record.h"

#include <stdlib.h>

#include "base/check.h"

#define FIELD_HEAD 8

struct raw_record *raw_record_new(struct slice bytes)
{
    struct raw_record *raw = check_malloc(sizeof *raw + bytes.len);
    raw->len = (uint32_t)bytes.len;
    if (bytes.len)
        memcpy(raw->bytes, bytes.ptr, bytes.len);
    return raw;
}

struct slice raw_record_slice(const struct raw_record *raw)
{
    return slice_of(raw->bytes, raw->len);
}

static void add_number(struct strbuf *to, size_t number)
{
    char bytes[4] = {(char)number, (char)(number >> 8), (char)(number >> 16), (char)(number >> 24)};
    strbuf_add(to, bytes, sizeof bytes);
}

static size_t read_number(const char *from)
{
    const uint8_t *bytes = (const uint8_t *)from;
    return bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 24;
}

/* By insertion: there are few, and they mostly come in the same order. */
static void sort_fields(struct record_field *fields, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        struct record_field field = fields[i];
        unsigned at = i;
        for (; at > 0 && slice_compare(field.name, fields[at - 1].name) < 0; at--)
            fields[at] = fields[at - 1];
        fields[at] = field;
    }
}

static bool read_fields(const struct redis_reply *reply, struct record_field *fields,
                        unsigned *ret_count, struct err *err)
{
    size_t bytes = 0;
    unsigned count = 0;
    if (reply->type != REDIS_ARRAY || reply->count % 2 != 0)
        return err_set(err, "is not a hash; allowed: a HASH of fields and values");
    if (reply->count / 2 > RECORD_FIELDS_MAX)
        return err_set(err, "has %zu fields; allowed: at most %d", reply->count / 2,
                       RECORD_FIELDS_MAX);
    for (size_t i = 0; i < reply->count; i++)
        bytes += reply->items[i].text.len;
    if (bytes > RECORD_BYTES_MAX)
        return err_set(err, "has %zu bytes; allowed: at most %d", bytes, RECORD_BYTES_MAX);
    for (size_t i = 0; i < reply->count; i += 2)
        fields[count++] = (struct record_field){reply->items[i].text, reply->items[i + 1].text};
    *ret_count = count;
    return true;
}

bool raw_record_pack(const struct redis_reply *reply, struct strbuf *ret, struct err *err)
{
    struct record_field fields[RECORD_FIELDS_MAX];
    unsigned count = 0;
    (void)err_at(err, "%s", "");
    if (!read_fields(reply, fields, &count, err))
        return false;
    sort_fields(fields, count);
    strbuf_clear(ret);
    for (unsigned i = 0; i < count; i++) {
        add_number(ret, fields[i].name.len);
        add_number(ret, fields[i].value.len);
        strbuf_add_slice(ret, fields[i].name);
        strbuf_add_slice(ret, fields[i].value);
    }
    CHECK(!ret->overflowed);
    return true;
}

bool raw_record_unpack(struct slice raw, struct record_field ret_fields[RECORD_FIELDS_MAX],
                       unsigned *ret_count)
{
    unsigned count = 0;
    size_t bytes = 0;
    while (raw.len > 0) {
        if (raw.len < FIELD_HEAD || count == RECORD_FIELDS_MAX)
            return false;
        size_t name = read_number(raw.ptr), value = read_number(raw.ptr + 4);
        raw = slice_from(raw, FIELD_HEAD);
        if (name > raw.len || value > raw.len - name || (bytes += name + value) > RECORD_BYTES_MAX)
            return false;
        ret_fields[count].name = slice_of(raw.ptr, name);
        ret_fields[count].value = slice_of(raw.ptr + name, value);
        if (count > 0 && slice_compare(ret_fields[count - 1].name, ret_fields[count].name) >= 0)
            return false;
        raw = slice_from(raw, name + value);
        count++;
    }
    *ret_count = count;
    return true;
}

/* FNV-1a, and the mixing of splitmix64 at the end, since these are added up. */
static uint64_t hash_on(uint64_t hash, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ (uint8_t)bytes.ptr[i]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t raw_record_hash(enum record_kind kind, struct slice id, struct slice raw)
{
    char between = '\0';
    uint64_t hash = UINT64_C(0xcbf29ce484222325) + (uint64_t)kind;
    hash = hash_on(hash_on(hash_on(hash, id), slice_of(&between, 1)), raw);
    hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
    return hash ^ hash >> 31;
}
