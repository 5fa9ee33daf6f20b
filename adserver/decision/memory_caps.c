/*
 * A hash table with open addressing: a counter is found by a hash of viewer and cap, at the first
 * place from there on that holds it or is free. It grows at three quarters, and what has run out by
 * then is left behind.
 */
#include "decision/memory_caps.h"

#include <stdlib.h>

#include "base/check.h"

#define PLACES_FIRST 1024

struct counter {
    uint64_t key;     /* 0: the place is free */
    int64_t until_ms; /* end of the window */
    uint32_t count;
};

struct memory_caps {
    struct counter *places;
    uint64_t capacity; /* a power of two */
    uint64_t used;
};

struct memory_caps *memory_caps_new(void)
{
    struct memory_caps *caps = check_calloc(1, sizeof *caps);
    caps->capacity = PLACES_FIRST;
    caps->places = check_calloc(caps->capacity, sizeof *caps->places);
    return caps;
}

void memory_caps_free(struct memory_caps *caps)
{
    if (!caps)
        return;
    free(caps->places);
    free(caps);
}

/* splitmix64's last step; never 0. */
static uint64_t key_of(uint64_t viewer, uint64_t cap)
{
    uint64_t key = viewer * UINT64_C(0x9e3779b97f4a7c15) ^ cap;
    key = (key ^ key >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    key = (key ^ key >> 27) * UINT64_C(0x94d049bb133111eb);
    key ^= key >> 31;
    return key ? key : 1;
}

static struct counter *place_of(const struct memory_caps *caps, uint64_t key)
{
    uint64_t at = key & (caps->capacity - 1);
    while (caps->places[at].key != 0 && caps->places[at].key != key)
        at = (at + 1) & (caps->capacity - 1);
    return &caps->places[at];
}

static void grow(struct memory_caps *caps, int64_t now_ms)
{
    struct memory_caps wider = {.capacity = caps->capacity * 2};
    wider.places = check_calloc(wider.capacity, sizeof *wider.places);
    for (uint64_t i = 0; i < caps->capacity; i++) {
        const struct counter *counter = &caps->places[i];
        if (counter->key == 0 || counter->until_ms <= now_ms)
            continue;
        *place_of(&wider, counter->key) = *counter;
        wider.used++;
    }
    free(caps->places);
    *caps = wider;
}

/* How many serves the counter holds, as of now. */
static uint32_t count_at(const struct counter *counter, int64_t now_ms)
{
    return counter->key != 0 && counter->until_ms > now_ms ? counter->count : 0;
}

static void take_cap(struct memory_caps *caps, uint64_t viewer, const struct cap *cap,
                     int64_t now_ms)
{
    if (caps->used * 4 >= caps->capacity * 3)
        grow(caps, now_ms);
    uint64_t key = key_of(viewer, cap->key);
    struct counter *counter = place_of(caps, key);
    caps->used += counter->key == 0;
    if (count_at(counter, now_ms) == 0)
        *counter = (struct counter){
            .key = key,
            .until_ms = cap->period_ms == CAP_LIFETIME ? INT64_MAX : now_ms + cap->period_ms};
    counter->count++;
}

/* Takes one back; its window stays open, which harms nobody: the count is what it was. */
static void give_back(struct memory_caps *caps, uint64_t viewer, const struct cap *cap)
{
    place_of(caps, key_of(viewer, cap->key))->count--;
}

static bool has_room(const struct memory_caps *caps, uint64_t viewer, const struct caps *asked,
                     int64_t now_ms)
{
    for (unsigned i = 0; i < asked->count; i++) {
        const struct counter *counter = place_of(caps, key_of(viewer, asked->item[i].key));
        if (count_at(counter, now_ms) >= asked->item[i].count ||
            (counter->key == 0 && caps->used >= MEMORY_CAPS_MAX))
            return false;
    }
    return true;
}

static bool take_one(struct memory_caps *caps, uint64_t viewer, const struct candidate *candidate,
                     int64_t now_ms)
{
    const struct caps *owners[] = {&candidate->campaign->caps, &candidate->creative->caps};
    for (unsigned o = 0; o < 2; o++) {
        if (!has_room(caps, viewer, owners[o], now_ms))
            return false;
    }
    for (unsigned o = 0; o < 2; o++) {
        for (unsigned i = 0; i < owners[o]->count; i++)
            take_cap(caps, viewer, &owners[o]->item[i], now_ms);
    }
    return true;
}

static void give_one_back(struct memory_caps *caps, uint64_t viewer,
                          const struct candidate *candidate)
{
    const struct caps *owners[] = {&candidate->campaign->caps, &candidate->creative->caps};
    for (unsigned o = 0; o < 2; o++) {
        for (unsigned i = 0; i < owners[o]->count; i++)
            give_back(caps, viewer, &owners[o]->item[i]);
    }
}

bool memory_caps_take(struct memory_caps *caps, uint64_t viewer,
                      const struct candidate *const *group, unsigned count, int64_t now_ms)
{
    for (unsigned taken = 0; taken < count; taken++) {
        if (take_one(caps, viewer, group[taken], now_ms))
            continue;
        while (taken > 0)
            give_one_back(caps, viewer, group[--taken]);
        return false;
    }
    return true;
}
