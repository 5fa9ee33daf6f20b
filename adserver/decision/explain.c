#include "decision/explain.h"

#include <stdlib.h>

#include "base/check.h"
#include "decision/explain_parts.h"

_Static_assert(EXPLAIN_CAPS_MAX < UINT16_MAX, "positions of caps are 16 bits");

/* ---- Counters -------------------------------------------------------------------------------- */

/* Where the counter is in the table, or would be. */
static unsigned cap_place(const struct explain *explain, uint64_t key)
{
    unsigned at = (unsigned)(key & (EXPLAIN_CAP_PLACES - 1));
    while (explain->cap_places[at] && explain->caps[explain->cap_places[at] - 1].key != key)
        at = (at + 1) & (EXPLAIN_CAP_PLACES - 1);
    return at;
}

struct explain_cap *explain_find_cap(const struct explain *explain, uint64_t key)
{
    unsigned number = explain->cap_places[cap_place(explain, key)];
    return number ? &explain->caps[number - 1] : NULL;
}

static void want_caps(struct explain *explain, const struct caps *caps)
{
    for (unsigned i = 0; i < caps->count; i++) {
        unsigned at = cap_place(explain, caps->item[i].key);
        if (explain->cap_places[at] || explain->cap_count == EXPLAIN_CAPS_MAX)
            continue;
        explain->caps[explain->cap_count] =
            (struct explain_cap){.key = caps->item[i].key, .end_us = TIME_UNSET};
        explain->cap_places[at] = (uint16_t)++explain->cap_count;
    }
}

unsigned explain_cap_count(const struct explain *explain)
{
    return explain->cap_count;
}

uint64_t explain_cap_key(const struct explain *explain, unsigned at)
{
    CHECK(at < explain->cap_count);
    return explain->caps[at].key;
}

/* A window that is over at the moment asked about has been forgotten by then. */
void explain_set_cap(struct explain *explain, unsigned at, uint64_t served, int64_t left_ms,
                     int64_t read_us)
{
    CHECK(at < explain->cap_count);
    struct explain_cap *cap = &explain->caps[at];
    int64_t now_us = explain->question.request.now_us;
    cap->served = served;
    cap->end_us = TIME_UNSET;
    if (served == 0 || left_ms < 0)
        return;
    cap->end_us = left_ms > (INT64_MAX - read_us) / 1000 ? INT64_MAX : read_us + left_ms * 1000;
    if (cap->end_us <= now_us) {
        cap->served = 0;
        cap->end_us = TIME_UNSET;
    }
}

/* ---- Goals and budgets ----------------------------------------------------------------------- */

static struct explain_bound *find_bound(const struct explain *explain,
                                        const struct campaign *campaign)
{
    for (unsigned i = 0; i < explain->bound_count; i++) {
        if (explain->bounds[i].campaign == campaign)
            return (struct explain_bound *)&explain->bounds[i];
    }
    return NULL;
}

const struct explain_progress *explain_find_progress(const struct explain *explain,
                                                     const struct campaign *campaign)
{
    const struct explain_bound *bound = find_bound(explain, campaign);
    return bound ? &bound->progress : NULL;
}

static void want_progress(struct explain *explain, const struct campaign *campaign)
{
    if (campaign->delivery == 0 || explain->bound_count == EXPLAIN_BOUNDS_MAX ||
        find_bound(explain, campaign))
        return;
    explain->bounds[explain->bound_count++] =
        (struct explain_bound){.campaign = campaign, .progress = {.resting = REASON_NONE}};
}

unsigned explain_bound_count(const struct explain *explain)
{
    return explain->bound_count;
}

const struct campaign *explain_bound(const struct explain *explain, unsigned at)
{
    CHECK(at < explain->bound_count);
    return explain->bounds[at].campaign;
}

void explain_set_progress(struct explain *explain, unsigned at,
                          const struct explain_progress *progress)
{
    CHECK(at < explain->bound_count);
    explain->bounds[at].progress = *progress;
    if (progress->resting != REASON_NONE)
        explain->rows[explain->bounds[at].campaign->delivery] =
            (struct delivery){.resting = progress->resting};
}

/* What a campaign that is found to be at rest has been taken for before. */
static enum reason rests(const struct explain *explain, const struct campaign *campaign)
{
    if (campaign->delivery == 0)
        return REASON_NONE;
    const struct delivery *row = &explain->rows[campaign->delivery];
    return row->units > 0 ? REASON_NONE : row->resting;
}

