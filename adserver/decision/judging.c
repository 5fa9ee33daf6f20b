#include "decision/judging.h"

#include "decision/targeting.h"

bool is_capped(const struct campaign *campaign, const struct creative *creative)
{
    return campaign->caps.count > 0 || creative->caps.count > 0;
}

enum reason judge_creative(const struct selection *selection, uint32_t width,
                           const struct campaign *campaign, const struct creative *creative)
{
    if (width > 0 && creative->size.width > width)
        return REASON_SIZE;
    return is_capped(campaign, creative) ? selection->capped_reason : REASON_NONE;
}

/* The reason that its creatives got furthest with; REASON_NONE where one may serve. */
static enum reason judge_creatives(const struct selection *selection, uint32_t width,
                                   const struct booking *booking)
{
    enum reason furthest = REASON_SIZE;
    for (unsigned i = 0; i < booking->creative_count; i++) {
        enum reason reason =
            judge_creative(selection, width, booking->campaign, booking->creatives[i]);
        if (reason == REASON_NONE)
            return REASON_NONE;
        if (reason > furthest)
            furthest = reason;
    }
    return furthest;
}

/* One that is bound and of which nothing is known waits for Redis. */
static enum reason judge_delivery(const struct campaign *campaign,
                                  const struct deliveries *deliveries)
{
    if (campaign->delivery == 0)
        return REASON_NONE;
    if (campaign->delivery >= deliveries->count)
        return REASON_REDIS_AWAY;
    const struct delivery *row = &deliveries->rows[campaign->delivery];
    return row->units > 0 || row->may_ask ? REASON_NONE : row->resting;
}

enum reason judge_booking(const struct selection *selection, uint32_t width,
                          const struct booking *booking)
{
    const struct campaign *campaign = booking->campaign;
    if (selection->now_us < campaign->start_us)
        return REASON_NOT_STARTED;
    if (campaign->end_us != TIME_UNSET && selection->now_us >= campaign->end_us)
        return REASON_ENDED;
    enum reason reason = targeting_judge(campaign, selection->facts, selection->now_us);
    if (reason == REASON_NONE)
        reason = judge_delivery(campaign, &selection->deliveries);
    return reason == REASON_NONE ? judge_creatives(selection, width, booking) : reason;
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
        listener->reject(campaign, reason, listener->arg);
}
