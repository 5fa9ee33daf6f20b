#include "unit/decision/unit.h"

#include <string.h>

#include "decision/reserving.h"
#include "stage.h"

/* What is taken when nothing, or all that has caps, is refused. */
static void run(struct stage *stage)
{
    uint32_t none[PAGE_SLOTS_MAX] = {0};
    stage_run(stage);
    stage_settle(stage, none);
}

static bool refuse_all(const struct candidate *const *group, unsigned count, void *arg)
{
    (void)group, (void)count, (void)arg;
    return false;
}

static void run_capped_out(struct stage *stage)
{
    uint32_t refused[PAGE_SLOTS_MAX] = {0};
    stage_run(stage);
    selection_reserve(&stage->selection, refuse_all, NULL, refused);
    stage_settle(stage, refused);
}

/* Two slots of different sizes, a roadblock "r" with one creative for each, a house campaign. */
static void set_up(struct stage *stage, const char *const *fields)
{
    stage_slot(stage, "s1", FIELDS("sizes", "1x1"));
    stage_slot(stage, "s2", FIELDS("sizes", "2x2"));
    stage_bare_campaign(stage, "r", fields);
    stage_image(stage, "r1", "r", "1x1", FIELDS());
    stage_image(stage, "r2", "r", "2x2", FIELDS());
    stage_bare_campaign(stage, "h", FIELDS("slots", "*", "tier", "house"));
    stage_image(stage, "h1", "h", "1x1", FIELDS());
    stage_image(stage, "h2", "h", "2x2", FIELDS());
}

static void test_it_has_all_slots(void **state)
{
    struct stage stage = {0};
    (void)state;
    set_up(&stage, FIELDS("slots", "*", "roadblock", "all"));
    stage_open(&stage, "s1 s2");
    for (unsigned i = 0; i < 20; i++) {
        run(&stage);
        assert_string_equal(stage_chosen(&stage, 0), "r1");
        assert_string_equal(stage_chosen(&stage, 1), "r2");
    }
    stage_close(&stage);
}

static void test_or_none(void **state)
{
    static const char *const without[][2] = {{"slots", "s1"}, {"status", "paused"}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct stage stage = {0};
        stage_slot(&stage, "s1", FIELDS());
        stage_slot(&stage, "s2", FIELDS());
        stage_bare_campaign(&stage, "r", FIELDS("slots", i == 0 ? "s1" : "*", "roadblock", "all"));
        stage_image(&stage, "r1", "r", "1x1", FIELDS());
        stage_image(&stage, "r2", "r", "1x1", FIELDS(without[1][0], i == 1 ? "paused" : "active"));
        stage_campaign(&stage, "h", FIELDS("slots", "*", "tier", "house"));
        stage_open(&stage, "s1 s2");
        stage_run(&stage);
        assert_non_null(strstr(stage.said, "r=roadblock"));
        stage_settle(&stage, (uint32_t[]){0, 0});
        assert_string_equal(stage_chosen(&stage, 0), "h");
        assert_string_equal(stage_chosen(&stage, 1), "-");
        stage_close(&stage);
    }
}

/* A later request of the page is a page of its own, but what it shows there is not shown again. */
static void test_no_creative_comes_again_later(void **state)
{
    struct stage stage = {0};
    (void)state;
    set_up(&stage, FIELDS("slots", "*", "roadblock", "all"));
    stage_open(&stage, "s1 s2");
    run(&stage);
    const struct candidate *first = &stage.selection.slots[0].candidates[0];
    stage.request.on_page[0] = (struct page_ad){first->campaign, first->creative};
    stage.request.on_page_count = 1;
    run(&stage);
    assert_string_equal(stage_chosen(&stage, 0), "h1");
    assert_string_equal(stage_chosen(&stage, 1), "-");
    stage_close(&stage);
}

static void test_alone_on_a_page_it_is_like_any_other(void **state)
{
    struct stage stage = {0};
    (void)state;
    set_up(&stage, FIELDS("slots", "s1", "roadblock", "all"));
    stage_open(&stage, "s1");
    run(&stage);
    assert_string_equal(stage_chosen(&stage, 0), "r1");
    stage_close(&stage);
}

static void test_its_caps_hold_together(void **state)
{
    struct stage stage = {0};
    (void)state;
    set_up(&stage, FIELDS("slots", "*", "roadblock", "all", "caps", "2/1d"));
    stage_open(&stage, "s1 s2");
    run(&stage);
    assert_string_equal(stage_chosen(&stage, 0), "r1");
    assert_string_equal(stage_chosen(&stage, 1), "r2");
    assert_true(stage.selection.slots[0].candidates[0].leads);
    assert_true(stage.selection.slots[0].candidates[0].capped);
    assert_true(stage.selection.slots[1].candidates[0].follows);
    run_capped_out(&stage);
    assert_string_equal(stage_chosen(&stage, 0), "h1");
    assert_string_equal(stage_chosen(&stage, 1), "-"); /* the house campaign is on the page */
    assert_non_null(strstr(stage.said, "r=cap"));
    assert_non_null(strstr(stage.said, "r=roadblock"));
    stage_close(&stage);
}

