/*
 * random: numbers for draws, from a seeded generator that a test can repeat.
 *
 * xoshiro256** (Blackman and Vigna). Not for secrets: those come from random_secret().
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state[4];
};

/* The same seed gives the same numbers for ever. */
void random_seed(struct random *random, uint64_t seed);

/* A seed from the kernel; workers made by fork() call it each for itself. */
void random_seed_from_system(struct random *random);

uint64_t random_u64(struct random *random);

/* Uniform in [0, bound), without modulo bias; `bound` must not be 0. */
uint64_t random_below(struct random *random, uint64_t bound);

/* `len` bytes from the kernel's generator; aborts where there is none. */
void random_secret(void *bytes, size_t len);

#endif
