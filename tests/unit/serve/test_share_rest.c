#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "serve/share_rest.h"
#include "store/click_share.h"

#define NOW_US    (INT64_C(5000000000) * US_PER_MS)
#define WINDOW_US (CLICK_SHARE_WINDOW_MS * US_PER_MS)

static void it_lasts_as_long_as_a_window(void **state)
{
    struct share_rest *rest = share_rest_new();
    (void)state;
    assert_false(share_rests(rest, NOW_US));
    share_rest_begin(rest, NOW_US);
    assert_true(share_rests(rest, NOW_US));
    assert_true(share_rests(rest, NOW_US + WINDOW_US - 1));
    assert_false(share_rests(rest, NOW_US + WINDOW_US));
    share_rest_begin(rest, NOW_US + US_PER_SECOND);
    assert_true(share_rests(rest, NOW_US + WINDOW_US));
    assert_false(share_rests(rest, NOW_US + WINDOW_US + US_PER_SECOND));
    share_rest_free(rest);
}

static void all_workers_rest(void **state)
{
    struct share_rest *rest = share_rest_new();
    int status;
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        share_rest_begin(rest, NOW_US);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(share_rests(rest, NOW_US));
    share_rest_free(rest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_lasts_as_long_as_a_window),
        cmocka_unit_test(all_workers_rest),
    };
    return cmocka_run_group_tests_name("serve/share_rest", tests, NULL, NULL);
}
