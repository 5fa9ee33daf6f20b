#include "base/random.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

#include "base/check.h"

/* splitmix64: spreads one seed over a whole state, which must not be all zero. */
static uint64_t split(uint64_t *seed)
{
    uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

void random_seed(struct random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        random->state[i] = split(&seed);
}

void random_seed_from_system(struct random *random)
{
    uint64_t seed;
    random_secret(&seed, sizeof seed);
    random_seed(random, seed);
}

uint64_t random_u64(struct random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Draws again while the number falls into the last, incomplete run of `bound` numbers. */
uint64_t random_below(struct random *random, uint64_t bound)
{
    CHECK(bound != 0);
    uint64_t incomplete = (UINT64_MAX - bound + 1) % bound; /* 2^64 modulo bound */
    uint64_t number;
    do {
        number = random_u64(random);
    } while (number < incomplete);
    return number % bound;
}

void random_secret(void *bytes, size_t len)
{
    char *to = bytes;
    while (len > 0) {
        ssize_t got = getrandom(to, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        CHECK(got > 0);
        to += got;
        len -= (size_t)got;
    }
}
