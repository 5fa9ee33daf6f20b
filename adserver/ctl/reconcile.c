#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "ctl/command.h"
#include "ctl/count_list.h"
#include "ctl/hashes.h"
#include "ctl/server_stats.h"
#include "ctl/shown.h"
#include "decision/model.h"
#include "decision/report_write.h"

#define TRIES     5                         /* while compaction moves counts */
#define AT_ONCE   256                       /* commands sent before their replies are read */
#define LAST_HOUR (INT64_C(24) * 366 * 300) /* after all that have a name */
#define REST_MAX  999                       /* thousandths of a micro-unit that make no whole one */
#define REST      SLICE("spend_rest")
#define SHOWN_MAX 128

/* Everything compared, over all campaigns. */
struct sums {
    struct report_metrics metrics;
    report_sum totals[REPORT_METRICS_MAX];
};

struct reconciling {
    struct tool *tool;
    const struct server_stats *stats; /* NULL: not compared */
    bool json;
    struct strbuf text; /* what is told, once it is sure */
    struct sums sums;
    unsigned campaigns, differences;
};

/* One campaign's sums by metric: by hour, and as they stand in its total. */
struct account {
    struct slice campaign;
    struct report_metrics metrics;
    report_sum hours[REPORT_METRICS_MAX], total[REPORT_METRICS_MAX];
    report_sum packed[REPORT_METRICS_MAX], quarters[REPORT_METRICS_MAX];
    bool has_hours, has_total;
};

/* ---- Telling --------------------------------------------------------------------------------- */

static void add_text(struct reconciling *at, struct slice campaign, struct slice metric,
                     struct slice text)
{
    shown_add(&at->text, campaign, SHOWN_MAX);
    strbuf_add_char(&at->text, ' ');
    shown_add(&at->text, metric, SHOWN_MAX);
    strbuf_addf(&at->text, ": %.*s\n", SLICE_ARGS(text));
}

static void add_json(struct reconciling *at, struct slice campaign, struct slice metric,
                     struct slice text)
{
    strbuf_add_cstr(&at->text, at->differences > 0 ? ",\n{\"campaign\":" : "\n{\"campaign\":");
    strbuf_add_json(&at->text, campaign);
    strbuf_add_cstr(&at->text, ",\"metric\":");
    strbuf_add_json(&at->text, metric);
    strbuf_add_cstr(&at->text, ",\"what\":");
    strbuf_add_json(&at->text, text);
    strbuf_add_char(&at->text, '}');
}

static void tell(struct reconciling *at, struct slice campaign, struct slice metric,
                 struct slice text)
{
    if (at->json)
        add_json(at, campaign, metric, text);
    else
        add_text(at, campaign, metric, text);
    at->differences++;
}

/* "12 by hour, 10 in ad:total: 2 too few there" */
static void tell_numbers(struct reconciling *at, struct slice campaign, struct slice metric,
                         report_sum left, const char *left_where, report_sum right,
                         const char *right_where, const char *hint)
{
    struct strbuf text;
    strbuf_init(&text, SIZE_MAX / 2);
    report_add_count(&text, left);
    strbuf_addf(&text, " %s, ", left_where);
    report_add_count(&text, right);
    strbuf_addf(&text, " %s: ", right_where);
    report_add_count(&text, left > right ? left - right : right - left);
    strbuf_addf(&text, " %s there%s", left > right ? "too few" : "too many", hint);
    tell(at, campaign, metric, strbuf_slice(&text));
    strbuf_release(&text);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void take_total(struct reconciling *at, struct account *account,
                       const struct redis_reply *reply)
{
    account->has_total = reply->count > 0;
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        struct slice word = reply->items[i].text;
        int64_t number;
        int metric =
            word.len <= REPORT_METRIC_WORD_MAX ? report_metrics_find(&account->metrics, word) : -1;
        if (metric < 0 || !report_number_parse(reply->items[i + 1].text, &number))
            tell(at, account->campaign, word, SLICE("its sum is no whole number within 64 bits"));
        else
            account->total[metric] = number;
    }
}

