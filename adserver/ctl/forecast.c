/*
 * adctl forecast: the log of requests is replayed twice, with the catalog as it is and with a
 * campaign in it. Nothing is written.
 */
#include "ctl/command.h"

#include "base/clock.h"
#include "ctl/forecast_print.h"
#include "ctl/input.h"

#define DAYS_PRESET 7
/* Decisions of one side; more draws of each request would take longer than they are worth. */
#define DECISIONS 4000000
#define SEED      20260105 /* the same question gets the same answer */

static enum tool_result read_days(struct tool *tool, const struct call *call, int *ret)
{
    const char *text = call_value(call, FLAG_DAYS);
    uint64_t days = DAYS_PRESET;
    if (text && (!slice_to_u64(slice_cstr(text), FORECAST_DAYS_MAX, &days) || days == 0)) {
        (void)tool_refuse(tool, "--days", "\"%s\" is no number of days; allowed: 1 to %d",
                          err_quote(slice_cstr(text)), FORECAST_DAYS_MAX);
        return TOOL_USAGE;
    }
    *ret = (int)days;
    return TOOL_DONE;
}

/* One campaign with its creatives, and nothing else. */
static bool read_campaign(struct tool *tool, const char *path, struct document *ret)
{
    unsigned campaigns = 0, slots = 0;
    if (!input_read_document(tool, path, ret))
        return false;
    for (unsigned i = 0; i < ret->count; i++) {
        campaigns += ret->entries[i].kind == RECORD_CAMPAIGN;
        slots += ret->entries[i].kind == RECORD_SLOT;
    }
    if (slots > 0)
        (void)tool_refuse(tool, "slots", "a forecast is for the slots there are; allowed: none");
    if (campaigns != 1)
        (void)tool_refuse(tool, "campaigns", "there are %u; allowed: one", campaigns);
    return slots == 0 && campaigns == 1;
}

/* Where a logged request stands for many, it is decided several times. */
static unsigned draws_of(const struct forecast_window *window)
{
    unsigned draws = replay_draws(window->requests / window->records);
    while (draws > 1 && draws * window->records > DECISIONS)
        draws--;
    return draws;
}

static struct replay *begin_replay(const struct forecast *forecast, unsigned side,
                                   bool serve_anonymous)
{
    const struct forecast_site *site = &forecast->site;
    return replay_new(&(struct replay_config){
        .catalog = site->catalogs[side],
        .campaigns = site->campaigns[side],
        .campaign_count = site->campaign_count,
        .slot_count = site->slot_count,
        .subject = side == FORECAST_AFTER ? site->subject : 0,
        .shape = &forecast->window.shape,
        .begin_us = forecast->window.begin_ms * US_PER_MS,
        .seed = SEED,
        .draws = draws_of(&forecast->window),
        .scaled = replay_scale_is_scaled(forecast->window.scale),
        .serve_anonymous = serve_anonymous,
        .impressions_ppm = SAMPLE_ALL_PPM,
    });
}

static void replay_both(const struct logged_request *request, uint64_t weight, void *arg)
{
    struct forecast *forecast = arg;
    for (unsigned side = 0; side < FORECAST_SIDES; side++)
        replay_request(forecast->replays[side], request, weight);
}

static void note_clicks(struct tool *tool, const struct forecast *forecast)
{
    const struct campaign *campaign =
        forecast->site.campaigns[FORECAST_AFTER][forecast->site.subject];
    bool has_budget = campaign->budget_micro > 0 || campaign->daily_budget_micro > 0;
    if (campaign->goal_clicks > 0 || (campaign->cpc_micro > 0 && has_budget))
        tool_warn(tool, "campaigns[0]",
                  "clicks are not forecast: they reach no goal and cost "
                  "nothing here");
}

static void note_faults(struct tool *tool, const struct forecast *forecast)
{
    if (forecast->site.left_out > 0)
        tool_warn(tool, "catalog", "entries with mistakes are left out: %u (adctl validate)",
                  forecast->site.left_out);
    note_clicks(tool, forecast);
    if (forecast->window.unreadable > 0)
        tool_warn(tool, "log", "requests that can't be read are left out: %llu",
                  (unsigned long long)forecast->window.unreadable);
    if (replay_scale_gaps(forecast->window.scale) > 0)
        tool_warn(tool, "log", "hours of which nothing was logged are left out: %u",
                  replay_scale_gaps(forecast->window.scale));
}

static bool run(struct tool *tool, const struct document *document, int days, bool json,
                struct forecast *forecast)
{
    bool anonymous = tool->options->viewer_anonymous == 1;
    struct forecast_window *window = &forecast->window;
    if (!forecast_log_measure(tool, days, window) ||
        !forecast_site_build(tool, document, window->begin_ms * US_PER_MS,
                             window->end_ms * US_PER_MS, &forecast->site))
        return false;
    for (unsigned side = 0; side < FORECAST_SIDES; side++)
        forecast->replays[side] = begin_replay(forecast, side, anonymous);
    if (!forecast_log_walk(tool, window, replay_both, forecast))
        return false;
    note_faults(tool, forecast);
    if (json)
        forecast_print_json(tool, forecast);
    else
        forecast_print_text(tool, forecast);
    return true;
}

enum tool_result command_forecast(struct tool *tool, const struct call *call)
{
    struct document document;
    struct forecast forecast = {.replays = {NULL}};
    int days;
    enum tool_result result = read_days(tool, call, &days);
    if (result != TOOL_DONE)
        return result;
    bool good = read_campaign(tool, call->args[0], &document) &&
                run(tool, &document, days, call->flags & FLAG_JSON, &forecast);
    for (unsigned side = 0; side < FORECAST_SIDES; side++)
        replay_free(forecast.replays[side]);
    forecast_site_release(&forecast.site);
    forecast_log_release(&forecast.window);
    return good && tool->mistakes.count == 0 ? TOOL_DONE : TOOL_REFUSED;
}
