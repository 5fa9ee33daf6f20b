#include "http/h1_connection.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/clock.h"

static void work(struct h1_connection *connection);
static void settle(struct h1_connection *connection);

static struct evbuffer *input_of(const struct h1_connection *connection)
{
    return bufferevent_get_input(connection->bev);
}

static size_t input_len(const struct h1_connection *connection)
{
    return evbuffer_get_length(input_of(connection));
}

/* ---- The end --------------------------------------------------------------------------------- */

/* The first reason stays: what follows is its consequence. */
static void set_reason(struct h1_connection *connection, enum metrics_counter reason)
{
    if (connection->reason == COUNTER_COUNT)
        connection->reason = reason;
}

/* Takes the exchange, if there is one, away from the connection. */
static void abandon_exchange(struct h1_connection *connection)
{
    struct h1_exchange *exchange = connection->exchange;
    bool reading = connection->state == H1_READING;
    if (!exchange)
        return;
    connection->exchange = NULL;
    exchange->connection = NULL;
    if (reading || http_exchange_gone(&exchange->exchange))
        h1_exchange_put(connection->server, exchange);
}

static void free_connection(struct h1_connection *connection)
{
    deadline_clear(&connection->deadline);
    deadline_clear(&connection->request_deadline);
    h1_output_release(&connection->output);
    bufferevent_free(connection->bev);
    h1_server_forget(connection->server, connection);
    free(connection);
}

void h1_connection_close(struct h1_connection *connection, enum metrics_counter reason)
{
    set_reason(connection, reason);
    abandon_exchange(connection);
    connection->state = H1_DEAD;
    if (!connection->working)
        free_connection(connection);
}

/* Closes so that the kernel, too, forgets at once what a client does not take. */
static void reset(struct h1_connection *connection, enum metrics_counter reason)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(connection->output.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    h1_connection_close(connection, reason);
}

/* All is sent. What remains is to see that the client gets it, where it may be sending still. */
static void shut(struct h1_connection *connection)
{
    bool silent = connection->ended || (connection->final && input_len(connection) == 0);
    if (silent || shutdown(connection->output.fd, SHUT_WR) < 0) {
        connection->state = H1_DEAD;
        return;
    }
    connection->state = H1_LINGERING;
    (void)evbuffer_drain(input_of(connection), input_len(connection));
    deadline_set(connection->server->linger, &connection->deadline);
}

/* ---- Sending --------------------------------------------------------------------------------- */

static bool is_client_gone(int error)
{
    return error == EPIPE || error == ECONNRESET || error == ETIMEDOUT || error == EHOSTUNREACH;
}

static void fail(struct h1_connection *connection, int error)
{
    set_reason(connection, is_client_gone(error) ? COUNTER_CLOSE_CLIENT : COUNTER_CLOSE_ERROR);
    abandon_exchange(connection);
    connection->state = H1_DEAD;
}

/* Answers to requests that are in the buffer already go out together. */
static bool holds(const struct h1_connection *connection)
{
    return connection->working && connection->state == H1_IDLE && input_len(connection) > 0;
}

static void send_bytes(struct h1_connection *connection, struct slice head, struct slice body,
                       bool body_static)
{
    int error = h1_output_send(&connection->output, head, body, body_static, holds(connection));
    if (error)
        fail(connection, error);
}

static void flush(struct h1_connection *connection)
{
    int error = connection->state == H1_DEAD ? 0 : h1_output_flush(&connection->output);
    if (error)
        fail(connection, error);
}

/* ---- Answers --------------------------------------------------------------------------------- */

