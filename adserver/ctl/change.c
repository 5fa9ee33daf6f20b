#include "ctl/change.h"

#include <time.h>

#include "base/clock.h"
#include "base/random.h"
#include "ctl/audit.h"
#include "ctl/change_scattered.h"
#include "ctl/diff.h"
#include "ctl/notes.h"

#define WATCH_BATCH 32 /* keys a command, so that none keeps Redis from its work for long */

/* ---- What is due ----------------------------------------------------------------------------- */

static void note_difference(struct slice name, struct slice before, struct slice after, void *arg)
{
    bool *differs = arg;
    (void)name;
    (void)before;
    (void)after;
    *differs = true;
}

bool change_is_due(const struct change *change)
{
    bool differs = false;
    if (!change->after)
        return entry_exists(change->before) || !slice_eq(change->before->redis_type, SLICE("none"));
    entry_differences(change->before, change->after, note_difference, &differs);
    return differs || !change->before->listed;
}

static void drop_idle(struct changes *changes)
{
    unsigned due = 0;
    for (unsigned i = 0; i < changes->count; i++) {
        if (change_is_due(&changes->item[i]))
            changes->item[due++] = changes->item[i];
    }
    changes->count = due;
}

/* A key that holds something else can be deleted, but not written to. */
static bool check_types(struct tool *tool, const struct changes *changes)
{
    unsigned before = tool->mistakes.count;
    for (unsigned i = 0; i < changes->count; i++) {
        const struct change *change = &changes->item[i];
        if (change->after && !hashes_is_hash(change->before) &&
            !slice_eq(change->before->redis_type, SLICE("none")))
            (void)hashes_check(tool, change->before, &tool->mistakes);
    }
    return tool->mistakes.count == before;
}

/* ---- Guarding -------------------------------------------------------------------------------- */

bool change_watch(struct tool *tool, const struct slice *keys, unsigned count)
{
    struct slice args[1 + WATCH_BATCH] = {SLICE("WATCH")};
    if (redis_session_is_cluster(tool->session))
        return true; /* there each entry is compared as it is written */
    while (count > 0) {
        unsigned batch = count < WATCH_BATCH ? count : WATCH_BATCH;
        for (unsigned i = 0; i < batch; i++)
            args[1 + i] = keys[i];
        if (!tool_call(tool, args, 1 + batch))
            return false;
        keys += batch;
        count -= batch;
    }
    return true;
}

static bool watch_everybody(struct tool *tool)
{
    struct slice keys[RECORD_KIND_COUNT + 1] = {audit_key(tool)};
    for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++)
        keys[1 + kind] = hashes_set_key(tool, (enum record_kind)kind);
    return change_watch(tool, keys, RECORD_KIND_COUNT + 1);
}

static bool watch_changed(struct tool *tool, const struct changes *changes)
{
    if (changes->count > CHANGE_WATCH_MAX)
        return watch_everybody(tool);
    struct slice *keys = arena_new_array(tool->arena, struct slice, changes->count);
    for (unsigned i = 0; i < changes->count; i++) {
        const struct entry *entry = changes->item[i].before;
        keys[i] = hashes_key(tool, entry->kind, entry->id);
    }
    return change_watch(tool, keys, changes->count);
}

static bool is_same(const struct entry *a, const struct entry *b)
{
    if (a->count != b->count || a->listed != b->listed || !slice_eq(a->redis_type, b->redis_type))
        return false;
    for (unsigned i = 0; i < a->count; i++) {
        if (!slice_eq(a->fields[i].name, b->fields[i].name) ||
            !slice_eq(a->fields[i].value, b->fields[i].value))
            return false;
    }
    return true;
}

