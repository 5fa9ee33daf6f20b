/*
 * viewer: who is looking, found in a request (store/viewer_key.h). `Sec-GPC: 1` or a refusing
 * consent string: no identity at all.
 */
#ifndef SERVE_VIEWER_H
#define SERVE_VIEWER_H

#include "http/request.h"
#include "store/secrets.h"
#include "store/viewer_key.h"

struct viewer_facts {
    struct slice uid;     /* empty: none; valid otherwise */
    struct slice consent; /* empty: none */
    struct slice site;    /* host of the page */
    struct net_ip client; /* behind trusted proxies: the address they tell */
    int64_t now_us;
};

/* The first rung that holds. False: the viewer is not known. */
bool viewer_identify(const struct viewer_ladder *ladder, struct secrets *secrets,
                     const struct http_request *request, const struct viewer_facts *facts,
                     struct viewer_key *ret);

#endif
