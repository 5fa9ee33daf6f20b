#include "entries.h"

#include <stdio.h>

#include "unit.h"

void entry_text_set(struct entry_text *text, enum record_kind kind, const char *id,
                    const char *const *fields)
{
    text->record = (struct record){kind, slice_cstr(id), text->fields, 0};
    for (; fields[0]; fields += 2) {
        assert_true(text->record.count < sizeof text->fields / sizeof *text->fields);
        text->fields[text->record.count++] =
            (struct record_field){slice_cstr(fields[0]), slice_cstr(fields[1])};
    }
}

/* `entry` is NULL where the record was refused. */
static void assert_compiled(const void *entry, const char *id, const struct err *err)
{
    if (!entry)
        fail_msg("%s: %s: %s", id, err->where, err->text);
}

struct slot *make_slot(const char *id, const char *const *fields)
{
    struct entry_text text;
    struct err err;
    entry_text_set(&text, RECORD_SLOT, id, fields);
    struct slot *slot = record_compile_slot(&text.record, &err);
    assert_compiled(slot, id, &err);
    return slot;
}

struct campaign *make_campaign(const char *id, const char *const *fields)
{
    struct entry_text text;
    struct err err;
    entry_text_set(&text, RECORD_CAMPAIGN, id, fields);
    struct campaign *campaign = record_compile_campaign(&text.record, &err);
    assert_compiled(campaign, id, &err);
    return campaign;
}

struct creative *make_creative(const char *id, const char *const *fields)
{
    struct entry_text text;
    struct err err;
    entry_text_set(&text, RECORD_CREATIVE, id, fields);
    struct creative *creative = record_compile_creative(&text.record, &err);
    assert_compiled(creative, id, &err);
    return creative;
}

struct creative *make_image(const char *id, const char *campaign, const char *size,
                            const char *const *fields)
{
    const char *all[32] = {"campaign", campaign, "type",   "image",   "size",
                           size,       "image",  "/a.png", "landing", "https://shop.example/"};
    unsigned count = 10;
    for (; fields[0]; fields += 2) {
        all[count++] = fields[0];
        all[count++] = fields[1];
    }
    return make_creative(id, all);
}

const char *refusal_of(enum record_kind kind, const char *id, const char *const *fields)
{
    static char text[ERR_WHERE_MAX + ERR_TEXT_MAX + 2];
    struct entry_text record;
    struct err err;
    entry_text_set(&record, kind, id, fields);
    if (record_check(&record.record, &err))
        return "";
    (void)snprintf(text, sizeof text, "%s: %s", err.where, err.text);
    return text;
}

void shelf_slot(struct shelf *shelf, struct slot *slot)
{
    shelf->slots[shelf->slot_count++] = slot;
}

void shelf_campaign(struct shelf *shelf, struct campaign *campaign)
{
    shelf->campaigns[shelf->campaign_count++] = campaign;
}

void shelf_creative(struct shelf *shelf, struct creative *creative)
{
    shelf->creatives[shelf->creative_count++] = creative;
}

struct catalog *shelf_build(struct shelf *shelf)
{
    return catalog_build(shelf->slots, shelf->slot_count, shelf->campaigns, shelf->campaign_count,
                         shelf->creatives, shelf->creative_count, 1);
}
