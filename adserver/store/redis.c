#include "store/redis.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"
#include "store/redis_calls.h"
#include "store/redis_channels.h"
#include "store/redis_greeting.h"
#include "store/redis_link.h"
#include "store/redis_reply.h"
#include "store/redis_wire.h"

/*
 *            redis_new, a pause is over
 *   RESTING ----------------------------> OPENING
 *      ^                                     | connected
 *      | closed, refused,                    v
 *      | silent, too slow                 GREETING      (JOINING too where it listens to channels)
 *      |                                     | all answered
 *      |       a command's deadline          v
 *      +---------- STALLED <--------------- UP
 *                     |                      ^
 *                     +----------------------+
 *                       its probe is answered
 *
 * Replies come in the order of the commands, so the commands that wait for one are a queue. A
 * command given up at its deadline stays in it, without its function, until its reply has come.
 */
enum state { RESTING, OPENING, GREETING, JOINING, UP, STALLED };

#define READ_BYTES     16384
#define TURN_US        2000 /* of one turn for replies; the rest wait for the next */
#define REPLIES_A_LOOK 16   /* replies between two looks at the clock */
#define TICK_US        (250 * US_PER_MS)
#define TROUBLE_MAX    160
#define SCRIPT_CALL_BYTES \
    256 /* at least what a script call takes beside its keys, arguments and text */

struct redis {
    struct loop *loop;
    struct redis_config config;
    enum state state;
    struct redis_link *link;
    struct redis_reader *reader; /* NULL while RESTING and OPENING */

    struct redis_calls *calls;

    struct loop_timer *pause; /* until the next attempt, and an attempt's own limit */
    struct loop_timer *tick;
    struct random random;
    int64_t retry_ms;
    int64_t up_since_us;
    int64_t heard_us; /* when bytes last came */
    int64_t probe_us; /* when the probe under way was sent; 0: none */
    unsigned timeouts_in_row;
    bool was_up; /* ever */
    bool freeing;
    const char *drop_why; /* set while a reply is dealt with: drop the connection after it */

    struct redis_greeting greeting;
    char server_id[REDIS_SERVER_ID_MAX];
    char trouble[TROUBLE_MAX];

    struct redis_channels channels;
    char read_buffer[READ_BYTES];
};

const char *const redis_failure_words[] = {
    [REDIS_OK] = "ok",           [REDIS_AWAY] = "away",       [REDIS_LOST] = "lost",
    [REDIS_TIMEOUT] = "timeout", [REDIS_REFUSED] = "refused", [REDIS_ERROR] = "error",
};

static int64_t now_us(void)
{
    return clock_mono_us(&clock_system);
}

/* ---- Numbers ---- */

static void count(const struct redis *redis, enum metrics_counter counter)
{
    if (redis->config.metrics)
        metrics_add(redis->config.metrics, counter, 1);
}

static void show_state(const struct redis *redis)
{
    if (!redis->config.metrics)
        return;
    struct metrics_worker *self = metrics_self(redis->config.metrics);
    self->redis_connected = redis->state == UP;
    self->redis_pending = redis_calls_count(redis->calls);
}

/* ---- Commands ---- */

/* Its bytes follow in the output. */
static void put_waiting(struct redis *redis, struct redis_call *call)
{
    redis_calls_wait(redis->calls, call, redis_link_written(redis->link));
    redis_link_flush(redis->link);
    count(redis, COUNTER_REDIS_COMMANDS);
    show_state(redis);
}

/* Whether a command of that size can be sent now. */
static bool takes(const struct redis *redis, size_t bytes)
{
    return redis->state == UP && !redis->channels.fn &&
           redis_calls_count(redis->calls) <= REDIS_PENDING_MAX &&
           redis_link_has_room(redis->link, bytes);
}

void redis_command(struct redis *redis, const struct slice *args, unsigned arg_count,
                   int timeout_ms, redis_fn *fn, void *arg)
{
    CHECK(arg_count >= 1 && arg_count <= REDIS_ARGS_MAX);
    struct redis_call *call = redis_calls_take(redis->calls, fn, arg);
    if (!takes(redis, redis_wire_size(args, arg_count))) {
        redis_calls_refuse(redis->calls, call, REDIS_AWAY);
        return;
    }
    put_waiting(redis, call);
    redis_wire_command(redis_link_output(redis->link), args, arg_count);
    redis_calls_limit(redis->calls, call, timeout_ms);
}

