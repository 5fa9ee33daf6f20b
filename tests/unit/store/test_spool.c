/* The spool on a disk that is well: appending, replay, adoption, limits, the lock. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "store/spool_checksum.h"
#include "unit/store/spool_fixture.h"

static unsigned mode_of(const char *path)
{
    struct stat stat;
    assert_int_equal(lstat(path, &stat), 0);
    return stat.st_mode & 07777;
}

static uint64_t counter(const struct scene *scene, enum metrics_counter which)
{
    return metrics_sum(scene->metrics, which);
}

/* ---- Appending and replay -------------------------------------------------------------------- */

static void test_checksum_is_crc32c(void **state)
{
    unsigned char bytes[32];
    (void)state;
    assert_true(spool_checksum(0, "123456789", 9) == UINT32_C(0xe3069283));
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    assert_true(spool_checksum(0, bytes, sizeof bytes) == UINT32_C(0x46dd794e));
    for (unsigned cut = 0; cut <= sizeof bytes; cut++) /* in two goes it is the same */
        assert_true(spool_checksum(spool_checksum(0, bytes, cut), bytes + cut,
                                   sizeof bytes - cut) == UINT32_C(0x46dd794e));
}

static void test_nothing_is_made_before_the_first_record(void **state)
{
    struct scene *scene = *state;
    scene_take_none(scene);
    run_for(scene->loop, 20);
    assert_int_equal(scene_files(scene), 0);
    assert_int_equal(spool_waiting(scene->spool), 0);
    assert_int_equal(spool_bytes(scene->spool), 0);
    assert_string_equal(spool_trouble(scene->spool), "");
    assert_int_equal(mode_of(scene_path(scene, ".")), 0700);
}

static void test_records_come_back_in_order_and_go_when_done(void **state)
{
    struct scene *scene = *state;
    scene_put(scene, "one");
    scene_append_text(scene, "two");
    scene_append_text(scene, "three");
    scene_take(scene, "one");
    scene_take_none(scene); /* the others are not durable yet */
    scene_settle(scene);
    assert_int_equal(scene->durable, 3);
    assert_int_equal(scene->told, 2); /* once a group */
    assert_int_equal(spool_waiting(scene->spool), 3);
    assert_int_equal(scene_files(scene), 1);
    assert_int_equal(mode_of(scene_segment(scene)), 0600);
    spool_rewind(scene->spool);
    uint64_t one = scene_take(scene, "one");
    uint64_t two = scene_take(scene, "two");
    uint64_t three = scene_take(scene, "three");
    scene_take_none(scene);
    spool_done(scene->spool, three);
    spool_done(scene->spool, one);
    spool_done(scene->spool, one); /* again: nothing happens */
    assert_int_equal(spool_waiting(scene->spool), 1);
    spool_done(scene->spool, two);
    assert_int_equal(spool_waiting(scene->spool), 0);
    assert_int_equal(spool_bytes(scene->spool), 0);
    scene_wait_files(scene, 0);
    assert_int_equal(counter(scene, COUNTER_SPOOL_APPENDED), 3);
    assert_int_equal(counter(scene, COUNTER_SPOOL_DONE), 3);
    scene_put(scene, "four"); /* in a new segment */
    spool_done(scene->spool, scene_take(scene, "four"));
    scene_wait_files(scene, 0);
}

static void test_rewind_hands_out_what_is_not_done(void **state)
{
    struct scene *scene = *state;
    uint64_t tickets[5];
    char text[8];
    for (unsigned i = 0; i < 7; i++) {
        (void)snprintf(text, sizeof text, "r%u", i);
        scene_append_text(scene, text);
    }
    scene_settle(scene);
    for (unsigned i = 0; i < 5; i++) {
        (void)snprintf(text, sizeof text, "r%u", i);
        tickets[i] = scene_take(scene, text);
    }
    spool_done(scene->spool, tickets[0]);
    spool_done(scene->spool, tickets[2]);
    spool_rewind(scene->spool);
    assert_true(scene_take(scene, "r1") == tickets[1]);
    spool_done(scene->spool, tickets[3]); /* while it waits to be handed out again */
    assert_true(scene_take(scene, "r4") == tickets[4]);
    scene_take(scene, "r5");
    spool_rewind(scene->spool);
    assert_true(scene_take(scene, "r1") == tickets[1]);
    assert_true(scene_take(scene, "r4") == tickets[4]);
    scene_take(scene, "r5");
    scene_take(scene, "r6");
    scene_take_none(scene);
    assert_int_equal(spool_waiting(scene->spool), 4);
}

