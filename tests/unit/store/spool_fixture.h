/*
 * spool_fixture: a spool in a folder of its own, with a wall clock that tests turn.
 *
 * What is appended is text; what became of it is counted. `scene_append` returns at once,
 * `scene_settle` runs the loop until every append has been answered.
 */
#ifndef TESTS_UNIT_STORE_SPOOL_FIXTURE_H
#define TESTS_UNIT_STORE_SPOOL_FIXTURE_H

#include "base/metrics.h"
#include "store/spool.h"
#include "store/spool_marks.h"
#include "unit/store/unit.h"

#define SCENE_TEXT_MAX 256

struct scene {
    char folder[64]; /* the state directory */
    struct loop *loop;
    struct metrics *metrics;
    struct spool_marks *marks;
    struct clock clock;
    int64_t wall_us;
    struct spool_config config;
    struct spool *spool;
    unsigned appended, durable, refused;
    unsigned told; /* calls of on_records */
};

/* For cmocka's set-up and tear-down: *state is the scene, its spool open. */
int scene_set_up(void **state);
int scene_tear_down(void **state);

/* Another spool of the same configuration, in the same directory. */
struct spool *scene_open(struct scene *scene);
/* Closes the scene's spool and opens it again, as the next process would. */
void scene_reopen(struct scene *scene);

void scene_append(struct scene *scene, struct slice record);
void scene_append_text(struct scene *scene, const char *text);
void scene_settle(struct scene *scene);
/* All of it: appended and durable. */
void scene_put(struct scene *scene, const char *text);

/* The next record is that text; returns its ticket. */
uint64_t scene_take(struct scene *scene, const char *text);
void scene_take_none(struct scene *scene);

/* Runs the loop until that many records wait, or segments are there. */
void scene_wait_records(struct scene *scene, unsigned count);
void scene_wait_files(struct scene *scene, unsigned count);
unsigned scene_files(const struct scene *scene);

/* Path of a file in the spool's directory; of its only, or first, segment. Valid until the next. */
const char *scene_path(const struct scene *scene, const char *name);
const char *scene_segment(const struct scene *scene);

#endif
