/*
 * scripts: the Lua that runs inside Redis, where several keys must change in one step.
 *
 * The files store/<name>.lua are carried in the program. What each takes and answers stands at its
 * head. All keys of one call share a hash tag, so that a cluster can run it.
 */
#ifndef STORE_SCRIPTS_H
#define STORE_SCRIPTS_H

#include "store/redis.h"

enum script {
    SCRIPT_RESERVE,          /* a page's frequency caps: viewer_caps.c */
    SCRIPT_EVENT,            /* one event: ledger.c */
    SCRIPT_SERVES,           /* one campaign's serves: ledger.c */
    SCRIPT_CAPS,             /* what stands in a viewer's counters: explain_viewer.c */
    SCRIPT_LEASE,            /* serves reserved for one process: goals.c */
    SCRIPT_CLICK_RATE,       /* a viewer's clicks of a minute: click_rate.c */
    SCRIPT_CLICK_SHARE,      /* an address's clicks of an hour: click_share.c */
    SCRIPT_CLICK_SHARE_SEEN, /* its impressions: click_share.c */
    SCRIPT_FOLD,             /* hours into a packed month: compact.c */
    SCRIPT_ENTRY,            /* one entry of the catalog: ctl/change_scattered.c */
    SCRIPT_COUNT
};

/* Its text and the SHA-1 that Redis knows it by. */
const struct redis_script *script_get(enum script script);

#endif
