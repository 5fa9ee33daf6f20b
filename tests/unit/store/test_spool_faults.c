/* The spool when the disk refuses, is slow, or processes are killed. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/random.h"
#include "unit/store/spool_fixture.h"

/* ---- A disk whose syncs fail, or hang -------------------------------------------------------- */

static atomic_uint syncs_begun, syncs;                   /* so far */
static atomic_uint syncs_to_fail;                        /* the next ones */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* held: syncs hang */

/* Stands before the C library's for this program. */
int fdatasync(int fd)
{
    atomic_fetch_add(&syncs_begun, 1);
    CHECK(pthread_mutex_lock(&gate) == 0);
    CHECK(pthread_mutex_unlock(&gate) == 0);
    atomic_fetch_add(&syncs, 1);
    if (atomic_load(&syncs_to_fail) > 0) {
        atomic_fetch_sub(&syncs_to_fail, 1);
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static _Atomic ino_t unreadable; /* this file's records, not its head; 0: none's */

/* Likewise. */
ssize_t pread(int fd, void *to, size_t len, off_t at)
{
    struct stat stat_of_file;
    ino_t bad = atomic_load(&unreadable);
    if (bad && at > 0 && fstat(fd, &stat_of_file) == 0 && stat_of_file.st_ino == bad) {
        errno = EIO;
        return -1;
    }
    return (ssize_t)syscall(SYS_pread64, fd, to, len, at);
}

static bool has_synced(void *arg)
{
    const unsigned *count = arg;
    return atomic_load(&syncs) >= *count;
}

static bool has_begun_to_sync(void *arg)
{
    const unsigned *count = arg;
    return atomic_load(&syncs_begun) >= *count;
}

static bool is_well(void *arg)
{
    const struct scene *scene = arg;
    return spool_trouble(scene->spool)[0] == '\0';
}

static void test_what_comes_meanwhile_is_one_group(void **state)
{
    struct scene *scene = *state;
    scene_put(scene, "the segment is there");
    unsigned before = atomic_load(&syncs);
    assert_int_equal(pthread_mutex_lock(&gate), 0);
    for (unsigned i = 0; i < 100; i++) {
        scene_append_text(scene, "r");
        run_for(scene->loop, 1); /* the loop goes on while the disk hangs */
    }
    assert_int_equal(scene->durable, 1);
    assert_int_equal(spool_waiting(scene->spool), 1);
    assert_int_equal(pthread_mutex_unlock(&gate), 0);
    scene_settle(scene);
    assert_int_equal(scene->durable, 101);
    assert_int_equal(atomic_load(&syncs) - before, 2);
}

static void test_what_waits_for_the_disk_has_a_limit(void **state)
{
    struct scene *scene = *state;
    static char bytes[SPOOL_RECORD_MAX];
    unsigned fit = SPOOL_PENDING_MAX / (SPOOL_RECORD_MAX + 12);
    memset(bytes, 'w', sizeof bytes);
    assert_int_equal(pthread_mutex_lock(&gate), 0);
    scene_append_text(scene, "hangs");
    run_for(scene->loop, 5);
    for (unsigned i = 0; i < fit + 3; i++)
        scene_append(scene, slice_of(bytes, sizeof bytes));
    run_for(scene->loop, 5);
    assert_int_equal(scene->refused, 3);
    assert_string_equal(spool_trouble(scene->spool), "the disk is too slow");
    assert_int_equal(pthread_mutex_unlock(&gate), 0);
    scene_settle(scene);
    assert_int_equal(scene->durable, fit + 1);
    assert_string_equal(spool_trouble(scene->spool), "");
}

static void test_a_sync_that_fails_refuses_the_group(void **state)
{
    struct scene *scene = *state;
    scene_put(scene, "before");
    atomic_store(&syncs_to_fail, 1);
    scene_append_text(scene, "lost");
    scene_append_text(scene, "lost, too");
    scene_settle(scene);
    assert_int_equal(scene->refused, 2);
    assert_string_equal(spool_trouble(scene->spool), "cannot sync: Input/output error");
    assert_int_equal(metrics_sum(scene->metrics, COUNTER_SPOOL_REFUSED), 2);
    scene_put(scene, "after");
    assert_string_equal(spool_trouble(scene->spool), "");
    scene_take(scene, "before");
    scene_take(scene, "after");
    scene_take_none(scene);
    scene_reopen(scene); /* nor does the next process find what was refused */
    scene_wait_records(scene, 2);
}

static void test_a_first_sync_that_fails_leaves_nothing(void **state)
{
    struct scene *scene = *state;
    atomic_store(&syncs_to_fail, 1);
    scene_append_text(scene, "lost");
    scene_settle(scene);
    assert_int_equal(scene->refused, 1);
    assert_int_equal(scene_files(scene), 0);
    run_until(scene->loop, is_well, scene, PATIENCE_MS); /* by a try without a record */
    scene_wait_files(scene, 0);
    assert_int_equal(spool_bytes(scene->spool), 0);
}

static void test_policies_sync_when_they_say(void **state)
{
    struct scene *scene = *state;
    scene->config.fsync = SPOOL_FSYNC_OFF;
    scene_reopen(scene);
    unsigned before = atomic_load(&syncs);
    scene_put(scene, "off");
    scene_reopen(scene);
    assert_int_equal(atomic_load(&syncs), before);

    scene->config.fsync = SPOOL_FSYNC_INTERVAL;
    scene_reopen(scene);
    assert_int_equal(pthread_mutex_lock(&gate), 0);
    scene_put(scene, "interval"); /* though no sync comes back */
    assert_int_equal(pthread_mutex_unlock(&gate), 0);
    unsigned wanted = atomic_load(&syncs) + 1;
    run_until(scene->loop, has_synced, &wanted, PATIENCE_MS);
    scene_put(scene, "synced when the process ends");
    scene_reopen(scene);
    assert_true(atomic_load(&syncs) > wanted);

    scene->config.fsync = SPOOL_FSYNC_ALWAYS;
    scene_reopen(scene);
    before = atomic_load(&syncs);
    scene_put(scene, "always");
    assert_int_equal(atomic_load(&syncs), before + 1);
}

/* Its sync each second fails while a group is on its way to the same segment. */
static void test_no_segment_goes_on_after_its_sync_failed(void **state)
{
    struct scene *scene = *state;
    scene->config.fsync = SPOOL_FSYNC_INTERVAL;
    scene_reopen(scene);
    unsigned wanted = atomic_load(&syncs_begun) + 1;
    assert_int_equal(pthread_mutex_lock(&gate), 0);
    scene_put(scene, "written");
    run_until(scene->loop, has_begun_to_sync, &wanted, PATIENCE_MS);
    scene_append_text(scene, "on its way");
    run_for(scene->loop, 5);
    atomic_store(&syncs_to_fail, 1);
    assert_int_equal(pthread_mutex_unlock(&gate), 0);
    scene_settle(scene);
    assert_int_equal(scene_files(scene), 1);
    scene_put(scene, "in another segment");
    assert_int_equal(scene_files(scene), 2);
    spool_done(scene->spool, scene_take(scene, "written"));
    spool_done(scene->spool, scene_take(scene, "on its way"));
    spool_done(scene->spool, scene_take(scene, "in another segment"));
    scene_wait_files(scene, 0);
}

/* ---- A disk that cannot read ----------------------------------------------------------------- */

static ino_t first_segment(const struct scene *scene)
{
    struct stat stat_of_file;
    assert_int_equal(stat(scene_segment(scene), &stat_of_file), 0);
    return stat_of_file.st_ino;
}

/* Three segments of one process, of one record each. */
static void put_three(struct scene *scene)
{
    scene->config.segment_bytes = 1;
    scene_reopen(scene);
    scene_put(scene, "first");
    scene_put(scene, "second");
    scene_put(scene, "third");
    assert_int_equal(scene_files(scene), 3);
}

/* The disk is well: the next process has all of them, in their order. */
static void expect_three(struct scene *scene)
{
    atomic_store(&unreadable, 0);
    scene_reopen(scene);
    scene_wait_records(scene, 3);
    spool_done(scene->spool, scene_take(scene, "first"));
    spool_done(scene->spool, scene_take(scene, "second"));
    spool_done(scene->spool, scene_take(scene, "third"));
}

static void test_no_orphan_before_an_elder_that_cannot_be_read(void **state)
{
    struct scene *scene = *state;
    put_three(scene);
    atomic_store(&unreadable, first_segment(scene));
    scene_reopen(scene);
    run_for(scene->loop, 2 * SPOOL_SCAN_MS);
    assert_int_equal(spool_waiting(scene->spool), 0);
    expect_three(scene);
    scene_wait_files(scene, 0);
}

static void test_nothing_behind_what_cannot_be_read(void **state)
{
    struct scene *scene = *state;
    put_three(scene);
    atomic_store(&unreadable, first_segment(scene));
    scene_take_none(scene);
    scene_put(scene, "appended meanwhile");
    scene_take_none(scene);
    assert_int_equal(spool_waiting(scene->spool), 4);
    atomic_store(&unreadable, 0);
    scene_take_none(scene); /* left to the next process */
    scene_reopen(scene);
    scene_wait_records(scene, 4);
    spool_done(scene->spool, scene_take(scene, "first"));
    spool_done(scene->spool, scene_take(scene, "second"));
    spool_done(scene->spool, scene_take(scene, "third"));
    spool_done(scene->spool, scene_take(scene, "appended meanwhile"));
    scene_wait_files(scene, 0);
}

static void test_nothing_behind_what_cannot_be_read_again(void **state)
{
    struct scene *scene = *state;
    put_three(scene);
    uint64_t first = scene_take(scene, "first");
    scene_take(scene, "second");
    atomic_store(&unreadable, first_segment(scene));
    spool_rewind(scene->spool);
    scene_take_none(scene);
    spool_done(scene->spool, first); /* its ticket is not valid any more */
    assert_int_equal(spool_waiting(scene->spool), 3);
    expect_three(scene);
    scene_wait_files(scene, 0);
}

/* ---- A disk that is full --------------------------------------------------------------------- */

/* No file may grow beyond: the write that passes it is cut short, the next fails. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static off_t size_of_segment(const struct scene *scene)
{
    struct stat stat_of_file;
    assert_int_equal(stat(scene_segment(scene), &stat_of_file), 0);
    return stat_of_file.st_size;
}

static void test_a_short_write_is_cut_away(void **state)
{
    struct scene *scene = *state;
    static char bytes[1000];
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    memset(bytes, 's', sizeof bytes);
    scene_put(scene, "before");
    off_t size = size_of_segment(scene);
    limit_files(600);
    scene_append(scene, slice_of(bytes, sizeof bytes));
    scene_settle(scene);
    assert_int_equal(scene->refused, 1);
    assert_true(size_of_segment(scene) == size);
    assert_string_equal(spool_trouble(scene->spool), "cannot write: File too large");
    scene_put(scene, "a small one fits");
    scene_append(scene, slice_of(bytes, sizeof bytes));
    scene_settle(scene);
    assert_int_equal(scene->refused, 2);
    limit_files(RLIM_INFINITY);
    run_until(scene->loop, is_well, scene, PATIENCE_MS);
    scene_put(scene, "after");
    scene_take(scene, "before");
    scene_take(scene, "a small one fits");
    scene_take(scene, "after");
    scene_take_none(scene);
    scene_reopen(scene);
    scene_wait_records(scene, 3);
    assert_int_equal(metrics_sum(scene->metrics, COUNTER_SPOOL_TORN), 0);
}

/* A disk of 64 KiB under the state directory, for this process alone. False: not allowed here. */
static bool mount_disk(const struct scene *scene)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", scene_path(scene, ""), "tmpfs", 0, "size=64k,mode=0700") == 0;
}

static void test_a_full_disk_refuses_and_heals(void **state)
{
    struct scene *scene = *state;
    static char bytes[SPOOL_RECORD_MAX];
    memset(bytes, 'f', sizeof bytes);
    if (!mount_disk(scene))
        skip();
    scene_reopen(scene);
    for (unsigned i = 0; i < 8; i++) {
        scene_append(scene, slice_of(bytes, sizeof bytes));
        scene_settle(scene);
    }
    assert_int_equal(scene->durable, 3);
    assert_int_equal(scene->refused, 5);
    assert_string_equal(spool_trouble(scene->spool), "cannot write: No space left on device");
    for (unsigned i = 0; i < 3; i++) {
        struct slice record;
        uint64_t ticket;
        assert_true(spool_next(scene->spool, &record, &ticket));
        assert_true(slice_eq(record, slice_of(bytes, sizeof bytes)));
        spool_done(scene->spool, ticket);
    }
    scene_wait_files(scene, 0); /* which makes room */
    run_until(scene->loop, is_well, scene, PATIENCE_MS);
    scene_put(scene, "after");
    scene_take(scene, "after");
    spool_free(scene->spool);
    scene->spool = NULL;
    assert_int_equal(umount2(scene_path(scene, ""), MNT_DETACH), 0);
}

/* ---- Processes that are killed --------------------------------------------------------------- */

/* What a child says about record `number`, through a pipe; short enough to be written whole. */
struct word {
    uint64_t number;
};

struct child {
    struct scene *scene;
    struct spool *spool;
    int to;
    uint64_t next;
    struct random random;
};

static void say(const struct child *child, uint64_t number)
{
    struct word word = {number};
    CHECK(write(child->to, &word, sizeof word) == (ssize_t)sizeof word);
}

struct claim {
    struct child *child;
    uint64_t number;
};

static void append_numbered(struct child *child);

static void on_durable(bool durable, void *arg)
{
    struct claim *claim = arg;
    CHECK(durable);
    say(claim->child, claim->number);
    append_numbered(claim->child);
    free(claim);
}

/* A number and bytes that follow from it, of a length that does. */
static struct slice numbered(uint64_t number, char bytes[1024])
{
    size_t len = sizeof number + (size_t)(number * 131 % 1000);
    memset(bytes, (int)(number & 0xff), len);
    memcpy(bytes, &number, sizeof number);
    return slice_of(bytes, len);
}

static void append_numbered(struct child *child)
{
    char bytes[1024];
    struct claim *claim = check_malloc(sizeof *claim);
    *claim = (struct claim){child, child->next++};
    spool_append(child->spool, numbered(claim->number, bytes), on_durable, claim);
}

/* Appends until it is killed, several records at a time, from segment to segment. */
_Noreturn static void run_writer(struct scene *scene, int to)
{
    struct child child = {.scene = scene, .to = to};
    scene->loop = loop_new();
    scene->config.loop = scene->loop;
    child.spool = scene_open(scene);
    for (unsigned i = 0; i < 7; i++)
        append_numbered(&child);
    loop_run(scene->loop);
    _exit(1);
}

/* A child that appends; what it was told is durable comes through the pipe. */
static pid_t start_writer(struct scene *scene, int *ret_from)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        CHECK(close(ends[0]) == 0);
        run_writer(scene, ends[1]);
    }
    assert_int_equal(close(ends[1]), 0);
    *ret_from = ends[0];
    return pid;
}

