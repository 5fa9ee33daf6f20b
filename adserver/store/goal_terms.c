#include "store/goal_terms.h"

#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "decision/pacing.h"
#include "decision/zone.h"

/* The bounds in the order of the scripts' arguments. */
enum { GOAL_IMPRESSIONS, GOAL_CLICKS, DAILY_IMPRESSIONS, BUDGET, DAILY_BUDGET, BOUNDS };

_Static_assert(GOAL_TERMS == 2 + BOUNDS && GOAL_PLAN_TERMS == BOUNDS, "one argument each");

int64_t goal_window_us(int64_t hold_us)
{
    int64_t length_us = hold_us / GOAL_WINDOWS;
    return length_us > GOAL_WINDOW_MIN_US ? length_us : GOAL_WINDOW_MIN_US;
}

struct goal_window goal_window_at(const struct zone *zone, int64_t hold_us, int64_t at_us)
{
    int64_t length_us = goal_window_us(hold_us);
    return (struct goal_window){.end_us = (at_us / length_us + 1) * length_us,
                                .date = zone_day_at(zone, at_us).date};
}

bool goal_window_eq(struct goal_window a, struct goal_window b)
{
    return a.end_us == b.end_us && a.date == b.date;
}

struct slice goal_window_name(struct goal_window window, char ret[GOAL_WINDOW_MAX])
{
    int len = snprintf(ret, GOAL_WINDOW_MAX, "%lld:%ld", (long long)(window.end_us / US_PER_MS),
                       (long)window.date);
    CHECK(len > 0 && len < GOAL_WINDOW_MAX);
    return slice_of(ret, (size_t)len);
}

struct slice goal_window_date(struct slice name)
{
    const char *colon = memchr(name.ptr, ':', name.len);
    CHECK(colon != NULL);
    return slice_from(name, (size_t)(colon + 1 - name.ptr));
}

static void read_bounds(const struct campaign *campaign, uint64_t ret[BOUNDS])
{
    ret[GOAL_IMPRESSIONS] = campaign->goal_impressions;
    ret[GOAL_CLICKS] = campaign->goal_clicks;
    ret[DAILY_IMPRESSIONS] = campaign->daily_impressions;
    ret[BUDGET] = (uint64_t)campaign->budget_micro;
    ret[DAILY_BUDGET] = (uint64_t)campaign->daily_budget_micro;
}

bool goal_binds(const struct campaign *campaign)
{
    uint64_t bounds[BOUNDS], any = 0;
    read_bounds(campaign, bounds);
    for (unsigned i = 0; i < BOUNDS; i++)
        any |= bounds[i];
    return any != 0;
}

bool goal_is_priced(const struct campaign *campaign)
{
    return campaign->cpm_micro > 0 || campaign->cpc_micro > 0;
}

static struct slice write_number(char buffer[GOAL_NUMBER_MAX], uint64_t number)
{
    int len = snprintf(buffer, GOAL_NUMBER_MAX, "%llu", (unsigned long long)number);
    return slice_of(buffer, (size_t)len);
}

void goal_terms(const struct campaign *campaign, char buffers[GOAL_TERMS][GOAL_NUMBER_MAX],
                struct slice ret[GOAL_TERMS])
{
    uint64_t terms[GOAL_TERMS] = {0};
    if (campaign) {
        terms[0] = (uint64_t)campaign->cpm_micro;
        terms[1] = (uint64_t)campaign->cpc_micro;
        read_bounds(campaign, terms + 2);
    }
    for (unsigned i = 0; i < GOAL_TERMS; i++)
        ret[i] = write_number(buffers[i], terms[i]);
}

/* How far one bound may have come: its amount in the campaign's or the day's time. */
static uint64_t ceiling_of(const struct campaign *campaign, const struct traffic_shape *shape,
                           int64_t now_us, unsigned bound, uint64_t amount)
{
    struct pacing_goal goal = {.pacing = campaign->pacing,
                               .amount = amount,
                               .begin_us = campaign->start_us,
                               .end_us = campaign->end_us};
    if (bound == DAILY_IMPRESSIONS || bound == DAILY_BUDGET) {
        struct zone_day day = zone_day_at(campaign->zone, now_us);
        goal.begin_us = day.begin_us;
        goal.end_us = day.end_us;
    }
    return pacing_ceiling(&goal, shape, now_us);
}

void goal_plan_terms(const struct campaign *campaign, const struct traffic_shape *shape,
                     int64_t now_us, char buffers[GOAL_PLAN_TERMS][GOAL_NUMBER_MAX],
                     struct slice ret[GOAL_PLAN_TERMS])
{
    uint64_t bounds[BOUNDS] = {0};
    if (campaign)
        read_bounds(campaign, bounds);
    for (unsigned i = 0; i < BOUNDS; i++) {
        uint64_t ceiling = bounds[i] ? ceiling_of(campaign, shape, now_us, i, bounds[i]) : 0;
        /* 0 would stand for no bound; a plan that has not begun is one that allows nothing. */
        ret[i] = bounds[i] && ceiling == 0 ? SLICE("-1") : write_number(buffers[i], ceiling);
    }
}
