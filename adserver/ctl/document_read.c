#include "ctl/document.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/strbuf.h"
#include "ctl/value.h"
#include "decision/field.h"

#define PATH_MAX_BYTES 1024       /* three names as err_quote() has them, and their indices */
#define PLACEHOLDER    SLICE("x") /* an id where there is none */

struct reader {
    struct document *document;
    struct mistakes *mistakes;
    struct arena *arena;
    struct strbuf path; /* of the member being read */
};

/* ---- Places and mistakes --------------------------------------------------------------------- */

/* A member's name comes from the file: it is escaped, and a long one is cut. */
static size_t enter_member(struct reader *reader, struct slice name)
{
    size_t mark = reader->path.len;
    const char *shown = name.len > 0 ? err_quote(name) : "\"\"";
    strbuf_addf(&reader->path, "%s%s", mark > 0 ? "." : "", shown);
    return mark;
}

static size_t enter_item(struct reader *reader, size_t index)
{
    size_t mark = reader->path.len;
    strbuf_addf(&reader->path, "[%zu]", index);
    return mark;
}

static void leave(struct reader *reader, size_t mark)
{
    strbuf_truncate(&reader->path, mark);
}

#define wrong(reader, ...) \
    mistakes_addf((reader)->mistakes, strbuf_cstr(&(reader)->path), __VA_ARGS__)

static const char *noun(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_NULL:
        return "null";
    default:
        return "true or false";
    }
}

static struct slice text_of(const json_t *string)
{
    return slice_of(json_string_value(string), json_string_length(string));
}

/* ---- Values ---------------------------------------------------------------------------------- */

static bool add_item(struct reader *reader, const json_t *item, struct strbuf *list)
{
    if (!json_is_string(item))
        return wrong(reader, "it is %s; allowed: a string", noun(item));
    struct slice text = text_of(item);
    if (slice_find(text, ',') < text.len)
        return wrong(reader, "\"%s\" holds a comma; allowed: an item a string", err_quote(text));
    if (slice_trim(text).len == 0)
        return wrong(reader, "it is empty; allowed: a string that is not");
    if (list->len > 0)
        strbuf_add_char(list, ',');
    strbuf_add_slice(list, text);
    return true;
}

static bool list_text(struct reader *reader, const json_t *array, struct slice *ret)
{
    struct strbuf list;
    bool good = true;
    strbuf_init(&list, DOCUMENT_BYTES_MAX);
    for (size_t i = 0; i < json_array_size(array); i++) {
        size_t mark = enter_item(reader, i);
        good = add_item(reader, json_array_get(array, i), &list) && good;
        leave(reader, mark);
    }
    *ret = arena_copy(reader->arena, strbuf_slice(&list));
    strbuf_release(&list);
    return good;
}

static struct slice number_text(struct reader *reader, const json_t *number)
{
    char text[VALUE_NUMBER_MAX];
    if (json_is_integer(number))
        (void)snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
    else
        value_print_number(text, json_real_value(number));
    return arena_copy(reader->arena, slice_cstr(text));
}

/* A member's value as the hash has it. */
static bool value_text(struct reader *reader, enum record_form form, const json_t *value,
                       struct slice *ret)
{
    static const char *const allowed[] = {
        [FORM_TEXT] = "a string",
        [FORM_NUMBER] = "a number",
        [FORM_LIST] = "an array of strings",
    };
    if (json_is_string(value)) {
        *ret = arena_copy(reader->arena, text_of(value));
        return true;
    }
    if (form == FORM_NUMBER && json_is_number(value)) {
        *ret = number_text(reader, value);
        return true;
    }
    if (form == FORM_LIST && json_is_array(value))
        return list_text(reader, value, ret);
    return wrong(reader, "it is %s; allowed: %s", noun(value), allowed[form]);
}

/* ---- Entries --------------------------------------------------------------------------------- */

/* Says of a name that no row has which ones there are. */
static bool refuse_member(struct reader *reader, enum record_kind kind, struct slice name)
{
    struct record_field field = {name, SLICE("x")};
    struct record record = {kind, PLACEHOLDER, &field, 1};
    struct err err = {"", ""};
    CHECK(!record_check(&record, &err));
    return wrong(reader, "%s", err.text);
}

static void read_field(struct reader *reader, struct entry *entry, struct slice name,
                       const json_t *value)
{
    const struct record_form_row *row = entry_row(entry->kind, name);
    struct slice text = {NULL, 0};
    size_t mark = enter_member(reader, name);
    bool good = row ? value_text(reader, row->form, value, &text)
                    : refuse_member(reader, entry->kind, name);
    leave(reader, mark);
    if (good && text.len > 0)
        entry->fields[entry->count++] =
            (struct record_field){arena_copy(reader->arena, name), text};
}