static bool hear(int from, uint64_t *ret_number)
{
    struct word word;
    if (read(from, &word, sizeof word) != (ssize_t)sizeof word)
        return false;
    *ret_number = word.number;
    return true;
}

/* Kills it at some moment, the `wait`th record or a little later. Returns how many it acknowledged.
 */
static uint64_t kill_writer(pid_t pid, int from, uint64_t wait, uint64_t spins)
{
    uint64_t number, acknowledged = 0;
    while (acknowledged < wait && hear(from, &number))
        acknowledged++;
    for (volatile uint64_t spin = 0; spin < spins;)
        spin = spin + 1;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    while (hear(from, &number))
        acknowledged++;
    assert_int_equal(close(from), 0);
    return acknowledged;
}

struct drain {
    struct scene *scene;
    uint64_t expected; /* the next number */
    uint64_t least;
};

/* Takes all there is: numbers from 0 on, none missing, none torn. */
static bool all_are_back(void *arg)
{
    struct drain *drain = arg;
    struct slice record;
    uint64_t ticket;
    char bytes[1024];
    while (spool_next(drain->scene->spool, &record, &ticket)) {
        assert_true(slice_eq(record, numbered(drain->expected, bytes)));
        drain->expected++;
        spool_done(drain->scene->spool, ticket);
    }
    return drain->expected >= drain->least && scene_files(drain->scene) == 0;
}

