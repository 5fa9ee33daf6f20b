#include "store/redis_node.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"
#include "store/redis_node_state.h"
#include "store/redis_wire.h"

#define TICK_US (250 * US_PER_MS)

/* ---- Numbers ---- */

void redis_node_count(const struct redis_node *node, enum metrics_counter counter)
{
    if (node->config.metrics)
        metrics_add(node->config.metrics, counter, 1);
}

void redis_node_show_state(const struct redis_node *node)
{
    if (!node->config.metrics || !node->config.shows_state)
        return;
    struct metrics_worker *self = metrics_self(node->config.metrics);
    self->redis_connected = node->state == UP;
    self->redis_pending = redis_calls_count(node->calls);
}

/* ---- The connection's states ---- */

static void set_trouble(struct redis_node *node, const char *what, const char *why)
{
    (void)snprintf(node->trouble, sizeof node->trouble, "%s%s%s", what, *why ? ": " : "", why);
}

static void go_down(struct redis_node *node, enum redis_node_state state)
{
    bool was_up = node->state == UP;
    node->state = state;
    redis_node_show_state(node);
    if (was_up && node->config.on_down && !node->freeing)
        node->config.on_down(node->config.arg);
}

static void go_up(struct redis_node *node)
{
    node->state = UP;
    node->up_since_us = redis_node_now_us();
    node->timeouts_in_row = 0;
    node->trouble[0] = '\0';
    redis_node_show_state(node);
    if (node->config.on_up)
        node->config.on_up(node->config.arg);
}

/* One that was up for a while begins anew with a short pause. */
static int64_t next_pause_us(struct redis_node *node)
{
    if (node->up_since_us != 0 &&
        redis_node_now_us() - node->up_since_us >= REDIS_RETRY_MAX_MS * US_PER_MS)
        redis_backoff_reset(&node->backoff);
    node->up_since_us = 0;
    return redis_backoff_next_us(&node->backoff, &node->random);
}

/* A line when the connection goes and when the reason changes, not one an attempt. */
static void log_trouble(struct redis_node *node, const char *what, const char *why)
{
    char before[REDIS_TROUBLE_MAX];
    memcpy(before, node->trouble, sizeof before);
    set_trouble(node, what, why);
    if (strcmp(before, node->trouble) != 0)
        log_event(LOG_WARNING, "redis: not connected", LOG_STR("connection", node->config.name),
                  LOG_STR("error", node->trouble));
}

void redis_node_drop(struct redis_node *node, const char *why)
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
    node->was_dropped = true;
    node->greeting.client_id = 0;
    node->timeouts_in_row = 0;
    loop_timer_clear(node->tick);
    loop_timer_set(node->pause, next_pause_us(node));
    go_down(node, RESTING);
    redis_calls_lose(node->calls, sent);
    redis_node_show_state(node);
}

/* ---- Probes ---- */

void redis_node_probe_answered(struct redis_node *node)
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
        redis_node_probe_answered(node);
    else if (failure == REDIS_REFUSED || failure == REDIS_ERROR)
        node->drop_why = reply->text.ptr;
}

/* Where it listens the answer comes as a message. */
static void send_probe(struct redis_node *node)
{
    static const struct slice ping[] = {SLICE_INIT("PING")};
    if (node->probe_us != 0)
        return;
    node->probe_us = redis_node_now_us();
    if (!node->channels.fn)
        redis_node_put_waiting(node, redis_calls_take(node->calls, on_probe, node));
    redis_wire_command(redis_link_output(node->link), ping, 1);
    redis_link_flush(node->link);
}

static void on_tick(void *arg)
{
    struct redis_node *node = arg;
    int64_t silent_us = redis_node_now_us() - node->heard_us;
    bool awaits = node->probe_us != 0;
    int64_t probing_us = awaits ? redis_node_now_us() - node->probe_us : 0;
    loop_timer_set(node->tick, TICK_US);
    if ((silent_us > REDIS_DEAD_MS * US_PER_MS && probing_us > REDIS_DEAD_MS * US_PER_MS) ||
        probing_us > REDIS_PROBE_MAX_MS * US_PER_MS)
        redis_node_drop(node, "no answer");
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
    redis_node_count(node, COUNTER_REDIS_TIMEOUTS);
    if (node->state == UP && ++node->timeouts_in_row >= REDIS_STALL_TIMEOUTS)
        stall(node);
}

/* ---- Greeting ---- */

void redis_node_greeted(struct redis_node *node)
{
    memcpy(node->server_id, node->greeting.server_id, sizeof node->server_id);
    loop_timer_clear(node->pause);
    loop_timer_set(node->tick, TICK_US);
    if (node->was_up) {
        redis_node_count(node, COUNTER_REDIS_RECONNECTS);
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

void redis_node_take_greeting(struct redis_node *node, const struct redis_reply *reply)
{
    switch (redis_greeting_take(&node->greeting, reply)) {
    case GREETING_FAILED:
        node->drop_why = node->greeting.why;
        break;
    case GREETING_DONE:
        if (node->channels.fn)
            begin_listening(node);
        else
            redis_node_greeted(node);
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
    node->heard_us = redis_node_now_us();
    redis_greeting_begin(&node->greeting, node->config.target, redis_link_output(node->link));
    redis_link_flush(node->link);
}

static void on_closed(const char *why, void *arg)
{
    redis_node_drop(arg, why);
}

/* The pause before an attempt is over, or an attempt has taken too long. */
static void on_pause_over(void *arg)
{
    struct redis_node *node = arg;
    if (node->state != RESTING) {
        redis_node_drop(node, "no answer");
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
        redis_node_drop(node, why);
}

void redis_node_hurry(struct redis_node *node)
{
    redis_backoff_reset(&node->backoff);
    if (node->state == RESTING)
        loop_timer_set(node->pause, next_pause_us(node));
}

void redis_node_leave(struct redis_node *node, const char *why)
{
    if (node->taking)
        node->drop_why = why;
    else if (node->state > LOCATING)
        redis_node_drop(node, why);
}

/* ---- Life ---- */

static const struct redis_link_events link_events = {
    .on_open = on_open, .on_readable = redis_node_on_readable, .on_closed = on_closed};

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
    redis_node_show_state(node);
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

bool redis_node_is_new(const struct redis_node *node)
{
    return !node->was_up && !node->was_dropped;
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
