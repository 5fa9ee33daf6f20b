#include "decision/report_write.h"

#include <stdio.h>

#include "base/check.h"
#include "base/utf8.h"

#define MICRO        1000000
#define PLACES       6
#define RATE_ONE     10000
#define SAFE_INTEGER (((report_sum)1 << 53) - 1)
#define DIGITS_MAX   40

/* ---- The numbers ----------------------------------------------------------------------------- */

void report_add_count(struct strbuf *to, report_sum number)
{
    char digits[DIGITS_MAX];
    size_t at = sizeof digits;
    unsigned __int128 rest = number < 0 ? -(unsigned __int128)number : (unsigned __int128)number;
    do {
        digits[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest > 0);
    if (number < 0)
        digits[--at] = '-';
    strbuf_add(to, digits + at, sizeof digits - at);
}

void report_add_money(struct strbuf *to, report_sum micro, unsigned places)
{
    char text[PLACES + 1];
    report_sum size = micro < 0 ? -micro : micro;
    size_t len = PLACES;
    if (micro < 0)
        strbuf_add_char(to, '-');
    report_add_count(to, size / MICRO);
    (void)snprintf(text, sizeof text, "%06d", (int)(size % MICRO));
    while (len > places && text[len - 1] == '0')
        len--;
    if (len > 0)
        strbuf_add_char(to, '.');
    strbuf_add(to, text, len);
}

/* Half up. */
static report_sum divide(report_sum number, report_sum by)
{
    return (2 * number + by) / (2 * by);
}

bool report_add_rate(struct strbuf *to, report_sum part, report_sum of)
{
    if (of <= 0 || part < 0)
        return false;
    report_sum rate = divide(part * RATE_ONE, of);
    report_add_count(to, rate / RATE_ONE);
    strbuf_addf(to, ".%04d", (int)(rate % RATE_ONE));
    return true;
}

bool report_ecpm(const struct report_row *row, report_sum *ret)
{
    report_sum impressions = report_get(row, REPORT_IMPRESSIONS);
    report_sum spend = report_get(row, REPORT_SPEND);
    if (impressions <= 0 || spend < 0)
        return false;
    *ret = divide(spend * 1000, impressions);
    return true;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void json_head(struct strbuf *to, const char *name)
{
    strbuf_addf(to, ",\"%s\":", name);
}

static void json_count(struct strbuf *to, const char *name, report_sum number)
{
    bool safe = number <= SAFE_INTEGER && number >= -SAFE_INTEGER;
    if (name)
        json_head(to, name);
    strbuf_add_cstr(to, safe ? "" : "\"");
    report_add_count(to, number);
    strbuf_add_cstr(to, safe ? "" : "\"");
}

static void json_money(struct strbuf *to, report_sum micro)
{
    strbuf_add_char(to, '"');
    report_add_money(to, micro, PLACES);
    strbuf_add_char(to, '"');
}

static void json_rate(struct strbuf *to, const char *name, report_sum part, report_sum of)
{
    json_head(to, name);
    if (!report_add_rate(to, part, of))
        strbuf_add_cstr(to, "null");
}

static void json_ecpm(struct strbuf *to, const struct report_row *row)
{
    report_sum ecpm;
    json_head(to, "ecpm");
    if (report_ecpm(row, &ecpm))
        json_money(to, ecpm);
    else
        strbuf_add_cstr(to, "null");
}

/* Of filtered events and serves, each with its word. */
static void json_reasons(struct strbuf *to, const struct report *report,
                         const struct report_row *row)
{
    const struct report_metrics *metrics = report_metrics(report);
    const char *joint = ",\"reasons\":{";
    for (unsigned at = REPORT_FIXED; at < metrics->count; at++) {
        unsigned i = metrics->order[at];
        enum report_metric_kind kind = report_metric_kind(metrics->words[i]);
        if (kind != REPORT_KIND_REASON && kind != REPORT_KIND_SERVE)
            continue;
        strbuf_add_cstr(to, joint);
        strbuf_add_json(to, metrics->words[i]);
        strbuf_add_char(to, ':');
        json_count(to, NULL, report_get(row, i));
        joint = ",";
    }
    strbuf_add_char(to, '}');
}

static void json_values(struct strbuf *to, const struct report *report,
                        const struct report_row *row)
{
    const struct report_metrics *metrics = report_metrics(report);
    const char *joint = "";
    strbuf_add_cstr(to, ",\"values\":{");
    for (unsigned at = REPORT_FIXED; at < metrics->count; at++) {
        unsigned i = metrics->order[at];
        if (report_metric_kind(metrics->words[i]) != REPORT_KIND_VALUE)
            continue;
        strbuf_add_cstr(to, joint);
        strbuf_add_json(to, slice_from(metrics->words[i], strlen("value.")));
        strbuf_add_char(to, ':');
        json_money(to, report_get(row, i));
        joint = ",";
    }
    strbuf_add_char(to, '}');
}

static void json_numbers(struct strbuf *to, const struct report *report,
                         const struct report_row *row)
{
    report_sum impressions = report_get(row, REPORT_IMPRESSIONS);
    json_count(to, "serves", report_get(row, REPORT_SERVES));
    json_count(to, "impressions", impressions);
    json_count(to, "viewables", report_get(row, REPORT_VIEWABLES));
    json_rate(to, "viewable_rate", report_get(row, REPORT_VIEWABLES), impressions);
    json_count(to, "clicks", report_get(row, REPORT_CLICKS));
    json_rate(to, "ctr", report_get(row, REPORT_CLICKS), impressions);
    json_count(to, "conversions", report_get(row, REPORT_CONVERSIONS));
    json_head(to, "spend");
    json_money(to, report_get(row, REPORT_SPEND));
    json_ecpm(to, row);
    json_count(to, "filtered", report_sum_of(report, row, REPORT_KIND_REASON));
    json_count(to, "filtered_serves", report_sum_of(report, row, REPORT_KIND_SERVE));
    json_reasons(to, report, row);
    json_values(to, report, row);
}

static void json_row(const struct report *report, unsigned at, struct strbuf *to)
{
    const struct report_row *row = report_row(report, at);
    const char *const *columns = report_columns(report_asked(report)->by);
    strbuf_add_cstr(to, at > 0 ? ",\n{" : "\n{");
    for (unsigned i = 0; columns[i]; i++) {
        strbuf_addf(to, "%s\"%s\":", i > 0 ? "," : "", columns[i]);
        strbuf_add_json(to, row->keys[i]);
    }
    json_numbers(to, report, row);
    strbuf_add_char(to, '}');
}

static void json_begin(const struct report *report, struct strbuf *to)
{
    const struct report_query *query = report_asked(report);
    char from[REPORT_TIME_MAX], until[REPORT_TIME_MAX];
    report_hour_text(query->zone, query->first_hour, from);
    report_hour_text(query->zone, query->end_hour, until);
    strbuf_addf(to, "{\"from\":\"%s\",\"to\":\"%s\",\"timezone\":", from, until);
    strbuf_add_json(to, zone_name(query->zone));
    strbuf_addf(to, ",\"by\":\"%s\",\"rows\":[", report_by_words[query->by]);
}

static void json_end(const struct report *report, struct strbuf *to)
{
    struct strbuf totals;
    strbuf_init(&totals, SIZE_MAX / 2);
    json_numbers(&totals, report, report_totals(report));
    strbuf_add_cstr(to, report_row_count(report) > 0 ? "\n],\"totals\":{" : "],\"totals\":{");
    strbuf_add_slice(to, slice_from(strbuf_slice(&totals), 1));
    strbuf_addf(to, "},\"unreadable\":%llu}\n", (unsigned long long)report_unreadable(report));
    strbuf_release(&totals);
}

/* ---- CSV ------------------------------------------------------------------------------------- */

static void add_byte(struct strbuf *to, const char *at, size_t len)
{
    if (len == 0)
        strbuf_add_cstr(to, "\xef\xbf\xbd"); /* U+FFFD for what is not UTF-8 */
    else if (len == 1 && *at == '"')
        strbuf_add_cstr(to, "\"\"");
    else if (len > 1 || *at != '\0')
        strbuf_add(to, at, len);
}

/* A text of somebody's, quoted. */
static void csv_text(struct strbuf *to, struct slice text)
{
    uint32_t character;
    strbuf_add_char(to, '"');
    if (text.len > 0 && text.ptr[0] != '\0' && strchr("=+-@\t\r", text.ptr[0]))
        strbuf_add_char(to, '\'');
    while (text.len > 0) {
        size_t len = utf8_decode(text, &character);
        add_byte(to, text.ptr, len);
        text = slice_from(text, len > 0 ? len : 1);
    }
    strbuf_add_char(to, '"');
}

static void csv_count(struct strbuf *to, report_sum number)
{
    strbuf_add_char(to, ',');
    report_add_count(to, number);
}

static void csv_money(struct strbuf *to, report_sum micro)
{
    strbuf_add_char(to, ',');
    report_add_money(to, micro, PLACES);
}

static void csv_rate(struct strbuf *to, report_sum part, report_sum of)
{
    strbuf_add_char(to, ',');
    (void)report_add_rate(to, part, of);
}

/* Reasons before values, whatever the order they were met in. */
static void csv_others(const struct report *report, const struct report_row *row, struct strbuf *to)
{
    const struct report_metrics *metrics = report_metrics(report);
    for (int values = 0; values < 2; values++) {
        for (unsigned at = REPORT_FIXED; at < metrics->count; at++) {
            unsigned i = metrics->order[at];
            bool is_value = report_metric_kind(metrics->words[i]) == REPORT_KIND_VALUE;
            if (is_value != (values == 1))
                continue;
            if (!row)
                strbuf_addf(to, ",%.*s", SLICE_ARGS(metrics->words[i]));
            else if (is_value)
                csv_money(to, report_get(row, i));
            else
                csv_count(to, report_get(row, i));
        }
    }
}

static void csv_numbers(struct strbuf *to, const struct report *report,
                        const struct report_row *row)
{
    report_sum impressions = report_get(row, REPORT_IMPRESSIONS), ecpm;
    csv_count(to, report_get(row, REPORT_SERVES));
    csv_count(to, impressions);
    csv_count(to, report_get(row, REPORT_VIEWABLES));
    csv_rate(to, report_get(row, REPORT_VIEWABLES), impressions);
    csv_count(to, report_get(row, REPORT_CLICKS));
    csv_rate(to, report_get(row, REPORT_CLICKS), impressions);
    csv_count(to, report_get(row, REPORT_CONVERSIONS));
    csv_money(to, report_get(row, REPORT_SPEND));
    if (report_ecpm(row, &ecpm))
        csv_money(to, ecpm);
    else
        strbuf_add_char(to, ',');
    csv_count(to, report_sum_of(report, row, REPORT_KIND_REASON));
    csv_count(to, report_sum_of(report, row, REPORT_KIND_SERVE));
    csv_others(report, row, to);
    strbuf_add_cstr(to, "\r\n");
}

static void csv_row(const struct report *report, const struct report_row *row, struct strbuf *to)
{
    const char *const *columns = report_columns(report_asked(report)->by);
    for (unsigned i = 0; columns[i]; i++) {
        strbuf_add_cstr(to, i > 0 ? "," : "");
        csv_text(to, row->keys[i]);
    }
    csv_numbers(to, report, row);
}

static void csv_begin(const struct report *report, struct strbuf *to)
{
    const char *const *columns = report_columns(report_asked(report)->by);
    for (unsigned i = 0; columns[i]; i++)
        strbuf_addf(to, "%s%s", i > 0 ? "," : "", columns[i]);
    strbuf_add_cstr(to, ",serves,impressions,viewables,viewable_rate,clicks,ctr,conversions,spend,"
                        "ecpm,filtered,filtered_serves");
    csv_others(report, NULL, to);
    strbuf_add_cstr(to, "\r\n");
}

/* ---- Both ------------------------------------------------------------------------------------ */

bool report_write(const struct report *report, struct report_writing *at, struct strbuf *ret)
{
    bool json = report_asked(report)->format == REPORT_JSON;
    unsigned count = report_row_count(report);
    CHECK(json || report_asked(report)->format == REPORT_CSV);
    if (!at->begun && json)
        json_begin(report, ret);
    else if (!at->begun)
        csv_begin(report, ret);
    at->begun = true;
    for (unsigned i = 0; i < REPORT_WRITE_STEP && at->row < count; i++, at->row++) {
        if (json)
            json_row(report, at->row, ret);
        else
            csv_row(report, report_row(report, at->row), ret);
    }
    if (at->row < count)
        return true;
    if (json)
        json_end(report, ret);
    else
        csv_row(report, report_totals(report), ret);
    return false;
}
