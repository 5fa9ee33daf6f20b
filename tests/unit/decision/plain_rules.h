/*
 * plain_rules: who may serve on a page, written down as plainly as can be and without a thought of
 * speed, for tests to compare decisions with.
 *
 * Nothing here asks the code that is tested: rules are the texts that campaigns were made from, and
 * are read anew each time; a viewer's serves are kept one by one.
 */
#ifndef TESTS_UNIT_DECISION_PLAIN_RULES_H
#define TESTS_UNIT_DECISION_PLAIN_RULES_H

#include "decision/selection.h"

#define PLAIN_CAMPAIGNS_MAX 64
#define PLAIN_CREATIVES_MAX 4 /* of a campaign */
#define PLAIN_SLOTS         3
#define PLAIN_VIEWERS       4
#define PLAIN_SERVES_MAX    4096 /* of one catalog's pages */
#define PLAIN_VALUES_MAX    3    /* of the page, for one rule */

/* In the order in which they are asked. */
enum plain_rule {
    RULE_COUNTRIES,
    RULE_REGIONS,
    RULE_DEVICES,
    RULE_BROWSERS,
    RULE_OS,
    RULE_LANGUAGES,
    RULE_DOMAINS,
    RULE_PATHS,
    RULE_REFERRERS,
    RULE_KEYWORDS,
    RULE_KV,
    RULE_HOURS,
    RULE_COUNT
};
extern const char *const plain_rule_fields[RULE_COUNT];

struct plain_creative {
    const struct creative *entry;
    unsigned width; /* 0: a text */
    bool active;
    const char *caps; /* as written */
};

struct plain_campaign {
    const struct campaign *entry;
    const char *tier, *share, *cpm, *slots, *status, *caps, *exclusions, *roadblock;
    int64_t start_us, end_us; /* INT64_MIN, INT64_MAX: open */
    const char *rules[RULE_COUNT];
    unsigned delivery; /* row; 0: none */
    struct plain_creative creatives[PLAIN_CREATIVES_MAX];
    unsigned creative_count;
};

struct plain_slot {
    const char *id, *widths, *domains, *status;
};

/* One serve to a viewer. */
struct plain_serve {
    unsigned viewer;
    const struct plain_campaign *campaign;
    const struct plain_creative *creative;
    int64_t at_ms;
};

struct plain_world {
    struct plain_slot slots[PLAIN_SLOTS];
    struct plain_campaign campaigns[PLAIN_CAMPAIGNS_MAX];
    unsigned campaign_count;
    struct plain_serve serves[PLAIN_SERVES_MAX];
    unsigned serve_count;
};

/* A page, in the words of the rules. */
struct plain_page {
    const struct plain_world *world;
    const struct page_request *request;
    unsigned viewer;
    const char *values[RULE_COUNT][PLAIN_VALUES_MAX + 1]; /* NULL ends them */
    const struct plain_slot *slots[PAGE_SLOTS_MAX];       /* NULL: not known */
    /* What has been chosen for the slots so far; NULL: nothing. */
    const struct plain_campaign *campaigns[PAGE_SLOTS_MAX];
    const struct plain_creative *creatives[PAGE_SLOTS_MAX];
};

/* Whether the campaign names the slot. */
bool plain_is_booked(const struct plain_campaign *campaign, const struct plain_slot *slot);

/* Why the slot takes nothing; REASON_NONE: it does. */
enum reason plain_judge_slot(const struct plain_page *page, unsigned at);

/* Whether the campaign wants all slots of this page, and the first slot that counts for it. */
bool plain_is_wide(const struct plain_page *page, const struct plain_campaign *campaign);
unsigned plain_lead(const struct plain_page *page);

/* The first reason against the campaign on the slot before anything is drawn. */
enum reason plain_judge(const struct plain_page *page, unsigned at,
                        const struct plain_campaign *campaign);

/* Whether one of its creatives may be drawn for the slot, caps and the page's other slots aside. */
bool plain_has_usable(const struct plain_page *page, unsigned at,
                      const struct plain_campaign *campaign);

/* Whether the creative may be put into the slot beside what the page has. */
bool plain_may_serve(const struct plain_page *page, unsigned at,
                     const struct plain_campaign *campaign, const struct plain_creative *creative);

/* Whether a cap of the creative or its campaign has no room for `more` serves of the campaign, one
 * of them of the creative (NULL: of none that is known). */
bool plain_is_capped_out(const struct plain_page *page, const struct plain_campaign *campaign,
                         const struct plain_creative *creative, unsigned more);

/* Whether a creative of its own can be found for each slot that counts. */
bool plain_has_plan(const struct plain_page *page, const struct plain_campaign *campaign);

bool plain_excludes(const struct plain_campaign *a, const struct plain_campaign *b);

/* Negative: a comes before b by tier and price. */
int plain_compare(const struct plain_campaign *a, const struct plain_campaign *b);

#endif
