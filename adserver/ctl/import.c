#include "ctl/command.h"

#include "ctl/change.h"
#include "ctl/input.h"

/* Each object of the file is its entry whole, so it is what the entry becomes. */
static bool plan(struct tool *tool, void *arg, struct changes *ret)
{
    const struct document *document = arg;
    struct entry *before = arena_new_array(tool->arena, struct entry, document->count);
    for (unsigned i = 0; i < document->count; i++) {
        before[i].kind = document->entries[i].kind;
        before[i].id = document->entries[i].id;
    }
    if (!hashes_read(tool, before, document->count))
        return false;
    ret->item = arena_new_array(tool->arena, struct change, document->count);
    ret->count = document->count;
    for (unsigned i = 0; i < document->count; i++)
        ret->item[i] = (struct change){&before[i], &document->entries[i]};
    return true;
}

enum tool_result command_import(struct tool *tool, const struct call *call)
{
    struct document document;
    if (!input_read_document(tool, call->args[0], &document))
        return TOOL_REFUSED;
    return change_run(tool, plan, &document, call->flags & FLAG_DRY_RUN);
}
