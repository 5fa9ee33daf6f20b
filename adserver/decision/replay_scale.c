#include "decision/replay_scale.h"

#include <stdlib.h>

#include "base/check.h"
#include "decision/replay.h"
#include "decision/replay_kinds.h"

#define HOUR_MS INT64_C(3600000)

struct hour {
    uint64_t records;
    uint64_t weight;  /* of these, by the sample */
    uint64_t counted; /* thousandths of requests */
    bool is_counted;
    double factor; /* what their weight is multiplied by; 0: `other` */
};

struct replay_scale {
    int64_t first_hour;
    unsigned count, first, last; /* the log's first and last hour with a request */
    unsigned gaps;
    bool scaled;
    double other;
    struct hour *hours;
    const struct replay_kinds *kinds; /* NULL: not by kind */
};

/* Hours one behind the other that are scaled alike. */
struct stretch {
    unsigned begin, end;
    uint64_t records;
    double weight, counted;
};

struct replay_scale *replay_scale_new(int64_t first_hour, unsigned hours)
{
    struct replay_scale *scale = check_calloc(1, sizeof *scale);
    scale->first_hour = first_hour;
    scale->count = scale->first = hours;
    scale->other = 1;
    scale->hours = check_calloc(hours, sizeof *scale->hours);
    return scale;
}

void replay_scale_free(struct replay_scale *scale)
{
    if (!scale)
        return;
    free(scale->hours);
    free(scale);
}

/* Its place in `hours`, or `count`. */
static unsigned place_of(const struct replay_scale *scale, int64_t hour)
{
    int64_t at = hour - scale->first_hour;
    return at >= 0 && at < (int64_t)scale->count ? (unsigned)at : scale->count;
}

void replay_scale_log(struct replay_scale *scale, const struct logged_request *request)
{
    unsigned at = place_of(scale, request->at_ms / HOUR_MS);
    if (at == scale->count)
        return;
    scale->hours[at].records++;
    scale->hours[at].weight += replay_weight(request);
    scale->first = at < scale->first ? at : scale->first;
    scale->last = at > scale->last ? at : scale->last;
}

/* ---- Stretches ------------------------------------------------------------------------------- */

static void note_counts(struct replay_scale *scale, const struct traffic_count *counts,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned at = place_of(scale, counts[i].hour);
        if (at <= scale->first || at >= scale->last)
            continue;
        scale->hours[at].counted = counts[i].requests * REPLAY_ONE;
        scale->hours[at].is_counted = true;
    }
}

/* Logged records for each thousandth of a request counted. */
static double rate_of(const struct replay_scale *scale)
{
    double records = 0, counted = 0;
    for (unsigned i = 0; i < scale->count; i++) {
        const struct hour *hour = &scale->hours[i];
        if (!hour->is_counted || hour->records == 0)
            continue;
        records += (double)hour->records;
        counted += (double)hour->counted;
    }
    return counted > 0 ? records / counted : 0;
}

static void drop_gaps(struct replay_scale *scale)
{
    double rate = rate_of(scale);
    for (unsigned i = 0; i < scale->count; i++) {
        struct hour *hour = &scale->hours[i];
        if (!hour->is_counted || hour->records > 0 || (double)hour->counted * rate < SCALE_GAP_MIN)
            continue;
        hour->is_counted = false;
        scale->gaps++;
    }
}

static void add_hour(struct stretch *stretch, const struct hour *hour, unsigned at)
{
    stretch->records += hour->records;
    stretch->weight += (double)hour->weight;
    stretch->counted += (double)hour->counted;
    stretch->end = at + 1;
}

static void close_stretch(struct replay_scale *scale, const struct stretch *stretch)
{
    for (unsigned i = stretch->begin; i < stretch->end; i++) {
        if (scale->hours[i].is_counted)
            scale->hours[i].factor = stretch->counted / stretch->weight;
    }
}

/* The hours that are left at the end are too few for a stretch: they lengthen the one before. */
static struct stretch lengthened(struct stretch before, const struct stretch *rest)
{
    before.records += rest->records;
    before.weight += rest->weight;
    before.counted += rest->counted;
    before.end = rest->end;
    return before;
}

void replay_scale_count(struct replay_scale *scale, const struct traffic_count *counts,
                        size_t count)
{
    struct stretch all = {0}, last = {0}, now = {0};
    note_counts(scale, counts, count);
    drop_gaps(scale);
    for (unsigned i = 0; i < scale->count; i++) {
        if (!scale->hours[i].is_counted)
            continue;
        add_hour(&all, &scale->hours[i], i);
        add_hour(&now, &scale->hours[i], i);
        if (now.records < SCALE_RECORDS_MIN)
            continue;
        close_stretch(scale, &now);
        last = now;
        now = (struct stretch){.begin = i + 1};
    }
    if (now.end > 0) {
        now = last.records > 0 ? lengthened(last, &now) : now;
        if (now.records > 0)
            close_stretch(scale, &now);
    }
    scale->scaled = all.records > 0 && all.counted > 0;
    if (scale->scaled)
        scale->other = all.counted / all.weight;
}

/* ---- Use ------------------------------------------------------------------------------------- */

static double factor_of(const struct replay_scale *scale, unsigned at)
{
    double factor = at < scale->count ? scale->hours[at].factor : 0;
    return factor > 0 ? factor : scale->other;
}

uint64_t replay_scale_weight(const struct replay_scale *scale, const struct logged_request *request)
{
    unsigned at = place_of(scale, request->at_ms / HOUR_MS);
    double kind = scale->kinds ? replay_kinds_factor(scale->kinds, request) : 1;
    return (uint64_t)((double)replay_weight(request) * factor_of(scale, at) * kind + 0.5);
}

void replay_scale_by_kind(struct replay_scale *scale, const struct replay_kinds *kinds)
{
    scale->kinds = kinds;
}

uint64_t replay_scale_requests(const struct replay_scale *scale)
{
    double sum = 0;
    for (unsigned at = 0; at < scale->count; at++)
        sum += (double)scale->hours[at].weight * factor_of(scale, at);
    return (uint64_t)(sum + 0.5);
}

bool replay_scale_is_scaled(const struct replay_scale *scale)
{
    return scale->scaled;
}

unsigned replay_scale_gaps(const struct replay_scale *scale)
{
    return scale->gaps;
}

size_t replay_scale_hours(const struct replay_scale *scale, struct traffic_count *ret)
{
    size_t count = 0;
    for (unsigned at = scale->first + 1; at < scale->last; at++) {
        const struct hour *hour = &scale->hours[at];
        double requests =
            hour->is_counted ? (double)hour->counted : (double)hour->weight * scale->other;
        ret[count++] =
            (struct traffic_count){scale->first_hour + at, (uint64_t)(requests / REPLAY_ONE)};
    }
    return count;
}
