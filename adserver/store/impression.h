/*
 * impression: the number of a serve, by which its events are known again.
 *
 * Serves of a campaign are numbered densely within blocks, so that all that is to be remembered of
 * one (impression, viewable, click seen; kept apart) are four bits in a string of its block, and
 * not a key:
 *
 *     10 bytes  the process that served, at random
 *      4 bytes  a block of that process, of one campaign
 *      2 bytes  the serve's place in the block, from 1 on
 *
 * A block is full after IMPRESSION_BLOCK serves, and closed after IMPRESSION_BLOCK_AGE_MS, so that
 * what is remembered of it can be forgotten as a whole.
 */
#ifndef STORE_IMPRESSION_H
#define STORE_IMPRESSION_H

#include <stdint.h>

#include "base/slice.h"

#define IMPRESSION_BYTES        16
#define IMPRESSION_BLOCK        8192
#define IMPRESSION_BLOCK_AGE_MS (INT64_C(24) * 3600 * 1000)
#define IMPRESSION_NAME_MAX     20 /* of a block's name, with a NUL */

struct impression_numbers;

struct impression_numbers *impression_numbers_new(void);
void impression_numbers_free(struct impression_numbers *numbers);

/* The number of one serve more of that campaign. */
void impression_next(struct impression_numbers *numbers, struct slice campaign, int64_t now_us,
                     uint8_t ret[IMPRESSION_BYTES]);

/* The block's name, in base64url, and the serve's place in it. */
void impression_block(const uint8_t impression[IMPRESSION_BYTES], char ret[IMPRESSION_NAME_MAX]);
unsigned impression_place(const uint8_t impression[IMPRESSION_BYTES]);

#endif
