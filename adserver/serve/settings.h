/*
 * settings: the options' texts, understood: addresses, proxies, the way to Redis.
 *
 * Made from the options once at a start or reload; `adserver -t` is nothing but this. Immutable.
 */
#ifndef SERVE_SETTINGS_H
#define SERVE_SETTINGS_H

#include <sys/types.h>

#include "base/options.h"
#include "decision/crawler_list.h"
#include "net/address.h"
#include "serve/api_token.h"
#include "serve/client.h"
#include "serve/viewer.h"
#include "store/geo.h"
#include "store/redis.h"

#define LISTEN_MAX 16 /* addresses of one listener */

struct settings {
    struct options *options; /* owned */
    struct net_address listen[LISTEN_MAX], admin[LISTEN_MAX];
    unsigned listen_count, admin_count;
    unsigned workers;
    struct redis_target redis;
    struct viewer_ladder ladder;
    struct networks trusted, internal;
    struct crawler_list *crawlers; /* owned */
    struct geo *geo;               /* owned; NULL: no database */
    struct api_token api_token;
    char *keyring_path;
    uid_t uid; /* to become; 0: stay */
    gid_t gid;
};

/* Takes over `options`, also on failure. NULL with `err`: `where` names file, line and option. */
struct settings *settings_new(struct options *options, struct err *err);
void settings_free(struct settings *settings);

#endif
