#include "unit/store/spool_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "store/spool_directory.h"

#define WALL_US (INT64_C(1800000000) * US_PER_SECOND)

static int64_t wall_us(void *context)
{
    const struct scene *scene = context;
    return scene->wall_us;
}

static void on_records(void *arg)
{
    struct scene *scene = arg;
    scene->told++;
}

struct spool *scene_open(struct scene *scene)
{
    struct err err = {"", ""};
    struct spool *spool = spool_new(&scene->config, &err);
    if (!spool)
        fail_msg("%s: %s", err.where, err.text);
    return spool;
}

void scene_reopen(struct scene *scene)
{
    spool_free(scene->spool);
    scene->spool = scene_open(scene);
    spool_on_records(scene->spool, on_records, scene);
}

int scene_set_up(void **state)
{
    struct scene *scene = check_calloc(1, sizeof *scene);
    *state = scene;
    (void)snprintf(scene->folder, sizeof scene->folder, "/tmp/masthead-spool-XXXXXX");
    if (!mkdtemp(scene->folder))
        return -1;
    scene->loop = loop_new();
    scene->metrics = metrics_new((struct metrics_layout){1, 1});
    metrics_attach(scene->metrics, 0);
    scene->marks = spool_marks_new();
    scene->wall_us = WALL_US;
    scene->clock = clock_system;
    scene->clock.wall_us = wall_us;
    scene->clock.context = scene;
    scene->config = (struct spool_config){
        .loop = scene->loop,
        .clock = &scene->clock,
        .metrics = scene->metrics,
        .marks = scene->marks,
        .state_dir = scene->folder,
        .bytes_max = UINT64_C(1) << 30,
    };
    scene_reopen(scene);
    return 0;
}

static void empty_folder(const char *path)
{
    DIR *stream = opendir(path);
    const struct dirent *entry;
    while (stream && (entry = readdir(stream)) != NULL)
        (void)unlinkat(dirfd(stream), entry->d_name, 0);
    if (stream)
        (void)closedir(stream);
}

int scene_tear_down(void **state)
{
    struct scene *scene = *state;
    char path[SCENE_TEXT_MAX];
    spool_free(scene->spool);
    metrics_free(scene->metrics);
    spool_marks_free(scene->marks);
    loop_free(scene->loop);
    (void)snprintf(path, sizeof path, "%s/spool", scene->folder);
    empty_folder(path);
    int result = rmdir(path) == 0 ? rmdir(scene->folder) : -1;
    free(scene);
    return result;
}

/* ---- Records --------------------------------------------------------------------------------- */

static void on_appended(bool durable, void *arg)
{
    struct scene *scene = arg;
    if (durable)
        scene->durable++;
    else
        scene->refused++;
}

static bool all_answered(void *arg)
{
    const struct scene *scene = arg;
    return scene->durable + scene->refused == scene->appended;
}

void scene_append(struct scene *scene, struct slice record)
{
    unsigned before = scene->durable + scene->refused;
    scene->appended++;
    spool_append(scene->spool, record, on_appended, scene);
    assert_int_equal(scene->durable + scene->refused, before);
}

void scene_append_text(struct scene *scene, const char *text)
{
    scene_append(scene, slice_cstr(text));
}

void scene_settle(struct scene *scene)
{
    run_until(scene->loop, all_answered, scene, PATIENCE_MS);
}

void scene_put(struct scene *scene, const char *text)
{
    unsigned before = scene->durable;
    scene_append_text(scene, text);
    scene_settle(scene);
    assert_int_equal(scene->durable, before + 1);
}

uint64_t scene_take(struct scene *scene, const char *text)
{
    struct slice record;
    uint64_t ticket;
    assert_true(spool_next(scene->spool, &record, &ticket));
    assert_slice(record, text);
    return ticket;
}

void scene_take_none(struct scene *scene)
{
    struct slice record;
    uint64_t ticket;
    assert_false(spool_next(scene->spool, &record, &ticket));
}

/* ---- Waiting --------------------------------------------------------------------------------- */

struct wish {
    struct scene *scene;
    unsigned count;
};

static bool records_are_there(void *arg)
{
    const struct wish *wish = arg;
    return spool_waiting(wish->scene->spool) == wish->count;
}

void scene_wait_records(struct scene *scene, unsigned count)
{
    struct wish wish = {scene, count};
    run_until(scene->loop, records_are_there, &wish, PATIENCE_MS);
}

static bool files_are_there(void *arg)
{
    const struct wish *wish = arg;
    return scene_files(wish->scene) == wish->count;
}

void scene_wait_files(struct scene *scene, unsigned count)
{
    struct wish wish = {scene, count};
    run_until(scene->loop, files_are_there, &wish, PATIENCE_MS);
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* Counts the segments and leaves the first one's name, in the order of time, in `first`. */
static unsigned look(const struct scene *scene, char first[SPOOL_NAME_MAX])
{
    DIR *stream = opendir(scene_path(scene, ""));
    const struct dirent *entry;
    unsigned count = 0;
    assert_non_null(stream);
    first[0] = '\0';
    while ((entry = readdir(stream)) != NULL) {
        if (!spool_name_is_segment(entry->d_name))
            continue;
        if (count++ == 0 || strcmp(entry->d_name, first) < 0)
            memcpy(first, entry->d_name, strlen(entry->d_name) + 1);
    }
    assert_int_equal(closedir(stream), 0);
    return count;
}

unsigned scene_files(const struct scene *scene)
{
    char first[SPOOL_NAME_MAX];
    return look(scene, first);
}

const char *scene_path(const struct scene *scene, const char *name)
{
    static char path[SCENE_TEXT_MAX];
    (void)snprintf(path, sizeof path, "%s/spool/%s", scene->folder, name);
    return path;
}

const char *scene_segment(const struct scene *scene)
{
    char first[SPOOL_NAME_MAX];
    assert_true(look(scene, first) > 0);
    return scene_path(scene, first);
}
