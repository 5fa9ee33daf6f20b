#include "store/ledger_replay.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"
#include "store/ledger_batch.h"
#include "store/ledger_call.h"
#include "store/ledger_recent.h"
#include "store/spool.h"

#define NOWHERE  UINT64_MAX
#define PER_TICK (LEDGER_REPLAY_RATE * LEDGER_REPLAY_TICK_MS / 1000)

/* A batch under way. */
struct flight {
    LIST_ENTRY(flight) link;
    struct ledger_replay *replay; /* NULL: it has gone */
    bool spooled;                 /* from the spool, under this ticket; else recalled, in that place */
    uint64_t ticket;
    unsigned count; /* of its events */
    size_t len;
    char record[]; /* as it stands in the spool */
};

struct ledger_replay {
    struct ledger_config config;
    struct ledger_recent *recent;
    ledger_ready_fn *ready;
    void *arg;
    struct loop_timer *timer;
    int64_t due_us; /* of the timer, monotonic; INT64_MAX: it is not set */
    LIST_HEAD(, flight) flights;
    unsigned in_flight;
    unsigned recalled;      /* of these, batches that Redis may have lost */
    uint64_t recalled_from; /* place of the oldest of them that is not done; NOWHERE: all are */
    bool failed;            /* one has: nothing more is sent before all are answered */
    bool alone;             /* one is under way that goes alone */
    bool fresh;             /* nothing has been sent since the last failure */
    bool has_gap;           /* the oldest that was refused for a missing one: */
    bool gap_spooled;
    uint64_t gap_ticket;
    int64_t tick_us; /* when the tick began, monotonic */
    unsigned left;   /* that may begin in it */
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

static void tell(const struct ledger_replay *replay, const struct ledger_batch *batch,
                 const enum ledger_result *results)
{
    for (unsigned i = 0; i < batch->count && replay->config.on_replayed; i++)
        replay->config.on_replayed(&batch->events[i], results ? results[i] : LEDGER_FAILED,
                                   replay->config.arg);
}

/*
 * What was recalled had been told when it was counted first. So had, but for what was under way at
 * its end, what another process has left and Redis has dealt with.
 */
static bool was_told(const struct ledger_replay *replay, const struct flight *flight,
                     enum ledger_answer answer)
{
    return !flight->spooled || (answer == LEDGER_DEALT_BEFORE &&
                                spool_is_adopted(replay->config.spool, flight->ticket));
}

/* Dealt with, or not countable (no results). */
static void settle(struct ledger_replay *replay, const struct flight *flight, bool told,
                   const enum ledger_result *results, const struct redis_reply *reply)
{
    struct slice record = slice_of(flight->record, flight->len);
    struct ledger_batch batch;
    CHECK(ledger_batch_read(record, &batch));
    if (results)
        ledger_recent_add(replay->recent, record, now_us(replay));
    else
        note_uncountable(batch.campaign, reply);
    if (!flight->spooled)
        return;
    spool_done(replay->config.spool, flight->ticket);
    if (!told)
        tell(replay, &batch, results);
}

/* Answers come in the order of sending, so the first gap is the oldest. */
static void note_gap(struct ledger_replay *replay, const struct flight *flight)
{
    if (replay->has_gap)
        return;
    replay->has_gap = true;
    replay->gap_spooled = flight->spooled;
    replay->gap_ticket = flight->ticket;
}

static void note_failure(struct ledger_replay *replay, const struct flight *flight)
{
    replay->failed = true;
    if (!flight->spooled && flight->ticket < replay->recalled_from)
        replay->recalled_from = flight->ticket;
}

static void land(struct ledger_replay *replay, struct flight *flight, enum redis_failure failure,
                 const struct redis_reply *reply)
{
    enum ledger_result results[LEDGER_BATCH_EVENTS];
    enum ledger_answer answer = ledger_call_answer(failure, reply, flight->count, results);
    LIST_REMOVE(flight, link);
    replay->in_flight--;
    replay->recalled -= !flight->spooled;
    replay->alone = false;
    if (answer == LEDGER_DEALT || answer == LEDGER_DEALT_BEFORE || answer == LEDGER_CANNOT)
        settle(replay, flight, was_told(replay, flight, answer),
               answer == LEDGER_CANNOT ? NULL : results, reply);
    else
        note_failure(replay, flight);
    if (answer == LEDGER_GAP)
        note_gap(replay, flight);
}

static void on_answer(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct flight *flight = arg;
    struct ledger_replay *replay = flight->replay;
    if (replay) {
        land(replay, flight, failure, reply);
        look_within(replay, replay->failed && !replay->has_gap ? LEDGER_REPLAY_REST_MS : 0);
    }
    free(flight);
}

/* ---- Sending ---- */

/* Whether it is the oldest one left, and waits for one that will not come any more. */
static bool goes_alone(const struct ledger_replay *replay, const struct flight *flight)
{
    return replay->fresh && replay->has_gap && flight->spooled == replay->gap_spooled &&
           flight->ticket == replay->gap_ticket;
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

static void send_flight(struct ledger_replay *replay, struct flight *flight,
                        struct ledger_batch *batch)
{
    age(replay, batch);
    LIST_INSERT_HEAD(&replay->flights, flight, link);
    replay->in_flight++;
    replay->recalled += !flight->spooled;
    replay->alone = goes_alone(replay, flight);
    if (replay->fresh)
        replay->has_gap = false;
    replay->fresh = false;
    ledger_call_send(&replay->config, batch, replay->alone ? LEDGER_FORCED : LEDGER_REPLAYED,
                     REDIS_SLOW_MS, on_answer, flight);
}

/*
 * First all that were recalled, and when they are done what is spooled. They are forgotten before
 * that: a failure then begins again with the oldest that is not done, and that one only can go alone.
 */
static bool take(struct ledger_replay *replay, struct slice *ret, bool *ret_spooled,
                 uint64_t *ret_ticket)
{
    *ret_spooled = false;
    if (ledger_recent_next(replay->recent, ret, ret_ticket))
        return true;
    if (replay->recalled > 0)
        return false;
    ledger_recent_forget(replay->recent);
    *ret_spooled = true;
    return replay->config.spool && spool_next(replay->config.spool, ret, ret_ticket);
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

/* False: there is nothing more. */
static bool send_next(struct ledger_replay *replay)
{
    struct ledger_batch batch;
    struct slice record;
    uint64_t ticket;
    bool spooled;
    if (!take(replay, &record, &spooled, &ticket))
        return false;
    if (!ledger_batch_read(record, &batch)) {
        leave_out(replay, record, ticket);
        return true;
    }
    struct flight *flight = check_malloc(sizeof *flight + record.len);
    *flight = (struct flight){.replay = replay,
                              .spooled = spooled,
                              .ticket = ticket,
                              .count = batch.count,
                              .len = record.len};
    memcpy(flight->record, record.ptr, record.len);
    CHECK(ledger_batch_read(slice_of(flight->record, flight->len), &batch));
    send_flight(replay, flight, &batch);
    return true;
}

/* After a failure, when all have been answered: what is not done goes again. */
static void begin_again(struct ledger_replay *replay)
{
    if (!replay->failed || replay->in_flight > 0)
        return;
    replay->failed = false;
    replay->fresh = true;
    if (replay->recalled_from != NOWHERE)
        ledger_recent_rewind(replay->recent, replay->recalled_from);
    replay->recalled_from = NOWHERE;
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
    begin_again(replay);
    begin_tick(replay);
    while (more && !replay->failed && !replay->alone && replay->left > 0 &&
           replay->in_flight < LEDGER_REPLAY_WINDOW) {
        more = send_next(replay);
        replay->left -= more;
    }
    if (more && replay->left == 0)
        look_within(replay, LEDGER_REPLAY_TICK_MS);
}

static void on_timer(void *arg)
{
    struct ledger_replay *replay = arg;
    replay->due_us = INT64_MAX;
    pump(replay);
}

void ledger_replay_look(struct ledger_replay *replay)
{
    look_within(replay, 0);
}

void ledger_replay_recall(struct ledger_replay *replay)
{
    ledger_recent_recall(replay->recent);
    replay->recalled_from = 0;
    replay->failed = replay->failed || replay->in_flight > 0;
    look_within(replay, 0);
}

/* ---- Life ---- */

static void on_records(void *arg)
{
    ledger_replay_look(arg);
}

struct ledger_replay *ledger_replay_new(const struct ledger_config *config,
                                        struct ledger_recent *recent, ledger_ready_fn *ready,
                                        void *arg)
{
    struct ledger_replay *replay = check_calloc(1, sizeof *replay);
    replay->config = *config;
    replay->recent = recent;
    replay->ready = ready;
    replay->arg = arg;
    replay->due_us = INT64_MAX;
    replay->recalled_from = NOWHERE;
    LIST_INIT(&replay->flights);
    replay->timer = loop_timer_new(config->loop, on_timer, replay);
    if (config->spool)
        spool_on_records(config->spool, on_records, replay);
    return replay;
}

void ledger_replay_free(struct ledger_replay *replay)
{
    struct flight *flight;
    if (!replay)
        return;
    LIST_FOREACH (flight, &replay->flights, link)
        flight->replay = NULL;
    loop_timer_free(replay->timer);
    free(replay);
}
