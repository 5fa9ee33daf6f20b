/*
 * Loaded before a program (LD_PRELOAD), it shows the program and its children another wall clock
 * than this machine's: moved, running faster or slower, and stepping at a moment, as a leap second
 * that is smeared, repeated or left out does. The monotonic clock stays.
 *
 * The file SHIFTED_CLOCK says how, and may change at any time: integers of 8 bytes of this
 * machine's order, first which of two tables holds, then the tables (struct table). Who changes it
 * writes the other table first, so that nobody reads half of one.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)

/* Nanoseconds; moments are of the machine's clock, since 1970. */
struct table {
    int64_t shift;
    int64_t since, gain; /* from that moment on it gains so much in each second */
    int64_t at, step;    /* from that moment on it is ahead by so much more */
};

struct page {
    int64_t which;
    struct table tables[2];
};

static const volatile struct page *page;

__attribute__((constructor)) static void map_page(void)
{
    const char *path = getenv("SHIFTED_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *page, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED)
        page = mapped;
    if (fd >= 0)
        (void)close(fd);
}

static int64_t shown(int64_t real)
{
    const volatile struct table *table = &page->tables[page->which & 1];
    int64_t gained = (int64_t)((__int128)(real - table->since) * table->gain / NS_PER_S);
    return real + table->shift + gained + (real >= table->at ? table->step : 0);
}

int clock_gettime(clockid_t which, struct timespec *ret)
{
    int status = (int)syscall(SYS_clock_gettime, which, ret);
    if (status == 0 && page && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) {
        int64_t now = shown((int64_t)ret->tv_sec * NS_PER_S + ret->tv_nsec);
        ret->tv_sec = now / NS_PER_S;
        ret->tv_nsec = now % NS_PER_S;
    }
    return status;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    ret->tv_sec = now.tv_sec;
    ret->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *ret)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}