/* Says whether the connection goes on after this answer, and notes why it does not. */
static enum h1_persistence persistence(struct h1_connection *connection,
                                       const struct http_response *response)
{
    const struct h1_server *server = connection->server;
    const struct h1_framing *framing = &connection->exchange->reader.framing;
    uint64_t max_requests = (uint64_t)server->config.options->server_max_requests;
    if (h1_server_drains(server))
        set_reason(connection, COUNTER_CLOSE_DRAIN);
    else if (response->close || !framing->keep_alive || ++connection->answered >= max_requests)
        set_reason(connection, COUNTER_CLOSE_ANSWERED);
    if (connection->reason != COUNTER_COUNT)
        return H1_CLOSES;
    return framing->http_1_0 ? H1_STAYS_1_0 : H1_STAYS;
}

static void answer(struct http_exchange *base, const struct http_response *response)
{
    struct h1_exchange *exchange = (struct h1_exchange *)base;
    struct h1_connection *connection = exchange->connection;
    struct h1_server *server = connection->server;
    CHECK(connection->state == H1_WAITING);
    enum h1_persistence stays = persistence(connection, response);
    bool bodyless =
        base->request.method == HTTP_METHOD_HEAD || !h1_status_has_body(response->status);

    strbuf_clear(&server->out);
    h1_answer_head(&server->out, response, h1_date_line(&server->date, loop_now_us(server->loop)),
                   stays);
    CHECK(!server->out.overflowed);
    connection->final =
        connection->reason == COUNTER_CLOSE_ANSWERED && !exchange->reader.framing.keep_alive;
    connection->exchange = NULL;
    connection->state = stays == H1_CLOSES ? H1_CLOSING : H1_IDLE;
    send_bytes(connection, strbuf_slice(&server->out),
               bodyless ? slice_of(NULL, 0) : response->body, response->body_static);
    h1_exchange_put(server, exchange);
    if (connection->working)
        return;
    /* The next request may be there already, but its handler must not run inside this call. */
    if (connection->state == H1_IDLE && input_len(connection) > 0)
        bufferevent_trigger(connection->bev, EV_READ, BEV_OPT_DEFER_CALLBACKS);
    settle(connection);
}

static void discard(struct http_exchange *exchange)
{
    h1_exchange_free((struct h1_exchange *)exchange);
}

const struct http_carrier h1_carrier = {.answer = answer, .discard = discard};

/* ---- Requests -------------------------------------------------------------------------------- */

static void begin_request(struct h1_connection *connection)
{
    connection->exchange = h1_exchange_get(connection->server);
    connection->exchange->connection = connection;
    connection->exchange->exchange.request.peer = connection->peer;
    connection->state = H1_READING;
}

/* The request is over, one way or the other: it gets its answer now. */
static struct http_exchange *end_request(struct h1_connection *connection)
{
    struct http_exchange *exchange = &connection->exchange->exchange;
    connection->state = H1_WAITING;
    deadline_clear(&connection->deadline);
    deadline_clear(&connection->request_deadline);
    exchange->request.received_us = loop_now_us(connection->server->loop);
    return exchange;
}

static void refuse(struct h1_connection *connection, enum h1_refusal refusal,
                   enum metrics_counter reason)
{
    const struct h1_refusal_row *row = &h1_refusal_rows[refusal];
    set_reason(connection, reason);
    http_respond_error(end_request(connection), row->status, row->code, row->message);
}

static void send_continue(struct h1_connection *connection)
{
    static const struct slice line = SLICE_INIT("HTTP/1.1 100 Continue\r\n\r\n");
    send_bytes(connection, line, slice_of(NULL, 0), false);
}

/* One step with the bytes at hand, which are at least one. */
static void read_request(struct h1_connection *connection, struct slice bytes)
{
    struct slice rest = bytes;
    if (connection->state == H1_IDLE)
        begin_request(connection);
    struct h1_reader *reader = &connection->exchange->reader;
    enum h1_reading reading = h1_reader_feed(reader, &rest);
    (void)evbuffer_drain(input_of(connection), bytes.len - rest.len);
    if (reading == H1_READING_CONTINUE)
        send_continue(connection);
    else if (reading == H1_READING_REFUSED)
        refuse(connection, reader->refusal, COUNTER_CLOSE_BAD_REQUEST);
    else if (reading == H1_READING_DONE)
        connection->server->config.handler(end_request(connection),
                                           connection->server->config.context);
}

