#include "ctl/arguments.h"

#include "decision/field.h"

static bool is_twin(char *const *args, unsigned at)
{
    for (unsigned i = 0; i < at; i++) {
        if (strcmp(args[i], args[at]) == 0)
            return true;
    }
    return false;
}

static bool check_id(struct tool *tool, const struct call *call, unsigned at)
{
    const struct entry entry = {.kind = call->kind, .id = slice_cstr(call->args[at])};
    if (!id_is_valid(entry.id))
        return tool_refuse(tool, entry_name(&entry), "this is not an id; allowed: " ID_ALLOWED);
    if (is_twin(call->args, at))
        return tool_refuse(tool, entry_name(&entry), "it is named twice; allowed: once");
    return true;
}

bool arguments_read_entries(struct tool *tool, const struct call *call, unsigned count,
                            struct entry **ret)
{
    struct entry *entries = arena_new_array(tool->arena, struct entry, count);
    for (unsigned i = 0; i < count; i++) {
        if (!check_id(tool, call, i))
            return false;
        entries[i].kind = call->kind;
        entries[i].id = slice_cstr(call->args[i]);
    }
    *ret = entries;
    return hashes_read(tool, entries, count);
}

bool arguments_must_exist(struct tool *tool, const struct entry *entry)
{
    const char *kind = record_kind_words[entry->kind];
    if (entry_exists(entry) || !slice_eq(entry->redis_type, SLICE("none")))
        return true;
    return tool_refuse(tool, entry_name(entry),
                       "there is no such %s; allowed: one that `%s list` "
                       "shows",
                       kind, kind);
}

static bool is_given_before(const struct record_field *fields, unsigned at)
{
    for (unsigned i = 0; i < at; i++) {
        if (slice_eq(fields[i].name, fields[at].name))
            return true;
    }
    return false;
}

bool arguments_read_fields(struct tool *tool, char *const *args, unsigned count,
                           struct record_field **ret)
{
    struct record_field *fields = arena_new_array(tool->arena, struct record_field, count);
    for (unsigned i = 0; i < count; i++) {
        struct slice text = slice_of(args[i], strlen(args[i]));
        size_t equals = slice_find(text, '=');
        const char *shown = err_quote(slice_of(text.ptr, equals));
        if (equals == text.len)
            return tool_refuse(tool, shown, "a value is missing; allowed: field=value");
        fields[i] = (struct record_field){slice_of(text.ptr, equals), slice_from(text, equals + 1)};
        if (is_given_before(fields, i))
            return tool_refuse(tool, shown, "the field is given twice; allowed: once");
    }
    *ret = fields;
    return true;
}
