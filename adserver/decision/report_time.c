#include "decision/report_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"

#define HOUR_S       INT64_C(3600)
#define HOUR_US      (HOUR_S * US_PER_SECOND)
#define DAY_S        (24 * HOUR_S)
#define QUARTERS_ALL 0xfu

/* ---- Names of hours -------------------------------------------------------------------------- */

/* "2026-11-25T14:00:00+01:00" in the making: what one hour has in common with the last one. */
struct hour_text {
    const struct zone *zone;
    struct zone_span span;
    char offset[8]; /* "+01:00" or "Z" */
    int64_t day;    /* local */
    char date[16];  /* "2026-11-25T" */
};

static int64_t day_of(int64_t local_s)
{
    return local_s / DAY_S - (local_s % DAY_S < 0);
}

static void begin_span(struct hour_text *text, int64_t utc_s)
{
    text->span = zone_span_at(text->zone, utc_s);
    int minutes = abs(text->span.offset_s) / 60;
    if (text->span.offset_s == 0)
        (void)snprintf(text->offset, sizeof text->offset, "Z");
    else
        (void)snprintf(text->offset, sizeof text->offset, "%c%02d:%02d",
                       text->span.offset_s < 0 ? '-' : '+', minutes / 60 % 24, minutes % 60);
}

static void begin_day(struct hour_text *text, int64_t day)
{
    time_t local_s = (time_t)(day * DAY_S);
    struct tm tm;
    CHECK(gmtime_r(&local_s, &tm) != NULL);
    CHECK(strftime(text->date, sizeof text->date, "%Y-%m-%dT", &tm) > 0);
    text->day = day;
}

static char *add_digits(char *to, int64_t number)
{
    to[0] = (char)('0' + number / 10);
    to[1] = (char)('0' + number % 10);
    to[2] = ':';
    return to + 3;
}

static void begin_text(struct hour_text *text, const struct zone *zone, int64_t hour)
{
    text->zone = zone;
    begin_span(text, hour * HOUR_S);
    begin_day(text, day_of(hour * HOUR_S + text->span.offset_s));
}

static void write_hour(struct hour_text *text, int64_t hour, char ret[REPORT_TIME_MAX])
{
    int64_t utc_s = hour * HOUR_S;
    if (utc_s >= text->span.until_s)
        begin_span(text, utc_s);
    int64_t local_s = utc_s + text->span.offset_s;
    int64_t day = day_of(local_s), second = local_s - day * DAY_S;
    if (day != text->day)
        begin_day(text, day);
    size_t len = strlen(text->date);
    memcpy(ret, text->date, len);
    char *to = add_digits(ret + len, second / HOUR_S);
    to = add_digits(to, second % HOUR_S / 60);
    to = add_digits(to, second % 60) - 1; /* without the last colon */
    memcpy(to, text->offset, strlen(text->offset) + 1);
}

