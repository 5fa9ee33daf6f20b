/*
 * api_explain: GET /api/v1/explain, decision/explain.h for the parameters of /v1/ads and ua, ip,
 * lang, at, campaign.
 *
 * An explanation of a large catalog takes longer than one answer may: it is made in slices of
 * API_EXPLAIN_SLICE_US, one a turn of the loop, with other requests between them. Where the catalog
 * changes meanwhile it begins again, at most API_EXPLAIN_TRIES times. It only reads.
 */
#ifndef SERVE_API_EXPLAIN_H
#define SERVE_API_EXPLAIN_H

#include "http/exchange.h"
#include "serve/service.h"

#define API_EXPLAIN_SLICE_US   1000
#define API_EXPLAIN_TRIES      5
#define API_EXPLAIN_AT_ONCE    4 /* of one worker; more are answered 503 */
#define API_EXPLAIN_REDIS_MS   2000
#define API_EXPLAIN_ANSWER_MAX (64 * 1024 * 1024)

/* The context is the service. */
http_handler api_explain_handle;

#endif
