#include "store/ledger_replay.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"
#include "store/flight_board.h"
#include "store/ledger_batch.h"
#include "store/ledger_call.h"
#include "store/ledger_recent.h"
#include "store/spool.h"

/* What may be done in a tick: reading a record, and passing it over, costs a tenth of sending it.
 */
#define COST_PASS 1
#define COST_SEND 10
#define PER_TICK  (COST_SEND * LEDGER_REPLAY_RATE * LEDGER_REPLAY_TICK_MS / 1000)
#define AWAY_MAX  64 /* campaigns that are passed over; while there are more nothing is sent */

_Static_assert(LEDGER_REPLAY_WINDOW <= FLIGHTS_REPLAYED, "all under way find room on the board");

/* A batch under way. */
struct sent {
    LIST_ENTRY(sent) link;
    struct ledger_replay *replay; /* NULL: it has gone */
    bool spooled; /* from the spool, under this ticket; else recalled, in that place */
    bool known;   /* if Redis has dealt with it before, it has been told */
    uint64_t ticket;
    struct flight flight;
    unsigned count; /* of its events */
    size_t len;
    char record[]; /* as it stands in the spool */
};

struct ledger_replay {
    struct ledger_config config;
    struct ledger_recent *recent;
    struct flights *flights;
    struct ledger_epoch *live;
    ledger_ready_fn *ready;
    void *arg;
    struct loop_timer *timer;
    int64_t due_us; /* of the timer, monotonic; INT64_MAX: it is not set */
    LIST_HEAD(, sent) under_way;
    unsigned in_flight;
    unsigned recalled; /* of these, events that Redis may have lost */
    bool failed;       /* one has: nothing more is sent before all are answered */
    int64_t rest_us;   /* nor before then, monotonic */
    bool alone;        /* one is under way that goes alone */
    bool fresh;        /* nothing has been sent since the last failure */
    bool has_gap;      /* the oldest that was refused for a missing one: */
    bool gap_spooled;
    uint64_t gap_ticket;
    uint64_t next_ticket; /* none from here on has been sent */
    int64_t tick_us;      /* when the tick began, monotonic */
    int left;             /* of what may be done in it */
    int64_t away_us;      /* when campaigns whose server is away are tried again, monotonic */
    unsigned away_count;
    struct {
        uint8_t len;
        char id[ID_MAX];
    } away[AWAY_MAX];
};

static int64_t now_us(const struct ledger_replay *replay)
{
    return clock_mono_us(replay->config.clock);
}

static void look_within(struct ledger_replay *replay, int64_t ms)
{
    int64_t due_us = now_us(replay) + ms * US_PER_MS;
    if (replay->due_us <= due_us)
        return;
    replay->due_us = due_us;
    loop_timer_set(replay->timer, ms * US_PER_MS);
}

/* ---- Servers of a cluster that are away ---- */

static bool is_away(const struct ledger_replay *replay, struct slice campaign)
{
    for (unsigned i = 0; i < replay->away_count; i++) {
        if (slice_eq(slice_of(replay->away[i].id, replay->away[i].len), campaign))
            return true;
    }
    return false;
}

/* False where that is no reason to go on with others: all of Redis is away, or too many are. */
static bool note_away(struct ledger_replay *replay, const struct sent *sent)
{
    struct ledger_batch batch;
    CHECK(ledger_batch_read(slice_of(sent->record, sent->len), &batch));
    if (is_away(replay, batch.campaign))
        return true;
    if (replay->away_count == AWAY_MAX || !replay->ready(replay->arg))
        return false;
    if (replay->away_count == 0)
        replay->away_us = now_us(replay) + LEDGER_REPLAY_AWAY_MS * US_PER_MS;
    replay->away[replay->away_count].len = (uint8_t)batch.campaign.len;
    memcpy(replay->away[replay->away_count++].id, batch.campaign.ptr, batch.campaign.len);
    return true;
}