/* ---- Scripts ---- */

static void write_script_call(struct strbuf *output, struct redis_call *call,
                              const struct slice *keys, unsigned key_count,
                              const struct slice *args, unsigned arg_count)
{
    call->wire_count = 3 + key_count + arg_count;
    redis_wire_begin(output, call->wire_count);
    redis_wire_arg(output, SLICE("EVALSHA"));
    redis_wire_arg(output, slice_of(call->script->sha1, sizeof call->script->sha1 - 1));
    size_t rest = output->len;
    redis_wire_number(output, key_count);
    for (unsigned i = 0; i < key_count; i++)
        redis_wire_arg(output, keys[i]);
    for (unsigned i = 0; i < arg_count; i++)
        redis_wire_arg(output, args[i]);
    strbuf_add(&call->wire_rest, output->ptr + rest, output->len - rest);
}

void redis_run_script(struct redis *redis, const struct redis_script *script,
                      const struct slice *keys, unsigned key_count, const struct slice *args,
                      unsigned arg_count, int timeout_ms, redis_fn *fn, void *arg)
{
    CHECK(key_count + arg_count <= REDIS_ARGS_MAX);
    struct redis_call *call = redis_calls_take(redis->calls, fn, arg);
    size_t size = redis_wire_size(keys, key_count) + redis_wire_size(args, arg_count);
    if (!takes(redis, size + SCRIPT_CALL_BYTES)) {
        redis_calls_refuse(redis->calls, call, REDIS_AWAY);
        return;
    }
    call->script = script;
    put_waiting(redis, call);
    write_script_call(redis_link_output(redis->link), call, keys, key_count, args, arg_count);
    redis_calls_limit(redis->calls, call, timeout_ms);
}

/* Redis does not have the script: the same call again, with the text, under the same deadline. */
static void send_script_text(struct redis *redis, struct redis_call *call)
{
    struct strbuf *output = redis_link_output(redis->link);
    const struct redis_script *script = call->script;
    call->script = NULL;
    if (!takes(redis, call->wire_rest.len + script->text.len + SCRIPT_CALL_BYTES)) {
        redis_calls_refuse(redis->calls, call, REDIS_AWAY);
        return;
    }
    put_waiting(redis, call);
    redis_wire_begin(output, call->wire_count);
    redis_wire_arg(output, SLICE("EVAL"));
    redis_wire_arg(output, script->text);
    strbuf_add_slice(output, strbuf_slice(&call->wire_rest));
}

/* ---- The connection's states ---- */

static void set_trouble(struct redis *redis, const char *what, const char *why)
{
    (void)snprintf(redis->trouble, sizeof redis->trouble, "%s%s%s", what, *why ? ": " : "", why);
}

static void go_down(struct redis *redis, enum state state)
{
    bool was_up = redis->state == UP;
    redis->state = state;
    show_state(redis);
    if (was_up && redis->config.on_down && !redis->freeing)
        redis->config.on_down(redis->config.arg);
}

static void go_up(struct redis *redis)
{
    redis->state = UP;
    redis->up_since_us = now_us();
    redis->timeouts_in_row = 0;
    redis->trouble[0] = '\0';
    show_state(redis);
    if (redis->config.on_up)
        redis->config.on_up(redis->config.arg);
}

/* Half to all of a pause that doubles. One that was up for a while begins anew with a short one. */
static int64_t next_pause_us(struct redis *redis)
{
    bool was_steady =
        redis->up_since_us != 0 && now_us() - redis->up_since_us >= REDIS_RETRY_MAX_MS * US_PER_MS;
    if (was_steady || redis->retry_ms < REDIS_RETRY_MIN_MS)
        redis->retry_ms = REDIS_RETRY_MIN_MS;
    uint64_t half_us = (uint64_t)(redis->retry_ms * US_PER_MS) / 2;
    if (redis->retry_ms < REDIS_RETRY_MAX_MS)
        redis->retry_ms *= 2;
    if (redis->retry_ms > REDIS_RETRY_MAX_MS)
        redis->retry_ms = REDIS_RETRY_MAX_MS;
    redis->up_since_us = 0;
    return (int64_t)(half_us + random_below(&redis->random, half_us + 1));
}

