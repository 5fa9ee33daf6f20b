/*
 * Whether draws are as just as they claim: chi-square tests over a million draws each. The seeds
 * are fixed, so a test that passes once passes always. The limits are those of p = 0.001.
 */
#include <stdio.h>

#include "decision/drawing.h"
#include "stage.h"
#include "unit.h"

#define DRAWS 1000000

/* By degrees of freedom. */
static const double limits[] = {0, 10.828, 13.816, 16.266, 18.467};

static double chi_square(const unsigned *seen, const double *expected, unsigned count)
{
    double sum = 0;
    for (unsigned i = 0; i < count; i++)
        sum += (seen[i] - expected[i]) * (seen[i] - expected[i]) / expected[i];
    return sum;
}

/* `shares` are how often each of `names` should be chosen, in proportion; the first letter tells.
 */
static void assert_chosen(struct stage *stage, unsigned slot, const uint32_t *refused,
                          const char *names, const double *shares)
{
    unsigned seen[8] = {0}, count = (unsigned)strlen(names);
    double expected[8], sum = 0;
    for (unsigned i = 0; i < count; i++)
        sum += shares[i];
    for (unsigned i = 0; i < count; i++)
        expected[i] = shares[i] / sum * DRAWS;
    stage->deaf = true;
    for (unsigned turn = 0; turn < DRAWS; turn++) {
        selection_run(&stage->request, &stage->random, NULL, NULL, &stage->selection);
        selection_settle(&stage->selection, refused, NULL, NULL, stage->chosen);
        const char *at = strchr(names, stage_chosen(stage, slot)[0]);
        assert_non_null(at);
        seen[at - names]++;
    }
    double chi = chi_square(seen, expected, count);
    print_message("chi-square %.2f, limit %.2f\n", chi, limits[count - 1]);
    assert_true(chi < limits[count - 1]);
}

static void add(struct stage *stage, const char *id, const char *weight, const char *tier,
                const char *caps)
{
    stage_campaign(stage, id,
                   FIELDS("slots", "*", "weight", weight, "tier", tier, "caps", caps, "cpm", "1"));
}

static void test_campaigns_1_2_7(void **state)
{
    static const char *const tiers[] = {"sponsorship", "standard", "remnant", "house"};
    (void)state;
    for (size_t t = 0; t < sizeof tiers / sizeof *tiers; t++) {
        struct stage stage = {0};
        stage_slot(&stage, "header", FIELDS());
        add(&stage, "a", "1", tiers[t], "");
        add(&stage, "b", "2", tiers[t], "");
        add(&stage, "c", "7", tiers[t], "");
        stage_open(&stage, "header");
        assert_chosen(&stage, 0, NULL, "abc", (double[]){1, 2, 7});
        stage_close(&stage);
    }
}

static void test_creatives_1_2_7(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_bare_campaign(&stage, "x", FIELDS("slots", "*"));
    stage_image(&stage, "a", "x", "1x1", FIELDS("weight", "1"));
    stage_image(&stage, "b", "x", "1x1", FIELDS("weight", "2"));
    stage_image(&stage, "c", "x", "1x1", FIELDS("weight", "7"));
    stage_image(&stage, "d", "x", "1x1", FIELDS("weight", "90", "status", "paused"));
    stage_image(&stage, "e", "x", "9x9", FIELDS("weight", "90"));
    stage_open(&stage, "header");
    stage.request.slots[0].width = 5;
    assert_chosen(&stage, 0, NULL, "abc", (double[]){1, 2, 7});
    stage_close(&stage);
}

static void test_large_weights(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    add(&stage, "a", "1000000", "standard", "");
    add(&stage, "b", "999999", "standard", "");
    add(&stage, "c", "333333", "standard", "");
    stage_open(&stage, "header");
    assert_chosen(&stage, 0, NULL, "abc", (double[]){1000000, 999999, 333333});
    stage_close(&stage);
}

/* However many creatives a campaign has, it is drawn by its own weight. */
static void test_campaigns_first_then_creatives(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_bare_campaign(&stage, "x", FIELDS("slots", "*"));
    stage_image(&stage, "a", "x", "1x1", FIELDS("weight", "100"));
    stage_image(&stage, "b", "x", "1x1", FIELDS("weight", "300"));
    stage_bare_campaign(&stage, "y", FIELDS("slots", "*", "weight", "3"));
    stage_image(&stage, "c", "y", "1x1", FIELDS());
    stage_open(&stage, "header");
    assert_chosen(&stage, 0, NULL, "abc", (double[]){1, 3, 12});
    stage_close(&stage);
}