static void queue_key(struct tool *tool, const struct count_key *key)
{
    bool packed = key->kind == COUNT_MONTH;
    tool_queue(tool, (struct slice[]){packed ? SLICE("GET") : SLICE("HGETALL"), key->key}, 2);
}

static void tell_unusable(struct reconciling *at, const struct count_key *key)
{
    tell(at, key->campaign, key->key, SLICE("something else stands there than counts"));
}

static bool is_what_it_should_be(const struct count_key *key, const struct redis_reply *reply)
{
    return reply->type == (key->kind == COUNT_MONTH ? REDIS_STRING : REDIS_ARRAY);
}

/* The metric of each field that a run names; -1 where it is no field, or there are too many. */
static int metric_of(struct account *account, struct slice name)
{
    struct report_field field;
    return report_field_parse(name, &field) ? report_metrics_find(&account->metrics, field.metric)
                                            : -1;
}

static bool add_entry(report_sum *sums, const int *metrics, const struct packed_entry *entry,
                      unsigned run)
{
    int64_t hours[PACKED_HOURS];
    if (run > 0 && !packed_hours(entry, hours))
        return false;
    sums[metrics[entry->field]] += entry->sum;
    return true;
}

/* Days into `packed`, quarters into `quarters`. */
static bool take_packed(struct account *account, unsigned run, struct slice bytes, int *metrics)
{
    struct packed_reader reader;
    struct packed_entry entry;
    enum packed_item item;
    report_sum *sums = run == 0 ? account->packed : account->quarters;
    packed_begin(&reader, bytes);
    while ((item = packed_next(&reader, &entry)) != PACKED_END) {
        if (item == PACKED_BROKEN)
            return false;
        if (item == PACKED_FIELD)
            metrics[entry.field] = metric_of(account, entry.name);
        if (metrics[entry.field] < 0 ||
            (item == PACKED_ENTRY && !add_entry(sums, metrics, &entry, run)))
            return false;
    }
    return true;
}

static bool take_counts(struct account *account, struct report *report, const struct count_key *key,
                        const struct redis_reply *reply)
{
    enum report_result result = REPORT_GOOD;
    if (key->kind == COUNT_MONTH) {
        int *metrics = check_calloc(PACKED_FIELDS_MAX, sizeof *metrics);
        bool good = take_packed(account, key->run, reply->text, metrics);
        free(metrics);
        return good;
    }
    for (size_t i = 0; i + 1 < reply->count && result == REPORT_GOOD; i += 2)
        result = report_add_field(report, key->at, reply->items[i].text, reply->items[i + 1].text);
    return result == REPORT_GOOD;
}

static void take_key(struct reconciling *at, struct account *account, struct report *report,
                     const struct count_key *key, const struct redis_reply *reply)
{
    bool gone = reply->type == REDIS_NIL || (reply->type == REDIS_ARRAY && reply->count == 0);
    if (gone)
        return;
    if (!is_what_it_should_be(key, reply)) {
        tell_unusable(at, key);
    } else if (key->kind == COUNT_TOTAL) {
        take_total(at, account, reply);
    } else {
        account->has_hours = true;
        if (!take_counts(account, report, key, reply))
            tell_unusable(at, key);
    }
}

