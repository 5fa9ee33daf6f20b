/*
 * live_counts: campaigns' sums as they grow, for adctl top.
 *
 * A look reads every campaign's sums (ad:total); rates are what they grew by over the last
 * LIVE_LOOKS looks.
 */
#ifndef CTL_LIVE_COUNTS_H
#define CTL_LIVE_COUNTS_H

#include "base/strbuf.h"
#include "ctl/server_stats.h"
#include "ctl/tool.h"

#define LIVE_LOOKS 5 /* looks that a rate reaches back */

enum live_metric { LIVE_SERVES, LIVE_IMPRESSIONS, LIVE_VIEWABLES, LIVE_CLICKS, LIVE_METRICS };

struct live_counts;

struct live_counts *live_counts_new(void);
void live_counts_free(struct live_counts *counts);

/* Looks once more; `stats` may be NULL. False with a mistake noted. */
bool live_counts_look(struct live_counts *counts, struct tool *tool,
                      const struct server_stats *stats);

/* The picture: the busiest campaigns, at most `lines` lines in all. */
void live_counts_print(const struct live_counts *counts, const struct server_stats *stats,
                       struct tool *tool, unsigned lines, struct strbuf *to);

#endif
