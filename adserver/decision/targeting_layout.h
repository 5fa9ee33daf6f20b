/*
 * targeting_layout: how a campaign's compiled rules lie in memory; for targeting_*.c alone.
 *
 *     struct targeting | section | section | ...        each section: head | payload, 8-aligned
 *
 * Sections stand in the order of enum section_kind, one for each field that has a rule, and one for
 * each name of a key-value. Payloads:
 *
 *     COUNTRY    struct country_set, includes and excludes worked in
 *     REGION     codes as uint64_t, the same way: `includes` of them may do, or `excludes` may not
 *     HOURS      struct hours, in the same way
 *     KV         the name as a text, then as the others
 *     others     texts that exclude, then those that include; a text is its length and its bytes
 */
#ifndef DECISION_TARGETING_LAYOUT_H
#define DECISION_TARGETING_LAYOUT_H

#include "decision/facts.h"
#include "decision/pack.h"

enum section_kind {
    SECTION_COUNTRY,
    SECTION_REGION,
    /* device, browser and system, which are masks in the head, come between */
    SECTION_LANGUAGE,
    SECTION_DOMAIN,
    SECTION_PATH,
    SECTION_REFERRER,
    SECTION_KEYWORD,
    SECTION_KV,
    SECTION_HOURS,
    SECTION_KIND_COUNT
};

struct targeting {
    struct pack_run run;
    uint8_t devices, browsers, systems; /* bits that are accepted; all where there is no rule */
    uint8_t section_count;
};
_Static_assert(DEVICE_COUNT <= 8 && BROWSER_COUNT <= 8 && SYSTEM_COUNT <= 8, "a bit for each");
_Static_assert(sizeof(struct targeting) % 8 == 0, "sections are aligned");

struct section {
    uint8_t kind;
    uint8_t reserved;
    uint16_t includes, excludes;
    uint16_t eights; /* its size, head and payload, in units of 8 bytes */
};
_Static_assert(sizeof(struct section) == 8, "payloads are aligned");

static inline const struct section *section_first(const struct targeting *targeting)
{
    return (const struct section *)(const void *)(targeting + 1);
}

static inline const struct section *section_next(const struct section *section)
{
    return section + section->eights;
}

static inline const void *section_payload(const struct section *section)
{
    return section + 1;
}

struct campaign;
/* The campaign's section of that kind, of several the first; NULL where there is none. */
const struct section *targeting_section(const struct campaign *campaign, enum section_kind kind);

/* The text at `*at`, which goes on to the one behind it. */
static inline struct slice section_text(const char **at)
{
    uint16_t len;
    memcpy(&len, *at, sizeof len);
    struct slice text = slice_of(*at + sizeof len, len);
    *at = text.ptr + len;
    return text;
}

/* "DE-BY" as a number; 0: not of that form, which is as good as not known. */
#define REGION_BYTES_MAX 6
static inline uint64_t region_code(struct slice region)
{
    uint64_t code = 0;
    if (region.len > 0 && region.len <= REGION_BYTES_MAX)
        memcpy(&code, region.ptr, region.len);
    return code;
}

#endif
