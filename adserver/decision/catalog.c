#include "decision/catalog.h"

#include <stdlib.h>

#include "base/check.h"
#include "decision/catalog_index.h"

struct catalog *catalog_new(void)
{
    struct catalog *catalog = check_calloc(1, sizeof *catalog);
    catalog->index = index_new();
    return catalog;
}

/* ---- Offers ---------------------------------------------------------------------------------- */

static struct offer *find_offer(const struct catalog *catalog, struct slice campaign)
{
    return id_table_find(&catalog->index->offers, campaign);
}

/* It is put into the table by the caller once it has something that names it. */
static struct offer *new_offer(struct catalog *catalog)
{
    struct offer *offer = (struct offer *)chunk_pool_take(&catalog->index->pool);
    offer->position = NO_POSITION;
    return offer;
}

/* Out of the index while something of it changes; it keeps its position. */
static void suspend(struct catalog *catalog, struct offer *offer)
{
    if (offer->campaign)
        index_take_out(catalog->index, offer);
}

static enum reason resting_reason(const struct offer *offer)
{
    if (offer->campaign->status != STATUS_ACTIVE)
        return REASON_INACTIVE;
    return offer->creative_count > 0 && offer->active_count == 0 ? REASON_INACTIVE : REASON_NONE;
}

static void note_campaign(struct offer *offer)
{
    const struct campaign *campaign = offer->campaign;
    offer->start_us = campaign->start_us;
    offer->end_us = campaign->end_us == TIME_UNSET ? INT64_MAX : campaign->end_us;
    offer->resting = (uint8_t)resting_reason(offer);
    offer->plain = !campaign->targeting && campaign->delivery == 0;
    offer->blocks = campaign->roadblock != ROADBLOCK_OFF;
    offer->single = offer->creative_count == 1 && offer->active_count == 1;
    if (!offer->single)
        return;
    const struct creative *creative = offer_creative(offer, 0);
    offer->size = (struct size){0};
    if (creative->type != CREATIVE_TEXT)
        offer->size = creative->size;
    offer->capped = campaign->caps.count > 0 || creative->caps.count > 0;
}

static void resume(struct catalog *catalog, struct offer *offer)
{
    if (!offer->campaign)
        return;
    note_campaign(offer);
    index_add(catalog->index, offer);
}

static int compare_creatives(const struct creative *left, const struct creative *right)
{
    int order = (left->status != STATUS_ACTIVE) - (right->status != STATUS_ACTIVE);
    return order ? order : slice_compare(left->id, right->id);
}

