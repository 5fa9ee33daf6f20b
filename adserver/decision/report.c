#include "decision/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "decision/report_rows.h"

#define HOUR_US       (INT64_C(3600) * US_PER_SECOND)
#define MONTH_DAYS    31
#define DAY_HOURS     24
#define SUMS          1u /* the bit of the run of sums */
#define QUARTERS_ALL  0xfu
#define NOT_COUNTED   (-1) /* the column of what is kept beside the counts */
#define NOT_A_FIELD   (-2)
#define NOTED_AT_ONCE 1024

const char *const report_result_words[] = {
    [REPORT_GOOD] = "",
    [REPORT_BROKEN] = "it is no packed month; allowed: what compaction wrote",
    [REPORT_TOO_MUCH] = "more than a report may have; allowed: a shorter time or fewer campaigns",
};

/* Something counted that is not yet in its row. */
struct noted {
    int64_t number;
    uint32_t row;
    unsigned metric;
};

/* Where a field's counts go. */
struct target {
    uint32_t row; /* where rows are not by time */
    int metric;   /* or NOT_COUNTED, NOT_A_FIELD */
};

/*
 * How a packed month is read. A day's sum goes into the row of its rest: of the hours in quarters
 * that are not read, which all are of one row. Hours of the quarters that are read are moved from
 * there into their own rows.
 */
struct month_plan {
    int64_t first;     /* hour */
    unsigned quarters; /* bits of those to be read */
    uint32_t rest[MONTH_DAYS];
};

struct report {
    struct report_query query;
    struct month_plan *plans; /* of the months met so far */
    unsigned plan_count;
    const struct month_plan *plan; /* of the month being read */
    struct arena *arena;
    struct report_metrics metrics;
    struct report_rows rows;
    uint32_t *hour_rows; /* by hour from first_hour on; NULL: rows are not by time */
    struct report_owner owner;
    struct noted *noted;
    size_t noted_count, noted_room;
    struct target *targets; /* of the fields of the run being read */
    unsigned target_room;
    uint64_t unreadable, unreadable_noted;
    struct report_row totals;
};

/* ---- Time ------------------------------------------------------------------------------------ */

