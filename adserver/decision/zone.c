#include "decision/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/check.h"
#include "decision/text.h"

#define ZONE_FOLDER   "/usr/share/zoneinfo/"
#define ZONE_PATH_MAX (sizeof ZONE_FOLDER + ZONE_NAME_MAX)

#define SECONDS_PER_DAY INT64_C(86400)
#define US_PER_SECOND   INT64_C(1000000)

/* 1970-01-01 was a Thursday. */
#define DAYS_FROM_SUNDAY 4
#define US_PER_WEEK      (7 * SECONDS_PER_DAY * US_PER_SECOND)

/* Clocks are never further from UTC than this, in either direction. */
#define OFFSET_MAX_S (27 * 3600)

/*
 * What is known of a zone comes in stretches of 2^28 seconds, from 1970 to 2208: each is learnt
 * when a moment in it is first asked for.
 */
#define STRETCH_BITS  28
#define STRETCH_S     (INT64_C(1) << STRETCH_BITS)
#define STRETCHES     28
#define STRETCH_SPANS 64 /* at most; Morocco has 34 */

/* Between two changes of a zone's clocks there are more days than these (the database's least are
 * 6.96, in Palestine and in parts of Brazil), so that looking this often misses none. */
#define STEP_S (6 * SECONDS_PER_DAY)

/* Of all zones found; a power of two, so that it is never more than half full. */
#define TABLE_SIZE (2 * ZONES_MAX)

struct stretch {
    unsigned count;
    struct zone_span spans[];
};

/* What changes of a zone while it is used. */
struct known {
    struct zone_span last; /* looked up */
    struct stretch *stretches[STRETCHES];
};

struct zone {
    char name[ZONE_NAME_MAX + 1];
    size_t name_len;
    bool is_utc;
    struct known *known;
};

static bool is_utc(struct slice name)
{
    return slice_eq(name, SLICE("UTC"));
}

static bool name_is_safe(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!is_digit(c) && !is_upper(c) && !is_lower(c) && !memchr("_+/-", c, 4))
            return false;
    }
    return name.len >= 1 && name.len <= ZONE_NAME_MAX && name.ptr[0] != '/';
}

/*
 * Files of the database that are no zones by their own name: copies by another reckoning (right/
 * counts leap seconds) and the machine's own choice.
 */
static bool is_alias_file(struct slice name)
{
    return slice_starts(name, SLICE("right/")) || slice_starts(name, SLICE("posix/")) ||
           slice_eq(name, SLICE("localtime")) || slice_eq(name, SLICE("posixrules"));
}

static bool is_zone_file(const char *path)
{
    char magic[4] = {0};
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return false;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t got = fread(magic, 1, sizeof magic, file);
    (void)fclose(file);
    return got == sizeof magic && memcmp(magic, "TZif", sizeof magic) == 0;
}

static bool name_is_known(struct slice name)
{
    char path[ZONE_PATH_MAX];
    if (is_utc(name))
        return true;
    if (!name_is_safe(name) || is_alias_file(name))
        return false;
    (void)snprintf(path, sizeof path, ZONE_FOLDER "%.*s", SLICE_ARGS(name));
    return is_zone_file(path);
}

/* ---- Zones that have been found -------------------------------------------------------------- */

static struct zone *table[TABLE_SIZE];
static unsigned table_count;

/* Where it is, or where it would be. */
static struct zone **place_of(struct slice name)
{
    uint32_t hash = 2166136261;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.ptr[i]) * 16777619;
    unsigned at = hash % TABLE_SIZE;
    while (table[at] && !slice_eq(zone_name(table[at]), name))
        at = (at + 1) % TABLE_SIZE;
    return &table[at];
}

static struct zone *make_zone(struct slice name)
{
    struct zone *zone = check_calloc(1, sizeof *zone);
    memcpy(zone->name, name.ptr, name.len);
    zone->name_len = name.len;
    zone->is_utc = is_utc(name);
    zone->known = check_calloc(1, sizeof *zone->known);
    return zone;
}

const struct zone *zone_find(struct slice name)
{
    struct zone **place = place_of(name);
    if (!*place && table_count < ZONES_MAX && name_is_known(name)) {
        *place = make_zone(name);
        table_count++;
    }
    return *place;
}

struct slice zone_name(const struct zone *zone)
{
    return slice_of(zone->name, zone->name_len);
}

/* ---- Learning a stretch ---------------------------------------------------------------------- */

/* Makes it the process's zone; returns the TZ that was set before, for leave(). */
static char *enter(struct slice name)
{
    char path[1 + ZONE_PATH_MAX];
    const char *before = getenv("TZ");
    char *kept = before ? check_strdup(before) : NULL;
    (void)snprintf(path, sizeof path, ":" ZONE_FOLDER "%.*s", SLICE_ARGS(name));
    CHECK(setenv("TZ", path, 1) == 0);
    tzset();
    return kept;
}

static void leave(char *kept)
{
    CHECK((kept ? setenv("TZ", kept, 1) : unsetenv("TZ")) == 0);
    tzset();
    free(kept);
}

/* Seconds that clocks are ahead of UTC at that moment. */
static int32_t offset_at(int64_t utc_s)
{
    struct tm local;
    time_t moment = (time_t)utc_s;
    CHECK(localtime_r(&moment, &local) != NULL);
    return (int32_t)local.tm_gmtoff;
}

