#include "decision/packed_days.h"

#include "base/check.h"

#define HEAD      "M1"
#define DAYS_MAX  31
#define ENTRY_MAX 128 /* bytes of one: more than its numbers take */
#define SUM_MAX   (24 * (uint64_t)PACKED_NUMBER_MAX)
#define BITS      0x7fu /* of a byte of a number */
#define MORE      0x80u /* follow */
#define SHIFT_END 63    /* nine bytes at most */
#define MASK_ALL  ((1u << PACKED_HOURS) - 1)

/* ---- Reading --------------------------------------------------------------------------------- */

/*
 * Cuts a number off the front of what is up to `end`; NULL: there is none, or it is above `max`. A
 * report over a year reads a hundred million of them, so this and those that use it are inlined.
 */
static inline const uint8_t *cut_number(const uint8_t *at, const uint8_t *end, uint64_t max,
                                        uint64_t *ret)
{
    uint64_t number, byte;
    unsigned shift = 7;
    if (at == end)
        return NULL;
    number = *at++;
    if (number & MORE) {
        number &= BITS;
        do {
            if (at == end || shift == SHIFT_END)
                return NULL;
            byte = *at++;
            number |= (byte & BITS) << shift;
            shift += 7;
        } while (byte & MORE);
    }
    *ret = number;
    return number <= max ? at : NULL;
}

/* All of an entry, its hours unread. */
static inline const uint8_t *cut_entry(const uint8_t *at, const uint8_t *end, unsigned fields,
                                       struct packed_entry *ret)
{
    uint64_t field, size, sum;
    if (fields == 0 || !(at = cut_number(at, end, fields - 1, &field)) ||
        !(at = cut_number(at, end, ENTRY_MAX, &size)) || size > (size_t)(end - at))
        return NULL;
    const uint8_t *behind = at + size;
    if (!(at = cut_number(at, behind, SUM_MAX, &sum)))
        return NULL;
    ret->field = (unsigned)field;
    ret->sum = (int64_t)sum;
    ret->hours = slice_of((const char *)at, (size_t)(behind - at));
    return behind;
}

static inline bool read_hours(struct slice hours, int64_t sum, int64_t ret[PACKED_HOURS])
{
    const uint8_t *at = (const uint8_t *)hours.ptr, *end = at + hours.len;
    unsigned all = 0;
    if (at == end || *at > MASK_ALL)
        return false;
    unsigned mask = *at++;
    if (mask == MASK_ALL && end - at == PACKED_HOURS) {
        for (unsigned hour = 0; hour < PACKED_HOURS; hour++) {
            ret[hour] = at[hour];
            sum -= at[hour];
            all |= at[hour];
        }
        return sum == 0 && !(all & MORE);
    }
    memset(ret, 0, PACKED_HOURS * sizeof *ret);
    for (; mask != 0; mask &= mask - 1) {
        uint64_t number;
        if (!(at = cut_number(at, end, PACKED_NUMBER_MAX, &number)))
            return false;
        ret[__builtin_ctz(mask)] = (int64_t)number;
        sum -= (int64_t)number;
    }
    return at == end && sum == 0;
}

static const uint8_t *begin_of(struct slice bytes)
{
    return (const uint8_t *)bytes.ptr;
}

static const uint8_t *end_of(struct slice bytes)
{
    return begin_of(bytes) + bytes.len;
}

/* What is left of the run begins there. */
static void go_to(struct packed_reader *reader, const uint8_t *at)
{
    reader->rest = slice_from(reader->rest, (size_t)(at - begin_of(reader->rest)));
}

void packed_begin(struct packed_reader *reader, struct slice bytes)
{
    *reader = (struct packed_reader){.rest = bytes};
    if (bytes.len > 0 && slice_starts(bytes, SLICE(HEAD)))
        reader->rest = slice_from(bytes, strlen(HEAD));
    else if (bytes.len > 0)
        reader->day = DAYS_MAX + 1;
}

static bool read_field(struct packed_reader *reader, struct packed_entry *ret)
{
    const uint8_t *end = end_of(reader->rest);
    uint64_t len;
    reader->day = 0;
    ret->field = reader->fields++;
    const uint8_t *at = cut_number(begin_of(reader->rest), end, PACKED_FIELD_MAX, &len);
    if (reader->fields > PACKED_FIELDS_MAX || !at || len == 0 || len > (size_t)(end - at))
        return false;
    ret->name = slice_of((const char *)at, (size_t)len);
    go_to(reader, at + len);
    return true;
}

static bool read_day(struct packed_reader *reader, unsigned day)
{
    const uint8_t *at = cut_number(begin_of(reader->rest), end_of(reader->rest), PACKED_FIELDS_MAX,
                                   &reader->entries);
    reader->day = day;
    if (day > DAYS_MAX || !at || reader->entries == 0)
        return false;
    go_to(reader, at);
    return true;
}

