#include "ctl/hashes.h"

#include <stdlib.h>

#include "base/strbuf.h"

#define KEY_MAX 8192

/* ---- Keys ------------------------------------------------------------------------------------ */

static struct slice join(struct tool *tool, const char *kind, const char *joint, struct slice id)
{
    struct strbuf key;
    strbuf_init(&key, SIZE_MAX / 2);
    strbuf_add_slice(&key, tool->prefix);
    strbuf_add_cstr(&key, kind);
    strbuf_add_cstr(&key, joint);
    strbuf_add_slice(&key, id);
    struct slice copy = arena_copy(tool->arena, strbuf_slice(&key));
    strbuf_release(&key);
    return copy;
}

struct slice hashes_set_key(struct tool *tool, enum record_kind kind)
{
    return join(tool, record_kind_words[kind], "s", slice_of(NULL, 0));
}

struct slice hashes_key(struct tool *tool, enum record_kind kind, struct slice id)
{
    return join(tool, record_kind_words[kind], ":", id);
}

const char *hashes_shown_key(struct tool *tool, const struct entry *entry)
{
    struct slice shown = slice_cstr(err_quote(entry->id));
    return join(tool, record_kind_words[entry->kind], ":", shown).ptr;
}

bool hashes_check_type(struct tool *tool, struct slice key, const char *type)
{
    const struct redis_reply *reply = tool_call(tool, (struct slice[]){SLICE("TYPE"), key}, 2);
    if (!reply)
        return false;
    return slice_eq(reply->text, SLICE("none")) || slice_eq(reply->text, slice_cstr(type)) ||
           tool_refuse(tool, key.ptr, "it is a %s; allowed: a %s", err_quote(reply->text), type);
}

/* ---- Ids ------------------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
    const struct slice *left = a, *right = b;
    return slice_compare(*left, *right);
}

bool hashes_read_ids(struct tool *tool, enum record_kind kind, struct ids *ret)
{
    struct slice key = hashes_set_key(tool, kind);
    if (!hashes_check_type(tool, key, "set"))
        return false;
    const struct redis_reply *reply = tool_call(tool, (struct slice[]){SLICE("SMEMBERS"), key}, 2);
    if (!reply)
        return false;
    size_t count = reply->type == REDIS_ARRAY ? reply->count : 0;
    *ret = (struct ids){arena_new_array(tool->arena, struct slice, count), 0};
    for (size_t i = 0; i < count; i++)
        ret->item[ret->count++] = arena_copy(tool->arena, reply->items[i].text);
    qsort(ret->item, ret->count, sizeof *ret->item, compare_ids);
    return true;
}

bool ids_have(const struct ids *ids, struct slice id)
{
    return ids->count > 0 &&
           bsearch(&id, ids->item, ids->count, sizeof *ids->item, compare_ids) != NULL;
}

/* ---- Entries --------------------------------------------------------------------------------- */

/*
 * First the type of each key, then the hashes of those that are one: HGETALL on another type would
 * be an error.
 */
static bool read_types(struct tool *tool, struct entry *entries, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct slice key = hashes_key(tool, entries[i].kind, entries[i].id);
        struct slice set = hashes_set_key(tool, entries[i].kind);
        tool_queue(tool, (struct slice[]){SLICE("TYPE"), key}, 2);
        tool_queue(tool, (struct slice[]){SLICE("SISMEMBER"), set, entries[i].id}, 3);
    }
    for (unsigned i = 0; i < count; i++) {
        const struct redis_reply *type = tool_fetch(tool);
        const struct redis_reply *listed = type ? tool_fetch(tool) : NULL;
        if (!listed)
            return false;
        entries[i].redis_type = arena_copy(tool->arena, type->text);
        entries[i].listed = listed->type == REDIS_INTEGER && listed->integer == 1;
    }
    return true;
}

bool hashes_is_hash(const struct entry *entry)
{
    return slice_eq(entry->redis_type, SLICE("hash"));
}

static void take_fields(struct tool *tool, struct entry *entry, const struct redis_reply *reply)
{
    size_t pairs = reply->type == REDIS_ARRAY ? reply->count / 2 : 0;
    entry->fields = arena_new_array(tool->arena, struct record_field, pairs);
    entry->count = (unsigned)pairs;
    for (size_t i = 0; i < pairs; i++) {
        entry->fields[i].name = arena_copy(tool->arena, reply->items[2 * i].text);
        entry->fields[i].value = arena_copy(tool->arena, reply->items[2 * i + 1].text);
    }
    entry_sort_fields(entry);
}

static bool read_fields(struct tool *tool, struct entry *entries, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct slice key = hashes_key(tool, entries[i].kind, entries[i].id);
        entries[i].fields = NULL;
        entries[i].count = 0;
        if (hashes_is_hash(&entries[i]))
            tool_queue(tool, (struct slice[]){SLICE("HGETALL"), key}, 2);
    }
    for (unsigned i = 0; i < count; i++) {
        if (!hashes_is_hash(&entries[i]))
            continue;
        const struct redis_reply *reply = tool_fetch(tool);
        if (!reply)
            return false;
        take_fields(tool, &entries[i], reply);
    }
    return true;
}

bool hashes_check(struct tool *tool, const struct entry *entry, struct mistakes *mistakes)
{
    const char *key = hashes_shown_key(tool, entry);
    const char *kind = record_kind_words[entry->kind];
    if (hashes_is_hash(entry))
        return entry_check(entry, key, " ", mistakes);
    if (slice_eq(entry->redis_type, SLICE("none")))
        return mistakes_addf(mistakes, key,
                             "there is no such key, but %.*s%ss lists it; allowed: "
                             "a hash, or an id less in the set",
                             SLICE_ARGS(tool->prefix), kind);
    return mistakes_addf(mistakes, key, "it is a %s; allowed: a hash",
                         err_quote(entry->redis_type));
}

static bool check_sets(struct tool *tool)
{
    for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        if (!hashes_check_type(tool, hashes_set_key(tool, (enum record_kind)kind), "set"))
            return false;
    }
    return true;
}

bool hashes_read(struct tool *tool, struct entry *entries, unsigned count)
{
    if (!check_sets(tool))
        return false;
    for (unsigned from = 0; from < count; from += HASHES_BATCH) {
        unsigned batch = count - from < HASHES_BATCH ? count - from : HASHES_BATCH;
        if (!read_types(tool, entries + from, batch) || !read_fields(tool, entries + from, batch))
            return false;
    }
    return true;
}

struct entry *hashes_read_one(struct tool *tool, enum record_kind kind, struct slice id)
{
    struct entry *entry = arena_new_item(tool->arena, struct entry);
    entry->kind = kind;
    entry->id = id;
    return hashes_read(tool, entry, 1) ? entry : NULL;
}

bool hashes_read_all(struct tool *tool, unsigned kinds, struct entries *ret)
{
    struct ids ids[RECORD_KIND_COUNT] = {{NULL, 0}};
    unsigned count = 0;
    for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        if ((kinds & 1u << kind) && !hashes_read_ids(tool, (enum record_kind)kind, &ids[kind]))
            return false;
        count += ids[kind].count;
    }
    *ret = (struct entries){arena_new_array(tool->arena, struct entry, count), 0};
    for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        for (unsigned i = 0; i < ids[kind].count; i++) {
            struct entry *entry = &ret->item[ret->count++];
            entry->kind = (enum record_kind)kind;
            entry->id = ids[kind].item[i];
        }
    }
    return hashes_read(tool, ret->item, count);
}
