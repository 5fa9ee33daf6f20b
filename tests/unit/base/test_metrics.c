#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/metrics.h"
#include "unit/base/child.h"

enum { SERIES = 40, SERIES_COUNTERS = 3 };

static int set_up(void **state)
{
    struct metrics *metrics = metrics_new((struct metrics_layout){SERIES, SERIES_COUNTERS});
    metrics_attach(metrics, 0);
    *state = metrics;
    return 0;
}

static int tear_down(void **state)
{
    metrics_free(*state);
    return 0;
}

static void test_a_new_page_is_all_zero(void **state)
{
    for (int i = 0; i < COUNTER_COUNT; i++)
        assert_int_equal(metrics_sum(*state, (enum metrics_counter)i), 0);
    for (int i = 0; i < LATENCY_COUNT; i++)
        assert_int_equal(metrics_summary(*state, (enum metrics_latency)i).count, 0);
    assert_int_equal(metrics_self(*state)->pid, 0);
    assert_int_equal(metrics_series_count(*state), 1);
    assert_true(metrics_started_us(*state) > 0);
}

static void test_sums_are_over_all_rows(void **state)
{
    metrics_add(*state, COUNTER_REQUEST_ADS, 3);
    metrics_attach(*state, METRICS_WORKERS_MAX - 1);
    metrics_add(*state, COUNTER_REQUEST_ADS, 4);
    metrics_add(*state, COUNTER_REQUEST_CLICK, 1);
    assert_int_equal(metrics_sum(*state, COUNTER_REQUEST_ADS), 7);
    assert_int_equal(metrics_sum(*state, COUNTER_REQUEST_CLICK), 1);
    assert_int_equal(metrics_sum(*state, COUNTER_REQUEST_TAG), 0);
}

static void test_facts_of_a_worker_are_in_its_row(void **state)
{
    metrics_attach(*state, 5);
    metrics_self(*state)->pid = 123;
    assert_int_equal(metrics_worker(*state, 5)->pid, 123);
    assert_int_equal(metrics_worker(*state, 4)->pid, 0);
    assert_ptr_equal(metrics_worker(*state, 5), metrics_self(*state));
}

static void test_the_table_names_families(void **state)
{
    (void)state;
    const struct metrics_counter_row *row = &metrics_counter_rows[COUNTER_RESPONSE_404];
    assert_string_equal(row->family, "responses");
    assert_string_equal(row->label, "404");
    assert_string_equal(metrics_latency_names[LATENCY_CLICK], "click");
}

/* Prometheus wants a family in one piece, and a help for each. */
static void test_rows_of_a_family_stand_together(void **state)
{
    (void)state;
    for (int i = 0; i < COUNTER_COUNT; i++) {
        const struct metrics_counter_row *row = &metrics_counter_rows[i];
        bool first = i == 0 || strcmp(row->family, row[-1].family) != 0;
        assert_int_equal(*row->help != '\0', first);
        for (int k = 0; first && k < i; k++)
            assert_string_not_equal(metrics_counter_rows[k].family, row->family);
    }
}

static void test_each_status_has_its_counter(void **state)
{
    (void)state;
    assert_int_equal(metrics_response_counter(200), COUNTER_RESPONSE_200);
    assert_int_equal(metrics_response_counter(302), COUNTER_RESPONSE_302);
    assert_int_equal(metrics_response_counter(505), COUNTER_RESPONSE_505);
    assert_int_equal(metrics_response_counter(418), COUNTER_RESPONSE_OTHER);
    assert_int_equal(metrics_response_counter(0), COUNTER_RESPONSE_OTHER);
    assert_int_equal(metrics_response_counter(-200), COUNTER_RESPONSE_OTHER);
}

static void test_latencies_of_all_rows(void **state)
{
    metrics_observe(*state, LATENCY_ADS, 100);
    metrics_attach(*state, 1);
    metrics_observe(*state, LATENCY_ADS, 300);
    metrics_observe(*state, LATENCY_ADS, 200);
    metrics_observe(*state, LATENCY_REDIS, 9);

    struct metrics_summary ads = metrics_summary(*state, LATENCY_ADS);
    assert_int_equal(ads.count, 3);
    assert_int_equal(ads.sum_us, 600);
    assert_in_range(ads.p50_us, 200, 206);
    assert_int_equal(ads.p999_us, 300);
    assert_int_equal(ads.max_us, 300);
    assert_int_equal(metrics_at_most(*state, LATENCY_ADS, 250), 2);
    assert_int_equal(metrics_at_most(*state, LATENCY_REDIS, 250), 1);
}

static void test_a_name_has_one_row(void **state)
{
    unsigned header = metrics_series(*state, 's', SLICE("header"));
    assert_int_not_equal(header, METRICS_SERIES_OTHER);
    assert_int_equal(metrics_series(*state, 's', SLICE("header")), header);
    assert_int_not_equal(metrics_series(*state, 'c', SLICE("header")), header);
    assert_int_not_equal(metrics_series(*state, 's', SLICE("heade")), header);
    assert_int_equal(metrics_series_count(*state), 4);
    assert_int_equal(metrics_series_kind(*state, header), 's');
    assert_true(slice_eq(metrics_series_id(*state, header), SLICE("header")));
}

