/* What a crash or a disk has done to a segment: what is whole comes back, and the rest is told. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/spool_directory.h"
#include "store/spool_format.h"
#include "store/spool_marks.h"
#include "store/spool_orphans.h"
#include "unit/store/spool_fixture.h"

#define FILE_MAX 1024

static const char *const texts[] = {"the first record", "a record in the middle", "the last"};
#define TEXT_COUNT 3

/* A segment with the three records, written by a spool and taken away from it. */
struct sample {
    char name[SPOOL_NAME_MAX];
    char bytes[FILE_MAX];
    size_t len;
    size_t at[TEXT_COUNT + 1]; /* where each record begins, and the end */
};

static void make_sample(struct scene *scene, struct sample *sample)
{
    for (unsigned i = 0; i < TEXT_COUNT; i++)
        scene_append_text(scene, texts[i]);
    scene_settle(scene);
    spool_free(scene->spool);
    scene->spool = NULL;
    const char *path = scene_segment(scene);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, sample->bytes, sizeof sample->bytes);
    assert_true(len > 0);
    sample->len = (size_t)len;
    (void)snprintf(sample->name, sizeof sample->name, "%s", strrchr(path, '/') + 1);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    sample->at[0] = SPOOL_HEAD_BYTES;
    for (unsigned i = 0; i < TEXT_COUNT; i++)
        sample->at[i + 1] = sample->at[i] + SPOOL_RECORD_HEAD + strlen(texts[i]);
    assert_true(sample->len == sample->at[TEXT_COUNT]);
}

