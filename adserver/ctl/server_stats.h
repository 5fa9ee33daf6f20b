/*
 * server_stats: what /stats of a server says, read once.
 */
#ifndef CTL_SERVER_STATS_H
#define CTL_SERVER_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct server_stats;

/* NULL with `err` where there is none to be had. */
struct server_stats *server_stats_get(const char *url, struct err *err);
/* Of several servers, addresses separated by commas: counts of "events" and "campaigns" added up.
 */
struct server_stats *server_stats_get_all(const char *urls, struct err *err);
/* NULL is harmless. */
void server_stats_free(struct server_stats *stats);

/* The count under these names, "campaigns", "spring", "clicks"; `name` may be NULL. 0: none. */
int64_t server_stats_count(const struct server_stats *stats, const char *group, const char *name,
                           const char *what);
bool server_stats_has(const struct server_stats *stats, const char *group, const char *name);

/* Milliseconds under latency_ms; below 0: none. */
double server_stats_latency(const struct server_stats *stats, const char *kind, const char *what);

/* Calls `fn` with each name under "campaigns" or another group. */
typedef void server_stats_fn(const char *name, void *arg);
void server_stats_each(const struct server_stats *stats, const char *group, server_stats_fn *fn,
                       void *arg);

#endif
