#include "store/spool_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/spool_segment.h"

#define MODE      0600
#define TRIES_MAX 16 /* names; each is random, and lost only to who takes it for an orphan */

static bool failed(struct spool_write *write, const char *what)
{
    write->failure = errno;
    write->failed = what;
    return false;
}

static bool write_all(int fd, struct slice bytes, uint64_t at)
{
    while (bytes.len > 0) {
        ssize_t written = pwrite(fd, bytes.ptr, bytes.len, (off_t)at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes = slice_from(bytes, (size_t)written);
        at += (uint64_t)written;
    }
    return true;
}

/*
 * A file that exists and is not locked is an orphan. Between making and locking it another process
 * may have taken it for one: then it is that one's, who will find it empty and remove it.
 */
static bool make_file(struct spool_write *write)
{
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        spool_name_next(&write->namer, write->wall_ms, write->name);
        int fd = openat(write->directory, write->name,
                        O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
        if (fd < 0 && errno == EEXIST)
            continue;
        if (fd < 0)
            return false;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 &&
            spool_segment_is_there(write->directory, write->name, fd)) {
            write->fd = fd;
            write->mark = spool_marks_add(write->marks, write->name);
            write->made = true;
            return true;
        }
        (void)close(fd);
    }
    errno = EEXIST;
    return false;
}

static bool make_segment(struct spool_write *write)
{
    char head[SPOOL_HEAD_BYTES];
    spool_head_write(head, write->salt);
    write->at = SPOOL_HEAD_BYTES;
    return (make_file(write) || failed(write, "make a segment")) &&
           (write_all(write->fd, slice_of(head, sizeof head), 0) || failed(write, "write"));
}

static bool sync_all(struct spool_write *write)
{
    if (!write->sync)
        return true;
    return (fdatasync(write->fd) == 0 || failed(write, "sync")) &&
           (!write->made || fsync(write->directory) == 0 || failed(write, "sync the directory"));
}

static bool write_group(struct spool_write *write)
{
    return (write->fd >= 0 || make_segment(write)) &&
           (write_all(write->fd, write->bytes, write->at) || failed(write, "write")) &&
           (!write->trial || ftruncate(write->fd, (off_t)write->at) == 0 ||
            failed(write, "cut a segment")) &&
           sync_all(write);
}

/* After a sync that failed nobody knows what the disk has: the segment is left as it was. */
static void undo(struct spool_write *write)
{
    if (write->made) {
        (void)unlinkat(write->directory, write->name, 0);
        (void)close(write->fd);
        spool_marks_remove(write->marks, write->mark);
        write->made = false;
        write->fd = -1;
    } else if (write->fd >= 0) {
        bool cut = ftruncate(write->fd, (off_t)write->at) == 0;
        write->spoilt = !cut || fdatasync(write->fd) != 0;
    }
}

static bool run(struct spool_task *task, bool hurry)
{
    struct spool_write *write = (struct spool_write *)task;
    (void)hurry;
    write->failure = 0;
    write->made = write->spoilt = false;
    if (write->sync_first >= 0)
        (void)fdatasync(write->sync_first);
    if (!write_group(write))
        undo(write);
    return false;
}

void spool_write_init(struct spool_write *write)
{
    write->task.run = run;
}
