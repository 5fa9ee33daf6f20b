#include <stdio.h>

#include "base/log.h"
#include "store/redis_node_state.h"

#define TURN_US        2000 /* of one turn for replies; the rest wait for the next */
#define REPLIES_A_LOOK 16   /* replies between two looks at the clock */

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
            redis_node_greeted(node);
        break;
    case CHANNELS_PONG:
        redis_node_probe_answered(node);
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
    redis_node_count(node, COUNTER_REDIS_ERRORS);
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
        metrics_observe(node->config.metrics, LATENCY_REDIS, redis_node_now_us() - call->sent_us);
    if (!call->fn)
        redis_node_count(node, COUNTER_REDIS_LATE_REPLIES);
    bool lacks_script = call->script && redis_reply_says(reply, SLICE("NOSCRIPT"));
    if (lacks_script && call->fn) {
        redis_node_send_script_text(node, call);
        return;
    }
    if (failure != REDIS_OK && !lacks_script)
        note_error(node, reply);
    redis_calls_finish(node->calls, call, failure, reply);
    redis_node_show_state(node);
}

static void take_reply(struct redis_node *node, const struct redis_reply *reply)
{
    if (node->state == GREETING)
        redis_node_take_greeting(node, reply);
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
    char reason[REDIS_TROUBLE_MAX];
    (void)snprintf(reason, sizeof reason, "%s", why);
    if (read == REDIS_READ_TOO_LARGE && redis_calls_first(node->calls))
        redis_calls_finish(node->calls, redis_calls_shift(node->calls), REDIS_ERROR, &told);
    redis_node_drop(node, reason);
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
            char reason[REDIS_TROUBLE_MAX]; /* what it points to lives as long as the reply */
            (void)snprintf(reason, sizeof reason, "%s", node->drop_why);
            redis_node_drop(node, reason);
            return GONE;
        }
        if (++taken % REPLIES_A_LOOK == 0 && redis_node_now_us() > until_us)
            return TIRED;
    }
    if (read == REDIS_READ_MORE)
        return DRY;
    refuse_reply(node, read);
    return GONE;
}

void redis_node_on_readable(void *arg)
{
    struct redis_node *node = arg;
    int64_t until_us = redis_node_now_us() + TURN_US;
    enum progress progress = take_replies(node, until_us);
    const char *why = NULL;
    ssize_t got = 0;
    while (progress == DRY) {
        got = redis_link_read(node->link, node->read_buffer, sizeof node->read_buffer, &why);
        if (got <= 0)
            break;
        node->heard_us = redis_node_now_us();
        redis_reader_feed(node->reader, node->read_buffer, (size_t)got);
        progress = take_replies(node, until_us);
        if (got < (ssize_t)sizeof node->read_buffer || node->heard_us > until_us)
            break;
    }
    if (progress == TIRED)
        redis_link_read_again(node->link);
    else if (progress == DRY && got < 0)
        redis_node_drop(node, why);
}
