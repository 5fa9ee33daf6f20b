/*
 * replay_amount: a sum over logged requests that knows how far chance in taking the sample may have
 * led it astray.
 *
 * Viewers fall into REPLAY_GROUPS random groups, each a small sample of its own; an amount keeps a
 * sum for each beside the whole. How far these differ tells how far another sample would (random
 * groups, as in surveys). Amounts are thousandths (REPLAY_ONE).
 */
#ifndef DECISION_REPLAY_AMOUNT_H
#define DECISION_REPLAY_AMOUNT_H

#include <stdint.h>

#define REPLAY_GROUPS 32

struct replay_amount {
    uint64_t sum;
    uint64_t groups[REPLAY_GROUPS];
};

/* What the sample is and what is known beside it. */
struct replay_sample {
    double logged;                    /* part of all requests that was logged, 0 to 1 */
    const struct replay_amount *base; /* whose true sum is known, and all were scaled to; or NULL */
};

/* The group of a viewer, or of a request whose viewer is not known. */
unsigned replay_amount_group(uint64_t key);

void replay_amount_add(struct replay_amount *amount, unsigned group, uint64_t weight);

/*
 * Two standard errors of `amount` less `other` (NULL: nothing), by which viewers were logged; 0
 * where all were. True within a sixth or so, as is usual with that many groups. Where the true sum
 * of `base` is known, only what does not go along with it can be wrong.
 */
uint64_t replay_amount_error(const struct replay_amount *amount, const struct replay_amount *other,
                             const struct replay_sample *sample);

#endif
