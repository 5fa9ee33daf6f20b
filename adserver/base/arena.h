/*
 * arena: many small allocations that are all freed at once.
 *
 * One arena belongs to one owner (a request, a catalog snapshot, a command) and to one thread.
 * Memory comes back zeroed and aligned for any type. It stays valid until arena_reset() or
 * arena_free(). Under AddressSanitizer the unused tail of every block is poisoned, so that running
 * past an allocation is still seen.
 *
 * An arena whose size a peer can influence is created with a limit; arena_alloc() returns NULL at
 * that limit. Running out of memory itself aborts.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/slice.h"

struct arena;

/* `max_bytes` is the most the arena hands out between resets; 0 means no limit. */
struct arena *arena_new(size_t max_bytes);

/* Frees the arena and all that came from it. NULL is harmless. */
void arena_free(struct arena *arena);

/* Forgets all allocations; keeps the first block, so that a reused arena need not ask malloc. */
void arena_reset(struct arena *arena);

/* `size` zeroed bytes, or NULL at the arena's limit. `size` 0 gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t size);

/* `count` zeroed elements of `size` bytes; NULL at the limit and when the product overflows. */
void *arena_calloc(struct arena *arena, size_t count, size_t size);

/* A copy with a NUL behind it that does not count into the length. A NULL pointer at the limit. */
struct slice arena_copy(struct arena *arena, struct slice s);

/* What the arena has handed out since the last reset, in bytes. */
size_t arena_used(const struct arena *arena);

#define arena_new_array(arena, type, count) ((type *)arena_calloc((arena), (count), sizeof(type)))
#define arena_new_item(arena, type)         ((type *)arena_alloc((arena), sizeof(type)))

#endif
