/*
 * judging: whether something may serve, and telling why it may not.
 *
 * The same questions are asked when candidates are gathered and, for those that were outweighed,
 * when the page ends; a selection holds all that the answers depend on.
 */
#ifndef DECISION_JUDGING_H
#define DECISION_JUDGING_H

#include "decision/selection.h"

/* Why nothing may serve on the slot; REASON_NONE: something may. */
enum reason judge_slot(const struct slot *slot, struct slice page_domain);

/* Why nothing that has a cap may serve on the page; REASON_NONE: it may. */
enum reason judge_capped(const struct page_request *request);

/* Why the campaign may not serve now in that width; REASON_NONE: it may. */
enum reason judge_booking(const struct selection *selection, uint32_t width,
                          const struct booking *booking);

/* The same of one of its creatives. */
enum reason judge_creative(const struct selection *selection, uint32_t width,
                           const struct campaign *campaign, const struct creative *creative);

bool is_capped(const struct campaign *campaign, const struct creative *creative);

/* Who is told; `reject` may be NULL. */
struct listener {
    selection_reject_fn *reject;
    void *arg;
};

/* Counts the campaign as rejected on the slot, and tells. */
void reject_campaign(struct slot_selection *slot, const struct listener *listener,
                     const struct campaign *campaign, enum reason reason);

#endif
