#include "ctl/entry.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/strbuf.h"
#include "ctl/value.h"

#define NAMES_LIVE 4
#define NAME_BYTES 320 /* a kind, a blank, what err_quote() gives */

bool entry_exists(const struct entry *entry)
{
    return entry->listed || entry->count > 0;
}

const char *entry_name(const struct entry *entry)
{
    static char names[NAMES_LIVE][NAME_BYTES];
    static unsigned turn;
    char *name = names[turn++ % NAMES_LIVE];
    (void)snprintf(name, NAME_BYTES, "%s %s", record_kind_words[entry->kind], err_quote(entry->id));
    return name;
}

/* ---- Fields ---------------------------------------------------------------------------------- */

const struct record_form_row *entry_row(enum record_kind kind, struct slice name)
{
    unsigned count;
    const struct record_form_row *rows = record_forms(kind, &count);
    for (unsigned i = 0; i < count; i++) {
        struct slice own = slice_cstr(rows[i].name);
        if (slice_eq(own, name) || (slice_ends(own, SLICE(".")) && slice_starts(name, own)))
            return &rows[i];
    }
    return NULL;
}

static const struct record_field *find_field(const struct entry *entry, struct slice name)
{
    for (unsigned i = 0; i < entry->count; i++) {
        if (slice_eq(entry->fields[i].name, name))
            return &entry->fields[i];
    }
    return NULL;
}

struct slice entry_value(const struct entry *entry, struct slice name)
{
    const struct record_field *field = find_field(entry, name);
    return field ? field->value : slice_of(NULL, 0);
}

struct sort_key {
    uintptr_t row; /* of one kind, so that addresses order as rows do; unknown ones come last */
    struct record_field field;
};

static int compare_keys(const void *a, const void *b)
{
    const struct sort_key *left = a, *right = b;
    if (left->row != right->row)
        return left->row < right->row ? -1 : 1;
    return slice_compare(left->field.name, right->field.name);
}

void entry_sort_fields(struct entry *entry)
{
    struct sort_key *keys = check_calloc(entry->count + 1, sizeof *keys);
    for (unsigned i = 0; i < entry->count; i++) {
        const struct record_form_row *row = entry_row(entry->kind, entry->fields[i].name);
        keys[i].row = row ? (uintptr_t)row : UINTPTR_MAX;
        keys[i].field = entry->fields[i];
    }
    qsort(keys, entry->count, sizeof *keys, compare_keys);
    for (unsigned i = 0; i < entry->count; i++)
        entry->fields[i] = keys[i].field;
    free(keys);
}

static bool is_edited(struct slice name, const struct record_field *edits, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (slice_eq(edits[i].name, name))
            return true;
    }
    return false;
}

struct entry *entry_edit(const struct entry *entry, const struct record_field *edits,
                         unsigned count, struct arena *arena)
{
    struct entry *copy = arena_new_item(arena, struct entry);
    *copy = *entry;
    copy->listed = true;
    copy->fields = arena_new_array(arena, struct record_field, entry->count + count + 1);
    copy->count = 0;
    for (unsigned i = 0; i < entry->count; i++) {
        if (!is_edited(entry->fields[i].name, edits, count))
            copy->fields[copy->count++] = entry->fields[i];
    }
    for (unsigned i = 0; i < count; i++) {
        if (edits[i].value.len > 0)
            copy->fields[copy->count++] = edits[i];
    }
    entry_fill(copy);
    entry_sort_fields(copy);
    return copy;
}

void entry_fill(struct entry *entry)
{
    if (entry->count == 0 && entry->kind == RECORD_SLOT)
        entry->fields[entry->count++] = (struct record_field){SLICE("status"), SLICE("active")};
}

int entry_compare(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    return slice_compare(left->id, right->id);
}

/* ---- Differences ----------------------------------------------------------------------------- */

/* An empty value is as good as none, but for a name that no row has: that spoils the entry. */
static bool is_given(const struct entry *entry, const struct record_field *field)
{
    return field->value.len > 0 || !entry_row(entry->kind, field->name);
}

static bool field_same(enum record_kind kind, struct slice name, struct slice a, struct slice b)
{
    const struct record_form_row *row = entry_row(kind, name);
    return a.ptr && value_same(row ? row->form : FORM_TEXT, a, b);
}

