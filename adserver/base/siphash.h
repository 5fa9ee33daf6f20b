/*
 * siphash: SipHash-2-4 (Aumasson and Bernstein, 2012), a keyed hash for tables whose keys strangers
 * choose: without the key nobody finds texts that share a place. Not a signature.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stdint.h>

#include "base/slice.h"

struct siphash_key {
    uint64_t k0, k1;
};

/* A key from the kernel's generator. */
struct siphash_key siphash_key_random(void);

uint64_t siphash(struct siphash_key key, struct slice text);

#endif
