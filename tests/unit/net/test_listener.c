#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/listener.h"
#include "net/loop.h"

#define CLIENTS_MAX 64

/* A listener on a loopback port of its own, and who connected to it. */
struct scene {
    struct loop *loop;
    struct metrics *metrics;
    struct listener *listener;
    struct loop_timer *timer;
    int fd;
    struct sockaddr_storage address;
    socklen_t len;
    int clients[CLIENTS_MAX];
    size_t client_count;
    int accepted[CLIENTS_MAX];
    size_t accepted_count, wanted;
    struct net_ip last_peer;
};

static void on_accept(int fd, const struct net_ip *peer, void *context)
{
    struct scene *scene = context;
    assert_true(scene->accepted_count < CLIENTS_MAX);
    scene->accepted[scene->accepted_count++] = fd;
    scene->last_peer = *peer;
    if (scene->accepted_count == scene->wanted)
        loop_stop(scene->loop);
}

static void listen_on(struct scene *scene, const char *text)
{
    struct net_address address;
    struct err err;
    assert_true(net_address_parse(slice_cstr(text), &address, &err));
    scene->fd = listener_open(&address, &err);
    assert_true(scene->fd >= 0);
    scene->len = sizeof scene->address;
    assert_int_equal(getsockname(scene->fd, (struct sockaddr *)&scene->address, &scene->len), 0);
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    log_setup(LOG_ERROR, LOG_LOGFMT);
    scene->loop = loop_new();
    scene->metrics = metrics_new((struct metrics_layout){1, 1});
    metrics_attach(scene->metrics, 0);
    scene->fd = -1;
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    for (size_t i = 0; i < scene->client_count; i++)
        (void)close(scene->clients[i]);
    for (size_t i = 0; i < scene->accepted_count; i++)
        (void)close(scene->accepted[i]);
    listener_free(scene->listener);
    loop_timer_free(scene->timer);
    loop_free(scene->loop);
    metrics_free(scene->metrics);
    (void)close(scene->fd);
    free(scene);
    return 0;
}

static void connect_clients(struct scene *scene, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int fd = socket(scene->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&scene->address, scene->len), 0);
        scene->clients[scene->client_count++] = fd;
    }
}

static void start(struct scene *scene)
{
    scene->listener = listener_new(scene->loop, scene->fd, scene->metrics, on_accept, scene);
}

static void on_time_up(void *arg)
{
    struct scene *scene = arg;
    loop_stop(scene->loop);
}

static void run_for(struct scene *scene, int64_t us)
{
    if (!scene->timer)
        scene->timer = loop_timer_new(scene->loop, on_time_up, scene);
    loop_timer_set(scene->timer, us);
    loop_run(scene->loop);
}

static void test_connections_arrive_ready_for_use(void **state)
{
    struct scene *scene = *state;
    int no_delay = 0;
    socklen_t len = sizeof no_delay;
    listen_on(scene, "127.0.0.1:0");
    start(scene);
    connect_clients(scene, 10);
    scene->wanted = 10;
    loop_run(scene->loop);
    int fd = scene->accepted[0];
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &len), 0);
    assert_true(no_delay);
    assert_int_equal(scene->last_peer.bytes[12], 127);
    assert_int_equal(scene->last_peer.bytes[15], 1);
}

static void test_the_socket_outlives_its_listener(void **state)
{
    struct scene *scene = *state;
    listen_on(scene, "127.0.0.1:0");
    start(scene);
    listener_free(scene->listener);
    connect_clients(scene, 1);
    start(scene);
    scene->wanted = 1;
    loop_run(scene->loop);
}

