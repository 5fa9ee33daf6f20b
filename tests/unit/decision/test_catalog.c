#include "decision/catalog.h"

#include <stdio.h>

#include "decision/catalog_index.h"
#include "decision/gathering.h"
#include "entries.h"
#include "unit.h"

static void test_an_empty_catalog(void **state)
{
    (void)state;
    struct catalog *catalog = catalog_build(NULL, 0, NULL, 0, NULL, 0, 42);
    assert_int_equal(catalog->revision, 42);
    assert_null(catalog_find_slot(catalog, SLICE("header")));
    assert_null(catalog_find_campaign(catalog, SLICE("spring")));
    assert_null(catalog_find_creative(catalog, SLICE("a")));
    catalog_remove_slot(catalog, SLICE("header"));
    catalog_remove_campaign(catalog, SLICE("spring"));
    catalog_remove_creative(catalog, SLICE("a"));
    catalog_set_open(catalog, SLICE("spring"), false);
    catalog_free(catalog);
    catalog_free(NULL);
}

static void test_entries_are_found_by_id(void **state)
{
    static const char *const ids[] = {"m", "a", "z", "a.b", "a-b", "b", "0"};
    struct shelf shelf = {0};
    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        shelf_slot(&shelf, make_slot(ids[i], FIELDS()));
        shelf_campaign(&shelf, make_campaign(ids[i], FIELDS("slots", "*")));
        shelf_creative(&shelf, make_image(ids[i], "a", "1x1", FIELDS()));
    }
    struct catalog *catalog = shelf_build(&shelf);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct slice id = slice_cstr(ids[i]);
        assert_slice(catalog_find_slot(catalog, id)->slot->id, ids[i]);
        assert_slice(catalog_find_campaign(catalog, id)->id, ids[i]);
        assert_slice(catalog_find_creative(catalog, id)->id, ids[i]);
    }
    assert_null(catalog_find_slot(catalog, SLICE("c")));
    assert_null(catalog_find_campaign(catalog, SLICE("")));
    assert_null(catalog_find_creative(catalog, SLICE("zz")));
    catalog_free(catalog);
}

static void test_entries_live_as_long_as_somebody_keeps_them(void **state)
{
    struct catalog *catalog = catalog_new();
    struct slot *slot = slot_retain(make_slot("header", FIELDS()));
    struct campaign *campaign = campaign_retain(make_campaign("spring", FIELDS("slots", "header")));
    struct creative *creative = creative_retain(make_image("a", "spring", "1x1", FIELDS()));
    (void)state;
    catalog_put_slot(catalog, slot);
    catalog_put_campaign(catalog, campaign);
    catalog_put_creative(catalog, creative);
    assert_int_equal(slot->references + campaign->references + creative->references, 6);
    catalog_put_creative(catalog, make_image("a", "spring", "2x2", FIELDS()));
    assert_int_equal(creative->references, 1);
    assert_int_equal(catalog_find_creative(catalog, SLICE("a"))->size.width, 2);
    catalog_put_campaign(catalog, make_campaign("spring", FIELDS("slots", "*")));
    assert_int_equal(campaign->references, 1);
    catalog_remove_slot(catalog, SLICE("header"));
    assert_int_equal(slot->references, 1);
    assert_int_equal(catalog->slot_count, 0);
    assert_int_equal(catalog->campaign_count, 1);
    assert_int_equal(catalog->creative_count, 1);
    catalog_free(catalog);
    slot_release(slot);
    campaign_release(campaign);
    creative_release(creative);
}

/* "tier: campaign(creative creative) ...", of all that are booked on a slot. */
static const char *print_slot(const struct catalog *catalog, const char *id)
{
    static char text[2048];
    const struct slot_index *slot = catalog_find_slot(catalog, slice_cstr(id));
    const struct roster *roster = gather_roster(catalog->index, slot->rows);
    size_t len = 0;
    text[0] = '\0';
    for (unsigned t = 0; t < TIER_COUNT; t++) {
        for (unsigned i = roster->tier_start[t]; i < roster->tier_start[t + 1]; i++) {
            const struct offer *offer = roster->items[i];
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%s:%.*s(", len ? " " : "",
                                    tier_words[t], SLICE_ARGS(offer->campaign->id));
            for (unsigned c = 0; c < offer->creative_count; c++)
                len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s%s", c ? " " : "",
                                        SLICE_ARGS(offer_creative(offer, c)->id),
                                        c < offer->active_count ? "" : "-");
            len += (size_t)snprintf(text + len, sizeof text - len, ")");
        }
    }
    return text;
}

static void assert_booked(const struct catalog *catalog, const char *slot, const char *expected)
{
    assert_string_equal(print_slot(catalog, slot), expected);
}

