#include "ctl/command.h"

#include "ctl/arguments.h"
#include "ctl/audit.h"
#include "ctl/change.h"

#define NAMED_MAX 10 /* entries in the way that are told by name */

/* ---- What is in the way ---------------------------------------------------------------------- */

static bool list_has(struct slice list, struct slice wanted)
{
    struct slice item;
    while (slice_next(&list, ',', &item)) {
        if (slice_eq(slice_trim(item), wanted))
            return true;
    }
    return false;
}

/* Whether `other` points at `entry`: a campaign at its slots, a creative at its campaign. */
static bool rests_on(const struct entry *other, const struct entry *entry)
{
    if (entry->kind == RECORD_SLOT)
        return other->kind == RECORD_CAMPAIGN &&
               list_has(entry_value(other, SLICE("slots")), entry->id);
    return other->kind == RECORD_CREATIVE &&
           slice_eq(entry_value(other, SLICE("campaign")), entry->id);
}

static const struct {
    const char *who, *flag;
} in_use[] = {
    [RECORD_SLOT] = {"campaigns name it", "--force"},
    [RECORD_CAMPAIGN] = {"creatives belong to it", "--with-creatives"},
};

/* Whether others point at it, which is then told. */
static bool is_in_use(struct tool *tool, const struct entry *entry, const struct entries *others)
{
    struct strbuf names;
    unsigned count = 0;
    strbuf_init(&names, ERR_TEXT_MAX);
    for (unsigned i = 0; i < others->count; i++) {
        if (rests_on(&others->item[i], entry) && count++ < NAMED_MAX)
            strbuf_addf(&names, " %s", err_quote(others->item[i].id));
    }
    if (count > NAMED_MAX)
        strbuf_addf(&names, " and %u more", count - NAMED_MAX);
    if (count > 0)
        (void)tool_refuse(tool, entry_name(entry), "%s:%s; allowed: when none does, or with %s",
                          in_use[entry->kind].who, strbuf_cstr(&names), in_use[entry->kind].flag);
    strbuf_release(&names);
    return count > 0;
}

/* ---- The plan -------------------------------------------------------------------------------- */

/*
 * That nothing points at an entry rests on all of the others. Those are too many to watch, but a
 * new one changes its set, and whatever adctl changes writes into the audit.
 */
static bool watch_others(struct tool *tool, enum record_kind kind)
{
    struct slice keys[] = {hashes_set_key(tool, kind), audit_key(tool)};
    return change_watch(tool, keys, 2);
}

static bool read_others(struct tool *tool, enum record_kind kind, struct entries *ret)
{
    enum record_kind others = kind == RECORD_SLOT ? RECORD_CAMPAIGN : RECORD_CREATIVE;
    *ret = (struct entries){NULL, 0};
    return kind == RECORD_CREATIVE ||
           (watch_others(tool, others) && hashes_read_all(tool, 1u << others, ret));
}

static void add_deletion(struct changes *changes, const struct entry *entry)
{
    changes->item[changes->count++] = (struct change){entry, NULL};
}

static bool plan(struct tool *tool, void *arg, struct changes *ret)
{
    const struct call *call = arg;
    struct entries others;
    struct entry *entries;
    bool good = true;
    if (!read_others(tool, call->kind, &others) ||
        !arguments_read_entries(tool, call, call->count, &entries))
        return false;
    /* A creative belongs to one campaign, so none is deleted twice. */
    ret->item = arena_new_array(tool->arena, struct change, call->count + others.count);
    for (unsigned i = 0; i < call->count; i++) {
        good = arguments_must_exist(tool, &entries[i]) && good;
        if (!(call->flags & (FLAG_FORCE | FLAG_WITH_CREATIVES)))
            good = !is_in_use(tool, &entries[i], &others) && good;
        for (unsigned j = 0; j < others.count && (call->flags & FLAG_WITH_CREATIVES); j++) {
            if (rests_on(&others.item[j], &entries[i]))
                add_deletion(ret, &others.item[j]);
        }
        add_deletion(ret, &entries[i]);
    }
    return good;
}

enum tool_result command_delete(struct tool *tool, const struct call *call)
{
    struct call copy = *call;
    return change_run(tool, plan, &copy, call->flags & FLAG_DRY_RUN);
}
