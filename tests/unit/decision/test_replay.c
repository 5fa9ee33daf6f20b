/*
 * A week of a site's traffic of which the truth is known, against what a replay of its log says:
 * day and night, four slots, countries, devices, viewers who come back, caps, weights, shares, a
 * goal with even pacing.
 *
 * The truth is an obvious simulation that shares nothing with the decision but the rules: each
 * campaign is asked with plain ifs, drawn by weight, caps are lists of moments in an array, and
 * the plan of a goal is the part of the week's requests that has gone by.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit/decision/unit.h"

#include "base/check.h"
#include "base/random.h"
#include "decision/replay.h"
#include "decision/replay_kinds.h"
#include "decision/replay_scale.h"
#include "decision/request_kind.h"
#include "entries.h"

#define MONDAY_MS INT64_C(1767571200000) /* 2026-01-05 00:00 UTC */
#define HOUR_MS   INT64_C(3600000)
#define DAY_MS    (24 * HOUR_MS)
#define HOURS     168
#define PI        3.14159265358979323846

/* ---- The traffic ----------------------------------------------------------------------------- */

#define REQUESTS_AN_HOUR 5400 /* on average over the week */
#define VIEWERS          200000

enum { HEADER, TOP, SIDE, FOOT, SLOTS };
static const char *const slot_names[SLOTS] = {"header", "post-top", "side", "footer"};
static const char *const countries[] = {"DE", "FR", "US", "AT"};

struct visit {
    int64_t at_ms;
    uint64_t viewer; /* 0: unknown */
    unsigned country;
    bool mobile;
    unsigned slots[SLOTS], slot_count;
};

struct traffic {
    struct random random;
    unsigned hour, in_hour, of_hour;
};

static double unit(struct random *random)
{
    return (double)(random_u64(random) >> 11) / (double)(UINT64_C(1) << 53);
}

static void traffic_begin(struct traffic *traffic, uint64_t seed)
{
    *traffic = (struct traffic){0};
    random_seed(&traffic->random, seed);
}

/* Nine times as much in the afternoon as before dawn, less on the weekend. */
static unsigned requests_of_hour(unsigned hour)
{
    double day = 1 + 0.8 * cos(2 * PI * ((double)(hour % 24) - 15) / 24);
    return (unsigned)(REQUESTS_AN_HOUR * day * (hour >= 5 * 24 ? 0.7 : 1.12));
}

