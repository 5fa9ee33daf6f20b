/*
 * ledger: the counts of campaigns, in Redis; what was acknowledged is counted exactly once.
 *
 *   event --> script (event.lua), in batches ------------------------------> counted, kept apart
 *               | away, slow, refused, connection lost                          ^
 *               v                                                               | script, again
 *             spool (this machine's disk) --> acknowledged --> Redis is back ---'
 *
 * An event is counted by one script: the test "seen?" and all increments are one atomic step, so an
 * impression counts once however often, wherever and by however many servers it is reported. Counts
 * go to `<prefix>count:{<campaign>}:<YYYYMMDDHH>` (UTC, field `<creative>|<slot>|<metric>`) and to
 * `<prefix>total:{<campaign>}` (field `<metric>`). What has been seen is four bits an impression
 * in `<prefix>seen:{<campaign>}:<block>` (impression.h), kept until no event of the block can come
 * any more, from the spool neither.
 *
 * The events of a campaign that are reported while its last batch is under way make the next one:
 * the more there are, the cheaper each is. Every batch has an identity (ledger_identity.h), so that
 * one of which it is not known whether it was counted can be sent again, by this process, after its
 * death by another one, or after a fail-over. What Redis does not take in time goes into the spool
 * with its identity; it counts in the hour in which it was reported. Where it can't be written
 * there either it has failed.
 *
 * What a process has sent and not yet told stands on a board (flight_board.h) that outlives it.
 * When one is killed another one puts what was under way into its own spool; so it counts, though
 * nobody was told that it would, and what is told (/stats) agrees with what is counted.
 *
 * Events that were counted during the last seconds are kept in memory, too: they are sent again
 * when the connection comes back with another server behind it, which may not have heard of them.
 *
 * Where a campaign has bounds, the same step settles the event: an impression uses up what was
 * reserved for it, or counts where there is room beside all that is counted and reserved (goals.h);
 * a click counts while there is room for it. What has no room is counted as `over_goal`, and with
 * an impression its viewable and its click. So no bound is ever passed, whatever comes late or
 * again. What impressions and clicks cost is added up as `spend` (millionths), in the hour's field
 * and in ad:total, there with `spend_rest` (thousandths of these), at the prices of the time they
 * are counted.
 *
 * A conversion counts where it follows a click that counted, within its window, or, where that is
 * allowed, a viewable impression; without either it is kept apart as `no_click`. Of the clicks that
 * one may follow (`converts`) the time is kept in `<prefix>clicked:{<campaign>}:<block>`, a HASH of
 * places in the block, with how many conversions followed; which orders have counted is a ZSET,
 * `<prefix>orders:{<campaign>}`, by time. Both for as long as one may come, from the spool, too.
 *
 * With events.stream the same step also adds an entry to the campaign's stream for each count
 * (event_streams.h), so that stream and counts never differ.
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
#include "decision/conversion.h"
#include "store/event_filters.h"
#include "store/goal_terms.h"
#include "store/impression.h"
#include "store/redis.h"

struct event_streams;
struct flight_board;
struct spool;

#define LEDGER_FLUSH_MS          100
#define LEDGER_PATIENCE_MS       50    /* for its turn, and for Redis, before a batch is spooled */
#define LEDGER_PATIENCE_MAX_MS   500   /* where Redis is given longer for all else */
#define LEDGER_PATIENCE_ALONE_MS 2000  /* where there is no spool to go to */
#define LEDGER_PENDING_MAX       65536 /* sums of serves, by hour and metric, that wait for Redis */
#define LEDGER_SEEN_MARGIN_MS    (INT64_C(3600) * 1000)
/* An event may wait so long in the spool; one that is older is counted as `late`. */
#define LEDGER_SPOOLED_MAX_MS (INT64_C(7) * 86400 * 1000)
/* How long the mark of an epoch is remembered. */
#define LEDGER_MARK_KEPT_MS (LEDGER_SPOOLED_MAX_MS + INT64_C(86400) * 1000)

enum event_kind {
    EVENT_IMPRESSION,
    EVENT_VIEWABLE,
    EVENT_CLICK,
    EVENT_CONVERSION,
    EVENT_KIND_COUNT
};
/* The metrics: "impressions", "viewables", "clicks", "conversions". */
extern const char *const event_kind_words[];
extern const char *const event_kind_names[]; /* "impression", … of one, for the stream */

struct ledger_event {
    enum event_kind kind;
    enum event_filter filter;
    struct slice campaign, creative, slot; /* each at most ID_MAX */
    uint8_t impression[IMPRESSION_BYTES];  /* its number (impression.h) */
    int64_t issued_ms;                     /* when the ad was served, wall time */
    int64_t now_us;                        /* wall time: the hour it counts in */
    bool converts;                         /* a click that a conversion may follow */
    struct conversion conversion;          /* of EVENT_CONVERSION */
};

