#include "decision/gathering.h"

#include <string.h>

#include "base/check.h"

/* ---- The page -------------------------------------------------------------------------------- */

void gathering_init(struct gathering *gathering, struct catalog_index *index)
{
    gathering->index = index;
    gathering->term_count = gathering->key_row_count = 0;
    gathering->begun = gathering->hit = false;
}

static void add_term(struct gathering *gathering, const struct position_row *base,
                     const struct position_row *less, const struct position_row *more)
{
    CHECK(gathering->term_count < GATHERING_TERMS_MAX);
    gathering->terms[gathering->term_count++] = (struct gathering_term){base, less, more};
}

static void add_dimension(struct gathering *gathering, enum dimension dimension, unsigned value)
{
    const struct dimension_rows *rows = &gathering->index->dimensions[dimension];
    if (rows->free.count == gathering->index->offers_in)
        return; /* nobody has a rule */
    if (value == 0)
        add_term(gathering, &rows->free, NULL, NULL);
    else
        add_term(gathering, &rows->wide,
                 rows->left_out[value].count ? &rows->left_out[value] : NULL,
                 rows->taken_in[value].count ? &rows->taken_in[value] : NULL);
}

static void add_hit(struct gathering *gathering, uint32_t position)
{
    struct index_scratch *scratch = &gathering->index->scratch;
    unsigned chunk = position / CHUNK_POSITIONS, bit = position % CHUNK_POSITIONS;
    scratch->hits[chunk].words[bit / 64] |= UINT64_C(1) << (bit % 64);
    scratch->hit_summary[chunk / 64] |= UINT64_C(1) << (chunk % 64);
    gathering->hit = true;
}

/* Kinds of keys that some campaign is found by. */
static uint32_t kinds_wanted(const struct catalog_index *index)
{
    uint32_t kinds = 0;
    for (unsigned kind = 0; kind < CONTEXT_KINDS; kind++)
        kinds |= (uint32_t)(index->context_users[kind] > 0) << kind;
    return kinds;
}

static void add_context(struct gathering *gathering, const struct page_facts *facts)
{
    uint64_t keys[PAGE_CONTEXT_KEYS_MAX];
    const struct key_table *table = &gathering->index->keys;
    unsigned count =
        table->count > 0 ? page_context_keys(facts, kinds_wanted(gathering->index), keys) : 0;
    for (unsigned i = 0; i < count; i++) {
        const struct key_row *row = key_table_find(table, keys[i]);
        if (row && row->has_row)
            gathering->key_rows[gathering->key_row_count++] = row->at.row;
        for (unsigned p = 0; row && !row->has_row && p < row->count; p++)
            add_hit(gathering, key_row_list(row)[p]);
    }
}

static void add_terms(struct gathering *gathering, const struct page_request *request,
                      bool uncapped)
{
    const struct catalog_index *index = gathering->index;
    const struct page_facts *facts = &request->facts;
    uint64_t language = page_language_key(facts);
    if (index->open.count < index->offers_in)
        add_term(gathering, &index->open, NULL, NULL);
    if (index->time.current.count < index->offers_in)
        add_term(gathering, &index->time.current, NULL, NULL);
    if (uncapped)
        add_term(gathering, &index->uncapped, NULL, NULL);
    if (!request->deliveries.rows)
        add_term(gathering, &index->unbound, NULL, NULL);
    add_dimension(gathering, DIMENSION_COUNTRY, country_number(facts->country));
    add_dimension(gathering, DIMENSION_DEVICE, facts->device);
    add_dimension(gathering, DIMENSION_BROWSER, facts->browser);
    add_dimension(gathering, DIMENSION_SYSTEM, facts->system);
    if (index->language_free.count < index->offers_in)
        add_term(gathering, &index->language_free, NULL,
                 language ? row_map_find(&index->languages, language) : NULL);
}

/* Nobody wants a context. */
static bool is_context_free(const struct catalog_index *index)
{
    return index->context_free.count == index->offers_in;
}

static uint64_t context_summary(const struct gathering *gathering, unsigned word)
{
    const struct catalog_index *index = gathering->index;
    if (is_context_free(index))
        return UINT64_MAX;
    uint64_t bits = row_summary(&index->context_free, word) | index->scratch.hit_summary[word];
    for (unsigned i = 0; i < gathering->key_row_count; i++)
        bits |= row_summary(gathering->key_rows[i], word);
    return bits;
}

