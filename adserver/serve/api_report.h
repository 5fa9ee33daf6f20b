/*
 * api_report: GET /api/v1/reports, a report (decision/report_query.h) as `adctl report` prints it.
 *
 * A report is made beside the ads: at most API_REPORT_COMMANDS are under way in Redis at a time,
 * the next ones leave in a turn of the loop of their own when half of these are answered, and the
 * answer is written in slices of API_REPORT_SLICE_US. A worker makes API_REPORT_AT_ONCE at a time;
 * more are answered 503. It only reads.
 */
#ifndef SERVE_API_REPORT_H
#define SERVE_API_REPORT_H

#include "http/exchange.h"
#include "serve/service.h"

#define API_REPORT_COMMANDS       64
#define API_REPORT_SLICE_US       1000
#define API_REPORT_AT_ONCE        2
#define API_REPORT_REDIS_MS       5000
#define API_REPORT_ANSWER_MAX     (64 * 1024 * 1024)
#define API_REPORT_PARAMETERS_MAX (REPORT_CAMPAIGNS_MAX + 8)

/* The context is the service. */
http_handler api_report_handle;

#endif