static void open_rows(struct explain *explain)
{
    struct deliveries *deliveries = &explain->question.request.deliveries;
    unsigned count = explain->question.deliveries;
    explain->rows = check_calloc(count > 0 ? count : 1, sizeof *explain->rows);
    for (unsigned i = 0; i < count; i++)
        explain->rows[i].units = UINT32_MAX;
    *deliveries = (struct deliveries){explain->rows, count};
}

/* ---- Judging --------------------------------------------------------------------------------- */

/* Nothing speaks against it but what is only known once draws have been made. */
static bool is_eligible(const struct explain_verdict *verdict)
{
    return verdict->reason == REASON_NONE;
}

/* For qsort: eligible ones first, then those that got furthest. */
static int compare_judged(const void *a, const void *b)
{
    const struct explain_verdict *left = a, *right = b;
    if (left->reason != right->reason)
        return left->reason > right->reason ? -1 : 1; /* REASON_NONE is the highest */
    return left->order < right->order ? -1 : left->order > right->order;
}

static bool is_asked_for(const struct explain *explain, const struct campaign *campaign)
{
    struct slice only = explain->question.campaign;
    return only.len == 0 || slice_eq(campaign->id, only);
}

static void keep(struct explain *explain, struct explain_work *work,
                 const struct explain_verdict *verdict)
{
    if (!is_asked_for(explain, verdict->campaign))
        return;
    if (work->kept == EXPLAIN_VERDICTS_MAX) {
        qsort(work->verdicts, work->kept, sizeof *work->verdicts, compare_judged);
        work->kept = EXPLAIN_CAMPAIGNS_MAX;
    }
    work->slot.counts[verdict->reason]++;
    work->verdicts[work->kept] = *verdict;
    work->verdicts[work->kept++].order = work->slot.total++;
}

/* What only eligible ones bring: counters to read, and their part of the tier. */
static void weigh_in(struct explain *explain, struct explain_work *work, const struct offer *offer)
{
    const struct campaign *campaign = offer->campaign;
    struct explain_tier *tier = &work->tiers[campaign->tier];
    if (campaign->share_ppm == 0)
        tier->weight += campaign->weight;
    want_progress(explain, campaign);
    if (!explain->selection.counts_caps)
        return;
    want_caps(explain, &campaign->caps);
    for (unsigned i = 0; i < offer->active_count; i++) {
        if (explain_fits(explain, work->slot.index, campaign, offer_creative(offer, i)))
            want_caps(explain, &offer_creative(offer, i)->caps);
    }
}

bool explain_fits(const struct explain *explain, const struct slot_index *index,
                  const struct campaign *campaign, const struct creative *creative)
{
    const struct page_slot slot = {.index = index};
    return judge_creative(&explain->selection, &slot, campaign, creative) != REASON_SIZE;
}

static bool has_fitting(const struct explain *explain, const struct slot_index *index,
                        const struct offer *offer)
{
    for (unsigned i = 0; i < offer->active_count; i++) {
        if (explain_fits(explain, index, offer->campaign, offer_creative(offer, i)))
            return true;
    }
    return false;
}

static void judge_booked(struct explain *explain, struct explain_work *work,
                         const struct offer *offer)
{
    const struct page_slot slot = {.index = work->slot.index, .width = work->width};
    struct explain_verdict verdict = {.campaign = offer->campaign, .reason = work->slot.closed};
    if (has_fitting(explain, slot.index, offer))
        verdict.offer = offer;
    if (verdict.reason == REASON_NONE)
        verdict.reason = judge_offer(&explain->selection, &slot, offer);
    if (is_eligible(&verdict))
        weigh_in(explain, work, offer);
    keep(explain, work, &verdict);
}

static bool is_booked(const struct campaign *campaign, const struct slot *slot)
{
    if (campaign->all_slots)
        return true;
    for (unsigned i = 0; i < campaign->slots.count; i++) {
        if (slice_eq(campaign->slots.item[i], slot->id))
            return true;
    }
    return false;
}

static void judge_position(struct explain *explain, struct explain_work *work,
                           const struct offer *offer)
{
    struct explain_verdict elsewhere = {.campaign = offer->campaign, .reason = REASON_SLOT};
    if (is_booked(offer->campaign, work->slot.index->slot))
        judge_booked(explain, work, offer);
    else
        keep(explain, work, &elsewhere);
}