static void make_summary(struct gathering *gathering)
{
    struct catalog_index *index = gathering->index;
    for (unsigned word = 0; word < index->chunk_capacity / 64; word++) {
        uint64_t bits = context_summary(gathering, word);
        for (unsigned t = 0; t < gathering->term_count && bits; t++) {
            const struct gathering_term *term = &gathering->terms[t];
            bits &=
                row_summary(term->base, word) | (term->more ? row_summary(term->more, word) : 0);
        }
        index->scratch.summary[word] = bits;
    }
}

static void begin(struct gathering *gathering, const struct page_request *request, bool uncapped)
{
    struct index_scratch *scratch = &gathering->index->scratch;
    index_turn(gathering->index, request->now_us);
    if (++scratch->number == 0) { /* once in four thousand million pages */
        memset(scratch->page_number, 0,
               gathering->index->chunk_capacity * sizeof *scratch->page_number);
        scratch->number = 1;
    }
    add_terms(gathering, request, uncapped);
    add_context(gathering, &request->facts);
    make_summary(gathering);
    gathering->begun = true;
}

void gathering_end(struct gathering *gathering)
{
    struct catalog_index *index = gathering->index;
    for (unsigned word = 0; gathering->hit && word < index->chunk_capacity / 64; word++) {
        for (uint64_t bits = index->scratch.hit_summary[word]; bits; bits &= bits - 1)
            index->scratch.hits[word * 64 + (unsigned)__builtin_ctzll(bits)] = chunk_empty;
        index->scratch.hit_summary[word] = 0;
    }
    if (gathering->begun)
        index_tidy(index);
}

/* ---- A chunk --------------------------------------------------------------------------------- */

static void add_bits(uint64_t *restrict to, const uint64_t *restrict bits)
{
    for (unsigned i = 0; i < CHUNK_WORDS; i++)
        to[i] |= bits[i];
}

static void meet_context(const struct gathering *gathering, unsigned chunk, uint64_t *to)
{
    const struct catalog_index *index = gathering->index;
    if (is_context_free(index)) {
        memset(to, 0xff, sizeof(struct chunk_bits)); /* the slot says who is there */
        return;
    }
    memcpy(to, row_chunk(&index->context_free, chunk), sizeof(struct chunk_bits));
    if (gathering->hit)
        add_bits(to, index->scratch.hits[chunk].words);
    for (unsigned i = 0; i < gathering->key_row_count; i++)
        add_bits(to, row_chunk(gathering->key_rows[i], chunk));
}

/* A line in steps that any machine of ours has registers for; what is met stays in them. */
typedef uint64_t line_part __attribute__((vector_size(16), may_alias));
struct line {
    line_part a, b, c, d;
};
_Static_assert(sizeof(struct line) == sizeof(struct chunk_bits), "the same line");

static inline struct line line_at(const uint64_t *bits)
{
    const line_part *part = (const line_part *)(const void *)bits;
    return (struct line){part[0], part[1], part[2], part[3]};
}

static inline struct line line_and(struct line x, struct line y)
{
    return (struct line){x.a & y.a, x.b & y.b, x.c & y.c, x.d & y.d};
}

static inline struct line line_without(struct line x, struct line y)
{
    return (struct line){x.a & ~y.a, x.b & ~y.b, x.c & ~y.c, x.d & ~y.d};
}

static inline struct line line_or(struct line x, struct line y)
{
    return (struct line){x.a | y.a, x.b | y.b, x.c | y.c, x.d | y.d};
}

/* Returns whether anything is left. */
static bool meet_terms(const struct gathering *gathering, unsigned chunk, uint64_t *to)
{
    struct line met = line_at(to);
    for (unsigned t = 0; t < gathering->term_count; t++) {
        const struct gathering_term *term = &gathering->terms[t];
        struct line line = line_at(row_chunk(term->base, chunk));
        if (term->less)
            line = line_without(line, line_at(row_chunk(term->less, chunk)));
        if (term->more)
            line = line_or(line, line_at(row_chunk(term->more, chunk)));
        met = line_and(met, line);
    }
    line_part *part = (line_part *)(void *)to;
    part[0] = met.a;
    part[1] = met.b;
    part[2] = met.c;
    part[3] = met.d;
    line_part any = met.a | met.b | met.c | met.d;
    return (any[0] | any[1]) != 0;
}

/* The page's bits of a chunk, worked out once for all its slots; NULL: there are none. */
static const uint64_t *page_chunk(const struct gathering *gathering, unsigned chunk)
{
    struct index_scratch *scratch = &gathering->index->scratch;
    CHECK(scratch->page != NULL); /* there is a chunk */
    uint64_t *bits = scratch->page[chunk].words;
    if (scratch->page_number[chunk] == scratch->number)
        return bits;
    scratch->page_number[chunk] = scratch->number;
    meet_context(gathering, chunk, bits);
    if (meet_terms(gathering, chunk, bits))
        return bits;
    scratch->summary[chunk / 64] &= ~(UINT64_C(1) << (chunk % 64)); /* no slot need ask again */
    return NULL;
}