static bool read_keys(struct reconciling *at, struct account *account, struct report *report,
                      const struct count_key *keys, unsigned count)
{
    for (unsigned from = 0; from < count; from += AT_ONCE) {
        unsigned batch = count - from < AT_ONCE ? count - from : AT_ONCE;
        for (unsigned i = 0; i < batch; i++)
            queue_key(at->tool, &keys[from + i]);
        for (unsigned i = 0; i < batch; i++) {
            const struct redis_reply *reply = tool_fetch_any(at->tool);
            if (!reply)
                return false;
            take_key(at, account, report, &keys[from + i], reply);
        }
    }
    return true;
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static void take_report(struct account *account, const struct report *report)
{
    const struct report_metrics *metrics = report_metrics(report);
    const struct report_row *row = report_totals(report);
    for (unsigned i = 0; i < row->count; i++) {
        int metric = report_metrics_find(&account->metrics, metrics->words[i]);
        if (metric >= 0)
            account->hours[metric] += row->sums[i];
    }
    for (unsigned i = 0; i < account->metrics.count; i++)
        account->hours[i] += account->packed[i];
}

static const char *hint_of(const struct account *account, unsigned metric)
{
    if (!account->has_total)
        return "; it has no sums at all: they were deleted, or hours were written by hand";
    if (!account->has_hours)
        return "; it has no hours at all: they were deleted, or are older than counts by hour";
    if (metric == REPORT_SPEND && account->hours[metric] < account->total[metric])
        return "; hours that older servers counted have no spend";
    return "";
}

static void compare_rest(struct reconciling *at, const struct account *account, unsigned metric)
{
    report_sum rest = account->total[metric];
    if (account->hours[metric] != 0)
        tell(at, account->campaign, REST, SLICE("it is counted by hour, where it has no place"));
    if (rest < 0 || rest > REST_MAX)
        tell(at, account->campaign, REST, SLICE("the thousandths of a micro-unit are 0 to 999"));
}

static void compare_metric(struct reconciling *at, const struct account *account, unsigned metric)
{
    struct slice word = account->metrics.words[metric];
    if (slice_eq(word, REST))
        compare_rest(at, account, metric);
    else if (account->hours[metric] != account->total[metric])
        tell_numbers(at, account->campaign, word, account->hours[metric], "by hour",
                     account->total[metric], "in its sums", hint_of(account, metric));
    int sum = report_metrics_find(&at->sums.metrics, word);
    if (sum >= 0)
        at->sums.totals[sum] += account->total[metric];
}

static void compare_account(struct reconciling *at, const struct account *account,
                            const struct report *report)
{
    for (unsigned i = 0; i < account->metrics.count; i++) {
        if (account->packed[i] != account->quarters[i])
            tell_numbers(at, account->campaign, account->metrics.words[i], account->packed[i],
                         "by packed day", account->quarters[i], "by packed hour", "");
        compare_metric(at, account, i);
    }
    if (report_unreadable(report) > 0)
        tell(at, account->campaign, SLICE("hours"), SLICE("some of their fields are no counts"));
    if (!at->stats || !id_is_valid(account->campaign))
        return;
    static const char *const words[] = {"serves", "impressions", "viewables", "clicks",
                                        "conversions"};
    char id[ID_MAX + 1];
    (void)snprintf(id, sizeof id, "%.*s", SLICE_ARGS(account->campaign));
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        int64_t counted = server_stats_count(at->stats, "campaigns", id, words[i]);
        if (account->total[i] != counted)
            tell_numbers(at, account->campaign, slice_cstr(words[i]), account->total[i],
                         "in its sums", counted, "in /stats", "");
    }
}

/* ---- One campaign after the other ------------------------------------------------------------ */

static void tell_odd(struct reconciling *at, const struct count_key *keys, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (keys[i].kind == COUNT_ODD)
            tell(at, keys[i].campaign, keys[i].key, SLICE("no server writes a key of this name"));
    }
}

static bool reconcile_campaign(struct reconciling *at, const struct count_key *keys, unsigned count)
{
    const struct report_query query = {.by = REPORT_BY_CAMPAIGN, .end_hour = LAST_HOUR};
    const struct report_owner owner = {.id = keys->campaign};
    struct account *account = check_calloc(1, sizeof *account);
    struct report *report = report_new(&query);
    unsigned good_keys = 0;
    account->campaign = keys->campaign;
    report_metrics_init(&account->metrics, at->tool->arena);
    while (good_keys < count && keys[good_keys].kind != COUNT_ODD)
        good_keys++;
    tell_odd(at, keys, count);
    report_begin(report, &owner);
    bool good = read_keys(at, account, report, keys, good_keys);
    if (good && good_keys > 0) {
        report_keep(report);
        report_finish(report);
        take_report(account, report);
        compare_account(at, account, report);
        at->campaigns++;
    }
    report_free(report);
    free(account);
    return good;
}