static uint64_t scramble(uint64_t number)
{
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

/* Where a viewer is and what with follows from who it is; some come more often than others. */
static void choose_viewer(struct random *random, struct visit *visit)
{
    uint64_t number = (uint64_t)(pow(unit(random), 1.3) * VIEWERS) + 1;
    uint64_t traits = scramble(number * 77);
    visit->country = traits % 100 < 50 ? 0 : traits % 100 < 75 ? 1 : traits % 100 < 95 ? 2 : 3;
    visit->mobile = traits >> 32 & 1;
    visit->viewer = random_below(random, 100) < 8 ? 0 : scramble(number * 2 + 1);
}

static void choose_slots(struct random *random, struct visit *visit)
{
    visit->slot_count = 0;
    visit->slots[visit->slot_count++] = HEADER;
    if (random_below(random, 100) < 80)
        visit->slots[visit->slot_count++] = TOP;
    if (!visit->mobile)
        visit->slots[visit->slot_count++] = SIDE;
    if (random_below(random, 100) < 30)
        visit->slots[visit->slot_count++] = FOOT;
}

static bool traffic_next(struct traffic *traffic, struct visit *ret)
{
    while (traffic->in_hour == traffic->of_hour) {
        if (traffic->hour == HOURS)
            return false;
        traffic->of_hour = requests_of_hour(traffic->hour++);
        traffic->in_hour = 0;
    }
    ret->at_ms =
        MONDAY_MS + (traffic->hour - 1) * HOUR_MS + traffic->in_hour++ * HOUR_MS / traffic->of_hour;
    choose_viewer(&traffic->random, ret);
    choose_slots(&traffic->random, ret);
    return true;
}

/* ---- The campaigns, once for the decision and once for the truth -------------------------------
 */

enum tiers { SPONSORSHIP, STANDARD, REMNANT, HOUSE, TIERS };

struct rules {
    const char *id;
    enum tiers tier;
    unsigned weight, share; /* share: percent */
    unsigned cpm;
    const char *slots;     /* a digit for each */
    const char *countries; /* a digit for each; NULL: all */
    int mobile;            /* 1 only, 0 never, -1 either */
    unsigned cap;          /* a day; 0: none */
    unsigned goal;         /* for the week; 0: none */
};

enum { SPONSOR, ALPHA, BETA, GAMMA, DELTA, CHEAP, DEAR, HOME, NEW, CAMPAIGNS };
static struct rules campaigns[CAMPAIGNS] = {
    [SPONSOR] = {"sponsor", SPONSORSHIP, 1, 30, 0, "0", "0", -1, 0, 0},
    [ALPHA] = {"alpha", STANDARD, 3, 0, 0, "0123", NULL, -1, 2, 0},
    [BETA] = {"beta", STANDARD, 2, 0, 0, "01", NULL, -1, 0, 0},
    [GAMMA] = {"gamma", STANDARD, 4, 0, 0, "123", NULL, 1, 0, 120000},
    [DELTA] = {"delta", STANDARD, 2, 0, 0, "0123", "12", -1, 4, 0},
    [CHEAP] = {"cheap", REMNANT, 1, 0, 1, "0123", NULL, -1, 0, 0},
    [DEAR] = {"dear", REMNANT, 1, 0, 5, "12", "023", -1, 3, 0},
    [HOME] = {"home", HOUSE, 1, 0, 0, "013", NULL, -1, 0, 0},
    [NEW] = {"new", STANDARD, 4, 0, 0, "012", "01", -1, 3, 320000},
};

static bool names(const char *digits, unsigned which)
{
    return !digits || strchr(digits, (int)('0' + which)) != NULL;
}

/* ---- The truth ------------------------------------------------------------------------------- */

struct seen {
    uint64_t viewer;
    int64_t since_ms;
    unsigned count;
};
#define SEEN (1 << 19)

struct truth {
    struct random random;
    bool with_new;
    double past, all; /* requests */
    struct seen *seen[CAMPAIGNS];
    unsigned serves[CAMPAIGNS], on[CAMPAIGNS][SLOTS];
    unsigned unfilled, reach;
};

static struct seen *seen_of(struct truth *truth, unsigned campaign, uint64_t viewer)
{
    uint64_t at = viewer % SEEN;
    while (truth->seen[campaign][at].viewer && truth->seen[campaign][at].viewer != viewer)
        at = (at + 1) % SEEN;
    return &truth->seen[campaign][at];
}

static bool is_wanted(const struct truth *truth, unsigned c, const struct visit *visit,
                      unsigned slot, const bool *on_page)
{
    const struct rules *rules = &campaigns[c];
    if (c == NEW && !truth->with_new)
        return false;
    if (!names(rules->slots, slot) || !names(rules->countries, visit->country) || on_page[c])
        return false;
    if (rules->mobile >= 0 && (rules->mobile == 1) != visit->mobile)
        return false;
    if (rules->goal && truth->serves[c] + 1 > rules->goal * fmin(1, truth->past / truth->all) + 1)
        return false;
    return rules->goal == 0 || truth->serves[c] < rules->goal;
}

static bool has_room(struct truth *truth, unsigned c, const struct visit *visit)
{
    if (campaigns[c].cap == 0)
        return true;
    if (visit->viewer == 0)
        return false;
    struct seen *seen = seen_of(truth, c, visit->viewer);
    bool open = seen->count > 0 && visit->at_ms < seen->since_ms + DAY_MS;
    if (open && seen->count >= campaigns[c].cap)
        return false;
    truth->reach += c == NEW && seen->count == 0;
    *seen = (struct seen){visit->viewer, open ? seen->since_ms : visit->at_ms,
                          open ? seen->count + 1 : 1};
    return true;
}

/* One of those wanted, by weight (remnant: the dearest); they are tried until one has room. */
static int draw(struct truth *truth, enum tiers tier, bool wanted[CAMPAIGNS])
{
    unsigned total = 0, best = 0;
    for (unsigned c = 0; c < CAMPAIGNS; c++) {
        if (wanted[c] && campaigns[c].tier == tier && campaigns[c].cpm > best)
            best = campaigns[c].cpm;
    }
    for (unsigned c = 0; c < CAMPAIGNS; c++) {
        if (wanted[c] && campaigns[c].tier == tier && campaigns[c].cpm == best)
            total += campaigns[c].weight;
    }
    double ticket = unit(&truth->random) * total;
    int last = -1;
    for (unsigned c = 0; c < CAMPAIGNS && ticket >= 0; c++) {
        if (wanted[c] && campaigns[c].tier == tier && campaigns[c].cpm == best) {
            ticket -= campaigns[c].weight;
            last = (int)c;
        }
    }
    return last;
}

static int fill(struct truth *truth, const struct visit *visit, unsigned slot, const bool *on_page)
{
    bool wanted[CAMPAIGNS];
    for (unsigned c = 0; c < CAMPAIGNS; c++)
        wanted[c] = is_wanted(truth, c, visit, slot, on_page);
    wanted[SPONSOR] = wanted[SPONSOR] && unit(&truth->random) * 100 < campaigns[SPONSOR].share;
    for (enum tiers tier = 0; tier < TIERS; tier++) {
        int c;
        while ((c = draw(truth, tier, wanted)) >= 0) {
            if (has_room(truth, (unsigned)c, visit))
                return c;
            wanted[c] = false;
        }
    }
    return -1;
}

static struct truth *live_through(uint64_t traffic_seed, uint64_t seed, bool with_new)
{
    struct truth *truth = check_calloc(1, sizeof *truth);
    struct traffic traffic;
    struct visit visit;
    random_seed(&truth->random, seed);
    truth->with_new = with_new;
    for (unsigned c = 0; c < CAMPAIGNS; c++)
        truth->seen[c] = check_calloc(SEEN, sizeof(struct seen));
    for (unsigned hour = 0; hour < HOURS; hour++)
        truth->all += requests_of_hour(hour);
    traffic_begin(&traffic, traffic_seed);
    while (traffic_next(&traffic, &visit)) {
        bool on_page[CAMPAIGNS] = {false};
        truth->past++;
        for (unsigned i = 0; i < visit.slot_count; i++) {
            int c = fill(truth, &visit, visit.slots[i], on_page);
            truth->unfilled += c < 0;
            if (c < 0)
                continue;
            on_page[c] = true;
            truth->serves[c]++;
            truth->on[c][visit.slots[i]]++;
        }
    }
    for (unsigned c = 0; c < CAMPAIGNS; c++)
        free(truth->seen[c]);
    return truth;
}

/* ---- The same for the decision -----------------------------------------------------------------
 */

static const char *list_of(char *to, const char *digits, const char *const *words)
{
    to[0] = '\0';
    for (; digits && *digits; digits++)
        (void)sprintf(to + strlen(to), "%s%s", to[0] ? "," : "", words[*digits - '0']);
    return to;
}

static struct campaign *make(const struct rules *rules)
{
    static const char *const tiers[] = {"sponsorship", "standard", "remnant", "house"};
    char slots[64], places[64], weight[16], share[16], cpm[16], cap[16], goal[16];
    (void)sprintf(weight, "%u", rules->weight);
    (void)sprintf(share, rules->share ? "%u" : "", rules->share);
    (void)sprintf(cpm, "%u", rules->cpm);
    (void)sprintf(cap, rules->cap ? "%u/1d" : "", rules->cap);
    (void)sprintf(goal, rules->goal ? "%u" : "", rules->goal);
    return make_campaign(rules->id,
                         FIELDS("tier", tiers[rules->tier], "weight", weight, "share", share, "cpm",
                                cpm, "slots", list_of(slots, rules->slots, slot_names), "countries",
                                list_of(places, rules->countries, countries), "devices",
                                rules->mobile < 0 ? ""
                                : rules->mobile   ? "mobile"
                                                  : "!mobile",
                                "caps", cap, "goal_impressions", goal, "start",
                                "2026-01-05T00:00:00Z", "end", "2026-01-12T00:00:00Z"));
}

struct site {
    struct shelf shelf;
    struct catalog *catalog;
    const struct campaign *campaigns[CAMPAIGNS + 1];
    struct traffic_shape shape;
    struct replay *replay;
};

static void learn(struct traffic_shape *shape)
{
    struct traffic_count counts[HOURS];
    for (unsigned hour = 0; hour < HOURS; hour++)
        counts[hour] = (struct traffic_count){MONDAY_MS / HOUR_MS + hour, requests_of_hour(hour)};
    traffic_shape_learn(counts, HOURS, shape);
}

static void open_site(struct site *site, bool with_new, uint64_t seed, unsigned draws)
{
    *site = (struct site){0};
    for (unsigned s = 0; s < SLOTS; s++) {
        struct slot *slot = make_slot(slot_names[s], FIELDS());
        replay_number_slot(slot, s + 1);
        shelf_slot(&site->shelf, slot);
    }
    for (unsigned c = 0; c < CAMPAIGNS; c++) {
        if (c == NEW && !with_new)
            continue;
        struct campaign *campaign = make(&campaigns[c]);
        replay_number_campaign(campaign, c + 1);
        site->campaigns[c + 1] = campaign;
        shelf_campaign(&site->shelf, campaign);
        shelf_creative(&site->shelf,
                       make_image(campaigns[c].id, campaigns[c].id, "100x100", FIELDS()));
    }
    site->catalog = shelf_build(&site->shelf);
    learn(&site->shape);
    site->replay = replay_new(&(struct replay_config){
        .catalog = site->catalog,
        .campaigns = site->campaigns,
        .campaign_count = CAMPAIGNS + 1,
        .slot_count = SLOTS + 1,
        .subject = with_new ? NEW + 1 : 0,
        .shape = &site->shape,
        .begin_us = MONDAY_MS * 1000,
        .seed = seed,
        .draws = draws,
        .scaled = true,
        .impressions_ppm = SAMPLE_ALL_PPM,
    });
}

static void close_site(struct site *site)
{
    replay_free(site->replay);
    catalog_free(site->catalog);
}

/* Which viewers a sample has differs from seed to seed. */
static bool is_logged(struct random *random, uint64_t salt, const struct visit *visit, uint32_t ppm)
{
    uint64_t lot = visit->viewer ? scramble(scramble(visit->viewer) + salt) : random_u64(random);
    return (lot >> 32) * SAMPLE_ALL_PPM >> 32 < ppm;
}

static void log_visit(const struct visit *visit, uint32_t ppm, struct logged_request *ret)
{
    ret->at_ms = visit->at_ms;
    ret->sample_ppm = ppm;
    ret->has_viewer = visit->viewer != 0;
    ret->viewer = visit->viewer;
    ret->facts.country = slice_cstr(countries[visit->country]);
    ret->facts.device = visit->mobile ? DEVICE_MOBILE : DEVICE_DESKTOP;
    ret->slot_count = visit->slot_count;
    for (unsigned i = 0; i < visit->slot_count; i++)
        ret->slots[i] = (struct logged_slot){slice_cstr(slot_names[visit->slots[i]]), 0};
}

/* Calls `fn` for each logged request of the week. */
typedef void logged_fn(const struct logged_request *request, void *arg);
static void walk_log(uint64_t seed, uint32_t ppm, logged_fn *fn, void *arg)
{
    struct logged_request request = {0};
    struct traffic traffic;
    struct random random;
    struct visit visit;
    random_seed(&random, seed + 1000);
    traffic_begin(&traffic, seed);
    while (traffic_next(&traffic, &visit)) {
        if (!is_logged(&random, scramble(seed), &visit, ppm))
            continue;
        log_visit(&visit, ppm, &request);
        fn(&request, arg);
    }
}

/* What the log is scaled to: what servers count beside it, by hour and by kind. */
struct scales {
    struct replay_scale *scale;
    struct replay_kinds *kinds;
};

static void scale_request(const struct logged_request *request, void *arg)
{
    struct scales *scales = arg;
    replay_scale_log(scales->scale, request);
    replay_kinds_log(scales->kinds, request);
}

static void count_request(const struct logged_request *request, void *arg)
{
    uint32_t kind = request_kind(&request->facts, request->has_viewer);
    replay_kinds_count(((struct scales *)arg)->kinds, request->at_ms / DAY_MS, kind, 1);
}

static struct scales scale_week(uint64_t seed, uint32_t ppm)
{
    struct traffic_count counts[HOURS];
    struct scales scales = {replay_scale_new(MONDAY_MS / HOUR_MS, HOURS), replay_kinds_new()};
    walk_log(seed, ppm, scale_request, &scales);
    for (unsigned hour = 0; hour < HOURS; hour++)
        counts[hour] = (struct traffic_count){MONDAY_MS / HOUR_MS + hour, requests_of_hour(hour)};
    replay_scale_count(scales.scale, counts, HOURS);
    walk_log(seed, SAMPLE_ALL_PPM, count_request, &scales);
    assert_true(replay_kinds_finish(scales.kinds));
    replay_scale_by_kind(scales.scale, scales.kinds);
    assert_true(replay_scale_is_scaled(scales.scale));
    assert_int_equal(replay_scale_gaps(scales.scale), 0);
    return scales;
}

struct replaying {
    const struct replay_scale *scale;
    struct site *sites; /* before, after */
};

static void replay_both(const struct logged_request *request, void *arg)
{
    struct replaying *replaying = arg;
    uint64_t weight = replay_scale_weight(replaying->scale, request);
    for (unsigned side = 0; side < 2; side++)
        replay_request(replaying->sites[side].replay, request, weight);
}

/* ---- The comparison -------------------------------------------------------------------------- */

/*
 * What a forecast says is an expectation, so the truth is one as well: the mean of several lives of
 * the same traffic. Below VOLUME the chance of a single replay alone makes more than a percent.
 */
#ifdef __SANITIZE_ADDRESS__
#define LIVES 1 /* it is slow enough */
#else
#define LIVES 4
#endif
#define VOLUME     60000
#define OFF_MAX    0.03
#define SAMPLE_PPM (SAMPLE_ALL_PPM / 10)
#define SEEDS      1 /* or as many as FORECAST_SEEDS in the environment says */

struct world {
    struct truth *before[LIVES], *after[LIVES];
};

struct score {
    uint32_t ppm;
    unsigned amounts, within; /* the bounds that the forecast itself gives */
    double worst;             /* of what is at least VOLUME */
};

/*
 * `error`: two standard errors, in serves, by which viewers were logged. The draws of forecast and
 * truth add what chance adds to any count.
 */
static void assert_between(struct score *score, double forecast, double error, double truth,
                           double draws, const char *what, const char *of)
{
    double off = fabs(forecast - truth), chance = 2 * sqrt(draws);
    if (truth < 1)
        return;
    score->amounts++;
    score->within += off <= error + chance;
    if (truth >= VOLUME)
        score->worst = fmax(score->worst, off / truth);
    if ((truth >= VOLUME && off > OFF_MAX * truth) || off > 2 * (error + chance))
        fail_msg("%s %s at %u ppm: %.0f ± %.0f, truly %.0f", of, what, score->ppm, forecast, error,
                 truth);
}

static void assert_near(struct score *score, double forecast, double error, double truth,
                        const char *what, const char *of)
{
    assert_between(score, forecast, error, truth, truth, what, of);
}

static double mean_of(struct truth *const lives[LIVES], size_t offset)
{
    double sum = 0;
    for (unsigned i = 0; i < LIVES; i++)
        sum += *(const unsigned *)(const void *)((const char *)lives[i] + offset);
    return sum / LIVES;
}

#define MEAN(lives, member) mean_of(lives, offsetof(struct truth, member))

static double serves_of(const struct site *site, unsigned c)
{
    return (double)replay_serves(site->replay, c + 1) / REPLAY_ONE;
}

static double error_of(const struct site *site, unsigned c)
{
    return (double)replay_serves_error(site->replay, c + 1) / REPLAY_ONE;
}

static void compare_campaigns(struct score *score, const struct site sites[2],
                              const struct world *world)
{
    for (unsigned c = 0; c < CAMPAIGNS; c++) {
        double before = MEAN(world->before, serves[c]), after = MEAN(world->after, serves[c]);
        double was = serves_of(&sites[0], c), is = serves_of(&sites[1], c);
        double error = (double)replay_difference_error(sites[0].replay, sites[1].replay, c + 1);
        assert_near(score, was, error_of(&sites[0], c), before, "before", campaigns[c].id);
        assert_near(score, is, error_of(&sites[1], c), after, "after", campaigns[c].id);
        if (before > after)
            assert_between(score, was - is, error / REPLAY_ONE, before - after, before + after,
                           "lost", campaigns[c].id);
    }
}

static void compare_subject(struct score *score, const struct site *site, const struct world *world)
{
    struct replay_result result = replay_result(site->replay);
    assert_near(score, (double)result.subject.reach / REPLAY_ONE,
                (double)result.subject.reach_error / REPLAY_ONE, MEAN(world->after, reach), "reach",
                "new");
    assert_near(score, (double)result.unfilled / REPLAY_ONE,
                (double)result.unfilled_error / REPLAY_ONE, MEAN(world->after, unfilled), "empty",
                "-");
    assert_true(result.subject.serves == replay_serves(site->replay, NEW + 1));
    for (unsigned s = 0; s < SLOTS; s++) {
        struct replay_slot slot = replay_slot(site->replay, s + 1);
        assert_near(score, (double)slot.subject / REPLAY_ONE,
                    (double)slot.subject_error / REPLAY_ONE, MEAN(world->after, on[NEW][s]),
                    "on slot", slot_names[s]);
    }
    assert_true(score->ppm == SAMPLE_ALL_PPM ? result.subject.serves_error == 0
                                             : result.subject.serves_error > 0);
}

static struct score compare(uint64_t seed, const struct world *world, uint32_t ppm)
{
    struct score score = {.ppm = ppm};
    struct site sites[2];
    struct scales scales = scale_week(seed, ppm);
    struct replaying replaying = {scales.scale, sites};
    for (unsigned side = 0; side < 2; side++)
        open_site(&sites[side], side == 1, seed, SAMPLE_ALL_PPM / ppm);
    walk_log(seed, ppm, replay_both, &replaying);
    compare_campaigns(&score, sites, world);
    compare_subject(&score, &sites[1], world);
    for (unsigned side = 0; side < 2; side++)
        close_site(&sites[side]);
    replay_scale_free(scales.scale);
    replay_kinds_free(scales.kinds);
    return score;
}

static void live(uint64_t seed, struct world *world)
{
    for (unsigned i = 0; i < LIVES; i++) {
        world->before[i] = live_through(seed, seed * 100 + i, false);
        world->after[i] = live_through(seed, seed * 100 + LIVES + i, true);
    }
}

static void world_end(struct world *world)
{
    for (unsigned i = 0; i < LIVES; i++) {
        free(world->before[i]);
        free(world->after[i]);
    }
}

/* Bounds of two standard errors hold in nineteen cases of twenty. */
static void assert_score(const char *what, uint64_t seed, const struct score *score)
{
    print_message("%s, seed %u, %3u %% logged: worst %.2f %%, %u of %u within their bounds\n", what,
                  (unsigned)seed, score->ppm / 10000, 100 * score->worst, score->within,
                  score->amounts);
    assert_true(score->within * 5 >= score->amounts * 4);
}

static void weeks_are_forecast(const char *what)
{
    const char *wanted = getenv("FORECAST_SEEDS");
    unsigned seeds = wanted ? (unsigned)strtoul(wanted, NULL, 10) : SEEDS;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct world world;
        live(seed, &world);
        struct score whole = compare(seed, &world, SAMPLE_ALL_PPM);
        struct score sample = compare(seed, &world, SAMPLE_PPM);
        world_end(&world);
        assert_score(what, seed, &whole);
        assert_score(what, seed, &sample);
    }
}