static void test_sizes_of_records(void **state)
{
    struct scene *scene = *state;
    static char bytes[SPOOL_RECORD_MAX + 1];
    struct slice record;
    uint64_t ticket;
    memset(bytes, 'x', sizeof bytes);
    scene_append(scene, slice_of(bytes, SPOOL_RECORD_MAX));
    scene_append(scene, slice_of(bytes, 1));
    scene_append(scene, slice_of(bytes, SPOOL_RECORD_MAX + 1));
    scene_append(scene, slice_of(bytes, 0));
    scene_settle(scene);
    assert_int_equal(scene->durable, 2);
    assert_int_equal(scene->refused, 2);
    assert_true(spool_next(scene->spool, &record, &ticket));
    assert_true(slice_eq(record, slice_of(bytes, SPOOL_RECORD_MAX)));
    scene_take(scene, "x");
    assert_string_equal(spool_trouble(scene->spool), "");
}

static void number_text(unsigned i, char text[100])
{
    (void)snprintf(text, 100, "record %u %080u", i, i);
}

static void test_segments_take_turns(void **state)
{
    struct scene *scene = *state;
    char text[100];
    scene->config.segment_bytes = 500;
    scene_reopen(scene);
    for (unsigned i = 0; i < 40; i++) {
        number_text(i, text);
        scene_put(scene, text);
    }
    /* A record takes 12 and 89 or more bytes: at 500 there are five in a segment. */
    assert_int_equal(scene_files(scene), 8);
    for (unsigned i = 0; i < 40; i++) {
        number_text(i, text);
        spool_done(scene->spool, scene_take(scene, text));
        scene_wait_files(scene, 8 - (i + 1) / 5);
    }
    assert_int_equal(spool_bytes(scene->spool), 0);
}

static void test_more_than_fits_the_window(void **state)
{
    struct scene *scene = *state;
    static char bytes[SPOOL_RECORD_MAX];
    struct slice record;
    uint64_t ticket;
    for (unsigned i = 0; i < 100; i++) {
        memset(bytes, (char)('0' + i % 64), sizeof bytes);
        scene_append(scene, slice_of(bytes, sizeof bytes - i));
    }
    scene_settle(scene);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 100; i++) {
            memset(bytes, (char)('0' + i % 64), sizeof bytes);
            assert_true(spool_next(scene->spool, &record, &ticket));
            assert_true(slice_eq(record, slice_of(bytes, sizeof bytes - i)));
        }
        scene_take_none(scene);
        spool_rewind(scene->spool);
    }
}

static void test_so_many_may_be_out(void **state)
{
    struct scene *scene = *state;
    struct slice record;
    uint64_t first, ticket;
    for (unsigned i = 0; i < SPOOL_OUTSTANDING_MAX + 1; i++)
        scene_append_text(scene, "r");
    scene_settle(scene);
    assert_true(spool_next(scene->spool, &record, &first));
    for (unsigned i = 1; i < SPOOL_OUTSTANDING_MAX; i++)
        assert_true(spool_next(scene->spool, &record, &ticket));
    scene_take_none(scene);
    spool_done(scene->spool, ticket); /* not the oldest: its place is not free */
    scene_take_none(scene);
    spool_done(scene->spool, first);
    scene_take(scene, "r");
    scene_take_none(scene);
}

struct nest {
    struct scene *scene;
    unsigned depth;
};

static void append_again(bool durable, void *arg)
{
    struct nest *nest = arg;
    assert_true(durable);
    if (++nest->depth < 3)
        spool_append(nest->scene->spool, SLICE("nested"), append_again, nest);
}

static bool is_nested(void *arg)
{
    const struct nest *nest = arg;
    return nest->depth == 3;
}

static void test_callbacks_may_append(void **state)
{
    struct scene *scene = *state;
    struct nest nest = {scene, 0};
    spool_append(scene->spool, SLICE("nested"), append_again, &nest);
    run_until(scene->loop, is_nested, &nest, PATIENCE_MS);
    assert_int_equal(spool_waiting(scene->spool), 3);
}

