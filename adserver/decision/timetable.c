#include "decision/timetable.h"

#include <stdlib.h>

#include "base/check.h"
#include "decision/targeting.h"

#define UNKNOWN_US INT64_MIN
#define PREPARE_A_GO                                                                               \
    4                    /* positions made ready for what comes, at each decision while any is not \
                          */
#define PREPARE_LOOKS 64 /* positions looked at for them */

struct moment {
    int64_t change_us; /* the bit is right up to here; UNKNOWN_US: it has never been asked */
    int64_t after_us;  /* and what is coming is right up to here; UNKNOWN_US: it is not prepared */
};

/* What the calendar says of a campaign at one moment. */
struct phase {
    bool in_time;
    int64_t from_us, until_us;
};

/* TIME_UNSET is below all times: what has no start has always begun. */
static struct phase phase_at(const struct campaign *campaign, int64_t now_us)
{
    if (now_us < campaign->start_us)
        return (struct phase){false, INT64_MIN, campaign->start_us};
    if (campaign->end_us != TIME_UNSET && now_us >= campaign->end_us)
        return (struct phase){false, campaign->end_us, INT64_MAX};
    int64_t hours_us = targeting_next_change_us(campaign, now_us);
    struct phase phase = {targeting_hours_hold(campaign, now_us), campaign->start_us, hours_us};
    if (hours_us != INT64_MAX)
        phase.from_us = now_us; /* how long it has been so, nobody says */
    if (campaign->end_us != TIME_UNSET && campaign->end_us < hours_us)
        phase.until_us = campaign->end_us;
    return phase;
}

void timetable_init(struct timetable *table)
{
    *table = (struct timetable){.from_us = INT64_MIN, .until_us = INT64_MAX, .told_us = TIME_UNSET};
}

void timetable_release(struct timetable *table)
{
    row_release(&table->current);
    row_release(&table->coming);
    free(table->moments);
    free(table->chunk_until_us);
}

static void grow(struct timetable *table, unsigned chunk)
{
    unsigned chunks = chunk + 1 > 2 * table->chunks ? chunk + 1 : 2 * table->chunks;
    size_t positions = (size_t)chunks * CHUNK_POSITIONS;
    table->moments = check_realloc(table->moments, positions * sizeof *table->moments);
    table->chunk_until_us = check_realloc(table->chunk_until_us, chunks * sizeof(int64_t));
    for (size_t i = (size_t)table->chunks * CHUNK_POSITIONS; i < positions; i++)
        table->moments[i] = (struct moment){INT64_MAX, INT64_MAX};
    for (unsigned i = table->chunks; i < chunks; i++)
        table->chunk_until_us[i] = INT64_MAX;
    table->chunks = chunks;
}

static void make_room(struct timetable *table, uint32_t position)
{
    if (position / CHUNK_POSITIONS >= table->chunks)
        grow(table, position / CHUNK_POSITIONS);
}

/* Until it has been asked it counts as current: who is found is judged anyway. */
void timetable_add(struct timetable *table, struct chunk_pool *pool, uint32_t position)
{
    unsigned chunk = position / CHUNK_POSITIONS;
    make_room(table, position);
    row_set(&table->current, pool, position);
    table->moments[position] = (struct moment){UNKNOWN_US, INT64_MAX};
    table->chunk_until_us[chunk] = UNKNOWN_US;
    table->until_us = UNKNOWN_US;
}

void timetable_remove(struct timetable *table, struct chunk_pool *pool, uint32_t position)
{
    table->unprepared -= table->moments[position].after_us == UNKNOWN_US;
    row_clear(&table->current, pool, position);
    row_clear(&table->coming, pool, position);
    table->moments[position] = (struct moment){INT64_MAX, INT64_MAX};
}

void timetable_move(struct timetable *table, struct chunk_pool *pool, uint32_t from, uint32_t to)
{
    make_room(table, to);
    const struct moment *moment = &table->moments[from];
    int64_t *until_us = &table->chunk_until_us[to / CHUNK_POSITIONS];
    table->moments[to] = *moment;
    *until_us = moment->change_us < *until_us ? moment->change_us : *until_us;
    row_put(&table->current, pool, to, row_has(&table->current, from));
    row_put(&table->coming, pool, to, row_has(&table->coming, from));
    table->unprepared += moment->after_us == UNKNOWN_US;
    timetable_remove(table, pool, from);
}

bool timetable_holds(const struct timetable *table, const struct campaign *campaign)
{
    return table->told_us == TIME_UNSET || phase_at(campaign, table->told_us).in_time;
}

/* ---- One position ---------------------------------------------------------------------------- */

/* Its moment is being looked at: whether it is prepared is counted anew. */
static void set_after(struct timetable *table, uint32_t position, int64_t after_us)
{
    struct moment *moment = &table->moments[position];
    table->unprepared -= moment->after_us == UNKNOWN_US;
    moment->after_us = after_us;
    table->unprepared += moment->after_us == UNKNOWN_US;
}