static void test_a_kill_loses_nothing(void **state)
{
    struct scene *scene = *state;
    struct random random;
    random_seed(&random, 4);
    scene->config.segment_bytes = 20000;
    for (unsigned round = 0; round < 40; round++) {
        int from;
        spool_free(scene->spool);
        scene->spool = NULL;
        pid_t pid = start_writer(scene, &from);
        uint64_t acknowledged =
            kill_writer(pid, from, random_below(&random, 120), random_below(&random, 300000));
        scene->spool = scene_open(scene);
        struct drain drain = {scene, 0, acknowledged};
        run_until(scene->loop, all_are_back, &drain, PATIENCE_MS);
        assert_int_equal(spool_waiting(scene->spool), 0);
    }
}

/* ---- Many who adopt -------------------------------------------------------------------------- */

#define ORPHANS  12
#define EACH     50
#define ADOPTERS 4

static void take_all(void *arg)
{
    struct child *child = arg;
    struct slice record;
    uint64_t ticket, number;
    while (spool_next(child->spool, &record, &ticket)) {
        CHECK(record.len >= sizeof number);
        memcpy(&number, record.ptr, sizeof number);
        say(child, number);
        spool_done(child->spool, ticket);
    }
}

_Noreturn static void run_adopter(struct scene *scene, int to)
{
    struct child child = {.scene = scene, .to = to};
    scene->loop = loop_new();
    scene->config.loop = scene->loop;
    child.spool = scene_open(scene);
    spool_on_records(child.spool, take_all, &child);
    loop_run(scene->loop);
    _exit(1);
}

