/*
 * event_filters: the one table of why an event is not counted (see event_filters.def).
 */
#ifndef STORE_EVENT_FILTERS_H
#define STORE_EVENT_FILTERS_H

#include "base/metrics.h"

enum event_filter {
    EVENT_COUNTS, /* none: it counts if it is the first */
#define EVENT_FILTER(name, word, counter, help) EVENT_IS_##name,
#include "store/event_filters.def"
#undef EVENT_FILTER
    EVENT_FILTER_COUNT
};

struct event_filter_row {
    const char *word;             /* the metric; empty for EVENT_COUNTS */
    enum metrics_counter counter; /* in /stats `events` and in /metrics */
    const char *help;
};
extern const struct event_filter_row event_filter_rows[EVENT_FILTER_COUNT];

#endif
