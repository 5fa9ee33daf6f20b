#include "store/ledger_call.h"

#include <stdio.h>
#include <string.h>

#include "base/base64url.h"
#include "base/check.h"
#include "base/clock.h"
#include "decision/model.h"
#include "store/event_streams.h"
#include "store/ledger_keys.h"
#include "store/scripts.h"

#define PLAIN_KEYS  3
#define PLAIN_ARGS  14
#define TERMS_AT    5 /* position of the prices and bounds among the arguments */
#define STREAM_KEYS 1
#define STREAM_ARGS 2
#define CALL_KEYS   (PLAIN_KEYS + 3 * LEDGER_BATCH_EVENTS + 1 + STREAM_KEYS)
#define CALL_ARGS   (PLAIN_ARGS + 3 * LEDGER_BATCH_EVENTS + STREAM_ARGS)
#define PLACE_MAX   (2 * ID_MAX + 4)
#define NUMBER_MAX  24
#define EVENT_BYTES 8
#define MORE_MAX    256 /* of what is said of a conversion or the click before it */
#define SAID_MAX    96  /* what the stream is told of an event */

_Static_assert(CALL_KEYS <= UINT8_MAX && CALL_ARGS <= UINT8_MAX, "positions are bytes");
_Static_assert(CALL_KEYS + CALL_ARGS <= REDIS_ARGS_MAX, "a batch fits into one command");

/* Rules of event.lua. */
enum { RULE_STRICT = 1, RULE_PRICED = 2, RULE_BOUND = 4, RULE_STREAM = 8 };

/* The arguments of one call, and what they point to. */
struct call {
    struct slice keys[CALL_KEYS], args[CALL_ARGS];
    unsigned key_count, arg_count;
    char number[NUMBER_MAX], mark_kept[NUMBER_MAX], seen_kept[NUMBER_MAX], rules[NUMBER_MAX];
    char held_from[NUMBER_MAX], stream_max[NUMBER_MAX];
    char terms[GOAL_TERMS][GOAL_NUMBER_MAX];
    char events[LEDGER_BATCH_EVENTS * EVENT_BYTES];
    char key_texts[CALL_KEYS][LEDGER_KEY_MAX];
    char places[LEDGER_BATCH_EVENTS][PLACE_MAX];
    char windows[LEDGER_BATCH_EVENTS][GOAL_WINDOW_MAX];
    char mores[LEDGER_BATCH_EVENTS][MORE_MAX];
    char said[LEDGER_BATCH_EVENTS * SAID_MAX];
};

/* ---- Texts that several events share are sent once; each returns the text's position ---- */

static unsigned put_key(struct call *call, struct slice prefix, const char *kind,
                        struct slice campaign, const char *rest)
{
    unsigned at = call->key_count;
    struct slice key = ledger_key(call->key_texts[at], prefix, kind, campaign, rest);
    for (unsigned i = PLAIN_KEYS; i < at; i++) {
        if (slice_eq(call->keys[i], key))
            return i + 1;
    }
    call->keys[at] = key;
    return ++call->key_count;
}

static unsigned put_text(struct call *call, struct slice text)
{
    for (unsigned i = PLAIN_ARGS; i < call->arg_count; i++) {
        if (slice_eq(call->args[i], text))
            return i + 1;
    }
    call->args[call->arg_count] = text;
    return ++call->arg_count;
}

static unsigned put_hour(struct call *call, struct slice prefix, const struct ledger_event *event)
{
    char rest[1 + LEDGER_HOUR_MAX] = ":";
    ledger_hour(event->now_us, rest + 1);
    return put_key(call, prefix, "count", event->campaign, rest);
}

static unsigned put_block(struct call *call, struct slice prefix, const struct ledger_event *event)
{
    char rest[1 + IMPRESSION_NAME_MAX] = ":";
    impression_block(event->impression, rest + 1);
    return put_key(call, prefix, "seen", event->campaign, rest);
}