/* Whether the entries, now watched, are still what the plan saw. */
static enum change_outcome compare_again(struct tool *tool, const struct changes *changes)
{
    struct entry *now = arena_new_array(tool->arena, struct entry, changes->count);
    for (unsigned i = 0; i < changes->count; i++) {
        now[i].kind = changes->item[i].before->kind;
        now[i].id = changes->item[i].before->id;
    }
    if (!hashes_read(tool, now, changes->count))
        return CHANGE_FAILED;
    for (unsigned i = 0; i < changes->count; i++) {
        if (!is_same(changes->item[i].before, &now[i]))
            return tool_call(tool, &SLICE("UNWATCH"), 1) ? CHANGE_OVERTAKEN : CHANGE_FAILED;
    }
    return CHANGE_WRITTEN;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* HSET and HDEL of one entry, while they grow. */
struct writing {
    struct slice *set, *removed;
    unsigned set_count, removed_count;
};

static void write_difference(struct slice name, struct slice before, struct slice after, void *arg)
{
    struct writing *writing = arg;
    (void)before;
    if (!after.ptr) {
        writing->removed[writing->removed_count++] = name;
        return;
    }
    writing->set[writing->set_count++] = name;
    writing->set[writing->set_count++] = after;
}

static unsigned queue_fields(struct tool *tool, const struct change *change, struct slice key)
{
    struct writing writing = {.set_count = 2, .removed_count = 2};
    unsigned queued = 0;
    writing.set = arena_new_array(tool->arena, struct slice, 2 + 2 * change->after->count);
    writing.removed = arena_new_array(tool->arena, struct slice, 2 + change->before->count);
    writing.set[0] = SLICE("HSET");
    writing.removed[0] = SLICE("HDEL");
    writing.set[1] = writing.removed[1] = key;
    entry_differences(change->before, change->after, write_difference, &writing);
    /* In this order, so that the hash is never empty. */
    if (writing.set_count > 2) {
        tool_queue(tool, writing.set, writing.set_count);
        queued++;
    }
    if (writing.removed_count > 2) {
        tool_queue(tool, writing.removed, writing.removed_count);
        queued++;
    }
    return queued;
}

/* How many commands it queued. */
static unsigned queue_change(struct tool *tool, const struct change *change)
{
    const struct entry *entry = change->before;
    struct slice key = hashes_key(tool, entry->kind, entry->id);
    struct slice set = hashes_set_key(tool, entry->kind);
    if (!change->after) {
        tool_queue(tool, (struct slice[]){SLICE("SREM"), set, entry->id}, 3);
        tool_queue(tool, (struct slice[]){SLICE("DEL"), key}, 2);
        return 2;
    }
    unsigned queued = queue_fields(tool, change, key);
    if (entry->listed)
        return queued;
    tool_queue(tool, (struct slice[]){SLICE("SADD"), set, entry->id}, 3);
    return queued + 1;
}

/*
 * After a refusal the connection still answers, and nothing has been written; after a failure of
 * the connection nobody can tell.
 */
static enum change_outcome fail(struct tool *tool)
{
    if (!tool_call(tool, &SLICE("PING"), 1))
        (void)tool_refuse(tool, "the change",
                          "it is not known whether it was written; look, and "
                          "try again: what is there already is not changed");
    return CHANGE_FAILED;
}

/* A transaction that ran is not undone by an error inside; only a key of a foreign type brings one.
 */
static enum change_outcome look_for_errors(struct tool *tool, const struct redis_reply *done)
{
    for (size_t i = 0; i < done->count; i++) {
        if (done->items[i].type != REDIS_ERROR_TEXT)
            continue;
        (void)tool_refuse(tool, "the change", "Redis refused a part of it, the rest is written: %s",
                          err_quote(done->items[i].text));
        return CHANGE_FAILED;
    }
    return CHANGE_WRITTEN;
}

static enum change_outcome transact(struct tool *tool, const struct changes *changes)
{
    unsigned queued = 2;
    bool good = true;
    tool_queue(tool, &SLICE("MULTI"), 1);
    for (unsigned i = 0; i < changes->count; i++)
        queued += queue_change(tool, &changes->item[i]);
    audit_queue(tool, changes);
    tool_queue(tool, &SLICE("EXEC"), 1);
    for (unsigned i = 0; i < queued; i++)
        good = tool_fetch(tool) && good;
    const struct redis_reply *done = tool_fetch(tool);
    if (!done || !good)
        return fail(tool);
    return done->type == REDIS_ARRAY ? look_for_errors(tool, done) : CHANGE_OVERTAKEN;
}

static enum change_outcome attempt(struct tool *tool, const struct changes *changes)
{
    if (!check_types(tool, changes) || !audit_check(tool))
        return CHANGE_FAILED;
    if (redis_session_is_cluster(tool->session))
        return change_scattered(tool, changes);
    if (!watch_changed(tool, changes))
        return CHANGE_FAILED;
    enum change_outcome outcome = compare_again(tool, changes);
    return outcome == CHANGE_WRITTEN ? transact(tool, changes) : outcome;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void pause_before(unsigned attempts)
{
    struct random random;
    random_seed_from_system(&random);
    uint64_t most_ms = attempts < 6 ? UINT64_C(2) << attempts : CHANGE_PAUSE_MAX_MS;
    uint64_t pause_us = random_below(&random, most_ms * US_PER_MS);
    struct timespec pause = {0, (long)pause_us * 1000};
    (void)nanosleep(&pause, NULL);
}

static enum tool_result finish(struct tool *tool, const struct changes *changes, bool dry_run)
{
    diff_print(changes, tool->out);
    if (dry_run && changes->count > 0)
        fputs("dry run: nothing was written\n", tool->out);
    notes_of_changes(tool, changes);
    return TOOL_DONE;
}

enum tool_result change_run(struct tool *tool, change_plan_fn *plan, void *arg, bool dry_run)
{
    for (unsigned attempts = 0; attempts < CHANGE_ATTEMPTS; attempts++) {
        struct changes changes = {NULL, 0};
        if (!plan(tool, arg, &changes))
            return TOOL_REFUSED;
        drop_idle(&changes);
        if (dry_run && !check_types(tool, &changes))
            return TOOL_REFUSED;
        enum change_outcome outcome =
            dry_run || changes.count == 0 ? CHANGE_WRITTEN : attempt(tool, &changes);
        if (outcome == CHANGE_WRITTEN)
            return finish(tool, &changes, dry_run);
        if (outcome == CHANGE_FAILED)
            return TOOL_REFUSED;
        pause_before(attempts);
    }
    (void)tool_refuse(tool, "the change",
                      "others wrote the same entries %d times in between; "
                      "nothing was written",
                      CHANGE_ATTEMPTS);
    return TOOL_REFUSED;
}
