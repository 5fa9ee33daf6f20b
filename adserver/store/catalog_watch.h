/*
 * catalog_watch: told by Redis which of the catalog's keys were written.
 *
 * Redis's client-side caching in broadcasting mode needs no setting: one connection (the commands'
 * own) asks that all writes to keys with our prefixes be told to another, which listens. Where that
 * is refused (an old Redis, a forbidden command), keyspace notifications are listened to, which
 * come only where they are switched on. Messages may be lost with a connection: whatever happens to
 * either, on_all tells that everything may have changed.
 */
#ifndef STORE_CATALOG_WATCH_H
#define STORE_CATALOG_WATCH_H

#include "store/redis.h"

struct catalog_watch;

struct catalog_watch_config {
    struct loop *loop;
    const struct redis_target *target;
    struct redis *commands; /* what the catalog is read by */
    struct slice prefix;
    void (*on_key)(struct slice key, void *arg); /* the key without the prefix; valid in the call */
    void (*on_all)(void *arg);
    void *arg;
};

struct catalog_watch *catalog_watch_new(const struct catalog_watch_config *config);
/* After the connection of the commands is freed, whose last replies still come here. */
void catalog_watch_free(struct catalog_watch *watch);

/* To be called when the connection of the commands is up, before reading by it. */
void catalog_watch_begin(struct catalog_watch *watch);

/* Whether Redis has agreed to tell; otherwise only reading again shows what has changed. */
bool catalog_watch_hears(const struct catalog_watch *watch);

#endif
