#include "decision/selection.h"

#include <stdio.h>

#include "stage.h"
#include "unit.h"

#define assert_list(stage, slot, expected) \
    assert_string_equal(stage_list((stage), (slot)), expected)

static void test_one_campaign_serves(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "a", FIELDS("slots", "header"));
    stage_open(&stage, "header");
    stage_run(&stage);
    assert_list(&stage, 0, "a/a");
    assert_false(stage.selection.needs_caps);
    assert_string_equal(stage.said, "");
    stage_settle(&stage, NULL);
    assert_string_equal(stage_chosen(&stage, 0), "a");
    assert_string_equal(stage.said, "");
    stage_close(&stage);
}

static void test_slots_without_candidates(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_slot(&stage, "footer", FIELDS());
    stage_campaign(&stage, "a", FIELDS("slots", "footer"));
    stage_open(&stage, "header nowhere footer");
    stage_run(&stage);
    stage_settle(&stage, NULL);
    assert_string_equal(stage_chosen(&stage, 0), "-");
    assert_int_equal(selection_unfilled_reason(&stage.selection.slots[0]), REASON_SLOT);
    assert_string_equal(stage_chosen(&stage, 1), "-");
    assert_int_equal(stage.selection.slots[1].count, 0);
    assert_string_equal(stage_chosen(&stage, 2), "a");
    stage_close(&stage);
}

/* Rows C9: nothing is served outside [start, end), to the microsecond. */
static void test_dates_to_the_microsecond(void **state)
{
    struct stage stage = {0};
    const int64_t start_us = INT64_C(1782856800) * 1000000; /* 2026-06-30T22:00:00Z */
    const int64_t end_us = INT64_C(1782943200) * 1000000;   /* a day later */
    const struct {
        int64_t now_us;
        const char *said;
    } rows[] = {
        {0, "a=not_started"},    {start_us - 1, "a=not_started"},
        {start_us, ""},          {start_us + 1, ""},
        {end_us - 1, ""},        {end_us, "a=ended"},
        {end_us + 1, "a=ended"}, {INT64_MAX, "a=ended"},
    };
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "a",
                   FIELDS("slots", "*", "timezone", "Europe/Berlin", "start", "2026-07-01T00:00:00",
                          "end", "2026-07-02T00:00:00"));
    stage_open(&stage, "header");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stage.request.now_us = rows[i].now_us;
        stage_run(&stage);
        assert_string_equal(stage.said, rows[i].said);
        assert_list(&stage, 0, rows[i].said[0] ? "" : "a/a");
    }
    stage_close(&stage);
}

static void test_open_dates(void **state)
{
    struct stage stage = {0};
    const int64_t times[] = {0, 1, INT64_C(1782856800) * 1000000, INT64_MAX};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "a", FIELDS("slots", "*"));
    stage_open(&stage, "header");
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        stage.request.now_us = times[i];
        stage_run(&stage);
        assert_list(&stage, 0, "a/a");
    }
    stage_close(&stage);
}

static void test_the_width_available(void **state)
{
    static const struct {
        uint32_t width;
        const char *list, *said;
    } rows[] = {
        {0, "b/b1", "a=outweighed"}, {970, "b/b1", "a=outweighed"}, {969, "a/a1", "b=size"},
        {728, "a/a1", "b=size"},     {727, "", "b=size a=size"},
    };
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS("sizes", "970x250,728x90"));
    stage_bare_campaign(&stage, "a", FIELDS("slots", "*", "tier", "standard"));
    stage_bare_campaign(&stage, "b", FIELDS("slots", "*", "tier", "sponsorship"));
    stage_image(&stage, "a1", "a", "728x90", FIELDS());
    stage_image(&stage, "b1", "b", "970x250", FIELDS());
    stage_open(&stage, "header");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stage.request.slots[0].width = rows[i].width;
        stage_run(&stage);
        assert_list(&stage, 0, rows[i].list);
        assert_string_equal(stage.said, rows[i].said);
    }
    stage_close(&stage);
}

