#include "ctl/forecast_print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "ctl/table.h"

#define TIME_TEXT      32
#define TEXT_MAX_BYTES 128
#define JSON_MAX       (64 * 1024 * 1024)
#define DAY_US         (INT64_C(86400) * US_PER_SECOND)

static uint64_t whole(uint64_t thousandths)
{
    return (thousandths + REPLAY_ONE / 2) / REPLAY_ONE;
}

/* Tenths of a percent. */
static unsigned per_mille(uint64_t part, uint64_t all)
{
    return all ? (unsigned)(((unsigned __int128)part * 1000 + all / 2) / all) : 0;
}

static const char *time_text(int64_t ms, char ret[TIME_TEXT])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || strftime(ret, TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return "?";
    return ret;
}

/* ---- What is told ---------------------------------------------------------------------------- */

struct row {
    struct slice id;
    uint64_t before, after; /* whole serves */
    int64_t difference;
    uint64_t before_error, after_error, difference_error;
};

struct reason_count {
    const char *word;
    uint64_t count; /* thousandths */
};

struct told {
    struct replay_result before, after;
    struct row *rows; /* campaigns that get more or less, those that lose the most first */
    unsigned row_count;
    struct reason_count reasons[REASON_COUNT]; /* the most frequent first */
    unsigned reason_count;
    uint64_t booked;   /* requests of slots that the campaign is booked on, in thousandths */
    uint64_t eligible; /* of these the ones in which only other campaigns stood in its way */
};

static int compare_rows(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    if (left->difference != right->difference)
        return left->difference < right->difference ? -1 : 1;
    return slice_compare(left->id, right->id);
}

static int compare_reasons(const void *a, const void *b)
{
    const struct reason_count *left = a, *right = b;
    return left->count < right->count ? 1 : -(left->count > right->count);
}

static struct row row_of(const struct forecast *forecast, unsigned number)
{
    const struct campaign *campaign = forecast->site.campaigns[FORECAST_AFTER][number];
    struct row row = {
        .id = campaign->id,
        .before = whole(replay_serves(forecast->replays[FORECAST_BEFORE], number)),
        .after = whole(replay_serves(forecast->replays[FORECAST_AFTER], number)),
    };
    row.difference = (int64_t)row.after - (int64_t)row.before;
    row.before_error = whole(replay_serves_error(forecast->replays[FORECAST_BEFORE], number));
    row.after_error = whole(replay_serves_error(forecast->replays[FORECAST_AFTER], number));
    row.difference_error = whole(replay_difference_error(
        forecast->replays[FORECAST_BEFORE], forecast->replays[FORECAST_AFTER], number));
    return row;
}

/* What no campaign got, as a row beside those of campaigns. */
static struct row unfilled_row(const struct forecast *forecast, const struct told *told)
{
    struct row row = {
        .id = SLICE("(unfilled)"),
        .before = whole(told->before.unfilled),
        .after = whole(told->after.unfilled),
        .before_error = whole(told->before.unfilled_error),
        .after_error = whole(told->after.unfilled_error),
        .difference_error = whole(replay_unfilled_difference_error(
            forecast->replays[FORECAST_BEFORE], forecast->replays[FORECAST_AFTER])),
    };
    row.difference = (int64_t)row.after - (int64_t)row.before;
    return row;
}

static void tell_rows(struct tool *tool, const struct forecast *forecast, struct told *told)
{
    const struct forecast_site *site = &forecast->site;
    told->rows = arena_new_array(tool->arena, struct row, site->campaign_count);
    for (unsigned i = 1; i < site->campaign_count; i++) {
        if (i == site->subject || !site->campaigns[FORECAST_AFTER][i])
            continue;
        struct row row = row_of(forecast, i);
        if (row.difference != 0)
            told->rows[told->row_count++] = row;
    }
    qsort(told->rows, told->row_count, sizeof *told->rows, compare_rows);
}

static void tell_reasons(struct told *told)
{
    const struct replay_subject *subject = &told->after.subject;
    told->booked = subject->serves;
    for (unsigned reason = 0; reason < REASON_COUNT; reason++) {
        told->booked += subject->rejected[reason];
        if (whole(subject->rejected[reason]) > 0)
            told->reasons[told->reason_count++] =
                (struct reason_count){reason_rows[reason].word, subject->rejected[reason]};
    }
    told->eligible = subject->serves + subject->rejected[REASON_OUTWEIGHED];
    qsort(told->reasons, told->reason_count, sizeof *told->reasons, compare_reasons);
}

static struct told tell(struct tool *tool, const struct forecast *forecast)
{
    struct told told = {
        .before = replay_result(forecast->replays[FORECAST_BEFORE]),
        .after = replay_result(forecast->replays[FORECAST_AFTER]),
    };
    tell_rows(tool, forecast, &told);
    tell_reasons(&told);
    return told;
}

