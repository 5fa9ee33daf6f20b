/*
 * Connections on a real loop, their clients at the other end of socket pairs: order, deadlines,
 * back-pressure, limits, draining, and who is told what when somebody leaves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "http/carrier.h"
#include "http/h1.h"
#include "http/h1_connection.h"
#include "net/loop.h"

#define G         " HTTP/1.1\r\nHost: x\r\n"
#define GET(path) "GET " path G "\r\n"

#define BIG_LEN     ((size_t)4 * 1024 * 1024)
#define TICK_US     (2 * US_PER_MS)
#define PATIENCE_US (10 * US_PER_SECOND)
#define MOST_US     (4 * US_PER_SECOND) /* for what takes some hundred ms on a machine at rest */
#define RECEIVED    ((size_t)64 * 1024 * 1024)

struct client {
    int fd;
    struct strbuf received;
    bool ended; /* the server has closed */
    bool reset;
};

struct scene {
    struct loop *loop;
    struct loop_timer *tick;
    struct options *options;
    struct metrics *metrics;
    struct h1_server *server;
    struct client clients[4];
    size_t client_count;
    struct http_exchange *waiting; /* what /later was asked last */
    int handled, gones, drained;
    bool (*over)(struct scene *);
    int64_t give_up_us;
    const char *wanted; /* what the client must have received at the end */
    struct client *watched;
};

static struct scene scene;
static char *big;

/* ---- The server ------------------------------------------------------------------------------ */

static void on_gone(struct http_exchange *exchange, void *arg)
{
    assert_ptr_equal(exchange, scene.waiting);
    assert_ptr_equal(arg, &scene);
    assert_true(slice_starts(http_exchange_request(exchange)->path, SLICE("/later")));
    scene.waiting = NULL;
    scene.gones++;
}

static void answer(struct http_exchange *exchange, struct slice body)
{
    const struct http_request *request = http_exchange_request(exchange);
    http_respond(exchange,
                 &(struct http_response){.status = 200,
                                         .content_type = SLICE("text/plain"),
                                         .body = body,
                                         .body_static = body.ptr == big,
                                         .close = slice_eq(request->path, SLICE("/close"))});
}

/* Answers with the query, or with the body where there is one. */
static void handle(struct http_exchange *exchange, void *context)
{
    const struct http_request *request = http_exchange_request(exchange);
    assert_ptr_equal(context, &scene);
    assert_true(request->received_us > 0);
    assert_non_null(request->arena);
    scene.handled++;
    if (slice_starts(request->path, SLICE("/later"))) {
        scene.waiting = exchange;
        if (slice_eq(request->path, SLICE("/later")))
            http_on_gone(exchange, on_gone, &scene);
    } else if (slice_eq(request->path, SLICE("/big"))) {
        answer(exchange, slice_of(big, BIG_LEN));
    } else {
        answer(exchange, request->body.len > 0 ? request->body : request->query);
    }
}

static void on_drained(void *arg)
{
    assert_ptr_equal(arg, &scene);
    scene.drained++;
}

static int set_up(void **state)
{
    (void)state;
    scene = (struct scene){.loop = loop_new()};
    scene.metrics = metrics_new((struct metrics_layout){1, 1});
    metrics_attach(scene.metrics, 0);
    return 0;
}

static void start(const char *const *overrides, size_t count)
{
    struct options_override rows[8];
    struct err err;
    for (size_t i = 0; i < count; i++)
        rows[i].text = overrides[i];
    scene.options = options_load(NULL, NULL, rows, count, &err);
    assert_non_null(scene.options);
    scene.server = h1_server_new(scene.loop, &(struct h1_config){.options = scene.options,
                                                                 .metrics = scene.metrics,
                                                                 .handler = handle,
                                                                 .context = &scene});
}

#define START(...)                                                                      \
    start((const char *const[]){"server.demo=off" __VA_OPT__(, ) __VA_ARGS__},          \
          sizeof((const char *const[]){"server.demo=off" __VA_OPT__(, ) __VA_ARGS__}) / \
              sizeof(char *))

