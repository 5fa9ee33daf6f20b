/*
 * ledger_serves: serves added up and written in batches, for store/ledger.c.
 *
 * One batch at a time is under way: one script call a campaign and hour. A call of which it is not
 * known whether it ran is sent again with the same number, and the script adds no number twice; so
 * the counts are exact as long as the process lives. Meanwhile new serves add up for the next
 * batch.
 */
#ifndef STORE_LEDGER_SERVES_H
#define STORE_LEDGER_SERVES_H

#include "store/ledger.h"

#define SERVES_MARK_KEPT_MS (INT64_C(86400) * 1000) /* the number of the last batch, in Redis */

struct serves;

struct serves *serves_new(const struct ledger_config *config);
void serves_free(struct serves *serves);

/* Of metric `serves`, or of `serves_<word>` of a filter's. */
void serves_add(struct serves *serves, enum event_filter filter, struct slice campaign,
                struct slice creative, struct slice slot, int64_t now_us);

/* As ledger_flush(). */
void serves_flush(struct serves *serves, ledger_fn *fn, void *arg);

#endif