/* The bytes at the front of the input that lie in one piece. */
static bool peek(const struct h1_connection *connection, struct slice *ret)
{
    struct evbuffer_iovec piece;
    if (evbuffer_peek(input_of(connection), -1, NULL, &piece, 1) < 1)
        return false;
    *ret = slice_of(piece.iov_base, piece.iov_len);
    return ret->len > 0;
}

/* Everything that can be done with what has come so far. May free the connection. */
static void work(struct h1_connection *connection)
{
    struct slice bytes;
    connection->working = true;
    while ((connection->state == H1_IDLE || connection->state == H1_READING) &&
           !connection->output.blocked && peek(connection, &bytes))
        read_request(connection, bytes);
    connection->working = false;
    settle(connection);
}

/* ---- Waiting for what comes next ------------------------------------------------------------- */

static void await_request(struct h1_connection *connection)
{
    struct h1_server *server = connection->server;
    if (h1_server_drains(server))
        deadline_set(server->grace, &connection->deadline);
    else
        deadline_set(server->idle, &connection->deadline);
}

/* The deadlines of a request run from its first byte, of a connection's first from its start. */
static void await_rest(struct h1_connection *connection)
{
    struct h1_server *server = connection->server;
    if (connection->exchange->reader.in_body)
        deadline_clear(&connection->deadline);
    else if (connection->deadline.queue != server->head)
        deadline_set(server->head, &connection->deadline);
    if (!connection->request_deadline.queue)
        deadline_set(server->request, &connection->request_deadline);
}

/*
 * Input that nobody takes is left in the socket beyond a bound. (bufferevent's own high-water mark
 * calls on_read() again and again while the bound is reached.)
 */
static void bound_input(struct h1_connection *connection)
{
    bool full = input_len(connection) >= H1_READ_AHEAD;
    if (full == connection->paused || connection->ended)
        return;
    connection->paused = full;
    if (full)
        CHECK(bufferevent_disable(connection->bev, EV_READ) == 0);
    else
        CHECK(bufferevent_enable(connection->bev, EV_READ) == 0);
}

static void set_deadlines(struct h1_connection *connection)
{
    if (connection->output.blocked)
        deadline_clear(&connection->request_deadline);
    else if (connection->state == H1_IDLE)
        await_request(connection);
    else if (connection->state == H1_READING)
        await_rest(connection);
}

/* Nothing will come of waiting: the client sends no more, and what it sent is no whole request. */
static bool is_starved(const struct h1_connection *connection)
{
    return connection->ended && input_len(connection) == 0 && !connection->output.blocked &&
           (connection->state == H1_IDLE || connection->state == H1_READING);
}

/* Brings socket and deadlines in line with the state. May free the connection. */
static void settle(struct h1_connection *connection)
{
    flush(connection);
    if (connection->state == H1_CLOSING && !connection->output.blocked)
        shut(connection);
    if (is_starved(connection)) {
        h1_connection_close(connection, COUNTER_CLOSE_CLIENT);
    } else if (connection->state == H1_DEAD) {
        free_connection(connection);
    } else {
        bound_input(connection);
        set_deadlines(connection);
    }
}

/* ---- Events ---------------------------------------------------------------------------------- */

/*
 * A client that goes on sending without end is no longer listened to, but still has the time to
 * read its answer: closing on what it sends would reset the connection.
 */
static void drop_input(struct h1_connection *connection)
{
    connection->lingered += input_len(connection);
    (void)evbuffer_drain(input_of(connection), input_len(connection));
    if (connection->lingered > H1_LINGER_BYTES)
        CHECK(bufferevent_disable(connection->bev, EV_READ) == 0);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct h1_connection *connection = arg;
    (void)loop_now_us(connection->server->loop);
    if (connection->state == H1_LINGERING)
        drop_input(connection);
    else
        work(connection);
}

