#include "decision/report.h"

#include <stdlib.h>

#include "base/check.h"
#include "decision/report_fields.h"
#include "decision/report_rows.h"
#include "decision/report_sums.h"
#include "decision/report_time.h"

#define SUMS         1u /* the bit of the run of sums */
#define QUARTERS_ALL 0xfu

const char *const report_result_words[] = {
    [REPORT_GOOD] = "",
    [REPORT_BROKEN] = "it is no packed month; allowed: what compaction wrote",
    [REPORT_TOO_MUCH] = "more than a report may have; allowed: a shorter time or fewer campaigns",
};

struct report {
    struct report_query query;
    struct report_time time;
    struct arena *arena;
    struct report_metrics metrics;
    struct report_rows rows;
    struct report_sums sums; /* where rows are by time */
    struct report_owner owner;
    struct report_fields fields; /* of the campaign being read */
    report_sum **named;          /* the sums of the fields of the packed run being read */
    unsigned named_room;
    uint64_t unreadable, unreadable_noted;
    struct report_row totals;
};

/* ---- Life ------------------------------------------------------------------------------------ */

struct report *report_new(const struct report_query *query)
{
    struct report *report = check_calloc(1, sizeof *report);
    report->query = *query;
    report->arena = arena_new(0);
    report_metrics_init(&report->metrics, report->arena);
    report_rows_init(&report->rows, report->arena);
    report_time_init(&report->time, query, &report->rows);
    report_sums_init(&report->sums, report->time.outside + 1);
    report_fields_init(&report->fields);
    return report;
}

void report_free(struct report *report)
{
    if (!report)
        return;
    report_fields_release(&report->fields);
    report_sums_release(&report->sums);
    report_time_release(&report->time);
    report_rows_release(&report->rows);
    free(report->totals.sums);
    free(report->named);
    arena_free(report->arena);
    free(report);
}

static bool is_by_time(const struct report *report)
{
    return report->time.hours != NULL;
}

/* ---- A campaign's counts --------------------------------------------------------------------- */

void report_begin(struct report *report, const struct report_owner *owner)
{
    report->owner = *owner;
    report_drop(report);
}

void report_drop(struct report *report)
{
    report_sums_drop(&report->sums);
    report_fields_clear(&report->fields);
    report->unreadable_noted = 0;
}

void report_keep(struct report *report)
{
    const struct report_known *known = report->fields.first;
    for (; known && !is_by_time(report); known = known->next) {
        if (known->own[0] != 0)
            report_rows_add(&report->rows, known->row, known->metric, known->own[0]);
    }
    report_sums_keep(&report->sums);
    report->unreadable += report->unreadable_noted;
    report_drop(report);
}

static uint32_t row_of(struct report *report, const struct report_field *field)
{
    const struct report_owner *owner = &report->owner;
    switch (report->query.by) {
    case REPORT_BY_SLOT:
        return report_rows_find(&report->rows, (const struct slice[REPORT_KEYS_MAX]){field->slot});
    case REPORT_BY_CREATIVE:
        return report_rows_find(&report->rows,
                                (const struct slice[REPORT_KEYS_MAX]){owner->id, field->creative});
    case REPORT_BY_CAMPAIGN:
        return report_rows_find(&report->rows, (const struct slice[REPORT_KEYS_MAX]){
                                                   owner->id, owner->name, owner->advertiser});
    case REPORT_BY_ADVERTISER:
        return report_rows_find(&report->rows,
                                (const struct slice[REPORT_KEYS_MAX]){owner->advertiser});
    default:
        return 0;
    }
}

/* Its row and its column. */
static enum report_result place_field(struct report *report, const struct report_field *field,
                                      struct report_known *known)
{
    if (report_metric_kind(field->metric) == REPORT_KIND_NONE)
        return REPORT_GOOD;
    int metric = report_metrics_find(&report->metrics, field->metric);
    known->row = row_of(report, field);
    if (known->row == REPORT_NO_ROW || metric < 0)
        return REPORT_TOO_MUCH;
    known->metric = (unsigned)metric;
    known->sums = is_by_time(report) ? report_sums_of(&report->sums, known->metric) : known->own;
    return REPORT_GOOD;
}

/* `*ret` is NULL where that is no field. */
static enum report_result find_field(struct report *report, struct slice name,
                                     struct report_known **ret)
{
    struct report_field field;
    *ret = report_fields_find(&report->fields, name);
    if (*ret || !report_field_parse(name, &field))
        return REPORT_GOOD;
    *ret = report_fields_add(&report->fields, name);
    return place_field(report, &field, *ret);
}

