#include "base/shared.h"

#include <sys/mman.h>

#include "base/check.h"

void *shared_new(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

void shared_free(void *memory, size_t bytes)
{
    if (memory)
        CHECK(munmap(memory, bytes) == 0);
}
