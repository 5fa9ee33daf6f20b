#include "store/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/base64url.h"
#include "base/check.h"
#include "decision/model.h"
#include "net/loop.h"
#include "store/ledger_keys.h"
#include "store/ledger_probe.h"
#include "store/ledger_serves.h"
#include "store/scripts.h"

#define KEYS      4
#define ARGS      15
#define ARG_AGAIN 4                /* position of the one that says it is sent again */
#define RETRY_US  (10 * US_PER_MS) /* between two looks whether a lost event can be sent again */

/* event.lua's answers. */
enum {
    ANSWER_DUPLICATE,
    ANSWER_COUNTED,
    ANSWER_IMPLIED,
    ANSWER_FILTERED,
    ANSWER_OVER_GOAL,
    ANSWER_OVER_GOAL_IMPLIED,
    ANSWERS
};

const char *const event_kind_words[] = {
    [EVENT_IMPRESSION] = "impressions", [EVENT_VIEWABLE] = "viewables", [EVENT_CLICK] = "clicks"};

/* An event under way. */
struct entry {
    LIST_ENTRY(entry) link;
    struct ledger *ledger; /* NULL: it has gone, and the function has been called */
    ledger_fn *fn;
    void *arg;
    int64_t due_us; /* monotonic */
    bool lost;      /* its connection broke: it waits to be sent again */
    bool filtered;
    struct slice keys[KEYS], args[ARGS];
    unsigned key_count, arg_count;
    char seen[LEDGER_KEY_MAX], counts[LEDGER_KEY_MAX], totals[LEDGER_KEY_MAX];
    char place[2 * ID_MAX + 4];
    char kept[24];
    char goal[LEDGER_KEY_MAX];
    char terms[GOAL_TERMS][GOAL_NUMBER_MAX];
    char window[GOAL_WINDOW_MAX];
    char held_from[GOAL_NUMBER_MAX];
};

struct ledger {
    struct ledger_config config;
    LIST_HEAD(, entry) entries;
    struct loop_timer *retry;
    struct serves *serves;
    struct ledger_probe *probe;
};

static int64_t now_us(const struct ledger *ledger)
{
    return clock_mono_us(ledger->config.clock);
}

static void end(struct entry *entry, enum ledger_result result)
{
    ledger_fn *fn = entry->fn;
    void *arg = entry->arg;
    LIST_REMOVE(entry, link);
    free(entry);
    fn(result, arg);
}

static enum ledger_result result_of(const struct redis_reply *reply)
{
    static const enum ledger_result results[ANSWERS] = {
        [ANSWER_DUPLICATE] = LEDGER_DUPLICATE,
        [ANSWER_COUNTED] = LEDGER_COUNTED,
        [ANSWER_IMPLIED] = LEDGER_COUNTED_IMPLIED,
        [ANSWER_FILTERED] = LEDGER_FILTERED,
        [ANSWER_OVER_GOAL] = LEDGER_OVER_GOAL,
        [ANSWER_OVER_GOAL_IMPLIED] = LEDGER_OVER_GOAL_IMPLIED,
    };
    if (reply->type != REDIS_INTEGER || reply->integer < 0 || reply->integer >= ANSWERS)
        return LEDGER_FAILED;
    return results[reply->integer];
}

/*
 * The connection broke between the event and its answer: it may be counted or not. Sent again it is
 * counted if it was not. What is only kept apart has no mark to be known again by, so it fails.
 */
static void on_answer(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct entry *entry = arg;
    struct ledger *ledger = entry->ledger;
    if (ledger)
        ledger_probe_note(ledger->probe, failure, reply);
    if (!ledger) {
        free(entry);
    } else if (failure == REDIS_LOST && !entry->filtered) {
        entry->lost = true;
        loop_timer_set(ledger->retry, RETRY_US);
    } else {
        end(entry, failure == REDIS_OK ? result_of(reply) : LEDGER_FAILED);
    }
}

static void send_entry(struct entry *entry, int timeout_ms)
{
    redis_run_script(entry->ledger->config.redis, script_get(SCRIPT_EVENT), entry->keys,
                     entry->key_count, entry->args, entry->arg_count, timeout_ms, on_answer, entry);
}

static void retry_entry(struct entry *entry)
{
    struct ledger *ledger = entry->ledger;
    int64_t left_ms = (entry->due_us - now_us(ledger)) / US_PER_MS;
    if (left_ms <= 0) {
        end(entry, LEDGER_FAILED);
    } else if (redis_is_up(ledger->config.redis)) {
        entry->lost = false;
        entry->args[ARG_AGAIN] = SLICE("1");
        send_entry(entry, (int)left_ms);
    } else {
        loop_timer_set(ledger->retry, RETRY_US);
    }
}

/* Those that wait are chosen first: the functions called may record more. */
static void on_retry(void *arg)
{
    struct ledger *ledger = arg;
    LIST_HEAD(, entry) due = LIST_HEAD_INITIALIZER(due);
    struct entry *entry, *next;
    for (entry = LIST_FIRST(&ledger->entries); entry; entry = next) {
        next = LIST_NEXT(entry, link);
        if (!entry->lost)
            continue;
        LIST_REMOVE(entry, link);
        LIST_INSERT_HEAD(&due, entry, link);
    }
    while ((entry = LIST_FIRST(&due))) {
        LIST_REMOVE(entry, link);
        LIST_INSERT_HEAD(&ledger->entries, entry, link);
        retry_entry(entry);
    }
}

