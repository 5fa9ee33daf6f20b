/*
 * stats: GET /stats, the numbers of all workers as JSON (CONTRACT 6), whichever worker answers.
 *
 * The catalog part is the answering worker's own; `workers` tells each one's revision.
 */
#ifndef SERVE_STATS_H
#define SERVE_STATS_H

#include "http/exchange.h"
#include "serve/service.h"

http_handler stats_handle;

#endif