/* What was passed over is handed out again with all else that is not done. */
static void try_away(struct ledger_replay *replay)
{
    if (replay->away_count == 0)
        return;
    if (now_us(replay) < replay->away_us) {
        look_within(replay, LEDGER_REPLAY_AWAY_MS);
        return;
    }
    replay->away_count = 0;
    replay->failed = true;
}

/* ---- Answers ---- */

static void note_uncountable(struct slice campaign, const struct redis_reply *reply)
{
    static struct log_limit limit;
    uint64_t suppressed;
    if (log_allowed(&limit, &suppressed))
        log_event(LOG_ERROR, "ledger: spooled events can't be counted",
                  LOG_SLICE("campaign", campaign),
                  LOG_SLICE("error", reply ? reply->text : SLICE("no count in their keys")),
                  LOG_INT("suppressed", suppressed));
}

/* What it stands under in Redis: by age() where not by its own filter, and where the answer is not
 * known any more its filter is. */
static void tell_one(const struct ledger_replay *replay, struct ledger_event *event,
                     enum ledger_result result)
{
    if (result == LEDGER_FILTERED && event->filter == EVENT_COUNTS)
        event->filter = EVENT_IS_LATE;
    if (result == LEDGER_COUNTED && event->filter != EVENT_COUNTS)
        result = LEDGER_FILTERED;
    replay->config.on_replayed(event, result, replay->config.arg);
}

/* What is on the board may have been told in part, by a process that was killed meanwhile. */
static void tell(const struct ledger_replay *replay, const struct sent *sent,
                 struct ledger_batch *batch, const enum ledger_result *results)
{
    for (unsigned i = 0; i < batch->count && replay->config.on_replayed; i++) {
        if (sent->flight.place < 0 || flights_tell(replay->flights, sent->flight, i))
            tell_one(replay, &batch->events[i], results ? results[i] : LEDGER_FAILED);
    }
}

/* Dealt with, or not countable (no results). */
static void settle(struct ledger_replay *replay, const struct sent *sent, bool told,
                   const enum ledger_result *results, const struct redis_reply *reply)
{
    struct slice record = slice_of(sent->record, sent->len);
    struct ledger_batch batch;
    CHECK(ledger_batch_read(record, &batch));
    if (results)
        ledger_recent_add(replay->recent, record, now_us(replay));
    else
        note_uncountable(batch.campaign, reply);
    if (!sent->spooled) {
        ledger_recent_done(replay->recent, sent->ticket);
        return;
    }
    if (results)
        ledger_epoch_settled(replay->live, &batch.identity);
    spool_pass(replay->config.spool, sent->ticket);
    if (!told)
        tell(replay, sent, &batch, results);
    flights_end(replay->flights, sent->flight);
    spool_done(replay->config.spool, sent->ticket);
}

/* Answers come in the order of sending, so the first gap is the oldest. */
static void note_gap(struct ledger_replay *replay, const struct sent *sent)
{
    if (replay->has_gap)
        return;
    replay->has_gap = true;
    replay->gap_spooled = sent->spooled;
    replay->gap_ticket = sent->ticket;
}

static void land(struct ledger_replay *replay, struct sent *sent, enum redis_failure failure,
                 const struct redis_reply *reply)
{
    enum ledger_result results[LEDGER_BATCH_EVENTS];
    enum ledger_answer answer = ledger_call_answer(failure, reply, sent->count, results);
    LIST_REMOVE(sent, link);
    replay->in_flight--;
    replay->recalled -= !sent->spooled;
    replay->alone = false;
    if (answer == LEDGER_DEALT || answer == LEDGER_DEALT_BEFORE || answer == LEDGER_CANNOT)
        settle(replay, sent, sent->known && answer == LEDGER_DEALT_BEFORE,
               answer == LEDGER_CANNOT ? NULL : results, reply);
    else
        replay->failed = true;
    if (answer == LEDGER_GAP)
        note_gap(replay, sent);
    if (answer == LEDGER_AGAIN && !(failure == REDIS_AWAY && note_away(replay, sent)))
        replay->rest_us = now_us(replay) + LEDGER_REPLAY_REST_MS * US_PER_MS;
}