static int tear_down(void **state)
{
    (void)state;
    h1_server_free(scene.server);
    for (size_t i = 0; i < scene.client_count; i++) {
        (void)close(scene.clients[i].fd);
        strbuf_release(&scene.clients[i].received);
    }
    assert_int_equal(metrics_self(scene.metrics)->connections, 0);
    loop_timer_free(scene.tick);
    loop_free(scene.loop);
    metrics_free(scene.metrics);
    options_free(scene.options);
    return 0;
}

/* ---- Clients --------------------------------------------------------------------------------- */

static struct client *connect_as(struct net_ip peer)
{
    int fds[2];
    struct client *client = &scene.clients[scene.client_count++];
    assert_true(scene.client_count <= sizeof scene.clients / sizeof *scene.clients);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    client->fd = fds[0];
    strbuf_init(&client->received, RECEIVED);
    h1_server_accept(fds[1], &peer, scene.server);
    return client;
}

static struct client *connect_client(void)
{
    return connect_as((struct net_ip){{0}});
}

static void send_slice(const struct client *client, struct slice bytes)
{
    assert_int_equal(send(client->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL), bytes.len);
}

#define SEND(client, literal) send_slice((client), SLICE(literal))

static void receive(struct client *client)
{
    static char bytes[64 * 1024];
    ssize_t len;
    while ((len = recv(client->fd, bytes, sizeof bytes, 0)) > 0)
        strbuf_add(&client->received, bytes, (size_t)len);
    client->ended |= len == 0;
    client->reset |= len < 0 && errno == ECONNRESET;
}

static const char *received(const struct client *client)
{
    return client->received.ptr ? strbuf_cstr(&client->received) : "";
}

