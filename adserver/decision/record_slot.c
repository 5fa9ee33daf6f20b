#include "decision/field.h"
#include "decision/pack.h"
#include "decision/record_tables.h"
#include "decision/targeting_forms.h"

static bool add_size(struct slot *slot, struct slice text, struct err *err)
{
    struct size size = {0, 0};
    if (!field_size(text, &size, err))
        return false;
    for (unsigned i = 0; i < slot->size_count; i++) {
        if (slot->sizes[i].width == size.width && slot->sizes[i].height == size.height)
            return err_set(err, "\"%s\" stands in the list twice", err_quote(text));
    }
    slot->sizes[slot->size_count++] = size;
    return true;
}

static bool parse_sizes(struct reading *reading, struct slice text, void *to)
{
    struct slot *slot = to;
    struct slice items[LIST_MAX];
    unsigned count = 0;
    if (!list_split(text, SLOT_SIZES_MAX, items, &count, reading->err))
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (!add_size(slot, items[i], reading->err))
            return false;
    }
    return true;
}

#define AT(member) offsetof(struct slot, member)

const struct record_form_row slot_rows[] = {
    {"name", FORM_TEXT, false, "", TEXT_ALLOWED, field_text, AT(name)},
    {"sizes", FORM_LIST, false, "", "up to 32 of WIDTHxHEIGHT in pixels, each from 1 to 8192",
     parse_sizes, 0},
    {"domains", FORM_LIST, false, "", HOSTS_ALLOWED, field_hosts, AT(domains)},
    {"status", FORM_TEXT, false, "active", STATUS_ALLOWED, field_status, AT(status)},
};
const unsigned slot_row_count = sizeof slot_rows / sizeof *slot_rows;

struct slot *record_compile_slot(const struct record *record, struct err *err)
{
    static const size_t slices[] = {AT(id), AT(name)};
    static const size_t lists[] = {AT(domains)};
    static const struct pack_layout layout = PACK_LAYOUT(struct slot, slices, lists);
    struct slot slot = {.references = 1, .id = record->id}, *packed = NULL;
    struct reading reading;
    if (!reading_begin(&reading, record, err))
        return NULL;
    if (reading_run(&reading, &slot))
        packed = pack(&slot, &layout);
    reading_end(&reading);
    return packed;
}