/* What an event of a campaign that has a price or bounds is settled by (goals.h). */
struct event_goal {
    const struct campaign *campaign; /* its prices and bounds; read at once, not kept */
    struct goal_window window;       /* of the serve */
    int64_t held_from_us;            /* reservations of windows that ended by then are given back */
};
/* False: it has neither price nor bounds. Called when the event is sent. */
typedef bool ledger_goal_fn(const struct ledger_event *event, struct event_goal *ret, void *arg);

/*
 * Whether goal_of knows all campaigns, so that its false means what it says. Until then no event is
 * counted: events wait in the spool.
 */
typedef bool ledger_knows_goals_fn(void *arg);

/* Whether an impression that was reported may be waiting, so that Redis can't know of it. */
typedef bool ledger_waiting_fn(void *arg);

enum ledger_result {
    LEDGER_COUNTED,           /* the first of its kind */
    LEDGER_COUNTED_IMPLIED,   /* a click or viewable that also counted its missing impression */
    LEDGER_DUPLICATE,         /* seen before: counted as `duplicate` */
    LEDGER_FILTERED,          /* counted under its filter's word */
    LEDGER_OVER_GOAL,         /* counted as `over_goal`: a goal is met or a budget spent */
    LEDGER_OVER_GOAL_IMPLIED, /* likewise, but its missing impression was counted */
    LEDGER_NO_IMPRESSION,     /* counted as `no_impression` */
    LEDGER_NO_CLICK,          /* a conversion, counted as `no_click` */
    LEDGER_LATE,              /* likewise, as `late` */
    LEDGER_EXCESS,            /* likewise, as `excess` */
    LEDGER_SPOOLED,           /* on disk: it will be counted, and told by on_replayed */
    LEDGER_FAILED,            /* neither in Redis nor on disk */
};
typedef void ledger_fn(enum ledger_result result, void *arg);
/*
 * What became of an event that had been spooled, or that was under way when another process ended.
 * Told once of each, by one of the processes that share a board. Where its answer came too late to
 * be known, it is told as counted, or under its filter.
 */
typedef void ledger_replayed_fn(const struct ledger_event *event, enum ledger_result result,
                                void *arg);

struct ledger;

struct ledger_config {
    struct loop *loop;
    struct redis *redis; /* used until it or the ledger is freed */
    struct spool *spool; /* to be freed before the ledger; NULL: what Redis does not take fails */
    struct flight_board *board; /* to outlive the ledger; with a spool only, where it is needed */
    struct event_streams *streams; /* to outlive the ledger; NULL: events.stream is off */
    const struct clock *clock;
    struct slice prefix; /* must outlive the ledger */
    int64_t page_ttl_ms;
    int64_t click_window_ms; /* a conversion may follow a click for so long */
    int64_t view_window_ms; /* or, without one, the serve of a viewable impression; 0: it may not */
    bool refuse_without_impression; /* a click whose impression nobody reported does not count */
    ledger_waiting_fn *waiting;     /* while true that is not asked; NULL: never */
    int patience_ms; /* from LEDGER_PATIENCE_MS to LEDGER_PATIENCE_MAX_MS; without a spool unused */
    ledger_goal_fn *goal_of;            /* NULL: no campaign has price or bounds */
    ledger_knows_goals_fn *knows_goals; /* NULL: always */
    /* What became of an event, with its `arg`: called quickly, for all of a batch, before any `fn`
     * of it. May be NULL. */
    ledger_fn *on_result;
    ledger_replayed_fn *on_replayed; /* may be NULL */
    void *arg;
};
struct ledger *ledger_new(const struct ledger_config *config);
/*
 * Serves that have not been written are lost; see ledger_flush(). Open events end with
 * LEDGER_FAILED where they are not in the spool; their functions may not record more.
 */
void ledger_free(struct ledger *ledger);

/*
 * Counts; `fn` is called once, never before this returns: when the counts stand in Redis, or, where
 * that does not take them, when the event is on disk. Slices are copied.
 */
void ledger_record(struct ledger *ledger, const struct ledger_event *event, ledger_fn *fn,
                   void *arg);

/* To be called when the connection to Redis is up. */
void ledger_on_redis_up(struct ledger *ledger);

/*
 * Why Redis, though it answers, does not take events: what it said to the last one, for /readyz.
 * Empty while it takes them. Once it does again this shows within a second, also without events.
 */
const char *ledger_trouble(const struct ledger *ledger);

/*
 * One serve more: of metric `serves`, or of `serves_<word>` where it does not count. Never fails
 * and never waits.
 */
void ledger_add_serve(struct ledger *ledger, enum event_filter filter, struct slice campaign,
                      struct slice creative, struct slice slot, int64_t now_us);

/*
 * Writes the serves now; `fn` (may be NULL) once they stand in Redis (LEDGER_COUNTED) or a try has
 * failed (LEDGER_FAILED; they are kept and tried again). At most 8 at a time. For draining.
 */
void ledger_flush(struct ledger *ledger, ledger_fn *fn, void *arg);

#endif
