/*
 * facts: what targeting asks about a page and its viewer, found in an ad request.
 *
 *     domain, path, referrer, keywords, key-values   the parameters url, ref, kw, kv.<name>
 *     language                                       Accept-Language (decision/language.h)
 *     device, browser, system                        client hints, User-Agent (decision/agent.h)
 *     country, region                                client address, geo.database (store/geo.h)
 *
 * Only `url` tells which page it is: a request without it has no domain and no path, whatever its
 * Referer header says, which is the page's site alone (browsers cut it down) or another program's.
 */
#ifndef SERVE_FACTS_H
#define SERVE_FACTS_H

#include "serve/page_query.h"
#include "store/geo.h"

struct facts_source {
    const struct http_request *request;
    const struct page_query *query;
    struct geo *geo;      /* NULL: no database */
    struct net_ip client; /* behind trusted proxies: the address they tell */
};

/* Fills all of `ret`. Its slices point into the request, the query and `place`. */
void facts_fill(const struct facts_source *source, struct geo_place *place, struct page_facts *ret);

#endif