enum report_result report_add_field(struct report *report, int64_t hour, struct slice field,
                                    struct slice value)
{
    uint32_t place = report_time_place(&report->time, hour);
    struct report_known *known;
    int64_t number;
    if (place == report->time.outside)
        return REPORT_GOOD;
    enum report_result result = find_field(report, field, &known);
    if (result != REPORT_GOOD || (known && !known->sums))
        return result;
    if (!known || !report_number_parse(value, &number)) {
        report->unreadable_noted++;
        return REPORT_GOOD;
    }
    known->sums[place] += number;
    report_sums_touch(&report->sums, place, place + 1);
    return REPORT_GOOD;
}

/* ---- Packed months --------------------------------------------------------------------------- */

unsigned report_runs(struct report *report, int64_t first)
{
    unsigned quarters = report_time_month(&report->time, first)->quarters;
    return quarters << 1 | (quarters == QUARTERS_ALL ? 0 : SUMS);
}

static enum report_result read_name(struct report *report, const struct packed_entry *entry)
{
    struct report_known *known;
    enum report_result result = find_field(report, entry->name, &known);
    if (entry->field == report->named_room) {
        report->named_room = report->named_room > 0 ? 2 * report->named_room : 64;
        report->named = check_realloc(report->named, report->named_room * sizeof(report_sum *));
    }
    report->named[entry->field] = known ? known->sums : NULL;
    return known ? result : REPORT_BROKEN;
}

static bool read_day(struct report *report, const struct report_month *month, unsigned run,
                     struct packed_reader *reader)
{
    size_t day = reader->day - 1;
    if (run == 0)
        return packed_sum_day(reader, report->named, month->rest[day]);
    size_t hour = day * REPORT_DAY_HOURS + (size_t)(run - 1) * PACKED_HOURS;
    return packed_sum_hours(reader, report->named, &month->places[hour], month->rest[day]);
}

enum report_result report_add_month(struct report *report, int64_t first, unsigned run,
                                    struct slice packed)
{
    const struct report_month *month = report_time_month(&report->time, first);
    struct packed_reader reader;
    struct packed_entry entry;
    enum packed_item item;
    enum report_result result = REPORT_GOOD;
    report_sums_touch(&report->sums, month->from, month->until);
    packed_begin(&reader, packed);
    while (result == REPORT_GOOD && (item = packed_next_part(&reader, &entry)) != PACKED_END) {
        if (item == PACKED_FIELD)
            result = read_name(report, &entry);
        else if (item == PACKED_BROKEN || !read_day(report, month, run, &reader))
            result = REPORT_BROKEN;
    }
    return result;
}

/* ---- What has been added up ------------------------------------------------------------------ */

void report_finish(struct report *report)
{
    if (is_by_time(report))
        report_sums_give(&report->sums, &report->rows);
    else
        report_rows_sort(&report->rows);
    report_metrics_sort(&report->metrics);
    report->totals.keys[0] = SLICE("total");
    for (uint32_t i = 0; i < report->rows.count; i++) {
        const struct report_row *row = report_rows_at(&report->rows, i);
        for (unsigned metric = 0; metric < row->count; metric++)
            report_row_add(&report->totals, metric, row->sums[metric]);
    }
}

const struct report_query *report_asked(const struct report *report)
{
    return &report->query;
}

const struct report_metrics *report_metrics(const struct report *report)
{
    return &report->metrics;
}

unsigned report_row_count(const struct report *report)
{
    return report->rows.count;
}

const struct report_row *report_row(const struct report *report, unsigned at)
{
    return report_rows_at(&report->rows, at);
}

const struct report_row *report_totals(const struct report *report)
{
    return &report->totals;
}

report_sum report_get(const struct report_row *row, unsigned metric)
{
    return metric < row->count ? row->sums[metric] : 0;
}

report_sum report_sum_of(const struct report *report, const struct report_row *row,
                         enum report_metric_kind kind)
{
    report_sum sum = 0;
    for (unsigned i = REPORT_FIXED; i < row->count; i++) {
        if (report_metric_kind(report->metrics.words[i]) == kind)
            sum += row->sums[i];
    }
    return sum;
}

uint64_t report_unreadable(const struct report *report)
{
    return report->unreadable;
}

const char *const *report_columns(enum report_by by)
{
    static const char *const heads[][REPORT_KEYS_MAX + 1] = {
        [REPORT_BY_HOUR] = {"hour", NULL},
        [REPORT_BY_DAY] = {"day", NULL},
        [REPORT_BY_SLOT] = {"slot", NULL},
        [REPORT_BY_CREATIVE] = {"campaign", "creative", NULL},
        [REPORT_BY_CAMPAIGN] = {"campaign", "name", "advertiser", NULL},
        [REPORT_BY_ADVERTISER] = {"advertiser", NULL},
    };
    return heads[by];
}