/* A line when the connection goes and when the reason changes, not one an attempt. */
static void log_trouble(struct redis *redis, const char *what, const char *why)
{
    char before[TROUBLE_MAX];
    memcpy(before, redis->trouble, sizeof before);
    set_trouble(redis, what, why);
    if (strcmp(before, redis->trouble) != 0)
        log_event(LOG_WARNING, "redis: not connected", LOG_STR("connection", redis->config.name),
                  LOG_STR("error", redis->trouble));
}

/* Closes what there is and begins the pause before the next attempt. */
static void drop(struct redis *redis, const char *why)
{
    uint64_t sent = redis_link_sent(redis->link);
    log_trouble(redis,
                redis->state == OPENING ? "cannot connect"
                : redis->state < UP     ? "not ready"
                                        : "connection lost",
                why);
    redis_link_close(redis->link);
    redis_reader_free(redis->reader);
    redis->reader = NULL;
    redis->drop_why = NULL;
    redis->probe_us = 0;
    redis->greeting.client_id = 0;
    redis->timeouts_in_row = 0;
    loop_timer_clear(redis->tick);
    loop_timer_set(redis->pause, next_pause_us(redis));
    go_down(redis, RESTING);
    redis_calls_lose(redis->calls, sent);
    show_state(redis);
}

/* ---- Probes ---- */

static void probe_answered(struct redis *redis)
{
    redis->probe_us = 0;
    if (redis->state != STALLED)
        return;
    log_event(LOG_INFO, "redis: answers again", LOG_STR("connection", redis->config.name));
    go_up(redis);
}

static void on_probe(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct redis *redis = arg;
    if (failure == REDIS_OK)
        probe_answered(redis);
    else if (failure == REDIS_REFUSED || failure == REDIS_ERROR)
        redis->drop_why = reply->text.ptr;
}

/* Where it listens the answer comes as a message. */
static void send_probe(struct redis *redis)
{
    static const struct slice ping[] = {SLICE_INIT("PING")};
    if (redis->probe_us != 0)
        return;
    redis->probe_us = now_us();
    if (!redis->channels.fn)
        put_waiting(redis, redis_calls_take(redis->calls, on_probe, redis));
    redis_wire_command(redis_link_output(redis->link), ping, 1);
    redis_link_flush(redis->link);
}

static void on_tick(void *arg)
{
    struct redis *redis = arg;
    int64_t silent_us = now_us() - redis->heard_us;
    bool awaits = redis->probe_us != 0;
    int64_t probing_us = awaits ? now_us() - redis->probe_us : 0;
    loop_timer_set(redis->tick, TICK_US);
    if ((silent_us > REDIS_DEAD_MS * US_PER_MS && probing_us > REDIS_DEAD_MS * US_PER_MS) ||
        probing_us > REDIS_PROBE_MAX_MS * US_PER_MS)
        drop(redis, "no answer");
    else if (silent_us > REDIS_PROBE_MS * US_PER_MS)
        send_probe(redis);
}

static void stall(struct redis *redis)
{
    set_trouble(redis, "does not answer in time", "");
    log_event(LOG_WARNING, "redis: does not answer in time",
              LOG_STR("connection", redis->config.name),
              LOG_INT("pending", redis_calls_count(redis->calls)));
    go_down(redis, STALLED);
    send_probe(redis);
}

static void on_timeout(void *arg)
{
    struct redis *redis = arg;
    count(redis, COUNTER_REDIS_TIMEOUTS);
    if (redis->state == UP && ++redis->timeouts_in_row >= REDIS_STALL_TIMEOUTS)
        stall(redis);
}

/* ---- Greeting ---- */

static void greeted(struct redis *redis)
{
    memcpy(redis->server_id, redis->greeting.server_id, sizeof redis->server_id);
    loop_timer_clear(redis->pause);
    loop_timer_set(redis->tick, TICK_US);
    if (redis->was_up) {
        count(redis, COUNTER_REDIS_RECONNECTS);
        log_event(LOG_INFO, "redis: connected again", LOG_STR("connection", redis->config.name));
    }
    redis->was_up = true;
    go_up(redis);
}

static void begin_listening(struct redis *redis)
{
    redis->state = JOINING;
    redis_channels_subscribe_all(&redis->channels, redis_link_output(redis->link));
    redis_link_flush(redis->link);
}

