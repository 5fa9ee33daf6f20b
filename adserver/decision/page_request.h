/*
 * page_request: one page's question, as plain data. Everything a decision depends on is in here,
 * in the catalog, and in the random source: the same three give the same decision.
 */
#ifndef DECISION_PAGE_REQUEST_H
#define DECISION_PAGE_REQUEST_H

#include "decision/catalog.h"
#include "decision/delivery.h"
#include "decision/facts.h"

#define PAGE_SLOTS_MAX   16
#define PAGE_ON_PAGE_MAX 40 /* ads shown before that are kept in mind */

struct page_slot {
    struct slice name;              /* as asked */
    const struct slot_index *index; /* NULL: unknown slot */
    uint32_t width;                 /* available, CSS pixels; 0: not said */
};

/* An ad that an earlier request of the same page brought; NULL: no longer in the catalog. */
struct page_ad {
    const struct campaign *campaign;
    const struct creative *creative;
};

struct page_request {
    int64_t now_us; /* wall time */
    struct page_slot slots[PAGE_SLOTS_MAX];
    unsigned slot_count;
    struct page_ad on_page[PAGE_ON_PAGE_MAX];
    unsigned on_page_count;
    struct page_facts facts;
    bool has_viewer;      /* the viewer is known by some identity */
    bool serve_anonymous; /* capped campaigns for an unknown viewer: served uncapped, or not */
    bool caps_away;       /* what has a cap rests: Redis is away */
    bool judge_all;       /* each campaign on the slots is judged and told of, whatever it costs */
    struct deliveries deliveries;
    enum { CAPS_AWAY_REDIS, CAPS_AWAY_DEADLINE } caps_away_reason;
};

#endif
