#include "ctl/command.h"

#include "ctl/arguments.h"
#include "ctl/list.h"
#include "ctl/shown.h"

static void print_line(struct tool *tool, struct slice name, struct slice value)
{
    struct strbuf shown;
    strbuf_init(&shown, SIZE_MAX / 2);
    shown_add(&shown, name, SHOWN_ALL);
    size_t width = shown_width(strbuf_slice(&shown));
    fprintf(tool->out, "  %s%*s", strbuf_cstr(&shown), width < 18 ? (int)(18 - width) : 1, "");
    strbuf_clear(&shown);
    shown_add(&shown, value, SHOWN_ALL);
    fprintf(tool->out, "%s\n", strbuf_cstr(&shown));
    strbuf_release(&shown);
}

static void print_fields(struct tool *tool, const struct entry *entry)
{
    struct slice remark = list_remark(tool, entry);
    fprintf(tool->out, "%s\n", entry_name(entry));
    for (unsigned i = 0; i < entry->count; i++)
        print_line(tool, entry->fields[i].name, entry->fields[i].value);
    if (!entry->listed)
        fprintf(tool->out, "  no server sees it: it is not in %.*s%ss\n", SLICE_ARGS(tool->prefix),
                record_kind_words[entry->kind]);
    if (remark.len > 0)
        fprintf(tool->out, "  %.*s\n", SLICE_ARGS(remark));
}

static bool read_creatives(struct tool *tool, const struct entry *campaign,
                           const struct entry ***ret, unsigned *ret_count)
{
    struct entries all;
    if (!hashes_read_all(tool, 1u << RECORD_CREATIVE, &all))
        return false;
    *ret = arena_new_array(tool->arena, const struct entry *, all.count);
    *ret_count = 0;
    for (unsigned i = 0; i < all.count; i++) {
        if (slice_eq(entry_value(&all.item[i], SLICE("campaign")), campaign->id))
            (*ret)[(*ret_count)++] = &all.item[i];
    }
    return true;
}

/* Fields alone: a campaign's creatives are for people. */
static void print_json(struct tool *tool, const struct entry *entry)
{
    if (list_print_object(tool, entry, 0))
        fputc('\n', tool->out);
}

enum tool_result command_show(struct tool *tool, const struct call *call)
{
    struct entry *entry;
    const struct entry **creatives = NULL;
    unsigned count = 0;
    if (!arguments_read_entries(tool, call, 1, &entry) || !arguments_must_exist(tool, entry))
        return TOOL_REFUSED;
    if (call->flags & FLAG_JSON) {
        print_json(tool, entry);
        return tool->mistakes.count > 0 ? TOOL_REFUSED : TOOL_DONE;
    }
    if (call->kind == RECORD_CAMPAIGN && !read_creatives(tool, entry, &creatives, &count))
        return TOOL_REFUSED;
    print_fields(tool, entry);
    if (count > 0) {
        fputs("\ncreatives\n", tool->out);
        list_print(tool, RECORD_CREATIVE, creatives, count, "  ");
    }
    return TOOL_DONE;
}
