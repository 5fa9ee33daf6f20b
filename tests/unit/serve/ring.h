/*
 * ring: key ring files for tests, written as the documentation of store/keyring.h says.
 */
#ifndef TESTS_UNIT_SERVE_RING_H
#define TESTS_UNIT_SERVE_RING_H

#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"

#define RING_KEYS_MAX 8

/* Key `n` has the id `n` and a secret of 32 bytes that are all `n`. */
struct ring_key {
    uint32_t n;
    int64_t made_s; /* wall time */
};

/* The path of a ring file in a folder of the test's own; nothing is there yet. */
const char *ring_path(void);

/* Replaces the file, as a rotation does: written beside it and renamed. Keys oldest first. */
void ring_write(const struct ring_key *keys, unsigned count, mode_t mode);

/* Removes the folder. */
void ring_remove(void);

#endif
