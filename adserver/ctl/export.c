#include "ctl/command.h"

#include "ctl/document.h"
#include "ctl/hashes.h"

/*
 * An entry with mistakes is printed, for it holds somebody's work, and told, for import will refuse
 * it; what is no hash at all can't be printed.
 */
static void keep_hashes(struct tool *tool, struct entries *all)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < all->count; i++) {
        (void)hashes_check(tool, &all->item[i], &tool->mistakes);
        if (hashes_is_hash(&all->item[i]))
            all->item[kept++] = all->item[i];
    }
    all->count = kept;
}

enum tool_result command_export(struct tool *tool, const struct call *call)
{
    struct entries all;
    (void)call;
    if (!hashes_read_all(tool, HASHES_ALL_KINDS, &all))
        return TOOL_REFUSED;
    keep_hashes(tool, &all);
    document_write(all.item, all.count, tool->out, &tool->mistakes);
    return tool->mistakes.count > 0 ? TOOL_REFUSED : TOOL_DONE;
}
