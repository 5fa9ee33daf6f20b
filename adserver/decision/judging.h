/*
 * judging: whether something may serve, and telling why it may not.
 *
 * One verdict for all who ask: whoever the index finds is judged here, and so is whoever is only
 * looked at for the counts or to be explained.
 */
#ifndef DECISION_JUDGING_H
#define DECISION_JUDGING_H

#include "decision/selection.h"

/* Why nothing may serve on the slot; REASON_NONE: something may. */
enum reason judge_slot(const struct slot *slot, struct slice page_domain);

/* Why nothing that has a cap may serve on the page; REASON_NONE: it may. */
enum reason judge_capped(const struct page_request *request);

/* Why the campaign may not serve now on that slot, in the order of reasons.def up to its caps, and
 * then what its delivery says; REASON_NONE: it may. */
enum reason judge_offer(const struct selection *selection, const struct page_slot *slot,
                        const struct offer *offer);

/* Why it can't be beside what earlier requests of the page have brought; REASON_NONE: it can. */
enum reason judge_beside(const struct page_request *request, const struct campaign *campaign);

/* The same of one of its active creatives, by itself. */
enum reason judge_creative(const struct selection *selection, const struct page_slot *slot,
                           const struct campaign *campaign, const struct creative *creative);

/* Whether an earlier request of the page has brought the creative. */
bool was_on_page(const struct page_request *request, const struct creative *creative);

bool is_capped(const struct campaign *campaign, const struct creative *creative);

/* Who is told; `reject` may be NULL. */
struct listener {
    selection_reject_fn *reject;
    void *arg;
};

/* Counts the campaign as rejected on the slot, and tells. */
void reject_campaign(struct slot_selection *slot, const struct listener *listener,
                     const struct campaign *campaign, enum reason reason);

/* Whether the campaign stands among the first `end` candidates. */
bool is_listed(const struct slot_selection *slot, unsigned end, const struct campaign *campaign);

#endif
