/*
 * roadblock: a campaign that wants all slots of a page (`roadblock` is `all`), or none.
 *
 * The page's first slot decides. There the campaign is drawn among the others of its tier; its
 * candidate leads: it is taken together with its followers in all later slots (page_rules.h), which
 * stand first in their lists, or not at all. So it needs
 *
 *   - to be booked on every slot of the page, with nothing that speaks against it,
 *   - a creative of its own for each of them, none twice, and none that the page has already,
 *   - and no slot where a campaign of a higher tier is offered: tiers are strict.
 *
 * Slots that are not known, paused, or closed to the page do not count. On a page with one slot it
 * is a campaign like any other. What a page asks for later (lazy slots) is a page of its own, which
 * the campaign may have, too.
 */
#ifndef DECISION_ROADBLOCK_H
#define DECISION_ROADBLOCK_H

#include "decision/judging.h"

#define ROADBLOCKS_MAX 4 /* that may lead one page; more of them rest */

struct roadblock_plan {
    const struct offer *offer;
    const struct creative *creatives[PAGE_SLOTS_MAX]; /* by slot; NULL: it does not count */
};

/* The slots of a page that count: the first of them, and how many. */
struct roadblock_page {
    unsigned lead, count;
};
struct roadblock_page roadblock_page(const struct page_request *request);

/*
 * Finds a creative for each slot that counts. `turn` says which of the possible ways is tried
 * first. False: there is none, or something speaks against the campaign on one of the slots.
 */
bool roadblock_make_plan(const struct selection *selection, const struct offer *offer,
                         unsigned turn, struct roadblock_plan *ret);

/*
 * Once all lists are made: takes out the campaigns that lead although a slot offers one of a higher
 * tier, and tells of them with REASON_ROADBLOCK.
 */
void roadblock_drop_outranked(struct selection *selection, const struct listener *listener);

#endif
