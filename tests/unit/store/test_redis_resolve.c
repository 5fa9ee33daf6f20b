#include "unit/store/unit.h"

#include <netinet/in.h>

#include "store/redis_resolve.h"

/* No part of a name is longer than 63 bytes: this one is refused without asking anybody. */
#define IMPOSSIBLE_NAME "a-name-that-cannot-be-because-one-of-its-parts-is-too-long-by-far.example"

struct bench {
    struct loop *loop;
    unsigned calls;
    struct resolved resolved;
    bool failed;
};

static int setup(void **state)
{
    static struct bench bench;
    bench = (struct bench){.loop = loop_new()};
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    loop_free(bench->loop);
    return 0;
}

static void on_resolved(const struct resolved *resolved, const char *error, void *arg)
{
    struct bench *bench = arg;
    bench->calls++;
    bench->resolved = *resolved;
    bench->failed = error != NULL;
}

static bool is_over(void *arg)
{
    const struct bench *bench = arg;
    return bench->calls > 0;
}

static void assert_loopback(const struct resolved *resolved, int port)
{
    const struct sockaddr_in *address = (const struct sockaddr_in *)&resolved->sockaddr[0];
    assert_int_equal(resolved->count, 1);
    assert_int_equal(address->sin_family, AF_INET);
    assert_int_equal(ntohl(address->sin_addr.s_addr), INADDR_LOOPBACK);
    assert_int_equal(ntohs(address->sin_port), port);
    assert_int_equal(resolved->len[0], sizeof *address);
}

static void a_number_needs_no_asking(void **state)
{
    struct resolved resolved = resolve_numeric("127.0.0.1", 6379);
    (void)state;
    assert_loopback(&resolved, 6379);
    resolved = resolve_numeric("::1", 6379);
    assert_int_equal(resolved.count, 1);
    assert_int_equal(resolved.sockaddr[0].ss_family, AF_INET6);
    assert_int_equal(resolve_numeric("localhost", 6379).count, 0);
}

/* A number takes the same way as a name, and every machine knows its address. */
static void a_lookup_ends_in_the_loop_and_once(void **state)
{
    struct bench *bench = *state;
    (void)resolve_start(bench->loop, "127.0.0.1", 6380, on_resolved, bench);
    assert_int_equal(bench->calls, 0);
    run_until(bench->loop, is_over, bench, PATIENCE_MS);
    assert_false(bench->failed);
    assert_loopback(&bench->resolved, 6380);
    run_for(bench->loop, 50);
    assert_int_equal(bench->calls, 1);
}

static void a_lookup_that_fails_tells_why(void **state)
{
    struct bench *bench = *state;
    (void)resolve_start(bench->loop, IMPOSSIBLE_NAME, 6379, on_resolved, bench);
    run_until(bench->loop, is_over, bench, PATIENCE_MS);
    assert_true(bench->failed);
    assert_int_equal(bench->resolved.count, 0);
}

static void one_that_is_given_up_is_not_heard_of(void **state)
{
    struct bench *bench = *state;
    resolve_cancel(NULL);
    resolve_cancel(resolve_start(bench->loop, "127.0.0.1", 6379, on_resolved, bench));
    run_for(bench->loop, 50);
    assert_int_equal(bench->calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_needs_no_asking),
        cmocka_unit_test_setup_teardown(a_lookup_ends_in_the_loop_and_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lookup_that_fails_tells_why, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_is_given_up_is_not_heard_of, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
