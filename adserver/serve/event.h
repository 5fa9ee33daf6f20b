/*
 * event: impressions, viewable impressions and clicks, reported through signed addresses.
 *
 * A beacon is answered 204 once its count stands in Redis or, while that takes none, the event in
 * the spool; and 503 when neither is to be had (it is counted as failed; the tag tries again). A
 * click is redirected whatever becomes of its count. What is not a person's, or late, is counted
 * apart under its reason. Nothing in the request but the token chooses where a click goes.
 */
#ifndef SERVE_EVENT_H
#define SERVE_EVENT_H

#include "http/exchange.h"
#include "serve/service.h"

http_handler event_handle_impression; /* /v1/i/TOKEN and /v1/i/TOKEN.gif */
http_handler event_handle_viewable;   /* /v1/v/TOKEN */
http_handler event_handle_click;      /* /v1/c/TOKEN */
http_handler event_handle_conversion; /* /v1/x/CLICK_ID and /v1/x/CLICK_ID.gif */

/* For the ledger: what became of an event that one of these recorded, for /stats. */
ledger_fn event_note_result;

#endif
