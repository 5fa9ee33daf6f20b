#include "store/goals.h"

#include <stdlib.h>

#include "base/check.h"
#include "net/loop.h"
#include "store/goals_lease.h"

#define ROW_NO_PLACE 1 /* of campaigns beyond GOALS_ROWS_MAX: at rest for ever */
#define ROWS_MIN     64

/* ---- Time ------------------------------------------------------------------------------------ */

void goals_open(struct goals *goals, int64_t now_us)
{
    bool back = now_us < goals->now_us;
    goals->now_us = now_us;
    lease_end_rests(goals);
    if (back || now_us >= goals->next_us)
        lease_roll_active(goals);
}

static void on_roll(void *arg)
{
    struct goals *goals = arg;
    goals_open(goals, clock_wall_us(goals->config.clock));
    if (!TAILQ_EMPTY(&goals->active))
        loop_timer_set(goals->roll_timer, lease_window_us(goals));
}

/* ---- Taking ---------------------------------------------------------------------------------- */

struct deliveries goals_deliveries(struct goals *goals)
{
    if (!redis_is_up(goals->config.redis))
        return goals_at_rest(goals, REASON_REDIS_AWAY);
    if (goals->late)
        return goals_at_rest(goals, REASON_DEADLINE);
    return (struct deliveries){.rows = goals->rows, .count = goals->count};
}

struct deliveries goals_at_rest(struct goals *goals, enum reason reason)
{
    if (goals->resting_count != goals->count || goals->resting_reason != reason) {
        goals->resting_rows =
            check_realloc(goals->resting_rows, goals->count * sizeof *goals->resting_rows);
        for (unsigned i = 0; i < goals->count; i++)
            goals->resting_rows[i] = (struct delivery){.resting = reason};
        goals->resting_count = goals->count;
        goals->resting_reason = reason;
    }
    return (struct deliveries){.rows = goals->resting_rows, .count = goals->count};
}

bool goals_take(struct goals *goals, const struct campaign *campaign, unsigned count,
                struct goals_units *ret)
{
    CHECK(campaign->delivery < goals->count);
    struct lease *lease = goals->leases[campaign->delivery];
    if (!lease || !lease_take(lease, count, ret))
        return false;
    lease_refill(lease, campaign);
    return true;
}

void goals_put_back(struct goals *goals, const struct goals_units *units)
{
    struct lease *lease = goals->leases[units->row];
    if (goal_window_eq(lease->window, units->window)) {
        lease_row(lease)->units += units->count;
        lease->taken -= units->count;
        lease_tell(lease);
    } else {
        lease_give_back(lease, units->window, units->count);
    }
}

void goals_hide(struct goals *goals, unsigned row, struct delivery *ret_kept)
{
    *ret_kept = goals->rows[row];
    if (ret_kept->may_ask)
        goals->rows[row].resting = REASON_DEADLINE;
    goals->rows[row].units = 0;
    goals->rows[row].may_ask = false;
}

void goals_show(struct goals *goals, unsigned row, const struct delivery *kept)
{
    goals->rows[row] = *kept;
}

void goals_give_back(struct goals *goals)
{
    struct lease *lease;
    TAILQ_FOREACH (lease, &goals->active, active_link) {
        lease_give_back(lease, lease->window, lease_row(lease)->units);
        lease_give_back(lease, lease->next, lease->next_units);
        lease_row(lease)->units = lease->next_units = 0;
    }
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static size_t slot_of(const struct goals *goals, struct slice id)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ (uint8_t)id.ptr[i]) * UINT64_C(0x100000001b3);
    size_t at = (hash ^ hash >> 32) & (goals->table_size - 1);
    for (; goals->table[at]; at = (at + 1) & (goals->table_size - 1)) {
        const struct lease *lease = goals->leases[goals->table[at]];
        if (slice_eq(slice_of(lease->id, lease->id_len), id))
            break;
    }
    return at;
}

static void grow(struct goals *goals)
{
    goals->capacity = goals->capacity ? 2 * goals->capacity : ROWS_MIN;
    goals->rows = check_realloc(goals->rows, goals->capacity * sizeof *goals->rows);
    goals->leases = check_realloc(goals->leases, goals->capacity * sizeof(void *));
    free(goals->table);
    goals->table_size = 2 * (size_t)goals->capacity;
    goals->table = check_calloc(goals->table_size, sizeof *goals->table);
    for (unsigned row = LEASE_ROW_FIRST; row < goals->count; row++) {
        const struct lease *lease = goals->leases[row];
        goals->table[slot_of(goals, slice_of(lease->id, lease->id_len))] = row;
    }
}

static unsigned add_row(struct goals *goals, struct slice id)
{
    if (goals->count == goals->capacity)
        grow(goals);
    unsigned row = goals->count++;
    struct lease *lease = check_calloc(1, sizeof *lease + id.len);
    lease->goals = goals;
    lease->row = row;
    TAILQ_INIT(&lease->tickets);
    lease->id_len = (uint8_t)id.len;
    memcpy(lease->id, id.ptr, id.len);
    goals->table[slot_of(goals, id)] = row;
    goals->leases[row] = lease;
    goals->rows[row] = (struct delivery){.may_ask = true};
    return row;
}

unsigned goals_row(struct goals *goals, const struct campaign *campaign)
{
    if (!goal_binds(campaign))
        return 0;
    unsigned row = goals->table[slot_of(goals, campaign->id)];
    if (row == 0 && goals->count == GOALS_ROWS_MAX)
        return ROW_NO_PLACE;
    if (row == 0)
        row = add_row(goals, campaign->id);
    goals->leases[row]->zone = campaign->zone;
    goals->leases[row]->rest_ms = 0;
    goals->leases[row]->changed_us = clock_mono_us(goals->config.clock);
    lease_wake(goals->leases[row]);
    return row;
}

void goals_set_shape(struct goals *goals, const struct traffic_shape *shape)
{
    goals->shape = shape;
}

/* ---- Life ------------------------------------------------------------------------------------ */

struct goals *goals_new(const struct goals_config *config)
{
    struct goals *goals = check_calloc(1, sizeof *goals);
    goals->config = *config;
    random_seed_from_system(&goals->random);
    TAILQ_INIT(&goals->active);
    TAILQ_INIT(&goals->waits);
    for (unsigned i = 0; i < LEASE_REST_BUCKETS; i++)
        TAILQ_INIT(&goals->buckets[i]);
    goals->tick = clock_mono_us(config->clock) / LEASE_TICK_US;
    goals->now_us = clock_wall_us(config->clock);
    goals->roll_timer = loop_timer_new(config->loop, on_roll, goals);
    goals->wait_timer = loop_timer_new(config->loop, goals_on_wait_timer, goals);
    grow(goals);
    goals->count = LEASE_ROW_FIRST;
    goals->leases[0] = goals->leases[ROW_NO_PLACE] = NULL;
    goals->rows[0] = (struct delivery){.resting = GOALS_REASON_NO_ROW};
    goals->rows[ROW_NO_PLACE] = goals->rows[0];
    return goals;
}

void goals_free(struct goals *goals)
{
    if (!goals)
        return;
    CHECK(TAILQ_EMPTY(&goals->waits));
    for (unsigned row = LEASE_ROW_FIRST; row < goals->count; row++)
        free(goals->leases[row]);
    loop_timer_free(goals->roll_timer);
    loop_timer_free(goals->wait_timer);
    free(goals->leases);
    free(goals->rows);
    free(goals->resting_rows);
    free(goals->table);
    free(goals);
}
