#include "decision/catalog.h"

#include <stdio.h>

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
    catalog_release(catalog);
    catalog_release(NULL);
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
    catalog_release(catalog);
}

/* A second snapshot shares an entry; each holds one reference. */
static void test_entries_live_as_long_as_a_snapshot(void **state)
{
    (void)state;
    struct slot *slot = make_slot("header", FIELDS());
    struct campaign *campaign = make_campaign("spring", FIELDS("slots", "header"));
    struct creative *old = make_image("a", "spring", "1x1", FIELDS());
    struct creative *new = make_image("a", "spring", "2x2", FIELDS());

    slot_retain(slot);
    campaign_retain(campaign);
    struct catalog *first = catalog_build(&slot, 1, &campaign, 1, &old, 1, 1);
    assert_ptr_equal(catalog_retain(first), first);
    struct catalog *second = catalog_build(&slot, 1, &campaign, 1, &new, 1, 2);
    assert_int_equal(slot->references, 2);
    catalog_release(first);
    assert_int_equal(catalog_find_creative(first, SLICE("a"))->size.width, 1);
    catalog_release(first);
    assert_int_equal(slot->references, 1);
    assert_int_equal(catalog_find_creative(second, SLICE("a"))->size.width, 2);
    assert_slice(catalog_find_slot(second, SLICE("header"))->slot->id, "header");
    catalog_release(second);
}

/* "tier: campaign(creative creative) ...", for the whole index of a slot. */
static const char *print_index(const struct slot_index *index)
{
    static char text[2048];
    size_t len = 0;
    for (unsigned t = 0; t < TIER_COUNT; t++) {
        for (unsigned i = index->tier_start[t]; i < index->tier_start[t + 1]; i++) {
            const struct booking *booking = &index->bookings[i];
            len += (size_t)snprintf(text + len, sizeof text - len, "%s:%.*s(", tier_words[t],
                                    SLICE_ARGS(booking->campaign->id));
            for (unsigned c = 0; c < booking->creative_count; c++)
                len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s", c ? " " : "",
                                        SLICE_ARGS(booking->creatives[c]->id));
            len += (size_t)snprintf(text + len, sizeof text - len, ") ");
        }
    }
    for (unsigned i = 0; i < index->resting_count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s:%.*s ",
                                reason_rows[index->resting[i].reason].word,
                                SLICE_ARGS(index->resting[i].campaign->id));
    text[len > 0 ? len - 1 : 0] = '\0';
    return text;
}

static void assert_index(const struct catalog *catalog, const char *slot, const char *expected)
{
    assert_string_equal(print_index(catalog_find_slot(catalog, slice_cstr(slot))), expected);
}

