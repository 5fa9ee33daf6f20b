#include "decision/replay.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "decision/memory_caps.h"
#include "decision/replay_tally.h"
#include "decision/reserving.h"

struct slot_amounts {
    uint64_t requests, unfilled;
    struct replay_amount subject;
};

struct replay {
    struct replay_config config;
    struct memory_caps *caps;
    struct replay_goals *goals[REPLAY_DRAWS_MAX]; /* of each draw */
    struct replay_result result;                  /* but for what stands below */
    struct slot_amounts *slots;                   /* by number */
    struct replay_amount **serves;                /* by number of the campaign; NULL: none yet */
    struct replay_amount requests, unfilled, reach;
    struct replay_tally pairs;   /* serves by campaign and slot */
    struct replay_tally viewers; /* serves of the subject by viewer */
    uint64_t logged;             /* requests */
    uint64_t ordinal;            /* decisions so far */
    unsigned draw, group;        /* of the decision at hand: which it is, and its viewer's group */
    uint64_t viewer, weight;
    uint64_t impressions; /* that a serve of it is for goals */
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
    replay->slots = check_calloc(config->slot_count + 1, sizeof *replay->slots);
    replay->serves = check_calloc(config->campaign_count + 1, sizeof *replay->serves);
    CHECK(config->draws <= REPLAY_DRAWS_MAX);
    replay->config.draws = config->draws > 0 ? config->draws : 1;
    for (unsigned i = 0; i < replay->config.draws; i++)
        replay->goals[i] = replay_goals_new(config->campaigns, config->campaign_count,
                                            config->shape, config->begin_us);
    replay->page.now_us = config->begin_us;
    replay->page.serve_anonymous = config->serve_anonymous;
    return replay;
}

