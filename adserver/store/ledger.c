#include "store/ledger.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/check.h"
#include "decision/id_table.h"
#include "net/loop.h"
#include "store/flight_board.h"
#include "store/ledger_batch.h"
#include "store/ledger_call.h"
#include "store/ledger_keys.h"
#include "store/ledger_left.h"
#include "store/ledger_probe.h"
#include "store/ledger_recent.h"
#include "store/ledger_replay.h"
#include "store/ledger_serves.h"
#include "store/spool.h"

/*
 * Each campaign has a lane:
 *
 *   ledger_record --> queue of batches --(end of turn, none under way)--> under way --> counted
 *                         | Redis takes none, or      away, slow, refused |
 *                         | not as fast as they come                      |
 *                         '--------------------> spool <------------------'
 *
 * One batch of a lane is under way at a time: what is reported meanwhile makes the next one, so
 * batches are as large as the load is, and a batch whose fate is not known has none behind it. What
 * has waited in the queue for the patience goes into the spool, whence many go at a time.
 */

const char *const event_kind_words[] = {
    [EVENT_IMPRESSION] = "impressions",
    [EVENT_VIEWABLE] = "viewables",
    [EVENT_CLICK] = "clicks",
    [EVENT_CONVERSION] = "conversions",
};

const char *const event_kind_names[] = {
    [EVENT_IMPRESSION] = "impression",
    [EVENT_VIEWABLE] = "viewable",
    [EVENT_CLICK] = "click",
    [EVENT_CONVERSION] = "conversion",
};

/* Whoever reported an event, and is to be told. */
struct waiter {
    ledger_fn *fn;
    void *arg;
};

struct batch {
    TAILQ_ENTRY(batch) link; /* in its lane's queue or in the ledger's `spooling` */
    struct ledger *ledger;   /* NULL: it has gone, and all have been told */
    struct lane *lane;
    struct strbuf record;
    struct ledger_identity identity;
    struct flight flight;
    int64_t since_us; /* monotonic: when it began */
    unsigned count;   /* of events and waiters */
    struct waiter waiters[LEDGER_BATCH_EVENTS];
};
TAILQ_HEAD(batches, batch);

struct lane {
    STAILQ_ENTRY(lane) link; /* in the ledger's `due` */
    bool is_due;
    struct batches queue;
    struct batch *under_way; /* at Redis */
    uint8_t campaign_len;
    char campaign[ID_MAX];
};

struct ledger {
    struct ledger_config config;
    struct id_table lanes;
    STAILQ_HEAD(, lane) due; /* looked at at the end of the turn */
    struct loop_timer *end_of_turn;
    struct batches spooling; /* the spool has not said yet whether they are durable */
    struct flights *flights; /* NULL: without a spool */
    struct ledger_left *left;
    struct ledger_epoch *live;   /* of what is sent */
    struct ledger_epoch *direct; /* of what goes to the spool at once */
    struct ledger_recent *recent;
    struct ledger_replay *replay;
    struct serves *serves;
    struct ledger_probe *probe;
    char server[REDIS_SERVER_ID_MAX]; /* that events went to */
};

/* ---- Batches ---- */

static struct batch *batch_new(struct ledger *ledger, struct lane *lane)
{
    struct batch *batch = check_malloc(sizeof *batch);
    batch->ledger = ledger;
    batch->lane = lane;
    batch->flight = flight_none;
    batch->since_us = clock_mono_us(ledger->config.clock);
    batch->count = 0;
    strbuf_init(&batch->record, LEDGER_BATCH_BYTES);
    ledger_batch_begin(&batch->record, slice_of(lane->campaign, lane->campaign_len));
    return batch;
}

static void batch_free(struct batch *batch)
{
    strbuf_release(&batch->record);
    free(batch);
}

/* Each is noted first, by this process or by another one that has it, and then answered. */
static void tell(struct ledger *ledger, struct batch *batch, const enum ledger_result *results)
{
    for (unsigned i = 0; i < batch->count && ledger->config.on_result; i++) {
        if (batch->flight.place < 0 || flights_tell(ledger->flights, batch->flight, i))
            ledger->config.on_result(results[i], batch->waiters[i].arg);
    }
    flights_end(ledger->flights, batch->flight);
    for (unsigned i = 0; i < batch->count; i++)
        batch->waiters[i].fn(results[i], batch->waiters[i].arg);
}

