#include "ctl/command.h"

#include "ctl/hashes.h"
#include "ctl/notes.h"

static void print_counts(struct tool *tool, const struct entries *all, unsigned notes)
{
    unsigned counts[RECORD_KIND_COUNT] = {0};
    for (unsigned i = 0; i < all->count; i++)
        counts[all->item[i].kind]++;
    for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++)
        fprintf(tool->out, "%ss: %u, ", record_kind_words[kind], counts[kind]);
    fprintf(tool->out, "mistakes: %u, notes: %u\n", tool->mistakes.count, notes);
}

enum tool_result command_validate(struct tool *tool, const struct call *call)
{
    struct entries all;
    (void)call;
    if (!hashes_read_all(tool, HASHES_ALL_KINDS, &all))
        return TOOL_REFUSED;
    for (unsigned i = 0; i < all.count; i++)
        (void)hashes_check(tool, &all.item[i], &tool->mistakes);
    print_counts(tool, &all, notes_of_all(tool, &all));
    return tool->mistakes.count > 0 ? TOOL_REFUSED : TOOL_DONE;
}
