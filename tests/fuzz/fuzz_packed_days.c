/*
 * Any bytes as what stands in Redis of a campaign's counts: as a packed run, which is refused or
 * comes out the same when all of it is packed again; as an hour's field and number.
 */
#include <stdlib.h>

#include "base/check.h"
#include "decision/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pack_entry(struct strbuf *again, const struct packed_entry *entry,
                       const int64_t hours[PACKED_HOURS])
{
    packed_add_day(again, entry->day, 1);
    if (entry->hours.len > 0)
        packed_add_hours(again, entry->field, hours);
    else
        packed_add_sum(again, entry->field, entry->sum);
}

/* Into `again`; false where it is no run. */
static bool pack_again(struct slice bytes, struct strbuf *again)
{
    struct packed_reader reader;
    struct packed_entry entry;
    int64_t hours[PACKED_HOURS];
    enum packed_item item;
    packed_begin(&reader, bytes);
    while ((item = packed_next(&reader, &entry)) != PACKED_END) {
        if (item == PACKED_BROKEN ||
            (item == PACKED_ENTRY && entry.hours.len > 0 && !packed_hours(&entry, hours)))
            return false;
        if (item == PACKED_FIELD) {
            CHECK(entry.name.ptr >= bytes.ptr &&
                  entry.name.ptr + entry.name.len <= bytes.ptr + bytes.len);
            packed_add_field(again, entry.name);
        } else if (entry.sum > 0) {
            pack_entry(again, &entry, hours);
        }
    }
    return true;
}

/* As sums where `run` is 0, as a quarter by hours otherwise. */
static report_sum sum_of(struct slice bytes, unsigned run, bool *ret_good)
{
    const struct report_query query = {.by = run == 0 ? REPORT_BY_CREATIVE : REPORT_BY_HOUR,
                                       .zone = zone_find(SLICE("UTC")),
                                       .end_hour = 31 * 24};
    const struct report_owner owner = {.id = SLICE("spring")};
    struct report *report = report_new(&query);
    report_sum sum = 0;
    report_begin(report, &owner);
    *ret_good = report_add_month(report, 0, run, bytes) == REPORT_GOOD;
    report_keep(report);
    report_finish(report);
    for (unsigned i = 0; i < report_totals(report)->count; i++)
        sum += report_totals(report)->sums[i];
    report_free(report);
    return sum;
}

static void read_field(struct slice bytes)
{
    struct report_field field;
    int64_t number;
    size_t end = slice_find(bytes, '\n');
    if (report_field_parse(slice_of(bytes.ptr, end), &field))
        CHECK(field.creative.len + field.slot.len + field.metric.len + 2 == end &&
              end <= PACKED_FIELD_MAX);
    (void)report_number_parse(slice_from(bytes, end + 1), &number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned run = size > 0 ? data[0] % PACKED_RUNS : 0;
    struct slice bytes = slice_from(slice_of((const char *)data, size), 1);
    struct strbuf again;
    bool good, good_again;
    strbuf_init(&again, PACKED_RUN_MAX);
    packed_add_head(&again);
    report_sum sum = sum_of(bytes, run, &good);
    if (pack_again(bytes, &again) && good && !again.overflowed)
        CHECK(sum_of(strbuf_slice(&again), run, &good_again) == sum && good_again);
    strbuf_release(&again);
    read_field(bytes);
    return 0;
}
