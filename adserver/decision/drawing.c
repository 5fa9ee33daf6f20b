#include "decision/drawing.h"

#include "base/check.h"

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

/* ---- Debts ----------------------------------------------------------------------------------- */

/* FNV-1a. Two that have the same key would only share a debt. */
static uint64_t key_of(struct slice campaign)
{
    uint64_t key = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < campaign.len; i++)
        key = (key ^ (unsigned char)campaign.ptr[i]) * UINT64_C(1099511628211);
    return key;
}

/* Where its debt stands; DECK_DEBTORS: it has none. */
static unsigned find_debt(const struct share_deck *deck, uint64_t key)
{
    unsigned at = 0;
    while (at < DECK_DEBTORS && (deck->debts[at].owed == 0 || deck->debts[at].key != key))
        at++;
    return at;
}

/* The place of the least debt, which is forgotten: campaigns come and go. */
static unsigned clear_debt(struct share_deck *deck)
{
    unsigned least = 0;
    for (unsigned at = 1; at < DECK_DEBTORS; at++)
        least = deck->debts[at].owed < deck->debts[least].owed ? at : least;
    deck->owed -= deck->debts[least].owed;
    deck->debts[least].owed = 0;
    return least;
}

void share_deck_owe(struct share_deck *deck, struct slice campaign)
{
    uint64_t key = key_of(campaign);
    unsigned at = find_debt(deck, key);
    if (at == DECK_DEBTORS)
        at = clear_debt(deck);
    if (deck->debts[at].owed == DECK_OWED_MAX)
        return;
    deck->debts[at].key = key;
    deck->debts[at].owed++;
    deck->owed++;
}

unsigned share_deck_owed(const struct share_deck *deck, struct slice campaign)
{
    unsigned at = find_debt(deck, key_of(campaign));
    return at < DECK_DEBTORS ? deck->debts[at].owed : 0;
}

void share_deck_pay(struct share_deck *deck, struct slice campaign)
{
    unsigned at = find_debt(deck, key_of(campaign));
    CHECK(at < DECK_DEBTORS);
    deck->debts[at].owed--;
    deck->owed--;
}
