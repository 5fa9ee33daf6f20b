#include "store/redis_node.h"

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
 *            redis_node_new, a pause is over
 *   RESTING --------------> (LOCATING) --> OPENING
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
enum state { RESTING, LOCATING, OPENING, GREETING, JOINING, UP, STALLED };

#define READ_BYTES     16384
#define TURN_US        2000 /* of one turn for replies; the rest wait for the next */
#define REPLIES_A_LOOK 16   /* replies between two looks at the clock */
#define TICK_US        (250 * US_PER_MS)
#define TROUBLE_MAX    160
#define SCRIPT_CALL_BYTES \
    256 /* at least what a script call takes beside its keys, arguments and text */

struct redis_node {
    struct loop *loop;
    struct redis_node_config config;
    enum state state;
    struct redis_link *link;
    struct redis_reader *reader; /* NULL before GREETING */

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
    bool taking;          /* a reply is being dealt with */
    const char *drop_why; /* set while a reply is dealt with: drop the connection after it */

    struct redis_greeting greeting;
    char server_id[REDIS_SERVER_ID_MAX];
    char trouble[TROUBLE_MAX];

    struct redis_channels channels;
    char read_buffer[READ_BYTES];
};

static int64_t now_us(void)
{
    return clock_mono_us(&clock_system);
}

/* ---- Numbers ---- */

static void count(const struct redis_node *node, enum metrics_counter counter)
{
    if (node->config.metrics)
        metrics_add(node->config.metrics, counter, 1);
}

static void show_state(const struct redis_node *node)
{
    if (!node->config.metrics || !node->config.shows_state)
        return;
    struct metrics_worker *self = metrics_self(node->config.metrics);
    self->redis_connected = node->state == UP;
    self->redis_pending = redis_calls_count(node->calls);
}

/* ---- Commands ---- */

/* Its bytes follow in the output. */
static void put_waiting(struct redis_node *node, struct redis_call *call)
{
    redis_calls_wait(node->calls, call, redis_link_written(node->link));
    redis_link_flush(node->link);
    count(node, COUNTER_REDIS_COMMANDS);
    show_state(node);
}

/* Whether a command of that size can be sent now. */
static bool takes(const struct redis_node *node, size_t bytes)
{
    return node->state == UP && !node->channels.fn &&
           redis_calls_count(node->calls) <= REDIS_PENDING_MAX &&
           redis_link_has_room(node->link, bytes);
}

void redis_node_command(struct redis_node *node, const struct slice *args, unsigned arg_count,
                        int timeout_ms, redis_fn *fn, void *arg)
{
    CHECK(arg_count >= 1 && arg_count <= REDIS_ARGS_MAX);
    struct redis_call *call = redis_calls_take(node->calls, fn, arg);
    if (!takes(node, redis_wire_size(args, arg_count))) {
        redis_calls_refuse(node->calls, call, REDIS_AWAY);
        return;
    }
    put_waiting(node, call);
    redis_wire_command(redis_link_output(node->link), args, arg_count);
    redis_calls_limit(node->calls, call, timeout_ms);
}

/* ---- Scripts ---- */

unsigned redis_node_write_script(struct strbuf *to, const struct slice *keys, unsigned key_count,
                                 const struct slice *args, unsigned arg_count)
{
    redis_wire_number(to, key_count);
    for (unsigned i = 0; i < key_count; i++)
        redis_wire_arg(to, keys[i]);
    for (unsigned i = 0; i < arg_count; i++)
        redis_wire_arg(to, args[i]);
    return 3 + key_count + arg_count;
}

/* EVALSHA, or EVAL with its text; what stands behind is the same. */
static void write_script_call(struct strbuf *output, struct slice how, struct slice what,
                              const struct redis_call *call)
{
    redis_wire_begin(output, call->wire_count);
    redis_wire_arg(output, how);
    redis_wire_arg(output, what);
    strbuf_add_slice(output, strbuf_slice(&call->wire_rest));
}

static void ignore(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    (void)failure, (void)reply, (void)arg;
}

static void put_asking(struct redis_node *node)
{
    static const struct slice asking[] = {SLICE_INIT("ASKING")};
    put_waiting(node, redis_calls_take(node->calls, ignore, NULL));
    redis_wire_command(redis_link_output(node->link), asking, 1);
}