static void test_text_fits_every_width(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS("sizes", "970x250"));
    stage_bare_campaign(&stage, "a", FIELDS("slots", "*"));
    shelf_creative(&stage.shelf,
                   make_creative("t", FIELDS("campaign", "a", "type", "text", "title", "Tulips",
                                             "landing", "https://shop.example/")));
    stage_open(&stage, "header");
    stage.request.slots[0].width = 1;
    stage_run(&stage);
    assert_list(&stage, 0, "a/t");
    stage_close(&stage);
}

static void test_the_slot_itself(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS("status", "paused"));
    stage_slot(&stage, "footer", FIELDS("status", "archived"));
    stage_campaign(&stage, "a", FIELDS("slots", "*"));
    stage_campaign(&stage, "b", FIELDS("slots", "*", "countries", "DE"));
    stage_open(&stage, "header footer");
    stage_run(&stage);
    assert_string_equal(stage.said, "a=inactive b=inactive a=inactive b=inactive");
    stage_settle(&stage, NULL);
    assert_string_equal(stage_chosen(&stage, 0), "-");
    assert_int_equal(selection_unfilled_reason(&stage.selection.slots[0]), REASON_INACTIVE);
    stage_close(&stage);
}

static void test_the_slots_domains(void **state)
{
    static const struct {
        const char *slot, *domain;
        bool allowed;
    } rows[] = {
        {"open", "", true},
        {"open", "any.example", true},
        {"own", "", false},
        {"own", "a.example", true},
        {"own", "www.a.example", true},
        {"own", "x.y.b.example", true},
        {"own", "ba.example", false},
        {"own", "example", false},
        {"own", "c.example", false},
        {"own", "a.example.evil.example", false},
        {"mixed", "a.example", true},
        {"mixed", "www.a.example", true},
        {"mixed", "old.a.example", false},
        {"mixed", "x.old.a.example", false},
        {"mixed", "other.example", false},
        {"except", "a.example", false},
        {"except", "b.a.example", false},
        {"except", "b.example", true},
        {"except", "", false},
    };
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "open", FIELDS());
    stage_slot(&stage, "own", FIELDS("domains", "a.example,b.example"));
    stage_slot(&stage, "mixed", FIELDS("domains", "a.example,!old.a.example"));
    stage_slot(&stage, "except", FIELDS("domains", "!a.example"));
    stage_campaign(&stage, "a", FIELDS("slots", "*"));
    stage_open(&stage, "open");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stage.request.slots[0].index = catalog_find_slot(stage.catalog, slice_cstr(rows[i].slot));
        stage.request.facts.domain = slice_cstr(rows[i].domain);
        stage_run(&stage);
        if (strcmp(stage.said, rows[i].allowed ? "" : "a=domain") != 0)
            fail_msg("%s on \"%s\": %s", rows[i].slot, rows[i].domain, stage.said);
    }
    stage_close(&stage);
}

static void test_campaigns_that_rest_are_told(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS("sizes", "100x100"));
    stage_campaign(&stage, "a", FIELDS("slots", "*", "status", "paused"));
    stage_campaign(&stage, "b", FIELDS("slots", "*", "status", "archived"));
    stage_bare_campaign(&stage, "d", FIELDS("slots", "*"));
    stage_image(&stage, "d", "d", "200x100", FIELDS());
    stage_open(&stage, "header");
    stage_run(&stage);
    assert_list(&stage, 0, "");
    assert_string_equal(stage.said, "a=inactive b=inactive d=size");
    assert_int_equal(selection_unfilled_reason(&stage.selection.slots[0]), REASON_INACTIVE);
    stage_close(&stage);
}