static void test_a_higher_tier_is_not_passed(void **state)
{
    struct stage stage = {0};
    (void)state;
    set_up(&stage, FIELDS("slots", "*", "roadblock", "all"));
    stage_bare_campaign(&stage, "sponsor", FIELDS("slots", "s2", "tier", "sponsorship"));
    stage_image(&stage, "sponsor2", "sponsor", "2x2", FIELDS());
    stage_open(&stage, "s1 s2");
    run(&stage);
    assert_string_equal(stage_chosen(&stage, 0), "h1");
    assert_string_equal(stage_chosen(&stage, 1), "sponsor2");
    stage_close(&stage);
}

static void test_it_is_drawn_by_its_weight(void **state)
{
    struct stage stage = {0};
    unsigned led = 0;
    (void)state;
    set_up(&stage, FIELDS("slots", "*", "roadblock", "all", "weight", "1"));
    stage_bare_campaign(&stage, "x", FIELDS("slots", "*", "weight", "3"));
    stage_image(&stage, "x1", "x", "1x1", FIELDS());
    stage_image(&stage, "x2", "x", "2x2", FIELDS());
    stage_open(&stage, "s1 s2");
    for (unsigned i = 0; i < 4000; i++) {
        run(&stage);
        bool leads = strcmp(stage_chosen(&stage, 0), "r1") == 0;
        led += leads;
        assert_int_equal(strcmp(stage_chosen(&stage, 1), "r2") == 0, leads);
    }
    assert_in_range(led, 850, 1150); /* 1000, five standard deviations */
    stage_close(&stage);
}

/* Each slot takes a creative that the other can do without. */
static void test_creatives_are_matched_to_slots(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "s1", FIELDS());
    stage_slot(&stage, "s2", FIELDS("sizes", "1x1"));
    stage_slot(&stage, "s3", FIELDS("sizes", "1x1,2x2"));
    stage_bare_campaign(&stage, "r", FIELDS("slots", "*", "roadblock", "all"));
    stage_image(&stage, "r1", "r", "1x1", FIELDS());
    stage_image(&stage, "r2", "r", "2x2", FIELDS());
    stage_image(&stage, "r3", "r", "3x3", FIELDS());
    stage_open(&stage, "s1 s2 s3");
    for (unsigned i = 0; i < 50; i++) {
        run(&stage);
        assert_string_equal(stage_chosen(&stage, 0), "r3");
        assert_string_equal(stage_chosen(&stage, 1), "r1");
        assert_string_equal(stage_chosen(&stage, 2), "r2");
    }
    stage_close(&stage);
}

static void test_any_takes_several(void **state)
{
    struct stage stage = {0};
    (void)state;
    set_up(&stage, FIELDS("slots", "*", "roadblock", "any"));
    stage_open(&stage, "s1 s2");
    run(&stage);
    assert_string_equal(stage_chosen(&stage, 0), "r1");
    assert_string_equal(stage_chosen(&stage, 1), "r2");
    stage_close(&stage);
}

static void test_campaigns_that_share_a_label_exclude_each_other(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "s1", FIELDS());
    stage_slot(&stage, "s2", FIELDS());
    stage_campaign(&stage, "a", FIELDS("slots", "*", "exclusions", "cars", "tier", "sponsorship"));
    stage_campaign(&stage, "b", FIELDS("slots", "*", "exclusions", "banks,cars"));
    stage_campaign(&stage, "c", FIELDS("slots", "*", "tier", "house"));
    stage_open(&stage, "s1 s2");
    run(&stage);
    assert_string_equal(stage_chosen(&stage, 0), "a");
    assert_string_equal(stage_chosen(&stage, 1), "c");
    assert_non_null(strstr(stage.said, "b=exclusion"));
    stage_close(&stage);
}

static const struct campaign *campaign_of(const struct stage *stage, const char *id)
{
    return catalog_find_campaign(stage->catalog, slice_cstr(id));
}

static void test_what_is_on_the_page_is_kept_in_mind(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "s1", FIELDS());
    stage_campaign(&stage, "a", FIELDS("slots", "*", "tier", "sponsorship", "exclusions", "cars"));
    stage_campaign(&stage, "b", FIELDS("slots", "*", "exclusions", "cars"));
    stage_campaign(&stage, "c", FIELDS("slots", "*", "tier", "house"));
    stage_open(&stage, "s1");
    stage.request.on_page[0].campaign = campaign_of(&stage, "a");
    stage.request.on_page[1].campaign = NULL; /* no longer in the catalog */
    stage.request.on_page_count = 2;
    stage_run(&stage);
    assert_non_null(strstr(stage.said, "a=on_page"));
    assert_non_null(strstr(stage.said, "b=exclusion"));
    stage_settle(&stage, (uint32_t[]){0});
    assert_string_equal(stage_chosen(&stage, 0), "c");
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_has_all_slots),
        cmocka_unit_test(test_or_none),
        cmocka_unit_test(test_no_creative_comes_again_later),
        cmocka_unit_test(test_alone_on_a_page_it_is_like_any_other),
        cmocka_unit_test(test_its_caps_hold_together),
        cmocka_unit_test(test_a_higher_tier_is_not_passed),
        cmocka_unit_test(test_it_is_drawn_by_its_weight),
        cmocka_unit_test(test_creatives_are_matched_to_slots),
        cmocka_unit_test(test_any_takes_several),
        cmocka_unit_test(test_what_is_on_the_page_is_kept_in_mind),
        cmocka_unit_test(test_campaigns_that_share_a_label_exclude_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
