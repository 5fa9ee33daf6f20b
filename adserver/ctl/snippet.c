#include "ctl/command.h"

#include "base/strbuf.h"
#include "ctl/arguments.h"
#include "decision/landing.h"

#define SNIPPET_MAX 8192

/* The prefix of all addresses on a page. */
static bool read_public_url(struct tool *tool, struct slice *ret)
{
    struct err err = {"", ""};
    struct slice url = slice_cstr(tool->options->server_public_url);
    if (!landing_is_valid(url, &err)) {
        (void)err_at(&err, "%s", options_where(tool->options, "server.public_url"));
        return mistakes_add(&tool->mistakes, &err);
    }
    while (slice_ends(url, SLICE("/")))
        url.len--;
    *ret = url;
    return true;
}

/*
 * The highest of the slot's sizes: whatever is shown fits into it, so that nothing on the page
 * moves. 0 where no size is known.
 */
static unsigned reserved_height(const struct slot *slot)
{
    unsigned height = 0;
    for (unsigned i = 0; i < slot->size_count; i++) {
        if (slot->sizes[i].height > height)
            height = slot->sizes[i].height;
    }
    return height;
}

static void print_tag(struct tool *tool, struct slice url, const struct slot *slot)
{
    unsigned height = reserved_height(slot);
    struct strbuf text;
    strbuf_init(&text, SNIPPET_MAX);
    strbuf_add_cstr(&text, "<script async src=\"");
    strbuf_add_html(&text, url);
    strbuf_add_cstr(&text, "/tag.js\"></script>\n<ins class=\"masthead\" data-slot=\"");
    strbuf_add_html(&text, slot->id);
    strbuf_add_cstr(&text, "\" style=\"display:block");
    if (height > 0)
        strbuf_addf(&text, ";min-height:%upx", height);
    strbuf_add_cstr(&text, ";text-decoration:none\"></ins>\n");
    fputs(strbuf_cstr(&text), tool->out);
    strbuf_release(&text);
    if (height == 0)
        tool_warn(tool, "snippet",
                  "the slot has no sizes, so no height is reserved and the page "
                  "may move when the ad comes");
}

/* The slot as servers see it; NULL with a mistake noted. */
static struct slot *read_slot(struct tool *tool, const struct call *call)
{
    struct call named = *call;
    struct entry *entry;
    struct err err = {"", ""};
    named.kind = RECORD_SLOT;
    if (!arguments_read_entries(tool, &named, 1, &entry) || !arguments_must_exist(tool, entry) ||
        !hashes_check(tool, entry, &tool->mistakes))
        return NULL;
    const struct record record = {RECORD_SLOT, entry->id, entry->fields, entry->count};
    return record_compile_slot(&record, &err);
}

/* The address form without JavaScript is agreed on, but no server answers it yet. */
static enum tool_result refuse_no_js(struct tool *tool)
{
    (void)tool_refuse(tool, "snippet --no-js",
                      "this version does not serve /v1/image and /v1/link yet, so the picture "
                      "would be broken; allowed: snippet without --no-js");
    return TOOL_REFUSED;
}

enum tool_result command_snippet(struct tool *tool, const struct call *call)
{
    struct slice url = {NULL, 0};
    if (call->flags & FLAG_NO_JS)
        return refuse_no_js(tool);
    if (!read_public_url(tool, &url))
        return TOOL_REFUSED;
    struct slot *slot = read_slot(tool, call);
    if (!slot)
        return TOOL_REFUSED;
    print_tag(tool, url, slot);
    slot_release(slot);
    return TOOL_DONE;
}