static void test_series_count_apart(void **state)
{
    unsigned a = metrics_series(*state, 's', SLICE("a"));
    unsigned b = metrics_series(*state, 's', SLICE("b"));
    metrics_series_add(*state, a, 0, 2);
    metrics_series_add(*state, a, SERIES_COUNTERS - 1, 5);
    metrics_series_add(*state, b, 0, 1);
    metrics_series_add(*state, a, 0, 2);
    assert_int_equal(metrics_series_get(*state, a, 0), 4);
    assert_int_equal(metrics_series_get(*state, a, 1), 0);
    assert_int_equal(metrics_series_get(*state, a, SERIES_COUNTERS - 1), 5);
    assert_int_equal(metrics_series_get(*state, b, 0), 1);
}

static struct slice name_of(int i, char buffer[16])
{
    return slice_of(buffer, (size_t)snprintf(buffer, 16, "name-%d", i));
}

static void test_names_without_a_place_share_row_0(void **state)
{
    char buffer[16];
    for (int i = 1; i < SERIES; i++)
        assert_in_range(metrics_series(*state, 'c', name_of(i, buffer)), 1, SERIES - 1);
    for (int i = SERIES; i < 10000; i++)
        assert_int_equal(metrics_series(*state, 'c', name_of(i, buffer)), METRICS_SERIES_OTHER);
    for (int i = 1; i < SERIES; i++)
        assert_int_not_equal(metrics_series(*state, 'c', name_of(i, buffer)), METRICS_SERIES_OTHER);
    assert_int_equal(metrics_series_count(*state), SERIES);

    metrics_series_add(*state, METRICS_SERIES_OTHER, 1, 1);
    assert_int_equal(metrics_series_get(*state, METRICS_SERIES_OTHER, 1), 1);
    assert_int_equal(metrics_series_kind(*state, METRICS_SERIES_OTHER), 0);
    assert_int_equal(metrics_series_id(*state, METRICS_SERIES_OTHER).len, 0);
}

static void test_impossible_names_share_row_0(void **state)
{
    char text[METRICS_SERIES_ID_MAX + 1];
    memset(text, 'x', sizeof text);
    assert_int_equal(metrics_series(*state, 's', slice_of(text, sizeof text)), 0);
    assert_int_equal(metrics_series(*state, 's', slice_of(NULL, 0)), 0);
    assert_int_not_equal(metrics_series(*state, 's', slice_of(text, METRICS_SERIES_ID_MAX)), 0);
}

static void test_a_page_without_series_has_row_0(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new((struct metrics_layout){1, 1});
    assert_int_equal(metrics_series(metrics, 's', SLICE("a")), METRICS_SERIES_OTHER);
    assert_int_equal(metrics_series_count(metrics), 1);
    metrics_free(metrics);
    metrics_free(NULL);
}

/* ---- Many processes ----------------------------------------------------------------------------
 */

enum { CHILDREN = 8, NAMES = 500, ROUNDS = 20000 };

struct crowd {
    struct metrics *metrics;
    unsigned child;
    unsigned (*rows)[NAMES]; /* shared: what each child got for each name */
    pthread_barrier_t *gate; /* shared: lets nobody through before all have come to it */
    unsigned *begun;         /* shared: how many have */
};

static void *shared(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    return memory;
}

