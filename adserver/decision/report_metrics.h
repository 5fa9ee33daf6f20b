/*
 * report_metrics: what campaigns are counted by, and which column of a report each of it has.
 *
 * A count stands in Redis under `<creative>|<slot>|<metric>`. Metrics that a report knows have
 * their columns always, in the order of the table, so that reports can be compared; a metric it
 * does not know is the reason why something was not counted, and gets a column of its own when it
 * is met, as the conversions' value in a currency does. So the list may grow without a new report.
 */
#ifndef DECISION_REPORT_METRICS_H
#define DECISION_REPORT_METRICS_H

#include "base/arena.h"
#include "base/slice.h"

#define REPORT_METRICS_MAX     256 /* columns; beyond them a report is refused */
#define REPORT_METRIC_WORD_MAX 40  /* bytes */

/* Those with columns of their own kind. */
enum report_metric {
    REPORT_SERVES,
    REPORT_IMPRESSIONS,
    REPORT_VIEWABLES,
    REPORT_CLICKS,
    REPORT_CONVERSIONS,
    REPORT_SPEND, /* micro-units */
    REPORT_FIXED,
};

enum report_metric_kind {
    REPORT_KIND_COUNT,  /* one of the above */
    REPORT_KIND_REASON, /* why an event was not counted: "bot" */
    REPORT_KIND_SERVE,  /* why a serve was not counted: "serves_bot" */
    REPORT_KIND_VALUE,  /* conversions' value in micro-units: "value.EUR" */
    REPORT_KIND_PART,   /* counted in another one, too: "conversions_viewed" */
    REPORT_KIND_NONE,   /* kept beside the counts, and none: "spend_rest" */
};
enum report_metric_kind report_metric_kind(struct slice word);

struct report_metrics {
    struct arena *arena; /* of words that are not in the table; must outlive it */
    struct slice words[REPORT_METRICS_MAX];
    unsigned count;
    unsigned order[REPORT_METRICS_MAX]; /* of columns: the table's, then others by word */
};

/* With those that every report has. */
void report_metrics_init(struct report_metrics *metrics, struct arena *arena);

/* Its column, a new one where it has none; -1: there are REPORT_METRICS_MAX already. */
int report_metrics_find(struct report_metrics *metrics, struct slice word);

/* Fills `order`, once all are met. */
void report_metrics_sort(struct report_metrics *metrics);

/* The parts of a field. */
struct report_field {
    struct slice creative, slot, metric;
};
/* False where it is none: an id that none can be, a word that is none. */
bool report_field_parse(struct slice text, struct report_field *ret);

/* A whole number as Redis writes counts: a minus, digits, nothing else, within 64 bits. */
bool report_number_parse(struct slice text, int64_t *ret);

#endif
