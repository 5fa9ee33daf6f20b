#include "decision/replay.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "decision/memory_caps.h"
#include "decision/replay_tally.h"
#include "decision/reserving.h"

struct replay {
    struct replay_config config;
    struct memory_caps *caps;
    struct replay_goals *goals;
    struct replay_result result;
    struct replay_slot *slots;   /* by number */
    uint64_t *serves;            /* by number of the campaign */
    struct replay_tally pairs;   /* serves by campaign and slot */
    struct replay_tally viewers; /* logged serves of the subject by viewer */
    double variance;             /* of the subject's serves, in thousandths squared */
    uint64_t ordinal;            /* requests so far */
    uint64_t viewer, weight;     /* of the request at hand */
    uint64_t impressions;        /* that a serve of it counts as */
    struct page_request page;
    struct selection selection;
};

void replay_number_campaign(struct campaign *campaign, unsigned number)
{
    CHECK(number > 0);
    campaign->series = number;
    campaign->delivery = replay_goals_bind(campaign) ? number : 0;
}

void replay_number_slot(struct slot *slot, unsigned number)
{
    CHECK(number > 0);
    slot->series = number;
}

struct replay *replay_new(const struct replay_config *config)
{
    struct replay *replay = check_calloc(1, sizeof *replay);
    replay->config = *config;
    replay->caps = memory_caps_new();
    replay->goals = replay_goals_new(config->campaigns, config->campaign_count, config->shape,
                                     config->begin_us);
    replay->slots = check_calloc(config->slot_count + 1, sizeof *replay->slots);
    replay->serves = check_calloc(config->campaign_count + 1, sizeof *replay->serves);
    replay->page.now_us = config->begin_us;
    replay->page.serve_anonymous = config->serve_anonymous;
    return replay;
}

void replay_free(struct replay *replay)
{
    if (!replay)
        return;
    memory_caps_free(replay->caps);
    replay_goals_free(replay->goals);
    replay_tally_release(&replay->pairs);
    replay_tally_release(&replay->viewers);
    free(replay->slots);
    free(replay->serves);
    free(replay);
}

/* ---- One request ----------------------------------------------------------------------------- */

uint64_t replay_weight(const struct logged_request *request)
{
    uint64_t all = (uint64_t)SAMPLE_ALL_PPM * REPLAY_ONE;
    return (all + request->sample_ppm / 2) / request->sample_ppm;
}

static void ask(struct replay *replay, const struct logged_request *request)
{
    struct page_request *page = &replay->page;
    int64_t at_us = request->at_ms * US_PER_MS;
    page->now_us = at_us > page->now_us ? at_us : page->now_us;
    page->facts = request->facts;
    page->has_viewer = request->has_viewer;
    page->slot_count = request->slot_count;
    for (unsigned i = 0; i < request->slot_count; i++)
        page->slots[i] = (struct page_slot){
            .name = request->slots[i].id,
            .index = catalog_find_slot(replay->config.catalog, request->slots[i].id),
            .width = request->slots[i].width,
        };
    replay->viewer = request->viewer;
    replay->weight = replay_weight(request);
    replay->impressions = replay->weight * replay->config.impressions_ppm / SAMPLE_ALL_PPM;
    page->deliveries = replay_goals_at(replay->goals, page->now_us, replay->impressions);
}

static void on_reject(const struct campaign *campaign, enum reason reason, unsigned times,
                      void *arg)
{
    struct replay *replay = arg;
    if (campaign->series == replay->config.subject)
        replay->result.subject.rejected[reason] += replay->weight * times;
}

static bool take_caps(const struct candidate *const *group, unsigned count, void *arg)
{
    struct replay *replay = arg;
    return memory_caps_take(replay->caps, replay->viewer, group, count,
                            replay->page.now_us / US_PER_MS);
}