/* Its arguments stand in the call already. */
static void put_script(struct redis_node *node, struct redis_call *call, bool with_text)
{
    const struct redis_script *script = call->script;
    struct strbuf *output = redis_link_output(node->link);
    if (call->asking)
        put_asking(node);
    put_waiting(node, call);
    if (with_text)
        write_script_call(output, SLICE("EVAL"), script->text, call);
    else
        write_script_call(output, SLICE("EVALSHA"), slice_of(script->sha1, sizeof script->sha1 - 1),
                          call);
}

void redis_node_run_script(struct redis_node *node, const struct redis_script *script,
                           const struct slice *keys, unsigned key_count, const struct slice *args,
                           unsigned arg_count, int timeout_ms, redis_fn *fn, void *arg)
{
    CHECK(key_count + arg_count <= REDIS_ARGS_MAX);
    struct redis_call *call = redis_calls_take(node->calls, fn, arg);
    size_t size = redis_wire_size(keys, key_count) + redis_wire_size(args, arg_count);
    if (!takes(node, size + SCRIPT_CALL_BYTES)) {
        redis_calls_refuse(node->calls, call, REDIS_AWAY);
        return;
    }
    call->script = script;
    call->wire_count = redis_node_write_script(&call->wire_rest, keys, key_count, args, arg_count);
    put_script(node, call, false);
    redis_calls_limit(node->calls, call, timeout_ms);
}

void redis_node_send(struct redis_node *node, const struct redis_request *request, bool asking,
                     int timeout_ms, redis_fn *fn, void *arg)
{
    struct redis_call *call = redis_calls_take(node->calls, fn, arg);
    if (!takes(node, request->wire.len + SCRIPT_CALL_BYTES)) {
        redis_calls_refuse(node->calls, call, REDIS_AWAY);
        return;
    }
    call->script = request->script;
    call->asking = asking;
    if (request->script) {
        call->wire_count = request->count;
        strbuf_add_slice(&call->wire_rest, request->wire);
        put_script(node, call, false);
    } else {
        if (asking)
            put_asking(node);
        put_waiting(node, call);
        strbuf_add_slice(redis_link_output(node->link), request->wire);
    }
    redis_calls_limit(node->calls, call, timeout_ms);
}

/* Redis does not have the script: the same call again, with the text, under the same deadline. */
static void send_script_text(struct redis_node *node, struct redis_call *call)
{
    if (!takes(node, call->wire_rest.len + call->script->text.len + SCRIPT_CALL_BYTES)) {
        redis_calls_refuse(node->calls, call, REDIS_AWAY);
        return;
    }
    put_script(node, call, true);
    call->script = NULL;
}

/* ---- The connection's states ---- */

static void set_trouble(struct redis_node *node, const char *what, const char *why)
{
    (void)snprintf(node->trouble, sizeof node->trouble, "%s%s%s", what, *why ? ": " : "", why);
}

static void go_down(struct redis_node *node, enum state state)
{
    bool was_up = node->state == UP;
    node->state = state;
    show_state(node);
    if (was_up && node->config.on_down && !node->freeing)
        node->config.on_down(node->config.arg);
}

static void go_up(struct redis_node *node)
{
    node->state = UP;
    node->up_since_us = now_us();
    node->timeouts_in_row = 0;
    node->trouble[0] = '\0';
    show_state(node);
    if (node->config.on_up)
        node->config.on_up(node->config.arg);
}

/* Half to all of a pause that doubles. One that was up for a while begins anew with a short one. */
static int64_t next_pause_us(struct redis_node *node)
{
    bool was_steady =
        node->up_since_us != 0 && now_us() - node->up_since_us >= REDIS_RETRY_MAX_MS * US_PER_MS;
    if (was_steady || node->retry_ms < REDIS_RETRY_MIN_MS)
        node->retry_ms = REDIS_RETRY_MIN_MS;
    uint64_t half_us = (uint64_t)(node->retry_ms * US_PER_MS) / 2;
    if (node->retry_ms < REDIS_RETRY_MAX_MS)
        node->retry_ms *= 2;
    if (node->retry_ms > REDIS_RETRY_MAX_MS)
        node->retry_ms = REDIS_RETRY_MAX_MS;
    node->up_since_us = 0;
    return (int64_t)(half_us + random_below(&node->random, half_us + 1));
}

/* A line when the connection goes and when the reason changes, not one an attempt. */
static void log_trouble(struct redis_node *node, const char *what, const char *why)
{
    char before[TROUBLE_MAX];
    memcpy(before, node->trouble, sizeof before);
    set_trouble(node, what, why);
    if (strcmp(before, node->trouble) != 0)
        log_event(LOG_WARNING, "redis: not connected", LOG_STR("connection", node->config.name),
                  LOG_STR("error", node->trouble));
}