/* Who stands behind a refused one is drawn as if that one were not there. */
static void test_the_next_in_rank(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    add(&stage, "a", "1", "standard", "1/1d");
    add(&stage, "b", "2", "standard", "1/1d");
    add(&stage, "c", "7", "standard", "1/1d");
    add(&stage, "d", "5", "standard", "1/1d");
    stage_open(&stage, "header");
    unsigned seen[2] = {0};
    for (unsigned turn = 0; turn < DRAWS; turn++) {
        uint32_t refused = 0;
        selection_run(&stage.request, &stage.random, NULL, NULL, &stage.selection);
        const struct slot_selection *slot = &stage.selection.slots[0];
        assert_int_equal(slot->count, 4);
        for (unsigned i = 0; i < slot->count; i++) {
            if (strchr("bc", slot->candidates[i].campaign->id.ptr[0]))
                refused |= UINT32_C(1) << i;
        }
        selection_settle(&stage.selection, &refused, NULL, NULL, stage.chosen);
        seen[stage_chosen(&stage, 0)[0] == 'd']++;
    }
    assert_true(chi_square(seen, (double[]){DRAWS / 6.0, DRAWS / 6.0 * 5}, 2) < limits[1]);
    stage_close(&stage);
}

/* Of more than a list holds, the last place is drawn by weight among those that are certain. */
static void test_the_last_place(void **state)
{
    struct stage stage = {0};
    uint32_t refused = 0x7fffff;
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    for (unsigned i = 0; i < 30; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "x%u", i);
        add(&stage, id, "1000000", "standard", "1/1d");
    }
    add(&stage, "a", "1", "standard", "");
    add(&stage, "b", "2", "standard", "");
    add(&stage, "c", "7", "standard", "");
    stage_open(&stage, "header");
    unsigned seen[3] = {0}, kept = 0;
    for (unsigned turn = 0; turn < DRAWS / 10; turn++) {
        selection_run(&stage.request, &stage.random, NULL, NULL, &stage.selection);
        selection_settle(&stage.selection, &refused, NULL, NULL, stage.chosen);
        if (stage.chosen[0] == CANDIDATES_MAX - 1) {
            seen[stage_chosen(&stage, 0)[0] - 'a']++;
            kept++;
        }
    }
    assert_true(kept > DRAWS / 20);
    assert_true(chi_square(seen, (double[]){kept * 0.1, kept * 0.2, kept * 0.7}, 3) < limits[2]);
    stage_close(&stage);
}

static void add_sponsor(struct stage *stage, const char *id, const char *share, const char *weight)
{
    stage_campaign(stage, id,
                   FIELDS("slots", "*", "tier", "sponsorship", "share", share, "weight", weight));
}

static void test_shares_of_less_than_all(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    add_sponsor(&stage, "a", "30", "1000000");
    add_sponsor(&stage, "b", "12.5", "1");
    add(&stage, "c", "1", "standard", "");
    stage_open(&stage, "header");
    assert_chosen(&stage, 0, NULL, "abc", (double[]){30, 12.5, 57.5});
    stage_close(&stage);
}

static void test_the_rest_goes_to_sponsors_without_a_share(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    add_sponsor(&stage, "a", "30", "1");
    add_sponsor(&stage, "b", "", "1");
    add_sponsor(&stage, "c", "", "3");
    add(&stage, "d", "1000000", "standard", "");
    stage_open(&stage, "header");
    assert_chosen(&stage, 0, NULL, "abc", (double[]){30, 17.5, 52.5});
    stage_close(&stage);
}

static void test_shares_of_more_than_all(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    add_sponsor(&stage, "a", "100", "1");
    add_sponsor(&stage, "b", "60", "1");
    add_sponsor(&stage, "c", "40", "1");
    add_sponsor(&stage, "d", "", "1000000");
    stage_open(&stage, "header");
    assert_chosen(&stage, 0, NULL, "abc", (double[]){100, 60, 40});
    stage_close(&stage);
}