static void decide(struct replay *replay, int chosen[PAGE_SLOTS_MAX])
{
    selection_reject_fn *reject = replay->config.subject ? on_reject : NULL;
    uint32_t refused[PAGE_SLOTS_MAX];
    struct random random;
    random_seed(&random, replay->config.seed + replay->ordinal++);
    selection_run(&replay->page, &random, reject, replay, &replay->selection);
    if (replay->selection.needs_caps)
        selection_reserve(&replay->selection, take_caps, replay, refused);
    selection_settle(&replay->selection, replay->selection.needs_caps ? refused : NULL, reject,
                     replay, chosen);
}

/* ---- Counting -------------------------------------------------------------------------------- */

/*
 * A viewer is logged with all its requests or not at all, so the viewers are what was drawn: with
 * the part p of them, one that stands for s serves adds (1 - p) s² to the variance.
 */
static void count_subject(struct replay *replay, struct replay_slot *slot)
{
    struct replay_subject *subject = &replay->result.subject;
    double weight = (double)replay->weight, before = 0;
    subject->serves += replay->weight;
    slot->subject += replay->weight;
    if (replay->page.has_viewer) {
        uint64_t serves = replay_tally_add(&replay->viewers, replay->viewer, replay->weight);
        before = (double)(serves - replay->weight);
        if (serves == replay->weight)
            subject->reach += replay->weight;
    }
    replay->variance += (1 - REPLAY_ONE / weight) * weight * (weight + 2 * before);
}

static void count_serve(struct replay *replay, struct replay_slot *slot, unsigned slot_number,
                        const struct campaign *campaign)
{
    unsigned number = campaign->series;
    CHECK(number > 0 && number < replay->config.campaign_count);
    replay->serves[number] += replay->weight;
    replay_tally_add(&replay->pairs, (uint64_t)number << 32 | slot_number, replay->weight);
    if (campaign->delivery)
        replay_goals_count(replay->goals, campaign->delivery, replay->impressions);
    if (number == replay->config.subject)
        count_subject(replay, slot);
}

static void count_slot(struct replay *replay, unsigned at, int chosen)
{
    const struct slot_selection *selected = &replay->selection.slots[at];
    const struct slot_index *index = replay->page.slots[at].index;
    if (!index)
        return;
    unsigned number = index->slot->series;
    CHECK(number > 0 && number < replay->config.slot_count);
    struct replay_slot *slot = &replay->slots[number];
    slot->requests += replay->weight;
    replay->result.slot_requests += replay->weight;
    if (chosen >= 0) {
        count_serve(replay, slot, number, selected->candidates[chosen].campaign);
        return;
    }
    slot->unfilled += replay->weight;
    replay->result.unfilled += replay->weight;
    replay->result.unfilled_by[selection_unfilled_reason(selected)] += replay->weight;
}

void replay_request(struct replay *replay, const struct logged_request *request)
{
    int chosen[PAGE_SLOTS_MAX];
    ask(replay, request);
    decide(replay, chosen);
    replay->result.requests += replay->weight;
    for (unsigned i = 0; i < request->slot_count; i++)
        count_slot(replay, i, chosen[i]);
}

/* ---- Results --------------------------------------------------------------------------------- */

struct replay_result replay_result(const struct replay *replay)
{
    struct replay_result result = replay->result;
    result.subject.sampling_error =
        (uint64_t)(2 * sqrt(replay->variance > 0 ? replay->variance : 0));
    return result;
}

struct replay_slot replay_slot(const struct replay *replay, unsigned slot)
{
    CHECK(slot < replay->config.slot_count);
    return replay->slots[slot];
}

uint64_t replay_serves(const struct replay *replay, unsigned campaign)
{
    CHECK(campaign < replay->config.campaign_count);
    return replay->serves[campaign];
}

uint64_t replay_serves_on(const struct replay *replay, unsigned campaign, unsigned slot)
{
    return replay_tally_get(&replay->pairs, (uint64_t)campaign << 32 | slot);
}
