#include "http/h1.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "http/h1_connection.h"

/* Exchanges that wait for a next request. Under AddressSanitizer none, so that it sees late uses.
 */
#if defined(__SANITIZE_ADDRESS__)
#define EXCHANGES_KEPT 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EXCHANGES_KEPT 0
#endif
#endif
#ifndef EXCHANGES_KEPT
#define EXCHANGES_KEPT 64
#endif

/* Connections over a limit that are answered at one time; more are closed without a word. */
#define REFUSED_MAX 64

#define SLACK_MAX_US (100 * US_PER_MS)

/* ---- Exchanges ------------------------------------------------------------------------------- */

static struct h1_exchange *new_exchange(struct h1_server *server)
{
    struct h1_exchange *exchange = check_malloc(sizeof *exchange);
    exchange->exchange = (struct http_exchange){
        .carrier = &h1_carrier,
        .metrics = server->config.metrics,
        .log_access = server->config.options->log_access != 0,
        .request = {.arena = arena_new(H1_ARENA_MAX)},
    };
    h1_reader_init(&exchange->reader, &exchange->exchange.request);
    return exchange;
}

void h1_exchange_free(struct h1_exchange *exchange)
{
    h1_reader_release(&exchange->reader);
    arena_free(exchange->exchange.request.arena);
    free(exchange);
}

static void begin(struct h1_exchange *exchange)
{
    struct arena *arena = exchange->exchange.request.arena;
    exchange->exchange.request = (struct http_request){.method = HTTP_METHOD_OTHER, .arena = arena};
    http_exchange_begin(&exchange->exchange);
    h1_reader_begin(&exchange->reader);
}

struct h1_exchange *h1_exchange_get(struct h1_server *server)
{
    struct h1_exchange *exchange = SLIST_FIRST(&server->exchanges);
    if (exchange) {
        SLIST_REMOVE_HEAD(&server->exchanges, link);
        server->exchange_count--;
    } else {
        exchange = new_exchange(server);
    }
    begin(exchange);
    return exchange;
}

void h1_exchange_put(struct h1_server *server, struct h1_exchange *exchange)
{
    if (server->exchange_count + 1 > EXCHANGES_KEPT) {
        h1_exchange_free(exchange);
        return;
    }
    arena_reset(exchange->exchange.request.arena);
    SLIST_INSERT_HEAD(&server->exchanges, exchange, link);
    server->exchange_count++;
}

/* ---- Connections ----------------------------------------------------------------------------- */

static bool is_unix(const struct net_ip *peer)
{
    static const struct net_ip unix_peer;
    return memcmp(peer->bytes, unix_peer.bytes, sizeof peer->bytes) == 0;
}

/* Whether there is room for one more; counts it for its address when there is. */
static bool admit(struct h1_server *server, struct h1_connection *connection)
{
    const struct options *options = server->config.options;
    if (server->count - server->refused > (size_t)options->server_max_connections)
        return false;
    if (!server->peers || is_unix(&connection->peer))
        return true;
    connection->counted = h1_peers_enter(server->peers, &connection->peer,
                                         (size_t)options->server_max_connections_per_ip);
    return connection->counted;
}

void h1_server_accept(int fd, const struct net_ip *peer, void *arg)
{
    struct h1_server *server = arg;
    struct h1_connection *connection = h1_connection_new(server, fd, peer);
    TAILQ_INSERT_TAIL(&server->connections, connection, link);
    server->count++;
    metrics_add(server->config.metrics, COUNTER_CONNECTION_ACCEPTED, 1);
    metrics_self(server->config.metrics)->connections++;
    if (admit(server, connection))
        return;
    if (server->refused >= REFUSED_MAX) {
        h1_connection_close(connection, COUNTER_CLOSE_LIMIT);
        return;
    }
    connection->refused = true;
    server->refused++;
    h1_connection_refuse(connection);
}

static void tell_drained(void *arg)
{
    struct h1_server *server = arg;
    server->on_drained(server->drained_arg);
}

static void check_drained(struct h1_server *server)
{
    if (server->count > 0 || !h1_server_drains(server) || server->drained)
        return;
    server->drained = true;
    loop_timer_set(server->tell_drained, 0);
}

void h1_server_forget(struct h1_server *server, struct h1_connection *connection)
{
    TAILQ_REMOVE(&server->connections, connection, link);
    server->count--;
    server->refused -= connection->refused;
    if (connection->counted)
        h1_peers_leave(server->peers, &connection->peer);
    metrics_self(server->config.metrics)->connections--;
    metrics_add(server->config.metrics, connection->reason, 1);
    check_drained(server);
}

size_t h1_server_connections(const struct h1_server *server)
{
    return server->count;
}

/* ---- The server ------------------------------------------------------------------------------ */

static struct deadlines *new_deadlines(struct h1_server *server, int64_t length_us, deadline_fn *fn)
{
    int64_t slack_us = length_us / 8;
    if (slack_us > SLACK_MAX_US)
        slack_us = SLACK_MAX_US;
    return deadlines_new(server->loop, length_us, slack_us, fn, server);
}

struct h1_server *h1_server_new(struct loop *loop, const struct h1_config *config)
{
    const struct options *options = config->options;
    struct h1_server *server = check_calloc(1, sizeof *server);
    server->loop = loop;
    server->config = *config;
    TAILQ_INIT(&server->connections);
    SLIST_INIT(&server->exchanges);
    strbuf_init(&server->out, H1_ANSWER_HEAD_MAX);
    if (options->server_max_connections_per_ip > 0)
        server->peers = h1_peers_new();
    server->head =
        new_deadlines(server, options->server_header_timeout_in_ms * US_PER_MS, h1_on_head_due);
    server->request =
        new_deadlines(server, options->server_request_timeout_in_ms * US_PER_MS, h1_on_request_due);
    server->write =
        new_deadlines(server, options->server_write_timeout_in_ms * US_PER_MS, h1_on_write_due);
    server->idle =
        new_deadlines(server, options->server_idle_timeout_in_ms * US_PER_MS, h1_on_idle_due);
    server->linger = new_deadlines(server, H1_LINGER_US, h1_on_linger_due);
    return server;
}

void h1_server_drain(struct h1_server *server, int64_t idle_grace_us, h1_drained_fn *on_drained,
                     void *arg)
{
    struct h1_connection *connection;
    CHECK(!h1_server_drains(server));
    server->tell_drained = loop_timer_new(server->loop, tell_drained, server);
    server->on_drained = on_drained;
    server->drained_arg = arg;
    server->grace = new_deadlines(server, idle_grace_us > 0 ? idle_grace_us : 1, h1_on_grace_due);
    TAILQ_FOREACH (connection, &server->connections, link)
        h1_connection_drain(connection);
    check_drained(server);
}

void h1_server_free(struct h1_server *server)
{
    if (!server)
        return;
    while (!TAILQ_EMPTY(&server->connections))
        h1_connection_close(TAILQ_FIRST(&server->connections), COUNTER_CLOSE_DRAIN);
    while (!SLIST_EMPTY(&server->exchanges)) {
        struct h1_exchange *exchange = SLIST_FIRST(&server->exchanges);
        SLIST_REMOVE_HEAD(&server->exchanges, link);
        h1_exchange_free(exchange);
    }
    deadlines_free(server->head);
    deadlines_free(server->request);
    deadlines_free(server->write);
    deadlines_free(server->idle);
    deadlines_free(server->linger);
    deadlines_free(server->grace);
    loop_timer_free(server->tell_drained);
    h1_peers_free(server->peers);
    strbuf_release(&server->out);
    free(server);
}
