#include "http/h1_answer.h"

#include <stdio.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "http/carrier.h"

static void write_date(struct h1_date *date, time_t now)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;
    CHECK(gmtime_r(&now, &tm) != NULL);
    int len =
        snprintf(date->line, sizeof date->line, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                 days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
                 tm.tm_min, tm.tm_sec);
    CHECK(len > 0 && (size_t)len < sizeof date->line);
    date->len = (size_t)len;
}

struct slice h1_date_line(struct h1_date *date, int64_t now_us)
{
    if (now_us >= date->until_us) {
        int64_t wall_us = clock_wall_us(&clock_system);
        write_date(date, (time_t)(wall_us / US_PER_SECOND));
        date->until_us = now_us + US_PER_SECOND - wall_us % US_PER_SECOND;
    }
    return slice_of(date->line, date->len);
}

bool h1_status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static void add_status_line(struct strbuf *to, int status)
{
    if (status == 200) {
        strbuf_add_slice(to, SLICE("HTTP/1.1 200 OK\r\n"));
        return;
    }
    strbuf_add_slice(to, SLICE("HTTP/1.1 "));
    strbuf_add_u64(to, (uint64_t)status);
    strbuf_add_char(to, ' ');
    strbuf_add_slice(to, http_reason(status));
    strbuf_add_slice(to, SLICE("\r\n"));
}

void h1_answer_head(struct strbuf *to, const struct http_response *response, struct slice date,
                    enum h1_persistence persistence)
{
    static const struct slice connection[] = {
        [H1_STAYS] = SLICE_INIT(""),
        [H1_STAYS_1_0] = SLICE_INIT("Connection: keep-alive\r\n"),
        [H1_CLOSES] = SLICE_INIT("Connection: close\r\n"),
    };
    add_status_line(to, response->status);
    strbuf_add_slice(to, date);
    if (response->content_type.len > 0) {
        strbuf_add_slice(to, SLICE("Content-Type: "));
        strbuf_add_slice(to, response->content_type);
        strbuf_add_slice(to, SLICE("\r\n"));
    }
    if (h1_status_has_body(response->status)) {
        strbuf_add_slice(to, SLICE("Content-Length: "));
        strbuf_add_u64(to, response->body.len);
        strbuf_add_slice(to, SLICE("\r\n"));
    }
    strbuf_add_slice(to, SLICE("X-Content-Type-Options: nosniff\r\n"));
    strbuf_add_slice(to, response->extra);
    strbuf_add_slice(to, connection[persistence]);
    strbuf_add_slice(to, SLICE("\r\n"));
}
