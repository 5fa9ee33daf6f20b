/*
 * page_rules: what may stand on one page together.
 *
 * No creative twice; no campaign twice, unless it is a roadblock; no two campaigns that share a
 * label of their exclusions. store/reserve.lua knows the same rules by numbers.
 */
#ifndef DECISION_PAGE_RULES_H
#define DECISION_PAGE_RULES_H

#include "decision/selection.h"

/* Whether each excludes the other. */
bool campaigns_exclude(const struct campaign *a, const struct campaign *b);

/*
 * Why the candidate of slot `at` can't be beside what `chosen` puts into the slots before it:
 * REASON_EXCLUSION, REASON_ON_PAGE, or REASON_ROADBLOCK for a follower whose campaign is not on the
 * page. REASON_NONE: it can.
 */
enum reason page_refuses(const struct selection *selection, const int *chosen, unsigned at,
                         const struct candidate *candidate);

/*
 * What is taken together with the candidate of slot `at`: itself and, where it leads, its followers
 * in the slots behind. Returns how many.
 */
unsigned page_group(const struct selection *selection, unsigned at,
                    const struct candidate *candidate,
                    const struct candidate *group[PAGE_SLOTS_MAX]);

/* Whether its caps were asked for with its leader's. */
bool page_is_paid(const struct candidate *candidate);

#endif