/* How often of 100,000 draws each of `names` was chosen; the first letter tells. */
static void count_chosen(struct stage *stage, const char *names, unsigned *seen)
{
    for (unsigned turn = 0; turn < 100000; turn++) {
        selection_run(&stage->request, &stage->random, NULL, NULL, &stage->selection);
        selection_settle(&stage->selection, NULL, NULL, NULL, stage->chosen);
        const char *at = strchr(names, stage_chosen(stage, 0)[0]);
        assert_non_null(at);
        seen[at - names]++;
    }
}

static void assert_share(unsigned seen, unsigned expected, unsigned off)
{
    if (seen + off < expected || seen > expected + off)
        fail_msg("%u of 100,000 and not %u", seen, expected);
}

/* A share of voice is held to a few serves, whatever the dice are, also among many campaigns. */
static void test_shares_are_exact(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 8; seed++) {
        struct stage stage = {0};
        unsigned seen[4] = {0};
        stage_slot(&stage, "header", FIELDS());
        add_sponsor(&stage, "a", "33.3333", "1");
        add_sponsor(&stage, "b", "12.5", "1");
        add_sponsor(&stage, "c", "0.7", "1");
        for (unsigned i = 0; i < (seed % 2 ? 40 : 1); i++) {
            char id[8];
            (void)snprintf(id, sizeof id, "d%u", i);
            add(&stage, id, "1", "standard", "");
        }
        stage_open(&stage, "header");
        random_seed(&stage.random, seed);
        count_chosen(&stage, "abcd", seen);
        assert_share(seen[0], 33333, 30);
        assert_share(seen[1], 12500, 30);
        assert_share(seen[2], 700, 30);
        stage_close(&stage);
    }
}

/* What may not serve on every second page has its share of the others. */
static void test_shares_among_pages_that_differ(void **state)
{
    struct stage stage = {0};
    unsigned seen[3] = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "a",
                   FIELDS("slots", "*", "tier", "sponsorship", "share", "40", "devices", "mobile"));
    add_sponsor(&stage, "b", "30", "1");
    add(&stage, "c", "1", "standard", "");
    stage_open(&stage, "header");
    for (unsigned turn = 0; turn < 100000; turn++) {
        bool mobile = random_below(&stage.random, 2) == 0;
        stage.request.facts.device = mobile ? DEVICE_MOBILE : DEVICE_DESKTOP;
        selection_run(&stage.request, &stage.random, NULL, NULL, &stage.selection);
        selection_settle(&stage.selection, NULL, NULL, NULL, stage.chosen);
        seen[stage_chosen(&stage, 0)[0] - 'a']++;
    }
    assert_share(seen[0], 20000, 500);
    assert_share(seen[1], 30000, 500);
    stage_close(&stage);
}

/* What a viewer's caps keep a sponsor from taking is not given to another one's share. */
static void test_a_refused_share_goes_down(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "header", FIELDS());
    stage_campaign(&stage, "a",
                   FIELDS("slots", "*", "tier", "sponsorship", "share", "50", "caps", "1/1d"));
    add_sponsor(&stage, "b", "50", "1");
    add(&stage, "c", "1", "standard", "");
    stage_open(&stage, "header");
    unsigned seen[2] = {0};
    for (unsigned turn = 0; turn < DRAWS; turn++) {
        selection_run(&stage.request, &stage.random, NULL, NULL, &stage.selection);
        uint32_t refused = stage.selection.slots[0].candidates[0].capped;
        selection_settle(&stage.selection, &refused, NULL, NULL, stage.chosen);
        seen[stage_chosen(&stage, 0)[0] == 'c']++;
    }
    assert_true(chi_square(seen, (double[]){DRAWS / 2.0, DRAWS / 2.0}, 2) < limits[1]);
    stage_close(&stage);
}

/* Serves of a page for 100,000 viewers, of whom `often` in a hundred have a's cap full. */
static void count_refused(struct stage *stage, unsigned often, unsigned turns, unsigned *seen)
{
    for (unsigned turn = 0; turn < turns; turn++) {
        selection_run(&stage->request, &stage->random, NULL, NULL, &stage->selection);
        uint32_t refused = 0;
        if (random_below(&stage->random, 100) < often)
            refused = stage->selection.slots[0].candidates[0].capped;
        selection_settle(&stage->selection, &refused, NULL, NULL, stage->chosen);
        seen[stage_chosen(stage, 0)[0] - 'a']++;
    }
}

