/*
 * goal_terms: what a campaign's bounds and prices are to the scripts that keep them (lease.lua,
 * event.lua): their arguments, and the window of time that a serve belongs to.
 *
 * Serves are reserved for a window: a slice of wall time, GOAL_WINDOWS of which make the time that
 * a reservation is held (fewer where that is short), on one day in the campaign's zone. The window
 * of a serve follows from the time its token was issued, so that its impression finds its
 * reservation.
 */
#ifndef STORE_GOAL_TERMS_H
#define STORE_GOAL_TERMS_H

#include "decision/model.h"
#include "decision/traffic_shape.h"

#define GOAL_WINDOWS 12
/* In shorter windows a busy machine would never be in time. */
#define GOAL_WINDOW_MIN_US INT64_C(500000)

#define GOAL_TERMS      7 /* arguments: cpm, cpc, and the five bounds */
#define GOAL_PLAN_TERMS 5 /* arguments: how far each bound may have come by the pacing */
#define GOAL_NUMBER_MAX 24
#define GOAL_WINDOW_MAX 40

struct goal_window {
    int64_t end_us; /* wall time */
    int32_t date;   /* of the day in the campaign's zone, 20260329 */
};

/* How long windows are, `hold_us` being how long reservations are held. */
int64_t goal_window_us(int64_t hold_us);

/* The window of a serve at that moment. */
struct goal_window goal_window_at(const struct zone *zone, int64_t hold_us, int64_t at_us);

bool goal_window_eq(struct goal_window a, struct goal_window b);

/* "<end, ms>:<date>", NUL-terminated; and the part of it behind the colon. */
struct slice goal_window_name(struct goal_window window, char ret[GOAL_WINDOW_MAX]);
struct slice goal_window_date(struct slice name);

/* Whether serves of it are counted against a bound. */
bool goal_binds(const struct campaign *campaign);
/* Whether its events cost something. */
bool goal_is_priced(const struct campaign *campaign);

/* The arguments; the slices point into `buffers`. Of a campaign NULL: of one without any. */
void goal_terms(const struct campaign *campaign, char buffers[GOAL_TERMS][GOAL_NUMBER_MAX],
                struct slice ret[GOAL_TERMS]);
void goal_plan_terms(const struct campaign *campaign, const struct traffic_shape *shape,
                     int64_t now_us, char buffers[GOAL_PLAN_TERMS][GOAL_NUMBER_MAX],
                     struct slice ret[GOAL_PLAN_TERMS]);

#endif
