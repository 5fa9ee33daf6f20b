/*
 * traffic: whether a request is a person's, or is kept out of the counts, and why.
 */
#ifndef SERVE_TRAFFIC_H
#define SERVE_TRAFFIC_H

#include "base/metrics.h"
#include "decision/crawlers.h"
#include "http/request.h"
#include "serve/networks.h"
#include "store/event_filters.h"

/* What a request is judged by; all of it is borrowed. */
struct traffic_rules {
    const struct networks *trusted;  /* proxies: whom they speak for is asked about */
    const struct networks *internal; /* bots.internal */
    struct crawlers *crawlers;
    struct metrics *metrics; /* each crawler's requests; NULL: they are not counted */
};

/*
 * The first that is true: from an internal network, HEAD, a prefetch or prerender (`Sec-Purpose`,
 * `Purpose`, `X-Purpose`, `X-Moz`), a crawler's or another program's user agent, or none. What can
 * only be said of an event (late, too fast …) is not this one's business.
 */
enum event_filter traffic_classify(const struct traffic_rules *rules,
                                   const struct http_request *request);

/*
 * Of a conversion, which may be reported by an advertiser's server: HEAD and what is prefetched
 * are none; user agent and address say nothing, as its click has been judged by them.
 */
enum event_filter traffic_classify_conversion(const struct http_request *request);

#endif
