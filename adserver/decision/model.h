/*
 * model: slots, campaigns and creatives as the decision reads them, compiled and immutable.
 *
 * An entry is compiled from one Redis hash (record.h) and never changes: a changed hash makes a new
 * entry. Entries are counted references (single thread), so that a page that waits keeps what it
 * has chosen from while the catalog (catalog.h) goes on. An entry is one block of memory
 * (pack.h): all that it points to goes with it.
 */
#ifndef DECISION_MODEL_H
#define DECISION_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define ID_MAX          64 /* bytes: [a-z0-9][a-z0-9._-]{0,63} */
#define CAPS_MAX        8  /* caps of one campaign or creative */
#define SLOT_SIZES_MAX  32
#define SIZE_MAX_PIXELS 8192 /* width or height; at least 1 */
#define WEIGHT_MAX      1000000
#define LANDING_MAX     2000 /* bytes of a landing address */
#define URL_MAX         2048 /* bytes of an image address */
#define HTML_MAX        65536
#define TEXT_MAX        1024 /* bytes of name, alt, title, body, cta */
#define LIST_MAX        256  /* items of any list */
#define MACROS_MAX      64   /* macros in one html, landing or image */

#define TIME_UNSET INT64_MIN

enum entry_status { STATUS_ACTIVE, STATUS_PAUSED, STATUS_ARCHIVED };
enum tier { TIER_SPONSORSHIP, TIER_STANDARD, TIER_REMNANT, TIER_HOUSE, TIER_COUNT };
enum pacing { PACING_EVEN, PACING_FRONT, PACING_ASAP };
enum roadblock { ROADBLOCK_OFF, ROADBLOCK_ANY, ROADBLOCK_ALL };
enum creative_type { CREATIVE_IMAGE, CREATIVE_HTML, CREATIVE_TEXT };

struct size {
    uint16_t width, height; /* CSS pixels */
};

/* At most `count` serves to one viewer in a window of `period_ms` that opens with the first. */
struct cap {
    uint32_t count;
    int64_t period_ms; /* CAP_LIFETIME: for ever */
    /*
     * Names the counter together with the viewer: a hash of owner and period, so that changing the
     * count alone keeps what has been counted.
     */
    uint64_t key;
};
#define CAP_LIFETIME      INT64_MAX
#define CAP_COUNT_MAX     1000000
#define CAP_PERIOD_MAX_MS (INT64_C(400) * 86400 * 1000) /* longest period but lifetime */

struct caps {
    unsigned count;
    struct cap item[CAPS_MAX]; /* an entry has room for `count` of them */
};

struct zone;
struct targeting;

struct slice_list {
    struct slice *item;
    unsigned count;
};

struct slot {
    unsigned references;
    struct slice id;
    struct slice name;
    enum entry_status status;
    struct size sizes[SLOT_SIZES_MAX];
    unsigned size_count;
    /*
     * Lower case. A page on one of them or below it may use the slot; on one that begins with `!`,
     * or below it, it may not. Only such ones, or none at all: every other page may.
     */
    struct slice_list domains;
    unsigned series; /* the row of its counters; set by the store, 0 before */
};

struct campaign {
    unsigned references;
    struct slice id;
    struct slice name;
    struct slice advertiser;
    enum entry_status status;
    enum tier tier;
    uint32_t weight;    /* 1 to WEIGHT_MAX */
    uint32_t share_ppm; /* sponsorship: share of voice in millionths; 0: none given */
    bool all_slots;     /* slots is `*` */
    struct slice_list slots;
    int64_t start_us, end_us;          /* wall time; TIME_UNSET: open. Served in [start, end) */
    const struct zone *zone;           /* in which its hours and days are (zone.h); never NULL */
    const struct targeting *targeting; /* whom it wants (targeting.h); NULL: everybody */
    int64_t cpm_micro, cpc_micro;      /* millionths of the currency's unit */
    /* Bounds, each 0 where there is none. */
    uint64_t goal_impressions, goal_clicks, daily_impressions;
    int64_t budget_micro, daily_budget_micro;
    enum pacing pacing;
    struct slice_list exclusions; /* labels; no two campaigns on a page share one */
    enum roadblock roadblock;
    /* Row in struct deliveries; 0: bound by nothing. Set by the store before it is in a catalog. */
    unsigned delivery;
    unsigned series;
    struct caps caps; /* the last member: what is not used of it is not there */
};

/* A text with macros, cut at them; see macro_text.h. No pieces: a text without macros. */
struct macro_text {
    struct slice_list pieces; /* before, between and behind the macros: one more than there are */
    struct slice uses;        /* an array of struct macro_use */
};

struct creative {
    unsigned references;
    struct slice id;
    struct slice campaign; /* id */
    enum creative_type type;
    enum entry_status status;
    struct size size; /* 0x0 for text: fits every slot */
    uint32_t weight;
    /*
     * Validated by landing.h where it holds no macros. Where it does, it is as it was written, and
     * what counts is `landing_text`, which with any values leads to the same scheme and host.
     */
    struct slice landing;
    struct slice image, alt;
    struct slice html;
    struct slice title, body, cta;
    /*
     * The members of its ad in the answer that never change, as JSON from `"campaign":` up to and
     * without the closing brace; image or html is left out where it holds macros.
     */
    struct slice fragment;
    struct macro_text landing_text;
    /* Of the image, as it is; of html, as the inside of a JSON string (escaped, without quotes). */
    struct macro_text content;
    /* Where {click_url=…} in html leads; each is validated and on a host the creative may use. */
    struct slice_list destinations;
    bool has_click_id; /* {click_id} stands in it: its clicks may be followed by conversions */
    struct caps caps;  /* the last member: what is not used of it is not there */
};

/* One more reference to an entry; it is returned. */
struct slot *slot_retain(struct slot *slot);
struct campaign *campaign_retain(struct campaign *campaign);
struct creative *creative_retain(struct creative *creative);

/* One reference less; the last one frees the entry. NULL is harmless. */
void slot_release(struct slot *slot);
void campaign_release(struct campaign *campaign);
void creative_release(struct creative *creative);

/* [a-z0-9][a-z0-9._-]{0,63} */
bool id_is_valid(struct slice id);

extern const char *const status_words[];        /* by enum entry_status, NULL at the end */
extern const char *const tier_words[];          /* by enum tier */
extern const char *const creative_type_words[]; /* by enum creative_type */

#endif