static void test_tiers_and_slots(void **state)
{
    struct shelf shelf = {0};
    (void)state;
    static const char *const rows[][3] = {
        {"h", "house", "*"},
        {"r1", "remnant", "*"},
        {"r3", "remnant", "header"},
        {"s2", "standard", "*"},
        {"s1", "standard", "footer,header"},
        {"sp", "sponsorship", "*"},
        {"x", "standard", "nowhere"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        shelf_campaign(&shelf,
                       make_campaign(rows[i][0], FIELDS("tier", rows[i][1], "slots", rows[i][2])));
        shelf_creative(&shelf, make_image(rows[i][0], rows[i][0], "1x1", FIELDS()));
    }
    shelf_slot(&shelf, make_slot("header", FIELDS()));
    shelf_slot(&shelf, make_slot("footer", FIELDS()));
    struct catalog *catalog = shelf_build(&shelf);
    assert_booked(catalog, "footer",
                  "sponsorship:sp(sp) standard:s2(s2) standard:s1(s1) remnant:r1(r1) house:h(h)");
    assert_non_null(strstr(print_slot(catalog, "header"), "remnant:r3(r3)"));
    assert_null(strstr(print_slot(catalog, "header"), ":x("));
    catalog_free(catalog);
}

/* The two halves find each other whichever comes first, and whatever goes in between. */
static void test_halves_wait_for_each_other(void **state)
{
    struct catalog *catalog = catalog_new();
    (void)state;
    catalog_put_creative(catalog, make_image("a2", "a", "1x1", FIELDS("status", "paused")));
    catalog_put_creative(catalog, make_image("a3", "a", "1x1", FIELDS()));
    catalog_put_campaign(catalog, make_campaign("a", FIELDS("slots", "late")));
    catalog_put_creative(catalog, make_image("a1", "a", "1x1", FIELDS()));
    assert_null(catalog_find_slot(catalog, SLICE("late")));
    catalog_put_slot(catalog, make_slot("late", FIELDS()));
    assert_booked(catalog, "late", "standard:a(a1 a3 a2-)");

    catalog_remove_campaign(catalog, SLICE("a"));
    assert_booked(catalog, "late", "");
    catalog_remove_creative(catalog, SLICE("a1"));
    catalog_remove_slot(catalog, SLICE("late"));
    catalog_put_campaign(catalog, make_campaign("a", FIELDS("slots", "*", "tier", "house")));
    catalog_put_slot(catalog, make_slot("late", FIELDS()));
    assert_booked(catalog, "late", "house:a(a3 a2-)");

    catalog_put_campaign(catalog, make_campaign("b", FIELDS("slots", "late")));
    catalog_put_creative(catalog, make_image("a3", "b", "1x1", FIELDS())); /* it changes sides */
    assert_booked(catalog, "late", "standard:b(a3) house:a(a2-)");
    catalog_remove_creative(catalog, SLICE("a2"));
    catalog_remove_creative(catalog, SLICE("a3"));
    assert_booked(catalog, "late", "standard:b() house:a()");
    catalog_remove_campaign(catalog, SLICE("a"));
    catalog_remove_campaign(catalog, SLICE("b"));
    assert_booked(catalog, "late", "");
    assert_int_equal(catalog->campaign_count + catalog->creative_count, 0);
    catalog_free(catalog);
}

/* Whatever order the entries come in, loading them gives the same. */
static void test_the_order_given_does_not_matter(void **state)
{
    char first[2048];
    (void)state;
    for (unsigned turn = 0; turn < 2; turn++) {
        struct shelf shelf = {0};
        shelf_slot(&shelf, make_slot("header", FIELDS()));
        for (unsigned i = 0; i < 40; i++) {
            char id[16];
            (void)snprintf(id, sizeof id, "c%u", (turn ? 39 - i : i * 7 % 40));
            shelf_campaign(&shelf, make_campaign(id, FIELDS("slots", "*", "countries",
                                                            id[1] == '1' ? "DE" : "FR,IT")));
            shelf_creative(&shelf, make_image(id, id, "1x1", FIELDS()));
        }
        struct catalog *catalog = shelf_build(&shelf);
        const char *booked = print_slot(catalog, "header");
        if (turn == 0)
            strcpy(first, booked);
        assert_string_equal(booked, first);
        catalog_free(catalog);
    }
}

static void count_campaign(const struct campaign *campaign, void *arg)
{
    assert_true(campaign->weight > 0);
    ++*(unsigned *)arg;
}

/* More than fits any table's first size, in and out again. */
static void test_very_many(void **state)
{
    struct catalog *catalog = catalog_new();
    unsigned count = 0;
    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "c%u", i);
        catalog_put_campaign(catalog, make_campaign(id, FIELDS("slots", i % 7 ? "*" : id)));
        catalog_put_creative(catalog, make_image(id, id, "1x1", FIELDS()));
    }
    for (unsigned i = 0; i < 5000; i += 2) {
        char id[16];
        (void)snprintf(id, sizeof id, "c%u", i);
        catalog_remove_campaign(catalog, slice_cstr(id));
    }
    for (unsigned i = 0; i < 5000; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "c%u", i);
        assert_int_equal(catalog_find_campaign(catalog, slice_cstr(id)) != NULL, i % 2);
        assert_non_null(catalog_find_creative(catalog, slice_cstr(id)));
    }
    catalog_each_campaign(catalog, count_campaign, &count);
    assert_int_equal(count, 2500);
    catalog_free(catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_catalog),
        cmocka_unit_test(test_entries_are_found_by_id),
        cmocka_unit_test(test_entries_live_as_long_as_somebody_keeps_them),
        cmocka_unit_test(test_tiers_and_slots),
        cmocka_unit_test(test_halves_wait_for_each_other),
        cmocka_unit_test(test_the_order_given_does_not_matter),
        cmocka_unit_test(test_very_many),
    };
    return cmocka_run_group_tests_name("decision/catalog", tests, NULL, NULL);
}