/* Closes what there is and begins the pause before the next attempt. */
static void drop(struct redis_node *node, const char *why)
{
    uint64_t sent = redis_link_sent(node->link);
    log_trouble(node,
                node->state <= OPENING ? "cannot connect"
                : node->state < UP     ? "not ready"
                                       : "connection lost",
                why);
    redis_link_close(node->link);
    redis_reader_free(node->reader);
    node->reader = NULL;
    node->drop_why = NULL;
    node->probe_us = 0;
    node->greeting.client_id = 0;
    node->timeouts_in_row = 0;
    loop_timer_clear(node->tick);
    loop_timer_set(node->pause, next_pause_us(node));
    go_down(node, RESTING);
    redis_calls_lose(node->calls, sent);
    show_state(node);
}

/* ---- Probes ---- */

static void probe_answered(struct redis_node *node)
{
    node->probe_us = 0;
    if (node->state != STALLED)
        return;
    log_event(LOG_INFO, "redis: answers again", LOG_STR("connection", node->config.name));
    go_up(node);
}

static void on_probe(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct redis_node *node = arg;
    if (failure == REDIS_OK)
        probe_answered(node);
    else if (failure == REDIS_REFUSED || failure == REDIS_ERROR)
        node->drop_why = reply->text.ptr;
}

/* Where it listens the answer comes as a message. */
static void send_probe(struct redis_node *node)
{
    static const struct slice ping[] = {SLICE_INIT("PING")};
    if (node->probe_us != 0)
        return;
    node->probe_us = now_us();
    if (!node->channels.fn)
        put_waiting(node, redis_calls_take(node->calls, on_probe, node));
    redis_wire_command(redis_link_output(node->link), ping, 1);
    redis_link_flush(node->link);
}

static void on_tick(void *arg)
{
    struct redis_node *node = arg;
    int64_t silent_us = now_us() - node->heard_us;
    bool awaits = node->probe_us != 0;
    int64_t probing_us = awaits ? now_us() - node->probe_us : 0;
    loop_timer_set(node->tick, TICK_US);
    if ((silent_us > REDIS_DEAD_MS * US_PER_MS && probing_us > REDIS_DEAD_MS * US_PER_MS) ||
        probing_us > REDIS_PROBE_MAX_MS * US_PER_MS)
        drop(node, "no answer");
    else if (silent_us > REDIS_PROBE_MS * US_PER_MS)
        send_probe(node);
}

static void stall(struct redis_node *node)
{
    set_trouble(node, "does not answer in time", "");
    log_event(LOG_WARNING, "redis: does not answer in time",
              LOG_STR("connection", node->config.name),
              LOG_INT("pending", redis_calls_count(node->calls)));
    go_down(node, STALLED);
    send_probe(node);
}

static void on_timeout(void *arg)
{
    struct redis_node *node = arg;
    count(node, COUNTER_REDIS_TIMEOUTS);
    if (node->state == UP && ++node->timeouts_in_row >= REDIS_STALL_TIMEOUTS)
        stall(node);
}

/* ---- Greeting ---- */

static void greeted(struct redis_node *node)
{
    memcpy(node->server_id, node->greeting.server_id, sizeof node->server_id);
    loop_timer_clear(node->pause);
    loop_timer_set(node->tick, TICK_US);
    if (node->was_up) {
        count(node, COUNTER_REDIS_RECONNECTS);
        log_event(LOG_INFO, "redis: connected again", LOG_STR("connection", node->config.name));
    }
    node->was_up = true;
    go_up(node);
}

static void begin_listening(struct redis_node *node)
{
    node->state = JOINING;
    redis_channels_subscribe_all(&node->channels, redis_link_output(node->link));
    redis_link_flush(node->link);
}

static void take_greeting(struct redis_node *node, const struct redis_reply *reply)
{
    switch (redis_greeting_take(&node->greeting, reply)) {
    case GREETING_FAILED:
        node->drop_why = node->greeting.why;
        break;
    case GREETING_DONE:
        if (node->channels.fn)
            begin_listening(node);
        else
            greeted(node);
        break;
    case GREETING_GOES_ON:
        break;
    }
}