static void take_greeting(struct redis *redis, const struct redis_reply *reply)
{
    switch (redis_greeting_take(&redis->greeting, reply)) {
    case GREETING_FAILED:
        redis->drop_why = reply->text.ptr;
        break;
    case GREETING_DONE:
        if (redis->channels.fn)
            begin_listening(redis);
        else
            greeted(redis);
        break;
    case GREETING_GOES_ON:
        break;
    }
}

static void on_open(void *arg)
{
    struct redis *redis = arg;
    redis->state = GREETING;
    redis->reader = redis_reader_new(REDIS_REPLY_MAX_BYTES);
    redis->heard_us = now_us();
    redis_greeting_begin(&redis->greeting, redis->config.target, redis_link_output(redis->link));
    redis_link_flush(redis->link);
}

static void on_closed(const char *why, void *arg)
{
    drop(arg, why);
}

/* The pause before an attempt is over, or an attempt has taken too long. */
static void on_pause_over(void *arg)
{
    struct redis *redis = arg;
    if (redis->state != RESTING) {
        drop(redis, "no answer");
        return;
    }
    redis->state = OPENING;
    loop_timer_set(redis->pause, REDIS_GREETING_MS * US_PER_MS);
    redis_link_open(redis->link);
}

/* ---- Replies ---- */

/* What nobody has asked for, and no listener gets. */
static void refuse_unasked(struct redis *redis, const struct redis_reply *reply)
{
    redis->drop_why = reply->type == REDIS_ERROR_TEXT ? reply->text.ptr : "an unasked reply";
}

static void take_message(struct redis *redis, const struct redis_reply *reply)
{
    switch (redis_channels_take(&redis->channels, reply)) {
    case CHANNELS_JOINED:
        if (redis->state == JOINING)
            greeted(redis);
        break;
    case CHANNELS_PONG:
        probe_answered(redis);
        break;
    case CHANNELS_BROKEN:
        refuse_unasked(redis, reply);
        break;
    case CHANNELS_GO_ON:
        break;
    }
}

/* Errors after which the same name may lead to a server that does better. */
static bool wants_other_server(const struct redis_reply *reply)
{
    return redis_reply_says(reply, SLICE("READONLY")) || redis_reply_says(reply, SLICE("NOAUTH"));
}

static void note_error(struct redis *redis, const struct redis_reply *reply)
{
    static struct log_limit limit;
    uint64_t suppressed;
    count(redis, COUNTER_REDIS_ERRORS);
    if (wants_other_server(reply))
        redis->drop_why = reply->text.ptr;
    if (log_allowed(&limit, &suppressed))
        log_event(LOG_WARNING, "redis: answered an error", LOG_SLICE("error", reply->text),
                  LOG_INT("suppressed", suppressed));
}

static void take_answer(struct redis *redis, const struct redis_reply *reply)
{
    struct redis_call *call = redis_calls_shift(redis->calls);
    enum redis_failure failure = redis_reply_failure(reply);
    redis->timeouts_in_row = 0;
    if (redis->config.metrics)
        metrics_observe(redis->config.metrics, LATENCY_REDIS, now_us() - call->sent_us);
    if (!call->fn)
        count(redis, COUNTER_REDIS_LATE_REPLIES);
    if (call->fn && call->script && redis_reply_says(reply, SLICE("NOSCRIPT"))) {
        send_script_text(redis, call);
        return;
    }
    if (failure != REDIS_OK)
        note_error(redis, reply);
    redis_calls_finish(redis->calls, call, failure, reply);
    show_state(redis);
}

static void take_reply(struct redis *redis, const struct redis_reply *reply)
{
    if (redis->state == GREETING)
        take_greeting(redis, reply);
    else if (redis_calls_first(redis->calls))
        take_answer(redis, reply);
    else if (redis->channels.fn)
        take_message(redis, reply);
    else
        refuse_unasked(redis, reply);
}

/* The command whose reply passes the limits is told so; the others lose theirs with it. */
static void refuse_reply(struct redis *redis, enum redis_read read)
{
    const char *why = redis_reader_error(redis->reader);
    struct redis_reply told = {.type = REDIS_ERROR_TEXT, .text = slice_cstr(why)};
    char reason[TROUBLE_MAX];
    (void)snprintf(reason, sizeof reason, "%s", why);
    if (read == REDIS_READ_TOO_LARGE && redis_calls_first(redis->calls))
        redis_calls_finish(redis->calls, redis_calls_shift(redis->calls), REDIS_ERROR, &told);
    drop(redis, reason);
}

