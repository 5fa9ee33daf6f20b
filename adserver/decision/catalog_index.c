#include "decision/catalog_index.h"

#include <stdlib.h>

#include "base/check.h"
#include "decision/likeness.h"

#define MIX              UINT64_C(0x9e3779b97f4a7c15) /* odd, of no pattern: 2^64 over the golden ratio */
#define MAP_MIN          16
#define DIMENSION_NARROW 64
#define STRAGGLERS       (CHUNK_POSITIONS / 8)
#define ALL_POSITIONS    (UINT32_MAX - CHUNK_POSITIONS)

/* ---- Rows by key ----------------------------------------------------------------------------- */

static unsigned map_place(const struct row_map *map, uint64_t key)
{
    unsigned at = (unsigned)(key * MIX >> 32) & (map->capacity - 1);
    while (map->rows[at] && map->keys[at] != key)
        at = (at + 1) & (map->capacity - 1);
    return at;
}

const struct position_row *row_map_find(const struct row_map *map, uint64_t key)
{
    return map->count > 0 ? map->rows[map_place(map, key)] : NULL;
}

static void map_grow(struct row_map *map)
{
    struct row_map old = *map;
    map->capacity = old.capacity ? 2 * old.capacity : MAP_MIN;
    map->keys = check_calloc(map->capacity, sizeof *map->keys);
    map->rows = check_calloc(map->capacity, sizeof(struct position_row *));
    for (unsigned i = 0; i < old.capacity; i++) {
        unsigned at = old.rows[i] ? map_place(map, old.keys[i]) : 0;
        if (!old.rows[i])
            continue;
        map->keys[at] = old.keys[i];
        map->rows[at] = old.rows[i];
    }
    free(old.keys);
    free(old.rows);
}

/* The row of the key, made where there is none. */
static struct position_row *map_row(struct row_map *map, uint64_t key)
{
    if (2 * (map->count + 1) > map->capacity)
        map_grow(map);
    unsigned at = map_place(map, key);
    if (!map->rows[at]) {
        map->keys[at] = key;
        map->rows[at] = check_calloc(1, sizeof(struct position_row));
        map->count++;
    }
    return map->rows[at];
}

static void map_release(struct row_map *map)
{
    for (unsigned i = 0; i < map->capacity; i++) {
        if (map->rows[i])
            row_release(map->rows[i]);
        free(map->rows[i]);
    }
    free(map->keys);
    free(map->rows);
}

/* ---- Slots ----------------------------------------------------------------------------------- */

static struct slice slot_rows_id(const void *item)
{
    const struct slot_rows *rows = item;
    return slice_of(rows->id, rows->id_len);
}

struct slot_rows *index_slot(struct catalog_index *index, struct slice id)
{
    struct slot_rows *rows = id_table_find(&index->slots, id);
    if (rows)
        return rows;
    CHECK(id.len <= ID_MAX);
    rows = check_calloc(1, sizeof *rows);
    rows->id_len = (uint8_t)id.len;
    memcpy(rows->id, id.ptr, id.len);
    (void)id_table_put(&index->slots, rows);
    return rows;
}

void index_drop_slot(struct catalog_index *index, struct slot_rows *rows)
{
    if (rows->index.slot || rows->booked.count > 0)
        return;
    (void)id_table_remove(&index->slots, slot_rows_id(rows));
    row_release(&rows->booked);
    free(rows);
}

/* ---- The bits of a campaign ------------------------------------------------------------------ */

/* Whose bits are being put in, or taken out. */
struct marking {
    struct catalog_index *index;
    const struct offer *offer;
    bool in;
};

static void mark(const struct marking *marking, struct position_row *row, bool holds)
{
    if (holds)
        row_put(row, &marking->index->pool, marking->offer->position, marking->in);
}

static void mark_slots(const struct marking *marking)
{
    const struct campaign *campaign = marking->offer->campaign;
    mark(marking, &marking->index->everywhere, campaign->all_slots);
    for (unsigned i = 0; i < campaign->slots.count; i++) {
        struct slot_rows *rows = index_slot(marking->index, campaign->slots.item[i]);
        mark(marking, &rows->booked, true);
        index_drop_slot(marking->index, rows);
    }
}

