#include "store/count_keys.h"

#include <stdio.h>
#include <time.h>

#include "base/check.h"

#define HOUR_S   3600
#define REST_MAX 24

static struct tm civil(int64_t hour)
{
    time_t seconds = (time_t)(hour * HOUR_S);
    struct tm tm;
    CHECK(gmtime_r(&seconds, &tm) != NULL);
    return tm;
}

struct slice count_hour_key(char buffer[LEDGER_KEY_MAX], struct slice prefix, struct slice campaign,
                            int64_t hour)
{
    char rest[REST_MAX];
    struct tm tm = civil(hour);
    CHECK(strftime(rest, sizeof rest, ":%Y%m%d%H", &tm) > 0);
    return ledger_key(buffer, prefix, "count", campaign, rest);
}

struct slice count_month_key(char buffer[LEDGER_KEY_MAX], struct slice prefix,
                             struct slice campaign, int64_t month, unsigned run)
{
    char rest[REST_MAX];
    int len =
        snprintf(rest, sizeof rest, ":%04d%02d", (int)(1970 + month / 12), (int)(month % 12 + 1));
    if (run > 0)
        (void)snprintf(rest + len, sizeof rest - (size_t)len, ":%u", run - 1);
    return ledger_key(buffer, prefix, "month", campaign, rest);
}

struct slice count_compacted_key(char buffer[LEDGER_KEY_MAX], struct slice prefix,
                                 struct slice campaign)
{
    return ledger_key(buffer, prefix, "compacted", campaign, "");
}

struct slice count_total_key(char buffer[LEDGER_KEY_MAX], struct slice prefix,
                             struct slice campaign)
{
    return ledger_key(buffer, prefix, "total", campaign, "");
}

int64_t count_month_of(int64_t hour)
{
    struct tm tm = civil(hour);
    return (tm.tm_year - 70) * 12 + tm.tm_mon;
}

int64_t count_month_begin(int64_t month)
{
    struct tm tm = {.tm_year = (int)(70 + month / 12), .tm_mon = (int)(month % 12), .tm_mday = 1};
    return timegm(&tm) / HOUR_S;
}

void count_day_text(int64_t day, char ret[COUNT_DAY_MAX])
{
    struct tm tm = civil(day * HOURS_A_DAY);
    CHECK(strftime(ret, COUNT_DAY_MAX, "%Y%m%d", &tm) > 0);
}

/* ---- Reading names --------------------------------------------------------------------------- */

static bool cut_digits(struct slice *rest, size_t len, uint64_t min, uint64_t max, int *ret)
{
    uint64_t number;
    if (rest->len < len || !slice_to_u64(slice_of(rest->ptr, len), max, &number) || number < min)
        return false;
    *rest = slice_from(*rest, len);
    *ret = (int)number;
    return true;
}

bool count_month_parse(struct slice text, int64_t *ret)
{
    int year, month;
    if (!cut_digits(&text, 4, 1970, 9999, &year) || !cut_digits(&text, 2, 1, 12, &month) ||
        text.len > 0)
        return false;
    *ret = (int64_t)(year - 1970) * 12 + month - 1;
    return true;
}

bool count_day_parse(struct slice text, int64_t *ret)
{
    int64_t month;
    int day;
    struct slice rest = slice_from(text, 6);
    if (text.len != 8 || !count_month_parse(slice_of(text.ptr, 6), &month) ||
        !cut_digits(&rest, 2, 1, 31, &day))
        return false;
    int64_t begin = count_month_begin(month) / HOURS_A_DAY,
            end = count_month_begin(month + 1) / HOURS_A_DAY;
    *ret = begin + day - 1;
    return *ret < end;
}

bool count_hour_parse(struct slice text, int64_t *ret)
{
    int64_t day;
    int hour;
    struct slice rest = slice_from(text, 8);
    if (text.len != 10 || !count_day_parse(slice_of(text.ptr, 8), &day) ||
        !cut_digits(&rest, 2, 0, 23, &hour))
        return false;
    *ret = day * HOURS_A_DAY + hour;
    return true;
}