/* ---- The slot -------------------------------------------------------------------------------- */

/* The rows of what fits a slot; none: everything does. */
struct fitting {
    const struct position_row *rows[SLOT_SIZES_MAX + 1];
    unsigned count;
    bool all;
};

static void find_fitting(const struct catalog_index *index, const struct page_slot *asked,
                         struct fitting *ret)
{
    const struct slot *slot = asked->index->slot;
    const struct position_row *row = row_map_find(&index->sizes, size_key((struct size){0}));
    ret->all = slot->size_count == 0;
    ret->count = 0;
    if (row)
        ret->rows[ret->count++] = row; /* texts */
    for (unsigned i = 0; i < slot->size_count; i++) {
        if (asked->width > 0 && slot->sizes[i].width > asked->width)
            continue;
        row = row_map_find(&index->sizes, size_key(slot->sizes[i]));
        if (row)
            ret->rows[ret->count++] = row;
    }
}

static uint64_t slot_summary(const struct catalog_index *index, const struct slot_rows *rows,
                             const struct fitting *fitting, unsigned word)
{
    uint64_t fit = 0;
    for (unsigned i = 0; i < fitting->count; i++)
        fit |= row_summary(fitting->rows[i], word);
    return (row_summary(&rows->booked, word) | row_summary(&index->everywhere, word)) &
           (fitting->all ? UINT64_MAX : fit);
}

static void meet_slot(const struct catalog_index *index, const struct slot_rows *rows,
                      const struct fitting *fitting, unsigned chunk, uint64_t *to)
{
    const uint64_t *booked = row_chunk(&rows->booked, chunk);
    const uint64_t *everywhere = row_chunk(&index->everywhere, chunk);
    struct chunk_bits fit = chunk_empty;
    for (unsigned i = 0; i < fitting->count && !fitting->all; i++)
        add_bits(fit.words, row_chunk(fitting->rows[i], chunk));
    for (unsigned i = 0; i < CHUNK_WORDS; i++)
        to[i] &= (booked[i] | everywhere[i]) & (fitting->all ? UINT64_MAX : fit.words[i]);
}

/* The offers at the positions of a chunk's bits; returns how many. */
static unsigned list_offers(const struct catalog_index *index, unsigned chunk, const uint64_t *bits,
                            const struct offer **to)
{
    unsigned count = 0;
    for (unsigned i = 0; i < CHUNK_WORDS; i++) {
        for (uint64_t word = bits[i]; word; word &= word - 1)
            to[count++] =
                index->at[chunk * CHUNK_POSITIONS + i * 64 + (unsigned)__builtin_ctzll(word)];
    }
    return count;
}