static void mark_creatives(const struct marking *marking)
{
    const struct offer *offer = marking->offer;
    bool uncapped = false;
    for (unsigned i = 0; i < offer->active_count; i++) {
        const struct creative *creative = offer_creative(offer, i);
        struct size size = {0, 0}; /* of a text */
        if (creative->type != CREATIVE_TEXT)
            size = creative->size;
        mark(marking, map_row(&marking->index->sizes, size_key(size)), true);
        uncapped |= creative->caps.count == 0;
    }
    mark(marking, &marking->index->uncapped, uncapped && offer->campaign->caps.count == 0);
}

static bool is_open(const struct offer *offer)
{
    const struct campaign *campaign = offer->campaign;
    return campaign->status == STATUS_ACTIVE && offer->active_count > 0 && !offer->closed;
}

static void mark_state(const struct marking *marking)
{
    const struct offer *offer = marking->offer;
    const struct campaign *campaign = offer->campaign;
    mark(marking, &marking->index->taken, true);
    mark(marking, &marking->index->open, is_open(offer));
    mark(marking, &marking->index->unbound, campaign->delivery == 0);
}

/*
 * `accepts` NULL: it has no rule. The unknown value, 0, is accepted by none that has. Of many
 * values those left out are noted where they are fewer; of a few always those taken in, so that a
 * page meets two rows and not three.
 */
static void mark_dimension(const struct marking *marking, enum dimension dimension,
                           const uint64_t *accepts, unsigned values)
{
    struct dimension_rows *rows = &marking->index->dimensions[dimension];
    unsigned accepted = 0;
    mark(marking, &rows->free, !accepts);
    for (unsigned v = 1; accepts && v < values; v++)
        accepted += (unsigned)(accepts[v / 64] >> (v % 64) & 1);
    bool wide = !accepts || (values > DIMENSION_NARROW && 2 * accepted > values);
    mark(marking, &rows->wide, wide);
    for (unsigned v = 1; accepts && v < values; v++) {
        if ((accepts[v / 64] >> (v % 64) & 1) != wide)
            mark(marking, wide ? &rows->left_out[v] : &rows->taken_in[v], true);
    }
}

/* Only without a rule the unknown value, bit 0, is accepted. */
static void mark_mask(const struct marking *marking, enum dimension dimension, unsigned mask,
                      unsigned values)
{
    uint64_t accepts = mask;
    mark_dimension(marking, dimension, mask & 1 ? NULL : &accepts, values);
}

static void mark_language(uint64_t key, void *arg)
{
    const struct marking *marking = arg;
    mark(marking, map_row(&marking->index->languages, key), true);
}

static void mark_context(uint64_t key, void *arg)
{
    const struct marking *marking = arg;
    struct catalog_index *index = marking->index;
    if (marking->in)
        key_table_add(&index->keys, &index->pool, key, marking->offer->position);
    else
        key_table_remove(&index->keys, &index->pool, key, marking->offer->position);
}

static void mark_targeting(struct marking *marking)
{
    const struct campaign *campaign = marking->offer->campaign;
    const struct country_set *countries = targeting_countries(campaign);
    mark_dimension(marking, DIMENSION_COUNTRY, countries ? countries->bits : NULL, COUNTRY_NUMBERS);
    mark_mask(marking, DIMENSION_DEVICE, targeting_devices(campaign), DEVICE_COUNT);
    mark_mask(marking, DIMENSION_BROWSER, targeting_browsers(campaign), BROWSER_COUNT);
    mark_mask(marking, DIMENSION_SYSTEM, targeting_systems(campaign), SYSTEM_COUNT);
    mark(marking, &marking->index->language_free,
         !targeting_language_keys(campaign, mark_language, marking));
    marking->index->context_users[targeting_context_kind(campaign)] += marking->in ? 1U : -1U;
    mark(marking, &marking->index->context_free,
         !targeting_context_keys(campaign, mark_context, marking));
}

static void mark_all(struct catalog_index *index, const struct offer *offer, bool in)
{
    struct marking marking = {index, offer, in};
    mark_slots(&marking);
    mark_creatives(&marking);
    mark_state(&marking);
    mark_targeting(&marking);
}

/* ---- Positions ------------------------------------------------------------------------------- */

