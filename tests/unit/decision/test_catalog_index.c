/*
 * The index against looking at everybody: random catalogs that change between pages in every way,
 * random pages at times that jump to and fro. With the same dice the lists must be the same,
 * however the candidates were found.
 */
#include "decision/catalog_index.h"

#include <stdio.h>

#include "decision/selection.h"
#include "entries.h"
#include "unit.h"

#define WORLDS          60
#define ROUNDS          100
#define PAGES_PER_ROUND 50
#define IDS_MAX         1500
#define DELIVERIES      20
#define HOUR_US         (INT64_C(3600) * 1000000)
#define NOW_US          (INT64_C(1782896400) * 1000000) /* 2026-07-01 09:00 UTC, a Wednesday */

static struct random dice;

static unsigned throw(unsigned sides)
{
    return (unsigned)random_below(&dice, sides);
}

static const char *pick(const char *const *choices)
{
    unsigned count = 0;
    while (choices[count])
        count++;
    return choices[throw(count)];
}
#define PICK(...) pick(FIELDS(__VA_ARGS__))

struct world {
    struct catalog *catalog;
    unsigned ids;   /* campaigns are c0 to c<ids - 1> */
    unsigned ruled; /* one field in so many has a rule */
    struct delivery deliveries[DELIVERIES];
    unsigned delivery_of[IDS_MAX];
    struct page_request request;
    struct random random;
};

static const char *id_of(char kind, unsigned number)
{
    static char text[16];
    (void)snprintf(text, sizeof text, "%c%u", kind, number);
    return text;
}

/* ---- Changes --------------------------------------------------------------------------------- */

static const char *rule(const struct world *world, const char *const *choices)
{
    unsigned side = throw(world->ruled);
    return side == 0 ? pick(choices) : "";
}
#define RULE(world, ...) rule((world), FIELDS(__VA_ARGS__))

static struct campaign *random_campaign(struct world *world, unsigned number)
{
    const char *tier = PICK("sponsorship", "standard", "standard", "standard", "remnant", "house");
    struct campaign *campaign = make_campaign(
        id_of('c', number),
        FIELDS("tier", tier, "share", tier[1] == 'p' ? PICK("", "20", "45.5") : "", "weight",
               PICK("1", "2", "70"), "cpm", PICK("0", "1", "2.5"), "slots",
               PICK("*", "s0", "s0,s1", "s1,s2", "s2", "gone"), "status",
               PICK("active", "active", "active", "active", "paused"), "caps", RULE(world, "1/1d"),
               "start",
               RULE(world, "2026-07-01T08:59:00Z", "2026-07-01T12:00:00Z", "2026-06-01T00:00:00Z"),
               "end",
               RULE(world, "2026-07-01T13:00:00Z", "2026-07-02T09:00:00Z", "2026-07-08T00:00:00Z"),
               "timezone", PICK("UTC", "Europe/Berlin", "Asia/Kolkata"), "hours",
               RULE(world, "09-18", "mon-fri 11-12", "!wed 00-24", "sat 22-02"), "countries",
               RULE(world, "DE", "DE,FR", "!DE", "FR,IT,!DE"), "regions", RULE(world, "DE-BY"),
               "devices", RULE(world, "mobile", "!mobile", "desktop,tablet"), "browsers",
               RULE(world, "chrome", "!chrome,!edge", "firefox,safari"), "os",
               RULE(world, "android,ios", "!linux"), "languages",
               RULE(world, "de", "pt-BR,de", "!de", "!pt-BR"), "domains",
               RULE(world, "a.example", "x.a.example", "b.example,!x.b.example", "!a.example"),
               "paths", RULE(world, "/sport/*", "!/sport/*", "*/2026/*"), "referrers",
               RULE(world, "r.example", "!r.example"), "keywords",
               RULE(world, "shoes", "shoes,hats", "!shoes", "Red Socks"), "kv.section",
               RULE(world, "1", "2,3", "!1")));
    campaign->delivery = world->delivery_of[number];
    return campaign;
}

