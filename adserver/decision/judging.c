#include "decision/judging.h"

#include "decision/page_rules.h"
#include "decision/targeting.h"

bool is_capped(const struct campaign *campaign, const struct creative *creative)
{
    return campaign->caps.count > 0 || creative->caps.count > 0;
}

static inline bool fits(struct size size, const struct page_slot *asked)
{
    const struct slot *slot = asked->index->slot;
    if (asked->width > 0 && size.width > asked->width)
        return false;
    if (size.width == 0 || slot->size_count == 0)
        return true; /* a text fits everywhere */
    for (unsigned i = 0; i < slot->size_count; i++) {
        if (slot->sizes[i].width == size.width && slot->sizes[i].height == size.height)
            return true;
    }
    return false;
}

enum reason judge_creative(const struct selection *selection, const struct page_slot *slot,
                           const struct campaign *campaign, const struct creative *creative)
{
    if (!fits(creative->size, slot))
        return REASON_SIZE;
    return is_capped(campaign, creative) ? selection->capped_reason : REASON_NONE;
}

/* The reason that its creatives got furthest with; REASON_NONE where one may serve. */
static enum reason judge_several(const struct selection *selection, const struct page_slot *slot,
                                 const struct offer *offer)
{
    enum reason furthest = REASON_SIZE;
    for (unsigned i = 0; i < offer->active_count; i++) {
        enum reason reason =
            judge_creative(selection, slot, offer->campaign, offer_creative(offer, i));
        if (reason == REASON_NONE)
            return REASON_NONE;
        if (reason > furthest)
            furthest = reason;
    }
    return furthest;
}

static enum reason judge_creatives(const struct selection *selection, const struct page_slot *slot,
                                   const struct offer *offer)
{
    if (!offer->single)
        return judge_several(selection, slot, offer);
    if (!fits(offer->size, slot))
        return REASON_SIZE;
    return offer->capped ? selection->capped_reason : REASON_NONE;
}

static enum reason judge_state(const struct offer *offer, int64_t now_us)
{
    if (offer->resting != REASON_NONE)
        return (enum reason)offer->resting;
    if (now_us < offer->start_us)
        return REASON_NOT_STARTED;
    return now_us >= offer->end_us && offer->end_us != INT64_MAX ? REASON_ENDED : REASON_NONE;
}

/* One that is bound and of which nothing is known waits for Redis. */
static enum reason judge_delivery(const struct campaign *campaign,
                                  const struct deliveries *deliveries)
{
    if (campaign->delivery == 0)
        return REASON_NONE;
    if (!deliveries->rows || campaign->delivery >= deliveries->count)
        return REASON_REDIS_AWAY;
    const struct delivery *row = &deliveries->rows[campaign->delivery];
    return row->units > 0 || row->may_ask ? REASON_NONE : row->resting;
}

enum reason judge_offer(const struct selection *selection, const struct page_slot *slot,
                        const struct offer *offer)
{
    const struct page_request *request = selection->request;
    enum reason state = judge_state(offer, request->now_us);
    if (state != REASON_NONE)
        return state;
    enum reason creatives = judge_creatives(selection, slot, offer);
    if (creatives == REASON_SIZE || offer->plain)
        return creatives;
    enum reason targeting = targeting_judge(offer->campaign, &request->facts, request->now_us);
    if (targeting != REASON_NONE)
        return targeting;
    return creatives != REASON_NONE ? creatives
                                    : judge_delivery(offer->campaign, &request->deliveries);
}

enum reason judge_beside(const struct page_request *request, const struct campaign *campaign)
{
    for (unsigned i = 0; i < request->on_page_count; i++) {
        const struct campaign *there = request->on_page[i].campaign;
        if (there == campaign && campaign->roadblock == ROADBLOCK_OFF)
            return REASON_ON_PAGE;
        if (there && campaigns_exclude(there, campaign))
            return REASON_EXCLUSION;
    }
    return REASON_NONE;
}

bool was_on_page(const struct page_request *request, const struct creative *creative)
{
    for (unsigned i = 0; i < request->on_page_count; i++) {
        if (request->on_page[i].creative == creative)
            return true;
    }
    return false;
}

static bool is_on_or_below(struct slice page, struct slice domain)
{
    if (page.len == domain.len)
        return slice_eq(page, domain);
    return page.len > domain.len && page.ptr[page.len - domain.len - 1] == '.' &&
           slice_ends(page, domain);
}

/* Excluded ones stand first in the list (`!` sorts before letters). */
static bool domain_is_allowed(const struct slice_list *domains, struct slice page)
{
    bool allowed = true;
    for (unsigned i = 0; i < domains->count; i++) {
        struct slice domain = domains->item[i];
        bool excludes = domain.ptr[0] == '!';
        if (page.len == 0)
            return false;
        if (is_on_or_below(page, slice_from(domain, excludes ? 1 : 0)))
            return !excludes;
        allowed = excludes;
    }
    return allowed;
}

enum reason judge_slot(const struct slot *slot, struct slice page_domain)
{
    if (slot->status != STATUS_ACTIVE)
        return REASON_INACTIVE;
    return domain_is_allowed(&slot->domains, page_domain) ? REASON_NONE : REASON_DOMAIN;
}

enum reason judge_capped(const struct page_request *request)
{
    if (!request->has_viewer)
        return request->serve_anonymous ? REASON_NONE : REASON_NO_VIEWER;
    if (!request->caps_away)
        return REASON_NONE;
    return request->caps_away_reason == CAPS_AWAY_DEADLINE ? REASON_DEADLINE : REASON_REDIS_AWAY;
}

void reject_campaign(struct slot_selection *slot, const struct listener *listener,
                     const struct campaign *campaign, enum reason reason)
{
    slot->rejected[reason]++;
    if (listener->reject)
        listener->reject(campaign, reason, 1, listener->arg);
}

bool is_listed(const struct slot_selection *slot, unsigned end, const struct campaign *campaign)
{
    for (unsigned i = 0; i < end; i++) {
        if (slot->candidates[i].campaign == campaign)
            return true;
    }
    return false;
}