static void *grown(void *items, size_t from, size_t to, size_t size)
{
    char *all = check_realloc(items, to * size);
    memset(all + from * size, 0, (to - from) * size);
    return all;
}

static void grow_scratch(struct index_scratch *scratch, size_t from, size_t to)
{
    free(scratch->roster);
    free(scratch->verdicts);
    scratch->roster = NULL;
    scratch->verdicts = NULL;
    scratch->pool = check_realloc(scratch->pool, to * CHUNK_POSITIONS * sizeof *scratch->pool);
    scratch->summary = grown(scratch->summary, from / 64, to / 64, sizeof(uint64_t));
    scratch->hit_summary = grown(scratch->hit_summary, from / 64, to / 64, sizeof(uint64_t));
    scratch->page_number = grown(scratch->page_number, from, to, sizeof(uint32_t));
    /* Aligned and without meaning between decisions: made anew. */
    free(scratch->hits);
    free(scratch->page);
    scratch->hits = aligned_alloc(_Alignof(struct chunk_bits), to * sizeof *scratch->hits);
    scratch->page = aligned_alloc(_Alignof(struct chunk_bits), to * sizeof *scratch->page);
    CHECK(scratch->hits && scratch->page);
    memset(scratch->hits, 0, to * sizeof *scratch->hits);
}

static void grow_chunks(struct catalog_index *index)
{
    unsigned from = index->chunk_capacity, to = from + (from / 2 + 63) / 64 * 64 + (from ? 0 : 64);
    index->chunk_capacity = to;
    index->at = grown(index->at, (size_t)from * CHUNK_POSITIONS, (size_t)to * CHUNK_POSITIONS,
                      sizeof(struct offer *));
    index->chunk_class = grown(index->chunk_class, from, to, sizeof *index->chunk_class);
    index->chunk_taken = grown(index->chunk_taken, from, to, sizeof *index->chunk_taken);
    index->roomy = grown(index->roomy, from / 64, to / 64, sizeof(uint64_t));
    for (unsigned tier = 0; tier < TIER_COUNT; tier++)
        index->tier_chunks[tier] =
            grown(index->tier_chunks[tier], from / 64, to / 64, sizeof(uint64_t));
    for (unsigned class = 0; class < 2 * TIER_COUNT; class ++)
        index->class_chunks[class] =
            grown(index->class_chunks[class], from / 64, to / 64, sizeof(uint64_t));
    grow_scratch(&index->scratch, from, to);
}

static uint32_t new_chunk(struct catalog_index *index, unsigned class)
{
    CHECK((uint64_t)index->chunks * CHUNK_POSITIONS < ALL_POSITIONS);
    if (index->chunks == index->chunk_capacity)
        grow_chunks(index);
    uint32_t chunk = index->chunks++;
    uint64_t bit = UINT64_C(1) << (chunk % 64);
    index->chunk_class[chunk] = (uint8_t) class;
    index->class_chunks[class][chunk / 64] |= bit;
    index->tier_chunks[class / 2][chunk / 64] |= bit;
    index->roomy[chunk / 64] |= bit;
    return chunk;
}

static uint32_t roomy_chunk(struct catalog_index *index, unsigned class)
{
    for (unsigned word = 0; word < index->chunk_capacity / 64; word++) {
        uint64_t chunks = index->roomy[word] & index->class_chunks[class][word];
        if (chunks)
            return word * 64 + (unsigned)__builtin_ctzll(chunks);
    }
    return new_chunk(index, class);
}

/* ---- Neighbours
 * ---------------------------------------------------------------------------------- */

static uint32_t *neighbour_of(struct catalog_index *index, const struct campaign *campaign,
                              unsigned class)
{
    struct likeness likeness = likeness_of(campaign);
    uint64_t hash = likeness_hash(&likeness, class);
    return &index->neighbours[hash % (sizeof index->neighbours / sizeof *index->neighbours)];
}

static bool is_awake(const struct catalog_index *index, const struct offer *offer)
{
    return is_open(offer) && timetable_holds(&index->time, offer->campaign);
}