void report_hour_text(const struct zone *zone, int64_t hour, char ret[REPORT_TIME_MAX])
{
    struct hour_text text;
    begin_text(&text, zone, hour);
    write_hour(&text, hour, ret);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static uint32_t row_of_text(struct report_rows *rows, const char *text)
{
    const struct slice keys[REPORT_KEYS_MAX] = {slice_cstr(text)};
    uint32_t row = report_rows_find(rows, keys);
    CHECK(row != REPORT_NO_ROW); /* REPORT_HOURS_MAX is less than REPORT_ROWS_MAX */
    return row;
}

static void make_hours(struct report_time *time, const struct zone *zone, struct report_rows *rows)
{
    struct hour_text name;
    char text[REPORT_TIME_MAX];
    begin_text(&name, zone, time->first_hour);
    for (int64_t hour = time->first_hour; hour < time->end_hour; hour++) {
        write_hour(&name, hour, text);
        time->hours[hour - time->first_hour] = row_of_text(rows, text);
    }
}

static void make_days(struct report_time *time, const struct zone *zone, struct report_rows *rows)
{
    char text[REPORT_TIME_MAX];
    for (int64_t hour = time->first_hour; hour < time->end_hour;) {
        const struct zone_day day = zone_day_at(zone, hour * HOUR_US);
        (void)snprintf(text, sizeof text, "%04d-%02d-%02d", day.date / 10000, day.date / 100 % 100,
                       day.date % 100);
        uint32_t row = row_of_text(rows, text);
        for (; hour < time->end_hour && hour * HOUR_US < day.end_us; hour++)
            time->hours[hour - time->first_hour] = row;
    }
}

void report_time_init(struct report_time *time, const struct report_query *query,
                      struct report_rows *rows)
{
    size_t hours = (size_t)(query->end_hour - query->first_hour);
    *time = (struct report_time){.first_hour = query->first_hour, .end_hour = query->end_hour};
    time->outside = 1;
    if (query->by != REPORT_BY_HOUR && query->by != REPORT_BY_DAY)
        return;
    CHECK(hours <= REPORT_HOURS_MAX);
    time->hours = check_malloc(hours * sizeof *time->hours);
    if (query->by == REPORT_BY_HOUR)
        make_hours(time, query->zone, rows);
    else
        make_days(time, query->zone, rows);
    time->outside = rows->count;
}

void report_time_release(struct report_time *time)
{
    for (unsigned i = 0; i < time->month_count; i++)
        free(time->months[i]);
    free(time->months);
    free(time->hours);
}

uint32_t report_time_place(const struct report_time *time, int64_t hour)
{
    if (hour < time->first_hour || hour >= time->end_hour)
        return time->outside;
    return time->hours ? time->hours[hour - time->first_hour] : 0;
}

/* ---- Months ---------------------------------------------------------------------------------- */

/* The place of all hours of a day outside of these quarters; false where they have several. */
static bool find_rest(const struct report_time *time, const uint32_t *places, unsigned quarters,
                      uint32_t *ret)
{
    bool found = false;
    *ret = time->outside;
    for (unsigned i = 0; i < REPORT_DAY_HOURS; i++) {
        if (quarters >> i / PACKED_HOURS & 1)
            continue;
        if (found && places[i] != *ret)
            return false;
        found = true;
        *ret = places[i];
    }
    return true;
}

static bool plan_with(const struct report_time *time, unsigned quarters, struct report_month *month)
{
    for (size_t day = 0; day < REPORT_MONTH_DAYS; day++) {
        if (!find_rest(time, &month->places[day * REPORT_DAY_HOURS], quarters, &month->rest[day]))
            return false;
    }
    month->quarters = quarters;
    return true;
}

static void set_place(struct report_month *month, unsigned hour, uint32_t place, uint32_t outside)
{
    month->places[hour] = place;
    if (place == outside)
        return;
    if (place < month->from)
        month->from = place;
    if (place >= month->until)
        month->until = place + 1;
}

static struct report_month *new_month(const struct report_time *time, int64_t first)
{
    static const unsigned sets[] = {0x0, 0x1, 0x8, 0x2, 0x4, 0x3, 0xc, 0x9, 0x7, 0xe, QUARTERS_ALL};
    struct report_month *month = check_calloc(1, sizeof *month);
    month->first = first;
    month->from = UINT32_MAX;
    for (unsigned i = 0; i < REPORT_MONTH_DAYS * REPORT_DAY_HOURS; i++)
        set_place(month, i, report_time_place(time, first + i), time->outside);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (plan_with(time, sets[i], month))
            break;
    }
    return month;
}

const struct report_month *report_time_month(struct report_time *time, int64_t first)
{
    if (time->month_count > 0 && time->months[time->month_last]->first == first)
        return time->months[time->month_last];
    for (unsigned i = 0; i < time->month_count; i++) {
        time->month_last = i;
        if (time->months[i]->first == first)
            return time->months[i];
    }
    time->months =
        check_realloc(time->months, (time->month_count + 1) * sizeof(struct report_month *));
    time->month_last = time->month_count++;
    return time->months[time->month_last] = new_month(time, first);
}
