/*
 * crawler_names: what a crawler is called, found in its user agent.
 *
 * Nearly all of the known names are plain text. Each stands in a bucket by its first three bytes,
 * so that a user agent is walked through once, and only what may begin at a place is compared. The
 * few that are patterns are asked one by one.
 */
#ifndef DECISION_CRAWLER_NAMES_H
#define DECISION_CRAWLER_NAMES_H

#include "base/slice.h"
#include "decision/crawler_data.h"

struct crawler_names;

struct crawler_names *crawler_names_new(void);
void crawler_names_free(struct crawler_names *names);

/* The first of the table that is in the text; NULL: none. Lives as long as the process. */
const struct crawler_name *crawler_names_find(const struct crawler_names *names,
                                              struct slice agent);

#endif
