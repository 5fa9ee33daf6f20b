/*
 * Router and exchange with a carrier that only remembers what it was told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/strbuf.h"
#include "http/carrier.h"
#include "http/router.h"
#include "net/address.h"

struct scene {
    struct http_exchange exchange;
    struct metrics *metrics;
    struct http_router *router;
    const char *handled; /* which handler was called */
    int status;
    int answers, discards, gones;
    struct strbuf extra, body;
};

static struct scene scene;

static void on_answer(struct http_exchange *exchange, const struct http_response *response)
{
    assert_ptr_equal(exchange, &scene.exchange);
    scene.status = response->status;
    scene.answers++;
    strbuf_clear(&scene.extra);
    strbuf_clear(&scene.body);
    strbuf_add_slice(&scene.extra, response->extra);
    strbuf_add_slice(&scene.body, response->body);
}

static void on_discard(struct http_exchange *exchange)
{
    assert_ptr_equal(exchange, &scene.exchange);
    scene.discards++;
}

static const struct http_carrier carrier = {on_answer, on_discard};

static void answer(struct http_exchange *exchange, const char *name)
{
    scene.handled = name;
    http_respond(exchange, &(struct http_response){.status = 204});
}

static void on_ads(struct http_exchange *exchange, void *context)
{
    assert_ptr_equal(context, &scene);
    answer(exchange, "ads");
}

static void on_click(struct http_exchange *exchange, void *context)
{
    (void)context;
    answer(exchange, "click");
}

static void on_demo(struct http_exchange *exchange, void *context)
{
    (void)context;
    answer(exchange, "demo");
}

static void on_error(struct http_exchange *exchange, void *context)
{
    (void)context;
    http_respond_error(exchange, 503, "redis_away", SLICE("No \"Redis\"\n<here>."));
}

static const struct http_route routes[] = {
    {SLICE_INIT("/v1/ads"), ROUTE_GET | ROUTE_POST, true, COUNTER_REQUEST_ADS, on_ads},
    {SLICE_INIT("/v1/c/"), ROUTE_GET, false, COUNTER_REQUEST_CLICK, on_click},
    {SLICE_INIT("/v1/"), ROUTE_GET, false, COUNTER_REQUEST_DEMO, on_demo},
    {SLICE_INIT("/error"), ROUTE_GET, true, COUNTER_REQUEST_OTHER, on_error},
};

