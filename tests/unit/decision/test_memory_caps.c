#include "unit/decision/unit.h"

#include "decision/memory_caps.h"

#define HOUR_MS (INT64_C(3600) * 1000)

static const struct campaign plain = {0};
static const struct creative bare = {0};

static struct campaign capped(uint32_t count, int64_t period_ms, uint64_t key)
{
    struct campaign campaign = {.caps = {.item = {{count, period_ms, key}}, .count = 1}};
    return campaign;
}

static bool take(struct memory_caps *caps, uint64_t viewer, const struct campaign *campaign,
                 const struct creative *creative, int64_t now_ms)
{
    const struct candidate candidate = {.campaign = campaign, .creative = creative};
    const struct candidate *group[] = {&candidate};
    return memory_caps_take(caps, viewer, group, 1, now_ms);
}

static void a_group_has_room_together_or_none_is_counted(void **state)
{
    struct memory_caps *caps = memory_caps_new();
    struct campaign campaign = capped(3, HOUR_MS, 7);
    const struct candidate candidate = {.campaign = &campaign, .creative = &bare};
    const struct candidate *group[] = {&candidate, &candidate};
    (void)state;
    assert_true(memory_caps_take(caps, 1, group, 2, 0));
    assert_false(memory_caps_take(caps, 1, group, 2, 0));
    assert_true(memory_caps_take(caps, 1, group, 1, 0));
    assert_false(memory_caps_take(caps, 1, group, 1, 0));
    memory_caps_free(caps);
}

static void a_window_opens_with_the_first_serve(void **state)
{
    struct memory_caps *caps = memory_caps_new();
    struct campaign campaign = capped(2, HOUR_MS, 7);
    (void)state;
    assert_true(take(caps, 1, &campaign, &bare, 1000));
    assert_true(take(caps, 1, &campaign, &bare, 2000));
    assert_false(take(caps, 1, &campaign, &bare, 1000 + HOUR_MS - 1));
    assert_true(take(caps, 2, &campaign, &bare, 1000 + HOUR_MS - 1));
    assert_true(take(caps, 1, &campaign, &bare, 1000 + HOUR_MS));
    assert_true(take(caps, 1, &campaign, &bare, 1000 + HOUR_MS));
    assert_false(take(caps, 1, &campaign, &bare, 1000 + HOUR_MS));
    memory_caps_free(caps);
}

static void all_caps_have_room_or_none_is_counted(void **state)
{
    struct memory_caps *caps = memory_caps_new();
    struct campaign campaign = capped(10, HOUR_MS, 7);
    struct creative creative = {.caps = {.item = {{1, HOUR_MS, 8}}, .count = 1}};
    (void)state;
    assert_true(take(caps, 1, &campaign, &creative, 0));
    for (int i = 0; i < 20; i++)
        assert_false(take(caps, 1, &campaign, &creative, 0));
    for (int i = 0; i < 9; i++)
        assert_true(take(caps, 1, &campaign, &bare, 0));
    assert_false(take(caps, 1, &campaign, &bare, 0));
    memory_caps_free(caps);
}

static void a_lifetime_does_not_end(void **state)
{
    struct memory_caps *caps = memory_caps_new();
    struct campaign campaign = capped(1, CAP_LIFETIME, 7);
    (void)state;
    assert_true(take(caps, 1, &campaign, &bare, 0));
    assert_false(take(caps, 1, &campaign, &bare, INT64_MAX - 1));
    memory_caps_free(caps);
}

static void it_grows_and_forgets_only_what_has_run_out(void **state)
{
    struct memory_caps *caps = memory_caps_new();
    struct campaign day = capped(1, 24 * HOUR_MS, 7), hour = capped(1, HOUR_MS, 8);
    (void)state;
    for (uint64_t viewer = 0; viewer < 50000; viewer++) {
        assert_true(take(caps, viewer, &day, &bare, 0));
        assert_true(take(caps, viewer, &hour, &bare, 0));
    }
    for (uint64_t viewer = 50000; viewer < 200000; viewer++)
        assert_true(take(caps, viewer, &day, &bare, HOUR_MS));
    for (uint64_t viewer = 0; viewer < 200000; viewer++)
        assert_false(take(caps, viewer, &day, &bare, HOUR_MS));
    for (uint64_t viewer = 0; viewer < 50000; viewer++)
        assert_true(take(caps, viewer, &hour, &bare, HOUR_MS));
    memory_caps_free(caps);
}

static void what_has_no_caps_is_never_refused(void **state)
{
    struct memory_caps *caps = memory_caps_new();
    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_true(take(caps, 1, &plain, &bare, 0));
    memory_caps_free(caps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_has_room_together_or_none_is_counted),
        cmocka_unit_test(a_window_opens_with_the_first_serve),
        cmocka_unit_test(all_caps_have_room_or_none_is_counted),
        cmocka_unit_test(a_lifetime_does_not_end),
        cmocka_unit_test(it_grows_and_forgets_only_what_has_run_out),
        cmocka_unit_test(what_has_no_caps_is_never_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
