/*
 * traffic: whether a request is a person's, or is kept out of the counts, and why.
 */
#ifndef SERVE_TRAFFIC_H
#define SERVE_TRAFFIC_H

#include "http/request.h"
#include "store/ledger.h"

/*
 * HEAD, a prefetch or prerender (`Sec-Purpose`, `Purpose`, `X-Moz`), and a missing user agent, in
 * this order. The filter of what is too late is the token's business, not this one's.
 */
enum event_filter traffic_classify(const struct http_request *request);

#endif
