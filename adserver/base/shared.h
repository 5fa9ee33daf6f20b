/*
 * shared: memory that the processes of a server share, and that outlives each of them.
 *
 * The supervisor makes it before it forks. It is zero at first, and what is never used of it is
 * addresses, not memory.
 */
#ifndef BASE_SHARED_H
#define BASE_SHARED_H

#include <stddef.h>

/* Aborts when the kernel refuses. */
void *shared_new(size_t bytes);

/* As many bytes as it was made with. NULL is harmless. */
void shared_free(void *memory, size_t bytes);

#endif
