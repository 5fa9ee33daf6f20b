#include "decision/explain_text.h"

#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "decision/model.h"

#define NEAR_S         120 /* times that are nearer are told with their seconds */
#define MICRO_PER_UNIT INT64_C(1000000)

/* Years that four digits hold; others are told as the last second that they do. */
#define SHOWN_MAX_S INT64_C(253402300799)

void explain_add_value(struct strbuf *ret, struct slice value)
{
    size_t len = value.len < EXPLAIN_VALUE_MAX ? value.len : EXPLAIN_VALUE_MAX;
    while (len < value.len && len > 0 && ((unsigned char)value.ptr[len] & 0xc0) == 0x80)
        len--;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        strbuf_add_char(ret, c < 0x20 || c == 0x7f ? '?' : (char)c);
    }
    if (len < value.len)
        strbuf_add_cstr(ret, "...");
}

void explain_add_micro(struct strbuf *ret, int64_t micro)
{
    int64_t rest = micro % MICRO_PER_UNIT;
    int digits = 6;
    strbuf_add_i64(ret, micro / MICRO_PER_UNIT);
    if (rest == 0)
        return;
    for (; rest % 10 == 0; rest /= 10)
        digits--;
    strbuf_addf(ret, ".%0*lld", digits, (long long)rest);
}

void explain_add_percent(struct strbuf *ret, uint32_t part, uint32_t all)
{
    uint64_t permille = (uint64_t)part * 1000 / all;
    strbuf_add_u64(ret, permille / 10);
    if (permille % 10)
        strbuf_addf(ret, ".%u", (unsigned)(permille % 10));
    strbuf_add_cstr(ret, " %");
}

void explain_add_period(struct strbuf *ret, int64_t period_ms)
{
    static const struct {
        int64_t ms;
        char letter;
    } units[] = {{604800000, 'w'}, {86400000, 'd'}, {3600000, 'h'}, {60000, 'm'}, {1000, 's'}};
    unsigned i = 0;
    if (period_ms == CAP_LIFETIME) {
        strbuf_add_cstr(ret, "lifetime");
        return;
    }
    while (i + 1 < sizeof units / sizeof *units && period_ms % units[i].ms != 0)
        i++;
    strbuf_add_i64(ret, period_ms / units[i].ms);
    strbuf_add_char(ret, units[i].letter);
}

/* ---- Times ----------------------------------------------------------------------------------- */

static int64_t floor_seconds(int64_t us)
{
    return us / US_PER_SECOND - (us % US_PER_SECOND < 0 ? 1 : 0);
}

/* What clocks in the zone show; NULL is UTC. */
static struct tm clocks(const struct zone *zone, int64_t utc_s)
{
    struct tm tm;
    int64_t shown = utc_s < 0 ? 0 : utc_s > SHOWN_MAX_S ? SHOWN_MAX_S : utc_s;
    time_t local = (time_t)(zone ? zone_local_s(zone, shown) : shown);
    CHECK(gmtime_r(&local, &tm) != NULL);
    return tm;
}

static void add_date(struct strbuf *ret, const struct tm *tm)
{
    strbuf_addf(ret, "%04d-%02d-%02d", tm->tm_year + 1900, tm->tm_mon + 1, tm->tm_mday);
}

static void add_time(struct strbuf *ret, const struct tm *tm, bool seconds)
{
    strbuf_addf(ret, "%02d:%02d", tm->tm_hour, tm->tm_min);
    if (seconds)
        strbuf_addf(ret, ":%02d", tm->tm_sec);
}

static void add_zone(struct strbuf *ret, const struct zone *zone)
{
    strbuf_add_char(ret, ' ');
    strbuf_add_slice(ret, zone_name(zone));
}

void explain_add_utc(struct strbuf *ret, int64_t us)
{
    struct tm tm = clocks(NULL, floor_seconds(us));
    add_date(ret, &tm);
    strbuf_add_char(ret, 'T');
    add_time(ret, &tm, true);
    strbuf_add_char(ret, 'Z');
}

void explain_add_moment(struct strbuf *ret, const struct zone *zone, int64_t us)
{
    struct tm tm = clocks(zone, floor_seconds(us));
    add_date(ret, &tm);
    strbuf_add_char(ret, ' ');
    add_time(ret, &tm, tm.tm_sec != 0);
    add_zone(ret, zone);
}

void explain_add_weekday(struct strbuf *ret, const struct zone *zone, int64_t us)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    struct tm tm = clocks(zone, floor_seconds(us));
    strbuf_addf(ret, "%s ", days[tm.tm_wday]);
    add_time(ret, &tm, false);
    add_zone(ret, zone);
}

void explain_add_time_ahead(struct strbuf *ret, const struct zone *zone, int64_t now_us, int64_t us)
{
    int64_t now_s = floor_seconds(now_us);
    int64_t end_s = floor_seconds(us - 1) + 1;
    bool near = end_s - now_s < NEAR_S;
    if (!near)
        end_s = (end_s + 59) / 60 * 60;
    struct tm today = clocks(zone, now_s), end = clocks(zone, end_s);
    if (today.tm_year != end.tm_year || today.tm_yday != end.tm_yday) {
        add_date(ret, &end);
        strbuf_add_char(ret, ' ');
    }
    add_time(ret, &end, near);
}