/* Of reasons that stopped equally many, the one that stands lower in the table. */
static void test_the_unfilled_reason(void **state)
{
    struct slot_selection slot = {.count = 0};
    (void)state;
    assert_int_equal(selection_unfilled_reason(&slot), REASON_SLOT);
    slot.rejected[REASON_INACTIVE] = 2;
    slot.rejected[REASON_ENDED] = 2;
    slot.rejected[REASON_CAP] = 1;
    assert_int_equal(selection_unfilled_reason(&slot), REASON_ENDED);
    slot.rejected[REASON_CAP] = 3;
    assert_int_equal(selection_unfilled_reason(&slot), REASON_CAP);
}

static void test_tiers_are_strict(void **state)
{
    static const char *const tiers[] = {"house", "remnant", "standard", "sponsorship"};
    static const char *const winners[] = {"house", "remnant", "standard", "sponsorship"};
    (void)state;
    for (unsigned count = 1; count <= 4; count++) {
        struct stage stage = {0};
        stage_slot(&stage, "header", FIELDS());
        for (unsigned i = 0; i < count; i++)
            stage_campaign(&stage, tiers[i],
                           FIELDS("slots", "*", "tier", tiers[i], "weight",
                                  i == 0 ? "1000000" : "1", "cpm", i == 0 ? "1000" : "0"));
        stage_open(&stage, "header");
        for (unsigned turn = 0; turn < 1000; turn++) {
            stage_run(&stage);
            stage_settle(&stage, NULL);
            assert_string_equal(stage_chosen(&stage, 0), winners[count - 1]);
        }
        stage_close(&stage);
    }
}

static void test_a_lower_tier_comes_when_the_higher_is_refused(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "a", FIELDS("slots", "*", "tier", "sponsorship", "caps", "1/1d"));
    stage_campaign(&stage, "b", FIELDS("slots", "*", "caps", "1/1d"));
    stage_campaign(&stage, "c", FIELDS("slots", "*", "tier", "remnant"));
    stage_campaign(&stage, "d", FIELDS("slots", "*", "tier", "house"));
    stage_open(&stage, "header");
    stage_run(&stage);
    assert_list(&stage, 0, "a/a! b/b! c/c");
    assert_true(stage.selection.needs_caps);
    assert_string_equal(stage.said, "d=outweighed");
    stage_settle(&stage, (uint32_t[]){1});
    assert_string_equal(stage_chosen(&stage, 0), "b");
    assert_string_equal(stage.said, "a=cap c=outweighed");
    assert_int_equal(stage.selection.slots[0].rejected[REASON_CAP], 1);
    assert_int_equal(stage.selection.slots[0].rejected[REASON_OUTWEIGHED], 2);

    stage_run(&stage);
    stage_settle(&stage, (uint32_t[]){3});
    assert_string_equal(stage_chosen(&stage, 0), "c");
    assert_string_equal(stage.said, "a=cap b=cap");
    assert_int_equal(stage.selection.slots[0].rejected[REASON_OUTWEIGHED], 1);
    stage_close(&stage);
}

static void test_remnant_by_cpm(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "a",
                   FIELDS("slots", "*", "tier", "remnant", "cpm", "0.1", "weight", "1000000"));
    stage_campaign(&stage, "b",
                   FIELDS("slots", "*", "tier", "remnant", "cpm", "1.37", "caps", "1/1d"));
    stage_campaign(&stage, "c",
                   FIELDS("slots", "*", "tier", "remnant", "cpm", "1.370001", "caps", "1/1d"));
    stage_campaign(&stage, "d", FIELDS("slots", "*", "tier", "remnant"));
    stage_open(&stage, "header");
    for (unsigned turn = 0; turn < 100; turn++) {
        stage_run(&stage);
        assert_list(&stage, 0, "c/c! b/b! a/a");
    }
    stage_close(&stage);
}