static void on_answer(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct sent *sent = arg;
    struct ledger_replay *replay = sent->replay;
    if (replay) {
        land(replay, sent, failure, reply);
        look_within(replay, now_us(replay) < replay->rest_us ? LEDGER_REPLAY_REST_MS : 0);
    }
    free(sent);
}

/* ---- Sending ---- */

/* Whether it is the oldest one left, and waits for one that will not come any more. */
static bool goes_alone(const struct ledger_replay *replay, const struct sent *sent)
{
    return replay->fresh && replay->has_gap && sent->spooled == replay->gap_spooled &&
           sent->ticket == replay->gap_ticket;
}

/* What is older than anything can be remembered is kept apart: it may have been counted. */
static void age(const struct ledger_replay *replay, struct ledger_batch *batch)
{
    int64_t oldest_us = clock_wall_us(replay->config.clock) - LEDGER_SPOOLED_MAX_MS * US_PER_MS;
    for (unsigned i = 0; i < batch->count; i++) {
        if (batch->events[i].now_us < oldest_us && batch->events[i].filter == EVENT_COUNTS)
            batch->events[i].filter = EVENT_IS_LATE;
    }
}

static void send(struct ledger_replay *replay, struct sent *sent, struct ledger_batch *batch)
{
    age(replay, batch);
    LIST_INSERT_HEAD(&replay->under_way, sent, link);
    replay->in_flight++;
    replay->recalled += !sent->spooled;
    replay->alone = goes_alone(replay, sent);
    if (replay->fresh)
        replay->has_gap = false;
    replay->fresh = false;
    ledger_call_send(&replay->config, batch, replay->alone ? LEDGER_FORCED : LEDGER_REPLAYED,
                     REDIS_SLOW_MS, on_answer, sent);
}

/* One of this process's own that has not been sent is nowhere on it, and need not be looked for. */
static bool may_be_boarded(const struct ledger_replay *replay, const struct sent *sent,
                           const struct ledger_batch *batch)
{
    return batch->boarded || sent->ticket < replay->next_ticket ||
           spool_is_adopted(replay->config.spool, sent->ticket);
}

/*
 * Puts it on the board, unless it has been there since it was sent before. What is not there any
 * more, or had been at work with another process, has been told, if Redis has dealt with it: the
 * same record may be in two files of the spool, as its process was killed when it had just been
 * written (ledger_left.h).
 */
static void board(struct ledger_replay *replay, struct sent *sent, const struct ledger_batch *batch)
{
    sent->flight = flight_none;
    if (!sent->spooled)
        return;
    if (may_be_boarded(replay, sent, batch))
        sent->flight = flights_find(replay->flights, &batch->identity, batch->campaign);
    if (replay->next_ticket <= sent->ticket)
        replay->next_ticket = sent->ticket + 1;
    if (sent->flight.place >= 0)
        return;
    sent->known = batch->boarded || spool_was_passed(replay->config.spool, sent->ticket);
    if (!sent->known)
        sent->flight = flights_begin(replay->flights, &batch->identity, batch->campaign, SLICE(""));
}

/* First all that were recalled, and when they are done what is spooled. */
static bool take(struct ledger_replay *replay, struct slice *ret, bool *ret_spooled,
                 uint64_t *ret_ticket)
{
    *ret_spooled = false;
    if (ledger_recent_next(replay->recent, ret, ret_ticket))
        return true;
    *ret_spooled = true;
    return replay->recalled == 0 && replay->config.spool &&
           spool_next(replay->config.spool, ret, ret_ticket);
}

static void leave_out(struct ledger_replay *replay, struct slice record, uint64_t ticket)
{
    static struct log_limit limit;
    uint64_t suppressed;
    spool_done(replay->config.spool, ticket);
    if (log_allowed(&limit, &suppressed))
        log_event(LOG_ERROR, "ledger: a record of the spool is not an event's; it is left out",
                  LOG_INT("bytes", record.len), LOG_INT("suppressed", suppressed));
}

