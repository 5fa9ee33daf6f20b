/*
 * viewer_key: a viewer, by the ladder of viewer.identity, as a key that tells nobody who it is.
 *
 * first-party: the page's random id, hashed with a salt that all servers on one Redis share.
 * daily-hash: client address, user agent and site, hashed with a salt of the day that is forgotten
 * when the day is over (store/secrets.h).
 */
#ifndef STORE_VIEWER_KEY_H
#define STORE_VIEWER_KEY_H

#include "base/err.h"
#include "base/ip.h"
#include "base/slice.h"

#define VIEWER_LADDER_MAX 4
#define VIEWER_KEY_BYTES  9 /* with a cap's 6 the key fits Redis's 32-byte class */

/* A keyed hash of whatever identifies the viewer; never the identity itself. */
struct viewer_key {
    uint8_t bytes[VIEWER_KEY_BYTES];
    uint64_t pseudonym; /* the viewer in the request log; it does not lead to the bytes, nor back */
};

enum viewer_way { VIEWER_FIRST_PARTY, VIEWER_DAILY_HASH };
extern const char *const viewer_way_words[]; /* "first-party", "daily-hash" */

struct viewer_ladder {
    enum viewer_way ways[VIEWER_LADDER_MAX];
    unsigned count;
};

/* Parses viewer.identity ("first-party,daily-hash", "none"). */
bool viewer_ladder_parse(struct slice text, struct viewer_ladder *ret, struct err *err);

/* What is told of a viewer. */
struct viewer_marks {
    struct slice uid;     /* empty: none; valid otherwise */
    struct slice agent;   /* the User-Agent header; empty: none */
    struct slice site;    /* host of the page */
    struct net_ip client; /* behind trusted proxies: the address they tell */
};

/* SECRET_BYTES each; NULL where it is not known. */
struct viewer_salts {
    const uint8_t *viewer, *today;
};

/* By the first rung that holds. False: the viewer is not known. */
bool viewer_key_find(const struct viewer_ladder *ladder, const struct viewer_salts *salts,
                     const struct viewer_marks *marks, struct viewer_key *ret_key,
                     enum viewer_way *ret_way);

/*
 * All who have the address, or the /64 of an IPv6 one (base/ip.h): a hash under the salt of a day,
 * SECRET_BYTES. It is no viewer's key.
 */
void viewer_key_of_address(const uint8_t *today, struct net_ip client, struct viewer_key *ret);

#endif
