/*
 * drawing: chance, where the selection wants some.
 */
#ifndef DECISION_DRAWING_H
#define DECISION_DRAWING_H

#include <stdint.h>

#include "base/random.h"
#include "base/slice.h"

/*
 * Tickets for shares, dealt from a deck: of DECK_CARDS tickets in a row each of as many equal parts
 * of the line gets exactly one, in a shuffled order, and inside the parts the tickets of one deck
 * after the other are spread evenly, too. So a share of voice is held to a few serves after any
 * number of draws, where dice alone would be off by a hundred and more in 100,000; and what the
 * next ticket is, nobody can tell. Begins as zero bytes.
 */
#define DECK_CARDS    16
#define DECK_DEBTORS  8   /* campaigns that something is owed; of more, the least is forgotten */
#define DECK_OWED_MAX 200 /* to one campaign: what it cannot use for long is not made up for */
struct share_deck {
    uint64_t cards; /* four bits each, those that are left in front */
    unsigned left;
    uint64_t inside; /* where in its part each ticket of this deck falls, in parts of 2^64 */
    struct {
        uint64_t key; /* of its id */
        unsigned owed;
    } debts[DECK_DEBTORS];
    unsigned owed; /* to all of them */
};

/* A number in [0, bound); `bound` must not be 0. */
uint64_t share_deck_draw(struct share_deck *deck, struct random *random, uint64_t bound);

/*
 * A draw that its campaign could not take (a cap refused it) is owed: it gets another one when a
 * ticket falls to nobody's share, so that nobody else's suffers. Paying takes one from the debt.
 */
void share_deck_owe(struct share_deck *deck, struct slice campaign);
unsigned share_deck_owed(const struct share_deck *deck, struct slice campaign);
void share_deck_pay(struct share_deck *deck, struct slice campaign);

#endif
