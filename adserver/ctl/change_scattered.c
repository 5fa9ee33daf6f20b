#include "ctl/change_scattered.h"

#include <stdio.h>

#include "ctl/audit.h"
#include "ctl/diff.h"
#include "store/scripts.h"

#define NUMBER_MAX 16
#define FIXED_ARGS 9 /* EVAL, its text, 1, the key, type, three counts, and one to spare */

/* ---- One entry ------------------------------------------------------------------------------- */

struct call {
    struct slice *args;
    unsigned count;
};

static void add(struct call *call, struct slice arg)
{
    call->args[call->count++] = arg;
}

static void add_number(struct tool *tool, struct call *call, int number)
{
    char text[NUMBER_MAX];
    int len = snprintf(text, sizeof text, "%d", number);
    add(call, arena_copy(tool->arena, slice_of(text, (size_t)len)));
}

/* What differs, while it is found. */
struct difference {
    struct slice *set, *removed;
    unsigned set_count, removed_count;
};

static void note(struct slice name, struct slice before, struct slice after, void *arg)
{
    struct difference *difference = arg;
    (void)before;
    if (!after.ptr) {
        difference->removed[difference->removed_count++] = name;
        return;
    }
    difference->set[difference->set_count++] = name;
    difference->set[difference->set_count++] = after;
}

static void add_difference(struct tool *tool, struct call *call, const struct change *change)
{
    struct difference difference = {.set_count = 0};
    difference.set = arena_new_array(tool->arena, struct slice, 2 * change->after->count + 1);
    difference.removed = arena_new_array(tool->arena, struct slice, change->before->count + 1);
    entry_differences(change->before, change->after, note, &difference);
    add_number(tool, call, (int)difference.set_count / 2);
    for (unsigned i = 0; i < difference.set_count; i++)
        add(call, difference.set[i]);
    add_number(tool, call, (int)difference.removed_count);
    for (unsigned i = 0; i < difference.removed_count; i++)
        add(call, difference.removed[i]);
}

static void queue_entry(struct tool *tool, const struct change *change)
{
    const struct entry *before = change->before;
    unsigned after = change->after ? change->after->count : 0;
    struct call call = {.count = 0};
    call.args = arena_new_array(tool->arena, struct slice,
                                FIXED_ARGS + 3 * (size_t)before->count + 2 * (size_t)after);
    add(&call, SLICE("EVAL"));
    add(&call, script_get(SCRIPT_ENTRY)->text);
    add(&call, SLICE("1"));
    add(&call, hashes_key(tool, before->kind, before->id));
    add(&call, before->redis_type);
    add_number(tool, &call, (int)before->count);
    for (unsigned i = 0; i < before->count; i++) {
        add(&call, before->fields[i].name);
        add(&call, before->fields[i].value);
    }
    if (change->after)
        add_difference(tool, &call, change);
    else
        add_number(tool, &call, -1);
    tool_queue(tool, call.args, call.count);
}

/* ---- All of them ----------------------------------------------------------------------------- */

/* Those that were written, in `ret`; how many were overtaken. */
static unsigned write_entries(struct tool *tool, const struct changes *changes, struct changes *ret)
{
    unsigned overtaken = 0;
    ret->item = arena_new_array(tool->arena, struct change, changes->count);
    ret->count = 0;
    for (unsigned i = 0; i < changes->count; i++)
        queue_entry(tool, &changes->item[i]);
    for (unsigned i = 0; i < changes->count; i++) {
        const struct redis_reply *reply = tool_fetch(tool);
        if (reply && reply->type == REDIS_INTEGER && reply->integer == 1)
            ret->item[ret->count++] = changes->item[i];
        else if (reply)
            overtaken++;
    }
    return overtaken;
}

static bool write_sets(struct tool *tool, const struct changes *written)
{
    unsigned queued = 0;
    bool good = true;
    for (unsigned i = 0; i < written->count; i++) {
        const struct change *change = &written->item[i];
        struct slice set = hashes_set_key(tool, change->before->kind), id = change->before->id;
        if (change->after && change->before->listed)
            continue;
        struct slice args[] = {change->after ? SLICE("SADD") : SLICE("SREM"), set, id};
        tool_queue(tool, args, 3);
        queued++;
    }
    for (unsigned i = 0; i < queued; i++)
        good = tool_fetch(tool) && good;
    return good;
}

static bool write_audit(struct tool *tool, const struct changes *written)
{
    audit_queue(tool, written);
    return tool_fetch(tool) != NULL;
}

enum change_outcome change_scattered(struct tool *tool, const struct changes *changes)
{
    struct changes written;
    unsigned mistakes = tool->mistakes.count;
    unsigned overtaken = write_entries(tool, changes, &written);
    bool failed = tool->mistakes.count > mistakes;
    if (overtaken > 0 && written.count == 0 && !failed)
        return CHANGE_OVERTAKEN;
    bool good = written.count == 0 || (write_sets(tool, &written) && write_audit(tool, &written));
    if (good && overtaken == 0 && !failed)
        return CHANGE_WRITTEN;
    (void)tool_refuse(tool, "the change",
                      "%u of its %u entries are written, as the servers of a cluster write each by "
                      "itself; run it again: what is there already is not changed",
                      written.count, changes->count);
    return CHANGE_FAILED;
}