/* By position. False: that was all of the slot. */
static bool judge_next(struct explain *explain, struct explain_work *work)
{
    const struct catalog *catalog = explain->question.catalog;
    if (!work->slot.index || work->judged == catalog_positions(catalog))
        return false;
    const struct offer *offer = catalog_offer_at(catalog, work->judged++);
    if (offer)
        judge_position(explain, work, offer);
    return true;
}

static void let_go_positions(struct explain *explain)
{
    if (explain->holds)
        catalog_let_go_positions(explain->question.catalog);
    explain->holds = false;
}

bool explain_judge(struct explain *explain)
{
    for (unsigned i = 0; i < EXPLAIN_JUDGED_STEP; i++) {
        if (explain->judging == explain->question.request.slot_count) {
            let_go_positions(explain);
            return false;
        }
        if (!judge_next(explain, &explain->work[explain->judging]))
            explain->judging++;
    }
    return true;
}

/* ---- Making and freeing ---------------------------------------------------------------------- */

static void open_slot(struct explain_work *work, const struct page_request *request,
                      const struct page_slot *asked)
{
    work->slot.name = asked->name;
    work->slot.index = asked->index;
    work->width = asked->width;
    work->slot.closed = REASON_NONE;
    if (asked->index)
        work->deck = asked->index->rows->deck;
    if (asked->index)
        work->slot.closed = judge_slot(asked->index->slot, request->facts.domain);
    work->verdicts = check_malloc(EXPLAIN_VERDICTS_MAX * sizeof *work->verdicts);
}

/* What judging goes by, of a page without slots. */
static void prepare_judging(struct explain *explain)
{
    explain->question.request.slot_count = 0;
    selection_run(&explain->question.request, &explain->random, NULL, NULL, &explain->selection);
}

struct explain *explain_new(const struct explain_question *question)
{
    unsigned count = question->request.slot_count;
    struct explain *explain = check_calloc(1, sizeof *explain);
    CHECK(count > 0 && count <= PAGE_SLOTS_MAX);
    explain->question = *question;
    explain->changes = question->catalog->changes;
    explain->caps = check_malloc(EXPLAIN_CAPS_MAX * sizeof *explain->caps);
    random_seed(&explain->random, question->seed);
    open_rows(explain);
    prepare_judging(explain);
    explain->question.request.slot_count = count;
    explain->work = check_calloc(count, sizeof *explain->work);
    for (unsigned i = 0; i < count; i++)
        open_slot(&explain->work[i], &question->request, &question->request.slots[i]);
    catalog_hold_positions(question->catalog);
    explain->holds = true;
    return explain;
}

void explain_free(struct explain *explain)
{
    if (!explain)
        return;
    let_go_positions(explain);
    for (unsigned i = 0; i < explain->question.request.slot_count; i++)
        free(explain->work[i].verdicts);
    free(explain->work);
    free(explain->caps);
    free(explain->rows);
    free(explain);
}

bool explain_is_current(const struct explain *explain)
{
    return explain->question.catalog->changes == explain->changes;
}

/* ---- Listing --------------------------------------------------------------------------------- */

/* For qsort and bsearch. */
static int compare_campaigns(const void *a, const void *b)
{
    const struct explain_verdict *left = a, *right = b;
    return left->campaign < right->campaign ? -1 : left->campaign > right->campaign;
}

/* For qsort: served, then those that are served most often, then those that got furthest. */
static int compare_listed(const void *a, const void *b)
{
    const struct explain_verdict *left = a, *right = b;
    if ((left->reason == REASON_NONE) != (right->reason == REASON_NONE))
        return left->reason == REASON_NONE ? -1 : 1;
    if (left->draws != right->draws)
        return left->draws > right->draws ? -1 : 1;
    return compare_judged(a, b);
}

/* Each campaign that won a draw gets its draws; one that was judged and not kept comes back. */
static void count_draws(struct explain *explain, struct explain_work *work)
{
    uint32_t known = work->kept;
    qsort(work->verdicts, known, sizeof *work->verdicts, compare_campaigns);
    for (unsigned i = 0; i < EXPLAIN_DRAWS; i++) {
        struct explain_verdict wanted = {.campaign = work->winners[i].campaign};
        if (!wanted.campaign || !is_asked_for(explain, wanted.campaign))
            continue;
        struct explain_verdict *verdict =
            bsearch(&wanted, work->verdicts, known, sizeof wanted, compare_campaigns);
        for (uint32_t k = known; !verdict && k < work->kept; k++) {
            if (work->verdicts[k].campaign == wanted.campaign)
                verdict = &work->verdicts[k];
        }
        if (!verdict) {
            verdict = &work->verdicts[work->kept++];
            *verdict = (struct explain_verdict){
                .campaign = wanted.campaign, .reason = REASON_NONE, .order = UINT32_MAX};
        }
        verdict->draws++;
    }
}

