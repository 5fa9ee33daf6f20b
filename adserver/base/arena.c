#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#endif

#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define GAP 16 /* poisoned bytes between two allocations */
#else
#define ASAN_POISON_MEMORY_REGION(address, size)   ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define GAP                                        0
#endif

#define ALIGNMENT       _Alignof(max_align_t)
#define FIRST_BLOCK     ((size_t)4096)
#define GREATEST_BLOCK  ((size_t)64 * 1024)
#define LONE_ALLOCATION (GREATEST_BLOCK / 4) /* more than this gets a block of its own */

struct block {
    struct block *next;
    size_t size; /* bytes behind this header */
    _Alignas(max_align_t) char bytes[];
};

struct arena {
    struct block *first; /* kept by arena_reset(); NULL before the first allocation */
    struct block *others;
    char *free; /* in the block being filled */
    size_t free_size;
    size_t used;
    size_t max;
    size_t next_block;   /* bytes to ask malloc for next time */
    max_align_t nothing; /* what an allocation of 0 bytes points to */
};

struct arena *arena_new(size_t max_bytes)
{
    struct arena *arena = check_calloc(1, sizeof *arena);
    arena->max = max_bytes ? max_bytes : SIZE_MAX;
    arena->next_block = FIRST_BLOCK;
    return arena;
}

static void free_others(struct arena *arena)
{
    while (arena->others) {
        struct block *gone = arena->others;
        arena->others = gone->next;
        free(gone);
    }
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    free_others(arena);
    free(arena->first);
    free(arena);
}

static void fill_from(struct arena *arena, struct block *block)
{
    arena->free = block->bytes;
    arena->free_size = block->size;
    ASAN_POISON_MEMORY_REGION(block->bytes, block->size);
}

void arena_reset(struct arena *arena)
{
    free_others(arena);
    arena->used = 0;
    if (arena->first)
        fill_from(arena, arena->first);
}

/* `memory` has room for the head of a block and `size` bytes. */
static struct block *block_in(void *memory, size_t size)
{
    struct block *block = memory;
    block->size = size;
    block->next = NULL;
    return block;
}

static void add_other(struct arena *arena, struct block *block)
{
    block->next = arena->others;
    arena->others = block;
}

/* Begins a new block that has room for at least `size` bytes. */
static void grow(struct arena *arena, size_t size)
{
    while (arena->next_block - sizeof(struct block) < size)
        arena->next_block *= 2;
    struct block *block =
        block_in(check_malloc(arena->next_block), arena->next_block - sizeof *block);
    if (arena->first)
        add_other(arena, block);
    else
        arena->first = block;
    fill_from(arena, block);
    if (arena->next_block < GREATEST_BLOCK)
        arena->next_block *= 2;
}

static size_t step_of(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + GAP;
}

/* The system hands large blocks out zeroed, and finds memory for a page once it is written to. */
static char *take_lone(struct arena *arena, size_t size)
{
    add_other(arena, block_in(check_calloc(1, sizeof(struct block) + size), size));
    return arena->others->bytes;
}

static char *take(struct arena *arena, size_t size)
{
    size_t step = step_of(size);
    if (step > arena->free_size)
        grow(arena, step);
    char *taken = arena->free;
    arena->free += step;
    arena->free_size -= step;
    ASAN_UNPOISON_MEMORY_REGION(taken, size);
    return taken;
}

/* Zeroed only where it has to be. */
static void *allocate(struct arena *arena, size_t size, bool zeroed)
{
    if (size > arena->max - arena->used)
        return NULL;
    if (size == 0)
        return &arena->nothing;
    arena->used += size;
    if (step_of(size) > LONE_ALLOCATION)
        return take_lone(arena, size);
    char *taken = take(arena, size);
    return zeroed ? memset(taken, 0, size) : taken;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return allocate(arena, size, true);
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    size_t product;
    if (__builtin_mul_overflow(count, size, &product))
        return NULL;
    return arena_alloc(arena, product);
}

struct slice arena_copy(struct arena *arena, struct slice s)
{
    char *copy = s.len < SIZE_MAX ? allocate(arena, s.len + 1, false) : NULL;
    if (!copy)
        return slice_of(NULL, 0);
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return slice_of(copy, s.len);
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
