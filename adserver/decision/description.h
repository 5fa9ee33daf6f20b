/*
 * description: a request that somebody describes, for explain: the parameters of an ad request, and
 * what its headers and its address would have said.
 *
 *     ua        the User-Agent header          lang    Accept-Language, or one language
 *     ip        the client's address           at      RFC 3339, a moment other than now
 *     campaign  the only one to tell about
 */
#ifndef DECISION_DESCRIPTION_H
#define DECISION_DESCRIPTION_H

#include "base/ip.h"
#include "decision/page_parameters.h"

#define DESCRIPTION_AGENT_MAX 4096 /* bytes of ua and lang */

struct description {
    struct page_query query;
    struct slice agent, language; /* empty: not said */
    struct slice campaign;        /* empty: all */
    struct net_ip client;
    bool has_client;
    int64_t at_us; /* TIME_UNSET: now */
};

/* Nothing said yet. */
void description_clear(struct description *description);

/* As page_query_take(); a name that is not known is refused, since a person wrote it. */
bool description_take(struct description *description, struct arena *arena, struct slice name,
                      struct slice value, struct err *err);

/* What it says of page and viewer; country and region are the caller's to find. */
void description_facts(const struct description *description, struct page_facts *ret);

#endif
