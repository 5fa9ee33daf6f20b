#include "ctl/explain_catalog.h"

#include <stdlib.h>

#include "store/goal_terms.h"

struct compiled {
    struct slot **slots;
    struct campaign **campaigns;
    struct creative **creatives;
    unsigned slot_count, campaign_count, creative_count;
};

static bool compile(const struct entry *entry, struct compiled *to, struct err *err)
{
    const struct record record = {entry->kind, entry->id, entry->fields, entry->count};
    switch (entry->kind) {
    case RECORD_SLOT:
        to->slots[to->slot_count] = record_compile_slot(&record, err);
        return to->slots[to->slot_count] && ++to->slot_count;
    case RECORD_CAMPAIGN:
        to->campaigns[to->campaign_count] = record_compile_campaign(&record, err);
        return to->campaigns[to->campaign_count] && ++to->campaign_count;
    default:
        to->creatives[to->creative_count] = record_compile_creative(&record, err);
        return to->creatives[to->creative_count] && ++to->creative_count;
    }
}

bool explain_catalog_read(struct tool *tool, struct explain_catalog *ret)
{
    struct compiled compiled = {.slot_count = 0};
    if (!hashes_read_all(tool, HASHES_ALL_KINDS, &ret->entries))
        return false;
    unsigned count = ret->entries.count;
    compiled.slots = arena_new_array(tool->arena, struct slot *, count);
    compiled.campaigns = arena_new_array(tool->arena, struct campaign *, count);
    compiled.creatives = arena_new_array(tool->arena, struct creative *, count);
    for (unsigned i = 0; i < count; i++) {
        const struct entry *entry = &ret->entries.item[i];
        struct err err = {"", ""};
        if (!hashes_is_hash(entry) || !id_is_valid(entry->id) || !compile(entry, &compiled, &err))
            tool_warn(tool, entry_name(entry), "left out: %s%s%s", err.where,
                      err.where[0] ? ": " : "", err.text[0] ? err.text : "there is no such hash");
    }
    ret->deliveries = 1;
    for (unsigned i = 0; i < compiled.campaign_count; i++) {
        if (goal_binds(compiled.campaigns[i]))
            compiled.campaigns[i]->delivery = ret->deliveries++;
    }
    ret->catalog =
        catalog_build(compiled.slots, compiled.slot_count, compiled.campaigns,
                      compiled.campaign_count, compiled.creatives, compiled.creative_count, 1);
    return true;
}

void explain_catalog_release(struct explain_catalog *entries)
{
    catalog_free(entries->catalog);
}

unsigned explain_catalog_fields(const struct campaign *campaign, struct record_field *ret,
                                void *arg)
{
    const struct explain_catalog *all = arg;
    const struct entry wanted = {.kind = RECORD_CAMPAIGN, .id = campaign->id};
    const struct entry *entry =
        bsearch(&wanted, all->entries.item, all->entries.count, sizeof wanted, entry_compare);
    if (!entry || entry->count > RECORD_FIELDS_MAX)
        return 0;
    memcpy(ret, entry->fields, entry->count * sizeof *ret);
    return entry->count;
}