void report_hour_text(const struct zone *zone, int64_t hour, char ret[REPORT_TIME_MAX])
{
    int32_t offset_s = zone_span_at(zone, hour * 3600).offset_s;
    int minutes = abs(offset_s) / 60;
    time_t local = (time_t)(hour * 3600 + offset_s);
    struct tm tm;
    CHECK(gmtime_r(&local, &tm) != NULL);
    size_t len = strftime(ret, REPORT_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    CHECK(len > 0);
    if (offset_s == 0)
        (void)snprintf(ret + len, REPORT_TIME_MAX - len, "Z");
    else
        (void)snprintf(ret + len, REPORT_TIME_MAX - len, "%c%02d:%02d", offset_s < 0 ? '-' : '+',
                       minutes / 60 % 24, minutes % 60);
}

static uint32_t row_of_text(struct report *report, const char *text)
{
    const struct slice keys[REPORT_KEYS_MAX] = {slice_cstr(text)};
    uint32_t row = report_rows_find(&report->rows, keys);
    CHECK(row != REPORT_NO_ROW); /* REPORT_HOURS_MAX is less than REPORT_ROWS_MAX */
    return row;
}

static void make_hours(struct report *report)
{
    const struct report_query *query = &report->query;
    char text[REPORT_TIME_MAX];
    for (int64_t hour = query->first_hour; hour < query->end_hour; hour++) {
        report_hour_text(query->zone, hour, text);
        report->hour_rows[hour - query->first_hour] = row_of_text(report, text);
    }
}

static void make_days(struct report *report)
{
    const struct report_query *query = &report->query;
    char text[REPORT_TIME_MAX];
    for (int64_t hour = query->first_hour; hour < query->end_hour;) {
        const struct zone_day day = zone_day_at(query->zone, hour * HOUR_US);
        (void)snprintf(text, sizeof text, "%04d-%02d-%02d", day.date / 10000, day.date / 100 % 100,
                       day.date % 100);
        uint32_t row = row_of_text(report, text);
        for (; hour < query->end_hour && hour * HOUR_US < day.end_us; hour++)
            report->hour_rows[hour - query->first_hour] = row;
    }
}

static void make_time(struct report *report)
{
    size_t hours = (size_t)(report->query.end_hour - report->query.first_hour);
    if (report->query.by != REPORT_BY_HOUR && report->query.by != REPORT_BY_DAY)
        return;
    CHECK(hours <= REPORT_HOURS_MAX);
    report->hour_rows = check_malloc(hours * sizeof *report->hour_rows);
    if (report->query.by == REPORT_BY_HOUR)
        make_hours(report);
    else
        make_days(report);
}

/* ---- Life ------------------------------------------------------------------------------------ */

struct report *report_new(const struct report_query *query)
{
    struct report *report = check_calloc(1, sizeof *report);
    report->query = *query;
    report->arena = arena_new(0);
    report_metrics_init(&report->metrics, report->arena);
    report_rows_init(&report->rows, report->arena);
    make_time(report);
    return report;
}

void report_free(struct report *report)
{
    if (!report)
        return;
    report_rows_release(&report->rows);
    free(report->totals.sums);
    free(report->hour_rows);
    free(report->noted);
    free(report->targets);
    free(report->plans);
    arena_free(report->arena);
    free(report);
}

/* ---- Counts ---------------------------------------------------------------------------------- */

void report_begin(struct report *report, const struct report_owner *owner)
{
    report->owner = *owner;
    report->noted_count = 0;
    report->unreadable_noted = 0;
}

void report_drop(struct report *report)
{
    report->noted_count = 0;
    report->unreadable_noted = 0;
}

void report_keep(struct report *report)
{
    for (size_t i = 0; i < report->noted_count; i++) {
        const struct noted *noted = &report->noted[i];
        report_rows_add(&report->rows, noted->row, noted->metric, noted->number);
    }
    report->unreadable += report->unreadable_noted;
    report_drop(report);
}

static void note(struct report *report, uint32_t row, int metric, int64_t number)
{
    if (report->noted_count == report->noted_room) {
        report->noted_room = report->noted_room > 0 ? 2 * report->noted_room : NOTED_AT_ONCE;
        report->noted = check_realloc(report->noted, report->noted_room * sizeof *report->noted);
    }
    report->noted[report->noted_count++] =
        (struct noted){.number = number, .row = row, .metric = (unsigned)metric};
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

static enum report_result find_target(struct report *report, struct slice text, struct target *ret)
{
    struct report_field field;
    *ret = (struct target){.metric = NOT_A_FIELD};
    if (!report_field_parse(text, &field))
        return REPORT_GOOD;
    ret->metric = NOT_COUNTED;
    if (report_metric_kind(field.metric) == REPORT_KIND_NONE)
        return REPORT_GOOD;
    ret->row = row_of(report, &field);
    ret->metric = report_metrics_find(&report->metrics, field.metric);
    return ret->row == REPORT_NO_ROW || ret->metric < 0 ? REPORT_TOO_MUCH : REPORT_GOOD;
}

/* The row an hour goes to: 0 where rows are not by time; REPORT_NO_ROW where it is not asked for.
 */
static uint32_t row_of_hour(const struct report *report, int64_t hour)
{
    const struct report_query *query = &report->query;
    if (hour < query->first_hour || hour >= query->end_hour)
        return REPORT_NO_ROW;
    return report->hour_rows ? report->hour_rows[hour - query->first_hour] : 0;
}

static void note_in(struct report *report, const struct target *target, uint32_t row,
                    int64_t number)
{
    if (number != 0 && row != REPORT_NO_ROW)
        note(report, report->hour_rows ? row : target->row, target->metric, number);
}

enum report_result report_add_field(struct report *report, int64_t hour, struct slice field,
                                    struct slice value)
{
    struct target target;
    int64_t number;
    if (row_of_hour(report, hour) == REPORT_NO_ROW)
        return REPORT_GOOD;
    enum report_result result = find_target(report, field, &target);
    if (result != REPORT_GOOD || target.metric == NOT_COUNTED)
        return result;
    if (target.metric == NOT_A_FIELD || !report_number_parse(value, &number))
        report->unreadable_noted++;
    else
        note_in(report, &target, row_of_hour(report, hour), number);
    return REPORT_GOOD;
}

/* ---- Packed months --------------------------------------------------------------------------- */

static enum report_result read_field(struct report *report, const struct packed_entry *entry)
{
    if (entry->field == report->target_room) {
        report->target_room = report->target_room > 0 ? 2 * report->target_room : 64;
        report->targets =
            check_realloc(report->targets, report->target_room * sizeof *report->targets);
    }
    enum report_result result = find_target(report, entry->name, &report->targets[entry->field]);
    return report->targets[entry->field].metric == NOT_A_FIELD ? REPORT_BROKEN : result;
}

/* The row of all hours of a day outside of these quarters; false where they have several. */
static bool find_rest(const struct report *report, int64_t hour, unsigned quarters, uint32_t *ret)
{
    bool found = false;
    *ret = REPORT_NO_ROW;
    for (unsigned i = 0; i < DAY_HOURS; i++) {
        if (quarters >> i / PACKED_HOURS & 1)
            continue;
        uint32_t row = row_of_hour(report, hour + i);
        if (found && row != *ret)
            return false;
        found = true;
        *ret = row;
    }
    return true;
}

static bool plan_with(const struct report *report, unsigned quarters, struct month_plan *plan)
{
    for (unsigned day = 0; day < MONTH_DAYS; day++) {
        if (!find_rest(report, plan->first + (int64_t)day * DAY_HOURS, quarters, &plan->rest[day]))
            return false;
    }
    plan->quarters = quarters;
    return true;
}

/* The fewest quarters outside of which each day is of one row. */
static void make_plan(const struct report *report, struct month_plan *plan)
{
    static const unsigned sets[] = {0x0, 0x1, 0x8, 0x2, 0x4, 0x3, 0xc, 0x9, 0x7, 0xe};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (plan_with(report, sets[i], plan))
            return;
    }
    (void)plan_with(report, QUARTERS_ALL, plan);
}

static const struct month_plan *find_plan(struct report *report, int64_t first)
{
    for (unsigned i = 0; i < report->plan_count; i++) {
        if (report->plans[i].first == first)
            return &report->plans[i];
    }
    report->plans = check_realloc(report->plans, (report->plan_count + 1) * sizeof *report->plans);
    struct month_plan *plan = &report->plans[report->plan_count++];
    plan->first = first;
    make_plan(report, plan);
    return plan;
}

unsigned report_runs(struct report *report, int64_t first)
{
    unsigned quarters = find_plan(report, first)->quarters;
    return quarters << 1 | (quarters == QUARTERS_ALL ? 0 : SUMS);
}

static enum report_result add_quarter(struct report *report, unsigned quarter,
                                      const struct packed_entry *entry)
{
    const struct target *target = &report->targets[entry->field];
    int64_t hours[PACKED_HOURS];
    int64_t hour = report->plan->first + (int64_t)(entry->day - 1) * DAY_HOURS +
                   (int64_t)quarter * PACKED_HOURS;
    uint32_t rest = report->plan->rest[entry->day - 1];
    if (!packed_hours(entry, hours))
        return REPORT_BROKEN;
    for (unsigned i = 0; i < PACKED_HOURS; i++) {
        uint32_t row = row_of_hour(report, hour + i);
        if (row == rest)
            continue;
        note_in(report, target, row, hours[i]);
        note_in(report, target, rest, -hours[i]);
    }
    return REPORT_GOOD;
}

static enum report_result read_entry(struct report *report, unsigned run,
                                     const struct packed_entry *entry)
{
    const struct target *target = &report->targets[entry->field];
    if (target->metric == NOT_COUNTED)
        return REPORT_GOOD;
    if (run > 0)
        return add_quarter(report, run - 1, entry);
    note_in(report, target, report->plan->rest[entry->day - 1], entry->sum);
    return REPORT_GOOD;
}

enum report_result report_add_month(struct report *report, int64_t first, unsigned run,
                                    struct slice packed)
{
    struct packed_reader reader;
    struct packed_entry entry;
    enum report_result result = REPORT_GOOD;
    report->plan = find_plan(report, first);
    packed_begin(&reader, packed);
    while (result == REPORT_GOOD) {
        switch (packed_next(&reader, &entry)) {
        case PACKED_END:
            return REPORT_GOOD;
        case PACKED_FIELD:
            result = read_field(report, &entry);
            break;
        case PACKED_ENTRY:
            result = read_entry(report, run, &entry);
            break;
        case PACKED_BROKEN:
            return REPORT_BROKEN;
        }
    }
    return result;
}

/* ---- What has been added up ------------------------------------------------------------------ */

void report_finish(struct report *report)
{
    if (!report->hour_rows)
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