static void a_campaign_with_a_goal_is_forecast_within_three_percent(void **state)
{
    (void)state;
    weeks_are_forecast("with a goal");
}

static void a_campaign_that_takes_what_it_gets_is_forecast_within_three_percent(void **state)
{
    unsigned goal = campaigns[NEW].goal;
    (void)state;
    campaigns[NEW].goal = 0;
    weeks_are_forecast("without one");
    campaigns[NEW].goal = goal;
}

/* ---- In small -------------------------------------------------------------------------------- */

/* One slot, one campaign, and a log that is written out. */
struct bench {
    struct slot *slot;
    struct campaign *campaign;
    struct catalog *catalog;
    const struct campaign *by_number[2];
    struct replay *replay;
    struct logged_request request;
};

static void bench_open(struct bench *bench, const char *const *fields, bool anonymous)
{
    struct creative *creative = make_image("c", "a", "100x100", FIELDS());
    *bench = (struct bench){.slot = make_slot("header", FIELDS()),
                            .campaign = make_campaign("a", fields)};
    replay_number_slot(bench->slot, 1);
    replay_number_campaign(bench->campaign, 1);
    bench->by_number[1] = bench->campaign;
    bench->catalog = catalog_build(&bench->slot, 1, &bench->campaign, 1, &creative, 1, 0);
    bench->replay = replay_new(&(struct replay_config){.catalog = bench->catalog,
                                                       .campaigns = bench->by_number,
                                                       .campaign_count = 2,
                                                       .slot_count = 2,
                                                       .subject = 1,
                                                       .begin_us = MONDAY_MS * 1000,
                                                       .serve_anonymous = anonymous,
                                                       .impressions_ppm = SAMPLE_ALL_PPM});
    bench->request = (struct logged_request){.at_ms = MONDAY_MS,
                                             .sample_ppm = SAMPLE_ALL_PPM,
                                             .has_viewer = true,
                                             .viewer = 5,
                                             .slots = {{SLICE("header"), 0}},
                                             .slot_count = 1};
}