static void ask(struct timetable *table, struct chunk_pool *pool, uint32_t position,
                const struct campaign *campaign, int64_t now_us)
{
    struct phase phase = phase_at(campaign, now_us);
    row_put(&table->current, pool, position, phase.in_time);
    table->moments[position].change_us = phase.until_us;
    set_after(table, position, phase.until_us == INT64_MAX ? INT64_MAX : UNKNOWN_US);
    if (phase.from_us > table->from_us)
        table->from_us = phase.from_us;
}

/* What was coming has come. */
static void turn(struct timetable *table, struct chunk_pool *pool, uint32_t position)
{
    struct moment *moment = &table->moments[position];
    if (moment->change_us > table->from_us)
        table->from_us = moment->change_us;
    row_put(&table->current, pool, position, row_has(&table->coming, position));
    moment->change_us = moment->after_us;
    set_after(table, position, moment->change_us == INT64_MAX ? INT64_MAX : UNKNOWN_US);
}

static void prepare(struct timetable *table, struct chunk_pool *pool, uint32_t position,
                    const struct campaign *campaign)
{
    struct phase phase = phase_at(campaign, table->moments[position].change_us);
    row_put(&table->coming, pool, position, phase.in_time);
    set_after(table, position, phase.until_us);
}

/* ---- All of them ----------------------------------------------------------------------------- */

struct turning {
    struct timetable *table;
    struct chunk_pool *pool;
    int64_t now_us;
    timetable_campaign_fn *campaign;
    const void *arg;
};

static void turn_position(const struct turning *turning, uint32_t position)
{
    struct timetable *table = turning->table;
    const struct moment *moment = &table->moments[position];
    if (moment->change_us > turning->now_us)
        return;
    if (moment->change_us != UNKNOWN_US && moment->after_us > turning->now_us)
        turn(table, turning->pool, position);
    else
        ask(table, turning->pool, position, turning->campaign(turning->arg, position),
            turning->now_us);
}

static void turn_chunk(const struct turning *turning, unsigned chunk)
{
    struct timetable *table = turning->table;
    uint32_t first = chunk * CHUNK_POSITIONS;
    int64_t until_us = INT64_MAX;
    for (uint32_t position = first; position < first + CHUNK_POSITIONS; position++) {
        turn_position(turning, position);
        if (table->moments[position].change_us < until_us)
            until_us = table->moments[position].change_us;
    }
    table->chunk_until_us[chunk] = until_us;
}

/* Back in time: nothing is known any more. */
static void forget(const struct turning *turning)
{
    struct timetable *table = turning->table;
    table->from_us = INT64_MIN;
    table->until_us = UNKNOWN_US;
    table->unprepared = 0;
    for (unsigned chunk = 0; chunk < table->chunks; chunk++) {
        uint32_t first = chunk * CHUNK_POSITIONS;
        for (uint32_t position = first; position < first + CHUNK_POSITIONS; position++) {
            bool taken = turning->campaign(turning->arg, position) != NULL;
            table->moments[position].change_us = taken ? UNKNOWN_US : INT64_MAX;
            table->moments[position].after_us = INT64_MAX;
        }
        table->chunk_until_us[chunk] = UNKNOWN_US;
    }
}

static void turn_all(const struct turning *turning)
{
    struct timetable *table = turning->table;
    int64_t until_us = INT64_MAX;
    for (unsigned chunk = 0; chunk < table->chunks; chunk++) {
        if (table->chunk_until_us[chunk] <= turning->now_us)
            turn_chunk(turning, chunk);
        if (table->chunk_until_us[chunk] < until_us)
            until_us = table->chunk_until_us[chunk];
    }
    table->until_us = until_us;
}

static void prepare_some(const struct turning *turning)
{
    struct timetable *table = turning->table;
    unsigned positions = table->chunks * CHUNK_POSITIONS;
    for (unsigned looks = 0, found = 0;
         positions > 0 && looks < PREPARE_LOOKS && found < PREPARE_A_GO; looks++) {
        uint32_t position = table->prepare_at++ % positions;
        if (table->moments[position].after_us != UNKNOWN_US)
            continue;
        prepare(table, turning->pool, position, turning->campaign(turning->arg, position));
        found++;
    }
}

void timetable_turn(struct timetable *table, struct chunk_pool *pool, int64_t now_us,
                    timetable_campaign_fn *campaign, const void *arg)
{
    struct turning turning = {table, pool, now_us, campaign, arg};
    table->told_us = now_us;
    if (now_us < table->from_us)
        forget(&turning);
    if (now_us >= table->until_us)
        turn_all(&turning);
    if (table->unprepared > 0)
        prepare_some(&turning);
}
