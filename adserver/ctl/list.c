#include "ctl/list.h"

#include "ctl/command.h"
#include "ctl/document.h"
#include "ctl/table.h"

/* Which fields make the columns; "id" and the remark stand around them. */
static const char *const slot_columns[] = {"status", "sizes", "domains", "name", NULL};
static const char *const campaign_columns[] = {"status", "tier", "weight", "share", "slots",
                                               "start",  "end",  "caps",   "name",  NULL};
static const char *const creative_columns[] = {"status", "campaign", "type", "size",
                                               "weight", "caps",     NULL};

static const char *const *const columns_of[RECORD_KIND_COUNT] = {
    [RECORD_SLOT] = slot_columns,
    [RECORD_CAMPAIGN] = campaign_columns,
    [RECORD_CREATIVE] = creative_columns,
};

struct slice list_remark(struct tool *tool, const struct entry *entry)
{
    struct mistakes mistakes = {NULL, 0};
    struct strbuf remark;
    strbuf_init(&remark, ERR_TEXT_MAX);
    if (!hashes_check(tool, entry, &mistakes)) {
        const char *where = mistakes.item[0].where;
        const char *field = strchr(where, ' ');
        strbuf_addf(&remark, "invalid%s%s", field ? ":" : "", field ? field : "");
    }
    struct slice copy = arena_copy(tool->arena, strbuf_slice(&remark));
    mistakes_release(&mistakes);
    strbuf_release(&remark);
    return copy;
}

/* As written, or the default, which is what holds. */
static struct slice value_in_force(const struct entry *entry, const char *name)
{
    struct slice value = entry_value(entry, slice_cstr(name));
    return value.len > 0 ? value : slice_cstr(entry_row(entry->kind, slice_cstr(name))->preset);
}

void list_print(struct tool *tool, enum record_kind kind, const struct entry *const *entries,
                unsigned count, const char *indent)
{
    const char *heads[TABLE_COLUMNS_MAX] = {"id"};
    unsigned columns = 1;
    for (; columns_of[kind][columns - 1]; columns++)
        heads[columns] = columns_of[kind][columns - 1];
    heads[columns++] = "remark";
    struct table *table = table_new(tool->arena, heads, columns, count);
    for (unsigned i = 0; i < count; i++) {
        table_add(table, entries[i]->id);
        for (unsigned column = 1; column + 1 < columns; column++)
            table_add(table, value_in_force(entries[i], heads[column]));
        table_add(table, list_remark(tool, entries[i]));
    }
    table_print(table, indent, tool->out);
}

bool list_print_object(struct tool *tool, const struct entry *entry, int indent)
{
    struct strbuf text;
    strbuf_init(&text, DOCUMENT_ENTRY_MAX);
    bool good = document_add_members(&text, entry, true, indent + 2) && !text.overflowed;
    if (good)
        fprintf(tool->out, "%*s{\n%s\n%*s}", indent, "", strbuf_cstr(&text), indent, "");
    else
        (void)tool_refuse(tool, entry_name(entry), "JSON can't hold it; allowed: UTF-8");
    strbuf_release(&text);
    return good;
}

void list_print_json(struct tool *tool, const struct entry *const *entries, unsigned count)
{
    const char *before = "[\n";
    for (unsigned i = 0; i < count; i++) {
        fputs(before, tool->out);
        before = list_print_object(tool, entries[i], 2) ? ",\n" : "";
    }
    fputs(count > 0 ? "\n]\n" : "[]\n", tool->out);
}

enum tool_result command_list(struct tool *tool, const struct call *call)
{
    struct entries all;
    if (!hashes_read_all(tool, 1u << call->kind, &all))
        return TOOL_REFUSED;
    const struct entry **entries = arena_new_array(tool->arena, const struct entry *, all.count);
    for (unsigned i = 0; i < all.count; i++)
        entries[i] = &all.item[i];
    if (call->flags & FLAG_JSON)
        list_print_json(tool, entries, all.count);
    else
        list_print(tool, call->kind, entries, all.count, "");
    return tool->mistakes.count > 0 ? TOOL_REFUSED : TOOL_DONE;
}
