/*
 * forecast_site: the catalog as it is, and as it would be with a campaign in it, from the hashes in
 * Redis and a file, with numbers for a replay (decision/replay.h).
 */
#ifndef CTL_FORECAST_SITE_H
#define CTL_FORECAST_SITE_H

#include "ctl/document.h"
#include "ctl/tool.h"
#include "decision/catalog.h"

enum { FORECAST_BEFORE, FORECAST_AFTER, FORECAST_SIDES };

struct forecast_site {
    struct catalog *catalogs[FORECAST_SIDES];
    /* By number, 1 to count - 1; NULL where that side does not have it. */
    const struct campaign **campaigns[FORECAST_SIDES];
    const struct slot **slots;
    unsigned campaign_count, slot_count;
    unsigned subject;  /* number of the file's campaign */
    bool replaces;     /* the catalog has one of its id */
    bool wakes;        /* it is not active, and is taken to be */
    unsigned left_out; /* entries of Redis that have mistakes */
    int64_t length_us; /* of its period; 0: without end */
};

/*
 * `document` holds one campaign with its creatives. The campaign's period is moved: it begins at
 * `begin_us` and is as long as it is; one without a start is taken to start at `end_us`. False with
 * a mistake noted.
 */
bool forecast_site_build(struct tool *tool, const struct document *document, int64_t begin_us,
                         int64_t end_us, struct forecast_site *ret);
void forecast_site_release(struct forecast_site *site);

#endif
