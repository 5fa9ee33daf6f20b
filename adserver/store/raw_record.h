/*
 * raw_record: one Redis hash as it was read, in one allocation, fields sorted by name.
 *
 * It is kept so that the same hash read again is known to be the same by comparing bytes, and so
 * that the last good catalog can be written to disk. Layout, numbers little-endian: for each field
 * length of its name (4), length of its value (4), name, value.
 */
#ifndef STORE_RAW_RECORD_H
#define STORE_RAW_RECORD_H

#include "base/err.h"
#include "base/strbuf.h"
#include "decision/record.h"
#include "store/redis.h"

#define RAW_RECORD_MAX (RECORD_BYTES_MAX + 8 * RECORD_FIELDS_MAX)

struct raw_record {
    uint32_t len;
    char bytes[];
};

/* A copy that free() frees. */
struct raw_record *raw_record_new(struct slice bytes);
struct slice raw_record_slice(const struct raw_record *raw);

/*
 * Lays a hash out as HGETALL answers it. False with `err` where it has too many fields, too many
 * bytes, or is no such answer.
 */
bool raw_record_pack(const struct redis_reply *reply, struct strbuf *ret, struct err *err);

/*
 * Takes it apart; the slices point into `raw`. False unless it is whole, in order and within the
 * limits: anything may stand in a file.
 */
bool raw_record_unpack(struct slice raw, struct record_field ret_fields[RECORD_FIELDS_MAX],
                       unsigned *ret_count);

/* Of kind, id and contents. Sums of these tell catalogs apart whatever the order. */
uint64_t raw_record_hash(enum record_kind kind, struct slice id, struct slice raw);

#endif
