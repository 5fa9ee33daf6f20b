#include "ctl/notes.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/check.h"

/* What there is to point at, and where notes go. */
struct notes {
    struct tool *tool;
    struct ids slots, campaigns;
    bool warn; /* on standard error */
    unsigned count;
};

static void note(struct notes *notes, const struct entry *entry, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void note(struct notes *notes, const struct entry *entry, const char *format, ...)
{
    FILE *to = notes->warn ? notes->tool->err : notes->tool->out;
    va_list args;
    va_start(args, format);
    fprintf(to, "%snote: %s: ", notes->warn ? "adctl: " : "", entry_name(entry));
    (void)vfprintf(to, format, args);
    fputc('\n', to);
    va_end(args);
    notes->count++;
}

/* ---- One entry ------------------------------------------------------------------------------- */

static void note_slots(struct notes *notes, const struct entry *campaign)
{
    struct slice slots = entry_value(campaign, SLICE("slots"));
    struct slice id;
    while (slice_next(&slots, ',', &id)) {
        id = slice_trim(id);
        if (!slice_eq(id, SLICE("*")) && !ids_have(&notes->slots, id))
            note(notes, campaign, "there is no slot %s", err_quote(id));
    }
}

static void note_entry(struct notes *notes, const struct entry *entry)
{
    struct slice owner = entry_value(entry, SLICE("campaign"));
    if (entry->kind == RECORD_CAMPAIGN)
        note_slots(notes, entry);
    else if (entry->kind == RECORD_CREATIVE && !ids_have(&notes->campaigns, owner))
        note(notes, entry, "there is no campaign %s", err_quote(owner));
}

/* ---- After a change -------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
    const struct slice *left = a, *right = b;
    return slice_compare(*left, *right);
}

/* The ids in Redis with what is changed, which a dry run has not written. */
static bool ids_after(struct tool *tool, enum record_kind kind, const struct changes *changes,
                      struct ids *ret)
{
    struct ids now;
    if (!hashes_read_ids(tool, kind, &now))
        return false;
    ret->item = arena_new_array(tool->arena, struct slice, now.count + changes->count);
    ret->count = now.count;
    for (unsigned i = 0; i < now.count; i++)
        ret->item[i] = now.item[i];
    for (unsigned i = 0; i < changes->count; i++) {
        const struct change *change = &changes->item[i];
        if (change->before->kind == kind && change->after)
            ret->item[ret->count++] = change->before->id;
    }
    qsort(ret->item, ret->count, sizeof *ret->item, compare_ids);
    return true;
}

static bool may_have_notes(const struct changes *changes)
{
    for (unsigned i = 0; i < changes->count; i++) {
        if (changes->item[i].after && changes->item[i].before->kind != RECORD_SLOT)
            return true;
    }
    return false;
}

void notes_of_changes(struct tool *tool, const struct changes *changes)
{
    struct notes notes = {.tool = tool, .warn = true};
    if (!may_have_notes(changes) || !ids_after(tool, RECORD_SLOT, changes, &notes.slots) ||
        !ids_after(tool, RECORD_CAMPAIGN, changes, &notes.campaigns))
        return;
    for (unsigned i = 0; i < changes->count; i++) {
        if (changes->item[i].after)
            note_entry(&notes, changes->item[i].after);
    }
}

/* ---- Of all ---------------------------------------------------------------------------------- */

/* Entries of one kind stand together. */
static struct ids ids_of(struct tool *tool, const struct entries *all, enum record_kind kind)
{
    struct ids ids = {arena_new_array(tool->arena, struct slice, all->count), 0};
    for (unsigned i = 0; i < all->count; i++) {
        if (all->item[i].kind == kind)
            ids.item[ids.count++] = all->item[i].id;
    }
    return ids;
}

static bool is_active(const struct entry *entry)
{
    struct slice status = entry_value(entry, SLICE("status"));
    return status.len == 0 || slice_eq(status, SLICE("active"));
}

/* The campaigns of active creatives, sorted. */
static struct ids active_owners(struct tool *tool, const struct entries *all)
{
    struct ids owners = {arena_new_array(tool->arena, struct slice, all->count), 0};
    for (unsigned i = 0; i < all->count; i++) {
        const struct entry *entry = &all->item[i];
        if (entry->kind == RECORD_CREATIVE && is_active(entry))
            owners.item[owners.count++] = entry_value(entry, SLICE("campaign"));
    }
    qsort(owners.item, owners.count, sizeof *owners.item, compare_ids);
    return owners;
}

unsigned notes_of_all(struct tool *tool, const struct entries *all)
{
    struct notes notes = {.tool = tool};
    struct ids owners = active_owners(tool, all);
    notes.slots = ids_of(tool, all, RECORD_SLOT);
    notes.campaigns = ids_of(tool, all, RECORD_CAMPAIGN);
    for (unsigned i = 0; i < all->count; i++) {
        const struct entry *entry = &all->item[i];
        note_entry(&notes, entry);
        if (entry->kind == RECORD_CAMPAIGN && is_active(entry) && !ids_have(&owners, entry->id))
            note(&notes, entry, "it has no active creative");
    }
    return notes.count;
}
