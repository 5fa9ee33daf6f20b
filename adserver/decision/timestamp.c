#include "decision/timestamp.h"

#include "base/clock.h"
#include "decision/text.h"
#include "decision/zone.h"

#define DATE_TIME_LEN       (sizeof "2026-07-01T09:00:00" - 1)
#define FRACTION_DIGITS_MAX 6
#define SECONDS_PER_DAY     INT64_C(86400)

struct moment {
    int year, month, day, hour, minute, second;
    int64_t fraction_us;
    bool has_offset;
    int64_t offset_s;
};

/* `form` has a 0 wherever a digit must be. */
static bool looks_like(struct slice text, const char *form)
{
    if (text.len != strlen(form))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (form[i] == '0' ? !is_digit(text.ptr[i]) : text.ptr[i] != form[i])
            return false;
    }
    return true;
}

static int number_at(struct slice text, size_t at, size_t digits)
{
    int number = 0;
    for (size_t i = at; i < at + digits; i++)
        number = number * 10 + (text.ptr[i] - '0');
    return number;
}

static bool cut_date_time(struct slice *rest, struct moment *moment)
{
    if (rest->len < DATE_TIME_LEN)
        return false;
    struct slice text = slice_of(rest->ptr, DATE_TIME_LEN);
    if (!looks_like(text, "0000-00-00T00:00:00"))
        return false;
    moment->year = number_at(text, 0, 4);
    moment->month = number_at(text, 5, 2);
    moment->day = number_at(text, 8, 2);
    moment->hour = number_at(text, 11, 2);
    moment->minute = number_at(text, 14, 2);
    moment->second = number_at(text, 17, 2);
    *rest = slice_from(*rest, DATE_TIME_LEN);
    return true;
}

static bool cut_fraction(struct slice *rest, struct moment *moment)
{
    if (!slice_starts(*rest, SLICE(".")))
        return true;
    size_t digits = 0;
    while (1 + digits < rest->len && is_digit(rest->ptr[1 + digits]))
        digits++;
    if (digits < 1 || digits > FRACTION_DIGITS_MAX)
        return false;
    moment->fraction_us = number_at(*rest, 1, digits);
    for (size_t i = digits; i < FRACTION_DIGITS_MAX; i++)
        moment->fraction_us *= 10;
    *rest = slice_from(*rest, 1 + digits);
    return true;
}

static bool read_offset(struct slice rest, struct moment *moment)
{
    if (rest.len == 0)
        return true;
    moment->has_offset = true;
    if (slice_eq(rest, SLICE("Z")))
        return true;
    if (!looks_like(rest, "+00:00") && !looks_like(rest, "-00:00"))
        return false;
    int hours = number_at(rest, 1, 2), minutes = number_at(rest, 4, 2);
    moment->offset_s = (hours * 60 + minutes) * 60;
    if (rest.ptr[0] == '-')
        moment->offset_s = -moment->offset_s;
    return hours < 24 && minutes < 60;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (leap && month == 2 ? 1 : 0);
}

static bool year_is_allowed(int64_t year)
{
    return year >= TIMESTAMP_YEAR_MIN && year <= TIMESTAMP_YEAR_MAX;
}

static bool date_exists(const struct moment *moment)
{
    return moment->month >= 1 && moment->month <= 12 && moment->day >= 1 &&
           moment->day <= days_in(moment->year, moment->month);
}

static bool time_exists(const struct moment *moment)
{
    return moment->hour < 24 && moment->minute < 60 && moment->second < 60;
}

static int64_t days_before_year(int64_t year)
{
    int64_t past = year - 1;
    return past * 365 + past / 4 - past / 100 + past / 400;
}

/* Seconds from 1970-01-01 to that date and time, offset and zone aside. */
static int64_t local_seconds(const struct moment *moment)
{
    int64_t days = days_before_year(moment->year) - days_before_year(1970) + moment->day - 1;
    for (int month = 1; month < moment->month; month++)
        days += days_in(moment->year, month);
    return days * SECONDS_PER_DAY + (moment->hour * 60 + moment->minute) * 60 + moment->second;
}

/* The years bind the moment itself, too: an offset may move it over their edge. */
static bool second_is_allowed(int64_t utc_s)
{
    int64_t end = days_before_year(TIMESTAMP_YEAR_MAX + 1) - days_before_year(1970);
    return utc_s >= 0 && utc_s < end * SECONDS_PER_DAY;
}

static bool check_moment(struct slice text, const struct moment *moment, struct err *err)
{
    if (!year_is_allowed(moment->year))
        return err_set(err, "the year of \"%s\" is out of range", err_quote(text));
    if (!date_exists(moment))
        return err_set(err, "\"%s\" is a date that does not exist", err_quote(text));
    if (moment->second == 60)
        return err_set(err, "\"%s\" is a leap second, which no clock here shows", err_quote(text));
    if (!time_exists(moment))
        return err_set(err, "\"%s\" is a time of day that does not exist", err_quote(text));
    return true;
}

bool timestamp_parse(struct slice text, const struct zone *zone, int64_t *ret_us, struct err *err)
{
    struct moment moment = {0};
    struct slice rest = text;
    if (!cut_date_time(&rest, &moment) || !cut_fraction(&rest, &moment) ||
        !read_offset(rest, &moment))
        return err_set(err, "\"%s\" is not a time", err_quote(text));
    if (!check_moment(text, &moment, err))
        return false;

    int64_t local_s = local_seconds(&moment);
    int64_t utc_s = moment.has_offset ? local_s - moment.offset_s : zone_to_utc(zone, local_s);
    if (!second_is_allowed(utc_s))
        return err_set(err, "the year of \"%s\" is out of range", err_quote(text));
    *ret_us = utc_s * US_PER_SECOND + moment.fraction_us;
    return true;
}
