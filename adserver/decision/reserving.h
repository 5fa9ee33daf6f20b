/*
 * reserving: the way of store/reserve.lua through a page's lists, in C, for caps that are not in
 * Redis: forecasts, explanations and tests.
 */
#ifndef DECISION_RESERVING_H
#define DECISION_RESERVING_H

#include "decision/selection.h"

/*
 * Whether the caps of all of the group have room together; then they have been counted (or not,
 * where one only wants to know).
 */
typedef bool reserving_take_fn(const struct candidate *const *group, unsigned count, void *arg);

/*
 * Slot by slot the first candidate that goes with the page and whose caps have room. Sets
 * `refused[slot]` for selection_settle().
 */
void selection_reserve(const struct selection *selection, reserving_take_fn *take, void *arg,
                       uint32_t refused[PAGE_SLOTS_MAX]);

#endif
