#include "decision/drawing.h"

#define CARDS_IN_ORDER UINT64_C(0xfedcba9876543210)
#define GOLDEN         UINT64_C(0x9e3779b97f4a7c15) /* 2^64 over the golden ratio: spreads evenly */

static void shuffle(struct share_deck *deck, struct random *random)
{
    if (deck->inside == 0)
        deck->inside = random_u64(random);
    deck->inside += GOLDEN;
    deck->cards = CARDS_IN_ORDER;
    deck->left = DECK_CARDS;
}

/* Any of those left; the last one takes its place. */
static uint64_t take_card(struct share_deck *deck, struct random *random)
{
    unsigned at = 4 * (unsigned)random_below(random, deck->left--);
    uint64_t card = deck->cards >> at & 15, last = deck->cards >> 4 * deck->left & 15;
    deck->cards ^= (card ^ last) << at;
    return card;
}

uint64_t share_deck_draw(struct share_deck *deck, struct random *random, uint64_t bound)
{
    if (deck->left == 0)
        shuffle(deck, random);
    uint64_t point = take_card(deck, random) << 60 | deck->inside >> 4;
    return (uint64_t)((unsigned __int128)point * bound >> 64);
}