static bool reconcile_all(struct reconciling *at, const struct count_list *list)
{
    unsigned end;
    for (unsigned i = 0; i < list->count; i = end) {
        end = i;
        while (end < list->count && slice_eq(list->item[end].campaign, list->item[i].campaign))
            end++;
        if (!reconcile_campaign(at, list->item + i, end - i))
            return false;
    }
    return true;
}

/* ---- The server's own sums ------------------------------------------------------------------- */

struct event_check {
    struct reconciling *at;
    report_sum counted;
};

/* What /stats counts besides what campaigns have: it is not known of which one it would be. */
static bool is_of_no_campaign(struct slice word)
{
    static const struct slice words[] = {SLICE_INIT("counted"), SLICE_INIT("bad_token"),
                                         SLICE_INIT("failed"), SLICE_INIT("spooled")};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (slice_eq(words[i], word))
            return true;
    }
    return false;
}

static void check_event(const char *name, void *arg)
{
    struct event_check *check = arg;
    struct sums *sums = &check->at->sums;
    struct slice word = slice_cstr(name);
    int64_t counted = server_stats_count(check->at->stats, "events", NULL, name);
    if (is_of_no_campaign(word))
        return;
    unsigned known = sums->metrics.count;
    int metric = report_metrics_find(&sums->metrics, word);
    /* A word that no campaign has, nor the table, is another server's business while it is 0. */
    report_sum total = metric >= 0 && (unsigned)metric < known ? sums->totals[metric] : 0;
    if (total != counted)
        tell_numbers(check->at, SLICE("all"), word, total, "in all sums", counted,
                     "in /stats events", "");
}

static void compare_events(struct reconciling *at)
{
    struct event_check check = {.at = at};
    const struct sums *sums = &at->sums;
    int64_t counted = server_stats_count(at->stats, "events", NULL, "counted");
    report_sum net = sums->totals[REPORT_IMPRESSIONS] + sums->totals[REPORT_VIEWABLES] +
                     sums->totals[REPORT_CLICKS] + sums->totals[REPORT_CONVERSIONS];
    if (net != counted)
        tell_numbers(at, SLICE("all"), SLICE("counted"), net, "in all sums", counted,
                     "in /stats events", "");
    server_stats_each(at->stats, "events", check_event, &check);
}

