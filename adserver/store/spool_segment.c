#include "store/spool_segment.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

static bool run_removal(struct spool_task *task, bool hurry);
static void finish_removal(struct spool_task *task);

static struct spool_segment *segment_of(struct spool_task *task)
{
    return (struct spool_segment *)((char *)task - offsetof(struct spool_segment, removal));
}

struct spool_segment *spool_segment_new(int directory, const char *name, int fd, uint64_t salt)
{
    static atomic_uint_fast64_t last_id; /* the thread makes segments, too */
    struct spool_segment *segment = check_calloc(1, sizeof *segment);
    segment->removal = (struct spool_task){.run = run_removal, .finish = finish_removal};
    segment->directory = directory;
    segment->mark = -1;
    (void)snprintf(segment->name, sizeof segment->name, "%s", name);
    segment->source.id = atomic_fetch_add(&last_id, 1) + 1;
    segment->source.fd = fd;
    segment->source.salt = salt;
    segment->source.end = segment->read_at = SPOOL_HEAD_BYTES;
    return segment;
}

void spool_segment_release(struct spool_segment *segment)
{
    (void)close(segment->source.fd);
    free(segment);
}

/* Closing the last descriptor is what frees the blocks, which takes a while. */
static bool run_removal(struct spool_task *task, bool hurry)
{
    struct spool_segment *segment = segment_of(task);
    (void)hurry;
    (void)unlinkat(segment->directory, segment->name, 0);
    (void)close(segment->source.fd);
    return false;
}

static void finish_removal(struct spool_task *task)
{
    free(segment_of(task));
}

void spool_segment_remove(struct spool_segment *segment, struct spool_thread *thread)
{
    spool_thread_give(thread, &segment->removal, false);
}

bool spool_segment_is_there(int directory, const char *name, int fd)
{
    struct stat held, named;
    return fstat(fd, &held) == 0 && fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}
