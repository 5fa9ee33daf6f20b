/*
 * viewer: who is looking, by the ladder of viewer.identity, as a key that tells nobody who it is.
 *
 * first-party: the page's random id, hashed with a salt that all servers on one Redis share.
 * daily-hash: client address, user agent and site, hashed with a salt of the day that is forgotten
 * when the day is over. `Sec-GPC: 1` or a refusing consent string: no identity at all.
 */
#ifndef SERVE_VIEWER_H
#define SERVE_VIEWER_H

#include "base/err.h"
#include "http/request.h"
#include "store/secrets.h"
#include "store/viewer_caps.h"

#define VIEWER_LADDER_MAX 4

enum viewer_way { VIEWER_FIRST_PARTY, VIEWER_DAILY_HASH };

struct viewer_ladder {
    enum viewer_way ways[VIEWER_LADDER_MAX];
    unsigned count;
};

/* Parses viewer.identity ("first-party,daily-hash", "none"). */
bool viewer_ladder_parse(struct slice text, struct viewer_ladder *ret, struct err *err);

/* [A-Za-z0-9_-]{8,64} */
bool viewer_uid_is_valid(struct slice uid);

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
