#include "decision/traffic_shape.h"

#include <stdbool.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"

#define HOUR_US      (INT64_C(3600) * US_PER_SECOND)
#define DAY_HOURS    24
#define WEEK_DAYS    7
#define EPOCH_HOUR   (INT64_C(3) * DAY_HOURS) /* 1970-01-01 00:00 was a Thursday */
#define CERTAIN_FROM 3                        /* weeks from which on the median tells */

/* What was counted in each hour of the week, by how many weeks before the newest it was. */
struct history {
    uint64_t requests[TRAFFIC_HOURS][TRAFFIC_WEEKS_MAX];
    bool seen[TRAFFIC_HOURS][TRAFFIC_WEEKS_MAX];
};

/* Twice the requests usual in each hour of the week: a median of two stays a whole number so. */
struct levels {
    uint64_t level[TRAFFIC_HOURS];
    unsigned weeks[TRAFFIC_HOURS]; /* that it was seen in */
};

/* A few numbers, kept sorted. */
struct sample {
    uint64_t number[TRAFFIC_WEEKS_MAX];
    unsigned count;
};

static void sample_add(struct sample *sample, uint64_t number)
{
    unsigned at = sample->count++;
    CHECK(at < TRAFFIC_WEEKS_MAX);
    for (; at > 0 && sample->number[at - 1] > number; at--)
        sample->number[at] = sample->number[at - 1];
    sample->number[at] = number;
}

static uint64_t sample_twice_median(const struct sample *sample)
{
    return sample->number[(sample->count - 1) / 2] + sample->number[sample->count / 2];
}

static uint64_t sample_twice_mean(const struct sample *sample)
{
    uint64_t sum = 0;
    CHECK(sample->count > 0);
    for (unsigned i = 0; i < sample->count; i++)
        sum += sample->number[i];
    return 2 * sum / sample->count;
}

unsigned traffic_hour_of_week(int64_t hour)
{
    int64_t of_week = (hour % TRAFFIC_HOURS + EPOCH_HOUR) % TRAFFIC_HOURS;
    return (unsigned)(of_week < 0 ? of_week + TRAFFIC_HOURS : of_week);
}

static int64_t newest_hour(const struct traffic_count *counts, size_t count)
{
    int64_t newest = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        if (counts[i].hour > newest)
            newest = counts[i].hour;
    }
    return newest;
}

static void collect(const struct traffic_count *counts, size_t count, struct history *ret)
{
    int64_t newest = newest_hour(counts, count);
    *ret = (struct history){0};
    for (size_t i = 0; i < count; i++) {
        uint64_t weeks_ago = ((uint64_t)newest - (uint64_t)counts[i].hour) / TRAFFIC_HOURS;
        if (weeks_ago >= TRAFFIC_WEEKS_MAX)
            continue;
        unsigned hour = traffic_hour_of_week(counts[i].hour);
        uint64_t *requests = &ret->requests[hour][weeks_ago];
        uint64_t room = TRAFFIC_COUNT_MAX - *requests;
        *requests += counts[i].requests < room ? counts[i].requests : room;
        ret->seen[hour][weeks_ago] = true;
    }
}

/* The first step, and the mean of the second; see the header. */
static void average_weeks(const struct history *history, struct levels *ret)
{
    for (unsigned hour = 0; hour < TRAFFIC_HOURS; hour++) {
        struct sample sample = {.count = 0};
        for (unsigned week = 0; week < TRAFFIC_WEEKS_MAX; week++) {
            if (history->seen[hour][week])
                sample_add(&sample, history->requests[hour][week]);
        }
        ret->weeks[hour] = sample.count;
        ret->level[hour] = 0;
        if (sample.count > 0)
            ret->level[hour] = sample.count >= CERTAIN_FROM ? sample_twice_median(&sample)
                                                            : sample_twice_mean(&sample);
    }
}