/* Beside the one that came before and wants much the same, if there is room. */
static uint32_t take_position(struct catalog_index *index, const struct offer *offer, bool awake)
{
    unsigned class = 2 * offer->campaign->tier + !awake;
    uint32_t *neighbour = neighbour_of(index, offer->campaign, class), chunk = *neighbour;
    if (chunk >= index->chunks || index->chunk_class[chunk] != class ||
        index->chunk_taken[chunk] == CHUNK_POSITIONS || index->chunk_taken[chunk] <= STRAGGLERS)
        chunk = roomy_chunk(index, class);
    *neighbour = chunk;
    uint32_t position = chunk * CHUNK_POSITIONS;
    while (index->at[position])
        position++;
    if (++index->chunk_taken[chunk] == CHUNK_POSITIONS)
        index->roomy[chunk / 64] &= ~(UINT64_C(1) << (chunk % 64));
    return position;
}

void index_free_position(struct catalog_index *index, struct offer *offer)
{
    uint32_t chunk = offer->position / CHUNK_POSITIONS;
    index->at[offer->position] = NULL;
    index->chunk_taken[chunk]--;
    index->roomy[chunk / 64] |= UINT64_C(1) << (chunk % 64);
    offer->position = NO_POSITION;
}

static void give_position(struct catalog_index *index, struct offer *offer, bool awake)
{
    offer->position = take_position(index, offer, awake);
    index->at[offer->position] = offer;
}

void index_add(struct catalog_index *index, struct offer *offer)
{
    if (offer->position == NO_POSITION)
        give_position(index, offer, is_awake(index, offer));
    mark_all(index, offer, true);
    timetable_add(&index->time, &index->pool, offer->position);
    index->offers_in++;
    index->generation++;
}

void index_take_out(struct catalog_index *index, struct offer *offer)
{
    mark_all(index, offer, false);
    timetable_remove(&index->time, &index->pool, offer->position);
    index->offers_in--;
    index->generation++;
}

/* ---- Beds ------------------------------------------------------------------------------------ */

static void move(struct catalog_index *index, struct offer *offer, bool awake)
{
    uint32_t from = offer->position;
    mark_all(index, offer, false);
    index_free_position(index, offer);
    give_position(index, offer, awake);
    mark_all(index, offer, true);
    timetable_move(&index->time, &index->pool, from, offer->position);
    index->generation++;
}

/* The first position of a chunk that is not where it belongs; NO_POSITION: all are. */
static uint32_t find_misplaced(const struct catalog_index *index, unsigned chunk)
{
    const uint64_t *taken = row_chunk(&index->taken, chunk), *open = row_chunk(&index->open, chunk);
    const uint64_t *current = row_chunk(&index->time.current, chunk);
    uint64_t beds = index->chunk_class[chunk] % 2 ? UINT64_MAX : 0;
    for (unsigned i = 0; i < CHUNK_WORDS; i++) {
        uint64_t misplaced = taken[i] & ~((open[i] & current[i]) ^ beds);
        if (misplaced)
            return chunk * CHUNK_POSITIONS + i * 64 + (unsigned)__builtin_ctzll(misplaced);
    }
    return NO_POSITION;
}

/* The first position of a chunk that is nearly empty while others of its class have room. */
static uint32_t find_straggler(struct catalog_index *index, unsigned chunk)
{
    const uint64_t *taken = row_chunk(&index->taken, chunk);
    unsigned i = 0;
    if (index->chunk_taken[chunk] == 0 || index->chunk_taken[chunk] > STRAGGLERS ||
        roomy_chunk(index, index->chunk_class[chunk]) >= chunk)
        return NO_POSITION;
    while (taken[i] == 0)
        i++;
    return chunk * CHUNK_POSITIONS + i * 64 + (unsigned)__builtin_ctzll(taken[i]);
}

void index_tidy(struct catalog_index *index)
{
    if (index->holders > 0 || index->tidy_turn++ % TIDY_EVERY != 0)
        return;
    if (index->tidy_at >= index->chunks)
        index->tidy_at = 0;
    uint32_t misplaced = find_misplaced(index, index->tidy_at);
    uint32_t straggler =
        misplaced == NO_POSITION ? find_straggler(index, index->tidy_at) : NO_POSITION;
    bool beds = index->chunk_class[index->tidy_at] % 2;
    if (misplaced != NO_POSITION)
        move(index, index->at[misplaced], beds);
    else if (straggler != NO_POSITION)
        move(index, index->at[straggler], !beds);
    else
        index->tidy_at++;
}