static void test_bytes_have_a_limit(void **state)
{
    struct scene *scene = *state;
    static char bytes[SPOOL_RECORD_MAX];
    struct slice record;
    uint64_t ticket;
    scene->config.bytes_max = 64 * 1024;
    scene_reopen(scene);
    memset(bytes, 'b', sizeof bytes);
    for (unsigned i = 0; i < 8; i++)
        scene_append(scene, slice_of(bytes, sizeof bytes));
    scene_settle(scene);
    assert_int_equal(scene->durable, 3);
    assert_int_equal(scene->refused, 5);
    assert_true(spool_bytes(scene->spool) <= 64 * 1024);
    assert_string_equal(spool_trouble(scene->spool), "spool.bytes_max is reached");
    assert_int_equal(counter(scene, COUNTER_SPOOL_REFUSED), 5);
    while (spool_next(scene->spool, &record, &ticket))
        spool_done(scene->spool, ticket);
    assert_string_equal(spool_trouble(scene->spool), "");
    scene_put(scene, "room again");
}

/* ---- Adoption -------------------------------------------------------------------------------- */

static void test_the_next_process_adopts(void **state)
{
    struct scene *scene = *state;
    for (unsigned i = 0; i < 3; i++)
        scene_append_text(scene, i == 0 ? "a" : i == 1 ? "b" : "c");
    assert_int_equal(scene->durable, 0);
    scene_reopen(scene); /* writes what waits, and says so */
    assert_int_equal(scene->durable, 3);
    scene_wait_records(scene, 3);
    assert_int_equal(scene->told, 1);
    assert_int_equal(counter(scene, COUNTER_SPOOL_ADOPTED), 3);
    uint64_t a = scene_take(scene, "a");
    scene->wall_us += US_PER_MS;
    scene_put(scene, "own");
    uint64_t b = scene_take(scene, "b");
    spool_done(scene->spool, scene_take(scene, "c"));
    spool_done(scene->spool, a);
    assert_int_equal(scene_files(scene), 2);
    spool_done(scene->spool, b);
    scene_wait_files(scene, 1);
    spool_done(scene->spool, scene_take(scene, "own"));
    scene_wait_files(scene, 0);
}

/* What was handed out before one that was passed has been at work, too. */
static void test_the_next_process_knows_what_was_passed(void **state)
{
    struct scene *scene = *state;
    const char *const texts[] = {"a", "b", "c", "d"};
    uint64_t tickets[4];
    for (unsigned i = 0; i < 4; i++)
        scene_put(scene, texts[i]);
    (void)scene_take(scene, "a");
    tickets[1] = scene_take(scene, "b");
    spool_pass(scene->spool, tickets[1]);
    assert_false(spool_was_passed(scene->spool, tickets[1])); /* by another one, that is */
    scene_reopen(scene);
    scene_wait_records(scene, 4);
    for (unsigned i = 0; i < 4; i++) {
        tickets[i] = scene_take(scene, texts[i]);
        assert_int_equal(spool_was_passed(scene->spool, tickets[i]), i < 2);
    }
    spool_pass(scene->spool, tickets[2]);
    spool_pass(scene->spool, tickets[0]); /* never back */
    scene_reopen(scene);
    scene_wait_records(scene, 4);
    for (unsigned i = 0; i < 4; i++) {
        tickets[i] = scene_take(scene, texts[i]);
        assert_int_equal(spool_was_passed(scene->spool, tickets[i]), i < 3);
    }
    for (unsigned i = 0; i < 4; i++)
        spool_done(scene->spool, tickets[i]);
    spool_pass(scene->spool, tickets[3]); /* it has gone: nothing is noted */
    scene_wait_files(scene, 0);
}

/* Made by a server that has ended: it has told nobody what was passed. */
static void test_of_another_server_all_may_have_been_passed(void **state)
{
    struct scene *scene = *state;
    scene_put(scene, "a");
    spool_free(scene->spool);
    spool_marks_free(scene->marks);
    scene->config.marks = scene->marks = spool_marks_new();
    scene->spool = scene_open(scene);
    scene_wait_records(scene, 1);
    uint64_t ticket = scene_take(scene, "a");
    assert_true(spool_was_passed(scene->spool, ticket));
    spool_done(scene->spool, ticket);
    scene_wait_files(scene, 0);
}

static void test_a_living_process_keeps_its_own(void **state)
{
    struct scene *scene = *state;
    struct spool *mine = scene->spool;
    scene_put(scene, "mine");
    scene->spool = scene_open(scene);
    run_for(scene->loop, 2 * SPOOL_SCAN_MS);
    assert_int_equal(spool_waiting(scene->spool), 0);
    spool_free(mine);
    scene_wait_records(scene, 1); /* by one of its later looks */
    spool_done(scene->spool, scene_take(scene, "mine"));
    scene_wait_files(scene, 0);
}