static void set_shares(struct stage *stage)
{
    stage_slot(stage, "header", FIELDS());
    stage_campaign(stage, "a",
                   FIELDS("slots", "*", "tier", "sponsorship", "share", "30", "caps", "1/1d"));
    add_sponsor(stage, "b", "20", "1");
    add(stage, "c", "1", "standard", "");
    stage_open(stage, "header");
}

/* What a cap refuses is made up for by what no share has sold. */
static void test_shares_are_exact_where_caps_refuse(void **state)
{
    static const unsigned often[] = {5, 25, 50};
    (void)state;
    for (unsigned i = 0; i < sizeof often / sizeof *often; i++) {
        struct stage stage = {0};
        unsigned seen[3] = {0};
        set_shares(&stage);
        count_refused(&stage, often[i], 100000, seen);
        assert_share(seen[0], 30000, 150);
        assert_share(seen[1], 20000, 30);
        stage_close(&stage);
    }
}

/* A day on which hardly anybody could see it is not made up for on the next. */
static void test_debts_are_bounded(void **state)
{
    struct stage stage = {0};
    unsigned seen[3] = {0};
    (void)state;
    set_shares(&stage);
    count_refused(&stage, 100, 10000, seen);
    assert_int_equal(seen[0], 0);
    count_refused(&stage, 0, 10000, seen);
    assert_share(seen[0], 3000 + DECK_OWED_MAX, 30);
    assert_share(seen[1], 4000, 30);
    stage_close(&stage);
}

/* Another slot of the page draws among what the first one left. */
static void test_the_second_slot(void **state)
{
    struct stage stage = {0};
    (void)state;
    stage_slot(&stage, "s1", FIELDS());
    stage_slot(&stage, "s2", FIELDS());
    add(&stage, "a", "1", "standard", "");
    add(&stage, "b", "2", "standard", "");
    add(&stage, "c", "7", "standard", "");
    stage_open(&stage, "s1 s2");
    /* P(second is a) = P(b first) * 1/8 + P(c first) * 1/3, and so on. */
    assert_chosen(
        &stage, 1, NULL, "abc",
        (double[]){0.2 / 8 + 0.7 / 3, 0.1 * 2 / 9 + 0.7 * 2 / 3, 0.1 * 7 / 9 + 0.2 * 7 / 8});
    stage_close(&stage);
}

/* The same catalog, page and seed give the same decisions. */
static void test_decisions_can_be_replayed(void **state)
{
    char first[100];
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        struct stage stage = {0};
        stage_slot(&stage, "header", FIELDS());
        add(&stage, round ? "c" : "a", "1", "standard", "");
        add(&stage, "b", "1", "standard", "");
        add(&stage, round ? "a" : "c", "1", "standard", "");
        stage_open(&stage, "header");
        for (unsigned turn = 0; turn < sizeof first; turn++) {
            stage_run(&stage);
            stage_settle(&stage, NULL);
            if (round == 0)
                first[turn] = stage_chosen(&stage, 0)[0];
            assert_int_equal(stage_chosen(&stage, 0)[0], first[turn]);
        }
        stage_close(&stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_campaigns_1_2_7),
        cmocka_unit_test(test_creatives_1_2_7),
        cmocka_unit_test(test_large_weights),
        cmocka_unit_test(test_campaigns_first_then_creatives),
        cmocka_unit_test(test_the_next_in_rank),
        cmocka_unit_test(test_the_last_place),
        cmocka_unit_test(test_shares_of_less_than_all),
        cmocka_unit_test(test_the_rest_goes_to_sponsors_without_a_share),
        cmocka_unit_test(test_shares_of_more_than_all),
        cmocka_unit_test(test_shares_are_exact),
        cmocka_unit_test(test_shares_among_pages_that_differ),
        cmocka_unit_test(test_a_refused_share_goes_down),
        cmocka_unit_test(test_shares_are_exact_where_caps_refuse),
        cmocka_unit_test(test_debts_are_bounded),
        cmocka_unit_test(test_the_second_slot),
        cmocka_unit_test(test_decisions_can_be_replayed),
    };
    return cmocka_run_group_tests_name("decision/draws", tests, NULL, NULL);
}