/* False: there is nothing more. What is passed over stays handed out until all begins again. */
static bool send_next(struct ledger_replay *replay)
{
    struct ledger_batch batch;
    struct slice record;
    uint64_t ticket;
    bool spooled;
    if (!take(replay, &record, &spooled, &ticket))
        return false;
    replay->left -= COST_PASS;
    if (!ledger_batch_read(record, &batch)) {
        leave_out(replay, record, ticket);
        return true;
    }
    if (is_away(replay, batch.campaign))
        return true;
    replay->left -= COST_SEND - COST_PASS;
    struct sent *sent = check_malloc(sizeof *sent + record.len);
    *sent = (struct sent){.replay = replay,
                          .spooled = spooled,
                          .ticket = ticket,
                          .count = batch.count,
                          .len = record.len};
    memcpy(sent->record, record.ptr, record.len);
    CHECK(ledger_batch_read(slice_of(sent->record, sent->len), &batch));
    board(replay, sent, &batch);
    send(replay, sent, &batch);
    return true;
}

/* After a failure, when all have been answered: what is not done goes again. Whoever is up and does
 * not take it (full, without replicas) is given a rest. */
static void begin_again(struct ledger_replay *replay)
{
    if (!replay->failed || replay->in_flight > 0)
        return;
    if (now_us(replay) < replay->rest_us) {
        look_within(replay, LEDGER_REPLAY_REST_MS);
        return;
    }
    replay->failed = false;
    replay->fresh = true;
    ledger_recent_rewind(replay->recent);
    if (replay->config.spool)
        spool_rewind(replay->config.spool);
}

static void begin_tick(struct ledger_replay *replay)
{
    if (now_us(replay) - replay->tick_us < LEDGER_REPLAY_TICK_MS * US_PER_MS)
        return;
    replay->tick_us = now_us(replay);
    replay->left = PER_TICK;
}

static void pump(struct ledger_replay *replay)
{
    bool more = true;
    if (!replay->ready(replay->arg)) {
        look_within(replay, LEDGER_REPLAY_REST_MS);
        return;
    }
    try_away(replay);
    begin_again(replay);
    begin_tick(replay);
    while (more && !replay->failed && !replay->alone && replay->left > 0 &&
           replay->in_flight < LEDGER_REPLAY_WINDOW)
        more = send_next(replay);
    if (more && replay->left <= 0)
        look_within(replay, LEDGER_REPLAY_TICK_MS);
    else if (!more && replay->in_flight == 0 && replay->away_count == 0)
        ledger_recent_forget(replay->recent);
}

static void on_timer(void *arg)
{
    struct ledger_replay *replay = arg;
    replay->due_us = INT64_MAX;
    pump(replay);
}

void ledger_replay_look(struct ledger_replay *replay)
{
    replay->away_us = 0;
    look_within(replay, 0);
}

void ledger_replay_recall(struct ledger_replay *replay)
{
    if (!ledger_recent_recall(replay->recent))
        log_event(LOG_ERROR, "ledger: one server of Redis after the other came in; events of the "
                             "last seconds that it may not have are too many to be sent again");
    replay->failed = replay->failed || replay->in_flight > 0;
    look_within(replay, 0);
}

/* ---- Life ---- */

static void on_records(void *arg)
{
    look_within(arg, 0);
}

struct ledger_replay *ledger_replay_new(const struct ledger_replay_config *parts)
{
    const struct ledger_config *config = parts->ledger;
    struct ledger_replay *replay = check_calloc(1, sizeof *replay);
    replay->config = *config;
    replay->recent = parts->recent;
    replay->flights = parts->flights;
    replay->live = parts->live;
    replay->ready = parts->ready;
    replay->arg = parts->arg;
    replay->due_us = INT64_MAX;
    LIST_INIT(&replay->under_way);
    replay->timer = loop_timer_new(config->loop, on_timer, replay);
    if (config->spool)
        spool_on_records(config->spool, on_records, replay);
    return replay;
}

void ledger_replay_free(struct ledger_replay *replay)
{
    struct sent *sent;
    if (!replay)
        return;
    LIST_FOREACH (sent, &replay->under_way, link)
        sent->replay = NULL;
    loop_timer_free(replay->timer);
    free(replay);
}
