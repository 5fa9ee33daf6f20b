/*
 * bench_decision: what a decision costs by the number of campaigns, and what loading and changing
 * them costs.
 *
 *     make bench-decision
 *
 * Times are processor time of this process. A decision is selection_run() and selection_settle()
 * for two slots with a listener that counts refusals, as serving does it.
 */
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "decision/catalog_index.h"
#include "decision/record.h"
#include "decision/selection.h"

#define DECISIONS 20000 /* in a round */
#define ROUNDS    7     /* the best one counts: the machine has other things to do */
#define ELIGIBLE  100
#define NOW_US    (INT64_C(1782896400) * 1000000) /* 2026-07-01 09:00 UTC, a Wednesday */
#define REASONS   64                              /* counters of a campaign */

static double now_us(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* ---- Campaigns ------------------------------------------------------------------------------- */

#define FIELDS_MAX 16

struct fields {
    struct record_field field[FIELDS_MAX];
    unsigned count;
    char text[FIELDS_MAX][64];
};

static void add_field(struct fields *fields, const char *name, const char *value)
{
    CHECK(fields->count < FIELDS_MAX);
    fields->field[fields->count++] = (struct record_field){slice_cstr(name), slice_cstr(value)};
}

/* One whose value is made of a format and a number. */
__attribute__((format(printf, 3, 4))) static void
add_numbered(struct fields *fields, const char *name, const char *format, ...)
{
    va_list args;
    char *text = fields->text[fields->count];
    va_start(args, format);
    (void)vsnprintf(text, sizeof fields->text[0], format, args);
    va_end(args);
    add_field(fields, name, text);
}

static const char *const countries[] = {"DE", "FR", "ES", "IT", "PL", NULL};
static const char *const devices[] = {"desktop", "mobile", "tablet", NULL};
static const char *const browsers[] = {"chrome", "edge",    "firefox", "opera",
                                       "safari", "samsung", "other",   NULL};
static const char *const languages[] = {"de", "fr", "es", "it", "pl", "nl", "sv",
                                        "da", "fi", "cs", "sk", "hu", "ro", "bg",
                                        "el", "tr", "ru", "uk", "pt", "en", NULL};

/* Who the eligible ones are among others: `make` says what keeps campaign `number` out. */
struct scene {
    const char *name;
    void (*exclude)(struct fields *fields, unsigned number, struct random *dice);
    void (*include)(struct fields *fields); /* what the eligible ones have; NULL: nothing */
    bool closes;                            /* those kept out are closed: their goals are met */
};

static const char *pick(const char *const *words, struct random *dice)
{
    unsigned count = 0;
    while (words[count])
        count++;
    return words[random_below(dice, count)];
}

static void ended(struct fields *fields, unsigned number, struct random *dice)
{
    (void)dice;
    add_numbered(fields, "end", "2026-0%u-01T00:00:00Z", 1 + number % 6);
}

static void not_started(struct fields *fields, unsigned number, struct random *dice)
{
    (void)dice;
    add_numbered(fields, "start", "2026-0%u-02T00:00:00Z", 7 + number % 3);
}

static void off_hours(struct fields *fields, unsigned number, struct random *dice)
{
    (void)dice;
    add_numbered(fields, "hours", "mon-fri %u-23", 12 + number % 9);
    add_field(fields, "timezone", "Europe/Berlin");
}

static void nothing(struct fields *fields, unsigned number, struct random *dice)
{
    (void)fields;
    (void)number;
    (void)dice;
}

static void other_country(struct fields *fields, unsigned number, struct random *dice)
{
    (void)number;
    add_field(fields, "countries", pick(countries + 1, dice));
}

/* Anything but the page's own combination. */
static void combination(struct fields *fields, unsigned number, struct random *dice)
{
    const char *country, *device, *browser, *language;
    (void)number;
    do {
        country = pick(countries, dice);
        device = pick(devices, dice);
        browser = pick(browsers, dice);
        language = pick(languages, dice);
    } while (country == countries[0] && device == devices[0] && browser == browsers[0] &&
             language == languages[0]);
    add_field(fields, "countries", country);
    add_field(fields, "devices", device);
    add_field(fields, "browsers", browser);
    add_field(fields, "languages", language);
}

static void own_combination(struct fields *fields)
{
    add_field(fields, "countries", countries[0]);
    add_field(fields, "devices", devices[0]);
    add_field(fields, "browsers", browsers[0]);
    add_field(fields, "languages", languages[0]);
}

/* Half of the values of each dimension, but not the page's in all of them. */
static void mixture(struct fields *fields, unsigned number, struct random *dice)
{
    static char text[4][128];
    static const char *const *const words[] = {countries, devices, browsers, languages};
    static const char *const names[] = {"countries", "devices", "browsers", "languages"};
    unsigned without = (unsigned)random_below(dice, 4);
    (void)number;
    for (unsigned d = 0; d < 4; d++) {
        text[d][0] = '\0';
        for (unsigned i = d == without ? 1 : 0; words[d][i]; i++) {
            if (random_below(dice, 2) == 0 && (words[d][i + 1] || text[d][0]))
                continue;
            if (text[d][0])
                (void)strcat(text[d], ",");
            (void)strcat(text[d], words[d][i]);
        }
        add_field(fields, names[d], text[d]);
    }
}

static void own_domain(struct fields *fields, unsigned number, struct random *dice)
{
    (void)dice;
    add_numbered(fields, "domains", "site-%u.example", number);
}

static void own_keyword(struct fields *fields, unsigned number, struct random *dice)
{
    (void)dice;
    add_numbered(fields, "keywords", "subject %u", number);
}

static void own_value(struct fields *fields, unsigned number, struct random *dice)
{
    (void)dice;
    add_numbered(fields, "kv.section", "s%u", number);
}

static void other_slot(struct fields *fields, unsigned number, struct random *dice)
{
    (void)dice;
    fields->count--; /* the slots stand last */
    add_numbered(fields, "slots", "slot-%u", number % 1000);
}

static const struct scene scenes[] = {
    {"have ended", ended, NULL, false},
    {"have not started", not_started, NULL, false},
    {"are outside their hours", off_hours, NULL, false},
    {"have met their goals", nothing, NULL, true},
    {"want another country", other_country, NULL, false},
    {"want 1 of 2,100 combinations", combination, own_combination, false},
    {"want half of all, in 4 dimensions", mixture, own_combination, false},
    {"want a domain each", own_domain, NULL, false},
    {"want a keyword each", own_keyword, NULL, false},
    {"want a key-value each", own_value, NULL, false},
    {"are booked on 1,000 other slots", other_slot, NULL, false},
};
#define SCENES (sizeof scenes / sizeof *scenes)

static struct campaign *compile_campaign(const char *id, const struct fields *fields)
{
    struct record record = {RECORD_CAMPAIGN, slice_cstr(id), fields->field, fields->count};
    struct err err;
    struct campaign *campaign = record_compile_campaign(&record, &err);
    if (!campaign)
        fprintf(stderr, "%s: %s\n", err.where, err.text);
    CHECK(campaign != NULL);
    return campaign;
}

static void common_fields(struct fields *fields, const char *caps)
{
    fields->count = 0;
    add_field(fields, "name", "Spring sale");
    add_field(fields, "advertiser", "Tulips & Co.");
    add_field(fields, "weight", "7");
    add_field(fields, "cpm", "1.37");
    add_field(fields, "caps", caps);
    add_field(fields, "slots", "header,post-top");
}

static struct campaign *make_campaign(const struct scene *scene, unsigned number, bool eligible,
                                      const char *caps, struct random *dice)
{
    struct fields fields;
    char id[32];
    (void)snprintf(id, sizeof id, "campaign-%u", number);
    common_fields(&fields, caps);
    if (!eligible)
        scene->exclude(&fields, number, dice);
    else if (scene && scene->include)
        scene->include(&fields);
    struct campaign *campaign = compile_campaign(id, &fields);
    campaign->series = number;
    return campaign;
}

static struct creative *make_creative(unsigned number)
{
    char id[32];
    (void)snprintf(id, sizeof id, "campaign-%u", number);
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

/* ---- Catalogs -------------------------------------------------------------------------------- */

struct load {
    struct catalog *catalog;
    unsigned count;
    double compile_us, build_us;
    size_t bytes;
};

/* The eligible ones come in between the others, and none in order, as Redis gives them. */
static bool is_eligible(unsigned number, unsigned count, unsigned eligible)
{
    return number % (count / eligible) == 0;
}

/* As store/catalog_store.c does it. */
static struct catalog *fill_catalog(struct campaign **campaigns, struct creative **creatives,
                                    unsigned count)
{
    struct catalog *catalog = catalog_new();
    catalog_turn(catalog, NOW_US);
    catalog_put_slot(catalog, make_slot("header"));
    catalog_put_slot(catalog, make_slot("post-top"));
    for (unsigned i = 0; i < count; i++)
        catalog_put_creative(catalog, creatives[i]);
    catalog_put_campaigns(catalog, campaigns, count);
    catalog_turn(catalog, NOW_US);
    return catalog;
}

static struct load load_catalog(const struct scene *scene, unsigned count, unsigned eligible,
                                const char *caps)
{
    struct load load = {.count = count, .bytes = mallinfo2().uordblks + mallinfo2().hblkhd};
    struct campaign **campaigns = check_calloc(count, sizeof *campaigns);
    struct creative **creatives = check_calloc(count, sizeof *creatives);
    struct random dice;
    random_seed(&dice, 11);
    double from = now_us();
    for (unsigned i = 0; i < count; i++) {
        unsigned number = i * 7919 % count;
        campaigns[i] =
            make_campaign(scene, number, is_eligible(number, count, eligible), caps, &dice);
        creatives[i] = make_creative(number);
    }
    load.compile_us = now_us() - from;
    from = now_us();
    load.catalog = fill_catalog(campaigns, creatives, count);
    load.build_us = now_us() - from;
    free(campaigns);
    free(creatives);
    load.bytes = mallinfo2().uordblks + mallinfo2().hblkhd - load.bytes;
    for (unsigned i = 0; scene && scene->closes && i < count; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "campaign-%u", i);
        catalog_set_open(load.catalog, slice_cstr(id), is_eligible(i, count, eligible));
    }
    return load;
}

/* ---- Decisions ------------------------------------------------------------------------------- */

static void on_reject(const struct campaign *campaign, enum reason reason, unsigned times,
                      void *arg)
{
    uint64_t *counters = arg;
    counters[(size_t)campaign->series * REASONS + reason] += times;
}

static struct page_request make_request(void)
{
    return (struct page_request){
        .now_us = NOW_US,
        .slots = {{SLICE("header"), NULL, 970}, {SLICE("post-top"), NULL, 728}},
        .slot_count = 2,
        .facts = {.domain = SLICE("news.example"),
                  .path = SLICE("/2026/07/tulips"),
                  .referrer = SLICE("search.example"),
                  .country = SLICE("DE"),
                  .language = SLICE("de-DE"),
                  .device = DEVICE_DESKTOP,
                  .browser = BROWSER_CHROME,
                  .system = SYSTEM_LINUX},
        .has_viewer = true,
    };
}

struct run {
    const uint32_t *refused;
    bool deaf;
    unsigned eligible; /* told: of the last decision's first slot */
};

static double decide(const struct load *load, struct run *run, unsigned times)
{
    static struct selection selection;
    uint64_t *counters = check_calloc((size_t)load->count * REASONS, sizeof *counters);
    selection_reject_fn *reject = run->deaf ? NULL : on_reject;
    int chosen[PAGE_SLOTS_MAX];
    struct random random;
    struct page_request request = make_request();
    random_seed(&random, 1);
    double from = now_us();
    for (unsigned i = 0; i < times; i++) {
        for (unsigned s = 0; s < request.slot_count; s++)
            request.slots[s].index = catalog_find_slot(load->catalog, request.slots[s].name);
        selection_run(&request, &random, reject, counters, &selection);
        selection_settle(&selection, run->refused, reject, counters, chosen);
    }
    double took = (now_us() - from) / times;
    run->eligible = selection.slots[0].eligible;
    free(counters);
    return took;
}

static double best_of(const struct load *load, struct run *run)
{
    double best = decide(load, run, DECISIONS);
    for (unsigned i = 1; i < ROUNDS; i++) {
        double took = decide(load, run, DECISIONS);
        best = took < best ? took : best;
    }
    return best;
}

static void print_decision(const char *what, unsigned campaigns, const char *caps,
                           const uint32_t *refused)
{
    struct load load = load_catalog(NULL, campaigns, campaigns, caps);
    struct run run = {.refused = refused};
    printf("  %-42s %8.2f us\n", what, best_of(&load, &run));
    catalog_free(load.catalog);
}

/* ---- The curve ------------------------------------------------------------------------------- */

static const unsigned counts[] = {10, 100, 1000, 10000, 100000};
#define COUNTS (sizeof counts / sizeof *counts)

static void print_scene(const struct scene *scene)
{
    double took[COUNTS];
    printf("  %-34s", scene->name);
    for (unsigned i = 0; i < COUNTS; i++) {
        unsigned eligible = counts[i] < ELIGIBLE ? counts[i] : ELIGIBLE;
        struct load load = load_catalog(scene, counts[i], eligible, "");
        struct run run = {.eligible = 0};
        if (scene->closes) /* until all that have been closed are where they belong */
            (void)decide(&load, &run, TIDY_EVERY * (counts[i] + 2000));
        took[i] = best_of(&load, &run);
        CHECK(run.eligible == eligible);
        catalog_free(load.catalog);
        printf(" %7.2f", took[i]);
        (void)fflush(stdout);
    }
    printf("  %5.2f\n", took[COUNTS - 1] / took[1]);
}

static void print_curve(void)
{
    printf("us a decision for two slots, 100 campaigns eligible (10 of 10), the others ...\n");
    printf("  %-34s %7u %7u %7u %7u %7u  100,000 to 100\n", "", counts[0], counts[1], counts[2],
           counts[3], counts[4]);
    for (unsigned i = 0; i < SCENES; i++)
        print_scene(&scenes[i]);
}

/* ---- Counting refusals, loading, changing ---------------------------------------------------- */

static void print_counting(const struct scene *scene, unsigned count)
{
    struct load load = load_catalog(scene, count, count < ELIGIBLE ? count / 2 : ELIGIBLE, "");
    struct run told = {.deaf = false}, deaf = {.deaf = true};
    double with = best_of(&load, &told), without = best_of(&load, &deaf);
    printf("  %-42u %8.2f us with, %.2f us without\n", count, with, without);
    catalog_free(load.catalog);
}

static void print_load(const struct scene *scene)
{
    struct load load = load_catalog(scene, 100000, ELIGIBLE, "1/10m,3/1d");
    printf("  %-34s %5.0f ms compiling, %4.0f ms indexing, %4zu bytes each\n", scene->name,
           load.compile_us / 1e3, load.build_us / 1e3, load.bytes / load.count);
    catalog_free(load.catalog);
}

static void print_changes(const struct scene *scene)
{
    struct load load = load_catalog(scene, 100000, ELIGIBLE, "");
    double worst = 0, sum = 0;
    struct random dice;
    random_seed(&dice, 5);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned number = (unsigned)random_below(&dice, load.count + 20000);
        struct campaign *campaign = make_campaign(scene, number, i % 2, "", &dice);
        double from = now_us();
        catalog_put_campaign(load.catalog, campaign);
        catalog_turn(load.catalog, NOW_US);
        double took = now_us() - from;
        worst = took > worst ? took : worst;
        sum += took;
    }
    printf("  %-34s %8.2f us, at worst %.0f us\n", scene->name, sum / 20000, worst);
    catalog_free(load.catalog);
}

int main(void)
{
    const char *caps = "1/10m,3/1d";
    puts("us a decision for two slots, all campaigns eligible:");
    print_decision("1 campaign", 1, "", NULL);
    print_decision("10 campaigns", 10, "", NULL);
    print_decision("10 campaigns, all capped", 10, caps, NULL);
    print_decision("10 campaigns, all capped, 5 refused", 10, caps, (uint32_t[]){31, 31});
    print_decision("100 campaigns", 100, "", NULL);
    print_decision("100 campaigns, all capped", 100, caps, NULL);
    print_decision("1,000 campaigns", 1000, "", NULL);
    print_curve();
    puts("Counting refusals, campaigns of which half or 100 are eligible:");
    print_counting(&scenes[0], 10);
    print_counting(&scenes[0], 32);
    print_counting(&scenes[0], 1000);
    print_counting(&scenes[0], 100000);
    puts("Loading 100,000 campaigns with one creative each, most of which ...");
    for (unsigned i = 0; i < SCENES; i++)
        print_load(&scenes[i]);
    puts("Changing one of 100,000 campaigns, most of which ...");
    for (unsigned i = 0; i < SCENES; i++)
        print_changes(&scenes[i]);
    return 0;
}
