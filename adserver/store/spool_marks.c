#include "store/spool_marks.h"

#include <stdatomic.h>
#include <stddef.h>

#include "base/shared.h"
#include "base/siphash.h"

struct mark {
    _Atomic uint64_t name; /* its hash; 0: the mark is free */
    _Atomic uint64_t offset;
};

struct spool_marks {
    struct mark marks[SPOOL_MARKS_MAX];
};

struct spool_marks *spool_marks_new(void)
{
    return shared_new(sizeof(struct spool_marks));
}

void spool_marks_free(struct spool_marks *marks)
{
    shared_free(marks, sizeof *marks);
}

/* Names are made of the time and of random numbers: no two are the same. */
static uint64_t hash_of(const char *name)
{
    const struct siphash_key key = {0}; /* all processes have the same */
    uint64_t hash = siphash(key, slice_cstr(name));
    return hash ? hash : 1;
}

int spool_marks_add(struct spool_marks *marks, const char *name)
{
    for (int i = 0; marks && i < SPOOL_MARKS_MAX; i++) {
        struct mark *mark = &marks->marks[i];
        uint64_t nobody = 0;
        if (atomic_load(&mark->name) != 0 ||
            !atomic_compare_exchange_strong(&mark->name, &nobody, hash_of(name)))
            continue;
        atomic_store(&mark->offset, 0);
        return i;
    }
    return -1;
}

int spool_marks_find(const struct spool_marks *marks, const char *name)
{
    uint64_t hash = hash_of(name);
    for (int i = 0; marks && i < SPOOL_MARKS_MAX; i++) {
        if (atomic_load(&marks->marks[i].name) == hash)
            return i;
    }
    return -1;
}

void spool_marks_remove(struct spool_marks *marks, int mark)
{
    if (mark >= 0)
        atomic_store(&marks->marks[mark].name, 0);
}

void spool_marks_raise(struct spool_marks *marks, int mark, uint64_t offset)
{
    if (mark >= 0 && atomic_load(&marks->marks[mark].offset) < offset)
        atomic_store(&marks->marks[mark].offset, offset);
}

uint64_t spool_marks_get(const struct spool_marks *marks, int mark)
{
    return mark >= 0 ? atomic_load(&marks->marks[mark].offset) : 0;
}
