/*
 * api: /api/v1/ on the admin listener, for who bears the token of api.token_file.
 *
 *     GET /api/v1/explain?slot=…   every campaign's verdict on a described request
 *                                  (api_explain.h)
 *     GET /api/v1/reports?by=…     what was counted (api_report.h)
 *     GET /api/v1/openapi.json     what there is, as OpenAPI 3.1
 *
 * Without a token that is set up: 403 `no_token`; without, or with a wrong one: 401, always the
 * same.
 */
#ifndef SERVE_API_H
#define SERVE_API_H

#include "http/exchange.h"
#include "serve/service.h"

/* GET below /api/; the context is the service. */
http_handler api_handle;

#endif
