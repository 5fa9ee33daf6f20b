#include "unit/ctl/unit.h"

#include <stdlib.h>

struct arena *arena;

int set_up_arena(void **state)
{
    (void)state;
    arena = arena_new(0);
    return 0;
}

int tear_down_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

void assert_slice_at(struct slice slice, const char *text, const char *file, int line)
{
    if (slice_eq(slice, slice_cstr(text)))
        return;
    print_error("\"%.*s\" is not \"%s\"\n", SLICE_ARGS(slice), text);
    _fail(file, line);
}

struct entry *make_absent(enum record_kind kind, const char *id)
{
    struct entry *entry = arena_new_item(arena, struct entry);
    entry->kind = kind;
    entry->id = slice_cstr(id);
    entry->redis_type = SLICE("none");
    return entry;
}

struct entry *make_entry(enum record_kind kind, const char *id, const char *const *fields)
{
    struct entry *entry = make_absent(kind, id);
    unsigned count = 0;
    while (fields[count])
        count++;
    entry->listed = true;
    entry->redis_type = SLICE("hash");
    entry->fields = arena_new_array(arena, struct record_field, count / 2);
    for (; entry->count < count / 2; entry->count++) {
        struct record_field *field = &entry->fields[entry->count];
        field->name = slice_cstr(fields[2 * entry->count]);
        field->value = slice_cstr(fields[2 * entry->count + 1]);
    }
    entry_sort_fields(entry);
    return entry;
}

void printed_begin(struct printed *printed)
{
    printed->to = open_memstream(&printed->text, &printed->len);
    assert_non_null(printed->to);
}

const char *printed_text(struct printed *printed)
{
    assert_int_equal(fflush(printed->to), 0);
    return printed->text;
}

void printed_end(struct printed *printed)
{
    assert_int_equal(fclose(printed->to), 0);
    free(printed->text);
}

void assert_mistakes(const struct mistakes *mistakes, const char *text)
{
    struct printed printed;
    printed_begin(&printed);
    mistakes_print(mistakes, printed.to);
    assert_string_equal(printed_text(&printed), text);
    printed_end(&printed);
}