void index_set_open(struct catalog_index *index, struct offer *offer)
{
    row_put(&index->open, &index->pool, offer->position, is_open(offer));
}

/* ---- The order of a first load --------------------------------------------------------------- */

struct sorted {
    struct likeness likeness;
    struct campaign *campaign;
};

static int compare_sorted(const void *a, const void *b)
{
    const struct sorted *left = a, *right = b;
    int order = (int)left->campaign->tier - (int)right->campaign->tier;
    order = order ? order : likeness_compare(&left->likeness, &right->likeness);
    if (order == 0)
        order = (left->campaign->end_us > right->campaign->end_us) -
                (left->campaign->end_us < right->campaign->end_us);
    return order ? order : slice_compare(left->campaign->id, right->campaign->id);
}

void index_sort(struct campaign **campaigns, unsigned count)
{
    struct sorted *sorted = check_calloc(count + 1, sizeof *sorted);
    for (unsigned i = 0; i < count; i++)
        sorted[i] = (struct sorted){likeness_of(campaigns[i]), campaigns[i]};
    qsort(sorted, count, sizeof *sorted, compare_sorted);
    for (unsigned i = 0; i < count; i++)
        campaigns[i] = sorted[i].campaign;
    free(sorted);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static struct slice creative_id(const void *item)
{
    return ((const struct creative *)item)->id;
}

static struct slice offer_id(const void *item)
{
    const struct offer *offer = item;
    return offer->campaign ? offer->campaign->id : offer_creative(offer, 0)->campaign;
}

struct catalog_index *index_new(void)
{
    struct catalog_index *index = check_calloc(1, sizeof *index);
    index->slots.id_of = slot_rows_id;
    index->offers.id_of = offer_id;
    index->creatives.id_of = creative_id;
    index->generation = 1;
    index->dimensions = check_calloc(DIMENSION_COUNT, sizeof *index->dimensions);
    timetable_init(&index->time);
    return index;
}

static void release_rows(struct catalog_index *index)
{
    struct position_row *single[] = {&index->taken,       &index->everywhere, &index->open,
                                     &index->uncapped,    &index->unbound,    &index->language_free,
                                     &index->context_free};
    for (unsigned i = 0; i < sizeof single / sizeof *single; i++)
        row_release(single[i]);
    for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
        row_release(&index->dimensions[d].free);
        row_release(&index->dimensions[d].wide);
        for (unsigned v = 0; v < COUNTRY_NUMBERS; v++) {
            row_release(&index->dimensions[d].taken_in[v]);
            row_release(&index->dimensions[d].left_out[v]);
        }
    }
    free(index->dimensions);
}

static void release_scratch(struct index_scratch *scratch)
{
    free(scratch->pool);
    free(scratch->roster);
    free(scratch->verdicts);
    free(scratch->summary);
    free(scratch->hit_summary);
    free(scratch->hits);
    free(scratch->page);
    free(scratch->page_number);
}

void index_free(struct catalog_index *index)
{
    release_rows(index);
    map_release(&index->languages);
    map_release(&index->sizes);
    key_table_release(&index->keys);
    timetable_release(&index->time);
    release_scratch(&index->scratch);
    id_table_release(&index->slots);
    id_table_release(&index->offers);
    id_table_release(&index->creatives);
    for (unsigned tier = 0; tier < TIER_COUNT; tier++)
        free(index->tier_chunks[tier]);
    free(index->at);
    for (unsigned class = 0; class < 2 * TIER_COUNT; class ++)
        free(index->class_chunks[class]);
    free(index->chunk_class);
    free(index->chunk_taken);
    free(index->roomy);
    chunk_pool_release(&index->pool);
    free(index);
}

static const struct campaign *campaign_at(const void *arg, uint32_t position)
{
    const struct catalog_index *index = arg;
    const struct offer *offer =
        position / CHUNK_POSITIONS < index->chunks ? index->at[position] : NULL;
    return offer ? offer->campaign : NULL;
}

void index_turn(struct catalog_index *index, int64_t now_us)
{
    timetable_turn(&index->time, &index->pool, now_us, campaign_at, index);
}
