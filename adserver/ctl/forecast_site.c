#include "ctl/forecast_site.h"

#include "ctl/hashes.h"
#include "decision/replay.h"

/* Compiled entries of one side of the comparison. */
struct side {
    struct slot **slots;
    struct campaign **campaigns;
    struct creative **creatives;
    unsigned slot_count, campaign_count, creative_count;
};

static struct side side_new(struct arena *arena, unsigned entries)
{
    return (struct side){
        .slots = arena_new_array(arena, struct slot *, entries),
        .campaigns = arena_new_array(arena, struct campaign *, entries),
        .creatives = arena_new_array(arena, struct creative *, entries),
    };
}

/* False where the entry has mistakes. */
static bool side_compile(struct side *side, const struct entry *entry)
{
    struct record record = {entry->kind, entry->id, entry->fields, entry->count};
    struct err err;
    switch (entry->kind) {
    case RECORD_SLOT:
        side->slots[side->slot_count] = record_compile_slot(&record, &err);
        return side->slots[side->slot_count] && ++side->slot_count;
    case RECORD_CAMPAIGN:
        side->campaigns[side->campaign_count] = record_compile_campaign(&record, &err);
        return side->campaigns[side->campaign_count] && ++side->campaign_count;
    case RECORD_CREATIVE:
        side->creatives[side->creative_count] = record_compile_creative(&record, &err);
        return side->creatives[side->creative_count] && ++side->creative_count;
    case RECORD_KIND_COUNT:
        break;
    }
    return false;
}

/* The catalog takes over the references, and leaves the arrays, which it may sort. */
static struct catalog *side_build(const struct side *side)
{
    return catalog_build(side->slots, side->slot_count, side->campaigns, side->campaign_count,
                         side->creatives, side->creative_count, 0);
}

static bool has_campaign(const struct side *side, struct slice id)
{
    for (unsigned i = 0; i < side->campaign_count; i++) {
        if (slice_eq(side->campaigns[i]->id, id))
            return true;
    }
    return false;
}

static bool has_creative(const struct side *side, struct slice id)
{
    for (unsigned i = 0; i < side->creative_count; i++) {
        if (slice_eq(side->creatives[i]->id, id))
            return true;
    }
    return false;
}

/* What `now` has and the file does not change. */
static void side_inherit(struct side *side, const struct side *now)
{
    const struct side file = *side;
    for (unsigned i = 0; i < now->slot_count; i++)
        side->slots[side->slot_count++] = slot_retain(now->slots[i]);
    for (unsigned i = 0; i < now->campaign_count; i++) {
        if (!has_campaign(&file, now->campaigns[i]->id))
            side->campaigns[side->campaign_count++] = campaign_retain(now->campaigns[i]);
    }
    for (unsigned i = 0; i < now->creative_count; i++) {
        if (!has_creative(&file, now->creatives[i]->id))
            side->creatives[side->creative_count++] = creative_retain(now->creatives[i]);
    }
}

/* ---- The file's campaign --------------------------------------------------------------------- */

static bool move_period(struct tool *tool, struct campaign *campaign, int64_t begin_us,
                        int64_t end_us, struct forecast_site *site)
{
    int64_t start_us = campaign->start_us == TIME_UNSET ? end_us : campaign->start_us;
    bool ends = campaign->end_us != TIME_UNSET;
    if (ends && campaign->end_us <= start_us)
        return tool_refuse(tool, "campaigns[0].end",
                           "it has passed when the log ends; allowed: a later time, or a start "
                           "before it");
    site->length_us = ends ? campaign->end_us - start_us : 0;
    campaign->start_us = begin_us;
    campaign->end_us = ends ? begin_us + site->length_us : TIME_UNSET;
    return true;
}

static bool add_subject(struct tool *tool, const struct document *document, int64_t begin_us,
                        int64_t end_us, struct side *side, struct forecast_site *site)
{
    for (unsigned i = 0; i < document->count; i++)
        (void)side_compile(side, &document->entries[i]);
    struct campaign *campaign = side->campaigns[0];
    site->wakes = campaign->status != STATUS_ACTIVE;
    campaign->status = STATUS_ACTIVE;
    return move_period(tool, campaign, begin_us, end_us, site);
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static void number_slots(struct tool *tool, const struct side *now, struct forecast_site *site)
{
    site->slot_count = now->slot_count + 1;
    site->slots = arena_new_array(tool->arena, const struct slot *, site->slot_count);
    for (unsigned i = 0; i < now->slot_count; i++) {
        replay_number_slot(now->slots[i], i + 1);
        site->slots[i + 1] = now->slots[i];
    }
}

/* The file's campaign has the number of the one it replaces, or the last. */
static void number_campaigns(struct tool *tool, const struct side *now, struct campaign *subject,
                             struct forecast_site *site)
{
    site->subject = now->campaign_count + 1;
    site->campaign_count = now->campaign_count + 2;
    for (unsigned side = 0; side < FORECAST_SIDES; side++)
        site->campaigns[side] =
            arena_new_array(tool->arena, const struct campaign *, site->campaign_count);
    for (unsigned i = 0; i < now->campaign_count; i++) {
        replay_number_campaign(now->campaigns[i], i + 1);
        site->campaigns[FORECAST_BEFORE][i + 1] = now->campaigns[i];
        site->campaigns[FORECAST_AFTER][i + 1] = now->campaigns[i];
        if (slice_eq(now->campaigns[i]->id, subject->id))
            site->subject = i + 1;
    }
    site->replaces = site->campaigns[FORECAST_BEFORE][site->subject] != NULL;
    replay_number_campaign(subject, site->subject);
    site->campaigns[FORECAST_AFTER][site->subject] = subject;
}

/* ---- Both sides ------------------------------------------------------------------------------ */

bool forecast_site_build(struct tool *tool, const struct document *document, int64_t begin_us,
                         int64_t end_us, struct forecast_site *ret)
{
    struct entries all;
    if (!hashes_read_all(tool, HASHES_ALL_KINDS, &all))
        return false;
    struct side now = side_new(tool->arena, all.count);
    struct side then = side_new(tool->arena, all.count + document->count);
    *ret = (struct forecast_site){.subject = 0};
    for (unsigned i = 0; i < all.count; i++)
        ret->left_out += !hashes_is_hash(&all.item[i]) || !side_compile(&now, &all.item[i]);
    bool good = add_subject(tool, document, begin_us, end_us, &then, ret);
    number_slots(tool, &now, ret);
    number_campaigns(tool, &now, then.campaigns[0], ret);
    side_inherit(&then, &now);
    ret->catalogs[FORECAST_BEFORE] = side_build(&now);
    ret->catalogs[FORECAST_AFTER] = side_build(&then);
    return good;
}

void forecast_site_release(struct forecast_site *site)
{
    for (unsigned side = 0; side < FORECAST_SIDES; side++)
        catalog_free(site->catalogs[side]);
}