static unsigned put_place(struct call *call, unsigned number, const struct ledger_event *event)
{
    char *text = call->places[number];
    int len = snprintf(text, PLACE_MAX, "%.*s|%.*s|", SLICE_ARGS(event->creative),
                       SLICE_ARGS(event->slot));
    return put_text(call, slice_of(text, (size_t)len));
}

static unsigned put_word(struct call *call, const struct ledger_event *event)
{
    if (event->filter == EVENT_COUNTS)
        return 0;
    return put_text(call, slice_cstr(event_filter_rows[event->filter].word));
}

/* ---- Conversions, and clicks they may follow ---- */

static bool has_more(const struct ledger_event *event)
{
    return event->filter == EVENT_COUNTS && (event->kind == EVENT_CONVERSION || event->converts);
}

/* As event.lua has them: of what does not count the kind says nothing. */
static unsigned kind_of(const struct ledger_event *event)
{
    enum { CLICK = 3, CONVERSION, CONVERTING_CLICK };
    if (has_more(event))
        return event->converts ? CONVERTING_CLICK : CONVERSION;
    return event->kind == EVENT_CONVERSION ? CLICK : (unsigned)event->kind + 1;
}

/* Where clicks of its block are remembered, when it happened, and how long that is of use. */
static int put_moment(struct call *call, const struct ledger_config *config,
                      const struct ledger_event *event, char *text)
{
    char rest[1 + IMPRESSION_NAME_MAX] = ":";
    int64_t kept_ms =
        IMPRESSION_BLOCK_AGE_MS + LEDGER_SPOOLED_MAX_MS + LEDGER_SEEN_MARGIN_MS +
        conversion_window_ms(config->page_ttl_ms, config->click_window_ms, config->view_window_ms);
    impression_block(event->impression, rest + 1);
    return snprintf(text, MORE_MAX, "%u %lld %lld",
                    put_key(call, config->prefix, "clicked", event->campaign, rest),
                    (long long)(event->now_us / US_PER_MS), (long long)kept_ms);
}

static unsigned put_more(struct call *call, const struct ledger_config *config,
                         const struct ledger_event *event, unsigned number)
{
    const struct conversion *conversion = &event->conversion;
    char *text = call->mores[number];
    int len = put_moment(call, config, event, text);
    if (event->kind == EVENT_CONVERSION)
        len += snprintf(text + len, (size_t)(MORE_MAX - len), " %u %lld %lld %lld %lld %.*s %.*s",
                        put_key(call, config->prefix, "orders", event->campaign, ""),
                        (long long)event->issued_ms, (long long)config->click_window_ms,
                        (long long)config->view_window_ms, (long long)conversion->value_micro,
                        SLICE_ARGS(conversion->currency.len ? conversion->currency : SLICE("-")),
                        SLICE_ARGS(conversion->order));
    CHECK(len > 0 && len < MORE_MAX);
    return put_text(call, slice_of(text, (size_t)len));
}

/* ---- The call ---- */

static struct slice number_of(char ret[NUMBER_MAX], int64_t number)
{
    int len = snprintf(ret, NUMBER_MAX, "%lld", (long long)number);
    return slice_of(ret, (size_t)len);
}

static void name_keys(struct call *call, struct slice prefix, const struct ledger_batch *batch)
{
    char rest[2 + BASE64URL_ENCODED_LEN(LEDGER_EPOCH_BYTES)] = ":";
    size_t len = base64url_encode(rest + 1, batch->identity.epoch, LEDGER_EPOCH_BYTES);
    rest[1 + len] = '\0';
    call->keys[0] = ledger_key(call->key_texts[0], prefix, "mark", batch->campaign, rest);
    call->keys[1] = ledger_key(call->key_texts[1], prefix, "total", batch->campaign, "");
    call->keys[2] = ledger_key(call->key_texts[2], prefix, "goal", batch->campaign, "");
    call->key_count = PLAIN_KEYS;
}

