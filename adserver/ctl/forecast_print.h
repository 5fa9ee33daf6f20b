/*
 * forecast_print: what a forecast says, for people and as JSON.
 */
#ifndef CTL_FORECAST_PRINT_H
#define CTL_FORECAST_PRINT_H

#include "ctl/forecast_log.h"
#include "ctl/forecast_site.h"
#include "decision/replay.h"

#define FORECAST_CAMPAIGNS_SHOWN 20 /* in the table of those taken from; JSON has all */

struct forecast {
    struct forecast_window window;
    struct forecast_site site;
    struct replay *replays[FORECAST_SIDES];
};

void forecast_print_text(struct tool *tool, const struct forecast *forecast);
void forecast_print_json(struct tool *tool, const struct forecast *forecast);

#endif