unsigned gathering_tier(struct gathering *gathering, const struct page_request *request,
                        const struct page_slot *slot, bool uncapped, enum tier tier,
                        const struct offer **pool)
{
    struct catalog_index *index = gathering->index;
    const struct slot_rows *rows = slot->index->rows;
    struct fitting fitting;
    unsigned count = 0;
    if (!gathering->begun)
        begin(gathering, request, uncapped);
    find_fitting(index, slot, &fitting);
    for (unsigned word = 0; word < index->chunk_capacity / 64; word++) {
        uint64_t chunks = index->scratch.summary[word] & index->tier_chunks[tier][word];
        for (chunks &= chunks ? slot_summary(index, rows, &fitting, word) : 0; chunks;
             chunks &= chunks - 1) {
            unsigned chunk = word * 64 + (unsigned)__builtin_ctzll(chunks);
            const uint64_t *page = page_chunk(gathering, chunk);
            struct chunk_bits bits;
            if (!page)
                continue;
            memcpy(&bits, page, sizeof bits);
            meet_slot(index, rows, &fitting, chunk, bits.words);
            count += list_offers(index, chunk, bits.words, pool + count);
        }
    }
    return count;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static uint64_t booked_summary(const struct catalog_index *index, const struct slot_rows *rows,
                               unsigned word)
{
    return row_summary(&rows->booked, word) | row_summary(&index->everywhere, word);
}

static void booked_chunk(const struct catalog_index *index, const struct slot_rows *rows,
                         unsigned chunk, uint64_t *to)
{
    memcpy(to, row_chunk(&rows->booked, chunk), sizeof(struct chunk_bits));
    add_bits(to, row_chunk(&index->everywhere, chunk));
}

static unsigned list_tier(const struct catalog_index *index, const struct slot_rows *rows,
                          unsigned tier, const struct offer **to)
{
    unsigned count = 0;
    for (unsigned word = 0; word < index->chunk_capacity / 64; word++) {
        uint64_t chunks = booked_summary(index, rows, word) & index->tier_chunks[tier][word];
        for (; chunks; chunks &= chunks - 1) {
            unsigned chunk = word * 64 + (unsigned)__builtin_ctzll(chunks);
            struct chunk_bits bits;
            booked_chunk(index, rows, chunk, bits.words);
            count += list_offers(index, chunk, bits.words, to + count);
        }
    }
    return count;
}

/* Room for more than a few is made when it is asked for first. */
static const struct offer **roster_room(struct catalog_index *index, struct slot_rows *rows)
{
    struct index_scratch *scratch = &index->scratch;
    size_t positions = (size_t)index->chunk_capacity * CHUNK_POSITIONS;
    if (count_booked(index, rows) <= ROSTER_MAX)
        return rows->few;
    if (!scratch->roster) {
        scratch->roster = check_malloc(positions * sizeof *scratch->roster);
        scratch->verdicts = check_malloc(positions);
    }
    return scratch->roster;
}

const struct roster *gather_roster(struct catalog_index *index, struct slot_rows *rows)
{
    struct roster *roster = &rows->roster;
    if (rows->roster_generation == index->generation)
        return roster;
    roster->items = roster_room(index, rows);
    roster->tier_start[0] = 0;
    for (unsigned tier = 0; tier < TIER_COUNT; tier++)
        roster->tier_start[tier + 1] =
            roster->tier_start[tier] +
            list_tier(index, rows, tier, roster->items + roster->tier_start[tier]);
    rows->roster_generation = roster->items == rows->few ? index->generation : 0;
    return roster;
}

/* The first bit of a chunk from `from` on; CHUNK_POSITIONS: there is none. */
static unsigned first_bit(const uint64_t *bits, unsigned from)
{
    for (unsigned i = from / 64; i < CHUNK_WORDS; i++) {
        uint64_t word = bits[i] & (i == from / 64 ? UINT64_MAX << (from % 64) : UINT64_MAX);
        if (word)
            return i * 64 + (unsigned)__builtin_ctzll(word);
    }
    return CHUNK_POSITIONS;
}

/* The first one booked from `position` on. */
static const struct offer *first_booked(const struct catalog_index *index,
                                        const struct slot_rows *rows, uint32_t position)
{
    unsigned from = position % CHUNK_POSITIONS;
    for (unsigned chunk = position / CHUNK_POSITIONS; chunk < index->chunks; chunk++, from = 0) {
        struct chunk_bits bits;
        if (!(booked_summary(index, rows, chunk / 64) >> (chunk % 64) & 1))
            continue;
        booked_chunk(index, rows, chunk, bits.words);
        unsigned bit = first_bit(bits.words, from);
        if (bit < CHUNK_POSITIONS)
            return index->at[chunk * CHUNK_POSITIONS + bit];
    }
    return NULL;
}

const struct offer *gather_next(const struct catalog_index *index, const struct slot_rows *rows,
                                uint32_t position)
{
    const struct offer *next = first_booked(index, rows, position + 1);
    return next ? next : first_booked(index, rows, 0);
}

static unsigned count_bits(const uint64_t *bits)
{
    unsigned count = 0;
    for (unsigned i = 0; i < CHUNK_WORDS; i++)
        count += (unsigned)__builtin_popcountll(bits[i]);
    return count;
}

/* The bit that has `before` others before it. */
static unsigned nth_bit(const uint64_t *bits, unsigned before)
{
    unsigned bit = first_bit(bits, 0);
    for (; before > 0; before--)
        bit = first_bit(bits, bit + 1);
    return bit;
}

unsigned gather_spread(const struct catalog_index *index, const struct slot_rows *rows,
                       unsigned stride, unsigned first, const struct offer **to, unsigned max)
{
    unsigned count = 0;
    for (unsigned chunk = 0; chunk < index->chunks && count < max; chunk++) {
        struct chunk_bits bits;
        if (!(booked_summary(index, rows, chunk / 64) >> (chunk % 64) & 1))
            continue;
        booked_chunk(index, rows, chunk, bits.words);
        unsigned here = count_bits(bits.words);
        for (; first < here && count < max; first += stride)
            to[count++] = index->at[chunk * CHUNK_POSITIONS + nth_bit(bits.words, first)];
        first -= here;
    }
    return count;
}