/* A segment that its process has left, made at that time. */
static void leave_behind(struct scene *scene, const char *text, int64_t wall_us)
{
    struct spool *kept = scene->spool;
    scene->wall_us = wall_us;
    scene->spool = scene_open(scene);
    scene_append_text(scene, text);
    spool_free(scene->spool); /* before it has looked for orphans */
    scene->spool = kept;
}

static void test_the_oldest_come_first(void **state)
{
    struct scene *scene = *state;
    int64_t now_us = scene->wall_us;
    leave_behind(scene, "third", now_us - 1 * US_PER_SECOND);
    leave_behind(scene, "first", now_us - 3 * US_PER_SECOND);
    leave_behind(scene, "second", now_us - 2 * US_PER_SECOND);
    scene->wall_us = now_us;
    scene_put(scene, "own");
    scene_wait_records(scene, 4);
    scene_take(scene, "first");
    scene_take(scene, "second");
    scene_take(scene, "third");
    scene_take(scene, "own");
}

static void test_so_many_are_adopted_at_a_time(void **state)
{
    struct scene *scene = *state;
    char text[16];
    for (unsigned i = 0; i < SPOOL_ADOPTED_MAX + 2; i++) {
        (void)snprintf(text, sizeof text, "o%u", i);
        leave_behind(scene, text, scene->wall_us + US_PER_MS);
    }
    scene_wait_records(scene, SPOOL_ADOPTED_MAX);
    run_for(scene->loop, 2 * SPOOL_SCAN_MS);
    assert_int_equal(spool_waiting(scene->spool), SPOOL_ADOPTED_MAX);
    for (unsigned i = 0; i < SPOOL_ADOPTED_MAX + 2; i++) {
        unsigned left = SPOOL_ADOPTED_MAX + 2 - i;
        scene_wait_records(scene, left < SPOOL_ADOPTED_MAX ? left : SPOOL_ADOPTED_MAX);
        (void)snprintf(text, sizeof text, "o%u", i);
        spool_done(scene->spool, scene_take(scene, text));
    }
    scene_wait_files(scene, 0);
}

/* The name of the oldest segment; its folder is in `ret` before it. */
static void oldest_segment(struct scene *scene, char ret[PATH_MAX])
{
    char folder[PATH_MAX / 2], oldest[NAME_MAX + 1] = "";
    const struct dirent *entry;
    (void)snprintf(folder, sizeof folder, "%s/spool", scene->config.state_dir);
    DIR *stream = opendir(folder);
    assert_non_null(stream);
    while ((entry = readdir(stream)) != NULL) {
        if (strstr(entry->d_name, ".spool") && (!oldest[0] || strcmp(entry->d_name, oldest) < 0))
            (void)snprintf(oldest, sizeof oldest, "%s", entry->d_name);
    }
    (void)closedir(stream);
    (void)snprintf(ret, PATH_MAX, "%s/%s", folder, oldest);
}

/* ---- The limit of the whole directory -------------------------------------------------------- */

#define HALF_RECORD (SPOOL_RECORD_MAX / 2)

static bool is_at_the_limit(void *arg)
{
    const struct scene *scene = arg;
    return strcmp(spool_trouble(scene->spool), "spool.bytes_max is reached") == 0;
}

static bool is_well(void *arg)
{
    const struct scene *scene = arg;
    return spool_trouble(scene->spool)[0] == '\0';
}

static void leave_many(struct scene *scene, unsigned count)
{
    char text[HALF_RECORD + 1];
    memset(text, 'o', HALF_RECORD);
    text[HALF_RECORD] = '\0';
    for (unsigned i = 0; i < count; i++)
        leave_behind(scene, text, scene->wall_us + US_PER_MS);
}

static void do_all(struct scene *scene)
{
    struct slice record;
    uint64_t ticket;
    while (spool_next(scene->spool, &record, &ticket))
        spool_done(scene->spool, ticket);
}

static bool no_files_are_left(void *arg)
{
    do_all(arg);
    return scene_files(arg) == 0;
}