static enum reason passed_reason(const struct explain_work *work, const struct campaign *campaign)
{
    for (unsigned i = 0; i < work->passed_count; i++) {
        if (work->passed[i].campaign == campaign)
            return work->passed[i].reason;
    }
    return REASON_NONE;
}

/* Of an eligible campaign: what became of it in the draw that is shown. */
static void settle(const struct explain *explain, unsigned slot, struct explain_verdict *verdict)
{
    struct explain_work *work = &explain->work[slot];
    const struct campaign *campaign = verdict->campaign;
    if (work->winners[EXPLAIN_SHOWN].campaign == campaign) {
        verdict->creative = work->winners[EXPLAIN_SHOWN].creative;
        work->slot.counts[REASON_NONE]++;
        return;
    }
    verdict->reason = rests(explain, campaign);
    if (verdict->reason == REASON_NONE)
        verdict->reason = passed_reason(work, campaign);
    if (verdict->reason == REASON_NONE)
        verdict->reason =
            explain_is_capped_out(explain, slot, verdict->offer) ? REASON_CAP : REASON_OUTWEIGHED;
    work->slot.counts[verdict->reason]++;
}

/* Eligible campaigns that are not listed were not served in the draw that is shown. */
static void count_unlisted(struct explain_work *work, uint32_t eligible, uint32_t listed)
{
    work->slot.counts[REASON_OUTWEIGHED] += eligible - listed;
    work->slot.counts[REASON_NONE] = 0;
}

/* What a campaign that could not be served has no part in. */
static void weigh_out(struct explain_work *work, const struct explain_verdict *verdict)
{
    struct explain_tier *tier = &work->tiers[verdict->campaign->tier];
    if (verdict->reason != REASON_NONE && verdict->reason != REASON_OUTWEIGHED) {
        if (verdict->campaign->share_ppm == 0)
            tier->weight -= verdict->campaign->weight;
    } else if (verdict->campaign->cpm_micro > tier->cpm_micro) {
        tier->cpm_micro = verdict->campaign->cpm_micro;
    }
}

static void list_slot(struct explain *explain, unsigned slot)
{
    struct explain_work *work = &explain->work[slot];
    uint32_t eligible = 0;
    if (work->kept > EXPLAIN_CAMPAIGNS_MAX) {
        qsort(work->verdicts, work->kept, sizeof *work->verdicts, compare_judged);
        work->kept = EXPLAIN_CAMPAIGNS_MAX;
    }
    count_draws(explain, work);
    for (unsigned i = 0; i < EXPLAIN_DRAWS; i++)
        work->slot.filled += work->winners[i].campaign != NULL;
    for (uint32_t i = 0; i < work->kept; i++)
        eligible += is_eligible(&work->verdicts[i]);
    count_unlisted(work, work->slot.counts[REASON_NONE], eligible);
    for (uint32_t i = 0; i < work->kept; i++) {
        if (!is_eligible(&work->verdicts[i]))
            continue;
        settle(explain, slot, &work->verdicts[i]);
        weigh_out(work, &work->verdicts[i]);
    }
    qsort(work->verdicts, work->kept, sizeof *work->verdicts, compare_listed);
    work->slot.list = work->verdicts;
    work->slot.listed = work->kept < EXPLAIN_CAMPAIGNS_MAX ? work->kept : EXPLAIN_CAMPAIGNS_MAX;
}

bool explain_list(struct explain *explain)
{
    if (explain->listing == explain->question.request.slot_count)
        return false;
    list_slot(explain, explain->listing++);
    return true;
}

/* ---- Reading --------------------------------------------------------------------------------- */

const struct explain_question *explain_asked(const struct explain *explain)
{
    return &explain->question;
}

unsigned explain_slot_count(const struct explain *explain)
{
    return explain->question.request.slot_count;
}

const struct explain_slot *explain_slot(const struct explain *explain, unsigned slot)
{
    CHECK(slot < explain->listing);
    return &explain->work[slot].slot;
}

const char *explain_word(enum reason reason)
{
    return reason == REASON_NONE ? "served" : reason_rows[reason].word;
}