static void on_open(void *arg)
{
    struct redis_node *node = arg;
    node->state = GREETING;
    node->reader = redis_reader_new(REDIS_REPLY_MAX_BYTES);
    node->heard_us = now_us();
    redis_greeting_begin(&node->greeting, node->config.target, redis_link_output(node->link));
    redis_link_flush(node->link);
}

static void on_closed(const char *why, void *arg)
{
    drop(arg, why);
}

/* The pause before an attempt is over, or an attempt has taken too long. */
static void on_pause_over(void *arg)
{
    struct redis_node *node = arg;
    if (node->state != RESTING) {
        drop(node, "no answer");
        return;
    }
    loop_timer_set(node->pause, REDIS_GREETING_MS * US_PER_MS);
    node->state = LOCATING;
    if (node->config.locate)
        node->config.locate(node->config.arg);
    else
        redis_node_located(node);
}

void redis_node_located(struct redis_node *node)
{
    if (node->state != LOCATING)
        return;
    if (node->config.locate)
        redis_link_forget(node->link);
    node->state = OPENING;
    redis_link_open(node->link);
}

void redis_node_not_located(struct redis_node *node, const char *why)
{
    if (node->state == LOCATING)
        drop(node, why);
}

void redis_node_hurry(struct redis_node *node)
{
    node->retry_ms = 0;
    if (node->state == RESTING)
        loop_timer_set(node->pause, next_pause_us(node));
}

void redis_node_leave(struct redis_node *node, const char *why)
{
    if (node->taking)
        node->drop_why = why;
    else if (node->state > LOCATING)
        drop(node, why);
}

/* ---- Replies ---- */

/* What nobody has asked for, and no listener gets. */
static void refuse_unasked(struct redis_node *node, const struct redis_reply *reply)
{
    node->drop_why = reply->type == REDIS_ERROR_TEXT ? reply->text.ptr : "an unasked reply";
}

