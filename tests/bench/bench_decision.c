/*
 * bench_decision: what a decision costs, and what loading a catalog costs.
 *
 *     make build/lib/libdecision.a build/lib/libbase.a
 *     gcc -O2 -std=gnu17 -D_GNU_SOURCE -Iadserver tests/bench/bench_decision.c \
 *         build/lib/libdecision.a build/lib/libbase.a -o build/bench_decision &&
 * build/bench_decision
 *
 * Times are processor time of this process. A decision is selection_run() and selection_settle()
 * with a listener, as serving does it.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "decision/record.h"
#include "decision/selection.h"

#define ROUNDS 5 /* the best one counts: the machine has other things to do */

static double now_us(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* ---- Catalogs ---------------------------------------------------------------------------------
 */

struct recipe {
    unsigned campaigns; /* one creative each */
    const char *caps;
    const char *timezone;
    const char *start;
    const char *countries; /* with one, the campaign rests */
};

static struct campaign *make_campaign(const char *id, const struct recipe *recipe)
{
    const struct record_field fields[] = {
        {SLICE("name"), SLICE("Spring sale")},
        {SLICE("advertiser"), SLICE("Tulips & Co.")},
        {SLICE("slots"), SLICE("header,post-top")},
        {SLICE("weight"), SLICE("7")},
        {SLICE("cpm"), SLICE("1.37")},
        {SLICE("caps"), slice_cstr(recipe->caps)},
        {SLICE("timezone"), slice_cstr(recipe->timezone)},
        {SLICE("start"), slice_cstr(recipe->start)},
        {SLICE("countries"), slice_cstr(recipe->countries)},
    };
    struct record record = {RECORD_CAMPAIGN, slice_cstr(id), fields,
                            sizeof fields / sizeof *fields};
    struct err err;
    struct campaign *campaign = record_compile_campaign(&record, &err);
    CHECK(campaign != NULL);
    return campaign;
}

static struct creative *make_creative(const char *id)
{
    const struct record_field fields[] = {
        {SLICE("campaign"), slice_cstr(id)},
        {SLICE("type"), SLICE("image")},
        {SLICE("size"), SLICE("728x90")},
        {SLICE("image"), SLICE("https://cdn.example/spring/728x90.png")},
        {SLICE("alt"), SLICE("Tulips at half price")},
        {SLICE("landing"), SLICE("https://shop.example/tulips?utm_source=blog")},
    };
    struct record record = {RECORD_CREATIVE, slice_cstr(id), fields,
                            sizeof fields / sizeof *fields};
    struct err err;
    struct creative *creative = record_compile_creative(&record, &err);
    CHECK(creative != NULL);
    return creative;
}

static struct slot *make_slot(const char *id)
{
    const struct record_field fields[] = {{SLICE("sizes"), SLICE("970x250,728x90")}};
    struct record record = {RECORD_SLOT, slice_cstr(id), fields, 1};
    struct err err;
    struct slot *slot = record_compile_slot(&record, &err);
    CHECK(slot != NULL);
    return slot;
}

struct load {
    struct catalog *catalog;
    double compile_us, build_us;
    size_t bytes;
};

static struct load load_catalog(const struct recipe *recipe)
{
    struct load load = {.bytes = mallinfo2().uordblks + mallinfo2().hblkhd};
    struct slot *slots[] = {make_slot("header"), make_slot("post-top")};
    struct campaign **campaigns = check_calloc(recipe->campaigns, sizeof *campaigns);
    struct creative **creatives = check_calloc(recipe->campaigns, sizeof *creatives);
    double from = now_us();
    for (unsigned i = 0; i < recipe->campaigns; i++) {
        char id[32];
        /* Not in order, as Redis gives them. */
        (void)snprintf(id, sizeof id, "campaign-%u", i * 7919 % recipe->campaigns);
        campaigns[i] = make_campaign(id, recipe);
        creatives[i] = make_creative(id);
    }
    load.compile_us = now_us() - from;
    from = now_us();
    load.catalog =
        catalog_build(slots, 2, campaigns, recipe->campaigns, creatives, recipe->campaigns, 1);
    load.build_us = now_us() - from;
    free(campaigns);
    free(creatives);
    load.bytes = mallinfo2().uordblks + mallinfo2().hblkhd - load.bytes;
    return load;
}

/* ---- Decisions --------------------------------------------------------------------------------
 */

static void on_reject(const struct campaign *campaign, enum reason reason, void *arg)
{
    uint64_t *counters = arg;
    counters[(campaign->series + reason) % 64]++;
}

static double decide(const struct catalog *catalog, const uint32_t *refused, unsigned times)
{
    static struct selection selection;
    static uint64_t counters[64];
    int chosen[PAGE_SLOTS_MAX];
    struct random random;
    struct page_request request = {
        .now_us = INT64_C(1782896400) * 1000000,
        .slots = {{SLICE("header"), NULL, 970}, {SLICE("post-top"), NULL, 728}},
        .slot_count = 2,
        .has_viewer = true,
    };
    random_seed(&random, 1);
    double from = now_us();
    for (unsigned i = 0; i < times; i++) {
        for (unsigned s = 0; s < request.slot_count; s++)
            request.slots[s].index = catalog_find_slot(catalog, request.slots[s].name);
        selection_run(&request, &random, on_reject, counters, &selection);
        selection_settle(&selection, refused, on_reject, counters, chosen);
    }
    return (now_us() - from) / times;
}

static void print_decisions(const char *what, const struct recipe *recipe, const uint32_t *refused)
{
    struct load load = load_catalog(recipe);
    unsigned times = 2000000 / (recipe->campaigns + 10) + 10;
    double best = decide(load.catalog, refused, times);
    for (unsigned i = 1; i < ROUNDS; i++) {
        double took = decide(load.catalog, refused, times);
        best = took < best ? took : best;
    }
    printf("%-52s %8.2f us\n", what, best);
    catalog_release(load.catalog);
}

static void print_load(const char *what, const struct recipe *recipe)
{
    struct load load = load_catalog(recipe);
    printf("%-52s %8.0f ms compiling, %.0f ms building, %zu bytes each\n", what,
           load.compile_us / 1e3, load.build_us / 1e3, load.bytes / recipe->campaigns);
    catalog_release(load.catalog);
}

int main(void)
{
    const char *caps = "1/10m,3/1d";
    puts("A decision for two slots:");
    print_decisions("  10 campaigns", &(struct recipe){10, "", "", "", ""}, NULL);
    print_decisions("  10 campaigns, all capped", &(struct recipe){10, caps, "", "", ""}, NULL);
    print_decisions("  10 campaigns, all capped, 5 refused", &(struct recipe){10, caps, "", "", ""},
                    (uint32_t[]){31, 31});
    print_decisions("  1 campaign", &(struct recipe){1, "", "", "", ""}, NULL);
    print_decisions("  100 campaigns", &(struct recipe){100, "", "", "", ""}, NULL);
    print_decisions("  100 campaigns, all capped", &(struct recipe){100, caps, "", "", ""}, NULL);
    print_decisions("  1,000 campaigns", &(struct recipe){1000, "", "", "", ""}, NULL);
    print_decisions("  1,000 campaigns that rest", &(struct recipe){1000, "", "", "", "DE"}, NULL);
    print_decisions("  100,000 campaigns", &(struct recipe){100000, "", "", "", ""}, NULL);
    puts("Loading campaigns with one creative each:");
    print_load("  1,000", &(struct recipe){1000, caps, "", "", ""});
    print_load("  100,000", &(struct recipe){100000, caps, "", "", ""});
    print_load("  100,000 with a start in UTC",
               &(struct recipe){100000, caps, "", "2026-07-01T00:00:00Z", ""});
    print_load("  100,000 with a start in a zone",
               &(struct recipe){100000, caps, "Europe/Berlin", "2026-07-01T00:00:00", ""});
    return 0;
}