/* More than are adopted at a time: no process holds as much as the limit. */
static void test_orphans_count_towards_the_limit(void **state)
{
    struct scene *scene = *state;
    leave_many(scene, 2 * SPOOL_ADOPTED_MAX);
    scene->config.bytes_max = (uint64_t)2 * SPOOL_ADOPTED_MAX * HALF_RECORD;
    scene_reopen(scene);
    run_until(scene->loop, is_at_the_limit, scene, PATIENCE_MS);
    unsigned refused = scene->refused;
    scene_append_text(scene, "one too many");
    scene_settle(scene);
    assert_int_equal(scene->refused, refused + 1);
    run_until(scene->loop, no_files_are_left, scene, PATIENCE_MS);
    run_until(scene->loop, is_well, scene, PATIENCE_MS); /* once it has looked again */
    scene_put(scene, "room again");
}

/* Also while this one has as many orphans as may be. */
static void test_what_others_append_counts_towards_the_limit(void **state)
{
    struct scene *scene = *state;
    struct spool *other;
    char text[HALF_RECORD + 1];
    memset(text, 'a', HALF_RECORD);
    text[HALF_RECORD] = '\0';
    leave_many(scene, SPOOL_ADOPTED_MAX);
    scene->config.bytes_max = (uint64_t)(SPOOL_ADOPTED_MAX + 4) * HALF_RECORD;
    scene_reopen(scene);
    scene_wait_records(scene, SPOOL_ADOPTED_MAX);
    assert_true(is_well(scene));
    other = scene->spool;
    scene->config.bytes_max *= 2;
    scene->spool = scene_open(scene);
    for (unsigned i = 0; i < 3; i++)
        scene_put(scene, text);
    struct spool *appending = scene->spool;
    scene->spool = other;
    run_until(scene->loop, is_at_the_limit, scene, PATIENCE_MS);
    spool_free(appending);
    run_until(scene->loop, no_files_are_left, scene, PATIENCE_MS);
    run_until(scene->loop, is_well, scene, PATIENCE_MS);
}

/* What one process wrote is replayed in its order, by however many others. */
static void test_no_segment_before_its_elder(void **state)
{
    struct scene *scene = *state;
    struct spool *kept = scene->spool;
    char path[PATH_MAX];
    scene->config.segment_bytes = 1;
    scene->spool = scene_open(scene);
    scene_put(scene, "first");
    scene_put(scene, "second");
    spool_free(scene->spool);
    scene->spool = kept;
    assert_int_equal(scene_files(scene), 2);
    oldest_segment(scene, path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0); /* somebody else works on it */
    run_for(scene->loop, 3 * SPOOL_SCAN_MS);
    assert_int_equal(spool_waiting(scene->spool), 0);
    (void)close(fd);
    scene_wait_records(scene, 2);
    spool_done(scene->spool, scene_take(scene, "first"));
    spool_done(scene->spool, scene_take(scene, "second"));
    scene_wait_files(scene, 0);
}

/* ---- Policies -------------------------------------------------------------------------------- */

static void try_policy(struct scene *scene, enum spool_fsync fsync)
{
    scene->config.fsync = fsync;
    scene_reopen(scene);
    scene_put(scene, "kept");
    scene_put(scene, "kept, too");
    scene_reopen(scene);
    scene_wait_records(scene, 2);
    spool_done(scene->spool, scene_take(scene, "kept"));
    spool_done(scene->spool, scene_take(scene, "kept, too"));
    scene_wait_files(scene, 0);
}

static void test_each_policy_keeps_records(void **state)
{
    try_policy(*state, SPOOL_FSYNC_ALWAYS);
    try_policy(*state, SPOOL_FSYNC_INTERVAL);
    try_policy(*state, SPOOL_FSYNC_OFF);
}

/* ---- The directory and its lock -------------------------------------------------------------- */