/* Of what is not dealt with: if it is on the board it stays there. */
static void tell_all(struct ledger *ledger, struct batch *batch, enum ledger_result result)
{
    for (unsigned i = 0; i < batch->count && ledger->config.on_result; i++)
        ledger->config.on_result(result, batch->waiters[i].arg);
    for (unsigned i = 0; i < batch->count; i++)
        batch->waiters[i].fn(result, batch->waiters[i].arg);
}

static void identify(struct batch *batch, struct ledger_epoch *epoch)
{
    batch->identity =
        ledger_epoch_next(epoch, slice_of(batch->lane->campaign, batch->lane->campaign_len));
    ledger_batch_identify(&batch->record, &batch->identity);
}

/* ---- Lanes ---- */

static struct slice id_of_lane(const void *item)
{
    const struct lane *lane = item;
    return slice_of(lane->campaign, lane->campaign_len);
}

static struct lane *find_lane(struct ledger *ledger, struct slice campaign)
{
    struct lane *lane = id_table_find(&ledger->lanes, campaign);
    if (lane)
        return lane;
    lane = check_calloc(1, sizeof *lane);
    TAILQ_INIT(&lane->queue);
    lane->campaign_len = (uint8_t)campaign.len;
    memcpy(lane->campaign, campaign.ptr, campaign.len);
    CHECK(id_table_put(&ledger->lanes, lane) == NULL);
    return lane;
}

static void look_at_lane(struct ledger *ledger, struct lane *lane)
{
    if (lane->is_due)
        return;
    if (STAILQ_EMPTY(&ledger->due))
        loop_timer_soon(ledger->end_of_turn);
    lane->is_due = true;
    STAILQ_INSERT_TAIL(&ledger->due, lane, link);
}

static bool has_room(const struct batch *batch)
{
    return batch->count < LEDGER_BATCH_EVENTS &&
           batch->record.len + LEDGER_EVENT_BYTES <= FLIGHT_RECORD_MAX;
}

/* The last batch of the queue that has room, or a new one. */
static struct batch *open_batch(struct ledger *ledger, struct lane *lane)
{
    struct batch *batch = TAILQ_LAST(&lane->queue, batches);
    if (batch && has_room(batch))
        return batch;
    batch = batch_new(ledger, lane);
    TAILQ_INSERT_TAIL(&lane->queue, batch, link);
    return batch;
}

/* ---- Into the spool ---- */

/* One that was refused and has been sent is left on the board: it is spooled when the disk takes it
 * (ledger_left.h). One that was not sent will not come, though its number is given out: a gap. */
static void note_durable(struct ledger *ledger, const struct batch *batch, bool durable)
{
    if (durable)
        flights_spooled(ledger->flights, batch->flight);
    else
        flights_leave(ledger->flights, batch->flight);
    if (!durable)
        ledger_epoch_end(ledger->direct, &batch->identity);
}

static void on_durable(bool durable, void *arg)
{
    struct batch *batch = arg;
    struct ledger *ledger = batch->ledger;
    if (ledger) {
        TAILQ_REMOVE(&ledger->spooling, batch, link);
        note_durable(ledger, batch, durable);
        tell_all(ledger, batch, durable ? LEDGER_SPOOLED : LEDGER_FAILED);
    }
    batch_free(batch);
}

/* Of a batch in no list that has its identity. */
static void spool_batch(struct ledger *ledger, struct batch *batch)
{
    if (!ledger->config.spool) {
        tell_all(ledger, batch, LEDGER_FAILED);
        batch_free(batch);
        return;
    }
    TAILQ_INSERT_TAIL(&ledger->spooling, batch, link);
    spool_append(ledger->config.spool, strbuf_slice(&batch->record), on_durable, batch);
}

static void spool_queue(struct ledger *ledger, struct lane *lane)
{
    struct batch *batch;
    while ((batch = TAILQ_FIRST(&lane->queue))) {
        TAILQ_REMOVE(&lane->queue, batch, link);
        identify(batch, ledger->direct);
        spool_batch(ledger, batch);
    }
}

/* ---- To Redis ---- */

static bool knows_goals(const struct ledger *ledger)
{
    return !ledger->config.knows_goals || ledger->config.knows_goals(ledger->config.arg);
}