/* The rest of the second step: all days' levels of one hour of the day. */
static void cut_bursts(struct levels *levels, unsigned hour_of_day)
{
    struct sample days = {.count = 0};
    for (unsigned hour = hour_of_day; hour < TRAFFIC_HOURS; hour += DAY_HOURS) {
        if (levels->weeks[hour] > 0)
            sample_add(&days, levels->level[hour]);
    }
    if (days.count == 0)
        return;
    uint64_t most = sample_twice_median(&days) * TRAFFIC_BURST / 2;
    for (unsigned hour = hour_of_day; hour < TRAFFIC_HOURS; hour += DAY_HOURS) {
        if (levels->weeks[hour] < CERTAIN_FROM && levels->level[hour] > most)
            levels->level[hour] = most;
    }
}

/* The mean level of every `step`th hour from `first` on, of those that were seen; false: of none.
 */
static bool mean_level(const struct levels *levels, unsigned first, unsigned step, uint64_t *ret)
{
    uint64_t sum = 0, seen = 0;
    for (unsigned hour = first; hour < TRAFFIC_HOURS; hour += step) {
        sum += levels->level[hour]; /* 0 where it was not seen */
        seen += levels->weeks[hour] > 0;
    }
    if (seen > 0)
        *ret = sum / seen;
    return seen > 0;
}

static void fill_unseen(struct levels *levels)
{
    uint64_t all_day = 0, of_day[DAY_HOURS];
    (void)mean_level(levels, 0, 1, &all_day);
    for (unsigned hour = 0; hour < DAY_HOURS; hour++) {
        of_day[hour] = all_day;
        (void)mean_level(levels, hour, DAY_HOURS, &of_day[hour]);
    }
    for (unsigned hour = 0; hour < TRAFFIC_HOURS; hour++) {
        if (levels->weeks[hour] == 0)
            levels->level[hour] = of_day[hour % DAY_HOURS];
    }
}

static void add_up(struct traffic_shape *shape)
{
    shape->before[0] = 0;
    for (unsigned hour = 0; hour < TRAFFIC_HOURS; hour++)
        shape->before[hour + 1] = shape->before[hour] + shape->weight[hour];
}

void traffic_shape_flat(struct traffic_shape *ret)
{
    for (unsigned hour = 0; hour < TRAFFIC_HOURS; hour++)
        ret->weight[hour] = TRAFFIC_WEIGHT_MEAN;
    add_up(ret);
}

static void weigh(const struct levels *levels, struct traffic_shape *ret)
{
    uint64_t sum = 0;
    for (unsigned hour = 0; hour < TRAFFIC_HOURS; hour++)
        sum += levels->level[hour];
    if (sum == 0) {
        traffic_shape_flat(ret);
        return;
    }
    for (unsigned hour = 0; hour < TRAFFIC_HOURS; hour++) {
        uint64_t weight = (uint64_t)((unsigned __int128)levels->level[hour] * TRAFFIC_HOURS *
                                     TRAFFIC_WEIGHT_MEAN / sum);
        ret->weight[hour] = weight < TRAFFIC_WEIGHT_MIN ? TRAFFIC_WEIGHT_MIN : (uint32_t)weight;
    }
    add_up(ret);
}

void traffic_shape_learn(const struct traffic_count *counts, size_t count,
                         struct traffic_shape *ret)
{
    struct history history;
    struct levels levels;
    collect(counts, count, &history);
    average_weeks(&history, &levels);
    for (unsigned hour = 0; hour < DAY_HOURS; hour++)
        cut_bursts(&levels, hour);
    fill_unseen(&levels);
    weigh(&levels, ret);
}

/* The traffic from the beginning of the week of 1970-01-01 to `us`; negative before. */
static __int128 traffic_until(const struct traffic_shape *shape, int64_t us)
{
    int64_t in_hour = us % HOUR_US;
    int64_t hour = us / HOUR_US;
    if (in_hour < 0) {
        in_hour += HOUR_US;
        hour--;
    }
    unsigned of_week = traffic_hour_of_week(hour);
    __int128 week = (hour + EPOCH_HOUR - of_week) / TRAFFIC_HOURS;
    __int128 whole_hours = week * shape->before[TRAFFIC_HOURS] + shape->before[of_week];
    return whole_hours * HOUR_US + (__int128)shape->weight[of_week] * in_hour;
}

unsigned __int128 traffic_shape_between(const struct traffic_shape *shape, int64_t from_us,
                                        int64_t to_us)
{
    CHECK(from_us <= to_us);
    return (unsigned __int128)(traffic_until(shape, to_us) - traffic_until(shape, from_us));
}