static void bench_close(struct bench *bench)
{
    replay_free(bench->replay);
    catalog_free(bench->catalog);
}

/* So many requests, each `step_ms` after the one before. */
static void bench_ask(struct bench *bench, unsigned count, int64_t step_ms)
{
    for (unsigned i = 0; i < count; i++) {
        replay_request(bench->replay, &bench->request, replay_weight(&bench->request));
        bench->request.at_ms += step_ms;
    }
}

#define assert_serves(bench, count) \
    assert_int_equal(replay_result((bench)->replay).subject.serves, (count)*1000)
#define assert_rejected(bench, reason, count) \
    assert_int_equal(replay_result((bench)->replay).subject.rejected[reason], (count)*1000)

static void caps_are_counted_by_viewer(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, FIELDS("slots", "*", "caps", "2/1h"), false);
    bench_ask(&bench, 5, 1000);
    assert_serves(&bench, 2);
    assert_rejected(&bench, REASON_CAP, 3);
    bench.request.viewer = 6;
    bench_ask(&bench, 5, 1000);
    assert_serves(&bench, 4);
    bench.request.at_ms += HOUR_MS;
    bench_ask(&bench, 1, 1000);
    assert_serves(&bench, 5);
    struct replay_result result = replay_result(bench.replay);
    assert_int_equal(result.subject.reach, 2000);
    assert_int_equal(result.requests, 11000);
    assert_int_equal(result.unfilled_by[REASON_CAP], 6000);
    bench_close(&bench);
}

