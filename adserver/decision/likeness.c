#include "decision/likeness.h"

#include "decision/country.h"
#include "decision/targeting.h"

#define MIX UINT64_C(0x9e3779b97f4a7c15) /* odd, of no pattern: 2^64 over the golden ratio */

static uint64_t mix(uint64_t state, uint64_t word)
{
    state = (state ^ word) * MIX;
    return state ^ state >> 32;
}

static uint64_t mix_slice(uint64_t state, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        state = mix(state, (unsigned char)text.ptr[i]);
    return state;
}

static void keep_least(uint64_t key, void *arg)
{
    uint64_t *least = arg;
    *least = key < *least ? key : *least;
}

/* The first of the keys that the walk tells of; 0: none. */
static uint64_t least_key(const struct campaign *campaign,
                          bool walk(const struct campaign *, targeting_key_fn *, void *))
{
    uint64_t least = UINT64_MAX;
    return walk(campaign, keep_least, &least) ? least : 0;
}

/* Neighbours in this order differ in few bits (it is Gray's): runs that have a bit are long. */
static uint64_t mask_order(unsigned mask)
{
    uint64_t order = 0;
    for (; mask > 0; mask >>= 1)
        order ^= mask;
    return order;
}

#define COUNTRIES_TOLD_APART 8 /* of a set, by a byte each */

/* The first countries of the set, or of what is missing where that is less: 0 is all. */
static uint64_t countries_order(const struct country_set *countries)
{
    uint64_t order = 0;
    unsigned count = 0, told = 0;
    for (unsigned i = 0; i < COUNTRY_NUMBERS / 64; i++)
        count += (unsigned)__builtin_popcountll(countries->bits[i]);
    uint64_t flip = 2 * count > COUNTRY_NUMBERS ? UINT64_MAX : 0;
    for (unsigned i = 0; i < COUNTRY_NUMBERS / 64; i++) {
        uint64_t bits = countries->bits[i] ^ flip;
        for (; bits && told < COUNTRIES_TOLD_APART; bits &= bits - 1, told++)
            order |= (uint64_t)(i * 64 + (unsigned)__builtin_ctzll(bits)) << (56 - 8 * told);
    }
    return order ^ flip;
}

struct likeness likeness_of(const struct campaign *campaign)
{
    const struct country_set *countries = targeting_countries(campaign);
    struct likeness likeness = {.devices = mask_order(targeting_devices(campaign)),
                                .countries = countries ? countries_order(countries) : 0,
                                .context = least_key(campaign, targeting_context_keys)};
    for (unsigned i = 0; i < campaign->slots.count; i++)
        likeness.slots = mix_slice(likeness.slots, campaign->slots.item[i]);
    likeness.viewers = mask_order(targeting_browsers(campaign) & 0xffff) << 40 |
                       mask_order(targeting_systems(campaign) & 0xffff) << 24 |
                       least_key(campaign, targeting_language_keys) >> 40;
    return likeness;
}

uint64_t likeness_hash(const struct likeness *likeness, uint64_t seed)
{
    uint64_t hash = mix(mix(likeness->slots, likeness->devices), likeness->countries);
    return mix(mix(mix(hash, likeness->viewers), likeness->context), seed);
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int likeness_compare(const struct likeness *a, const struct likeness *b)
{
    int order = compare(a->slots, b->slots);
    order = order ? order : compare(a->devices, b->devices);
    order = order ? order : compare(a->countries, b->countries);
    order = order ? order : compare(a->viewers, b->viewers);
    return order ? order : compare(a->context, b->context);
}