static void test_a_capped_campaign_needs_a_viewer(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "a", FIELDS("slots", "*", "caps", "1/1d"));
    stage_bare_campaign(&stage, "b", FIELDS("slots", "*", "tier", "remnant"));
    stage_image(&stage, "b1", "b", "1x1", FIELDS("caps", "1/1d"));
    stage_image(&stage, "b2", "b", "1x1", FIELDS());
    stage_open(&stage, "header");

    stage.request.has_viewer = false;
    stage_run(&stage);
    assert_list(&stage, 0, "b/b2");
    assert_string_equal(stage.said, "a=no_viewer");
    assert_false(stage.selection.needs_caps);

    stage.request.serve_anonymous = true;
    stage_run(&stage);
    assert_list(&stage, 0, "a/a");
    assert_false(stage.selection.needs_caps);

    stage.request.caps_away = true;
    stage_run(&stage);
    assert_list(&stage, 0, "a/a");

    stage.request.has_viewer = true;
    stage_run(&stage);
    assert_list(&stage, 0, "b/b2");
    assert_string_equal(stage.said, "a=redis_away");

    stage.request.caps_away_reason = CAPS_AWAY_DEADLINE;
    stage_run(&stage);
    assert_list(&stage, 0, "b/b2");
    assert_string_equal(stage.said, "a=deadline");

    stage.request.caps_away = false;
    stage_run(&stage);
    assert_true(slice_starts(slice_cstr(stage_list(&stage, 0)), SLICE("a/a! b/b")));
    stage_close(&stage);
}

/* Among creatives, too, the reason that got furthest is told. */
static void test_the_furthest_reason_of_creatives(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_bare_campaign(&stage, "a", FIELDS("slots", "*"));
    stage_image(&stage, "a1", "a", "500x1", FIELDS());
    stage_image(&stage, "a2", "a", "100x1", FIELDS("caps", "1/1d"));
    stage_open(&stage, "header");
    stage.request.slots[0].width = 200;
    stage.request.has_viewer = false;
    stage_run(&stage);
    assert_string_equal(stage.said, "a=no_viewer");
    stage.request.slots[0].width = 50;
    stage_run(&stage);
    assert_string_equal(stage.said, "a=size");
    stage_close(&stage);
}

/* A campaign's cap refuses all its creatives alike; a creative's own cap only that one. */
static void test_creatives_with_caps_of_their_own(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_bare_campaign(&stage, "a", FIELDS("slots", "*", "caps", "9/1d", "tier", "sponsorship"));
    stage_image(&stage, "a1", "a", "1x1", FIELDS("weight", "1000000"));
    stage_image(&stage, "a2", "a", "1x1", FIELDS());
    stage_bare_campaign(&stage, "b", FIELDS("slots", "*"));
    stage_image(&stage, "b1", "b", "1x1", FIELDS("caps", "1/1d", "weight", "1000000"));
    stage_image(&stage, "b2", "b", "1x1", FIELDS("caps", "2/1d", "weight", "1000"));
    stage_image(&stage, "b3", "b", "1x1", FIELDS());
    stage_campaign(&stage, "c", FIELDS("slots", "*", "tier", "house"));
    stage_open(&stage, "header");
    stage_run(&stage);
    assert_list(&stage, 0, "a/a1! b/b1! b/b2! b/b3");
    assert_string_equal(stage.said, "c=outweighed");
    stage_settle(&stage, (uint32_t[]){1 | 2});
    assert_string_equal(stage_chosen(&stage, 0), "b2");
    assert_string_equal(stage.said, "a=cap");
    stage_close(&stage);
}