static void who_is_not_known_is_treated_as_serving_does(void **state)
{
    struct bench bench;
    (void)state;
    for (unsigned serves = 0; serves < 2; serves++) {
        bench_open(&bench, FIELDS("slots", "*", "caps", "2/1h"), serves);
        bench.request.has_viewer = false;
        bench_ask(&bench, 5, 1000);
        assert_serves(&bench, serves ? 5 : 0);
        assert_rejected(&bench, REASON_NO_VIEWER, serves ? 0 : 5);
        assert_int_equal(replay_result(bench.replay).subject.reach, 0);
        bench_close(&bench);
    }
}

static void a_logged_request_counts_for_those_that_were_not(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, FIELDS("slots", "*"), false);
    bench.request.sample_ppm = 300000;
    bench_ask(&bench, 3, 1000);
    assert_int_equal(replay_result(bench.replay).subject.serves, 3 * 3333);
    assert_int_equal(replay_serves_on(bench.replay, 1, 1), 3 * 3333);
    assert_int_equal(replay_result(bench.replay).subject.reach, 3333);
    /* All of one viewer: √0.7 × 10 serves, twice. */
    assert_int_equal(replay_result(bench.replay).subject.serves_error / 10, 1673);
    bench_close(&bench);
}

static void a_goal_ends_it(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, FIELDS("slots", "*", "goal_impressions", "7"), false);
    bench_ask(&bench, 20, 1000);
    assert_serves(&bench, 7);
    assert_rejected(&bench, REASON_GOAL_MET, 13);
    bench_close(&bench);
    /* Of a sample it is kept as well as it can be. */
    bench_open(&bench, FIELDS("slots", "*", "goal_impressions", "104"), false);
    bench.request.sample_ppm = SAMPLE_ALL_PPM / 10;
    bench_ask(&bench, 20, 1000);
    assert_serves(&bench, 100);
    bench_close(&bench);
}

