#include "decision/packed_days.h"

#include "base/check.h"

#define HEAD      "M1"
#define DAYS_MAX  31
#define ENTRY_MAX 128 /* bytes of one: more than its numbers take */
#define SUM_MAX   (24 * (uint64_t)PACKED_NUMBER_MAX)

/* ---- Reading --------------------------------------------------------------------------------- */

static bool cut_number(struct slice *rest, uint64_t max, uint64_t *ret)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < rest->len && i < 9; i++) {
        uint8_t byte = (uint8_t)rest->ptr[i];
        number |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        *rest = slice_from(*rest, i + 1);
        *ret = number;
        return number <= max;
    }
    return false;
}

static bool cut_bytes(struct slice *rest, uint64_t len, struct slice *ret)
{
    if (len > rest->len)
        return false;
    *ret = slice_of(rest->ptr, (size_t)len);
    *rest = slice_from(*rest, (size_t)len);
    return true;
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
    uint64_t len;
    reader->day = 0;
    ret->field = reader->fields++;
    return reader->fields <= PACKED_FIELDS_MAX &&
           cut_number(&reader->rest, PACKED_FIELD_MAX, &len) && len > 0 &&
           cut_bytes(&reader->rest, len, &ret->name);
}

static bool read_entry(struct packed_reader *reader, struct packed_entry *ret)
{
    uint64_t field, size, sum;
    if (reader->fields == 0 || !cut_number(&reader->rest, reader->fields - 1, &field) ||
        !cut_number(&reader->rest, ENTRY_MAX, &size) ||
        !cut_bytes(&reader->rest, size, &ret->hours) || !cut_number(&ret->hours, SUM_MAX, &sum))
        return false;
    ret->field = (unsigned)field;
    ret->day = reader->day;
    ret->sum = (int64_t)sum;
    reader->entries--;
    return true;
}

static bool read_day(struct packed_reader *reader, unsigned day)
{
    reader->day = day;
    return day <= DAYS_MAX && cut_number(&reader->rest, PACKED_FIELDS_MAX, &reader->entries) &&
           reader->entries > 0;
}

enum packed_item packed_next(struct packed_reader *reader, struct packed_entry *ret)
{
    if (reader->day > DAYS_MAX)
        return PACKED_BROKEN;
    if (reader->entries == 0) {
        if (reader->rest.len == 0)
            return PACKED_END;
        unsigned tag = (uint8_t)reader->rest.ptr[0];
        reader->rest = slice_from(reader->rest, 1);
        if (tag == 0)
            return read_field(reader, ret) ? PACKED_FIELD : PACKED_BROKEN;
        if (!read_day(reader, tag))
            return PACKED_BROKEN;
    }
    return read_entry(reader, ret) ? PACKED_ENTRY : PACKED_BROKEN;
}

bool packed_hours(const struct packed_entry *entry, int64_t ret[PACKED_HOURS])
{
    struct slice rest = slice_from(entry->hours, 1);
    int64_t sum = 0;
    if (entry->hours.len == 0)
        return false;
    unsigned mask = (uint8_t)entry->hours.ptr[0];
    for (unsigned hour = 0; hour < PACKED_HOURS; hour++) {
        uint64_t number = 0;
        if ((mask >> hour & 1) && !cut_number(&rest, PACKED_NUMBER_MAX, &number))
            return false;
        ret[hour] = (int64_t)number;
        sum += ret[hour];
    }
    return rest.len == 0 && mask >> PACKED_HOURS == 0 && sum == entry->sum;
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
