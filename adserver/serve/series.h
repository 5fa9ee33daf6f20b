/*
 * series: what is counted of each slot, each campaign and each crawler by name (rows of
 * base/metrics' series).
 */
#ifndef SERVE_SERIES_H
#define SERVE_SERIES_H

#include "decision/reasons.h"
#include "store/event_filters.h"

#define SERIES_SLOT     's' /* kinds of rows */
#define SERIES_CAMPAIGN 'c'
#define SERIES_CRAWLER  'b'
#define SERIES_ROWS_MAX 131072

/* Counters of a row; those of a slot, a campaign and a crawler share the places. */
enum series_counter {
    SERIES_SLOT_REQUESTS = 0,
    SERIES_SLOT_FILLED = 1,
    SERIES_CRAWLER_REQUESTS = 0,
    SERIES_CAMPAIGN_SERVES = 0,
    SERIES_CAMPAIGN_IMPRESSIONS = 1,
    SERIES_CAMPAIGN_VIEWABLES = 2,
    SERIES_CAMPAIGN_CLICKS = 3,
    SERIES_CAMPAIGN_CONVERSIONS = 4,
    SERIES_REASONS = 5, /* + enum reason: unfilled of a slot, rejected of a campaign */
    SERIES_FILTERED = SERIES_REASONS + REASON_COUNT,
    /* + enum event_filter: of the fills of a slot those that do not count; a campaign's serves,
       beside SERIES_CAMPAIGN_SERVES */
    SERIES_COUNTERS = SERIES_FILTERED + EVENT_FILTER_COUNT,
};

#endif
