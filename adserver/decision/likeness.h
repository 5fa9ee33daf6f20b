/*
 * likeness: which campaigns want alike pages, as numbers to sort and to hash them by.
 *
 * Campaigns that stand side by side share chunks of the index (catalog_index.h), and a chunk costs
 * a page nothing when none of its campaigns accepts the page's value in some dimension. So they are
 * told apart by one dimension after the other, and the fewer values a dimension has, the more
 * chunks a page's value leaves out of those sorted by it: devices come before countries.
 */
#ifndef DECISION_LIKENESS_H
#define DECISION_LIKENESS_H

#include "decision/model.h"

/* In the order of their weight; equal where campaigns want the same. */
struct likeness {
    uint64_t slots, devices, countries, viewers, context;
};

struct likeness likeness_of(const struct campaign *campaign);
int likeness_compare(const struct likeness *a, const struct likeness *b);
uint64_t likeness_hash(const struct likeness *likeness, uint64_t seed);

#endif
