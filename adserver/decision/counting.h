/*
 * counting: why campaigns were refused, where looking at all of them would cost too much.
 */
#ifndef DECISION_COUNTING_H
#define DECISION_COUNTING_H

#include "decision/catalog_index.h"
#include "decision/judging.h"

#define COUNT_EVERY 4 /* pages: one campaign is looked at for so many of them */

/*
 * One campaign of one of the page's slots that are not exact is looked at, and told with the weight
 * that it stands for. To be called once a page when its lists are made.
 */
void count_in_turn(struct selection *selection, const struct listener *listener);

/* Sets `rejected` of an empty slot to an estimate over all that are booked on it; what settling
 * has counted of its candidates stays. */
void estimate_refusals(struct selection *selection, unsigned at);

#endif