enum packed_item packed_next_part(struct packed_reader *reader, struct packed_entry *ret)
{
    CHECK(reader->entries == 0);
    if (reader->day > DAYS_MAX)
        return PACKED_BROKEN;
    if (reader->rest.len == 0)
        return PACKED_END;
    unsigned tag = *begin_of(reader->rest);
    reader->rest = slice_from(reader->rest, 1);
    if (tag == 0)
        return read_field(reader, ret) ? PACKED_FIELD : PACKED_BROKEN;
    ret->day = tag;
    return read_day(reader, tag) ? PACKED_DAY : PACKED_BROKEN;
}

enum packed_item packed_next(struct packed_reader *reader, struct packed_entry *ret)
{
    if (reader->entries == 0) {
        enum packed_item item = packed_next_part(reader, ret);
        if (item != PACKED_DAY)
            return item;
    }
    const uint8_t *at =
        cut_entry(begin_of(reader->rest), end_of(reader->rest), reader->fields, ret);
    if (!at)
        return PACKED_BROKEN;
    ret->day = reader->day;
    reader->entries--;
    go_to(reader, at);
    return PACKED_ENTRY;
}

bool packed_hours(const struct packed_entry *entry, int64_t ret[PACKED_HOURS])
{
    return read_hours(entry->hours, entry->sum, ret);
}

/* ---- Adding up ------------------------------------------------------------------------------- */

bool packed_sum_day(struct packed_reader *reader, packed_total *const *totals, uint32_t place)
{
    const uint8_t *at = begin_of(reader->rest), *end = end_of(reader->rest);
    struct packed_entry entry;
    for (; reader->entries > 0; reader->entries--) {
        if (!(at = cut_entry(at, end, reader->fields, &entry)))
            return false;
        if (totals[entry.field])
            totals[entry.field][place] += entry.sum;
    }
    go_to(reader, at);
    return true;
}

bool packed_sum_hours(struct packed_reader *reader, packed_total *const *totals,
                      const uint32_t places[PACKED_HOURS], uint32_t from)
{
    const uint8_t *at = begin_of(reader->rest), *end = end_of(reader->rest);
    struct packed_entry entry;
    int64_t hours[PACKED_HOURS];
    for (; reader->entries > 0; reader->entries--) {
        if (!(at = cut_entry(at, end, reader->fields, &entry)))
            return false;
        packed_total *to = totals[entry.field];
        if (!to)
            continue;
        if (!read_hours(entry.hours, entry.sum, hours))
            return false;
        for (unsigned i = 0; i < PACKED_HOURS; i++)
            to[places[i]] += hours[i];
        to[from] -= entry.sum;
    }
    go_to(reader, at);
    return true;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void add_number(struct strbuf *to, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        strbuf_add_char(to, (char)(0x80 | (number & 0x7f)));
    strbuf_add_char(to, (char)number);
}

void packed_add_head(struct strbuf *to)
{
    strbuf_add_cstr(to, HEAD);
}

void packed_add_field(struct strbuf *to, struct slice name)
{
    CHECK(name.len > 0 && name.len <= PACKED_FIELD_MAX);
    strbuf_add_char(to, 0);
    add_number(to, name.len);
    strbuf_add_slice(to, name);
}

void packed_add_day(struct strbuf *to, unsigned day, unsigned entries)
{
    CHECK(day >= 1 && day <= DAYS_MAX && entries > 0 && entries <= PACKED_FIELDS_MAX);
    strbuf_add_char(to, (char)day);
    add_number(to, entries);
}

static void add_entry(struct strbuf *to, unsigned field, const struct strbuf *body)
{
    CHECK(!body->overflowed);
    add_number(to, field);
    add_number(to, body->len);
    strbuf_add_slice(to, strbuf_slice(body));
}

void packed_add_sum(struct strbuf *to, unsigned field, int64_t sum)
{
    struct strbuf body;
    CHECK(sum > 0 && (uint64_t)sum <= SUM_MAX);
    strbuf_init(&body, ENTRY_MAX);
    add_number(&body, (uint64_t)sum);
    add_entry(to, field, &body);
    strbuf_release(&body);
}

void packed_add_hours(struct strbuf *to, unsigned field, const int64_t hours[PACKED_HOURS])
{
    struct strbuf body;
    unsigned mask = 0;
    uint64_t sum = 0;
    for (unsigned hour = 0; hour < PACKED_HOURS; hour++) {
        CHECK(hours[hour] >= 0 && hours[hour] <= PACKED_NUMBER_MAX);
        mask |= (unsigned)(hours[hour] > 0) << hour;
        sum += (uint64_t)hours[hour];
    }
    CHECK(mask != 0);
    strbuf_init(&body, ENTRY_MAX);
    add_number(&body, sum);
    strbuf_add_char(&body, (char)mask);
    for (unsigned hour = 0; hour < PACKED_HOURS; hour++) {
        if (hours[hour] > 0)
            add_number(&body, (uint64_t)hours[hour]);
    }
    add_entry(to, field, &body);
    strbuf_release(&body);
}