static void run_crowd(child_body *body, struct crowd *crowd)
{
    pid_t pids[CHILDREN];
    pthread_barrierattr_t attributes;
    assert_int_equal(pthread_barrierattr_init(&attributes), 0);
    assert_int_equal(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
    crowd->gate = shared(sizeof *crowd->gate);
    assert_int_equal(pthread_barrier_init(crowd->gate, &attributes, CHILDREN), 0);
    for (crowd->child = 0; crowd->child < CHILDREN; crowd->child++)
        pids[crowd->child] = child_start(body, crowd, STDERR_FILENO);
    for (int i = 0; i < CHILDREN; i++)
        assert_int_equal(child_wait(pids[i]), 0);
    (void)pthread_barrier_destroy(crowd->gate);
    (void)munmap(crowd->gate, sizeof *crowd->gate);
    (void)pthread_barrierattr_destroy(&attributes);
}

static void count_much(void *context)
{
    struct crowd *crowd = context;
    metrics_attach(crowd->metrics, crowd->child);
    unsigned series = metrics_series(crowd->metrics, 's', SLICE("shared"));
    (void)pthread_barrier_wait(crowd->gate);
    for (int i = 0; i < ROUNDS; i++) {
        metrics_add(crowd->metrics, COUNTER_REQUEST_ADS, 1);
        metrics_observe(crowd->metrics, LATENCY_ADS, i);
        metrics_series_add(crowd->metrics, series, 0, 1);
    }
}

static void test_no_count_of_any_process_is_lost(void **state)
{
    struct crowd crowd = {.metrics = *state};
    run_crowd(count_much, &crowd);
    unsigned series = metrics_series(*state, 's', SLICE("shared"));
    assert_int_equal(metrics_sum(*state, COUNTER_REQUEST_ADS), CHILDREN * ROUNDS);
    assert_int_equal(metrics_summary(*state, LATENCY_ADS).count, CHILDREN * ROUNDS);
    assert_int_equal(metrics_series_get(*state, series, 0), CHILDREN * ROUNDS);
}

/* All look for the same new name at the same moment, again and again. */
static void find_all_names(void *context)
{
    struct crowd *crowd = context;
    char buffer[16];
    metrics_attach(crowd->metrics, crowd->child);
    for (unsigned name = 0; name < NAMES; name++) {
        struct slice id = name_of((int)name, buffer);
        (void)pthread_barrier_wait(crowd->gate);
        crowd->rows[crowd->child][name] = metrics_series(crowd->metrics, 'c', id);
    }
}

static void check_rows(const struct metrics *metrics, unsigned (*rows)[NAMES])
{
    char buffer[16];
    for (unsigned name = 0; name < NAMES; name++) {
        struct slice id = metrics_series_id(metrics, rows[0][name]);
        assert_true(slice_eq(id, name_of((int)name, buffer)));
        for (unsigned child = 1; child < CHILDREN; child++)
            assert_int_equal(rows[child][name], rows[0][name]);
    }
}

/* The page has one row a name and one that each child may have kept for later. */
static void test_all_processes_find_the_same_rows(void **state)
{
    struct crowd crowd = {.rows = shared(CHILDREN * sizeof *crowd.rows)};
    (void)state;
    for (int round = 0; round < 20; round++) {
        crowd.metrics = metrics_new((struct metrics_layout){1 + NAMES + CHILDREN, 1});
        run_crowd(find_all_names, &crowd);
        check_rows(crowd.metrics, crowd.rows);
        metrics_free(crowd.metrics);
    }
    (void)munmap(crowd.rows, CHILDREN * sizeof *crowd.rows);
}

static void find_names_for_ever(void *context)
{
    struct crowd *crowd = context;
    char buffer[16];
    metrics_attach(crowd->metrics, crowd->child);
    (void)__atomic_fetch_add(crowd->begun, 1, __ATOMIC_ACQ_REL);
    for (int i = 0;; i = (i + 1) % NAMES)
        (void)metrics_series(crowd->metrics, 'c', name_of(i, buffer));
}

/* Killed wherever it happens to be. Nothing may be torn, and the others find all they ask for. */
static void test_killed_processes_leave_a_sound_page(void **state)
{
    struct crowd crowd = {.begun = shared(sizeof *crowd.begun)};
    char buffer[16];
    (void)state;
    for (int round = 0; round < 50; round++) {
        crowd.metrics = metrics_new((struct metrics_layout){1 + NAMES + 2 * CHILDREN, 1});
        pid_t pids[CHILDREN];
        *crowd.begun = 0;
        for (crowd.child = 0; crowd.child < CHILDREN; crowd.child++)
            pids[crowd.child] = child_start(find_names_for_ever, &crowd, STDERR_FILENO);
        while (__atomic_load_n(crowd.begun, __ATOMIC_ACQUIRE) == 0)
            (void)sched_yield();
        for (int i = 0; i < CHILDREN; i++) {
            (void)usleep((useconds_t)(round * 5));
            (void)kill(pids[i], SIGKILL);
            assert_true(WIFSIGNALED(child_wait(pids[i])));
        }
        metrics_attach(crowd.metrics, 0);
        for (int i = 0; i < NAMES; i++) {
            struct slice name = name_of(i, buffer);
            unsigned row = metrics_series(crowd.metrics, 'c', name);
            assert_int_not_equal(row, METRICS_SERIES_OTHER);
            assert_true(slice_eq(metrics_series_id(crowd.metrics, row), name));
            assert_int_equal(metrics_series(crowd.metrics, 'c', name), row);
        }
        metrics_free(crowd.metrics);
    }
    (void)munmap(crowd.begun, sizeof *crowd.begun);
}

static void add_unattached(void *context)
{
    (void)context;
    metrics_add(metrics_new((struct metrics_layout){1, 1}), COUNTER_REQUEST_ADS, 1);
}

static void test_adding_without_a_row_is_a_bug(void **state)
{
    (void)state;
    assert_true(child_aborts(add_unattached, NULL, "metrics->self != NULL"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_new_page_is_all_zero),
        TEST(test_sums_are_over_all_rows),
        TEST(test_facts_of_a_worker_are_in_its_row),
        TEST(test_the_table_names_families),
        TEST(test_rows_of_a_family_stand_together),
        TEST(test_each_status_has_its_counter),
        TEST(test_latencies_of_all_rows),
        TEST(test_a_name_has_one_row),
        TEST(test_series_count_apart),
        TEST(test_names_without_a_place_share_row_0),
        TEST(test_impossible_names_share_row_0),
        TEST(test_a_page_without_series_has_row_0),
        TEST(test_no_count_of_any_process_is_lost),
        TEST(test_all_processes_find_the_same_rows),
        TEST(test_killed_processes_leave_a_sound_page),
        TEST(test_adding_without_a_row_is_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
