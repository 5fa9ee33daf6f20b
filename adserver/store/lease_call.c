#include "store/lease_call.h"

#include <stdio.h>

#include "base/clock.h"

#define DAYS_KEPT_US (INT64_C(9) * 86400 * US_PER_SECOND) /* events count for a week at most */

static struct slice write_number(char buffer[GOAL_NUMBER_MAX], int64_t number)
{
    int len = snprintf(buffer, GOAL_NUMBER_MAX, "%lld", (long long)number);
    return slice_of(buffer, (size_t)len);
}

void lease_call_write(const struct lease_question *question, struct lease_words *ret)
{
    const struct lease_call *call = &question->call;
    struct slice window = goal_window_name(call->window, ret->window), *args = ret->args;
    struct goal_window kept = goal_window_at(question->zone, question->hold_ms * US_PER_MS,
                                             question->now_us - DAYS_KEPT_US);
    ret->keys[0] = ledger_key(ret->key_text[0], question->prefix, "goal", question->id, "");
    ret->keys[1] = ledger_key(ret->key_text[1], question->prefix, "total", question->id, "");
    args[0] = write_number(ret->numbers[0], question->now_us / US_PER_MS);
    args[1] = write_number(ret->numbers[1], question->hold_ms);
    args[2] = call->back ? window : SLICE("");
    args[3] = write_number(ret->numbers[2], call->back);
    args[4] = call->campaign ? window : SLICE("");
    args[5] = goal_window_date(window);
    args[6] = write_number(ret->numbers[3], call->wanted);
    args[7] = write_number(ret->numbers[4], call->needed);
    goal_terms(call->campaign, ret->terms, args + 8);
    goal_plan_terms(call->campaign, question->shape, question->now_us, ret->plan,
                    args + 8 + GOAL_TERMS);
    args[LEASE_ARGS - 1] = write_number(ret->numbers[5], kept.date);
}

bool lease_answer_read(const struct redis_reply *reply, struct lease_answer *ret)
{
    int64_t number[3];
    if (reply->type != REDIS_ARRAY || reply->count != 3)
        return false;
    for (unsigned i = 0; i < 3; i++) {
        if (reply->items[i].type != REDIS_INTEGER)
            return false;
        number[i] = reply->items[i].integer;
    }
    if (number[0] < 0 || number[0] > LEASE_MAX || number[1] < 0 || number[1] >= LEASE_REFUSALS ||
        (number[0] > 0) != (number[1] == LEASE_NOT_REFUSED))
        return false;
    *ret = (struct lease_answer){.granted = (uint32_t)number[0],
                                 .refusal = (enum lease_refusal)number[1],
                                 .lasting = number[2] != 0};
    return true;
}