static struct creative *random_creative(const struct world *world, unsigned number)
{
    char campaign[16];
    (void)snprintf(campaign, sizeof campaign, "c%u",
                   throw(4) ? number % world->ids : throw(world->ids));
    const char *caps = PICK("", "", "", "1/1d");
    const char *status = PICK("active", "active", "active", "paused");
    if (throw(5) == 0)
        return make_creative(id_of('k', number),
                             FIELDS("campaign", campaign, "type", "text", "title", "x", "landing",
                                    "https://a.example/", "caps", caps, "status", status));
    return make_image(id_of('k', number), campaign, PICK("100x50", "200x50", "300x50"),
                      FIELDS("weight", PICK("1", "5"), "caps", caps, "status", status));
}

static void put_slot(const struct world *world, unsigned number)
{
    catalog_put_slot(world->catalog,
                     make_slot(id_of('s', number),
                               FIELDS("sizes", PICK("", "", "100x50,200x50", "300x50"), "status",
                                      PICK("active", "active", "active", "active", "paused"))));
}

/* Closed is who has nothing and none to ask for. */
static void show_delivery(const struct world *world, unsigned number)
{
    const struct delivery *row = &world->deliveries[world->delivery_of[number]];
    if (world->delivery_of[number] != 0)
        catalog_set_open(world->catalog, slice_cstr(id_of('c', number)),
                         row->units > 0 || row->may_ask);
}

static void change_delivery(struct world *world)
{
    unsigned at = 1 + throw(DELIVERIES - 1);
    world->deliveries[at] = (struct delivery){throw(3), throw(2) == 0, REASON_GOAL_MET};
    for (unsigned i = 0; i < world->ids; i++) {
        if (world->delivery_of[i] == at)
            show_delivery(world, i);
    }
}

static void change(struct world *world)
{
    unsigned number = throw(world->ids);
    switch (throw(10)) {
    case 0:
        catalog_remove_campaign(world->catalog, slice_cstr(id_of('c', number)));
        break;
    case 1:
        catalog_remove_creative(world->catalog, slice_cstr(id_of('k', number)));
        break;
    case 2:
        if (throw(4) == 0)
            catalog_remove_slot(world->catalog, slice_cstr(id_of('s', throw(3))));
        break;
    case 3:
        put_slot(world, throw(3));
        break;
    case 4:
        change_delivery(world);
        break;
    case 5:
    case 6:
        catalog_put_creative(world->catalog, random_creative(world, number));
        break;
    default:
        catalog_put_campaign(world->catalog, random_campaign(world, number));
        if (throw(4) > 0)
            show_delivery(world, number);
    }
}

static void make_world(struct world *world)
{
    static struct campaign *campaigns[IDS_MAX];
    *world = (struct world){.catalog = catalog_new(),
                            .ids = (const unsigned[]){50, 300, IDS_MAX}[throw(3)],
                            .ruled = (const unsigned[]){2, 10, 40}[throw(3)]};
    for (unsigned i = 0; i < world->ids; i++) {
        world->delivery_of[i] = throw(4) == 0 ? throw(DELIVERIES) : 0;
        campaigns[i] = random_campaign(world, i);
        catalog_put_creative(world->catalog, random_creative(world, i));
    }
    if (throw(2))
        catalog_turn(world->catalog, NOW_US);
    catalog_put_campaigns(world->catalog, campaigns, world->ids);
    for (unsigned i = 0; i < 3; i++)
        put_slot(world, i);
    random_seed(&world->random, random_u64(&dice));
}

/* ---- Pages ----------------------------------------------------------------------------------- */

