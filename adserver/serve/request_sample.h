/*
 * request_sample: hands an ad request to the log that forecasts replay, where it is in the sample.
 */
#ifndef SERVE_REQUEST_SAMPLE_H
#define SERVE_REQUEST_SAMPLE_H

#include "decision/page_request.h"
#include "serve/service.h"

/* `viewer` is only read where the request has one. Costs next to nothing where it is not wanted. */
void request_sample_take(struct service *service, const struct page_request *request,
                         const struct viewer_key *viewer);

#endif