static void test_tiers_and_their_order(void **state)
{
    struct shelf shelf = {0};
    (void)state;
    static const char *const rows[][4] = {
        {"h", "house", "0", "*"},         {"r1", "remnant", "1", "*"},
        {"r3", "remnant", "2", "header"}, {"r2", "remnant", "2", "*"},
        {"s2", "standard", "0", "*"},     {"s1", "standard", "9", "footer,header"},
        {"sp", "sponsorship", "0", "*"},  {"x", "standard", "0", "nowhere"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        shelf_campaign(&shelf, make_campaign(rows[i][0], FIELDS("tier", rows[i][1], "cpm",
                                                                rows[i][2], "slots", rows[i][3])));
        shelf_creative(&shelf, make_image(rows[i][0], rows[i][0], "1x1", FIELDS()));
    }
    shelf_slot(&shelf, make_slot("header", FIELDS()));
    shelf_slot(&shelf, make_slot("footer", FIELDS()));
    struct catalog *catalog = shelf_build(&shelf);
    assert_index(catalog, "header",
                 "sponsorship:sp(sp) standard:s1(s1) standard:s2(s2) remnant:r2(r2) remnant:r3(r3) "
                 "remnant:r1(r1) house:h(h)");
    assert_index(catalog, "footer",
                 "sponsorship:sp(sp) standard:s1(s1) standard:s2(s2) remnant:r2(r2) remnant:r1(r1) "
                 "house:h(h)");
    catalog_release(catalog);
}

static void test_creatives_that_fit(void **state)
{
    struct shelf shelf = {0};
    (void)state;
    shelf_slot(&shelf, make_slot("all", FIELDS()));
    shelf_slot(&shelf, make_slot("wide", FIELDS("sizes", "970x250,728x90")));
    shelf_slot(&shelf, make_slot("tall", FIELDS("sizes", "300x600")));
    shelf_campaign(&shelf, make_campaign("a", FIELDS("slots", "*")));
    shelf_campaign(&shelf, make_campaign("b", FIELDS("slots", "*")));
    shelf_creative(&shelf, make_image("a1", "a", "970x250", FIELDS()));
    shelf_creative(&shelf, make_image("a2", "a", "300x600", FIELDS()));
    shelf_creative(&shelf, make_image("a3", "a", "728x90", FIELDS()));
    shelf_creative(&shelf, make_image("a0", "a", "728x90", FIELDS("status", "paused")));
    shelf_creative(&shelf, make_image("lost", "nobody", "728x90", FIELDS()));
    shelf_creative(&shelf, make_image("lost-too", "a-nobody", "728x90", FIELDS()));
    shelf_creative(&shelf, make_image("b1", "b", "250x970", FIELDS()));
    shelf_creative(&shelf,
                   make_creative("b2", FIELDS("campaign", "b", "type", "text", "title", "Tulips",
                                              "landing", "https://shop.example/")));
    struct catalog *catalog = shelf_build(&shelf);
    assert_index(catalog, "all", "standard:a(a1 a2 a3) standard:b(b1 b2)");
    assert_index(catalog, "wide", "standard:a(a1 a3) standard:b(b2)");
    assert_index(catalog, "tall", "standard:a(a2) standard:b(b2)");
    assert_int_equal(catalog->creative_count, 8);
    catalog_release(catalog);
}

static void test_campaigns_that_rest(void **state)
{
    struct shelf shelf = {0};
    (void)state;
    shelf_slot(&shelf, make_slot("wide", FIELDS("sizes", "728x90")));
    shelf_slot(&shelf, make_slot("other", FIELDS()));
    shelf_campaign(&shelf,
                   make_campaign("archived", FIELDS("slots", "wide", "status", "archived")));
    shelf_campaign(&shelf, make_campaign("empty", FIELDS("slots", "wide")));
    shelf_campaign(&shelf, make_campaign("idle", FIELDS("slots", "wide")));
    shelf_campaign(&shelf, make_campaign("large", FIELDS("slots", "wide")));
    shelf_campaign(&shelf, make_campaign("paused", FIELDS("slots", "wide", "status", "paused")));
    shelf_campaign(&shelf, make_campaign("target", FIELDS("slots", "wide", "roadblock", "all",
                                                          "status", "paused")));
    shelf_creative(&shelf, make_image("a", "archived", "728x90", FIELDS()));
    shelf_creative(&shelf, make_image("b", "idle", "728x90", FIELDS("status", "paused")));
    shelf_creative(&shelf, make_image("c", "large", "970x250", FIELDS()));
    shelf_creative(&shelf, make_image("d", "paused", "728x90", FIELDS()));
    shelf_creative(&shelf, make_image("e", "target", "728x90", FIELDS()));
    struct catalog *catalog = shelf_build(&shelf);
    assert_index(catalog, "wide",
                 "inactive:archived size:empty inactive:idle size:large inactive:paused "
                 "unsupported:target");
    assert_index(catalog, "other", "");
    catalog_release(catalog);
}

/* Whatever order the entries come in, the snapshot is the same. */
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
            shelf_campaign(&shelf, make_campaign(id, FIELDS("slots", "*", "tier", "remnant", "cpm",
                                                            id[1] == '1' ? "1" : "2")));
            shelf_creative(&shelf, make_image(id, id, "1x1", FIELDS()));
        }
        struct catalog *catalog = shelf_build(&shelf);
        const char *index = print_index(catalog_find_slot(catalog, SLICE("header")));
        if (turn == 0)
            strcpy(first, index);
        assert_string_equal(index, first);
        catalog_release(catalog);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_catalog),
        cmocka_unit_test(test_entries_are_found_by_id),
        cmocka_unit_test(test_entries_live_as_long_as_a_snapshot),
        cmocka_unit_test(test_tiers_and_their_order),
        cmocka_unit_test(test_creatives_that_fit),
        cmocka_unit_test(test_campaigns_that_rest),
        cmocka_unit_test(test_the_order_given_does_not_matter),
    };
    return cmocka_run_group_tests_name("decision/catalog", tests, NULL, NULL);
}
