#include "decision/report_fields.h"

static struct slice name_of(const void *item)
{
    return ((const struct report_known *)item)->name;
}

void report_fields_init(struct report_fields *fields)
{
    *fields = (struct report_fields){.arena = arena_new(0), .table = {.id_of = name_of}};
}

void report_fields_release(struct report_fields *fields)
{
    id_table_release(&fields->table);
    arena_free(fields->arena);
}

void report_fields_clear(struct report_fields *fields)
{
    id_table_release(&fields->table);
    arena_reset(fields->arena);
    fields->first = fields->last = fields->expected = NULL;
}

struct report_known *report_fields_find(struct report_fields *fields, struct slice name)
{
    struct report_known *known = fields->expected ? fields->expected : fields->first;
    if (!known || !slice_eq(known->name, name))
        known = id_table_find(&fields->table, name);
    if (known)
        fields->expected = known->next;
    return known;
}

struct report_known *report_fields_add(struct report_fields *fields, struct slice name)
{
    struct report_known *known = arena_new_item(fields->arena, struct report_known);
    known->name = arena_copy(fields->arena, name);
    if (fields->last)
        fields->last->next = known;
    else
        fields->first = known;
    fields->last = known;
    (void)id_table_put(&fields->table, known);
    return known;
}
