/*
 * exposition: GET /metrics, the same numbers in Prometheus's text format (version 0.0.4).
 *
 * Label sets are bounded: fixed words, reasons that occurred, and the slots and campaigns that have
 * a row on the page of metrics.
 */
#ifndef SERVE_EXPOSITION_H
#define SERVE_EXPOSITION_H

#include "http/exchange.h"
#include "serve/service.h"

http_handler exposition_handle;

#endif