static void test_a_taken_port_is_told(void **state)
{
    struct scene *scene = *state;
    struct net_address address;
    struct err err;
    char text[32];
    listen_on(scene, "127.0.0.1:0");
    const struct sockaddr_in *own = (const struct sockaddr_in *)&scene->address;
    (void)snprintf(text, sizeof text, "127.0.0.1:%u", ntohs(own->sin_port));
    assert_true(net_address_parse(slice_cstr(text), &address, &err));
    assert_int_equal(listener_open(&address, &err), -1);
    assert_non_null(strstr(err.text, text));
    assert_non_null(strstr(err.text, "taken"));
}

static void test_all_addresses_means_both_families(void **state)
{
    struct scene *scene = *state;
    listen_on(scene, ":0");
    if (scene->address.ss_family != AF_INET6)
        skip();
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)},
                             .sin_port = ((struct sockaddr_in6 *)&scene->address)->sin6_port};
    memcpy(&scene->address, &v4, sizeof v4);
    scene->len = sizeof v4;
    start(scene);
    connect_clients(scene, 1);
    scene->wanted = 1;
    loop_run(scene->loop);
    assert_int_equal(scene->last_peer.bytes[10], 0xff);
    assert_int_equal(scene->last_peer.bytes[12], 127);
}

static void test_a_dead_socket_file_is_replaced_and_a_living_one_is_not(void **state)
{
    struct scene *scene = *state;
    struct net_address address;
    struct err err;
    char folder[] = "/tmp/listener-test-XXXXXX";
    char text[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(text, sizeof text, "unix:%s/socket", folder);
    listen_on(scene, text);
    assert_true(net_address_parse(slice_cstr(text), &address, &err));
    assert_int_equal(listener_open(&address, &err), -1);
    (void)close(scene->fd);
    listen_on(scene, text);
    start(scene);
    connect_clients(scene, 1);
    scene->wanted = 1;
    loop_run(scene->loop);
    (void)unlink(text + strlen("unix:"));
    (void)rmdir(folder);
}

/* As many descriptors as there are, and room for `count` more besides the ones kept in reserve. */
static void limit_descriptors(size_t count)
{
    struct rlimit limit;
    int lowest = dup(0);
    assert_true(lowest >= 0);
    (void)close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = (rlim_t)lowest + count + 16;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static int64_t processor_us(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * US_PER_SECOND +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void test_accepting_pauses_near_the_limit_and_goes_on_after_it(void **state)
{
    struct scene *scene = *state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    listen_on(scene, "127.0.0.1:0");
    start(scene);
    connect_clients(scene, 20);
    limit_descriptors(5);
    int64_t spent_us = processor_us();
    run_for(scene, US_PER_SECOND);
    spent_us = processor_us() - spent_us;
    assert_in_range(scene->accepted_count, 4, 7);
    assert_true(spent_us < US_PER_SECOND / 20);
    assert_int_equal(metrics_sum(scene->metrics, COUNTER_CONNECTION_ACCEPT_PAUSED), 1);

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    scene->wanted = 20;
    run_for(scene, US_PER_SECOND);
    assert_int_equal(scene->accepted_count, 20);
}

static void test_it_survives_having_no_descriptor_at_all(void **state)
{
    struct scene *scene = *state;
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    listen_on(scene, "127.0.0.1:0");
    start(scene);
    connect_clients(scene, 1);
    none = before;
    none.rlim_cur = 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int64_t spent_us = processor_us();
    run_for(scene, US_PER_SECOND / 2);
    spent_us = processor_us() - spent_us;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(scene->accepted_count, 0);
    assert_true(spent_us < US_PER_SECOND / 40);
    scene->wanted = 1;
    run_for(scene, US_PER_SECOND);
    assert_int_equal(scene->accepted_count, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_connections_arrive_ready_for_use),
        TEST(test_the_socket_outlives_its_listener),
        TEST(test_a_taken_port_is_told),
        TEST(test_all_addresses_means_both_families),
        TEST(test_a_dead_socket_file_is_replaced_and_a_living_one_is_not),
        TEST(test_accepting_pauses_near_the_limit_and_goes_on_after_it),
        TEST(test_it_survives_having_no_descriptor_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