/* The first second in (from, to] whose offset is not the one at `from`. */
static int64_t find_change(int64_t from, int64_t to)
{
    int32_t before = offset_at(from);
    while (to - from > 1) {
        int64_t middle = from + (to - from) / 2;
        if (offset_at(middle) == before)
            from = middle;
        else
            to = middle;
    }
    return to;
}

/* From `begin` on; clocks change at most once in a step. */
static void add_spans(struct stretch *stretch, int64_t begin, int64_t end)
{
    struct zone_span *span = stretch->spans;
    *span = (struct zone_span){begin, end, offset_at(begin)};
    stretch->count = 1;
    for (int64_t from = begin; from < end - 1; from += STEP_S) {
        int64_t to = from + STEP_S < end ? from + STEP_S : end - 1;
        if (offset_at(to) == span->offset_s)
            continue;
        CHECK(stretch->count++ < STRETCH_SPANS);
        span->until_s = find_change(from, to);
        span[1] = (struct zone_span){span->until_s, end, offset_at(span->until_s)};
        span++;
    }
}

static struct stretch *learn(const struct zone *zone, unsigned number)
{
    size_t room = sizeof(struct stretch) + STRETCH_SPANS * sizeof(struct zone_span);
    struct stretch *stretch = check_malloc(room);
    int64_t begin = (int64_t)number << STRETCH_BITS;
    char *kept = enter(zone_name(zone));
    add_spans(stretch, begin, begin + STRETCH_S);
    leave(kept);
    if (number == 0)
        stretch->spans[0].from_s = INT64_MIN;
    if (number == STRETCHES - 1)
        stretch->spans[stretch->count - 1].until_s = INT64_MAX;
    return check_realloc(stretch, sizeof *stretch + stretch->count * sizeof *stretch->spans);
}

static const struct stretch *stretch_at(const struct zone *zone, int64_t utc_s)
{
    int64_t last = ((int64_t)STRETCHES << STRETCH_BITS) - 1;
    int64_t inside = utc_s < 0 ? 0 : utc_s > last ? last : utc_s;
    unsigned number = (unsigned)(inside >> STRETCH_BITS);
    struct stretch **place = &zone->known->stretches[number];
    if (!*place)
        *place = learn(zone, number);
    return *place;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

/* Rounded down, below zero too. */
static int64_t floor_div(int64_t number, int64_t divisor)
{
    return number / divisor - (number % divisor < 0 ? 1 : 0);
}

static bool is_in(const struct zone_span *span, int64_t utc_s)
{
    return span->from_s <= utc_s && utc_s < span->until_s;
}

struct zone_span zone_span_at(const struct zone *zone, int64_t utc_s)
{
    if (zone->is_utc)
        return (struct zone_span){INT64_MIN, INT64_MAX, 0};
    struct zone_span *last = &zone->known->last;
    if (is_in(last, utc_s))
        return *last;
    const struct stretch *stretch = stretch_at(zone, utc_s);
    unsigned i = 0;
    while (i + 1 < stretch->count && stretch->spans[i].until_s <= utc_s)
        i++;
    *last = stretch->spans[i];
    return *last;
}

int64_t zone_local_s(const struct zone *zone, int64_t utc_s)
{
    return utc_s + zone_span_at(zone, utc_s).offset_s;
}

int64_t zone_to_utc(const struct zone *zone, int64_t local_s)
{
    struct zone_span span = zone_span_at(zone, local_s - OFFSET_MAX_S);
    while (span.until_s != INT64_MAX && local_s - span.offset_s >= span.until_s)
        span = zone_span_at(zone, span.until_s);
    int64_t moment = local_s - span.offset_s;
    return moment > span.from_s ? moment : span.from_s;
}

static struct zone_span span_now(const struct zone *zone, int64_t now_us)
{
    return zone_span_at(zone, floor_div(now_us, US_PER_SECOND));
}

int64_t zone_next_change_us(const struct zone *zone, int64_t now_us)
{
    int64_t until_s = span_now(zone, now_us).until_s;
    return until_s == INT64_MAX ? INT64_MAX : until_s * US_PER_SECOND;
}

int64_t zone_week_us(const struct zone *zone, int64_t now_us)
{
    int64_t local_us = now_us + span_now(zone, now_us).offset_s * US_PER_SECOND;
    int64_t since = local_us + DAYS_FROM_SUNDAY * SECONDS_PER_DAY * US_PER_SECOND;
    return since - floor_div(since, US_PER_WEEK) * US_PER_WEEK;
}

/* 20260329 */
static int32_t date_of(int64_t day)
{
    struct tm tm;
    time_t noon = (time_t)(day * SECONDS_PER_DAY + SECONDS_PER_DAY / 2);
    CHECK(gmtime_r(&noon, &tm) != NULL);
    return (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
}

/*
 * A clock that goes back over midnight shows the day before once more; that stays the new day, so
 * that no day comes in two parts.
 */
struct zone_day zone_day_at(const struct zone *zone, int64_t now_us)
{
    int64_t now_s = floor_div(now_us, US_PER_SECOND);
    int64_t day = floor_div(zone_local_s(zone, now_s), SECONDS_PER_DAY);
    int64_t begin = zone_to_utc(zone, day * SECONDS_PER_DAY);
    int64_t end = zone_to_utc(zone, (day + 1) * SECONDS_PER_DAY);
    while (end <= now_s) {
        begin = end;
        end = zone_to_utc(zone, (++day + 1) * SECONDS_PER_DAY);
    }
    return (struct zone_day){begin * US_PER_SECOND, end * US_PER_SECOND, date_of(day)};
}