/* Where a creative stands among the offer's, or would stand. */
static unsigned place_of(const struct offer *offer, const struct creative *creative)
{
    unsigned from = 0, to = offer->creative_count;
    while (from < to) {
        unsigned middle = from + (to - from) / 2;
        if (compare_creatives(offer_creative(offer, middle), creative) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static void insert_creative(struct offer *offer, struct creative *creative)
{
    unsigned at = place_of(offer, creative), count = offer->creative_count;
    if (count == 0) {
        offer->creatives.one = creative;
    } else {
        struct creative **many = count == 1 ? NULL : offer->creatives.many;
        struct creative *one = count == 1 ? offer->creatives.one : NULL;
        many = check_realloc(many, (count + 1) * sizeof(struct creative *));
        if (one)
            many[0] = one;
        memmove(many + at + 1, many + at, (count - at) * sizeof(struct creative *));
        many[at] = creative;
        offer->creatives.many = many;
    }
    offer->creative_count++;
    offer->active_count += creative->status == STATUS_ACTIVE;
}

static void extract_creative(struct offer *offer, const struct creative *creative)
{
    unsigned at = place_of(offer, creative), left = --offer->creative_count;
    offer->active_count -= creative->status == STATUS_ACTIVE;
    if (left == 0)
        return;
    struct creative **many = offer->creatives.many;
    memmove(many + at, many + at + 1, (left - at) * sizeof(struct creative *));
    if (left == 1) {
        struct creative *last = many[0];
        free(many);
        offer->creatives.one = last;
    }
}

/* An offer of nothing goes. It is out of the table already where nothing names it any more. */
static void free_offer(struct catalog *catalog, struct offer *offer)
{
    if (offer->position != NO_POSITION)
        index_free_position(catalog->index, offer);
    chunk_pool_give(&catalog->index->pool, (struct chunk_bits *)offer);
}

/* ---- Slots ----------------------------------------------------------------------------------- */

void catalog_put_slot(struct catalog *catalog, struct slot *slot)
{
    struct slot_rows *rows = index_slot(catalog->index, slot->id);
    catalog->slot_count += rows->index.slot == NULL;
    slot_release((struct slot *)rows->index.slot);
    rows->index = (struct slot_index){slot, catalog, rows};
    catalog->changes++;
}

void catalog_remove_slot(struct catalog *catalog, struct slice id)
{
    struct slot_rows *rows = id_table_find(&catalog->index->slots, id);
    if (!rows || !rows->index.slot)
        return;
    struct slot *slot = (struct slot *)rows->index.slot;
    rows->index.slot = NULL;
    catalog->slot_count--;
    catalog->changes++;
    index_drop_slot(catalog->index, rows);
    slot_release(slot);
}

/* ---- Campaigns ------------------------------------------------------------------------------- */

void catalog_put_campaign(struct catalog *catalog, struct campaign *campaign)
{
    struct offer *offer = find_offer(catalog, campaign->id);
    bool is_new = offer == NULL;
    if (is_new)
        offer = new_offer(catalog);
    suspend(catalog, offer);
    if (offer->position != NO_POSITION && offer->campaign->tier != campaign->tier)
        index_free_position(catalog->index, offer);
    struct campaign *before = offer->campaign;
    offer->campaign = campaign;
    offer->closed = false;
    if (is_new)
        (void)id_table_put(&catalog->index->offers, offer);
    catalog->campaign_count += before == NULL;
    catalog->changes++;
    campaign_release(before);
    resume(catalog, offer);
}

void catalog_put_campaigns(struct catalog *catalog, struct campaign **campaigns, unsigned count)
{
    index_sort(campaigns, count);
    for (unsigned i = 0; i < count; i++)
        catalog_put_campaign(catalog, campaigns[i]);
}

void catalog_remove_campaign(struct catalog *catalog, struct slice id)
{
    struct offer *offer = find_offer(catalog, id);
    if (!offer || !offer->campaign)
        return;
    struct campaign *before = offer->campaign;
    suspend(catalog, offer);
    catalog->campaign_count--;
    catalog->changes++;
    index_free_position(catalog->index, offer);
    if (offer->creative_count == 0)
        (void)id_table_remove(&catalog->index->offers, id);
    offer->campaign = NULL;
    if (offer->creative_count == 0)
        free_offer(catalog, offer);
    campaign_release(before);
}

void catalog_set_open(struct catalog *catalog, struct slice campaign, bool open)
{
    struct offer *offer = find_offer(catalog, campaign);
    if (!offer || !offer->campaign || offer->closed == !open)
        return;
    offer->closed = !open;
    index_set_open(catalog->index, offer);
}

/* ---- Creatives ------------------------------------------------------------------------------- */

static void leave_offer(struct catalog *catalog, const struct creative *creative)
{
    struct offer *offer = find_offer(catalog, creative->campaign);
    suspend(catalog, offer);
    if (!offer->campaign && offer->creative_count == 1)
        (void)id_table_remove(&catalog->index->offers, creative->campaign);
    extract_creative(offer, creative);
    if (!offer->campaign && offer->creative_count == 0)
        free_offer(catalog, offer);
    else
        resume(catalog, offer);
}

static void join_offer(struct catalog *catalog, struct creative *creative)
{
    struct offer *offer = find_offer(catalog, creative->campaign);
    bool is_new = offer == NULL;
    if (is_new)
        offer = new_offer(catalog);
    suspend(catalog, offer);
    insert_creative(offer, creative);
    if (is_new)
        (void)id_table_put(&catalog->index->offers, offer);
    resume(catalog, offer);
}

void catalog_put_creative(struct catalog *catalog, struct creative *creative)
{
    catalog_remove_creative(catalog, creative->id);
    (void)id_table_put(&catalog->index->creatives, creative);
    catalog->creative_count++;
    catalog->changes++;
    join_offer(catalog, creative);
}

void catalog_remove_creative(struct catalog *catalog, struct slice id)
{
    struct creative *creative = id_table_remove(&catalog->index->creatives, id);
    if (!creative)
        return;
    leave_offer(catalog, creative);
    catalog->creative_count--;
    catalog->changes++;
    creative_release(creative);
}

/* ---- The whole ------------------------------------------------------------------------------- */

void catalog_turn(struct catalog *catalog, int64_t now_us)
{
    index_turn(catalog->index, now_us);
}

struct catalog *catalog_build(struct slot **slots, unsigned slot_count, struct campaign **campaigns,
                              unsigned campaign_count, struct creative **creatives,
                              unsigned creative_count, uint64_t revision)
{
    struct catalog *catalog = catalog_new();
    for (unsigned i = 0; i < slot_count; i++)
        catalog_put_slot(catalog, slots[i]);
    for (unsigned i = 0; i < creative_count; i++)
        catalog_put_creative(catalog, creatives[i]);
    catalog_put_campaigns(catalog, campaigns, campaign_count);
    catalog->revision = revision;
    return catalog;
}

/* Its own memory goes with the pool. */
static void release_offer(struct offer *offer)
{
    for (unsigned i = 0; i < offer->creative_count; i++)
        creative_release((struct creative *)offer_creative(offer, i));
    if (offer->creative_count > 1)
        free(offer->creatives.many);
    campaign_release(offer->campaign);
}

static void release_slot(struct slot_rows *rows)
{
    slot_release((struct slot *)rows->index.slot);
    row_release(&rows->booked);
    free(rows);
}

void catalog_free(struct catalog *catalog)
{
    if (!catalog)
        return;
    struct catalog_index *index = catalog->index;
    for (unsigned i = 0; i < index->offers.capacity; i++) {
        if (index->offers.items[i])
            release_offer(index->offers.items[i]);
    }
    for (unsigned i = 0; i < index->slots.capacity; i++) {
        if (index->slots.items[i])
            release_slot(index->slots.items[i]);
    }
    index_free(index);
    free(catalog);
}

/* ---- Finding --------------------------------------------------------------------------------- */

const struct slot_index *catalog_find_slot(const struct catalog *catalog, struct slice id)
{
    const struct slot_rows *rows = id_table_find(&catalog->index->slots, id);
    return rows && rows->index.slot ? &rows->index : NULL;
}

const struct campaign *catalog_find_campaign(const struct catalog *catalog, struct slice id)
{
    const struct offer *offer = find_offer(catalog, id);
    return offer ? offer->campaign : NULL;
}

const struct creative *catalog_find_creative(const struct catalog *catalog, struct slice id)
{
    return id_table_find(&catalog->index->creatives, id);
}

void catalog_hold_positions(struct catalog *catalog)
{
    catalog->index->holders++;
}

void catalog_let_go_positions(struct catalog *catalog)
{
    CHECK(catalog->index->holders > 0);
    catalog->index->holders--;
}

uint32_t catalog_positions(const struct catalog *catalog)
{
    return catalog->index->chunks * CHUNK_POSITIONS;
}

const struct offer *catalog_offer_at(const struct catalog *catalog, uint32_t position)
{
    return catalog->index->at[position];
}

void catalog_each_campaign(const struct catalog *catalog, catalog_campaign_fn *fn, void *arg)
{
    for (uint32_t position = 0; position < catalog_positions(catalog); position++) {
        const struct offer *offer = catalog_offer_at(catalog, position);
        if (offer)
            fn(offer->campaign, arg);
    }
}
