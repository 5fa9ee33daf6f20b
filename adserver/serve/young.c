#include "serve/young.h"

#include <stdatomic.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/shared.h"

#define BUCKET 8 /* places that one impression may have */
#define MIX    UINT64_C(0x9e3779b97f4a7c15)

/* High half: tag, 0 in a place never used. Low half: when it came, milliseconds, wrapping. */
struct young {
    _Atomic uint64_t places[YOUNG_PLACES];
};

struct young *young_new(void)
{
    return shared_new(sizeof(struct young));
}

void young_free(struct young *young)
{
    shared_free(young, sizeof *young);
}

static uint64_t hash_of(const uint8_t impression[IMPRESSION_BYTES])
{
    uint64_t words[2];
    memcpy(words, impression, sizeof words);
    uint64_t hash = (words[0] ^ words[1] * MIX) * MIX;
    return (hash ^ hash >> 32) * MIX;
}

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)hash | 1;
}

static size_t bucket_of(uint64_t hash)
{
    return (size_t)(hash >> 32) % (YOUNG_PLACES / BUCKET) * BUCKET;
}

static uint32_t ms_of(int64_t now_us)
{
    return (uint32_t)(now_us / US_PER_MS);
}

static uint32_t age_ms(uint64_t place, int64_t now_us)
{
    return place == 0 ? UINT32_MAX : ms_of(now_us) - (uint32_t)place;
}

void young_note(struct young *young, const uint8_t impression[IMPRESSION_BYTES], int64_t now_us)
{
    uint64_t hash = hash_of(impression);
    size_t first = bucket_of(hash), oldest = first;
    uint32_t greatest = 0;
    for (size_t i = first; i < first + BUCKET; i++) {
        uint64_t place = atomic_load_explicit(&young->places[i], memory_order_relaxed);
        if ((uint32_t)(place >> 32) == tag_of(hash) && age_ms(place, now_us) <= YOUNG_MAX_MS)
            return; /* it was reported before: the first time counts */
        if (age_ms(place, now_us) >= greatest) {
            greatest = age_ms(place, now_us);
            oldest = i;
        }
    }
    atomic_store_explicit(&young->places[oldest], (uint64_t)tag_of(hash) << 32 | ms_of(now_us),
                          memory_order_relaxed);
}

/* How long ago it was reported, UINT32_MAX: not here, that is known of. */
static uint32_t find_age_ms(const struct young *young, const uint8_t impression[IMPRESSION_BYTES],
                            int64_t now_us)
{
    uint64_t hash = hash_of(impression);
    size_t first = bucket_of(hash);
    uint32_t least = UINT32_MAX;
    for (size_t i = first; i < first + BUCKET; i++) {
        uint64_t place = atomic_load_explicit(&young->places[i], memory_order_relaxed);
        if ((uint32_t)(place >> 32) == tag_of(hash) && age_ms(place, now_us) < least)
            least = age_ms(place, now_us);
    }
    return least;
}

bool young_is(const struct young *young, const uint8_t impression[IMPRESSION_BYTES], int64_t now_us,
              int64_t for_ms)
{
    return find_age_ms(young, impression, now_us) < for_ms;
}

bool young_is_clicked(const struct young *young, const uint8_t impression[IMPRESSION_BYTES],
                      int64_t now_us, int64_t since_serve_ms, int64_t for_ms)
{
    uint32_t age = find_age_ms(young, impression, now_us);
    if (age != UINT32_MAX)
        return age < for_ms;
    return since_serve_ms >= 0 && since_serve_ms < for_ms;
}
