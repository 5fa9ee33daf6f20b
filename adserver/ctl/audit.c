#include "ctl/audit.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl/shown.h"

#define NAME_MAX_BYTES 256

struct slice audit_key(struct tool *tool)
{
    struct strbuf key;
    strbuf_init(&key, NAME_MAX_BYTES);
    strbuf_add_slice(&key, tool->prefix);
    strbuf_add_cstr(&key, "audit");
    struct slice copy = arena_copy(tool->arena, strbuf_slice(&key));
    strbuf_release(&key);
    return copy;
}

bool audit_check(struct tool *tool)
{
    return hashes_check_type(tool, audit_key(tool), "stream");
}

/* ---- What ------------------------------------------------------------------------------------ */

/* One side of an entry's differences. */
struct side {
    struct strbuf *to;
    bool before;
    bool first;
};

static void add_value(struct strbuf *to, struct slice value)
{
    struct slice shown = shown_cut(value, AUDIT_VALUE_MAX);
    if (shown.len == value.len) {
        strbuf_add_json(to, value);
        return;
    }
    struct strbuf cut;
    strbuf_init(&cut, AUDIT_VALUE_MAX + 64);
    strbuf_add_slice(&cut, shown);
    strbuf_addf(&cut, "… (%zu bytes)", value.len);
    strbuf_add_json(to, strbuf_slice(&cut));
    strbuf_release(&cut);
}

static void add_field(struct slice name, struct slice before, struct slice after, void *arg)
{
    struct side *side = arg;
    struct slice value = side->before ? before : after;
    if (!value.ptr)
        return;
    if (!side->first)
        strbuf_add_char(side->to, ',');
    side->first = false;
    strbuf_add_json(side->to, name);
    strbuf_add_char(side->to, ':');
    add_value(side->to, value);
}

static void add_side(struct strbuf *to, const struct change *change, bool before)
{
    static const struct entry nothing = {.count = 0};
    struct side side = {.to = to, .before = before, .first = true};
    bool is_there = before ? entry_exists(change->before) : change->after != NULL;
    if (!is_there) {
        strbuf_add_cstr(to, "null");
        return;
    }
    strbuf_add_char(to, '{');
    entry_differences(change->before, change->after ? change->after : &nothing, add_field, &side);
    strbuf_add_char(to, '}');
}

static void add_change(struct strbuf *to, const struct change *change)
{
    strbuf_add_cstr(to, "{\"entry\":");
    strbuf_add_json(to, slice_cstr(entry_name(change->before)));
    strbuf_add_cstr(to, ",\"before\":");
    add_side(to, change, true);
    strbuf_add_cstr(to, ",\"after\":");
    add_side(to, change, false);
    strbuf_add_char(to, '}');
}

unsigned audit_describe(struct strbuf *to, const struct changes *changes)
{
    struct strbuf one;
    unsigned told = 0;
    strbuf_init(&one, AUDIT_CHANGES_MAX);
    strbuf_add_char(to, '[');
    for (; told < changes->count; told++) {
        strbuf_clear(&one);
        add_change(&one, &changes->item[told]);
        if (one.overflowed || to->len + one.len + 2 > AUDIT_CHANGES_MAX)
            break;
        if (told > 0)
            strbuf_add_char(to, ',');
        strbuf_add_slice(to, strbuf_slice(&one));
    }
    strbuf_add_char(to, ']');
    strbuf_release(&one);
    return changes->count - told;
}

/* ---- Who ------------------------------------------------------------------------------------- */

/* The one who logged in, also behind su and sudo; without a login whom the process runs as. */
static struct slice login_name(char *name, size_t size)
{
    const struct passwd *user;
    if (getlogin_r(name, size) == 0 && name[0])
        return slice_cstr(name);
    user = getpwuid(getuid());
    if (user)
        (void)snprintf(name, size, "%s", user->pw_name);
    else
        (void)snprintf(name, size, "uid %u", (unsigned)getuid());
    return slice_cstr(name);
}

static struct slice host_name(char *name, size_t size)
{
    if (gethostname(name, size) != 0)
        name[0] = '\0';
    name[size - 1] = '\0';
    return slice_cstr(name);
}

void audit_queue(struct tool *tool, const struct changes *changes)
{
    char who[NAME_MAX_BYTES], host[NAME_MAX_BYTES], lines[32], omitted[32];
    struct strbuf description;
    strbuf_init(&description, AUDIT_CHANGES_MAX);
    unsigned left = audit_describe(&description, changes);
    (void)snprintf(lines, sizeof lines, "%d", AUDIT_LINES);
    (void)snprintf(omitted, sizeof omitted, "%u", left);
    struct slice args[] = {
        SLICE("XADD"),     audit_key(tool),
        SLICE("MAXLEN"),   SLICE("~"),
        slice_cstr(lines), SLICE("*"),
        SLICE("who"),      login_name(who, sizeof who),
        SLICE("host"),     host_name(host, sizeof host),
        SLICE("command"),  shown_cut(slice_cstr(tool->typed), AUDIT_COMMAND_MAX),
        SLICE("changes"),  strbuf_slice(&description),
        SLICE("omitted"),  slice_cstr(omitted),
    };
    unsigned count = sizeof args / sizeof *args;
    tool_queue(tool, args, left > 0 ? count : count - 2);
    strbuf_release(&description);
}
