/*
 * histogram: durations counted in buckets that grow with them, so that quantiles of any range are
 * right to 3.2 %.
 *
 * Log-linear: below 32 us a bucket is 1 us wide; from there on every power of two is cut into 32.
 * Durations are held to 0 .. HISTOGRAM_MAX_US. All zero is an empty histogram.
 *
 * One process writes and any number read at the same time, without locks: each number is whole, a
 * sum of them may be a moment old.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 5  /* a power of two has 2^5 buckets */
#define HISTOGRAM_BITS     26 /* of HISTOGRAM_MAX_US */
#define HISTOGRAM_MAX_US   INT64_C(64000000)
#define HISTOGRAM_BUCKETS  ((HISTOGRAM_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
    uint64_t sum_us;
    uint64_t max_us;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, int64_t us);

/* Adds to `into`, which nobody else uses, what `from` holds. */
void histogram_merge(struct histogram *into, const struct histogram *from);

uint64_t histogram_count(const struct histogram *histogram);

/*
 * The end of the bucket up to which `permille` of the durations lie, but never more than the
 * greatest duration; 0 for an empty histogram.
 */
int64_t histogram_quantile_us(const struct histogram *histogram, unsigned permille);

/* Durations in buckets that end at `us` or before. */
uint64_t histogram_at_most(const struct histogram *histogram, int64_t us);

#endif
