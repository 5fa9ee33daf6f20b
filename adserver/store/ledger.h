/*
 * ledger: the counts of campaigns, in Redis.
 *
 * An event is counted by one script: the test "seen?" and all increments are one atomic step, so an
 * impression counts once however often, wherever and by however many servers it is reported. Counts
 * go to `<prefix>count:{<campaign>}:<YYYYMMDDHH>` (UTC, field `<creative>|<slot>|<metric>`) and to
 * `<prefix>total:{<campaign>}` (field `<metric>`). What has been seen is kept under
 * `<prefix>seen:{<campaign>}:<impression>` as three bits until page_ttl and LEDGER_SEEN_MARGIN_MS
 * have passed.
 *
 * Where a campaign has bounds, the same step settles the event: an impression uses up what was
 * reserved for it, or counts where there is room beside all that is counted and reserved (goals.h);
 * a click counts while there is room for it. What has no room is counted as `over_goal`, and with
 * an impression its viewable and its click. So no bound is ever passed, whatever comes late or
 * again. What impressions and clicks cost is added up in ad:total as `spend` (millionths) and
 * `spend_rest` (thousandths of these), at the prices of the time they are counted.
 *
 * Serves are only statistics: they are added up in the process and written every LEDGER_FLUSH_MS,
 * so that serving needs no write. Each batch carries a number that Redis remembers under
 * `<prefix>batch:{<campaign>}:<worker>:<n>` for a day, so one of which it is not known whether it
 * was written is written again and still counts once. Killing a worker loses at most
 * LEDGER_FLUSH_MS of them.
 */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include "base/clock.h"
#include "store/event_filters.h"
#include "store/goal_terms.h"
#include "store/redis.h"

#define LEDGER_FLUSH_MS       100
#define LEDGER_SEEN_MARGIN_MS (INT64_C(3600) * 1000)
#define LEDGER_PENDING_MAX    65536 /* (campaign, creative, slot) triples held while Redis is away */

enum event_kind { EVENT_IMPRESSION, EVENT_VIEWABLE, EVENT_CLICK };
extern const char *const event_kind_words[]; /* "impressions", "viewables", "clicks": the metrics */

/* What an event of a campaign that has a price or bounds is settled by (goals.h). */
struct event_goal {
    const struct campaign *campaign; /* its prices and bounds; read at once, not kept */
    struct goal_window window;       /* of the serve */
    int64_t held_from_us;            /* reservations of windows that ended by then are given back */
};

struct ledger_event {
    enum event_kind kind;
    enum event_filter filter;
    struct slice campaign, creative, slot;
    uint8_t impression[16];        /* the unique impression number */
    int64_t now_us;                /* wall time: the hour it counts in */
    const struct event_goal *goal; /* NULL: neither price nor bounds */
};

struct ledger;

struct ledger_config {
    struct loop *loop;
    struct redis *redis; /* used until it or the ledger is freed */
    const struct clock *clock;
    struct slice prefix; /* must outlive the ledger */
    int64_t page_ttl_ms;
};
struct ledger *ledger_new(const struct ledger_config *config);
/*
 * What has not been written is lost; see ledger_flush(). Open events end with LEDGER_FAILED; their
 * functions may not record more.
 */
void ledger_free(struct ledger *ledger);

enum ledger_result {
    LEDGER_COUNTED,           /* the first of its kind */
    LEDGER_COUNTED_IMPLIED,   /* a click or viewable that also counted its missing impression */
    LEDGER_DUPLICATE,         /* seen before: counted as `duplicate` */
    LEDGER_FILTERED,          /* counted under its filter's word */
    LEDGER_OVER_GOAL,         /* counted as `over_goal`: a goal is met or a budget spent */
    LEDGER_OVER_GOAL_IMPLIED, /* likewise, but its missing impression was counted */
    LEDGER_FAILED,            /* not written: Redis away, slow or refusing */
};
typedef void ledger_fn(enum ledger_result result, void *arg);

/*
 * Counts; `fn` is called once the counts stand in Redis, or can't. Slices are copied. Where the
 * connection breaks before the answer, the event is sent again within its time, and counts once.
 */
void ledger_record(struct ledger *ledger, const struct ledger_event *event, int timeout_ms,
                   ledger_fn *fn, void *arg);

/*
 * Why Redis, though it answers, does not take events: what it said to the last one, for /readyz.
 * Empty while it takes them. Once it does again this shows within a second, also without events.
 */
const char *ledger_trouble(const struct ledger *ledger);

/* One serve more. Never fails and never waits. */
void ledger_add_serve(struct ledger *ledger, struct slice campaign, struct slice creative,
                      struct slice slot, int64_t now_us);

/*
 * Writes the serves now; `fn` (may be NULL) once they stand in Redis (LEDGER_COUNTED) or a try has
 * failed (LEDGER_FAILED; they are kept and tried again). At most 8 at a time. For draining.
 */
void ledger_flush(struct ledger *ledger, ledger_fn *fn, void *arg);

#endif