static bool is_ready(void *arg)
{
    const struct ledger *ledger = arg;
    return redis_is_up(ledger->config.redis) && !ledger_trouble(ledger)[0] && knows_goals(ledger);
}

static void settle(struct ledger *ledger, struct batch *batch, const enum ledger_result *results)
{
    ledger_recent_add(ledger->recent, strbuf_slice(&batch->record),
                      clock_mono_us(ledger->config.clock));
    ledger_epoch_settled(ledger->live, &batch->identity);
    tell(ledger, batch, results);
    batch_free(batch);
}

static void take_answer(struct ledger *ledger, struct batch *batch, enum redis_failure failure,
                        const struct redis_reply *reply)
{
    enum ledger_result results[LEDGER_BATCH_EVENTS];
    enum ledger_answer answer = ledger_call_answer(failure, reply, batch->count, results);
    if (answer == LEDGER_DEALT || answer == LEDGER_DEALT_BEFORE) {
        settle(ledger, batch, results);
        return;
    }
    ledger_epoch_end(ledger->live, &batch->identity);
    if (answer == LEDGER_CANNOT) {
        flights_end(ledger->flights, batch->flight);
        tell_all(ledger, batch, LEDGER_FAILED);
        batch_free(batch);
        return;
    }
    spool_batch(ledger, batch);
}

static void on_answer(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct batch *batch = arg;
    struct ledger *ledger = batch->ledger;
    if (!ledger) {
        batch_free(batch);
        return;
    }
    struct lane *lane = batch->lane;
    lane->under_way = NULL;
    ledger_probe_note(ledger->probe, failure, reply);
    take_answer(ledger, batch, failure, reply);
    if (!TAILQ_EMPTY(&lane->queue))
        look_at_lane(ledger, lane);
}

/* Wherever its record comes to, it says whether it stood there. */
static void board(const struct ledger *ledger, struct batch *batch)
{
    ledger_batch_board(&batch->record, true);
    batch->flight = flights_begin(ledger->flights, &batch->identity,
                                  slice_of(batch->lane->campaign, batch->lane->campaign_len),
                                  strbuf_slice(&batch->record));
    if (batch->flight.place < 0)
        ledger_batch_board(&batch->record, false);
}

static void send_first(struct ledger *ledger, struct lane *lane)
{
    struct ledger_batch events;
    struct batch *batch = TAILQ_FIRST(&lane->queue);
    TAILQ_REMOVE(&lane->queue, batch, link);
    identify(batch, ledger->live);
    board(ledger, batch);
    CHECK(ledger_batch_read(strbuf_slice(&batch->record), &events));
    lane->under_way = batch;
    ledger_call_send(&ledger->config, &events, LEDGER_LIVE,
                     ledger->config.spool ? ledger->config.patience_ms : LEDGER_PATIENCE_ALONE_MS,
                     on_answer, batch);
}

/* More comes than Redis takes one batch after the other, however quickly it answers each. */
static bool is_behind(const struct ledger *ledger, const struct lane *lane)
{
    const struct batch *batch = TAILQ_FIRST(&lane->queue);
    return ledger->config.spool && batch &&
           clock_mono_us(ledger->config.clock) - batch->since_us >=
               ledger->config.patience_ms * US_PER_MS;
}

static void look(struct ledger *ledger, struct lane *lane, bool sends)
{
    bool free = !lane->under_way && !TAILQ_EMPTY(&lane->queue);
    bool full = free && !flights_has_room(ledger->flights);
    if (sends && free && !full)
        send_first(ledger, lane);
    if (!sends || full || is_behind(ledger, lane))
        spool_queue(ledger, lane);
}

/* Without a spool what Redis may not take is tried all the same, and fails if it does not. */
static void on_end_of_turn(void *arg)
{
    struct ledger *ledger = arg;
    struct lane *lane;
    bool sends = ledger->config.spool ? is_ready(ledger) : knows_goals(ledger);
    while ((lane = STAILQ_FIRST(&ledger->due))) {
        STAILQ_REMOVE_HEAD(&ledger->due, link);
        lane->is_due = false;
        look(ledger, lane, sends);
    }
}

static struct slice cut(struct slice id)
{
    return slice_of(id.ptr, id.len < ID_MAX ? id.len : ID_MAX);
}