/* Members that are no fields. */
static bool is_structure(enum record_kind kind, struct slice name)
{
    return slice_eq(name, SLICE("id")) ||
           (kind == RECORD_CAMPAIGN && slice_eq(name, SLICE("creatives")));
}

static void read_fields(struct reader *reader, struct entry *entry, json_t *object)
{
    const char *name;
    json_t *value;
    entry->fields =
        arena_new_array(reader->arena, struct record_field, json_object_size(object) + 1);
    json_object_foreach(object, name, value)
    {
        if (!is_structure(entry->kind, slice_cstr(name)))
            read_field(reader, entry, slice_cstr(name), value);
    }
}

static bool read_id(struct reader *reader, struct entry *entry, const json_t *object)
{
    const json_t *id = json_object_get(object, "id");
    size_t mark = enter_member(reader, SLICE("id"));
    bool good = false;
    if (!id)
        (void)wrong(reader, "it is missing; allowed: " ID_ALLOWED);
    else if (!json_is_string(id))
        (void)wrong(reader, "it is %s; allowed: a string", noun(id));
    else if (!id_is_valid(text_of(id)))
        (void)wrong(reader, "\"%s\" is not an id; allowed: " ID_ALLOWED, err_quote(text_of(id)));
    else
        good = true;
    leave(reader, mark);
    entry->id = good ? arena_copy(reader->arena, text_of(id)) : slice_of(NULL, 0);
    return good;
}

/* The campaign that a creative stands in is its campaign; `owner` is empty where its id is none. */
static void set_owner(struct reader *reader, struct entry *entry, struct slice owner)
{
    const struct slice name = SLICE("campaign");
    struct slice given = entry_value(entry, name);
    if (given.len == 0) {
        struct slice value = owner.len > 0 ? owner : PLACEHOLDER;
        entry->fields[entry->count++] = (struct record_field){name, value};
    } else if (owner.len > 0 && !slice_eq(given, owner)) {
        size_t mark = enter_member(reader, name);
        (void)wrong(reader, "\"%s\" is not the campaign it stands in; allowed: \"%s\", or nothing",
                    err_quote(given), err_quote(owner));
        leave(reader, mark);
    }
}

/* The rest of an entry is checked although its id, told already, is none. */
static void check_entry(struct reader *reader, const struct entry *entry)
{
    struct entry named = *entry;
    if (named.id.len == 0)
        named.id = PLACEHOLDER;
    (void)entry_check(&named, strbuf_cstr(&reader->path), ".", reader->mistakes);
}

static struct entry *next_entry(struct reader *reader, enum record_kind kind)
{
    struct document *document = reader->document;
    struct entry *entry = &document->entries[document->count++];
    entry->kind = kind;
    entry->listed = true;
    entry->path = arena_copy(reader->arena, strbuf_slice(&reader->path));
    return entry;
}

/* The entry at `index`, which the caller has entered; NULL where there is none. */
static struct entry *read_entry(struct reader *reader, enum record_kind kind, json_t *object,
                                struct slice owner)
{
    if (!json_is_object(object)) {
        (void)wrong(reader, "it is %s; allowed: an object", noun(object));
        return NULL;
    }
    struct entry *entry = next_entry(reader, kind);
    (void)read_id(reader, entry, object);
    read_fields(reader, entry, object);
    if (kind == RECORD_CREATIVE)
        set_owner(reader, entry, owner);
    entry_fill(entry);
    entry_sort_fields(entry);
    check_entry(reader, entry);
    return entry;
}

/* ---- Arrays ---------------------------------------------------------------------------------- */

typedef void read_item_fn(struct reader *reader, json_t *item, struct slice owner);

static void read_array(struct reader *reader, const json_t *object, const char *name,
                       read_item_fn *read_item, struct slice owner)
{
    const json_t *array = json_object_get(object, name);
    size_t mark = enter_member(reader, slice_cstr(name));
    if (array && !json_is_array(array))
        (void)wrong(reader, "it is %s; allowed: an array of objects", noun(array));
    for (size_t i = 0; i < json_array_size(array); i++) {
        size_t inner = enter_item(reader, i);
        read_item(reader, json_array_get(array, i), owner);
        leave(reader, inner);
    }
    leave(reader, mark);
}

static void read_slot(struct reader *reader, json_t *item, struct slice owner)
{
    (void)read_entry(reader, RECORD_SLOT, item, owner);
}

static void read_creative(struct reader *reader, json_t *item, struct slice owner)
{
    (void)read_entry(reader, RECORD_CREATIVE, item, owner);
}

static void read_campaign(struct reader *reader, json_t *item, struct slice owner)
{
    const struct entry *entry = read_entry(reader, RECORD_CAMPAIGN, item, owner);
    if (entry)
        read_array(reader, item, "creatives", read_creative, entry->id);
}