static int set_up(void **state)
{
    (void)state;
    scene = (struct scene){.metrics = metrics_new((struct metrics_layout){1, 1})};
    metrics_attach(scene.metrics, 0);
    scene.router = http_router_new(routes, sizeof routes / sizeof *routes, &scene);
    scene.exchange.carrier = &carrier;
    scene.exchange.metrics = scene.metrics;
    strbuf_init(&scene.extra, 10000);
    strbuf_init(&scene.body, 10000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_router_free(scene.router);
    metrics_free(scene.metrics);
    strbuf_release(&scene.extra);
    strbuf_release(&scene.body);
    return 0;
}

static void request(enum http_method method, const char *path)
{
    http_exchange_begin(&scene.exchange);
    scene.exchange.request = (struct http_request){.method = method, .path = slice_cstr(path)};
    scene.handled = "";
    scene.status = 0;
    http_router_handle(&scene.exchange, scene.router);
}

static void assert_handled(enum http_method method, const char *path, const char *handler)
{
    request(method, path);
    assert_string_equal(scene.handled, handler);
}

static void assert_status(enum http_method method, const char *path, int status)
{
    assert_handled(method, path, "");
    assert_int_equal(scene.status, status);
}

static bool has_line(const char *line)
{
    return strstr(strbuf_cstr(&scene.extra), line) != NULL;
}

static void test_the_longest_row_wins(void **state)
{
    (void)state;
    assert_handled(HTTP_METHOD_GET, "/v1/ads", "ads");
    assert_handled(HTTP_METHOD_POST, "/v1/ads", "ads");
    assert_handled(HTTP_METHOD_HEAD, "/v1/ads", "ads");
    assert_handled(HTTP_METHOD_GET, "/v1/c/TOKEN", "click");
    assert_handled(HTTP_METHOD_GET, "/v1/c/", "click");
    assert_handled(HTTP_METHOD_GET, "/v1/c", "demo");
    assert_handled(HTTP_METHOD_GET, "/v1/ads/", "demo");
    assert_handled(HTTP_METHOD_GET, "/v1/adsx", "demo");
}

static void test_what_no_row_has(void **state)
{
    (void)state;
    assert_status(HTTP_METHOD_GET, "/", 404);
    assert_status(HTTP_METHOD_GET, "/v1", 404);
    assert_status(HTTP_METHOD_POST, "/nope", 404);
    assert_status(HTTP_METHOD_OTHER, "/nope", 404);
    assert_status(HTTP_METHOD_OPTIONS, "/nope", 404);
    assert_status(HTTP_METHOD_GET, "/V1/ads", 404);
    assert_status(HTTP_METHOD_GET, "/v1%2fads", 404);
    assert_true(has_line("Cache-Control: no-store\r\n"));
    assert_string_equal(strbuf_cstr(&scene.body), "{\"error\":{\"code\":\"not_found\",\"message\":"
                                                  "\"There is nothing at this address.\"}}\n");
}

static void test_methods_that_a_row_lacks(void **state)
{
    (void)state;
    assert_status(HTTP_METHOD_DELETE, "/v1/ads", 405);
    assert_true(has_line("Allow: GET, HEAD, POST, OPTIONS\r\n"));
    assert_true(has_line("Access-Control-Allow-Origin: *\r\n"));
    assert_status(HTTP_METHOD_POST, "/v1/c/TOKEN", 405);
    assert_true(has_line("Allow: GET, HEAD, OPTIONS\r\n"));
    assert_false(has_line("Access-Control"));
    assert_status(HTTP_METHOD_OTHER, "/v1/ads", 501);
}

static void test_options(void **state)
{
    (void)state;
    assert_status(HTTP_METHOD_OPTIONS, "/v1/ads", 204);
    assert_true(has_line("Allow: GET, HEAD, POST, OPTIONS\r\n"));
    assert_true(has_line("Access-Control-Allow-Origin: *\r\n"));
    assert_true(has_line("Access-Control-Allow-Methods: GET, HEAD, POST, OPTIONS\r\n"));
    assert_false(has_line("Credentials"));
    assert_status(HTTP_METHOD_OPTIONS, "/v1/c/TOKEN", 204);
    assert_false(has_line("Access-Control"));
    assert_status(HTTP_METHOD_OPTIONS, "*", 204);
    assert_true(has_line("Allow: GET, HEAD, POST, OPTIONS\r\n"));
    assert_int_equal(metrics_sum(scene.metrics, COUNTER_REQUEST_PREFLIGHT), 3);
}

static void test_answers_are_counted(void **state)
{
    (void)state;
    request(HTTP_METHOD_GET, "/v1/ads");
    request(HTTP_METHOD_GET, "/v1/c/TOKEN");
    request(HTTP_METHOD_DELETE, "/v1/c/TOKEN");
    request(HTTP_METHOD_GET, "/nope");
    assert_int_equal(metrics_sum(scene.metrics, COUNTER_REQUEST_ADS), 1);
    assert_int_equal(metrics_sum(scene.metrics, COUNTER_REQUEST_CLICK), 2);
    assert_int_equal(metrics_sum(scene.metrics, COUNTER_REQUEST_OTHER), 1);
    assert_int_equal(metrics_sum(scene.metrics, COUNTER_RESPONSE_204), 2);
    assert_int_equal(metrics_sum(scene.metrics, COUNTER_RESPONSE_404), 1);
    assert_int_equal(metrics_sum(scene.metrics, COUNTER_RESPONSE_405), 1);
    assert_int_equal(metrics_self(scene.metrics)->requests, 4);
}

static void test_errors_are_json_whatever_the_message(void **state)
{
    (void)state;
    request(HTTP_METHOD_GET, "/error");
    assert_int_equal(scene.status, 503);
    assert_true(has_line("Retry-After: 1\r\n"));
    assert_true(has_line("Access-Control-Allow-Origin: *\r\n"));
    assert_string_equal(strbuf_cstr(&scene.body),
                        "{\"error\":{\"code\":\"redis_away\",\"message\":"
                        "\"No \\\"Redis\\\"\\u000a\\u003chere\\u003e.\"}}\n");
}

static void test_a_long_message_is_cut(void **state)
{
    (void)state;
    char message[10000];
    memset(message, '\x01', sizeof message);
    http_exchange_begin(&scene.exchange);
    http_respond_error(&scene.exchange, 400, "bad", slice_of(message, sizeof message));
    assert_in_range(scene.body.len, 512 * 6, 4000);
}

static void on_gone(struct http_exchange *exchange, void *arg)
{
    assert_ptr_equal(exchange, &scene.exchange);
    assert_ptr_equal(arg, &scene.gones);
    scene.gones++;
}

static void test_a_handler_that_asked_is_told_of_a_client_that_left(void **state)
{
    (void)state;
    http_exchange_begin(&scene.exchange);
    http_on_gone(&scene.exchange, on_gone, &scene.gones);
    assert_true(http_exchange_gone(&scene.exchange));
    assert_int_equal(scene.gones, 1);
    assert_int_equal(metrics_sum(scene.metrics, COUNTER_CLIENT_GONE), 1);
}

static void test_the_answer_of_one_that_did_not_ask_is_swallowed(void **state)
{
    (void)state;
    http_exchange_begin(&scene.exchange);
    assert_false(http_exchange_gone(&scene.exchange));
    answer(&scene.exchange, "late");
    assert_int_equal(scene.answers, 0);
    assert_int_equal(scene.discards, 1);
    assert_int_equal(metrics_sum(scene.metrics, COUNTER_RESPONSE_204), 0);
}

/* The line that one request leaves in the log. */
static void assert_logged(struct net_ip peer, const char *path, const char *expected)
{
    char line[1024];
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    log_setup(LOG_INFO, LOG_LOGFMT);
    log_set_fd(pipe_ends[1]);
    scene.exchange.log_access = true;
    http_exchange_begin(&scene.exchange);
    scene.exchange.request =
        (struct http_request){.method = HTTP_METHOD_GET, .path = slice_cstr(path), .peer = peer};
    http_router_handle(&scene.exchange, scene.router);
    log_set_fd(2);
    ssize_t len = read(pipe_ends[0], line, sizeof line - 1);
    assert_true(len > 0);
    line[len] = '\0';
    assert_non_null(strstr(line, expected));
    assert_null(strstr(line, "SECRET"));
    (void)close(pipe_ends[0]);
    (void)close(pipe_ends[1]);
}

static void test_the_access_log_keeps_networks_and_routes_only(void **state)
{
    (void)state;
    struct net_ip v4, v6;
    assert_true(net_ip_parse(SLICE("192.0.2.77"), &v4));
    assert_true(net_ip_parse(SLICE("2001:db8:1:2:3::4"), &v6));
    assert_logged(v4, "/v1/c/SECRET", "peer=192.0.2.0 method=GET route=/v1/c/ status=204");
    assert_logged(v6, "/v1/SECRET", "peer=2001:db8:1:: method=GET route=/v1/ status=204");
    assert_logged(v6, "/SECRET", "status=404");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_longest_row_wins),
        TEST(test_what_no_row_has),
        TEST(test_methods_that_a_row_lacks),
        TEST(test_options),
        TEST(test_answers_are_counted),
        TEST(test_errors_are_json_whatever_the_message),
        TEST(test_a_long_message_is_cut),
        TEST(test_a_handler_that_asked_is_told_of_a_client_that_left),
        TEST(test_the_answer_of_one_that_did_not_ask_is_swallowed),
        TEST(test_the_access_log_keeps_networks_and_routes_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
