#include "base/histogram.h"

#define SUB_BUCKETS (1u << HISTOGRAM_SUB_BITS)

static uint64_t read_number(const uint64_t *number)
{
    return __atomic_load_n(number, __ATOMIC_RELAXED);
}

static uint64_t at_most_u64(uint64_t value, uint64_t limit)
{
    return value < limit ? value : limit;
}

static unsigned bucket_of(uint64_t us)
{
    if (us < SUB_BUCKETS)
        return (unsigned)us;
    unsigned shift = 63u - (unsigned)__builtin_clzll(us) - HISTOGRAM_SUB_BITS;
    return (shift << HISTOGRAM_SUB_BITS) + (unsigned)(us >> shift);
}

/* The greatest duration that falls into a bucket. */
static uint64_t end_of(unsigned bucket)
{
    if (bucket < 2 * SUB_BUCKETS)
        return bucket;
    unsigned shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t first = (uint64_t)(bucket - (shift << HISTOGRAM_SUB_BITS)) << shift;
    return at_most_u64(first + (UINT64_C(1) << shift) - 1, HISTOGRAM_MAX_US);
}

void histogram_add(struct histogram *histogram, int64_t us)
{
    uint64_t took_us = us < 0 ? 0 : at_most_u64((uint64_t)us, HISTOGRAM_MAX_US);
    uint64_t *bucket = &histogram->buckets[bucket_of(took_us)];
    uint64_t *sum_us = &histogram->sum_us;

    __atomic_store_n(bucket, read_number(bucket) + 1, __ATOMIC_RELAXED);
    __atomic_store_n(sum_us, read_number(sum_us) + took_us, __ATOMIC_RELAXED);
    if (took_us > read_number(&histogram->max_us))
        __atomic_store_n(&histogram->max_us, took_us, __ATOMIC_RELAXED);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    uint64_t max_us = read_number(&from->max_us);
    if (max_us == 0 && read_number(&from->buckets[0]) == 0)
        return; /* empty, as most rows of a page of metrics are */
    into->sum_us += read_number(&from->sum_us);
    into->max_us = max_us > into->max_us ? max_us : into->max_us;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += read_number(&from->buckets[i]);
}

uint64_t histogram_count(const struct histogram *histogram)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        count += read_number(&histogram->buckets[i]);
    return count;
}

int64_t histogram_quantile_us(const struct histogram *histogram, unsigned permille)
{
    uint64_t count = histogram_count(histogram);
    uint64_t rank = count / 1000 * permille + (count % 1000 * permille + 999) / 1000;
    uint64_t seen = 0;
    unsigned i = 0;
    for (; i < HISTOGRAM_BUCKETS - 1; i++) {
        seen += read_number(&histogram->buckets[i]);
        if (seen >= rank)
            break;
    }
    return (int64_t)at_most_u64(end_of(i), read_number(&histogram->max_us));
}

uint64_t histogram_at_most(const struct histogram *histogram, int64_t us)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && us >= 0 && end_of(i) <= (uint64_t)us; i++)
        count += read_number(&histogram->buckets[i]);
    return count;
}