static void put_file(struct scene *scene, const char *name, struct slice bytes)
{
    int fd = open(scene_path(scene, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_true(write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    assert_int_equal(close(fd), 0);
}

struct damages {
    uint64_t torn, damaged;
};

static struct damages damages(const struct scene *scene)
{
    return (struct damages){metrics_sum(scene->metrics, COUNTER_SPOOL_TORN),
                            metrics_sum(scene->metrics, COUNTER_SPOOL_DAMAGED)};
}

/*
 * A process that finds these bytes hands out the records whose bit is in `mask`, removes the file
 * when they are done, and has counted so many new damages.
 */
static void find(struct scene *scene, const struct sample *sample, struct slice bytes,
                 unsigned mask, uint64_t torn, uint64_t damaged)
{
    struct damages before = damages(scene);
    put_file(scene, sample->name, bytes);
    scene->spool = scene_open(scene);
    scene_wait_records(scene, (unsigned)__builtin_popcount(mask));
    for (unsigned i = 0; i < TEXT_COUNT; i++)
        if (mask & 1U << i)
            spool_done(scene->spool, scene_take(scene, texts[i]));
    scene_take_none(scene);
    scene_wait_files(scene, 0);
    spool_free(scene->spool);
    scene->spool = NULL;
    struct damages after = damages(scene);
    assert_int_equal(after.torn - before.torn, torn);
    assert_int_equal(after.damaged - before.damaged, damaged);
}

static void test_a_torn_end_is_left_out(void **state)
{
    struct scene *scene = *state;
    struct sample sample;
    make_sample(scene, &sample);
    find(scene, &sample, slice_of(sample.bytes, sample.len), 7, 0, 0);
    find(scene, &sample, slice_of(sample.bytes, sample.at[2]), 3, 0, 0);
    for (size_t len = sample.at[2] + 1; len < sample.len; len++)
        find(scene, &sample, slice_of(sample.bytes, len), 3, 1, 0);
    for (size_t at = sample.at[2]; at < sample.len; at++) {
        sample.bytes[at] ^= 0x20;
        find(scene, &sample, slice_of(sample.bytes, sample.len), 3, 1, 0);
        sample.bytes[at] ^= 0x20;
    }
}

static void test_zeros_behind_the_last_record(void **state)
{
    struct scene *scene = *state;
    struct sample sample;
    make_sample(scene, &sample);
    memset(sample.bytes + sample.len, 0, sizeof sample.bytes - sample.len);
    find(scene, &sample, slice_of(sample.bytes, sizeof sample.bytes), 7, 1, 0);
}

static void test_a_damaged_middle_is_skipped(void **state)
{
    struct scene *scene = *state;
    struct sample sample;
    make_sample(scene, &sample);
    for (size_t at = sample.at[1]; at < sample.at[2]; at++) {
        for (unsigned change = 1; change < 256; change = 3 * change + 1) {
            sample.bytes[at] = (char)(sample.bytes[at] ^ (int)change);
            find(scene, &sample, slice_of(sample.bytes, sample.len), 5, 0, 1);
            sample.bytes[at] = (char)(sample.bytes[at] ^ (int)change);
        }
    }
}

static void test_each_copy_of_the_head_is_enough(void **state)
{
    struct scene *scene = *state;
    struct sample sample;
    make_sample(scene, &sample);
    for (size_t at = 0; at < SPOOL_HEAD_BYTES; at++) {
        sample.bytes[at] ^= 1;
        find(scene, &sample, slice_of(sample.bytes, sample.len), 7, 0, 0);
        sample.bytes[at] ^= 1;
    }
}

static bool one_was_damaged(void *arg)
{
    return damages(arg).damaged == 1;
}

static void test_what_is_no_segment_is_set_aside(void **state)
{
    struct scene *scene = *state;
    struct sample sample;
    make_sample(scene, &sample);
    sample.bytes[0] ^= 1;
    sample.bytes[SPOOL_HEAD_BYTES - 1] ^= 1;
    put_file(scene, sample.name, slice_of(sample.bytes, sample.len));
    scene->spool = scene_open(scene);
    run_until(scene->loop, one_was_damaged, scene, PATIENCE_MS);
    assert_int_equal(scene_files(scene), 0);
    assert_int_equal(spool_waiting(scene->spool), 0);
    char bad[SPOOL_NAME_MAX + 4];
    (void)snprintf(bad, sizeof bad, "%s.bad", sample.name);
    assert_int_equal(access(scene_path(scene, bad), F_OK), 0);
}

static void test_what_was_just_begun_is_removed(void **state)
{
    struct scene *scene = *state;
    struct sample sample;
    make_sample(scene, &sample);
    for (size_t len = 0; len <= SPOOL_HEAD_BYTES; len += len == 0 ? 39 : 1) {
        put_file(scene, sample.name, slice_of(sample.bytes, len));
        scene->spool = scene_open(scene);
        scene_wait_files(scene, 0);
        spool_free(scene->spool);
        scene->spool = NULL;
    }
    assert_int_equal(damages(scene).torn + damages(scene).damaged, 0);
}

static void test_other_files_are_left_alone(void **state)
{
    struct scene *scene = *state;
    put_file(scene, "notes.txt", SLICE("not ours"));
    assert_int_equal(symlink("notes.txt", scene_path(scene, "link.spool")), 0);
    assert_int_equal(mkfifo(scene_path(scene, "fifo.spool"), 0600), 0);
    scene_reopen(scene);
    run_for(scene->loop, 50);
    assert_int_equal(scene_files(scene), 2);
    assert_int_equal(access(scene_path(scene, "notes.txt"), F_OK), 0);
    scene_put(scene, "goes on");
}

/* What stands in a record's bytes, were it a whole record itself, is none. */
static void test_a_record_in_a_record_does_not_count(void **state)
{
    struct scene *scene = *state;
    struct strbuf inner;
    strbuf_init(&inner, SPOOL_RECORD_MAX);
    spool_record_add(&inner, UINT64_C(0x1234567890abcdef), SLICE("forged"));
    scene_append(scene, strbuf_slice(&inner));
    scene_append_text(scene, "the last");
    scene_settle(scene);
    spool_free(scene->spool);
    int fd = open(scene_segment(scene), O_RDWR | O_CLOEXEC);
    assert_true(pwrite(fd, "\0", 1, SPOOL_HEAD_BYTES + 5) == 1); /* its length */
    assert_true(pwrite(fd, "\1", 1, SPOOL_HEAD_BYTES + 6) == 1);
    assert_int_equal(close(fd), 0);
    scene->spool = scene_open(scene);
    scene_wait_records(scene, 1);
    scene_take(scene, "the last");
    scene_take_none(scene);
    strbuf_release(&inner);
}

/* Segments of one process, more than are listed, in whatever order the directory has them. */
static void test_the_oldest_are_listed(void **state)
{
    struct scene *scene = *state;
    struct sample sample;
    struct spool_namer namer = {.pid = 4711};
    char name[SPOOL_NAME_MAX];
    make_sample(scene, &sample);
    for (unsigned i = 0; i < 3 * SPOOL_LISTED_MAX; i++) {
        size_t len = i < SPOOL_ADOPTED_MAX ? sample.len : sample.at[1]; /* the oldest have more */
        spool_name_next(&namer, i, name);
        put_file(scene, name, slice_of(sample.bytes, len));
    }
    scene->spool = scene_open(scene);
    scene_wait_records(scene, SPOOL_ADOPTED_MAX * TEXT_COUNT);
}

/* The disk changes its mind after the records were counted, or handed out. */
static void test_damage_while_the_segment_is_held(void **state)
{
    struct scene *scene = *state;
    for (unsigned i = 0; i < TEXT_COUNT; i++)
        scene_append_text(scene, texts[i]);
    scene_settle(scene);
    int fd = open(scene_segment(scene), O_RDWR | O_CLOEXEC);
    off_t middle = SPOOL_HEAD_BYTES + 2 * SPOOL_RECORD_HEAD + (off_t)strlen(texts[0]);
    assert_true(pwrite(fd, "A", 1, middle) == 1);
    uint64_t first = scene_take(scene, texts[0]);
    uint64_t last = scene_take(scene, texts[2]);
    scene_take_none(scene);
    assert_true(damages(scene).damaged > 0);
    spool_done(scene->spool, last);
    spool_done(scene->spool, first);
    assert_int_equal(close(fd), 0);
    assert_int_equal(spool_waiting(scene->spool), 0);
    scene_wait_files(scene, 0);
}

/* Nobody would use them: each process that dies at that moment would take one more. */
static void test_a_segment_without_records_leaves_no_mark(void **state)
{
    static const off_t lengths[] = {0, SPOOL_HEAD_BYTES};
    struct scene *scene = *state;
    scene->config.marks = spool_marks_new();
    scene_reopen(scene);
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char name[SPOOL_NAME_MAX];
        scene_put(scene, texts[0]);
        (void)snprintf(name, sizeof name, "%s", strrchr(scene_segment(scene), '/') + 1);
        spool_free(scene->spool);
        assert_true(spool_marks_find(scene->config.marks, name) >= 0);
        assert_int_equal(truncate(scene_path(scene, name), lengths[i]), 0);
        scene->spool = scene_open(scene);
        scene_wait_files(scene, 0);
        assert_int_equal(spool_marks_find(scene->config.marks, name), -1);
    }
    spool_free(scene->spool);
    spool_marks_free(scene->config.marks);
    scene->config.marks = NULL;
    scene->spool = scene_open(scene);
}

int main(void)
{
#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_set_up, scene_tear_down)
    const struct CMUnitTest tests[] = {
        IN_SCENE(test_a_torn_end_is_left_out),
        IN_SCENE(test_zeros_behind_the_last_record),
        IN_SCENE(test_a_damaged_middle_is_skipped),
        IN_SCENE(test_each_copy_of_the_head_is_enough),
        IN_SCENE(test_what_is_no_segment_is_set_aside),
        IN_SCENE(test_what_was_just_begun_is_removed),
        IN_SCENE(test_a_segment_without_records_leaves_no_mark),
        IN_SCENE(test_other_files_are_left_alone),
        IN_SCENE(test_a_record_in_a_record_does_not_count),
        IN_SCENE(test_the_oldest_are_listed),
        IN_SCENE(test_damage_while_the_segment_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