/* The output is empty again. */
static void on_write(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct h1_connection *connection = arg;
    if (!connection->output.blocked)
        return;
    (void)loop_now_us(connection->server->loop);
    h1_output_unblock(&connection->output);
    work(connection);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    struct h1_connection *connection = arg;
    if (what & BEV_EVENT_EOF) {
        connection->ended = true;
        if (connection->state == H1_LINGERING)
            h1_connection_close(connection, COUNTER_CLOSE_ANSWERED);
        else
            settle(connection);
    } else if (what & BEV_EVENT_ERROR) {
        fail(connection, EVUTIL_SOCKET_ERROR());
        settle(connection);
    }
}

/* The connection whose member `field` is. */
#define OWNER(deadline, field) \
    ((struct h1_connection *)(void *)((char *)(deadline)-offsetof(struct h1_connection, field)))

void h1_on_head_due(struct deadline *deadline, void *context)
{
    (void)context;
    struct h1_connection *connection = OWNER(deadline, deadline);
    if (connection->state == H1_READING)
        refuse(connection, H1_REFUSAL_HEAD_LATE, COUNTER_CLOSE_HEAD_DEADLINE);
    else
        h1_connection_close(connection, COUNTER_CLOSE_HEAD_DEADLINE);
}

void h1_on_request_due(struct deadline *deadline, void *context)
{
    (void)context;
    struct h1_connection *connection = OWNER(deadline, request_deadline);
    refuse(connection, H1_REFUSAL_BODY_LATE, COUNTER_CLOSE_REQUEST_DEADLINE);
}

void h1_on_write_due(struct deadline *deadline, void *context)
{
    (void)context;
    reset(OWNER(deadline, output.deadline), COUNTER_CLOSE_WRITE_DEADLINE);
}

void h1_on_idle_due(struct deadline *deadline, void *context)
{
    (void)context;
    h1_connection_close(OWNER(deadline, deadline), COUNTER_CLOSE_IDLE);
}

void h1_on_linger_due(struct deadline *deadline, void *context)
{
    (void)context;
    h1_connection_close(OWNER(deadline, deadline), COUNTER_CLOSE_ANSWERED);
}

void h1_on_grace_due(struct deadline *deadline, void *context)
{
    (void)context;
    h1_connection_close(OWNER(deadline, deadline), COUNTER_CLOSE_DRAIN);
}

/* ---- The start ------------------------------------------------------------------------------- */

struct h1_connection *h1_connection_new(struct h1_server *server, int fd, const struct net_ip *peer)
{
    struct h1_connection *connection = check_calloc(1, sizeof *connection);
    connection->server = server;
    connection->peer = *peer;
    connection->reason = COUNTER_COUNT;
    connection->bev = bufferevent_socket_new(loop_base(server->loop), fd, BEV_OPT_CLOSE_ON_FREE);
    CHECK(connection->bev != NULL);
    bufferevent_setcb(connection->bev, on_read, on_write, on_event, connection);
    h1_output_init(&connection->output, connection->bev, server->write);
    CHECK(bufferevent_enable(connection->bev, EV_READ) == 0);
    deadline_set(server->head, &connection->deadline);
    return connection;
}

void h1_connection_refuse(struct h1_connection *connection)
{
    static const struct slice words = SLICE_INIT("Too many connections; try again in a moment.");
    set_reason(connection, COUNTER_CLOSE_LIMIT);
    begin_request(connection);
    http_respond_error(end_request(connection), 503, "too_many_connections", words);
}

void h1_connection_drain(struct h1_connection *connection)
{
    if (connection->state == H1_IDLE && !connection->output.blocked)
        deadline_set(connection->server->grace, &connection->deadline);
}
