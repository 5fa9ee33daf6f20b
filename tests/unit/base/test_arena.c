#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "unit/base/child.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#endif

static int set_up(void **state)
{
    *state = arena_new(0);
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

static void assert_zero(const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        assert_int_equal(bytes[i], 0);
}

static void test_memory_is_zeroed_and_aligned(void **state)
{
    for (size_t size = 1; size < 3000; size += 7) {
        unsigned char *bytes = arena_alloc(*state, size);
        assert_int_equal((uintptr_t)bytes % _Alignof(max_align_t), 0);
        assert_zero(bytes, size);
        memset(bytes, 0xff, size);
    }
}

static void test_memory_is_zeroed_after_a_reset_too(void **state)
{
    memset(arena_alloc(*state, 1000), 0xff, 1000);
    arena_reset(*state);
    assert_zero(arena_alloc(*state, 1000), 1000);
}

static void test_allocations_do_not_overlap(void **state)
{
    enum { COUNT = 500 };
    unsigned char *all[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        all[i] = arena_alloc(*state, i + 1);
        memset(all[i], (int)(i & 0xff), i + 1);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k <= i; k++)
            assert_int_equal(all[i][k], i & 0xff);
    }
}

static void test_great_allocations(void **state)
{
    unsigned char *before = arena_alloc(*state, 10);
    unsigned char *great = arena_alloc(*state, 1 << 20);
    unsigned char *behind = arena_alloc(*state, 10);
    assert_zero(great, 1 << 20);
    memset(great, 0xff, 1 << 20);
    assert_zero(before, 10);
    assert_zero(behind, 10);
    assert_int_equal(arena_used(*state), (1 << 20) + 20);
}

static void test_a_great_allocation_may_be_the_first(void **state)
{
    memset(arena_alloc(*state, 1 << 20), 0xff, 1 << 20);
    arena_reset(*state);
    assert_non_null(arena_alloc(*state, 1));
}

static void test_the_first_block_may_be_a_great_one(void **state)
{
    unsigned char *bytes = arena_alloc(*state, 10000);
    assert_zero(bytes, 10000);
    memset(bytes, 0xff, 10000);
    arena_reset(*state);
    assert_zero(arena_alloc(*state, 10000), 10000);
}

static void test_used_counts_from_the_last_reset(void **state)
{
    assert_int_equal(arena_used(*state), 0);
    (void)arena_alloc(*state, 3);
    (void)arena_new_array(*state, uint64_t, 5);
    assert_int_equal(arena_used(*state), 43);
    arena_reset(*state);
    assert_int_equal(arena_used(*state), 0);
}

static void test_nothing_is_a_valid_pointer(void **state)
{
    assert_non_null(arena_alloc(*state, 0));
    assert_non_null(arena_calloc(*state, 0, 8));
    assert_int_equal(arena_used(*state), 0);
}

static void test_copy_has_a_nul_behind_it(void **state)
{
    char text[] = "a\0b";
    struct slice copy = arena_copy(*state, slice_of(text, 3));
    memset(text, 'x', sizeof text);
    assert_memory_equal(copy.ptr, "a\0b", 4);
    assert_int_equal(copy.len, 3);

    struct slice empty = arena_copy(*state, slice_of(NULL, 0));
    assert_int_equal(empty.len, 0);
    assert_string_equal(empty.ptr, "");
}

static void test_a_product_that_overflows_gives_null(void **state)
{
    assert_null(arena_calloc(*state, SIZE_MAX / 2, 3));
    assert_null(arena_copy(*state, slice_of("", SIZE_MAX)).ptr);
}

static void test_the_limit_is_exact(void **state)
{
    (void)state;
    struct arena *arena = arena_new(100);
    assert_non_null(arena_alloc(arena, 60));
    assert_null(arena_alloc(arena, 41));
    assert_null(arena_copy(arena, slice_of("0123456789012345678901234567890123456789", 40)).ptr);
    assert_null(arena_alloc(arena, SIZE_MAX));
    assert_non_null(arena_alloc(arena, 40));
    assert_null(arena_alloc(arena, 1));
    assert_non_null(arena_alloc(arena, 0));
    assert_int_equal(arena_used(arena), 100);

    arena_reset(arena);
    assert_non_null(arena_alloc(arena, 100));
    arena_free(arena);
}

static void test_freeing_null_is_harmless(void **state)
{
    (void)state;
    arena_free(NULL);
}

#ifdef UNDER_ASAN
static void write_behind(void *context)
{
    struct arena *arena = context;
    volatile char *bytes = arena_alloc(arena, 16);
    (void)arena_alloc(arena, 16);
    bytes[16] = 1;
}

static void write_after_reset(void *context)
{
    struct arena *arena = context;
    volatile char *bytes = arena_alloc(arena, 16);
    arena_reset(arena);
    bytes[0] = 1;
}

static bool is_caught(child_body *body, void *context)
{
    int null = open("/dev/null", O_WRONLY);
    int status = child_wait(child_start(body, context, null));
    close(null);
    return status != 0;
}

static void test_address_sanitizer_sees_stray_writes(void **state)
{
    assert_true(is_caught(write_behind, *state));
    assert_true(is_caught(write_after_reset, *state));
}
#endif

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_memory_is_zeroed_and_aligned),
        TEST(test_memory_is_zeroed_after_a_reset_too),
        TEST(test_allocations_do_not_overlap),
        TEST(test_great_allocations),
        TEST(test_a_great_allocation_may_be_the_first),
        TEST(test_the_first_block_may_be_a_great_one),
        TEST(test_used_counts_from_the_last_reset),
        TEST(test_nothing_is_a_valid_pointer),
        TEST(test_copy_has_a_nul_behind_it),
        TEST(test_a_product_that_overflows_gives_null),
#ifdef UNDER_ASAN
        TEST(test_address_sanitizer_sees_stray_writes),
#endif
        cmocka_unit_test(test_the_limit_is_exact),
        cmocka_unit_test(test_freeing_null_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
