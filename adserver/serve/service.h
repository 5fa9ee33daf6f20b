/*
 * service: what the handlers of one worker work with, put together once at its start.
 *
 * Owned by serve/worker.c. Handlers get it as their context, use the parts, and replace none.
 */
#ifndef SERVE_SERVICE_H
#define SERVE_SERVICE_H

#include "base/clock.h"
#include "base/metrics.h"
#include "base/options.h"
#include "base/random.h"
#include "base/strbuf.h"
#include "serve/api_token.h"
#include "serve/client.h"
#include "serve/share_rest.h"
#include "serve/token.h"
#include "serve/traffic.h"
#include "serve/viewer.h"
#include "serve/young.h"
#include "store/catalog_store.h"
#include "store/geo.h"
#include "store/goals.h"
#include "store/impression.h"
#include "store/ledger.h"
#include "store/traffic.h"

/* Of deadline_ms, how much an ad request may wait for Redis: the rest is for us and the way back.
 */
#define SERVICE_REDIS_SHARE_PERCENT 40
/* The longest answer we write: room for /metrics with all the series there may be. */
#define SERVICE_ANSWER_MAX (64 * 1024 * 1024)

struct page_pool;
struct api_room;
struct compactor;

struct service {
    const struct options *options;
    const struct clock *clock;
    struct random random;
    struct metrics *metrics;
    struct young *young;
    struct share_rest *share_rest;
    struct loop *loop;
    struct redis *redis;
    struct catalog_store *catalog;
    struct spool *spool;
    struct ledger *ledger;
    struct event_streams *streams; /* NULL: events.stream is off */
    struct impression_numbers *impressions;
    struct request_log *request_log;
    struct goals *goals;
    struct traffic *traffic;
    struct secrets *secrets;
    struct token_codec *tokens;
    struct page_pool *pages;
    struct api_room *explaining, *reporting;
    struct compactor *compactor;       /* NULL: not this worker's */
    const struct traffic_shape *shape; /* of the week, learnt; NULL: not yet */

    struct slice prefix;     /* of keys in Redis */
    struct slice public_url; /* without trailing slash */
    struct viewer_ladder ladder;
    struct networks trusted;
    struct crawlers *crawlers;
    struct traffic_rules judged_by;    /* every request */
    struct geo *geo;                   /* the settings'; NULL: no database */
    const struct api_token *api_token; /* the settings' */
    int redis_timeout_ms;              /* of an ad request */

    struct strbuf answer; /* scratch for writing one answer; never kept over a turn */
};

#endif
