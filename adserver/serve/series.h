/*
 * series: what is counted of each slot and each campaign (rows of base/metrics' series).
 */
#ifndef SERVE_SERIES_H
#define SERVE_SERIES_H

#include "decision/reasons.h"

#define SERIES_SLOT     's' /* kinds of rows */
#define SERIES_CAMPAIGN 'c'
#define SERIES_ROWS_MAX 131072

/* Counters of a row; a slot's and a campaign's share the places. */
enum series_counter {
    SERIES_SLOT_REQUESTS = 0,
    SERIES_SLOT_FILLED = 1,
    SERIES_CAMPAIGN_SERVES = 0,
    SERIES_CAMPAIGN_IMPRESSIONS = 1,
    SERIES_CAMPAIGN_VIEWABLES = 2,
    SERIES_CAMPAIGN_CLICKS = 3,
    SERIES_REASONS = 4, /* + enum reason: unfilled of a slot, rejected of a campaign */
    SERIES_COUNTERS = SERIES_REASONS + REASON_COUNT,
};

#endif