static void a_day_begins_anew(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench,
               FIELDS("slots", "*", "daily_impressions", "7", "pacing", "asap", "timezone",
                      "Europe/Berlin"),
               false);
    /* An hour of the day in Berlin is over, and with it the first of the seven. */
    bench_ask(&bench, 23 * 60, HOUR_MS / 60);
    assert_serves(&bench, 6);
    bench_ask(&bench, 24 * 60, HOUR_MS / 60);
    assert_serves(&bench, 13);
    bench_close(&bench);
}

static void a_budget_is_not_overdrawn(void **state)
{
    struct bench bench;
    (void)state;
    /* 1.37 a thousand: 729 for a unit are 0.99873, one more were 1.0001. */
    bench_open(&bench, FIELDS("slots", "*", "budget", "1", "cpm", "1.37"), false);
    bench_ask(&bench, 1000, 1000);
    assert_serves(&bench, 729);
    assert_rejected(&bench, REASON_BUDGET_SPENT, 271);
    bench_close(&bench);
    /* Without a price nothing is spent. */
    bench_open(&bench, FIELDS("slots", "*", "budget", "1"), false);
    bench_ask(&bench, 1000, 1000);
    assert_serves(&bench, 1000);
    bench_close(&bench);
}

static void what_ran_before_is_on_its_plan(void **state)
{
    struct bench bench;
    (void)state;
    /* Seven days are over and seven to come: half of it is left, and paced. */
    bench_open(&bench,
               FIELDS("slots", "*", "goal_impressions", "20000", "start", "2025-12-29T00:00:00Z",
                      "end", "2026-01-12T00:00:00Z"),
               false);
    bench_ask(&bench, 7 * 24 * 60 * 6, 10000);
    uint64_t serves = replay_result(bench.replay).subject.serves / 1000;
    assert_true(serves > 9900 && serves <= 10000);
    bench_close(&bench);
    bench_open(&bench,
               FIELDS("slots", "*", "goal_impressions", "20000", "start", "2025-12-29T00:00:00Z",
                      "end", "2026-01-12T00:00:00Z", "pacing", "asap"),
               false);
    bench_ask(&bench, 24 * 60 * 60, 1000);
    serves = replay_result(bench.replay).subject.serves / 1000;
    assert_true(serves > 9900 && serves <= 10000);
    bench_close(&bench);
}

