/*
 * event_outcome: what the ledger asks and tells about events, for serve/event.c and the worker.
 */
#ifndef SERVE_EVENT_OUTCOME_H
#define SERVE_EVENT_OUTCOME_H

#include "serve/service.h"

/* Counts for /stats what became of an event; `series` is its campaign's row. */
void event_outcome_count(struct metrics *metrics, unsigned series, enum event_kind kind,
                         enum event_filter filter, enum ledger_result result);

/* For the ledger, with the service as their context: by which prices and bounds an event is
 * counted, and what became of one that had been spooled. */
ledger_goal_fn event_outcome_goal;
ledger_knows_goals_fn event_outcome_knows_goals; /* the catalog has been read from Redis */
ledger_replayed_fn event_outcome_replayed;
ledger_waiting_fn event_outcome_waiting; /* in a spool of this server, whichever worker's */

#endif