void replay_free(struct replay *replay)
{
    if (!replay)
        return;
    memory_caps_free(replay->caps);
    for (unsigned i = 0; i < replay->config.draws; i++)
        replay_goals_free(replay->goals[i]);
    replay_tally_release(&replay->pairs);
    replay_tally_release(&replay->viewers);
    for (unsigned i = 0; i <= replay->config.campaign_count; i++)
        free(replay->serves[i]);
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

unsigned replay_draws(uint64_t weight)
{
    uint64_t draws = (weight + REPLAY_ONE / 2) / REPLAY_ONE;
    return draws < 1 ? 1 : draws > REPLAY_DRAWS_MAX ? REPLAY_DRAWS_MAX : (unsigned)draws;
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
    replay->group = replay_amount_group(request->has_viewer ? request->viewer : replay->ordinal);
}

/*
 * A draw is a world of its own: with viewers whose counters are theirs alone, and goals that its
 * serves fill up as if it were the only one. It counts with its part of the weight.
 */
static void begin_draw(struct replay *replay, uint64_t viewer, uint64_t weight, unsigned draw)
{
    unsigned draws = replay->config.draws;
    replay->draw = draw;
    replay->viewer = viewer + draw * UINT64_C(0x9e3779b97f4a7c15);
    replay->weight = weight * (draw + 1) / draws - weight * draw / draws;
    replay->impressions = weight * replay->config.impressions_ppm / SAMPLE_ALL_PPM;
    replay->page.deliveries =
        replay_goals_at(replay->goals[draw], replay->page.now_us, replay->impressions);
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

static void count_subject(struct replay *replay, struct slot_amounts *slot)
{
    struct replay_subject *subject = &replay->result.subject;
    subject->serves += replay->weight;
    replay_amount_add(&slot->subject, replay->group, replay->weight);
    if (replay->page.has_viewer &&
        replay_tally_add(&replay->viewers, replay->viewer, replay->weight) == replay->weight)
        replay_amount_add(&replay->reach, replay->group, replay->weight);
}

static void count_serve(struct replay *replay, struct slot_amounts *slot, unsigned slot_number,
                        const struct campaign *campaign)
{
    unsigned number = campaign->series;
    CHECK(number > 0 && number < replay->config.campaign_count);
    if (!replay->serves[number])
        replay->serves[number] = check_calloc(1, sizeof **replay->serves);
    replay_amount_add(replay->serves[number], replay->group, replay->weight);
    replay_tally_add(&replay->pairs, (uint64_t)number << 32 | slot_number, replay->weight);
    if (campaign->delivery)
        replay_goals_count(replay->goals[replay->draw], campaign->delivery, replay->impressions);
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
    struct slot_amounts *slot = &replay->slots[number];
    slot->requests += replay->weight;
    replay->result.slot_requests += replay->weight;
    if (chosen >= 0) {
        count_serve(replay, slot, number, selected->candidates[chosen].campaign);
        return;
    }
    slot->unfilled += replay->weight;
    replay_amount_add(&replay->unfilled, replay->group, replay->weight);
    replay->result.unfilled_by[selection_unfilled_reason(selected)] += replay->weight;
}

static void draw(struct replay *replay, unsigned slots)
{
    int chosen[PAGE_SLOTS_MAX];
    decide(replay, chosen);
    replay_amount_add(&replay->requests, replay->group, replay->weight);
    for (unsigned i = 0; i < slots; i++)
        count_slot(replay, i, chosen[i]);
}

void replay_request(struct replay *replay, const struct logged_request *request, uint64_t weight)
{
    unsigned draws = replay->config.draws;
    ask(replay, request);
    replay->logged++;
    for (unsigned i = 0; i < draws; i++) {
        begin_draw(replay, request->viewer, weight, i);
        draw(replay, request->slot_count);
    }
}

/* ---- Results --------------------------------------------------------------------------------- */

static const struct replay_amount nothing;

static const struct replay_amount *serves_of(const struct replay *replay, unsigned campaign)
{
    CHECK(campaign < replay->config.campaign_count);
    return replay->serves[campaign] ? replay->serves[campaign] : &nothing;
}

static struct replay_sample sample_of(const struct replay *replay)
{
    double requests = (double)replay->requests.sum / REPLAY_ONE;
    return (struct replay_sample){
        .logged = requests > 0 ? (double)replay->logged / requests : 1,
        .base = replay->config.scaled ? &replay->requests : NULL,
    };
}

static uint64_t error_of(const struct replay *replay, const struct replay_amount *amount)
{
    const struct replay_sample sample = sample_of(replay);
    return replay_amount_error(amount, NULL, &sample);
}

struct replay_result replay_result(const struct replay *replay)
{
    struct replay_result result = replay->result;
    result.requests = replay->requests.sum;
    result.unfilled = replay->unfilled.sum;
    result.unfilled_error = error_of(replay, &replay->unfilled);
    result.subject.reach = replay->reach.sum;
    result.subject.reach_error = error_of(replay, &replay->reach);
    result.subject.serves_error = replay_serves_error(replay, replay->config.subject);
    return result;
}

struct replay_slot replay_slot(const struct replay *replay, unsigned slot)
{
    CHECK(slot < replay->config.slot_count);
    const struct slot_amounts *amounts = &replay->slots[slot];
    return (struct replay_slot){.requests = amounts->requests,
                                .unfilled = amounts->unfilled,
                                .subject = amounts->subject.sum,
                                .subject_error = error_of(replay, &amounts->subject)};
}

uint64_t replay_serves(const struct replay *replay, unsigned campaign)
{
    return serves_of(replay, campaign)->sum;
}

uint64_t replay_serves_error(const struct replay *replay, unsigned campaign)
{
    return error_of(replay, serves_of(replay, campaign));
}

uint64_t replay_difference_error(const struct replay *before, const struct replay *after,
                                 unsigned campaign)
{
    const struct replay_sample sample = sample_of(after);
    return replay_amount_error(serves_of(after, campaign), serves_of(before, campaign), &sample);
}

uint64_t replay_unfilled_difference_error(const struct replay *before, const struct replay *after)
{
    const struct replay_sample sample = sample_of(after);
    return replay_amount_error(&after->unfilled, &before->unfilled, &sample);
}

uint64_t replay_serves_on(const struct replay *replay, unsigned campaign, unsigned slot)
{
    return replay_tally_get(&replay->pairs, (uint64_t)campaign << 32 | slot);
}