static void even_pacing_follows_the_clock(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench,
               FIELDS("slots", "*", "goal_impressions", "7000", "start", "2026-01-05T00:00:00Z",
                      "end", "2026-01-12T00:00:00Z"),
               false);
    for (unsigned day = 1; day <= 7; day++) {
        bench_ask(&bench, 24 * 60 * 6, 10000);
        uint64_t serves = replay_result(bench.replay).subject.serves / 1000;
        assert_in_range(serves, day * 1000, day * 1010 > 7000 ? 7000 : day * 1010);
    }
    assert_true(replay_result(bench.replay).subject.rejected[REASON_PACED] > 0);
    bench_close(&bench);
}

static void unknown_slots_and_times_that_go_back_do_no_harm(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, FIELDS("slots", "*", "caps", "2/1h"), false);
    bench.request.slots[1] = (struct logged_slot){SLICE("gone"), 0};
    bench.request.slot_count = 2;
    bench_ask(&bench, 5, -HOUR_MS);
    assert_serves(&bench, 2);
    assert_int_equal(replay_result(bench.replay).slot_requests, 5000);
    assert_int_equal(replay_result(bench.replay).unfilled, 3000);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_campaign_with_a_goal_is_forecast_within_three_percent),
        cmocka_unit_test(a_campaign_that_takes_what_it_gets_is_forecast_within_three_percent),
        cmocka_unit_test(caps_are_counted_by_viewer),
        cmocka_unit_test(who_is_not_known_is_treated_as_serving_does),
        cmocka_unit_test(a_logged_request_counts_for_those_that_were_not),
        cmocka_unit_test(a_goal_ends_it),
        cmocka_unit_test(a_day_begins_anew),
        cmocka_unit_test(a_budget_is_not_overdrawn),
        cmocka_unit_test(what_ran_before_is_on_its_plan),
        cmocka_unit_test(even_pacing_follows_the_clock),
        cmocka_unit_test(unknown_slots_and_times_that_go_back_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
