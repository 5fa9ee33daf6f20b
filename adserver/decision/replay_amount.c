#include "decision/replay_amount.h"

#include <math.h>
#include <stddef.h>

/* Samples are drawn by the upper bits of a viewer's hash (store/request_log.c): groups go by the
 * lowest of one. */
unsigned replay_amount_group(uint64_t key)
{
    key = (key ^ key >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    key = (key ^ key >> 27) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((key ^ key >> 31) % REPLAY_GROUPS);
}

void replay_amount_add(struct replay_amount *amount, unsigned group, uint64_t weight)
{
    amount->sum += weight;
    amount->groups[group] += weight;
}

/* What the group would have if it were as all are. */
static double expected(double sum, unsigned group, const struct replay_amount *base)
{
    if (!base || base->sum == 0)
        return sum / REPLAY_GROUPS;
    return sum * (double)base->groups[group] / (double)base->sum;
}

uint64_t replay_amount_error(const struct replay_amount *amount, const struct replay_amount *other,
                             const struct replay_sample *sample)
{
    double sum = (double)amount->sum - (other ? (double)other->sum : 0);
    double squares = 0;
    for (unsigned i = 0; i < REPLAY_GROUPS; i++) {
        double here = (double)amount->groups[i] - (other ? (double)other->groups[i] : 0);
        double off = here - expected(sum, i, sample->base);
        squares += off * off;
    }
    double left_out = sample->logged < 1 ? 1 - sample->logged : 0;
    return (uint64_t)(2 * sqrt(left_out * squares * REPLAY_GROUPS / (REPLAY_GROUPS - 1)));
}
