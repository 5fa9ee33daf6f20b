/*
 * replay_tally: counts by a 64-bit key: a hash table with open addressing that grows.
 */
#ifndef DECISION_REPLAY_TALLY_H
#define DECISION_REPLAY_TALLY_H

#include <stdint.h>

struct replay_tally {
    struct replay_tally_place *places;
    uint64_t capacity; /* a power of two; 0: nothing was counted */
    uint64_t used;
};

/* All zero is an empty tally. */
void replay_tally_release(struct replay_tally *tally);

/* Adds to the key's count; returns what it is then. */
uint64_t replay_tally_add(struct replay_tally *tally, uint64_t key, uint64_t amount);

uint64_t replay_tally_get(const struct replay_tally *tally, uint64_t key);

#endif
