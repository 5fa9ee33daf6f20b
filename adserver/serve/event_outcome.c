#include "serve/event_outcome.h"

#include "base/clock.h"
#include "serve/series.h"

static void count_first(struct metrics *metrics, unsigned series, enum event_kind kind,
                        bool implied)
{
    static const enum series_counter counters[] = {
        [EVENT_IMPRESSION] = SERIES_CAMPAIGN_IMPRESSIONS,
        [EVENT_VIEWABLE] = SERIES_CAMPAIGN_VIEWABLES,
        [EVENT_CLICK] = SERIES_CAMPAIGN_CLICKS,
        [EVENT_CONVERSION] = SERIES_CAMPAIGN_CONVERSIONS,
    };
    metrics_add(metrics, COUNTER_EVENT_COUNTED, implied ? 2 : 1);
    metrics_series_add(metrics, series, counters[kind], 1);
    if (implied)
        metrics_series_add(metrics, series, SERIES_CAMPAIGN_IMPRESSIONS, 1);
}

void event_outcome_count(struct metrics *metrics, unsigned series, enum event_kind kind,
                         enum event_filter filter, enum ledger_result result)
{
    switch (result) {
    case LEDGER_COUNTED:
        count_first(metrics, series, kind, false);
        break;
    case LEDGER_COUNTED_IMPLIED:
        count_first(metrics, series, kind, true);
        break;
    case LEDGER_DUPLICATE:
        metrics_add(metrics, COUNTER_EVENT_DUPLICATE, 1);
        break;
    case LEDGER_FILTERED:
        metrics_add(metrics, event_filter_rows[filter].counter, 1);
        break;
    case LEDGER_NO_IMPRESSION:
        metrics_add(metrics, event_filter_rows[EVENT_IS_NO_IMPRESSION].counter, 1);
        break;
    case LEDGER_NO_CLICK:
        metrics_add(metrics, event_filter_rows[EVENT_IS_NO_CLICK].counter, 1);
        break;
    case LEDGER_LATE:
        metrics_add(metrics, event_filter_rows[EVENT_IS_LATE].counter, 1);
        break;
    case LEDGER_EXCESS:
        metrics_add(metrics, event_filter_rows[EVENT_IS_EXCESS].counter, 1);
        break;
    case LEDGER_OVER_GOAL_IMPLIED:
        count_first(metrics, series, EVENT_IMPRESSION, false);
        metrics_add(metrics, COUNTER_EVENT_OVER_GOAL, 1);
        break;
    case LEDGER_OVER_GOAL:
        metrics_add(metrics, COUNTER_EVENT_OVER_GOAL, 1);
        break;
    case LEDGER_SPOOLED:
        metrics_add(metrics, COUNTER_EVENT_SPOOLED, 1);
        break;
    case LEDGER_FAILED:
        metrics_add(metrics, COUNTER_EVENT_FAILED, 1);
        break;
    }
}

void event_outcome_replayed(const struct ledger_event *event, enum ledger_result result,
                            void *context)
{
    struct service *service = context;
    unsigned series = metrics_series(service->metrics, SERIES_CAMPAIGN, event->campaign);
    event_outcome_count(service->metrics, series, event->kind, event->filter, result);
}

bool event_outcome_goal(const struct ledger_event *event, struct event_goal *ret, void *context)
{
    const struct service *service = context;
    const struct catalog *catalog = catalog_store_current(service->catalog);
    const struct campaign *campaign =
        catalog ? catalog_find_campaign(catalog, event->campaign) : NULL;
    int64_t hold_us = service->options->goals_hold_in_ms * US_PER_MS;
    if (!campaign || (campaign->delivery == 0 && !goal_is_priced(campaign)))
        return false;
    ret->campaign = campaign;
    ret->window = goal_window_at(campaign->zone, hold_us, event->issued_ms * US_PER_MS);
    ret->held_from_us = clock_wall_us(service->clock) - hold_us;
    return true;
}

bool event_outcome_knows_goals(void *context)
{
    const struct service *service = context;
    return catalog_store_is_known(service->catalog);
}

bool event_outcome_waiting(void *context)
{
    const struct service *service = context;
    return metrics_spool(service->metrics).waiting > 0 ||
           clock_mono_us(service->clock) < metrics_spool_left_until(service->metrics);
}
