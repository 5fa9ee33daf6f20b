/*
 * stage: a catalog, a page that asks, and what was said of it, for tests of the selection.
 *
 *     struct stage stage = {0};
 *     stage_slot(&stage, "header", FIELDS());
 *     stage_campaign(&stage, "a", FIELDS("slots", "*"));   // with one image of its own, 100x100
 *     stage_open(&stage, "header");
 *     stage_run(&stage);
 */
#ifndef TESTS_UNIT_DECISION_STAGE_H
#define TESTS_UNIT_DECISION_STAGE_H

#include "decision/selection.h"
#include "entries.h"

struct stage {
    struct shelf shelf;
    struct catalog *catalog;
    struct page_request request;
    struct random random;
    struct selection selection;
    int chosen[PAGE_SLOTS_MAX];
    char said[4096]; /* "campaign=reason campaign=reason", in the order told */
    bool deaf;       /* nothing is told */
};

void stage_slot(struct stage *stage, const char *id, const char *const *fields);
void stage_campaign(struct stage *stage, const char *id, const char *const *fields);
/* Without a creative. */
void stage_bare_campaign(struct stage *stage, const char *id, const char *const *fields);
void stage_image(struct stage *stage, const char *id, const char *campaign, const char *size,
                 const char *const *fields);

/* Builds the catalog; the page asks for the slots named, separated by blanks. A viewer is there. */
void stage_open(struct stage *stage, const char *slots);
void stage_close(struct stage *stage);

void stage_run(struct stage *stage);
/* `refused` as for selection_settle(). */
void stage_settle(struct stage *stage, const uint32_t *refused);

/* The slot's list, "campaign/creative campaign/creative!", with ! behind what is capped. */
const char *stage_list(const struct stage *stage, unsigned slot);
/* The creative chosen for the slot, "-" for none. */
const char *stage_chosen(const struct stage *stage, unsigned slot);

#endif
