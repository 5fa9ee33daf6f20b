#include "decision/model.h"

#include "entries.h"
#include "unit.h"

static void test_ids(void **state)
{
    static const char *const good[] = {
        "a",
        "0",
        "spring-970",
        "post-top",
        "a.b_c-d",
        "9to5",
        "a234567890123456789012345678901234567890123456789012345678901234",
    };
    static const char *const bad[] = {
        "",         "-a",  ".a",
        "_a",       "A",   "aB",
        "a b",      "a,b", "a:b",
        "a{b}",     "a*",  "a\n",
        "\xc3\xa4", "a/b", "a2345678901234567890123456789012345678901234567890123456789012345",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(id_is_valid(slice_cstr(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(id_is_valid(slice_cstr(bad[i])));
    assert_false(id_is_valid(SLICE("a\0b")));
    assert_false(id_is_valid(slice_of(NULL, 0)));
}

static void test_the_last_reference_frees(void **state)
{
    (void)state;
    struct slot *slot = make_slot("header", FIELDS());
    assert_int_equal(slot->references, 1);
    assert_ptr_equal(slot_retain(slot), slot);
    slot_release(slot);
    assert_slice(slot->id, "header");
    slot_release(slot);
    slot_release(NULL);

    struct campaign *campaign = make_campaign("spring", FIELDS("slots", "*"));
    assert_ptr_equal(campaign_retain(campaign), campaign);
    campaign_release(campaign);
    assert_int_equal(campaign->references, 1);
    campaign_release(campaign);
    campaign_release(NULL);

    struct creative *creative = make_image("a", "spring", "1x1", FIELDS());
    assert_ptr_equal(creative_retain(creative), creative);
    creative_release(creative);
    assert_int_equal(creative->references, 1);
    creative_release(creative);
    creative_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_the_last_reference_frees),
    };
    return cmocka_run_group_tests_name("decision/model", tests, NULL, NULL);
}