void entry_differences(const struct entry *before, const struct entry *after,
                       entry_difference_fn *fn, void *arg)
{
    const struct slice absent = slice_of(NULL, 0);
    for (unsigned i = 0; i < after->count; i++) {
        const struct record_field *field = &after->fields[i];
        const struct record_field *old = find_field(before, field->name);
        struct slice value = old && is_given(before, old) ? old->value : absent;
        if (!field_same(after->kind, field->name, value, field->value))
            fn(field->name, value, field->value, arg);
    }
    for (unsigned i = 0; i < before->count; i++) {
        const struct record_field *field = &before->fields[i];
        if (is_given(before, field) && !find_field(after, field->name))
            fn(field->name, field->value, absent, arg);
    }
}

/* ---- Checking -------------------------------------------------------------------------------- */

/*
 * record_check() tells the first mistake alone. To hear of the next one, the field is taken out and
 * the rest is checked again; where the rules want the field, one that is right stands in for it.
 */
struct trial {
    struct record_field fields[2 * RECORD_FIELDS_MAX];
    struct record record;
    const char *told[2 * RECORD_FIELDS_MAX]; /* the names that have been told */
    unsigned told_count;
    struct arena *arena;
};

static const struct stand_in {
    const char *name, *value;
} stand_ins[] = {
    {"slots", "*"},
    {"campaign", "x"},
    {"size", "1x1"},
    {"image", "/x"},
    {"html", "x"},
    {"title", "x"},
    {"landing", "https://x.example/"},
};

static bool is_told(const struct trial *trial, const char *name)
{
    for (unsigned i = 0; i < trial->told_count; i++) {
        if (strcmp(trial->told[i], name) == 0)
            return true;
    }
    return false;
}

/* `name` as err_quote() has it. */
static bool take_out(struct trial *trial, const char *name)
{
    for (unsigned i = 0; i < trial->record.count; i++) {
        if (strcmp(err_quote(trial->fields[i].name), name) != 0)
            continue;
        trial->record.count--;
        memmove(&trial->fields[i], &trial->fields[i + 1],
                (trial->record.count - i) * sizeof *trial->fields);
        return true;
    }
    return false;
}

static bool put_in(struct trial *trial, const char *name)
{
    for (size_t i = 0; i < sizeof stand_ins / sizeof *stand_ins; i++) {
        if (strcmp(stand_ins[i].name, name) != 0)
            continue;
        trial->fields[trial->record.count++] =
            (struct record_field){slice_cstr(stand_ins[i].name), slice_cstr(stand_ins[i].value)};
        return true;
    }
    return false;
}

static void tell(struct trial *trial, const struct err *err, const char *where, const char *joint,
                 struct mistakes *mistakes)
{
    struct err full = *err;
    (void)err_at(&full, "%s%s%s", where, err->where[0] ? joint : "", err->where);
    (void)mistakes_add(mistakes, &full);
    if (trial->told_count < 2 * RECORD_FIELDS_MAX)
        trial->told[trial->told_count++] = arena_copy(trial->arena, slice_cstr(err->where)).ptr;
}

static void check_all(struct trial *trial, const char *where, const char *joint,
                      struct mistakes *mistakes)
{
    struct err err = {"", ""};
    /* Each turn takes a field out or puts one of few in. */
    for (unsigned turns = 0; turns < RECORD_FIELDS_MAX + 16; turns++) {
        if (record_check(&trial->record, &err))
            return;
        bool first = !is_told(trial, err.where);
        if (first)
            tell(trial, &err, where, joint, mistakes);
        if (err.where[0] == '\0' || (!take_out(trial, err.where) && !put_in(trial, err.where)))
            return;
    }
}

bool entry_check(const struct entry *entry, const char *where, const char *joint,
                 struct mistakes *mistakes)
{
    struct record record = {entry->kind, entry->id, entry->fields, entry->count};
    struct err err = {"", ""};
    if (record_check(&record, &err))
        return true;
    struct trial trial = {.record = record, .arena = arena_new(0)};
    if (entry->count <= RECORD_FIELDS_MAX) {
        for (unsigned i = 0; i < entry->count; i++)
            trial.fields[i] = entry->fields[i];
        trial.record.fields = trial.fields;
        check_all(&trial, where, joint, mistakes);
    } else {
        tell(&trial, &err, where, joint, mistakes);
    }
    arena_free(trial.arena);
    return false;
}
