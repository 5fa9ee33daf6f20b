#include "decision/report_sums.h"

#include <stdlib.h>

#include "base/check.h"

void report_sums_init(struct report_sums *sums, uint32_t places)
{
    *sums = (struct report_sums){.places = places, .from = UINT32_MAX};
}

void report_sums_release(struct report_sums *sums)
{
    for (unsigned metric = 0; metric < REPORT_METRICS_MAX; metric++) {
        free(sums->noted[metric]);
        free(sums->kept[metric]);
    }
}

report_sum *report_sums_of(struct report_sums *sums, unsigned metric)
{
    CHECK(metric < REPORT_METRICS_MAX);
    if (!sums->noted[metric]) {
        sums->noted[metric] = check_calloc(sums->places, sizeof(report_sum));
        sums->kept[metric] = check_calloc(sums->places, sizeof(report_sum));
    }
    return sums->noted[metric];
}

void report_sums_touch(struct report_sums *sums, uint32_t from, uint32_t until)
{
    if (from < sums->from)
        sums->from = from;
    if (until > sums->until)
        sums->until = until;
}

static void clear_touched(struct report_sums *sums)
{
    sums->from = UINT32_MAX;
    sums->until = 0;
}

/* Leaves zeros behind, in the same pass: columns of a year are larger than what is near. */
static void move_column(report_sum *kept, report_sum *noted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kept[i] += noted[i];
        noted[i] = 0;
    }
}

void report_sums_keep(struct report_sums *sums)
{
    for (unsigned metric = 0; metric < REPORT_METRICS_MAX && sums->from < sums->until; metric++) {
        if (sums->noted[metric])
            move_column(sums->kept[metric] + sums->from, sums->noted[metric] + sums->from,
                        sums->until - sums->from);
    }
    clear_touched(sums);
}

void report_sums_drop(struct report_sums *sums)
{
    for (unsigned metric = 0; metric < REPORT_METRICS_MAX && sums->from < sums->until; metric++) {
        if (sums->noted[metric])
            memset(sums->noted[metric] + sums->from, 0,
                   (sums->until - sums->from) * sizeof(report_sum));
    }
    clear_touched(sums);
}

/* The last metric first, so that a row gets its room at once. */
void report_sums_give(struct report_sums *sums, struct report_rows *rows)
{
    for (unsigned metric = REPORT_METRICS_MAX; metric-- > 0;) {
        report_sum *kept = sums->kept[metric];
        for (uint32_t at = 0; kept && at + 1 < sums->places; at++)
            report_rows_add(rows, at, metric, kept[at]);
        free(kept);
        free(sums->noted[metric]);
        sums->kept[metric] = sums->noted[metric] = NULL;
    }
}