static void test_no_campaign_twice_on_a_page(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "s1", FIELDS());
    stage_slot(&stage, "s2", FIELDS());
    stage_slot(&stage, "s3", FIELDS());
    stage_bare_campaign(&stage, "a", FIELDS("slots", "*"));
    stage_image(&stage, "a1", "a", "1x1", FIELDS("weight", "1000000"));
    stage_image(&stage, "a2", "a", "1x1", FIELDS());
    stage_open(&stage, "s1 s2 s3");
    stage_run(&stage);
    assert_list(&stage, 0, "a/a1");
    assert_list(&stage, 1, "a/a1");
    assert_list(&stage, 2, "a/a1");
    stage_settle(&stage, NULL);
    assert_string_equal(stage_chosen(&stage, 0), "a1");
    assert_string_equal(stage_chosen(&stage, 1), "-");
    assert_string_equal(stage_chosen(&stage, 2), "-");
    assert_string_equal(stage.said, "a=on_page a=on_page");
    assert_int_equal(selection_unfilled_reason(&stage.selection.slots[2]), REASON_ON_PAGE);
    stage_close(&stage);
}

/* The same slot may be asked for twice. */
static void test_a_refused_creative_is_free_for_later_slots(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "s1", FIELDS());
    stage_campaign(&stage, "a", FIELDS("slots", "*", "caps", "1/1d", "tier", "sponsorship"));
    stage_campaign(&stage, "b", FIELDS("slots", "*"));
    stage_open(&stage, "s1 s1");
    stage_run(&stage);
    assert_list(&stage, 0, "a/a! b/b");
    assert_list(&stage, 1, "a/a! b/b");
    stage_settle(&stage, (uint32_t[]){1, 1});
    assert_string_equal(stage_chosen(&stage, 0), "b");
    assert_string_equal(stage_chosen(&stage, 1), "-");
    assert_string_equal(stage.said, "a=cap a=cap b=on_page");

    stage_run(&stage);
    stage_settle(&stage, (uint32_t[]){0, 1});
    assert_string_equal(stage_chosen(&stage, 0), "a");
    assert_string_equal(stage_chosen(&stage, 1), "b");
    assert_string_equal(stage.said, "b=outweighed a=cap");
    stage_close(&stage);
}

/* Twenty-five and more stand before the one that nothing can refuse: it takes the last place. */
static void test_a_full_list_ends_with_what_is_certain(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    for (unsigned i = 0; i < 40; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "c%u", i);
        stage_campaign(&stage, id, FIELDS("slots", "*", "caps", "1/1d"));
    }
    stage_campaign(&stage, "z-house", FIELDS("slots", "*", "tier", "house"));
    stage_open(&stage, "header");
    stage.request.judge_all = true;
    stage_run(&stage);
    const struct slot_selection *slot = &stage.selection.slots[0];
    assert_int_equal(slot->count, CANDIDATES_MAX);
    assert_int_equal(slot->eligible, 41);
    assert_slice(slot->candidates[CANDIDATES_MAX - 1].campaign->id, "z-house");
    assert_true(slot->candidates[CANDIDATES_MAX - 2].capped);
    stage_settle(&stage, (uint32_t[]){0x7fffff});
    assert_string_equal(stage_chosen(&stage, 0), "z-house");
    assert_int_equal(slot->rejected[REASON_CAP], 23);
    assert_int_equal(slot->rejected[REASON_OUTWEIGHED], 17);
    stage_close(&stage);
}

static void test_a_full_list_in_the_midst_of_a_campaign(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_bare_campaign(&stage, "a", FIELDS("slots", "*"));
    for (unsigned i = 0; i < 40; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "c%u", i);
        stage_image(&stage, id, "a", "1x1", FIELDS("caps", "1/1d", "weight", "1000000"));
    }
    stage_image(&stage, "z", "a", "1x1", FIELDS());
    stage_campaign(&stage, "house", FIELDS("slots", "*", "tier", "house"));
    stage_open(&stage, "header");
    stage_run(&stage);
    const struct slot_selection *slot = &stage.selection.slots[0];
    assert_int_equal(slot->count, CANDIDATES_MAX);
    assert_slice(slot->candidates[CANDIDATES_MAX - 1].creative->id, "z");
    assert_string_equal(stage.said, "house=outweighed");
    stage_settle(&stage, NULL);
    assert_string_equal(stage.said, "");
    stage_close(&stage);
}

