/*
 * crawlers: whether a user agent is a person's browser, and what it is called if it is not.
 *
 *   1. Without a user agent nobody is a browser.
 *   2. The list (decision/crawler_list.h) says whether it is one.
 *   3. If not, its name is looked for (decision/crawler_names.h). What has one is a known crawler,
 *      unless the name is a library's. What has none claims to be a browser ("Mozilla/…") and is a
 *      crawler nobody has named yet, or does not even claim it. Whom bots.list matches is a crawler
 *      because its author says so.
 *
 * User agents repeat: verdicts are kept in a table of fixed size, found by a keyed hash. Within its
 * set of CRAWLER_CACHE_WAYS places a verdict moves up one place each time it is used, and a new one
 * takes the last: a flood of agents that come once uses up one place of each set, no more.
 *
 * Pure but for the key of the hash, which comes from the kernel and changes no verdict.
 */
#ifndef DECISION_CRAWLERS_H
#define DECISION_CRAWLERS_H

#include "decision/crawler_list.h"

#define CRAWLER_AGENT_MAX  1024 /* bytes of a user agent that are looked at */
#define CRAWLER_CACHE_SETS 2048
#define CRAWLER_CACHE_WAYS 4

enum crawler_verdict {
    CRAWLER_NONE,        /* a browser */
    CRAWLER_KNOWN,       /* a crawler */
    CRAWLER_NOT_BROWSER, /* no user agent, or another program's */
};

struct crawler_finding {
    enum crawler_verdict verdict;
    const char *name; /* NULL: none is known; lives as long as the process */
};

struct crawlers;

/* `list` is used until this is freed. One a process. */
struct crawlers *crawlers_new(const struct crawler_list *list);
void crawlers_free(struct crawlers *crawlers);

struct crawler_finding crawlers_judge(struct crawlers *crawlers, struct slice agent);

/* "" for a browser's; else "bot", "not_browser": the words of store/event_filters.def. */
const char *crawler_verdict_word(enum crawler_verdict verdict);

#endif