static const struct campaign *subject_of(const struct forecast *forecast)
{
    return forecast->site.campaigns[FORECAST_AFTER][forecast->site.subject];
}

/* The part of its period that the log covers, in microseconds. */
static int64_t covered_us(const struct forecast *forecast)
{
    int64_t log_us = (forecast->window.end_ms - forecast->window.begin_ms) * US_PER_MS;
    int64_t length_us = forecast->site.length_us;
    return length_us > 0 && length_us < log_us ? length_us : log_us;
}

/* ---- For people ------------------------------------------------------------------------------ */

static struct slice text_of(struct tool *tool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static struct slice text_of(struct tool *tool, const char *format, ...)
{
    char text[TEXT_MAX_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return arena_copy(tool->arena, slice_cstr(text));
}

static struct slice share_text(struct tool *tool, uint64_t part, uint64_t all)
{
    unsigned share = per_mille(part, all);
    return text_of(tool, "%u.%u %%", share / 10, share % 10);
}

/* " ± 123", or nothing where there is no error. */
static const char *error_text(struct tool *tool, uint64_t thousandths)
{
    if (whole(thousandths) == 0)
        return "";
    return text_of(tool, " \u00b1 %" PRIu64, whole(thousandths)).ptr;
}

static double days(int64_t us)
{
    return (double)us / (double)DAY_US;
}

static void print_sample(FILE *to, const struct forecast_window *window)
{
    double least = window->least_ppm / 1e4, most = window->most_ppm / 1e4;
    fprintf(to, "%" PRIu64 " logged requests stand for %" PRIu64 "%s; the sample is %g",
            window->records, whole(window->requests),
            replay_scale_is_scaled(window->scale) ? " that were counted" : "", least);
    if (most > least)
        fprintf(to, " to %g", most);
    fputs(" %\n", to);
}

static void print_period(FILE *to, const struct forecast *forecast)
{
    const struct forecast_site *site = &forecast->site;
    fputs("The campaign is taken to begin when the log begins and to run ", to);
    if (site->length_us == 0)
        fputs("without end.\n", to);
    else
        fprintf(to, "as long as it would, %.1f days; %.1f of them are in the log.\n",
                days(site->length_us), days(covered_us(forecast)));
    if (site->replaces)
        fputs("It takes the place of the campaign of that id.\n", to);
    if (site->wakes)
        fputs("Its status is not active; it is taken to be.\n", to);
}

static void print_head(FILE *to, const struct forecast *forecast)
{
    const struct forecast_window *window = &forecast->window;
    char from[TIME_TEXT], until[TIME_TEXT];
    fprintf(to, "Campaign %.*s, had it run from %s to %s (%.1f days of the log)\n",
            SLICE_ARGS(subject_of(forecast)->id), time_text(window->begin_ms, from),
            time_text(window->end_ms, until),
            days((window->end_ms - window->begin_ms) * US_PER_MS));
    print_sample(to, window);
    print_period(to, forecast);
}

static void print_subject(struct tool *tool, const struct told *told)
{
    const struct replay_subject *subject = &told->after.subject;
    struct slice share = share_text(tool, subject->serves, told->eligible);
    fprintf(tool->out, "\nserves  %" PRIu64 "%s", whole(subject->serves),
            error_text(tool, subject->serves_error));
    fprintf(tool->out, "\nreach   %" PRIu64 "%s viewers, of those known", whole(subject->reach),
            error_text(tool, subject->reach_error));
    fprintf(tool->out, "\nshare   %.*s of the %" PRIu64 " slot requests it was eligible for\n",
            SLICE_ARGS(share), whole(told->eligible));
}

static void print_slots(struct tool *tool, const struct forecast *forecast)
{
    static const char *const heads[] = {"slot", "requests", "serves", "share"};
    const struct forecast_site *site = &forecast->site;
    struct table *table = table_new(tool->arena, heads, 4, site->slot_count);
    fputc('\n', tool->out);
    for (unsigned i = 1; i < site->slot_count; i++) {
        struct replay_slot slot = replay_slot(forecast->replays[FORECAST_AFTER], i);
        if (slot.subject == 0)
            continue;
        table_add(table, site->slots[i]->id);
        table_add(table, text_of(tool, "%" PRIu64, whole(slot.requests)));
        table_add(table, text_of(tool, "%" PRIu64, whole(slot.subject)));
        table_add(table, share_text(tool, slot.subject, slot.requests));
    }
    table_print(table, "", tool->out);
}

static void print_reasons(struct tool *tool, const struct told *told)
{
    static const char *const heads[] = {"not served because", "slot requests", "share"};
    struct table *table = table_new(tool->arena, heads, 3, REASON_COUNT);
    fputc('\n', tool->out);
    if (told->booked == 0)
        fputs("None of its slots was asked for.\n", tool->out);
    for (unsigned i = 0; i < told->reason_count; i++) {
        table_add(table, slice_cstr(told->reasons[i].word));
        table_add(table, text_of(tool, "%" PRIu64, whole(told->reasons[i].count)));
        table_add(table, share_text(tool, told->reasons[i].count, told->booked));
    }
    if (told->reason_count > 0)
        table_print(table, "", tool->out);
}

static bool is_sampled(const struct forecast *forecast)
{
    return forecast->window.least_ppm < SAMPLE_ALL_PPM;
}

static void add_difference(struct tool *tool, struct table *table, bool sampled,
                           const struct row *row)
{
    table_add(table, row->id);
    table_add(table, text_of(tool, "%" PRIu64, row->before));
    table_add(table, text_of(tool, "%" PRIu64, row->after));
    table_add(table, text_of(tool, "%+" PRId64, row->difference));
    if (sampled)
        table_add(table, text_of(tool, "%" PRIu64, row->difference_error));
}

/* How wrong their sum is is not known: one errs up where another errs down. */
static void print_rest(struct tool *tool, struct table *table, bool sampled,
                       const struct told *told)
{
    uint64_t before = 0, after = 0;
    for (unsigned i = FORECAST_CAMPAIGNS_SHOWN; i < told->row_count; i++) {
        before += told->rows[i].before;
        after += told->rows[i].after;
    }
    table_add(table, text_of(tool, "(%u others)", told->row_count - FORECAST_CAMPAIGNS_SHOWN));
    table_add(table, text_of(tool, "%" PRIu64, before));
    table_add(table, text_of(tool, "%" PRIu64, after));
    table_add(table, text_of(tool, "%+" PRId64, (int64_t)after - (int64_t)before));
    if (sampled)
        table_add(table, SLICE("-"));
}

static void print_differences(struct tool *tool, const struct forecast *forecast,
                              const struct told *told)
{
    static const char *const heads[] = {"campaign", "before", "after", "difference", "error"};
    bool sampled = is_sampled(forecast);
    struct table *table =
        table_new(tool->arena, heads, sampled ? 5 : 4, FORECAST_CAMPAIGNS_SHOWN + 3);
    const struct row own = row_of(forecast, forecast->site.subject);
    const struct row unfilled = unfilled_row(forecast, told);
    fputc('\n', tool->out);
    add_difference(tool, table, sampled, &own);
    for (unsigned i = 0; i < told->row_count && i < FORECAST_CAMPAIGNS_SHOWN; i++)
        add_difference(tool, table, sampled, &told->rows[i]);
    if (told->row_count > FORECAST_CAMPAIGNS_SHOWN)
        print_rest(tool, table, sampled, told);
    add_difference(tool, table, sampled, &unfilled);
    table_print(table, "", tool->out);
}

void forecast_print_text(struct tool *tool, const struct forecast *forecast)
{
    struct told told = tell(tool, forecast);
    print_head(tool->out, forecast);
    print_subject(tool, &told);
    if (told.after.subject.serves > 0)
        print_slots(tool, forecast);
    print_reasons(tool, &told);
    print_differences(tool, forecast, &told);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void add_head(struct strbuf *to, const struct forecast *forecast)
{
    const struct forecast_window *window = &forecast->window;
    const struct forecast_site *site = &forecast->site;
    char from[TIME_TEXT], until[TIME_TEXT];
    strbuf_add_cstr(to, "{\n  \"campaign\": ");
    strbuf_add_json(to, subject_of(forecast)->id);
    strbuf_addf(to, ",\n  \"log\": {\"from\": \"%s\", \"to\": \"%s\", \"logged\": %" PRIu64,
                time_text(window->begin_ms, from), time_text(window->end_ms, until),
                window->records);
    strbuf_addf(to,
                ", \"unreadable\": %" PRIu64 ", \"requests\": %" PRIu64
                ", \"scaled\": %s, \"by_kind\": %s, \"gap_hours\": %u, \"sample_ppm\": [%" PRIu32
                ", %" PRIu32 "]},\n",
                window->unreadable, whole(window->requests),
                replay_scale_is_scaled(window->scale) ? "true" : "false",
                window->by_kind ? "true" : "false", replay_scale_gaps(window->scale),
                window->least_ppm, window->most_ppm);
    strbuf_add_cstr(to, "  \"period\": {\"seconds\": ");
    if (site->length_us > 0)
        strbuf_add_i64(to, site->length_us / US_PER_SECOND);
    else
        strbuf_add_cstr(to, "null");
    strbuf_addf(to, ", \"seconds_in_log\": %" PRId64 "},\n", covered_us(forecast) / US_PER_SECOND);
    strbuf_addf(to, "  \"replaces\": %s,\n  \"woken\": %s,\n  \"left_out\": %u,\n",
                site->replaces ? "true" : "false", site->wakes ? "true" : "false", site->left_out);
}

static void add_subject(struct strbuf *to, const struct told *told)
{
    const struct replay_subject *subject = &told->after.subject;
    unsigned share = per_mille(subject->serves, told->eligible);
    strbuf_addf(to,
                "  \"serves\": %" PRIu64 ",\n  \"sampling_error\": %" PRIu64
                ",\n  \"reach\": %" PRIu64 ",\n  \"reach_error\": %" PRIu64
                ",\n  \"booked\": %" PRIu64 ",\n  \"eligible\": %" PRIu64
                ",\n  \"share_percent\": %u.%u,\n",
                whole(subject->serves), whole(subject->serves_error), whole(subject->reach),
                whole(subject->reach_error), whole(told->booked), whole(told->eligible), share / 10,
                share % 10);
}

static void add_slots(struct strbuf *to, const struct forecast *forecast)
{
    const char *before = "  \"slots\": [";
    for (unsigned i = 1; i < forecast->site.slot_count; i++) {
        struct replay_slot slot = replay_slot(forecast->replays[FORECAST_AFTER], i);
        struct replay_slot was = replay_slot(forecast->replays[FORECAST_BEFORE], i);
        strbuf_addf(to, "%s\n    {\"slot\": ", before);
        strbuf_add_json(to, forecast->site.slots[i]->id);
        strbuf_addf(to,
                    ", \"requests\": %" PRIu64 ", \"serves\": %" PRIu64
                    ", \"sampling_error\": %" PRIu64 ", \"unfilled_before\": %" PRIu64
                    ", \"unfilled_after\": %" PRIu64 "}",
                    whole(slot.requests), whole(slot.subject), whole(slot.subject_error),
                    whole(was.unfilled), whole(slot.unfilled));
        before = ",";
    }
    strbuf_addf(to, "%s],\n", before[0] == ',' ? "\n  " : before);
}

static void add_reasons(struct strbuf *to, const char *name, const struct reason_count *reasons,
                        unsigned count)
{
    strbuf_addf(to, "  \"%s\": {", name);
    for (unsigned i = 0; i < count; i++)
        strbuf_addf(to, "%s\"%s\": %" PRIu64, i > 0 ? ", " : "", reasons[i].word,
                    whole(reasons[i].count));
    strbuf_add_cstr(to, "},\n");
}

static void add_amounts(struct strbuf *to, const struct row *row)
{
    strbuf_addf(to,
                "\"before\": %" PRIu64 ", \"before_error\": %" PRIu64 ", \"after\": %" PRIu64
                ", \"after_error\": %" PRIu64 ", \"difference\": %" PRId64
                ", \"difference_error\": %" PRIu64 "}",
                row->before, row->before_error, row->after, row->after_error, row->difference,
                row->difference_error);
}

static void add_row(struct strbuf *to, const struct row *row)
{
    strbuf_add_cstr(to, "    {\"campaign\": ");
    strbuf_add_json(to, row->id);
    strbuf_add_cstr(to, ", ");
    add_amounts(to, row);
}

static void add_differences(struct strbuf *to, const struct forecast *forecast,
                            const struct told *told)
{
    const struct row own = row_of(forecast, forecast->site.subject);
    const struct row unfilled = unfilled_row(forecast, told);
    strbuf_add_cstr(to, "  \"campaigns\": [\n");
    add_row(to, &own);
    for (unsigned i = 0; i < told->row_count; i++) {
        strbuf_add_cstr(to, ",\n");
        add_row(to, &told->rows[i]);
    }
    strbuf_add_cstr(to, "\n  ],\n  \"unfilled\": {");
    add_amounts(to, &unfilled);
    strbuf_add_cstr(to, "\n}\n");
}

void forecast_print_json(struct tool *tool, const struct forecast *forecast)
{
    struct told told = tell(tool, forecast);
    struct strbuf text;
    strbuf_init(&text, JSON_MAX);
    add_head(&text, forecast);
    add_subject(&text, &told);
    add_slots(&text, forecast);
    add_reasons(&text, "reasons", told.reasons, told.reason_count);
    add_differences(&text, forecast, &told);
    if (text.overflowed)
        (void)tool_refuse(tool, "forecast", "it is larger than allowed; allowed: %d bytes",
                          JSON_MAX);
    else
        fputs(strbuf_cstr(&text), tool->out);
    strbuf_release(&text);
}