static struct slice cut(struct slice id)
{
    return slice_of(id.ptr, id.len < ID_MAX ? id.len : ID_MAX);
}

static void name_keys(struct entry *entry, const struct ledger_event *event)
{
    struct slice prefix = entry->ledger->config.prefix;
    char rest[2 + BASE64URL_ENCODED_LEN(sizeof event->impression)] = ":";
    char hour[1 + LEDGER_HOUR_MAX] = ":";
    (void)base64url_encode(rest + 1, event->impression, sizeof event->impression);
    ledger_hour(event->now_us, hour + 1);
    entry->keys[0] = ledger_key(entry->seen, prefix, "seen", event->campaign, rest);
    entry->keys[1] = ledger_key(entry->counts, prefix, "count", event->campaign, hour);
    entry->keys[2] = ledger_key(entry->totals, prefix, "total", event->campaign, "");
}

static void name_args(struct entry *entry, const struct ledger_event *event)
{
    static const struct slice bits[] = {[EVENT_IMPRESSION] = SLICE_INIT("1"),
                                        [EVENT_VIEWABLE] = SLICE_INIT("2"),
                                        [EVENT_CLICK] = SLICE_INIT("4")};
    int64_t kept_ms = entry->ledger->config.page_ttl_ms + LEDGER_SEEN_MARGIN_MS;
    (void)snprintf(entry->place, sizeof entry->place, "%.*s|%.*s|",
                   SLICE_ARGS(cut(event->creative)), SLICE_ARGS(cut(event->slot)));
    (void)snprintf(entry->kept, sizeof entry->kept, "%lld", (long long)kept_ms);
    entry->args[0] = bits[event->kind];
    entry->args[1] = slice_cstr(entry->place);
    entry->args[2] = slice_cstr(entry->kept);
    entry->args[3] = slice_cstr(event_filter_rows[event->filter].word);
    entry->args[ARG_AGAIN] = SLICE("0");
    entry->key_count = 3;
    entry->arg_count = ARG_AGAIN + 1;
}

/* Prices, and where there are bounds, those and the window of the serve. */
static void name_goal(struct entry *entry, const struct ledger_event *event)
{
    const struct event_goal *goal = event->goal;
    struct slice *args = entry->args + entry->arg_count;
    goal_terms(goal->campaign, entry->terms, args);
    entry->arg_count += 2;
    if (!goal_binds(goal->campaign))
        return;
    (void)snprintf(entry->held_from, sizeof entry->held_from, "%lld",
                   (long long)(goal->held_from_us / US_PER_MS));
    args[GOAL_TERMS] = goal_window_name(goal->window, entry->window);
    args[GOAL_TERMS + 1] = goal_window_date(args[GOAL_TERMS]);
    args[GOAL_TERMS + 2] = slice_cstr(entry->held_from);
    entry->arg_count = ARGS;
    entry->keys[entry->key_count++] =
        ledger_key(entry->goal, entry->ledger->config.prefix, "goal", event->campaign, "");
}

void ledger_record(struct ledger *ledger, const struct ledger_event *event, int timeout_ms,
                   ledger_fn *fn, void *arg)
{
    struct entry *entry = check_malloc(sizeof *entry);
    entry->ledger = ledger;
    entry->fn = fn;
    entry->arg = arg;
    entry->due_us = now_us(ledger) + (timeout_ms ? timeout_ms : REDIS_SLOW_MS) * US_PER_MS;
    entry->lost = false;
    entry->filtered = event->filter != EVENT_COUNTS;
    name_keys(entry, event);
    name_args(entry, event);
    if (event->goal)
        name_goal(entry, event);
    LIST_INSERT_HEAD(&ledger->entries, entry, link);
    send_entry(entry, timeout_ms);
}

void ledger_add_serve(struct ledger *ledger, struct slice campaign, struct slice creative,
                      struct slice slot, int64_t wall_us)
{
    serves_add(ledger->serves, cut(campaign), cut(creative), cut(slot), wall_us);
}

void ledger_flush(struct ledger *ledger, ledger_fn *fn, void *arg)
{
    serves_flush(ledger->serves, fn, arg);
}

const char *ledger_trouble(const struct ledger *ledger)
{
    return ledger_probe_trouble(ledger->probe);
}

struct ledger *ledger_new(const struct ledger_config *config)
{
    struct ledger *ledger = check_calloc(1, sizeof *ledger);
    CHECK(config->prefix.len <= LEDGER_PREFIX_MAX);
    ledger->config = *config;
    LIST_INIT(&ledger->entries);
    ledger->retry = loop_timer_new(config->loop, on_retry, ledger);
    ledger->serves = serves_new(config);
    ledger->probe = ledger_probe_new(config);
    return ledger;
}

/* Events that Redis still has to answer are left to that answer, without their ledger. */
static void abandon(struct entry *entry)
{
    ledger_fn *fn = entry->fn;
    void *arg = entry->arg;
    bool lost = entry->lost;
    LIST_REMOVE(entry, link);
    entry->ledger = NULL;
    if (lost)
        free(entry);
    fn(LEDGER_FAILED, arg);
}

void ledger_free(struct ledger *ledger)
{
    if (!ledger)
        return;
    for (struct entry *entry = LIST_FIRST(&ledger->entries), *next; entry; entry = next) {
        next = LIST_NEXT(entry, link);
        abandon(entry);
    }
    CHECK(LIST_EMPTY(&ledger->entries));
    loop_timer_free(ledger->retry);
    serves_free(ledger->serves);
    ledger_probe_free(ledger->probe);
    free(ledger);
}