/* As event.lua has them. */
static const char *const manners[] = {
    [LEDGER_LIVE] = "0",
    [LEDGER_REPLAYED] = "1",
    [LEDGER_FORCED] = "2",
};

static void name_args(struct call *call, const struct ledger_config *config,
                      const struct ledger_batch *batch, enum ledger_manner manner)
{
    int64_t seen_ms = IMPRESSION_BLOCK_AGE_MS + config->page_ttl_ms + LEDGER_SPOOLED_MAX_MS +
                      LEDGER_SEEN_MARGIN_MS + config->view_window_ms;
    call->args[0] = number_of(call->number, (int64_t)batch->identity.number);
    call->args[1] = slice_cstr(manners[manner]);
    call->args[2] = number_of(call->mark_kept, LEDGER_MARK_KEPT_MS);
    call->args[3] = number_of(call->seen_kept, seen_ms);
    call->arg_count = PLAIN_ARGS;
}

static bool is_strict(const struct ledger_config *config, enum ledger_manner manner)
{
    return config->refuse_without_impression && manner == LEDGER_LIVE &&
           !(config->waiting && config->waiting(config->arg));
}

/* Prices and bounds, and whether there are any. */
static void name_rules(struct call *call, const struct ledger_config *config,
                       const struct event_goal *goal, enum ledger_manner manner)
{
    const struct campaign *campaign = goal ? goal->campaign : NULL;
    int rules = is_strict(config, manner) ? RULE_STRICT : 0;
    if (campaign && goal_is_priced(campaign))
        rules += RULE_PRICED;
    if (campaign && goal_binds(campaign))
        rules += RULE_BOUND;
    if (config->streams)
        rules += RULE_STREAM;
    call->args[4] = number_of(call->rules, rules);
    goal_terms(campaign, call->terms, call->args + TERMS_AT);
    call->args[TERMS_AT + GOAL_TERMS] =
        number_of(call->held_from, goal ? goal->held_from_us / US_PER_MS : 0);
}

static void name_event(struct call *call, const struct ledger_config *config,
                       const struct ledger_event *event, unsigned number, unsigned window,
                       char to[EVENT_BYTES])
{
    unsigned place = impression_place(event->impression);
    const unsigned values[EVENT_BYTES] = {
        kind_of(event),
        put_hour(call, config->prefix, event),
        put_block(call, config->prefix, event),
        place >> 8,
        place & 255,
        put_place(call, number, event),
        has_more(event) ? put_more(call, config, event, number) : put_word(call, event),
        window,
    };
    for (unsigned i = 0; i < EVENT_BYTES; i++)
        to[i] = (char)values[i];
}

/* ---- What the stream is told, behind all else ---- */

static size_t say_event(const struct ledger_event *event, char to[SAID_MAX])
{
    char impression[BASE64URL_ENCODED_LEN(IMPRESSION_BYTES)];
    size_t len = base64url_encode(impression, event->impression, IMPRESSION_BYTES);
    int said =
        snprintf(to, SAID_MAX, "%s %.*s %lld %lld ", event_kind_names[event->kind], (int)len,
                 impression, (long long)event->issued_ms, (long long)(event->now_us / US_PER_MS));
    CHECK(said > 0 && said < SAID_MAX);
    return (size_t)said;
}

static void name_stream(struct call *call, const struct ledger_config *config,
                        const struct ledger_batch *batch)
{
    size_t len = 0;
    for (unsigned i = 0; i < batch->count; i++)
        len += say_event(&batch->events[i], call->said + len);
    call->keys[call->key_count] =
        ledger_key(call->key_texts[call->key_count], config->prefix, "events", batch->campaign, "");
    call->key_count += STREAM_KEYS;
    call->args[call->arg_count] =
        number_of(call->stream_max, (int64_t)event_streams_entries_max(config->streams));
    call->args[call->arg_count + 1] = slice_of(call->said, len);
    call->arg_count += STREAM_ARGS;
}