/* What is bound serves only with a unit in hand or to be had; the row says why not. */
static void test_bound_campaigns(void **state)
{
    static const struct {
        struct delivery row;
        const char *list, *said;
    } cases[] = {
        {{1, false, REASON_PACED}, "a/a", ""},
        {{0, true, REASON_PACED}, "a/a", ""},
        {{0, false, REASON_PACED}, "", "a=paced"},
        {{0, false, REASON_BUDGET_SPENT}, "", "a=budget_spent"},
    };
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "a", FIELDS("slots", "*"));
    stage.shelf.campaigns[0]->delivery = 1;
    stage_open(&stage, "header");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct delivery rows[] = {{0}, cases[i].row};
        stage.request.deliveries = (struct deliveries){rows, 2};
        stage_run(&stage);
        assert_list(&stage, 0, cases[i].list);
        assert_string_equal(stage.said, cases[i].said);
    }
    stage.request.deliveries = (struct deliveries){NULL, 0};
    stage_run(&stage);
    assert_string_equal(stage.said, "a=redis_away");
    stage_close(&stage);
}

/* Counted alone or told one by one: the sums are equal. */
static void test_sums_without_a_listener(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "a", FIELDS("slots", "*", "caps", "1/1d", "tier", "sponsorship"));
    stage_campaign(&stage, "b", FIELDS("slots", "*"));
    stage_campaign(&stage, "c", FIELDS("slots", "*"));
    stage_campaign(&stage, "d", FIELDS("slots", "*", "status", "paused"));
    stage_campaign(&stage, "e", FIELDS("slots", "*", "end", "1970-01-01T00:00:00Z"));
    stage_open(&stage, "header");
    for (unsigned turn = 0; turn < 2; turn++) {
        stage.deaf = turn == 1;
        stage_run(&stage);
        stage_settle(&stage, (uint32_t[]){1});
        const uint32_t *rejected = stage.selection.slots[0].rejected;
        assert_int_equal(rejected[REASON_CAP], 1);
        assert_int_equal(rejected[REASON_OUTWEIGHED], 1);
        assert_int_equal(rejected[REASON_INACTIVE], 1);
        assert_int_equal(rejected[REASON_ENDED], 1);
    }
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_campaign_serves),
        cmocka_unit_test(test_slots_without_candidates),
        cmocka_unit_test(test_dates_to_the_microsecond),
        cmocka_unit_test(test_open_dates),
        cmocka_unit_test(test_the_width_available),
        cmocka_unit_test(test_text_fits_every_width),
        cmocka_unit_test(test_the_slot_itself),
        cmocka_unit_test(test_the_slots_domains),
        cmocka_unit_test(test_campaigns_that_rest_are_told),
        cmocka_unit_test(test_the_unfilled_reason),
        cmocka_unit_test(test_tiers_are_strict),
        cmocka_unit_test(test_a_lower_tier_comes_when_the_higher_is_refused),
        cmocka_unit_test(test_remnant_by_cpm),
        cmocka_unit_test(test_a_capped_campaign_needs_a_viewer),
        cmocka_unit_test(test_the_furthest_reason_of_creatives),
        cmocka_unit_test(test_creatives_with_caps_of_their_own),
        cmocka_unit_test(test_no_campaign_twice_on_a_page),
        cmocka_unit_test(test_a_refused_creative_is_free_for_later_slots),
        cmocka_unit_test(test_a_full_list_ends_with_what_is_certain),
        cmocka_unit_test(test_a_full_list_in_the_midst_of_a_campaign),
        cmocka_unit_test(test_bound_campaigns),
        cmocka_unit_test(test_sums_without_a_listener),
    };
    return cmocka_run_group_tests_name("decision/selection", tests, NULL, NULL);
}
