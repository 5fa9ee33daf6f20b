#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"
#include "store/catalog_file.h"

#define LOOK_US (20 * US_PER_MS)
#define MODE    0640
#define NICE    19

struct catalog_writer {
    char *path, *folder, *beside;
    struct loop_timer *look;
    bool busy;
    pthread_t thread;
    struct strbuf bytes; /* the thread's while busy */
    atomic_bool finished;
    int failure;        /* errno of the thread's last try; 0: written */
    const char *failed; /* what it could not do */
    int told;           /* the failure that the log was last told of */
};

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.ptr, bytes.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes = slice_from(bytes, (size_t)written);
    }
    return true;
}

static bool failed(struct catalog_writer *writer, const char *what)
{
    writer->failure = errno;
    writer->failed = what;
    return false;
}

static bool write_beside(struct catalog_writer *writer)
{
    int fd = open(writer->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, MODE);
    if (fd < 0)
        return failed(writer, "open");
    bool done = (write_all(fd, strbuf_slice(&writer->bytes)) || failed(writer, "write")) &&
                (fsync(fd) == 0 || failed(writer, "sync"));
    (void)close(fd);
    return done;
}

/* The name is on disk only once its folder is. */
static bool put_in_place(struct catalog_writer *writer)
{
    if (rename(writer->beside, writer->path) != 0)
        return failed(writer, "rename");
    int fd = open(writer->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return failed(writer, "open the folder");
    bool done = fsync(fd) == 0 || failed(writer, "sync the folder");
    (void)close(fd);
    return done;
}

/* To Linux a thread is a process of its own here: it gets what the loop leaves. */
static void give_way(void)
{
    (void)setpriority(PRIO_PROCESS, 0, NICE);
}

static void *run(void *arg)
{
    struct catalog_writer *writer = arg;
    give_way();
    writer->failure = 0;
    catalog_file_seal(&writer->bytes);
    if (!write_beside(writer) || !put_in_place(writer))
        (void)unlink(writer->beside);
    strbuf_release(&writer->bytes); /* giving back so many pages takes its time, too */
    atomic_store(&writer->finished, true);
    return NULL;
}

/* A refusing disk is told once, and again when the reason changes. */
static void tell(struct catalog_writer *writer)
{
    if (writer->failure && writer->failure != writer->told)
        log_event(LOG_ERROR, "catalog: the last good catalog could not be written",
                  LOG_STR("file", writer->path), LOG_STR("failed", writer->failed),
                  LOG_STR("error", strerror(writer->failure)));
    writer->told = writer->failure;
}

static void finish(struct catalog_writer *writer)
{
    CHECK(pthread_join(writer->thread, NULL) == 0);
    writer->busy = false;
    tell(writer);
}

static void look(void *arg)
{
    struct catalog_writer *writer = arg;
    if (atomic_load(&writer->finished))
        finish(writer);
    else
        loop_timer_set(writer->look, LOOK_US);
}

bool catalog_writer_is_busy(const struct catalog_writer *writer)
{
    return writer->busy;
}

bool catalog_writer_has_failed(const struct catalog_writer *writer)
{
    return writer->failure != 0;
}

/* Signals are the loop's. */
static bool start_thread(struct catalog_writer *writer)
{
    sigset_t all, before;
    CHECK(sigfillset(&all) == 0 && pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    int failure = pthread_create(&writer->thread, NULL, run, writer);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    errno = failure;
    return failure == 0 || failed(writer, "start a thread");
}

void catalog_writer_write(struct catalog_writer *writer, struct strbuf *bytes)
{
    CHECK(!writer->busy);
    writer->bytes = *bytes;
    strbuf_init(bytes, bytes->max);
    atomic_store(&writer->finished, false);
    if (!start_thread(writer)) {
        strbuf_release(&writer->bytes);
        tell(writer);
        return;
    }
    writer->busy = true;
    loop_timer_set(writer->look, LOOK_US);
}

struct catalog_writer *catalog_writer_new(struct loop *loop, const char *path)
{
    struct catalog_writer *writer = check_calloc(1, sizeof *writer);
    char *copy = check_strdup(path);
    size_t size = strlen(path) + 32;
    writer->path = check_strdup(path);
    writer->folder = check_strdup(dirname(copy));
    writer->beside = check_malloc(size);
    (void)snprintf(writer->beside, size, "%s.%d.new", path, (int)getpid());
    writer->look = loop_timer_new(loop, look, writer);
    free(copy);
    return writer;
}

void catalog_writer_free(struct catalog_writer *writer)
{
    if (!writer)
        return;
    if (writer->busy)
        finish(writer);
    loop_timer_free(writer->look);
    free(writer->path);
    free(writer->folder);
    free(writer->beside);
    free(writer);
}
