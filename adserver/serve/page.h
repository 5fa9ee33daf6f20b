/*
 * page: one ad request, from its parameters to its answer.
 *
 *     PARSE -> IDENTIFY -> DECIDE -> RESERVE -> RENDER
 *
 * Each step is a function that says NEXT, WAIT or DONE to one driver. RESERVE is skipped when
 * nothing that may come to serve has a cap; otherwise it waits for one round trip to Redis, at most
 * SERVICE_REDIS_SHARE_PERCENT of deadline_ms: then, or when Redis is away, DECIDE runs again with
 * everything capped at rest, and the answer goes out. The catalog may change while a page waits:
 * it keeps what it has chosen from, and finds anew what it points to. A client that leaves
 * meanwhile is forgotten, not what was reserved for it.
 */
#ifndef SERVE_PAGE_H
#define SERVE_PAGE_H

#include "http/exchange.h"
#include "serve/service.h"

#define PAGE_POOL_MAX 1024 /* idle pages kept for reuse */

struct page_pool *page_pool_new(void);
/* No page may be waiting any more. */
void page_pool_free(struct page_pool *pool);

/* GET and POST /v1/ads; the context is the service. */
http_handler page_handle;

#endif
