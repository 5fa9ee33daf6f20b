/*
 * position_row: a set of positions, made to be intersected with others quickly.
 *
 *     summary   1 0 0 1 ...            one bit a chunk that is not empty
 *     chunks    |     |
 *               512   512  bits        one cache line a chunk, and none for an empty one
 *
 * Intersecting rows means: AND the summaries, a few words; then AND, line by line, only the chunks
 * that are left. A row costs memory and time by the chunks it has, not by how many positions there
 * are (catalog_index.h tells how alike campaigns come to stand in the same chunks).
 */
#ifndef DECISION_POSITION_ROW_H
#define DECISION_POSITION_ROW_H

#include <stdbool.h>
#include <stdint.h>

#define CHUNK_POSITIONS 512
#define CHUNK_WORDS     (CHUNK_POSITIONS / 64)
#define NO_POSITION     UINT32_MAX

struct chunk_bits {
    _Alignas(64) uint64_t words[CHUNK_WORDS];
};
extern const struct chunk_bits chunk_empty;

/* Where rows get their chunks from and give them back. One catalog's rows share one. */
struct chunk_pool {
    struct chunk_slab *slabs;
    struct chunk_bits *idle; /* linked through their first word */
};
void chunk_pool_release(struct chunk_pool *pool);

/* A line of the cache, zeroed, for whatever wants to be just that; and back. */
struct chunk_bits *chunk_pool_take(struct chunk_pool *pool);
void chunk_pool_give(struct chunk_pool *pool, struct chunk_bits *chunk);

/* Begins as zero bytes: the empty set. */
struct position_row {
    uint64_t *summary;
    struct chunk_bits **chunks; /* NULL: an empty one */
    unsigned capacity;          /* chunks there is room for; a multiple of 64 */
    unsigned count;             /* positions in the set */
};

/* The chunks go back to the pool only by row_clear(): a row is released with its pool. */
void row_release(struct position_row *row);

/* Adds or takes out a position; one that is there (or is not) already changes nothing. */
void row_set(struct position_row *row, struct chunk_pool *pool, uint32_t position);
void row_clear(struct position_row *row, struct chunk_pool *pool, uint32_t position);
void row_put(struct position_row *row, struct chunk_pool *pool, uint32_t position, bool in);

/* 64 chunks' worth of the summary. */
static inline uint64_t row_summary(const struct position_row *row, unsigned word)
{
    return word < row->capacity / 64 ? row->summary[word] : 0;
}

static inline const uint64_t *row_chunk(const struct position_row *row, unsigned chunk)
{
    return chunk < row->capacity && row->chunks[chunk] ? row->chunks[chunk]->words
                                                       : chunk_empty.words;
}

static inline bool row_has(const struct position_row *row, uint32_t position)
{
    unsigned bit = position % CHUNK_POSITIONS;
    return row_chunk(row, position / CHUNK_POSITIONS)[bit / 64] >> (bit % 64) & 1;
}

#endif
