#include "ctl/command.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "decision/conversion.h"
#include "store/keyring.h"

#define PATH_MAX_BYTES 4096
#define MS_PER_HOUR    (INT64_C(3600) * 1000)

/* tokens.keyring, or keyring in server.state_dir; the same file that the server signs with. */
static void add_path(struct strbuf *to, const struct options *options)
{
    struct slice dir = slice_cstr(options->server_state_dir);
    if (options->tokens_keyring[0]) {
        strbuf_add_cstr(to, options->tokens_keyring);
        return;
    }
    strbuf_add_slice(to, dir);
    strbuf_add_cstr(to, slice_ends(dir, SLICE("/")) ? "keyring" : "/keyring");
}

enum tool_result command_rotate_keys(struct tool *tool, const struct call *call)
{
    const struct options *options = tool->options;
    int64_t page_ttl_ms = options->tokens_page_ttl_in_ms;
    int64_t kept_ms = conversion_window_ms(page_ttl_ms, options->conversions_click_window_in_ms,
                                           options->conversions_view_window_in_ms);
    struct err err = {"", ""};
    struct strbuf path;
    uint32_t id = 0;
    (void)call;
    strbuf_init(&path, PATH_MAX_BYTES);
    add_path(&path, tool->options);
    bool good =
        keyring_rotate(strbuf_cstr(&path), clock_wall_us(&clock_system), kept_ms, &id, &err);
    if (good)
        fprintf(tool->out,
                "%s: key %08" PRIx32 " signs from now on; the one before it is good for %" PRId64
                " h more, for click ids %" PRId64 " h\n",
                strbuf_cstr(&path), id, page_ttl_ms / MS_PER_HOUR, kept_ms / MS_PER_HOUR);
    else
        (void)mistakes_add(&tool->mistakes, &err);
    strbuf_release(&path);
    return good ? TOOL_DONE : TOOL_REFUSED;
}
