/* create, set, pause, resume and archive: one plan, with other fields. */
#include "ctl/command.h"

#include "ctl/arguments.h"
#include "ctl/change.h"

struct edit {
    const struct call *call;
    unsigned entries; /* how many arguments are ids */
    struct record_field *fields;
    unsigned field_count;
    bool creates;
};

/* ID field=value... */
static enum tool_result read_fields(struct tool *tool, const struct call *call, struct edit *edit)
{
    edit->field_count = call->count - 1;
    return arguments_read_fields(tool, call->args + 1, edit->field_count, &edit->fields)
               ? TOOL_DONE
               : TOOL_USAGE;
}

static bool check_existence(struct tool *tool, const struct edit *edit, const struct entry *entry)
{
    if (!edit->creates)
        return arguments_must_exist(tool, entry);
    if (!entry_exists(entry))
        return true;
    return tool_refuse(tool, entry_name(entry), "it exists already; allowed: a new id, or `%s set`",
                       record_kind_words[entry->kind]);
}

static bool plan(struct tool *tool, void *arg, struct changes *ret)
{
    const struct edit *edit = arg;
    struct entry *before;
    bool good = true;
    if (!arguments_read_entries(tool, edit->call, edit->entries, &before))
        return false;
    ret->item = arena_new_array(tool->arena, struct change, edit->entries);
    ret->count = edit->entries;
    for (unsigned i = 0; i < edit->entries; i++) {
        const struct entry *after =
            entry_edit(&before[i], edit->fields, edit->field_count, tool->arena);
        ret->item[i] = (struct change){&before[i], after};
        good = check_existence(tool, edit, &before[i]) &&
               entry_check(after, entry_name(after), " ", &tool->mistakes) && good;
    }
    return good;
}

enum tool_result command_create(struct tool *tool, const struct call *call)
{
    struct edit edit = {.call = call, .entries = 1, .creates = true};
    enum tool_result result = read_fields(tool, call, &edit);
    return result == TOOL_DONE ? change_run(tool, plan, &edit, call->flags & FLAG_DRY_RUN) : result;
}

enum tool_result command_set(struct tool *tool, const struct call *call)
{
    struct edit edit = {.call = call, .entries = 1};
    enum tool_result result = read_fields(tool, call, &edit);
    return result == TOOL_DONE ? change_run(tool, plan, &edit, call->flags & FLAG_DRY_RUN) : result;
}

static enum tool_result set_status(struct tool *tool, const struct call *call, const char *status)
{
    struct record_field field = {SLICE("status"), slice_cstr(status)};
    struct edit edit = {.call = call, .entries = call->count, .fields = &field, .field_count = 1};
    return change_run(tool, plan, &edit, call->flags & FLAG_DRY_RUN);
}

enum tool_result command_pause(struct tool *tool, const struct call *call)
{
    return set_status(tool, call, "paused");
}

enum tool_result command_resume(struct tool *tool, const struct call *call)
{
    return set_status(tool, call, "active");
}

enum tool_result command_archive(struct tool *tool, const struct call *call)
{
    if (call->kind != RECORD_SLOT)
        return set_status(tool, call, "archived");
    (void)tool_refuse(tool, "slot archive",
                      "a slot is active or paused, not archived; allowed: slot pause, slot delete");
    return TOOL_REFUSED;
}
