/*
 * health: is the process there, and can it do its work?
 */
#ifndef SERVE_HEALTH_H
#define SERVE_HEALTH_H

#include "http/exchange.h"
#include "serve/service.h"

http_handler health_handle_healthz; /* GET /healthz: 200 while the process runs */

/*
 * GET /readyz: 200 when a catalog is loaded and events have somewhere durable to go, else 503 with
 * the reason. It speaks for the worker that answers.
 */
http_handler health_handle_readyz;

#endif