static void test_a_second_server_is_refused(void **state)
{
    struct scene *scene = *state;
    struct err err = {"", ""};
    char pid[32];
    int fd = spool_lock_directory(scene->folder, 0, 0, &err);
    assert_true(fd >= 0);
    assert_int_equal(mode_of(scene_path(scene, "lock")), 0600);
    pid_t child = fork(); /* a worker of the first server: the lock lives as long as it does */
    assert_true(child >= 0);
    if (child == 0) {
        pause();
        _exit(0);
    }
    assert_int_equal(close(fd), 0);
    assert_int_equal(spool_lock_directory(scene->folder, 0, 0, &err), -1);
    assert_non_null(strstr(err.where, "/spool/lock"));
    (void)snprintf(pid, sizeof pid, "process %d)", (int)getpid());
    assert_non_null(strstr(err.text, pid));
    assert_non_null(strstr(err.text, "allowed: one server"));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    fd = spool_lock_directory(scene->folder, 0, 0, &err);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

static void assert_lock_refused(const struct scene *scene, uid_t uid, const char *why)
{
    struct err err = {"", ""};
    assert_int_equal(spool_lock_directory(scene->folder, uid, uid, &err), -1);
    if (!strstr(err.text, why))
        fail_msg("%s: %s", err.where, err.text);
}

static void test_links_in_the_place_of_ours_are_refused(void **state)
{
    struct scene *scene = *state;
    char lock[SCENE_TEXT_MAX], other[SCENE_TEXT_MAX];
    (void)snprintf(lock, sizeof lock, "%s", scene_path(scene, "lock"));
    (void)snprintf(other, sizeof other, "%s", scene_path(scene, "other"));
    int fd = open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && close(fd) == 0);
    assert_int_equal(symlink(other, lock), 0);
    assert_lock_refused(scene, 0, "no link");
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(link(other, lock), 0);
    assert_lock_refused(scene, 0, "one name");
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(mkfifo(lock, 0600), 0);
    assert_lock_refused(scene, 0, "one name");
}

static void test_the_directory_may_be_no_link(void **state)
{
    struct scene *scene = *state;
    char spool[SCENE_TEXT_MAX], moved[SCENE_TEXT_MAX];
    struct err err = {"", ""};
    spool_free(scene->spool);
    scene->spool = NULL;
    (void)snprintf(spool, sizeof spool, "%s/spool", scene->folder);
    (void)snprintf(moved, sizeof moved, "%s/moved", scene->folder);
    assert_int_equal(rename(spool, moved), 0);
    assert_int_equal(symlink(moved, spool), 0);
    assert_lock_refused(scene, 0, "no link");
    assert_null(spool_new(&scene->config, &err));
    assert_int_equal(unlink(spool), 0);
    assert_int_equal(rename(moved, spool), 0);
    assert_int_equal(chmod(spool, 0777), 0);
    int fd = spool_lock_directory(scene->folder, 0, 0, &err);
    assert_true(fd >= 0 && close(fd) == 0);
    assert_int_equal(mode_of(spool), 0700); /* made private again */
}

static void test_root_gives_it_to_the_account(void **state)
{
    struct scene *scene = *state;
    struct stat stat_of_lock, stat_of_spool;
    struct err err = {"", ""};
    if (geteuid() != 0)
        skip();
    int fd = spool_lock_directory(scene->folder, 4711, 4711, &err);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &stat_of_lock), 0);
    assert_int_equal(stat(scene_path(scene, "."), &stat_of_spool), 0);
    assert_int_equal(stat_of_lock.st_uid, 4711);
    assert_int_equal(stat_of_spool.st_uid, 4711);
    assert_int_equal(close(fd), 0);
    assert_lock_refused(scene, 4712, "belongs to account 4711; allowed: 4712");
}

int main(void)
{
#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_set_up, scene_tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksum_is_crc32c),
        IN_SCENE(test_nothing_is_made_before_the_first_record),
        IN_SCENE(test_records_come_back_in_order_and_go_when_done),
        IN_SCENE(test_rewind_hands_out_what_is_not_done),
        IN_SCENE(test_sizes_of_records),
        IN_SCENE(test_segments_take_turns),
        IN_SCENE(test_more_than_fits_the_window),
        IN_SCENE(test_so_many_may_be_out),
        IN_SCENE(test_callbacks_may_append),
        IN_SCENE(test_bytes_have_a_limit),
        IN_SCENE(test_the_next_process_adopts),
        IN_SCENE(test_the_next_process_knows_what_was_passed),
        IN_SCENE(test_of_another_server_all_may_have_been_passed),
        IN_SCENE(test_a_living_process_keeps_its_own),
        IN_SCENE(test_the_oldest_come_first),
        IN_SCENE(test_so_many_are_adopted_at_a_time),
        IN_SCENE(test_orphans_count_towards_the_limit),
        IN_SCENE(test_what_others_append_counts_towards_the_limit),
        IN_SCENE(test_no_segment_before_its_elder),
        IN_SCENE(test_each_policy_keeps_records),
        IN_SCENE(test_a_second_server_is_refused),
        IN_SCENE(test_links_in_the_place_of_ours_are_refused),
        IN_SCENE(test_the_directory_may_be_no_link),
        IN_SCENE(test_root_gives_it_to_the_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