enum progress { GONE, TIRED, DRY };

/* Deals with the replies that are there, for as long as this turn allows. */
static enum progress take_replies(struct redis *redis, int64_t until_us)
{
    const struct redis_reply *reply;
    enum redis_read read;
    unsigned taken = 0;
    while ((read = redis_reader_next(redis->reader, &reply)) == REDIS_READ_REPLY) {
        take_reply(redis, reply);
        if (redis->drop_why) {
            char reason[TROUBLE_MAX]; /* what it points to lives as long as the reply */
            (void)snprintf(reason, sizeof reason, "%s", redis->drop_why);
            drop(redis, reason);
            return GONE;
        }
        if (++taken % REPLIES_A_LOOK == 0 && now_us() > until_us)
            return TIRED;
    }
    if (read == REDIS_READ_MORE)
        return DRY;
    refuse_reply(redis, read);
    return GONE;
}

static void on_readable(void *arg)
{
    struct redis *redis = arg;
    int64_t until_us = now_us() + TURN_US;
    enum progress progress = take_replies(redis, until_us);
    const char *why = NULL;
    ssize_t got = 0;
    while (progress == DRY) {
        got = redis_link_read(redis->link, redis->read_buffer, sizeof redis->read_buffer, &why);
        if (got <= 0)
            break;
        redis->heard_us = now_us();
        redis_reader_feed(redis->reader, redis->read_buffer, (size_t)got);
        progress = take_replies(redis, until_us);
        if (got < (ssize_t)sizeof redis->read_buffer || redis->heard_us > until_us)
            break;
    }
    if (progress == TIRED)
        redis_link_read_again(redis->link);
    else if (progress == DRY && got < 0)
        drop(redis, why);
}

/* ---- Life ---- */

static const struct redis_link_events link_events = {
    .on_open = on_open, .on_readable = on_readable, .on_closed = on_closed};

struct redis *redis_new(struct loop *loop, const struct redis_config *config)
{
    struct redis *redis = check_calloc(1, sizeof *redis);
    redis->loop = loop;
    redis->config = *config;
    if (!redis->config.name)
        redis->config.name = "main";
    random_seed_from_system(&redis->random);
    redis->link = redis_link_new(loop, config->target, &link_events, redis);
    redis->calls = redis_calls_new(loop, on_timeout, redis);
    redis->pause = loop_timer_new(loop, on_pause_over, redis);
    redis->tick = loop_timer_new(loop, on_tick, redis);
    set_trouble(redis, "not connected yet", "");
    loop_timer_set(redis->pause, 0);
    show_state(redis);
    return redis;
}

void redis_free(struct redis *redis)
{
    if (!redis)
        return;
    CHECK(!redis_calls_busy(redis->calls) && !redis->channels.in_message);
    redis->freeing = true;
    redis_link_close(redis->link);
    go_down(redis, RESTING);
    redis_calls_free(redis->calls);
    redis_channels_release(&redis->channels);
    loop_timer_free(redis->pause);
    loop_timer_free(redis->tick);
    redis_reader_free(redis->reader);
    redis_link_free(redis->link);
    free(redis);
}

/* ---- Questions ---- */

bool redis_is_up(const struct redis *redis)
{
    return redis->state == UP;
}

unsigned redis_pending(const struct redis *redis)
{
    return redis_calls_count(redis->calls);
}

const char *redis_trouble(const struct redis *redis)
{
    return redis->trouble;
}

bool redis_policy_evicts(const struct redis *redis)
{
    return redis->greeting.evicts;
}

const char *redis_server_id(const struct redis *redis)
{
    return redis->server_id;
}

int64_t redis_client_id(const struct redis *redis)
{
    return redis->greeting.client_id;
}

/* ---- Listening ---- */

void redis_subscribe(struct redis *redis, const struct slice *channels, unsigned channel_count,
                     redis_message_fn *fn, void *arg)
{
    redis->channels.fn = fn;
    redis->channels.arg = arg;
    for (unsigned i = 0; i < channel_count; i++) {
        const char *name = redis_channels_add(&redis->channels, channels[i]);
        if (redis->state >= JOINING) {
            redis_channels_subscribe(redis_link_output(redis->link), name);
            redis_link_flush(redis->link);
        }
    }
}
