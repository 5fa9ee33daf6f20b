#include "ctl/live_counts.h"

#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "ctl/hashes.h"
#include "ctl/shown.h"
#include "decision/id_table.h"
#include "decision/model.h"
#include "decision/report_metrics.h"
#include "store/count_keys.h"

#define AT_ONCE   256
#define LOOKS     (LIVE_LOOKS + 1) /* kept: a rate needs one before */
#define SHOWN_MAX 40
#define HEAD_ROWS 4 /* lines above the campaigns */
#define TIME_MAX  32

struct live_row {
    struct slice id;
    int64_t looks[LOOKS][LIVE_METRICS];
    unsigned seen; /* the number of looks when it was met */
    bool listed;
};

struct live_counts {
    struct arena *arena; /* of ids */
    struct id_table table;
    struct live_row **rows;
    unsigned count, room;
    unsigned looks; /* so far */
    int64_t at_us[LOOKS];
    int64_t slots[LOOKS][2]; /* requests and filled, of /stats */
};

static const char *const metric_words[LIVE_METRICS] = {"serves", "impressions", "viewables",
                                                       "clicks"};

static struct slice id_of(const void *item)
{
    return ((const struct live_row *)item)->id;
}

struct live_counts *live_counts_new(void)
{
    struct live_counts *counts = check_calloc(1, sizeof *counts);
    counts->arena = arena_new(0);
    counts->table.id_of = id_of;
    return counts;
}

void live_counts_free(struct live_counts *counts)
{
    if (!counts)
        return;
    for (unsigned i = 0; i < counts->count; i++)
        free(counts->rows[i]);
    free(counts->rows);
    id_table_release(&counts->table);
    arena_free(counts->arena);
    free(counts);
}

/* ---- Looking --------------------------------------------------------------------------------- */

static struct live_row *find_row(struct live_counts *counts, struct slice id)
{
    struct live_row *row = id_table_find(&counts->table, id);
    if (row)
        return row;
    row = check_calloc(1, sizeof *row);
    row->id = arena_copy(counts->arena, id);
    row->seen = counts->looks;
    (void)id_table_put(&counts->table, row);
    if (counts->count == counts->room) {
        counts->room = counts->room > 0 ? 2 * counts->room : 64;
        counts->rows = check_realloc(counts->rows, counts->room * sizeof *counts->rows);
    }
    counts->rows[counts->count++] = row;
    return row;
}

static void queue_total(struct tool *tool, struct slice campaign)
{
    char key[LEDGER_KEY_MAX];
    struct slice args[2 + LIVE_METRICS] = {SLICE("HMGET"),
                                           count_total_key(key, tool->prefix, campaign)};
    for (unsigned i = 0; i < LIVE_METRICS; i++)
        args[2 + i] = slice_cstr(metric_words[i]);
    tool_queue(tool, args, 2 + LIVE_METRICS);
}

static void take_total(struct live_row *row, unsigned look, const struct redis_reply *reply)
{
    row->listed = true;
    for (unsigned i = 0; i < LIVE_METRICS; i++) {
        int64_t number = 0;
        if (reply->type == REDIS_ARRAY && i < reply->count)
            (void)report_number_parse(reply->items[i].text, &number);
        row->looks[look][i] = number;
    }
}

static bool read_totals(struct live_counts *counts, struct tool *tool, const struct ids *ids)
{
    unsigned look = counts->looks % LOOKS;
    for (unsigned from = 0; from < ids->count; from += AT_ONCE) {
        unsigned batch = ids->count - from < AT_ONCE ? ids->count - from : AT_ONCE;
        for (unsigned i = 0; i < batch; i++)
            queue_total(tool, ids->item[from + i]);
        for (unsigned i = 0; i < batch; i++) {
            const struct redis_reply *reply = tool_fetch_any(tool);
            if (!reply)
                return false;
            take_total(find_row(counts, ids->item[from + i]), look, reply);
        }
    }
    return true;
}

struct slots {
    const struct server_stats *stats;
    int64_t *sums;
};

static void add_slot(const char *name, void *arg)
{
    struct slots *slots = arg;
    slots->sums[0] += server_stats_count(slots->stats, "slots", name, "requests");
    slots->sums[1] += server_stats_count(slots->stats, "slots", name, "filled");
}

bool live_counts_look(struct live_counts *counts, struct tool *tool,
                      const struct server_stats *stats)
{
    struct ids ids;
    unsigned look = counts->looks % LOOKS;
    for (unsigned i = 0; i < counts->count; i++)
        counts->rows[i]->listed = false;
    if (!hashes_read_ids(tool, RECORD_CAMPAIGN, &ids) || !read_totals(counts, tool, &ids))
        return false;
    counts->at_us[look] = clock_mono_us(&clock_system);
    counts->slots[look][0] = counts->slots[look][1] = 0;
    if (stats)
        server_stats_each(stats, "slots", add_slot, &(struct slots){stats, counts->slots[look]});
    counts->looks++;
    return true;
}

/* ---- Rates ----------------------------------------------------------------------------------- */

static unsigned last_look(const struct live_counts *counts)
{
    return (counts->looks - 1) % LOOKS;
}