static const struct {
    const char *name;
    read_item_fn *read_item;
} top_members[] = {{"slots", read_slot}, {"campaigns", read_campaign}};

static bool is_top_member(const char *name)
{
    for (size_t i = 0; i < sizeof top_members / sizeof *top_members; i++) {
        if (strcmp(top_members[i].name, name) == 0)
            return true;
    }
    return false;
}

static void refuse_top_members(struct reader *reader, json_t *root)
{
    const char *name;
    json_t *value;
    json_object_foreach(root, name, value)
    {
        size_t mark = enter_member(reader, slice_cstr(name));
        if (strcmp(name, "creatives") == 0)
            (void)wrong(reader, "creatives stand in their campaigns; allowed: slots, campaigns");
        else if (!is_top_member(name))
            (void)wrong(reader, "there is no such member; allowed: slots, campaigns");
        leave(reader, mark);
    }
}

/* ---- The document ---------------------------------------------------------------------------- */

static size_t count_entries(const json_t *root)
{
    const json_t *campaigns = json_object_get(root, "campaigns");
    size_t count = json_array_size(json_object_get(root, "slots")) + json_array_size(campaigns);
    for (size_t i = 0; i < json_array_size(campaigns); i++)
        count += json_array_size(json_object_get(json_array_get(campaigns, i), "creatives"));
    return count;
}

static int compare_places(const void *a, const void *b)
{
    const struct entry *const *left = a, *const *right = b;
    int order = entry_compare(*left, *right);
    if (order != 0)
        return order;
    return *left < *right ? -1 : *left > *right; /* all of one array: the order in the file */
}

static void refuse_twins(struct reader *reader)
{
    const struct document *document = reader->document;
    const struct entry **sorted = check_calloc(document->count + 1, sizeof *sorted);
    for (unsigned i = 0; i < document->count; i++)
        sorted[i] = &document->entries[i];
    qsort(sorted, document->count, sizeof *sorted, compare_places);
    for (unsigned i = 1; i < document->count; i++) {
        if (sorted[i]->id.len == 0 || entry_compare(sorted[i - 1], sorted[i]) != 0)
            continue;
        strbuf_addf(&reader->path, "%.*s.id", SLICE_ARGS(sorted[i]->path));
        (void)wrong(reader, "\"%s\" stands in %.*s already; allowed: once",
                    err_quote(sorted[i]->id), SLICE_ARGS(sorted[i - 1]->path));
        leave(reader, 0);
    }
    free(sorted);
}

static void read_root(struct reader *reader, json_t *root, const char *file)
{
    if (!json_is_object(root)) {
        (void)mistakes_addf(reader->mistakes, file, "it is %s; allowed: an object", noun(root));
        return;
    }
    size_t count = count_entries(root);
    if (count > DOCUMENT_ENTRIES_MAX) {
        (void)mistakes_addf(reader->mistakes, file, "it has %zu entries; allowed: %d", count,
                            DOCUMENT_ENTRIES_MAX);
        return;
    }
    reader->document->entries = arena_new_array(reader->arena, struct entry, count);
    refuse_top_members(reader, root);
    for (size_t i = 0; i < sizeof top_members / sizeof *top_members; i++)
        read_array(reader, root, top_members[i].name, top_members[i].read_item, slice_of(NULL, 0));
    refuse_twins(reader);
}

/* The library's text may quote the file. */
static bool refuse_syntax(struct mistakes *mistakes, const char *file, const json_error_t *error)
{
    struct slice text = slice_cstr(error->text);
    struct err err;
    (void)err_at(&err, "%s:%d:%d", file, error->line, error->column);
    (void)err_set(&err, "no JSON: %s%s%s; allowed: RFC 8259, each name once in an object",
                  err_quote(text), err_quote(slice_from(text, 64)),
                  err_quote(slice_from(text, 128)));
    return mistakes_add(mistakes, &err);
}

bool document_read(struct slice text, const char *file, struct arena *arena, struct document *ret,
                   struct mistakes *mistakes)
{
    struct reader reader = {.document = ret, .mistakes = mistakes, .arena = arena};
    json_error_t error;
    unsigned before = mistakes->count;
    *ret = (struct document){NULL, 0};
    if (text.len > DOCUMENT_BYTES_MAX)
        return mistakes_addf(mistakes, file, "it has %zu bytes; allowed: %d", text.len,
                             DOCUMENT_BYTES_MAX);
    json_t *root =
        json_loadb(text.len > 0 ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return refuse_syntax(mistakes, file, &error);
    strbuf_init(&reader.path, PATH_MAX_BYTES);
    read_root(&reader, root, file);
    strbuf_release(&reader.path);
    json_decref(root);
    return mistakes->count == before;
}