static void make_facts(struct page_facts *facts)
{
    *facts = (struct page_facts){
        .domain = slice_cstr(PICK("", "a.example", "x.a.example", "b.example", "x.b.example", "c")),
        .path = slice_cstr(PICK("", "/", "/sport/", "/sport/2026/x")),
        .referrer = slice_cstr(PICK("", "r.example", "www.r.example")),
        .country = slice_cstr(PICK("", "DE", "DE", "FR", "IT", "US")),
        .language = slice_cstr(PICK("", "de", "de-AT", "pt-br", "pt", "en")),
        .device = (enum device) throw(DEVICE_COUNT),
        .browser = (enum browser) throw(BROWSER_COUNT),
        .system = (enum system) throw(SYSTEM_COUNT),
    };
    for (unsigned i = throw(3); i > 0; i--)
        facts->keywords[facts->keyword_count++] =
            slice_cstr(PICK("shoes", "SHOES", "hats", "red socks", "other"));
    for (unsigned i = throw(3); i > 0; i--)
        facts->key_values[facts->key_value_count++] =
            (struct fact_pair){SLICE("section"), slice_cstr(PICK("1", "2", "4"))};
}

/* Around the bounds there are, some hours or days off, and often as before. */
static int64_t jump(int64_t now_us)
{
    switch (throw(8)) {
    case 0:
        return NOW_US + (int64_t) throw(200) * HOUR_US - (int64_t) throw(3);
    case 1:
        return now_us - HOUR_US / 3;
    case 2:
    case 3:
        return now_us + HOUR_US / 2;
    case 4:
        return now_us + (int64_t) throw(1000);
    default:
        return now_us;
    }
}

static void make_page(struct world *world)
{
    struct page_request *request = &world->request;
    request->now_us = jump(request->now_us ? request->now_us : NOW_US);
    make_facts(&request->facts);
    request->has_viewer = throw(4) > 0;
    request->serve_anonymous = throw(2) > 0;
    request->caps_away = throw(5) == 0;
    request->deliveries = (struct deliveries){throw(8) ? world->deliveries : NULL, DELIVERIES};
    request->slot_count = 1 + throw(4);
    for (unsigned i = 0; i < request->slot_count; i++) {
        struct slice name = slice_cstr((const char *const[]){"s0", "s1", "s2"}[throw(3)]);
        request->slots[i] = (struct page_slot){name, catalog_find_slot(world->catalog, name),
                                               (const uint32_t[]){0, 0, 250, 150, 50}[throw(5)]};
    }
}

/* ---- Both ways ------------------------------------------------------------------------------- */

static void save_decks(const struct world *world, struct share_deck *decks)
{
    for (unsigned i = 0; i < world->request.slot_count; i++) {
        if (world->request.slots[i].index)
            decks[i] = world->request.slots[i].index->rows->deck;
    }
}

static void restore_decks(const struct world *world, const struct share_deck *decks)
{
    for (unsigned i = 0; i < world->request.slot_count; i++) {
        if (world->request.slots[i].index)
            world->request.slots[i].index->rows->deck = decks[i];
    }
}

static void on_reject(const struct campaign *campaign, enum reason reason, unsigned times,
                      void *arg)
{
    (void)arg;
    assert_true(campaign->references > 0 && reason < REASON_COUNT && times > 0);
}

static void assert_same(const struct selection *left, const struct selection *right)
{
    assert_int_equal(left->needs_caps, right->needs_caps);
    for (unsigned s = 0; s < left->slot_count; s++) {
        const struct slot_selection *a = &left->slots[s], *b = &right->slots[s];
        assert_int_equal(a->count, b->count);
        for (unsigned i = 0; i < a->count; i++) {
            assert_ptr_equal(a->candidates[i].campaign, b->candidates[i].campaign);
            assert_ptr_equal(a->candidates[i].creative, b->candidates[i].creative);
            assert_int_equal(a->candidates[i].capped, b->candidates[i].capped);
            assert_int_equal(a->candidates[i].bound, b->candidates[i].bound);
        }
    }
}

/* Returns how many candidates there were. */
static unsigned check_page(struct world *world)
{
    static struct selection all, found;
    struct share_deck decks[PAGE_SLOTS_MAX];
    struct random random = world->random;
    int chosen[PAGE_SLOTS_MAX];
    unsigned count = 0;
    save_decks(world, decks);
    world->request.judge_all = true;
    selection_run(&world->request, &world->random, NULL, NULL, &all);
    restore_decks(world, decks);
    world->request.judge_all = false;
    selection_run(&world->request, &random, on_reject, NULL, &found);
    assert_same(&all, &found);
    selection_keep(&found);
    if (throw(10) == 0)
        change(world);
    for (unsigned i = 0; i < world->request.slot_count; i++) {
        struct page_slot *slot = &world->request.slots[i];
        slot->index = catalog_find_slot(world->catalog, slot->name);
        count += found.slots[i].count;
    }
    selection_settle(&found, NULL, on_reject, NULL, chosen);
    selection_let_go(&found);
    return count;
}