static unsigned count_of(const struct client *client, const char *text)
{
    unsigned count = 0;
    for (const char *at = received(client); (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

/* ---- Running --------------------------------------------------------------------------------- */

static void on_tick(void *arg)
{
    (void)arg;
    if (scene.over(&scene) || loop_now_us(scene.loop) > scene.give_up_us)
        loop_stop(scene.loop);
    else
        loop_timer_set(scene.tick, TICK_US);
}

/* Runs the loop until `over` says so; fails when that takes too long. */
static void run_until(bool (*over)(struct scene *))
{
    if (!scene.tick)
        scene.tick = loop_timer_new(scene.loop, on_tick, &scene);
    scene.over = over;
    scene.give_up_us = clock_mono_us(&clock_system) + PATIENCE_US;
    loop_timer_set(scene.tick, 0);
    loop_run(scene.loop);
    assert_true(over(&scene));
}

static bool has_wanted(struct scene *s)
{
    receive(s->watched);
    return strstr(received(s->watched), s->wanted) != NULL;
}

static void run_until_received(struct client *client, const char *text)
{
    scene.watched = client;
    scene.wanted = text;
    run_until(has_wanted);
}

static bool has_ended(struct scene *s)
{
    receive(s->watched);
    return s->watched->ended || s->watched->reset;
}

static void run_until_closed(struct client *client)
{
    scene.watched = client;
    run_until(has_ended);
}

static bool has_waiting(struct scene *s)
{
    return s->waiting != NULL;
}

static bool has_no_connection(struct scene *s)
{
    return h1_server_connections(s->server) == 0;
}

static int64_t run_time_left_us;

static bool is_time_up(struct scene *s)
{
    return loop_now_us(s->loop) >= run_time_left_us;
}

/* For what must not happen. */
static void run_for(int64_t us)
{
    run_time_left_us = clock_mono_us(&clock_system) + us;
    run_until(is_time_up);
}

static uint64_t sum(enum metrics_counter counter)
{
    return metrics_sum(scene.metrics, counter);
}

/* ---- Requests and answers -------------------------------------------------------------------- */

static void test_one_connection_many_requests(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    SEND(client, GET("/?one"));
    run_until_received(client, "\r\n\r\none");
    SEND(client, "POST /" G "Content-Length: 3\r\n\r\ntwo");
    run_until_received(client, "\r\n\r\ntwo");
    SEND(client, "HEAD /?three" G "\r\n");
    run_until_received(client, "Content-Length: 5\r\n");
    SEND(client, GET("/?four"));
    run_until_received(client, "\r\n\r\nfour");
    assert_int_equal(count_of(client, "three"), 0);
    assert_int_equal(count_of(client, "HTTP/1.1 200 OK\r\nDate: "), 4);
    assert_int_equal(count_of(client, "Connection:"), 0);
    assert_int_equal(metrics_self(scene.metrics)->requests, 4);
    assert_int_equal(metrics_self(scene.metrics)->connections, 1);
    assert_int_equal(sum(COUNTER_CONNECTION_ACCEPTED), 1);
}

/* FAULTS H10. */
static void test_pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    struct strbuf bytes;
    struct client *client;
    char text[64];
    START();
    client = connect_client();
    strbuf_init(&bytes, 1 << 20);
    for (int i = 0; i < 100; i++)
        strbuf_addf(&bytes, "GET %s?n%03d" G "\r\n", i == 50 ? "/later" : "/", i);
    send_slice(client, strbuf_slice(&bytes));
    run_until(has_waiting);
    run_until_received(client, "n049");
    run_for(20 * US_PER_MS);
    assert_int_equal(scene.handled, 51);
    answer(scene.waiting, SLICE("n050"));
    assert_int_equal(scene.handled, 51); /* the next handler does not run inside that call */
    run_until_received(client, "n099");
    const char *at = received(client);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(text, sizeof text, "\r\n\r\nn%03d", i);
        at = strstr(at, text);
        assert_non_null(at);
    }
    assert_int_equal(count_of(client, "HTTP/1.1 200"), 100);
    strbuf_release(&bytes);
}

static void test_nothing_comes_after_a_refusal(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    SEND(client, GET("/?one") "GET /?two HTTP/1.1\r\n\r\n" GET("/?three"));
    run_until_closed(client);
    assert_int_equal(count_of(client, "HTTP/1.1 200"), 1);
    assert_int_equal(count_of(client, "HTTP/1.1 400 Bad Request\r\n"), 1);
    assert_int_equal(count_of(client, "Connection: close\r\n"), 1);
    assert_int_equal(count_of(client, "{\"error\":{\"code\":\"bad_host\",\"message\":"), 1);
    assert_int_equal(count_of(client, "HTTP/1.1"), 2);
    assert_int_equal(scene.handled, 1);
    (void)shutdown(client->fd, SHUT_WR);
    run_until(has_no_connection);
    assert_int_equal(sum(COUNTER_CLOSE_BAD_REQUEST), 1);
    assert_int_equal(sum(COUNTER_RESPONSE_400), 1);
    assert_int_equal(sum(COUNTER_REQUEST_OTHER), 2);
}

static void test_a_client_is_told_to_send_its_body(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    SEND(client, "POST /" G "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    run_until_received(client, "HTTP/1.1 100 Continue\r\n\r\n");
    SEND(client, "hello");
    run_until_received(client, "\r\n\r\nhello");
    SEND(client, "POST /" G "Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n");
    run_until_closed(client);
    assert_int_equal(count_of(client, "100 Continue"), 1);
    assert_int_equal(count_of(client, "HTTP/1.1 413 Content Too Large\r\n"), 1);
}

static void test_old_clients(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    SEND(client, "GET /?one HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    run_until_received(client, "\r\n\r\none");
    assert_int_equal(count_of(client, "Connection: keep-alive\r\n"), 1);
    SEND(client, "GET /?two HTTP/1.0\r\n\r\n");
    run_until_closed(client);
    assert_int_equal(count_of(client, "Connection: close\r\n"), 1);
    assert_int_equal(count_of(client, "\r\n\r\ntwo"), 1);
}

static void test_a_handler_may_close(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    SEND(client, GET("/close") GET("/?never"));
    run_until_closed(client);
    assert_int_equal(count_of(client, "Connection: close\r\n"), 1);
    assert_int_equal(scene.handled, 1);
    (void)shutdown(client->fd, SHUT_WR);
    run_until(has_no_connection);
    assert_int_equal(sum(COUNTER_CLOSE_ANSWERED), 1);
}

/* FAULTS D4. */
static void test_a_connection_has_a_last_request(void **state)
{
    (void)state;
    START("server.max_requests=3");
    struct client *client = connect_client();
    SEND(client, GET("/?1") GET("/?2") GET("/?3") GET("/?4"));
    run_until_closed(client);
    assert_int_equal(scene.handled, 3);
    assert_int_equal(count_of(client, "Connection: close\r\n"), 1);
}

/* Many bytes that nobody wants follow the refused request: the client still reads its answer. */
static void test_the_answer_survives_unread_bytes(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    char *rest = calloc(1, 100000);
    SEND(client, "GET  / HTTP/1.1\r\n");
    (void)send(client->fd, rest, 100000, MSG_NOSIGNAL);
    run_until_closed(client);
    assert_false(client->reset);
    assert_int_equal(count_of(client, "HTTP/1.1 400"), 1);
    (void)send(client->fd, rest, 50000, MSG_NOSIGNAL);
    (void)shutdown(client->fd, SHUT_WR);
    run_until(has_no_connection);
    free(rest);
}

static void test_lingering_ends(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    int64_t start_us = clock_mono_us(&clock_system);
    SEND(client, "BAD\r\n");
    run_until_closed(client);
    assert_int_equal(h1_server_connections(scene.server), 1);
    run_until(has_no_connection);
    int64_t waited_us = clock_mono_us(&clock_system) - start_us;
    assert_in_range(waited_us, H1_LINGER_US - 20 * US_PER_MS, H1_LINGER_US + MOST_US);
}

static size_t flood_len;
static int flood_stops; /* looks in a row at which the socket took nothing */

static bool floods_until_it_stops(struct scene *s)
{
    static char bytes[1024];
    size_t before = flood_len;
    ssize_t sent;
    while ((sent = send(s->watched->fd, bytes, sizeof bytes, MSG_NOSIGNAL)) > 0)
        flood_len += (size_t)sent;
    flood_stops = flood_len > before ? 0 : flood_stops + 1;
    return flood_stops > 20;
}

/* As much as the server takes. */
static size_t flood(struct client *client)
{
    int size = 4096;
    assert_int_equal(setsockopt(client->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    flood_len = 0;
    flood_stops = 0;
    scene.watched = client;
    run_until(floods_until_it_stops);
    return flood_len;
}

static void test_lingering_reads_only_so_much(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    SEND(client, "BAD\r\n");
    run_until_received(client, "HTTP/1.1 400");
    assert_in_range(flood(client), H1_LINGER_BYTES, H1_LINGER_BYTES + 128 * 1024);
    run_until(has_no_connection);
}

/* ---- Deadlines ------------------------------------------------------------------------------- */

/* Sends a byte at each look. */
static bool drips_until_closed(struct scene *s)
{
    (void)send(s->watched->fd, "a", 1, MSG_NOSIGNAL);
    return has_ended(s);
}

static void drip(struct client *client, int64_t least_ms)
{
    int64_t start_us = clock_mono_us(&clock_system);
    scene.watched = client;
    run_until(drips_until_closed);
    int64_t waited_us = clock_mono_us(&clock_system) - start_us;
    assert_in_range(waited_us, least_ms * US_PER_MS, MOST_US);
}

/* FAULTS D1. */
static void test_a_head_has_a_deadline_however_it_drips(void **state)
{
    (void)state;
    START("server.header_timeout=200ms");
    struct client *client = connect_client();
    SEND(client, "GET /" G "A: ");
    drip(client, 150);
    assert_int_equal(count_of(client, "HTTP/1.1 408 Request Timeout\r\n"), 1);
    assert_int_equal(count_of(client, "Connection: close\r\n"), 1);
    (void)shutdown(client->fd, SHUT_WR);
    run_until(has_no_connection);
    assert_int_equal(sum(COUNTER_CLOSE_HEAD_DEADLINE), 1);
}

static void test_so_has_the_head_of_a_later_request(void **state)
{
    (void)state;
    START("server.header_timeout=200ms");
    struct client *client = connect_client();
    SEND(client, GET("/?one"));
    run_until_received(client, "one");
    run_for(300 * US_PER_MS); /* idle is not late */
    assert_false(client->ended);
    SEND(client, GET("/?two") "GET /" G "A: ");
    drip(client, 150);
    assert_int_equal(count_of(client, "two"), 1);
    assert_int_equal(count_of(client, "HTTP/1.1 408"), 1);
}

static void test_a_silent_connection_is_closed_without_a_word(void **state)
{
    (void)state;
    START("server.header_timeout=100ms");
    struct client *client = connect_client();
    run_until_closed(client);
    assert_string_equal(received(client), "");
    assert_int_equal(sum(COUNTER_CLOSE_HEAD_DEADLINE), 1);
}

/* FAULTS D2. */
static void test_a_whole_request_has_a_deadline_however_it_drips(void **state)
{
    (void)state;
    START("server.header_timeout=100ms", "server.request_timeout=400ms");
    struct client *client = connect_client();
    SEND(client, "POST /" G "Content-Length: 60000\r\n\r\n");
    drip(client, 350);
    assert_int_equal(count_of(client, "HTTP/1.1 408 Request Timeout\r\n"), 1);
    (void)shutdown(client->fd, SHUT_WR);
    run_until(has_no_connection);
    assert_int_equal(sum(COUNTER_CLOSE_REQUEST_DEADLINE), 1);
}

static void test_a_deadline_ends_with_its_request(void **state)
{
    (void)state;
    START("server.header_timeout=200ms", "server.request_timeout=200ms");
    struct client *client = connect_client();
    SEND(client, "POST /later" G "Content-Length: 5\r\n\r\nhel");
    run_for(50 * US_PER_MS);
    SEND(client, "lo");
    run_until(has_waiting);
    run_for(400 * US_PER_MS);
    assert_false(client->ended);
    answer(scene.waiting, SLICE("done"));
    run_until_received(client, "done");
}

/* FAULTS D4. */
static void test_an_idle_connection_is_closed(void **state)
{
    (void)state;
    START("server.idle_timeout=500ms");
    struct client *client = connect_client();
    SEND(client, GET("/?one"));
    run_until_received(client, "one");
    run_for(200 * US_PER_MS);
    SEND(client, GET("/?two"));
    run_until_received(client, "two");
    int64_t start_us = clock_mono_us(&clock_system);
    run_until_closed(client);
    assert_in_range(clock_mono_us(&clock_system) - start_us, 400 * US_PER_MS, MOST_US);
    assert_int_equal(count_of(client, "HTTP/1.1"), 2);
    assert_int_equal(sum(COUNTER_CLOSE_IDLE), 1);
}

/* ---- Clients that do not read ---------------------------------------------------------------- */

/* FAULTS D3. */
static void test_a_client_that_does_not_read_is_cut(void **state)
{
    (void)state;
    START("server.write_timeout=200ms");
    struct client *client = connect_client();
    SEND(client, GET("/big") GET("/?never"));
    int64_t start_us = clock_mono_us(&clock_system);
    run_until(has_no_connection);
    assert_in_range(clock_mono_us(&clock_system) - start_us, 150 * US_PER_MS, MOST_US);
    assert_int_equal(scene.handled, 1);
    assert_int_equal(sum(COUNTER_CLOSE_WRITE_DEADLINE), 1);
}

static bool has_sipped_all(struct scene *s)
{
    static char bytes[16 * 1024];
    ssize_t len = recv(s->watched->fd, bytes, sizeof bytes, 0);
    if (len > 0)
        strbuf_add(&s->watched->received, bytes, (size_t)len);
    return s->watched->received.len > BIG_LEN || len == 0;
}

/* It takes much longer than the deadline, which is for no progress at all. */
static void test_a_slow_reader_gets_everything(void **state)
{
    (void)state;
    START("server.write_timeout=250ms", "server.idle_timeout=250ms");
    struct client *client = connect_client();
    SEND(client, GET("/big"));
    scene.watched = client;
    int64_t start_us = clock_mono_us(&clock_system);
    run_until(has_sipped_all);
    assert_true(clock_mono_us(&clock_system) - start_us > 500 * US_PER_MS);
    assert_true(client->received.len > BIG_LEN);
}

/* Answers to a client that pipelines and does not read wait, and so do its requests. */
static void test_what_waits_is_bounded(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    for (int i = 0; i < 200; i++)
        SEND(client, GET("/big"));
    run_for(100 * US_PER_MS);
    assert_int_equal(scene.handled, 1);
    scene.watched = client;
    run_until(has_sipped_all);
    assert_in_range(scene.handled, 1, 2);
}

static int64_t processor_us(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * US_PER_SECOND +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* While a request waits for its answer only so much of what follows is read. */
static void test_what_is_read_ahead_is_bounded(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    SEND(client, GET("/later"));
    run_until(has_waiting);
    int64_t spent_us = processor_us();
    assert_in_range(flood(client), H1_READ_AHEAD, 2 * H1_READ_AHEAD + 64 * 1024);
    run_for(200 * US_PER_MS);
    assert_true(processor_us() - spent_us < 100 * US_PER_MS); /* waiting costs nothing */
}

static void test_many_small_answers_to_a_client_that_reads_late(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    struct strbuf bytes;
    strbuf_init(&bytes, 1 << 20);
    for (int i = 0; i < 1000; i++)
        strbuf_addf(&bytes, "GET /?n%03d HTTP/1.1\r\nHost: x\r\n\r\n", i);
    send_slice(client, strbuf_slice(&bytes));
    run_for(50 * US_PER_MS);
    run_until_received(client, "n999");
    assert_int_equal(count_of(client, "HTTP/1.1 200"), 1000);
    strbuf_release(&bytes);
}

/* ---- Clients that leave ---------------------------------------------------------------------- */

static void test_half_a_connection_is_enough(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    SEND(client, GET("/?one") GET("/later") GET("/?three"));
    (void)shutdown(client->fd, SHUT_WR);
    run_until(has_waiting);
    run_for(50 * US_PER_MS);
    assert_false(client->ended);
    answer(scene.waiting, SLICE("two"));
    run_until_closed(client);
    assert_int_equal(count_of(client, "\r\n\r\none"), 1);
    assert_int_equal(count_of(client, "\r\n\r\ntwo"), 1);
    assert_int_equal(count_of(client, "\r\n\r\nthree"), 1);
    assert_int_equal(sum(COUNTER_CLIENT_GONE), 0);
    assert_int_equal(sum(COUNTER_CLOSE_CLIENT), 1);
}

static void test_half_a_request_is_not(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    SEND(client, "POST /" G "Content-Length: 5\r\n\r\nhell");
    (void)shutdown(client->fd, SHUT_WR);
    run_until_closed(client);
    assert_string_equal(received(client), "");
    assert_int_equal(scene.handled, 0);
    assert_int_equal(sum(COUNTER_CLOSE_CLIENT), 1);
}

/* Bytes that were never read make the closing a reset. */
static void leave(struct client *client)
{
    (void)close(client->fd);
    client->fd = -1;
}

static void test_a_waiting_handler_is_told_that_its_client_left(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    SEND(client, GET("/?one") GET("/later"));
    run_until(has_waiting);
    leave(client);
    run_until(has_no_connection);
    assert_int_equal(scene.gones, 1);
    assert_null(scene.waiting);
    assert_int_equal(sum(COUNTER_CLIENT_GONE), 1);
    assert_int_equal(sum(COUNTER_CLOSE_CLIENT), 1);
}

static void test_a_handler_that_did_not_ask_may_still_answer(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    SEND(client, GET("/?one") GET("/later-unasked"));
    run_until(has_waiting);
    leave(client);
    run_until(has_no_connection);
    answer(scene.waiting, SLICE("too late"));
    assert_int_equal(sum(COUNTER_RESPONSE_200), 1);
    assert_int_equal(sum(COUNTER_CLIENT_GONE), 1);
}

static void test_answering_a_client_that_left_unseen(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    SEND(client, GET("/later"));
    run_until(has_waiting);
    leave(client);
    answer(scene.waiting, SLICE("to nobody"));
    run_until(has_no_connection);
    assert_int_equal(scene.gones, 0);
    assert_int_equal(sum(COUNTER_CLOSE_CLIENT), 1);
}

static void test_the_server_goes_with_a_request_waiting(void **state)
{
    (void)state;
    START();
    struct client *client = connect_client();
    SEND(client, GET("/later"));
    run_until(has_waiting);
    h1_server_free(scene.server);
    scene.server = NULL;
    assert_int_equal(scene.gones, 1);
}

/* ---- Limits ---------------------------------------------------------------------------------- */

/* FAULTS D6. */
static void test_too_many_connections(void **state)
{
    (void)state;
    START("server.max_connections=2");
    struct client *first = connect_client();
    struct client *second = connect_client();
    struct client *third = connect_client();
    run_until_closed(third);
    assert_int_equal(count_of(third, "HTTP/1.1 503 Service Unavailable\r\n"), 1);
    assert_int_equal(count_of(third, "Retry-After: 1\r\n"), 1);
    assert_int_equal(count_of(third, "Connection: close\r\n"), 1);
    assert_int_equal(scene.handled, 0);
    SEND(second, GET("/?two"));
    run_until_received(second, "two");
    (void)shutdown(first->fd, SHUT_WR);
    run_until_closed(first);
    struct client *fourth = connect_client();
    SEND(fourth, GET("/?four"));
    run_until_received(fourth, "four");
    (void)shutdown(third->fd, SHUT_WR);
    run_for(20 * US_PER_MS);
    assert_int_equal(sum(COUNTER_CLOSE_LIMIT), 1);
}

static void test_too_many_connections_of_one_address(void **state)
{
    (void)state;
    START("server.max_connections_per_ip=1");
    struct net_ip here = {{1}}, there = {{2}};
    struct client *first = connect_as(here);
    struct client *second = connect_as(here);
    struct client *other = connect_as(there);
    run_until_closed(second);
    assert_int_equal(count_of(second, "HTTP/1.1 503"), 1);
    SEND(first, GET("/?one"));
    run_until_received(first, "one");
    SEND(other, GET("/?other"));
    run_until_received(other, "other");
    (void)shutdown(first->fd, SHUT_WR);
    run_until_closed(first);
    struct client *again = connect_as(here);
    SEND(again, GET("/?again"));
    run_until_received(again, "again");
}

/* ---- Draining -------------------------------------------------------------------------------- */

static bool has_drained(struct scene *s)
{
    return s->drained > 0;
}

/* FAULTS L3. */
static void test_draining_answers_what_is_under_way(void **state)
{
    (void)state;
    START();
    struct client *waiting = connect_client();
    struct client *arriving = connect_client();
    struct client *idle = connect_client();
    SEND(waiting, GET("/later") GET("/?never"));
    SEND(arriving, "GET /?arriv");
    SEND(idle, GET("/?idle"));
    run_until(has_waiting);
    run_until_received(idle, "idle");
    h1_server_drain(scene.server, 100 * US_PER_MS, on_drained, &scene);
    run_for(20 * US_PER_MS);
    SEND(idle, GET("/?late")); /* it was on its way */
    run_until_closed(idle);
    assert_int_equal(count_of(idle, "\r\n\r\nlate"), 1);
    assert_int_equal(count_of(idle, "Connection: close\r\n"), 1);
    SEND(arriving, "ing" G "\r\n");
    run_until_closed(arriving);
    assert_int_equal(count_of(arriving, "\r\n\r\narriving"), 1);
    run_for(150 * US_PER_MS);
    assert_false(waiting->ended);
    answer(scene.waiting, SLICE("done"));
    run_until_closed(waiting);
    assert_int_equal(count_of(waiting, "done"), 1);
    assert_int_equal(count_of(waiting, "HTTP/1.1"), 1);
    assert_int_equal(scene.drained, 0);
    for (size_t i = 0; i < scene.client_count; i++)
        (void)shutdown(scene.clients[i].fd, SHUT_WR);
    run_until(has_drained);
    assert_int_equal(h1_server_connections(scene.server), 0);
    assert_int_equal(sum(COUNTER_CLOSE_DRAIN), 3);
    run_for(20 * US_PER_MS);
    assert_int_equal(scene.drained, 1);
}

static void test_draining_closes_idle_connections_after_their_grace(void **state)
{
    (void)state;
    START();
    struct client *idle = connect_client();
    struct client *fresh = connect_client();
    SEND(idle, GET("/?one"));
    run_until_received(idle, "one");
    int64_t start_us = clock_mono_us(&clock_system);
    h1_server_drain(scene.server, 100 * US_PER_MS, on_drained, &scene);
    run_until(has_drained);
    assert_in_range(clock_mono_us(&clock_system) - start_us, 90 * US_PER_MS, MOST_US);
    run_until_closed(idle);
    run_until_closed(fresh);
    assert_int_equal(sum(COUNTER_CLOSE_DRAIN), 2);
}

static void test_draining_an_empty_server(void **state)
{
    (void)state;
    START();
    h1_server_drain(scene.server, 0, on_drained, &scene);
    assert_int_equal(scene.drained, 0);
    run_until(has_drained);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_connection_many_requests),
        TEST(test_pipelined_requests_are_answered_in_order),
        TEST(test_nothing_comes_after_a_refusal),
        TEST(test_a_client_is_told_to_send_its_body),
        TEST(test_old_clients),
        TEST(test_a_handler_may_close),
        TEST(test_a_connection_has_a_last_request),
        TEST(test_the_answer_survives_unread_bytes),
        TEST(test_lingering_ends),
        TEST(test_lingering_reads_only_so_much),
        TEST(test_a_head_has_a_deadline_however_it_drips),
        TEST(test_so_has_the_head_of_a_later_request),
        TEST(test_a_silent_connection_is_closed_without_a_word),
        TEST(test_a_whole_request_has_a_deadline_however_it_drips),
        TEST(test_a_deadline_ends_with_its_request),
        TEST(test_an_idle_connection_is_closed),
        TEST(test_a_client_that_does_not_read_is_cut),
        TEST(test_a_slow_reader_gets_everything),
        TEST(test_what_waits_is_bounded),
        TEST(test_what_is_read_ahead_is_bounded),
        TEST(test_many_small_answers_to_a_client_that_reads_late),
        TEST(test_half_a_connection_is_enough),
        TEST(test_half_a_request_is_not),
        TEST(test_a_waiting_handler_is_told_that_its_client_left),
        TEST(test_a_handler_that_did_not_ask_may_still_answer),
        TEST(test_answering_a_client_that_left_unseen),
        TEST(test_the_server_goes_with_a_request_waiting),
        TEST(test_too_many_connections),
        TEST(test_too_many_connections_of_one_address),
        TEST(test_draining_answers_what_is_under_way),
        TEST(test_draining_closes_idle_connections_after_their_grace),
        TEST(test_draining_an_empty_server),
    };
    big = malloc(BIG_LEN);
    memset(big, 'b', BIG_LEN);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(big);
    return failed;
}
