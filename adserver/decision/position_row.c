#include "decision/position_row.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define SLAB_CHUNKS 63 /* with its head, 4 KiB */

const struct chunk_bits chunk_empty;

struct chunk_slab {
    struct chunk_slab *next;
    struct chunk_bits chunks[SLAB_CHUNKS];
};

/* ---- Chunks ---------------------------------------------------------------------------------- */

void chunk_pool_give(struct chunk_pool *pool, struct chunk_bits *chunk)
{
    memcpy(chunk->words, &pool->idle, sizeof pool->idle);
    pool->idle = chunk;
}

static void add_slab(struct chunk_pool *pool)
{
    struct chunk_slab *slab = aligned_alloc(_Alignof(struct chunk_slab), sizeof *slab);
    CHECK(slab != NULL);
    slab->next = pool->slabs;
    pool->slabs = slab;
    for (unsigned i = 0; i < SLAB_CHUNKS; i++)
        chunk_pool_give(pool, &slab->chunks[i]);
}

struct chunk_bits *chunk_pool_take(struct chunk_pool *pool)
{
    if (!pool->idle)
        add_slab(pool);
    struct chunk_bits *chunk = pool->idle;
    memcpy(&pool->idle, chunk->words, sizeof pool->idle);
    *chunk = chunk_empty;
    return chunk;
}

void chunk_pool_release(struct chunk_pool *pool)
{
    while (pool->slabs) {
        struct chunk_slab *slab = pool->slabs;
        pool->slabs = slab->next;
        free(slab);
    }
    pool->idle = NULL;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

void row_release(struct position_row *row)
{
    free(row->summary);
    free(row->chunks);
    *row = (struct position_row){0};
}

static void grow(struct position_row *row, unsigned chunk)
{
    unsigned capacity = (chunk / 64 + 1) * 64;
    row->summary = check_realloc(row->summary, capacity / 8);
    row->chunks = check_realloc(row->chunks, capacity * sizeof *row->chunks);
    memset(row->summary + row->capacity / 64, 0, (capacity - row->capacity) / 8);
    memset(row->chunks + row->capacity, 0, (capacity - row->capacity) * sizeof *row->chunks);
    row->capacity = capacity;
}

void row_set(struct position_row *row, struct chunk_pool *pool, uint32_t position)
{
    unsigned chunk = position / CHUNK_POSITIONS, bit = position % CHUNK_POSITIONS;
    if (chunk >= row->capacity)
        grow(row, chunk);
    if (!row->chunks[chunk]) {
        row->chunks[chunk] = chunk_pool_take(pool);
        row->summary[chunk / 64] |= UINT64_C(1) << (chunk % 64);
    }
    uint64_t *word = &row->chunks[chunk]->words[bit / 64];
    row->count += !(*word >> (bit % 64) & 1);
    *word |= UINT64_C(1) << (bit % 64);
}

void row_clear(struct position_row *row, struct chunk_pool *pool, uint32_t position)
{
    unsigned chunk = position / CHUNK_POSITIONS, bit = position % CHUNK_POSITIONS;
    if (!row_has(row, position))
        return;
    struct chunk_bits *bits = row->chunks[chunk];
    bits->words[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
    row->count--;
    if (memcmp(bits, &chunk_empty, sizeof *bits) != 0)
        return;
    chunk_pool_give(pool, bits);
    row->chunks[chunk] = NULL;
    row->summary[chunk / 64] &= ~(UINT64_C(1) << (chunk % 64));
}

void row_put(struct position_row *row, struct chunk_pool *pool, uint32_t position, bool in)
{
    if (in)
        row_set(row, pool, position);
    else
        row_clear(row, pool, position);
}
