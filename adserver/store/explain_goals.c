#include "store/explain_goals.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"

/* What the script answers, by position. */
enum {
    GRANTED,
    WHY,
    LASTS,
    IMPRESSIONS,
    CLICKS,
    DAY_IMPRESSIONS,
    SPENT,
    DAY_SPENT,
    RESERVED,
    DAY_RESERVED,
    ANSWERS
};

static struct slice write_number(char buffer[GOAL_NUMBER_MAX], int64_t number)
{
    int len = snprintf(buffer, GOAL_NUMBER_MAX, "%" PRId64, number);
    CHECK(len > 0 && len < GOAL_NUMBER_MAX);
    return slice_of(buffer, (size_t)len);
}

void explain_goal_ask(const struct explain *explain, unsigned at,
                      const struct explain_goal_terms *terms, struct explain_goal_call *ret)
{
    const struct campaign *campaign = explain_bound(explain, at);
    int64_t now_us = explain_asked(explain)->request.now_us;
    struct goal_window window = goal_window_at(campaign->zone, terms->hold_ms * US_PER_MS, now_us);
    struct slice name = goal_window_name(window, ret->window);
    ret->keys[0] = ledger_key(ret->key_buffers[0], terms->prefix, "goal", campaign->id, "");
    ret->keys[1] = ledger_key(ret->key_buffers[1], terms->prefix, "total", campaign->id, "");
    for (unsigned i = 0; i < EXPLAIN_GOAL_ARGS; i++)
        ret->args[i] = SLICE("0"); /* nothing to give back, nothing wanted, no day to forget */
    ret->args[0] = write_number(ret->numbers[0], now_us / US_PER_MS);
    ret->args[1] = write_number(ret->numbers[1], terms->hold_ms);
    ret->args[2] = SLICE("");
    ret->args[4] = name;
    ret->args[5] = goal_window_date(name);
    goal_terms(campaign, ret->terms, ret->args + 8);
    goal_plan_terms(campaign, terms->shape, now_us, ret->plan, ret->args + 8 + GOAL_TERMS);
}

/* Of the plan's terms the one that tell_paced() tells of. */
static uint64_t plan_of(const struct campaign *campaign, const struct traffic_shape *shape,
                        int64_t now_us)
{
    char buffers[GOAL_PLAN_TERMS][GOAL_NUMBER_MAX];
    struct slice terms[GOAL_PLAN_TERMS];
    uint64_t plan = 0;
    goal_plan_terms(campaign, shape, now_us, buffers, terms);
    (void)slice_to_u64(terms[campaign->goal_impressions > 0 ? 0 : 2], UINT64_MAX, &plan);
    return plan;
}

bool explain_goal_take(struct explain *explain, unsigned at, const struct explain_goal_terms *terms,
                       const struct redis_reply *reply)
{
    static const enum reason reasons[] = {REASON_NONE, REASON_GOAL_MET, REASON_BUDGET_SPENT,
                                          REASON_PACED};
    int64_t got[ANSWERS];
    if (reply->type != REDIS_ARRAY || reply->count != ANSWERS)
        return false;
    for (unsigned i = 0; i < ANSWERS; i++) {
        got[i] = reply->items[i].integer;
        if (reply->items[i].type != REDIS_INTEGER || (i == WHY && (got[i] < 0 || got[i] > 3)))
            return false;
        got[i] = got[i] > 0 ? got[i] : 0;
    }
    const struct explain_progress progress = {
        .resting = reasons[got[WHY]],
        .impressions = (uint64_t)got[IMPRESSIONS],
        .clicks = (uint64_t)got[CLICKS],
        .impressions_today = (uint64_t)got[DAY_IMPRESSIONS],
        .spent_micro = got[SPENT],
        .spent_today_micro = got[DAY_SPENT],
        .reserved = (uint64_t)got[RESERVED],
        .reserved_today = (uint64_t)got[DAY_RESERVED],
        .plan = plan_of(explain_bound(explain, at), terms->shape,
                        explain_asked(explain)->request.now_us),
    };
    explain_set_progress(explain, at, &progress);
    return true;
}
