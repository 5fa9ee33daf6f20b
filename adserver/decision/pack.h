/*
 * pack: an entry and all that it points to as one block of memory.
 *
 * An entry is put together in an arena, which is roomy. There may be hundreds of thousands of them,
 * so what is kept is a copy of just its size: the struct, behind it the arrays of its lists, behind
 * those its run, and then the bytes of its texts, each with a NUL that does not count. free() frees
 * all of it.
 */
#ifndef DECISION_PACK_H
#define DECISION_PACK_H

#include <stddef.h>
#include <stdint.h>

/* Begins something of any size, without pointers, aligned to 8 bytes. */
struct pack_run {
    uint32_t size; /* all of it, this too; a multiple of 8 */
};

/* Where in a struct its texts and lists are. A member that is left out would dangle. */
struct pack_layout {
    size_t size;
    const size_t *slices; /* offsets of members of type struct slice */
    size_t slice_count;
    const size_t *lists; /* offsets of members of type struct slice_list */
    size_t list_count;
    size_t run; /* offset of a member that points to a struct pack_run or is NULL; 0: none */
};

#define PACK_LAYOUT(type, slices, lists)                                  \
    {                                                                     \
        sizeof(type), (slices), sizeof(slices) / sizeof(size_t), (lists), \
            sizeof(lists) / sizeof(size_t), 0                             \
    }

/* The copy; `entry` and what it points to may go afterwards. */
void *pack(const void *entry, const struct pack_layout *layout);

#endif