void ledger_record(struct ledger *ledger, const struct ledger_event *reported, ledger_fn *fn,
                   void *arg)
{
    struct ledger_event event = *reported;
    struct lane *lane = find_lane(ledger, cut(event.campaign));
    struct batch *batch = open_batch(ledger, lane);
    event.creative = cut(event.creative);
    event.slot = cut(event.slot);
    ledger_batch_add(&batch->record, &event);
    batch->waiters[batch->count++] = (struct waiter){fn, arg};
    look_at_lane(ledger, lane);
}

void ledger_on_redis_up(struct ledger *ledger)
{
    const char *server = redis_server_id(ledger->config.redis);
    if (server[0] && ledger->server[0] && strcmp(server, ledger->server) != 0)
        ledger_replay_recall(ledger->replay);
    if (server[0])
        memcpy(ledger->server, server, strlen(server) + 1);
    ledger_replay_look(ledger->replay);
}

const char *ledger_trouble(const struct ledger *ledger)
{
    return ledger_probe_trouble(ledger->probe);
}

/* ---- Serves ---- */

void ledger_add_serve(struct ledger *ledger, enum event_filter filter, struct slice campaign,
                      struct slice creative, struct slice slot, int64_t wall_us)
{
    serves_add(ledger->serves, filter, cut(campaign), cut(creative), cut(slot), wall_us);
}

void ledger_flush(struct ledger *ledger, ledger_fn *fn, void *arg)
{
    serves_flush(ledger->serves, fn, arg);
}

/* ---- Life ---- */

struct ledger *ledger_new(const struct ledger_config *config)
{
    struct ledger *ledger = check_calloc(1, sizeof *ledger);
    CHECK(config->prefix.len <= LEDGER_PREFIX_MAX);
    CHECK(!config->spool || (config->board && config->patience_ms >= LEDGER_PATIENCE_MS &&
                             config->patience_ms <= LEDGER_PATIENCE_MAX_MS));
    ledger->config = *config;
    ledger->lanes.id_of = id_of_lane;
    STAILQ_INIT(&ledger->due);
    TAILQ_INIT(&ledger->spooling);
    ledger->end_of_turn = loop_timer_new(config->loop, on_end_of_turn, ledger);
    ledger->live = ledger_epoch_new();
    ledger->direct = ledger_epoch_new();
    ledger->recent = ledger_recent_new();
    ledger->flights = config->spool ? flights_new(config->board, getpid()) : NULL;
    ledger->left = ledger_left_new(config, ledger->flights);
    ledger->replay = ledger_replay_new(&(struct ledger_replay_config){
        .ledger = config,
        .recent = ledger->recent,
        .flights = ledger->flights,
        .live = ledger->live,
        .ready = is_ready,
        .arg = ledger,
    });
    ledger->serves = serves_new(config);
    ledger->probe = ledger_probe_new(config);
    return ledger;
}

/* It is left to an answer that is still to come, or freed at once. What is on the board stays. */
static void abandon(struct batch *batch, bool is_awaited)
{
    struct ledger *ledger = batch->ledger;
    batch->ledger = NULL;
    batch->lane = NULL;
    tell_all(ledger, batch, LEDGER_FAILED);
    if (!is_awaited)
        batch_free(batch);
}

static void abandon_all(struct batches *batches, bool are_awaited)
{
    struct batch *batch;
    while ((batch = TAILQ_FIRST(batches))) {
        TAILQ_REMOVE(batches, batch, link);
        abandon(batch, are_awaited);
    }
}

static void free_lanes(struct ledger *ledger)
{
    for (unsigned i = 0; i < ledger->lanes.capacity; i++) {
        struct lane *lane = ledger->lanes.items[i];
        if (!lane)
            continue;
        if (lane->under_way)
            abandon(lane->under_way, true);
        abandon_all(&lane->queue, false);
        free(lane);
    }
    id_table_release(&ledger->lanes);
}

void ledger_free(struct ledger *ledger)
{
    if (!ledger)
        return;
    free_lanes(ledger);
    abandon_all(&ledger->spooling, true);
    loop_timer_free(ledger->end_of_turn);
    serves_free(ledger->serves);
    ledger_replay_free(ledger->replay);
    ledger_left_free(ledger->left);
    flights_free(ledger->flights);
    ledger_recent_free(ledger->recent);
    ledger_epoch_free(ledger->live);
    ledger_epoch_free(ledger->direct);
    ledger_probe_free(ledger->probe);
    free(ledger);
}