/* The oldest look that is kept and in which the row, where there is one, was met. */
static unsigned first_look(const struct live_counts *counts, const struct live_row *row)
{
    unsigned first = counts->looks > LOOKS ? counts->looks - LOOKS : 0;
    if (row && row->seen > first)
        first = row->seen;
    return first % LOOKS;
}

/* A tenth a second; whole numbers, since counts are. */
static int64_t rate_of(const struct live_counts *counts, const struct live_row *row,
                       enum live_metric metric)
{
    unsigned last = last_look(counts), first = first_look(counts, row);
    int64_t us = counts->at_us[last] - counts->at_us[first];
    int64_t grown = row->looks[last][metric] - row->looks[first][metric];
    return us > 0 && grown > 0 ? (int64_t)((double)grown * 10 * US_PER_SECOND / (double)us + 0.5)
                               : 0;
}

struct line {
    const struct live_row *row;
    int64_t rates[LIVE_METRICS];
};

static int compare(const void *a, const void *b)
{
    const struct line *left = a, *right = b;
    for (unsigned i = 0; i < LIVE_METRICS; i++) {
        if (left->rates[i] != right->rates[i])
            return left->rates[i] > right->rates[i] ? -1 : 1;
    }
    return slice_compare(left->row->id, right->row->id);
}

/* ---- The picture ----------------------------------------------------------------------------- */

static void add_cells(struct strbuf *to, const int64_t rates[LIVE_METRICS])
{
    for (unsigned i = 0; i < LIVE_METRICS; i++)
        strbuf_addf(to, "  %8lld.%lld", (long long)(rates[i] / 10), (long long)(rates[i] % 10));
}

static void add_line(struct strbuf *to, const struct line *line, unsigned look)
{
    struct strbuf id;
    strbuf_init(&id, SIZE_MAX / 2);
    shown_add(&id, line->row->id, SHOWN_MAX);
    size_t width = shown_width(strbuf_slice(&id));
    strbuf_addf(to, "%s%*s", strbuf_cstr(&id), (int)(width < 20 ? 20 - width : 0), "");
    add_cells(to, line->rates);
    strbuf_addf(to, "  %10lld\n", (long long)line->row->looks[look][LIVE_IMPRESSIONS]);
    strbuf_release(&id);
}

static void add_fill(struct strbuf *to, const struct live_counts *counts)
{
    unsigned last = last_look(counts), first = first_look(counts, NULL);
    int64_t requests = counts->slots[last][0] - counts->slots[first][0];
    int64_t filled = counts->slots[last][1] - counts->slots[first][1];
    int64_t us = counts->at_us[last] - counts->at_us[first];
    if (requests <= 0 || us <= 0) {
        strbuf_add_cstr(to, "slots: none asked for");
        return;
    }
    strbuf_addf(to, "slots: %.1f/s, %.1f%% filled", (double)requests * US_PER_SECOND / (double)us,
                100.0 * (double)filled / (double)requests);
}

static void add_latency(struct strbuf *to, const struct server_stats *stats, const char *kind)
{
    double p50 = server_stats_latency(stats, kind, "p50"),
           p99 = server_stats_latency(stats, kind, "p99");
    if (p50 >= 0 && p99 >= 0)
        strbuf_addf(to, "; %s p50 %.2f ms, p99 %.2f ms", kind, p50, p99);
}

static void add_head(struct strbuf *to, const struct live_counts *counts,
                     const struct server_stats *stats, unsigned shown, unsigned all)
{
    char text[TIME_MAX];
    time_t now = (time_t)(clock_wall_us(&clock_system) / US_PER_SECOND);
    struct tm tm;
    CHECK(gmtime_r(&now, &tm) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%SZ", &tm) > 0);
    strbuf_addf(to, "masthead %s  %u of %u campaigns\n", text, shown, all);
    if (stats) {
        add_fill(to, counts);
        add_latency(to, stats, "ads");
        add_latency(to, stats, "impression");
        strbuf_add_char(to, '\n');
    }
    strbuf_addf(to, "\n%-20s  %10s %11s  %10s  %10s  %10s\n", "a second", "serves", "impressions",
                "viewables", "clicks", "seen so far");
}

void live_counts_print(const struct live_counts *counts, const struct server_stats *stats,
                       struct tool *tool, unsigned lines, struct strbuf *to)
{
    struct line *list = arena_new_array(tool->arena, struct line, counts->count + 1);
    unsigned count = 0, room = lines > HEAD_ROWS + 1 ? lines - HEAD_ROWS - 1 : 1;
    int64_t all[LIVE_METRICS] = {0};
    for (unsigned i = 0; i < counts->count; i++) {
        struct line *line = &list[count];
        line->row = counts->rows[i];
        for (unsigned metric = 0; metric < LIVE_METRICS; metric++)
            all[metric] += line->rates[metric] =
                line->row->listed ? rate_of(counts, line->row, (enum live_metric)metric) : 0;
        count += line->row->listed;
    }
    qsort(list, count, sizeof *list, compare);
    unsigned shown = count < room ? count : room;
    add_head(to, counts, stats, shown, count);
    strbuf_addf(to, "%-20s", "all");
    add_cells(to, all);
    strbuf_add_char(to, '\n');
    for (unsigned i = 0; i < shown; i++)
        add_line(to, &list[i], last_look(counts));
}