static void make_orphans(struct scene *scene)
{
    char bytes[1024];
    for (unsigned i = 0; i < ORPHANS; i++) {
        spool_free(scene->spool);
        scene->spool = scene_open(scene);
        for (unsigned n = 0; n < EACH; n++)
            scene_append(scene, numbered(i * EACH + n, bytes));
    }
    spool_free(scene->spool);
    scene->spool = NULL;
}

static void test_each_orphan_is_adopted_once(void **state)
{
    struct scene *scene = *state;
    pid_t adopters[ADOPTERS];
    unsigned seen[ORPHANS * EACH] = {0};
    int ends[2];
    uint64_t number = 0;
    make_orphans(scene);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    for (unsigned i = 0; i < ADOPTERS; i++) {
        adopters[i] = fork();
        assert_true(adopters[i] >= 0);
        if (adopters[i] == 0)
            run_adopter(scene, ends[1]);
    }
    for (unsigned i = 0; i < ORPHANS * EACH; i++) {
        assert_true(hear(ends[0], &number) && number < ORPHANS * EACH);
        assert_int_equal(seen[number]++, 0);
    }
    scene_wait_files(scene, 0); /* whoever adopted has removed them */
    for (unsigned i = 0; i < ADOPTERS; i++) {
        assert_int_equal(kill(adopters[i], SIGKILL), 0);
        assert_int_equal(waitpid(adopters[i], NULL, 0), adopters[i]);
    }
    struct pollfd more = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&more, 1, 0), 0); /* none came twice */
    assert_int_equal(close(ends[0]) + close(ends[1]), 0);
}

int main(void)
{
#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_set_up, scene_tear_down)
    const struct CMUnitTest tests[] = {
        IN_SCENE(test_what_comes_meanwhile_is_one_group),
        IN_SCENE(test_what_waits_for_the_disk_has_a_limit),
        IN_SCENE(test_a_sync_that_fails_refuses_the_group),
        IN_SCENE(test_a_first_sync_that_fails_leaves_nothing),
        IN_SCENE(test_policies_sync_when_they_say),
        IN_SCENE(test_no_segment_goes_on_after_its_sync_failed),
        IN_SCENE(test_no_orphan_before_an_elder_that_cannot_be_read),
        IN_SCENE(test_nothing_behind_what_cannot_be_read),
        IN_SCENE(test_nothing_behind_what_cannot_be_read_again),
        IN_SCENE(test_a_short_write_is_cut_away),
        IN_SCENE(test_a_full_disk_refuses_and_heals),
        IN_SCENE(test_a_kill_loses_nothing),
        IN_SCENE(test_each_orphan_is_adopted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