static void take_message(struct redis_node *node, const struct redis_reply *reply)
{
    switch (redis_channels_take(&node->channels, reply)) {
    case CHANNELS_JOINED:
        if (node->state == JOINING)
            greeted(node);
        break;
    case CHANNELS_PONG:
        probe_answered(node);
        break;
    case CHANNELS_BROKEN:
        refuse_unasked(node, reply);
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

static void note_error(struct redis_node *node, const struct redis_reply *reply)
{
    static struct log_limit limit;
    uint64_t suppressed;
    if (redis_reply_redirects(reply))
        return;
    count(node, COUNTER_REDIS_ERRORS);
    if (wants_other_server(reply))
        node->drop_why = reply->text.ptr;
    if (log_allowed(&limit, &suppressed))
        log_event(LOG_WARNING, "redis: answered an error", LOG_SLICE("error", reply->text),
                  LOG_INT("suppressed", suppressed));
}

static void take_answer(struct redis_node *node, const struct redis_reply *reply)
{
    struct redis_call *call = redis_calls_shift(node->calls);
    enum redis_failure failure = redis_reply_failure(reply);
    node->timeouts_in_row = 0;
    if (node->config.metrics)
        metrics_observe(node->config.metrics, LATENCY_REDIS, now_us() - call->sent_us);
    if (!call->fn)
        count(node, COUNTER_REDIS_LATE_REPLIES);
    if (call->fn && call->script && redis_reply_says(reply, SLICE("NOSCRIPT"))) {
        send_script_text(node, call);
        return;
    }
    if (failure != REDIS_OK)
        note_error(node, reply);
    redis_calls_finish(node->calls, call, failure, reply);
    show_state(node);
}

static void take_reply(struct redis_node *node, const struct redis_reply *reply)
{
    if (node->state == GREETING)
        take_greeting(node, reply);
    else if (redis_calls_first(node->calls))
        take_answer(node, reply);
    else if (node->channels.fn)
        take_message(node, reply);
    else
        refuse_unasked(node, reply);
}

/* The command whose reply passes the limits is told so; the others lose theirs with it. */
static void refuse_reply(struct redis_node *node, enum redis_read read)
{
    const char *why = redis_reader_error(node->reader);
    struct redis_reply told = {.type = REDIS_ERROR_TEXT, .text = slice_cstr(why)};
    char reason[TROUBLE_MAX];
    (void)snprintf(reason, sizeof reason, "%s", why);
    if (read == REDIS_READ_TOO_LARGE && redis_calls_first(node->calls))
        redis_calls_finish(node->calls, redis_calls_shift(node->calls), REDIS_ERROR, &told);
    drop(node, reason);
}

enum progress { GONE, TIRED, DRY };

/* Deals with the replies that are there, for as long as this turn allows. */
static enum progress take_replies(struct redis_node *node, int64_t until_us)
{
    const struct redis_reply *reply;
    enum redis_read read;
    unsigned taken = 0;
    while ((read = redis_reader_next(node->reader, &reply)) == REDIS_READ_REPLY) {
        node->taking = true;
        take_reply(node, reply);
        node->taking = false;
        if (node->drop_why) {
            char reason[TROUBLE_MAX]; /* what it points to lives as long as the reply */
            (void)snprintf(reason, sizeof reason, "%s", node->drop_why);
            drop(node, reason);
            return GONE;
        }
        if (++taken % REPLIES_A_LOOK == 0 && now_us() > until_us)
            return TIRED;
    }
    if (read == REDIS_READ_MORE)
        return DRY;
    refuse_reply(node, read);
    return GONE;
}

static void on_readable(void *arg)
{
    struct redis_node *node = arg;
    int64_t until_us = now_us() + TURN_US;
    enum progress progress = take_replies(node, until_us);
    const char *why = NULL;
    ssize_t got = 0;
    while (progress == DRY) {
        got = redis_link_read(node->link, node->read_buffer, sizeof node->read_buffer, &why);
        if (got <= 0)
            break;
        node->heard_us = now_us();
        redis_reader_feed(node->reader, node->read_buffer, (size_t)got);
        progress = take_replies(node, until_us);
        if (got < (ssize_t)sizeof node->read_buffer || node->heard_us > until_us)
            break;
    }
    if (progress == TIRED)
        redis_link_read_again(node->link);
    else if (progress == DRY && got < 0)
        drop(node, why);
}

/* ---- Life ---- */

static const struct redis_link_events link_events = {
    .on_open = on_open, .on_readable = on_readable, .on_closed = on_closed};

struct redis_node *redis_node_new(struct loop *loop, const struct redis_node_config *config)
{
    struct redis_node *node = check_calloc(1, sizeof *node);
    node->loop = loop;
    node->config = *config;
    random_seed_from_system(&node->random);
    node->link = redis_link_new(loop, config->target, &link_events, node);
    node->calls = redis_calls_new(loop, on_timeout, node);
    node->pause = loop_timer_new(loop, on_pause_over, node);
    node->tick = loop_timer_new(loop, on_tick, node);
    set_trouble(node, "not connected yet", "");
    loop_timer_set(node->pause, 0);
    show_state(node);
    return node;
}

void redis_node_close(struct redis_node *node)
{
    CHECK(!redis_calls_busy(node->calls) && !node->channels.in_message);
    node->freeing = true;
    redis_link_close(node->link);
    loop_timer_clear(node->pause);
    loop_timer_clear(node->tick);
    go_down(node, RESTING);
    redis_calls_end(node->calls);
}

void redis_node_free(struct redis_node *node)
{
    if (!node)
        return;
    redis_node_close(node);
    redis_calls_free(node->calls);
    redis_channels_release(&node->channels);
    loop_timer_free(node->pause);
    loop_timer_free(node->tick);
    redis_reader_free(node->reader);
    redis_link_free(node->link);
    free(node);
}

/* ---- Questions ---- */

bool redis_node_is_up(const struct redis_node *node)
{
    return node->state == UP;
}

unsigned redis_node_pending(const struct redis_node *node)
{
    return redis_calls_count(node->calls);
}

const char *redis_node_trouble(const struct redis_node *node)
{
    return node->trouble;
}

bool redis_node_policy_evicts(const struct redis_node *node)
{
    return node->greeting.evicts;
}

const char *redis_node_server_id(const struct redis_node *node)
{
    return node->server_id;
}

int64_t redis_node_client_id(const struct redis_node *node)
{
    return node->greeting.client_id;
}

/* ---- Listening ---- */

void redis_node_subscribe(struct redis_node *node, const struct slice *channels,
                          unsigned channel_count, redis_message_fn *fn, void *arg)
{
    node->channels.fn = fn;
    node->channels.arg = arg;
    for (unsigned i = 0; i < channel_count; i++) {
        const char *name = redis_channels_add(&node->channels, channels[i]);
        if (node->state >= JOINING) {
            redis_channels_subscribe(redis_link_output(node->link), name);
            redis_link_flush(node->link);
        }
    }
}
