#include "decision/replay_tally.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/check.h"

#define PLACES_FIRST 256

struct replay_tally_place {
    uint64_t key;
    uint64_t count;
    bool taken;
};

void replay_tally_release(struct replay_tally *tally)
{
    free(tally->places);
    *tally = (struct replay_tally){0};
}

/* Keys may be small numbers in a row: all bits are mixed (splitmix64). */
static uint64_t mix(uint64_t key)
{
    key = (key ^ key >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    key = (key ^ key >> 27) * UINT64_C(0x94d049bb133111eb);
    return key ^ key >> 31;
}

static struct replay_tally_place *place_of(const struct replay_tally *tally, uint64_t key)
{
    uint64_t at = mix(key) & (tally->capacity - 1);
    while (tally->places[at].taken && tally->places[at].key != key)
        at = (at + 1) & (tally->capacity - 1);
    return &tally->places[at];
}

static void grow(struct replay_tally *tally)
{
    struct replay_tally wider = {.used = tally->used};
    wider.capacity = tally->capacity ? tally->capacity * 2 : PLACES_FIRST;
    wider.places = check_calloc(wider.capacity, sizeof *wider.places);
    for (uint64_t i = 0; i < tally->capacity; i++) {
        if (tally->places[i].taken)
            *place_of(&wider, tally->places[i].key) = tally->places[i];
    }
    free(tally->places);
    *tally = wider;
}

uint64_t replay_tally_add(struct replay_tally *tally, uint64_t key, uint64_t amount)
{
    if (tally->used * 4 >= tally->capacity * 3)
        grow(tally);
    struct replay_tally_place *place = place_of(tally, key);
    tally->used += !place->taken;
    place->taken = true;
    place->key = key;
    return place->count += amount;
}

uint64_t replay_tally_get(const struct replay_tally *tally, uint64_t key)
{
    if (tally->capacity == 0)
        return 0;
    const struct replay_tally_place *place = place_of(tally, key);
    return place->taken ? place->count : 0;
}