/* A campaign that only the server knows has been counted nowhere else. */
static void check_known(const char *name, void *arg)
{
    struct event_check *check = arg;
    static const char *const words[] = {"serves", "impressions", "viewables", "clicks",
                                        "conversions"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        check->counted += server_stats_count(check->at->stats, "campaigns", name, words[i]);
}

static void compare_campaign_sums(struct reconciling *at)
{
    struct event_check check = {.at = at};
    const report_sum *totals = at->sums.totals;
    report_sum all = totals[REPORT_SERVES] + totals[REPORT_IMPRESSIONS] + totals[REPORT_VIEWABLES] +
                     totals[REPORT_CLICKS] + totals[REPORT_CONVERSIONS];
    server_stats_each(at->stats, "campaigns", check_known, &check);
    if (all != check.counted)
        tell_numbers(at, SLICE("all"), SLICE("campaigns"), all, "in all sums", check.counted,
                     "in /stats campaigns", "");
}

/* ---- The command ----------------------------------------------------------------------------- */

/* How often counts of the listed campaigns have moved. */
static bool read_folds(struct tool *tool, const struct ids *ids, struct strbuf *ret)
{
    char key[LEDGER_KEY_MAX];
    strbuf_clear(ret);
    for (unsigned i = 0; i < ids->count; i++) {
        const struct slice args[] = {
            SLICE("HGET"), count_compacted_key(key, tool->prefix, ids->item[i]), SLICE("folds")};
        tool_queue(tool, args, 3);
    }
    for (unsigned i = 0; i < ids->count; i++) {
        const struct redis_reply *reply = tool_fetch(tool);
        if (!reply)
            return false;
        strbuf_addf(ret, "%.*s ", SLICE_ARGS(reply->text));
    }
    return true;
}

static void begin(struct reconciling *at)
{
    strbuf_clear(&at->text);
    at->campaigns = at->differences = 0;
    at->sums = (struct sums){.totals = {0}};
    report_metrics_init(&at->sums.metrics, at->tool->arena);
}

/* `*ret_still` is whether nothing was compacted meanwhile. */
static bool try_once(struct reconciling *at, const struct call *call, struct ids *ids,
                     bool *ret_still)
{
    struct strbuf before, after;
    struct count_list list;
    strbuf_init(&before, SIZE_MAX / 2);
    strbuf_init(&after, SIZE_MAX / 2);
    begin(at);
    bool good = read_folds(at->tool, ids, &before) && count_list_read(at->tool, &list) &&
                count_list_choose(at->tool, call, &list) && reconcile_all(at, &list) &&
                read_folds(at->tool, ids, &after);
    *ret_still = good && slice_eq(strbuf_slice(&before), strbuf_slice(&after));
    strbuf_release(&before);
    strbuf_release(&after);
    return good;
}

static bool reconcile(struct reconciling *at, const struct call *call)
{
    struct ids ids;
    bool still = false;
    if (!hashes_read_ids(at->tool, RECORD_CAMPAIGN, &ids))
        return false;
    for (unsigned tries = 0; !still && tries < TRIES; tries++) {
        if (!try_once(at, call, &ids, &still))
            return false;
    }
    if (!still)
        return tool_refuse(at->tool, "reconcile",
                           "counts are being compacted all the time; allowed: trying later");
    if (at->stats && !(call->flags & FLAG_CAMPAIGN)) {
        compare_events(at);
        compare_campaign_sums(at);
    }
    return true;
}

static void print_end(const struct reconciling *at)
{
    FILE *to = at->tool->out;
    const report_sum *totals = at->sums.totals;
    struct strbuf sums;
    report_sum net = totals[REPORT_IMPRESSIONS] + totals[REPORT_VIEWABLES] + totals[REPORT_CLICKS] +
                     totals[REPORT_CONVERSIONS];
    report_sum filtered = 0;
    for (unsigned i = REPORT_FIXED; i < at->sums.metrics.count; i++) {
        if (report_metric_kind(at->sums.metrics.words[i]) == REPORT_KIND_REASON)
            filtered += totals[i];
    }
    strbuf_init(&sums, SIZE_MAX / 2);
    strbuf_add_cstr(&sums, at->json ? ",\"gross\":\"" : "gross ");
    report_add_count(&sums, net + filtered);
    strbuf_add_cstr(&sums, at->json ? "\",\"net\":\"" : " = net ");
    report_add_count(&sums, net);
    strbuf_add_cstr(&sums, at->json ? "\",\"filtered\":\"" : " + filtered ");
    report_add_count(&sums, filtered);
    strbuf_add_cstr(&sums, at->json ? "\"" : "");
    if (at->json)
        fprintf(to, "{\"differences\":[%s],\"campaigns\":%u%s,\"equal\":%s}\n",
                strbuf_cstr(&at->text), at->campaigns, strbuf_cstr(&sums),
                at->differences == 0 ? "true" : "false");
    else
        fprintf(to, "%s%u campaigns, %u differences; %s events\n", strbuf_cstr(&at->text),
                at->campaigns, at->differences, strbuf_cstr(&sums));
    strbuf_release(&sums);
}

enum tool_result command_reconcile(struct tool *tool, const struct call *call)
{
    struct reconciling *at = arena_new_item(tool->arena, struct reconciling);
    struct err err = {"", ""};
    const char *url = call_value(call, FLAG_STATS); /* or several */
    struct server_stats *stats = url ? server_stats_get_all(url, &err) : NULL;
    if (url && !stats) {
        (void)mistakes_add(&tool->mistakes, &err);
        return TOOL_REFUSED;
    }
    *at =
        (struct reconciling){.tool = tool, .stats = stats, .json = (call->flags & FLAG_JSON) != 0};
    strbuf_init(&at->text, SIZE_MAX / 2);
    bool good = reconcile(at, call);
    if (good)
        print_end(at);
    good = good && at->differences == 0;
    strbuf_release(&at->text);
    server_stats_free(stats);
    return good ? TOOL_DONE : TOOL_REFUSED;
}
