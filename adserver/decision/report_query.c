#include "decision/report_query.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "decision/model.h"
#include "decision/timestamp.h"

#define HOUR_US      (INT64_C(3600) * US_PER_SECOND)
#define DAYS_AT_ONCE 7
#define DATE_LEN     10 /* "2026-11-25" */
#define NOON         "T12:00:00"

const char *const report_by_words[] = {"hour",     "day",        "slot", "creative",
                                       "campaign", "advertiser", NULL};
const char *const report_format_words[] = {"table", "csv", "json", NULL};

void report_query_clear(struct report_query *query)
{
    *query = (struct report_query){.by = REPORT_BY_DAY, .format = REPORT_JSON};
}

/* ---- Parameters ------------------------------------------------------------------------------ */

typedef bool take_fn(struct report_query *query, struct slice value, struct err *err);

static bool take_campaign(struct report_query *query, struct slice value, struct err *err)
{
    if (!id_is_valid(value))
        return err_set(err, "%s is no campaign id, allowed is [a-z0-9][a-z0-9._-]{0,63}",
                       err_quote(value));
    for (unsigned i = 0; i < query->campaign_count; i++) {
        if (slice_eq(query->campaigns[i], value))
            return true;
    }
    if (query->campaign_count == REPORT_CAMPAIGNS_MAX)
        return err_set(err, "more than %d campaigns, allowed are so many or all",
                       REPORT_CAMPAIGNS_MAX);
    query->campaigns[query->campaign_count++] = value;
    return true;
}

static bool take_advertiser(struct report_query *query, struct slice value, struct err *err)
{
    if (value.len > REPORT_TEXT_MAX)
        return err_set(err, "%zu bytes, at most %d are allowed", value.len, REPORT_TEXT_MAX);
    query->advertiser = value;
    query->has_advertiser = true;
    return true;
}

static bool take_from(struct report_query *query, struct slice value, struct err *err)
{
    query->from = value;
    return value.len > 0 || err_set(err, "empty, allowed is a date or " TIMESTAMP_ALLOWED);
}

static bool take_to(struct report_query *query, struct slice value, struct err *err)
{
    query->to = value;
    return value.len > 0 || err_set(err, "empty, allowed is a date or " TIMESTAMP_ALLOWED);
}

static bool take_timezone(struct report_query *query, struct slice value, struct err *err)
{
    query->timezone = value;
    return zone_find(value) ||
           err_set(err,
                   "%s is no time zone, allowed is a name of the tz database such as "
                   "Europe/Berlin",
                   err_quote(value));
}

static bool take_word(const char *const *words, struct slice value, unsigned *ret, struct err *err)
{
    for (unsigned i = 0; words[i]; i++) {
        *ret = i;
        if (slice_eq(value, slice_cstr(words[i])))
            return true;
    }
    (void)err_set(err, "%s is not known, allowed are", err_quote(value));
    for (unsigned i = 0; words[i]; i++) {
        size_t len = strlen(err->text);
        (void)snprintf(err->text + len, sizeof err->text - len, "%s %s", i > 0 ? "," : "",
                       words[i]);
    }
    return false;
}

static bool take_by(struct report_query *query, struct slice value, struct err *err)
{
    unsigned word = 0;
    bool good = take_word(report_by_words, value, &word, err);
    query->by = (enum report_by)word;
    return good;
}

static bool take_format(struct report_query *query, struct slice value, struct err *err)
{
    unsigned word = 0;
    bool good = take_word(report_format_words, value, &word, err);
    query->format = (enum report_format)word;
    return good;
}

static const struct {
    struct slice name;
    take_fn *take;
} rows[] = {
    {SLICE_INIT("campaign"), take_campaign}, {SLICE_INIT("advertiser"), take_advertiser},
    {SLICE_INIT("from"), take_from},         {SLICE_INIT("to"), take_to},
    {SLICE_INIT("timezone"), take_timezone}, {SLICE_INIT("by"), take_by},
    {SLICE_INIT("format"), take_format},
};

bool report_query_take(struct report_query *query, struct slice name, struct slice value,
                       struct err *err)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (slice_eq(rows[i].name, name))
            return rows[i].take(query, value, err) || err_at(err, "%.*s", SLICE_ARGS(name));
    }
    (void)err_at(err, "%s", name.len > 0 ? err_quote(name) : "a name");
    return err_set(err,
                   "not known, allowed are campaign, advertiser, from, to, timezone, by, format");
}

/* ---- The time -------------------------------------------------------------------------------- */

/* The local day of a date alone, which noon is in, whatever clocks do at night. */
static bool read_date(struct slice text, const struct zone *zone, struct zone_day *ret)
{
    char noon[DATE_LEN + sizeof NOON];
    struct err unused;
    int64_t at_us;
    if (text.len != DATE_LEN)
        return false;
    memcpy(noon, text.ptr, DATE_LEN);
    memcpy(noon + DATE_LEN, NOON, sizeof NOON);
    if (!timestamp_parse(slice_cstr(noon), zone, &at_us, &unused))
        return false;
    *ret = zone_day_at(zone, at_us);
    return true;
}

static bool read_end(const struct report_query *query, const char *name, struct slice text,
                     int64_t *ret_us, struct err *err)
{
    struct zone_day day;
    if (text.len == 0)
        return true;
    if (read_date(text, query->zone, &day)) {
        *ret_us = name[0] == 'f' ? day.begin_us : day.end_us;
        return true;
    }
    if (timestamp_parse(text, query->zone, ret_us, err))
        return true;
    size_t len = strlen(err->text);
    (void)snprintf(err->text + len, sizeof err->text - len,
                   "; allowed: a date or " TIMESTAMP_ALLOWED);
    return err_at(err, "%s", name);
}

/* The first hour that begins at that moment or later. */
static int64_t hour_from(int64_t at_us)
{
    return at_us / HOUR_US + (at_us % HOUR_US > 0);
}

static int64_t seven_days_before(const struct zone *zone, int64_t end_us)
{
    struct zone_day day = zone_day_at(zone, end_us - 1);
    for (int i = 1; i < DAYS_AT_ONCE && day.begin_us > 0; i++)
        day = zone_day_at(zone, day.begin_us - 1);
    return day.begin_us > 0 ? day.begin_us : 0;
}

bool report_query_finish(struct report_query *query, int64_t now_us, struct err *err)
{
    int64_t to_us = (now_us / HOUR_US + 1) * HOUR_US, from_us;
    query->zone = zone_find(query->timezone.len > 0 ? query->timezone : SLICE("UTC"));
    if (!query->zone) {
        (void)err_at(err, "timezone");
        return err_set(err, "the tz database is missing; allowed: a system with tzdata");
    }
    if (!read_end(query, "to", query->to, &to_us, err))
        return false;
    from_us = seven_days_before(query->zone, to_us);
    if (!read_end(query, "from", query->from, &from_us, err))
        return false;
    query->first_hour = hour_from(from_us);
    query->end_hour = hour_from(to_us);
    if (query->first_hour >= query->end_hour) {
        (void)err_at(err, "from");
        return err_set(err, "no hour begins between from and to, allowed are times in this order");
    }
    if (query->end_hour - query->first_hour <= REPORT_HOURS_MAX)
        return true;
    (void)err_at(err, "from");
    return err_set(err, "more than ten years before the end, allowed are at most %d hours",
                   REPORT_HOURS_MAX);
}
