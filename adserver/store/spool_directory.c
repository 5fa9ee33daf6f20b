#include "store/spool_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "store/spool.h"

#define DIRECTORY_MODE 0700
#define FILE_MODE      0600
#define LOCK_NAME      "lock"
#define PID_MAX        16 /* bytes of a process id as text */

/* ---- The directory --------------------------------------------------------------------------- */

/*
 * Whether what is open may be used: ours, or of the account that the server becomes. Anything else
 * has been put there by somebody who could make us give it away.
 */
static bool check_owner(const struct stat *stat, uid_t uid, struct err *err)
{
    if (stat->st_uid == geteuid() || stat->st_uid == uid)
        return true;
    return err_set(err, "belongs to account %u; allowed: %u, the server's own",
                   (unsigned)stat->st_uid, (unsigned)(uid ? uid : geteuid()));
}

/* Gives what is open to the account, which is nobody's when 0. */
static bool give(int fd, const struct stat *stat, uid_t uid, gid_t gid, struct err *err)
{
    if (uid == 0 || stat->st_uid == uid || fchown(fd, uid, gid) == 0)
        return true;
    return err_set(err, "cannot be given to account %u: %s", (unsigned)uid, strerror(errno));
}

static bool prepare(int fd, uid_t uid, gid_t gid, struct err *err)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0)
        return err_set(err, "cannot be looked at: %s", strerror(errno));
    if (!check_owner(&stat, uid, err))
        return false;
    if ((stat.st_mode & 0777) != DIRECTORY_MODE && fchmod(fd, DIRECTORY_MODE) != 0)
        return err_set(err, "cannot be made private: %s", strerror(errno));
    return give(fd, &stat, uid, gid, err);
}

static int open_for(const char *state_dir, uid_t uid, gid_t gid, struct err *err)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/spool", state_dir);
    (void)err_at(err, "%s/spool", state_dir);
    if (len < 0 || (size_t)len >= sizeof path)
        return err_set(err, "the path is too long"), -1;
    if (mkdir(path, DIRECTORY_MODE) != 0 && errno != EEXIST)
        return err_set(err, "cannot be made: %s", strerror(errno)), -1;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, "cannot be opened: %s; allowed: a directory, no link to one",
                       strerror(errno)),
               -1;
    if (!prepare(fd, uid, gid, err)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

int spool_directory_open(const char *state_dir, struct err *err)
{
    return open_for(state_dir, 0, 0, err);
}

/* ---- The lock -------------------------------------------------------------------------------- */

/* A second name elsewhere would be a way to have somebody else's file given away. */
static bool prepare_lock(int fd, uid_t uid, gid_t gid, struct err *err)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0)
        return err_set(err, "cannot be looked at: %s", strerror(errno));
    if (!S_ISREG(stat.st_mode) || stat.st_nlink != 1)
        return err_set(err, "is no file with one name; remove it");
    return check_owner(&stat, uid, err) && give(fd, &stat, uid, gid, err);
}

static bool blame_holder(int fd, struct err *err)
{
    char pid[PID_MAX];
    ssize_t len = pread(fd, pid, sizeof pid - 1, 0);
    uint64_t number;
    if (len > 0 && slice_to_u64(slice_of(pid, (size_t)len), INT32_MAX, &number))
        return err_set(err,
                       "another server works here (started as process %" PRIu64
                       "); allowed: one server for each server.state_dir",
                       number);
    return err_set(err, "another server works here; allowed: one for each server.state_dir");
}

/* Who holds the lock, for whoever wants it too; a courtesy, so a full disk is no obstacle. */
static void sign(int fd)
{
    char pid[PID_MAX];
    int len = snprintf(pid, sizeof pid, "%d", (int)getpid());
    if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)len, 0) != len)
        (void)!ftruncate(fd, 0);
}

static bool take_lock(int fd, uid_t uid, gid_t gid, struct err *err)
{
    if (!prepare_lock(fd, uid, gid, err))
        return false;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? blame_holder(fd, err)
                                    : err_set(err, "cannot be locked: %s", strerror(errno));
    sign(fd);
    return true;
}

int spool_lock_directory(const char *state_dir, uid_t uid, gid_t gid, struct err *err)
{
    int directory = open_for(state_dir, uid, gid, err);
    if (directory < 0)
        return -1;
    int fd = openat(directory, LOCK_NAME,
                    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, FILE_MODE);
    int failure = errno;
    (void)close(directory);
    (void)err_at(err, "%s/spool/%s", state_dir, LOCK_NAME);
    if (fd < 0)
        return err_set(err, "cannot be opened: %s; allowed: a file, no link to one",
                       strerror(failure)),
               -1;
    if (!take_lock(fd, uid, gid, err)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* ---- Names ----------------------------------------------------------------------------------- */

bool spool_name_is_segment(const char *name)
{
    struct slice all = slice_cstr(name);
    return all.len < SPOOL_NAME_MAX && all.ptr[0] != '.' && slice_ends(all, SLICE(SPOOL_SUFFIX));
}

struct slice spool_name_process(const char *name)
{
    const char *begin = strchr(name, '-'), *end = strrchr(name, '-');
    return begin && end > begin ? slice_of(begin, (size_t)(end - begin)) : slice_cstr(name);
}

void spool_name_next(struct spool_namer *namer, uint64_t wall_ms, char name[SPOOL_NAME_MAX])
{
    if (wall_ms > namer->last_ms)
        namer->last_ms = wall_ms;
    int len =
        snprintf(name, SPOOL_NAME_MAX, "%012" PRIx64 "-%" PRIu32 "-%08" PRIx32 "-%08u" SPOOL_SUFFIX,
                 namer->last_ms, namer->pid, namer->random, namer->count++);
    CHECK(len > 0 && len < SPOOL_NAME_MAX);
}
