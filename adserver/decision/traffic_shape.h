/*
 * traffic_shape: how a site's ad requests spread over the 168 hours of a week (UTC), learnt from
 * what was counted in the weeks before.
 *
 * A shape is a weight for each hour of the week and their running sums, so that the traffic
 * expected between any two moments costs the same few additions, however far apart they are. Only
 * proportions matter: weights are fixed-point numbers around TRAFFIC_WEIGHT_MEAN, never 0. A shape
 * is a plain value of about 1.3 KiB; learning one again makes another.
 *
 * How a weight is learnt, so that one odd hour ruins nothing:
 *
 *   1. An hour of the week that was seen in three weeks or more weighs the median of those weeks.
 *   2. One that was seen in fewer weighs their mean, but at most TRAFFIC_BURST times the median of
 *      the same hour of the day over the days of the week.
 *   3. One that was never seen weighs what the same hour of the other days weighs on average, or,
 *      where that was not seen either, what all hours seen weigh on average.
 *   4. No hour weighs less than TRAFFIC_WEIGHT_MIN, so that a plan made of the shape never stands
 *      still. Where nothing is known, or all that was seen is 0, the shape is flat.
 */
#ifndef DECISION_TRAFFIC_SHAPE_H
#define DECISION_TRAFFIC_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#define TRAFFIC_HOURS       168 /* of a week; hour 0 is Monday 00:00 to 01:00 UTC */
#define TRAFFIC_WEEKS_MAX   8   /* weeks that are learnt from, back from the newest hour counted */
#define TRAFFIC_WEIGHT_MEAN 65536
#define TRAFFIC_WEIGHT_MIN  (TRAFFIC_WEIGHT_MEAN / 50)
#define TRAFFIC_BURST       3 /* times the usual: more in an hour that was seen once or twice is cut */
#define TRAFFIC_COUNT_MAX   UINT64_C(1000000000000) /* requests of one hour; more count as that */

struct traffic_shape {
    uint32_t weight[TRAFFIC_HOURS];
    uint32_t
        before[TRAFFIC_HOURS + 1]; /* sum of the weights of all hours before; the week's last */
};

struct traffic_count {
    int64_t hour;      /* since 1970-01-01 00:00 UTC */
    uint64_t requests; /* 0 is a count too: an hour that is not listed was not seen */
};

/* Every hour alike. */
void traffic_shape_flat(struct traffic_shape *ret);

/*
 * From counts in any order; an hour that is listed several times is added up. Hours more than
 * TRAFFIC_WEEKS_MAX weeks before the newest one are left out. List whole hours only: the one that
 * is running would pass for a quiet one.
 */
void traffic_shape_learn(const struct traffic_count *counts, size_t count,
                         struct traffic_shape *ret);

/* Which hour of the week that hour since 1970 is. */
unsigned traffic_hour_of_week(int64_t hour);

/*
 * The traffic expected in [from_us, to_us), in weight times microseconds; from_us <= to_us, and any
 * two moments will do.
 */
unsigned __int128 traffic_shape_between(const struct traffic_shape *shape, int64_t from_us,
                                        int64_t to_us);

#endif