void ledger_call_send(const struct ledger_config *config, const struct ledger_batch *batch,
                      enum ledger_manner manner, int timeout_ms, redis_fn *fn, void *arg)
{
    static struct call call; /* too large for the stack; written anew each time */
    struct event_goal goal;
    bool has_goal = config->goal_of && config->goal_of(&batch->events[0], &goal, config->arg);
    bool binds = has_goal && goal_binds(goal.campaign);
    name_keys(&call, config->prefix, batch);
    name_args(&call, config, batch, manner);
    name_rules(&call, config, has_goal ? &goal : NULL, manner);
    for (unsigned i = 0; i < batch->count; i++) {
        unsigned window = 0;
        if (binds && config->goal_of(&batch->events[i], &goal, config->arg))
            window = put_text(&call, goal_window_name(goal.window, call.windows[i]));
        name_event(&call, config, &batch->events[i], i, window, call.events + i * EVENT_BYTES);
    }
    call.args[PLAIN_ARGS - 1] = slice_of(call.events, (size_t)batch->count * EVENT_BYTES);
    if (config->streams) {
        name_stream(&call, config, batch);
        event_streams_announce(config->streams, batch->campaign);
    }
    redis_run_script(config->redis, script_get(SCRIPT_EVENT), call.keys, call.key_count, call.args,
                     call.arg_count, timeout_ms, fn, arg);
}

/* ---- Its answer ---- */

static const enum ledger_result results[] = {
    LEDGER_DUPLICATE,     LEDGER_COUNTED,   LEDGER_COUNTED_IMPLIED,
    LEDGER_FILTERED,      LEDGER_OVER_GOAL, LEDGER_OVER_GOAL_IMPLIED,
    LEDGER_NO_IMPRESSION, LEDGER_NO_CLICK,  LEDGER_LATE,
    LEDGER_EXCESS,
};
#define RESULTS (sizeof results / sizeof *results)

/* Of what was dealt with so long ago that its answers are forgotten, most were counted. */
static enum ledger_answer read_answers(struct slice text, unsigned count,
                                       enum ledger_result ret[LEDGER_BATCH_EVENTS])
{
    if (slice_eq(text, SLICE("gap")))
        return LEDGER_GAP;
    bool before = slice_starts(text, SLICE("="));
    text = slice_from(text, before);
    if (text.len != count && !(before && text.len == 0))
        return LEDGER_CANNOT;
    for (unsigned i = 0; i < count; i++) {
        unsigned digit = text.len ? (unsigned)(uint8_t)text.ptr[i] - '0' : 1;
        if (digit >= RESULTS)
            return LEDGER_CANNOT;
        ret[i] = results[digit];
    }
    return before ? LEDGER_DEALT_BEFORE : LEDGER_DEALT;
}

/*
 * Whether a hand has put something else where counts stand. Any other error may pass (of a script
 * that was killed, of a Redis that wraps its refusals): the events are not given up for it.
 */
static bool tells_of_no_count(struct slice text)
{
    static const char *const words[] = {"WRONGTYPE", "not an integer", "overflow"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (memmem(text.ptr, text.len, words[i], strlen(words[i])))
            return true;
    }
    return false;
}

enum ledger_answer ledger_call_answer(enum redis_failure failure, const struct redis_reply *reply,
                                      unsigned count, enum ledger_result ret[LEDGER_BATCH_EVENTS])
{
    switch (failure) {
    case REDIS_OK:
        return reply->type == REDIS_STRING ? read_answers(reply->text, count, ret) : LEDGER_CANNOT;
    case REDIS_ERROR:
        return tells_of_no_count(reply->text) ? LEDGER_CANNOT : LEDGER_AGAIN;
    case REDIS_AWAY:
    case REDIS_REFUSED:
    case REDIS_LOST:
    case REDIS_TIMEOUT:
        break;
    }
    return LEDGER_AGAIN;
}