static void test_the_index_changes_no_decision(void **state)
{
    unsigned long candidates = 0;
    (void)state;
    random_seed(&dice, 3);
    for (unsigned w = 0; w < WORLDS; w++) {
        struct world world;
        make_world(&world);
        for (unsigned r = 0; r < ROUNDS; r++) {
            for (unsigned i = throw(20); i > 0; i--)
                change(&world);
            for (unsigned i = 0; i < PAGES_PER_ROUND; i++) {
                make_page(&world);
                candidates += check_page(&world);
            }
        }
        catalog_free(world.catalog);
    }
    print_message("%lu candidates\n", candidates);
    assert_true(candidates > WORLDS * ROUNDS * PAGES_PER_ROUND);
}

/* ---- Counting -------------------------------------------------------------------------------- */

#define COUNTED       60
#define COUNTED_PAGES (COUNTED * 2 * 4 * 500)

struct tally {
    unsigned long of[COUNTED][REASON_COUNT];
};

static void on_counted(const struct campaign *campaign, enum reason reason, unsigned times,
                       void *arg)
{
    struct tally *tally = arg;
    tally->of[campaign->series][reason] += times;
}

static void tally_page(struct page_request *request, struct random *random, struct tally *tally)
{
    static struct selection selection;
    int chosen[PAGE_SLOTS_MAX];
    selection_run(request, random, on_counted, tally, &selection);
    selection_settle(&selection, NULL, on_counted, tally, chosen);
}

static struct catalog *counted_catalog(void)
{
    const char *const *const fields[] = {
        FIELDS("slots", "*"), FIELDS("slots", "s0"), FIELDS("slots", "*", "countries", "FR"),
        FIELDS("slots", "*", "status", "paused"), FIELDS("slots", "*", "tier", "house")};
    struct catalog *catalog = catalog_new();
    for (unsigned i = 0; i < COUNTED; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "c%u", i);
        struct campaign *campaign = make_campaign(id, fields[i % 5]);
        campaign->series = i;
        catalog_put_campaign(catalog, campaign);
        catalog_put_creative(catalog, make_image(id, id, "1x1", FIELDS()));
    }
    catalog_put_slot(catalog, make_slot("s0", FIELDS()));
    catalog_put_slot(catalog, make_slot("s1", FIELDS()));
    return catalog;
}

/* Whose turn it is stands for the others: in the long run the counts are those of looking at all.
 */
static void test_counts_are_fair(void **state)
{
    static struct tally all, some;
    struct catalog *catalog = counted_catalog();
    struct page_request request = {.slot_count = 2, .facts = {.country = SLICE("DE")}};
    struct random random;
    (void)state;
    random_seed(&random, 4);
    for (unsigned i = 0; i < 2; i++)
        request.slots[i] =
            (struct page_slot){.index = catalog_find_slot(catalog, i ? SLICE("s1") : SLICE("s0"))};
    for (unsigned i = 0; i < COUNTED_PAGES; i++) {
        request.judge_all = i % 2;
        tally_page(&request, &random, i % 2 ? &all : &some);
    }
    for (unsigned c = 0; c < COUNTED; c++) {
        for (unsigned r = 0; r < REASON_COUNT; r++) {
            double is = (double)some.of[c][r], should = (double)all.of[c][r];
            if (is < should * 0.95 - 500 || is > should * 1.05 + 500)
                fail_msg("c%u %s: %.0f and not %.0f", c, reason_rows[r].word, is, should);
        }
    }
    catalog_free(catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_index_changes_no_decision),
        cmocka_unit_test(test_counts_are_fair),
    };
    return cmocka_run_group_tests_name("decision/catalog_index", tests, NULL, NULL);
}
