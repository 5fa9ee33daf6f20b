/*
 * replay_scale: how many requests each one in the log stands for, where it is known how many there
 * were.
 *
 * By its sample alone a logged request stands for the inverse of its rate, which is right on
 * average: a sample may happen to hold more or less than that, and a log that dropped records holds
 * less. Servers count all ad requests by hour (store/traffic.h), so the log is scaled to these:
 *
 *   1. Hours that are whole, counted and logged are taken one behind the other until they hold
 *      SCALE_RECORDS_MIN logged requests; fewer would make some of them stand for too many.
 *   2. What such a stretch has logged stands for what was counted in it.
 *   3. All other hours (the first and the last, which are hardly whole; those not counted) are
 *      scaled as the stretches are together, or not at all where there is none.
 *
 * An hour of which nothing was logged though much should have been is a gap: nothing can stand for
 * it, and it is left out.
 */
#ifndef DECISION_REPLAY_SCALE_H
#define DECISION_REPLAY_SCALE_H

#include <stdbool.h>

#include "decision/logged_request.h"
#include "decision/traffic_shape.h"

#define SCALE_RECORDS_MIN 400
#define SCALE_GAP_MIN     20 /* logged requests that an hour ought to have */

struct replay_scale;
struct replay_kinds;

/* For requests of `hours` hours from `first_hour` (since 1970) on; others are not scaled. */
struct replay_scale *replay_scale_new(int64_t first_hour, unsigned hours);
void replay_scale_free(struct replay_scale *scale);

/* First each request of the log … */
void replay_scale_log(struct replay_scale *scale, const struct logged_request *request);

/* … then what was counted, and each hour once. */
void replay_scale_count(struct replay_scale *scale, const struct traffic_count *counts,
                        size_t count);

/* By kind, too, where that is known; `kinds` must outlive it. */
void replay_scale_by_kind(struct replay_scale *scale, const struct replay_kinds *kinds);

/* How many requests, in thousandths, a logged one stands for. */
uint64_t replay_scale_weight(const struct replay_scale *scale,
                             const struct logged_request *request);

/* Of all that were logged together. */
uint64_t replay_scale_requests(const struct replay_scale *scale);

/* Whether counts were of use. */
bool replay_scale_is_scaled(const struct replay_scale *scale);

/* Hours that were left out as gaps. */
unsigned replay_scale_gaps(const struct replay_scale *scale);

/* Requests by hour as far as they are known: counted ones, or what the log stands for; `ret` has
 * room for all hours. The first and the last hour of the log are left out. Returns how many. */
size_t replay_scale_hours(const struct replay_scale *scale, struct traffic_count *ret);

#endif
