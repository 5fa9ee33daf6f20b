/*
 * page_parameters: the parameters of an ad request by name and value, each checked.
 *
 * Whatever carries them (a query string, a JSON body, a command line) hands them over one by one.
 */
#ifndef DECISION_PAGE_PARAMETERS_H
#define DECISION_PAGE_PARAMETERS_H

#include "base/arena.h"
#include "base/err.h"
#include "decision/page_request.h"

#define PAGE_PARAMETERS_MAX 128 /* name=value pairs, unknown ones included */
#define PAGE_KV_MAX         FACTS_KEY_VALUES_MAX
#define PAGE_KEYWORDS_MAX   FACTS_KEYWORDS_MAX
#define PAGE_URL_MAX        2048 /* bytes of url and ref */
#define PAGE_TEXT_MAX       512  /* bytes of kw and of a kv value */
#define PAGE_WIDTH_MAX      65535
#define PAGE_MARKS_MAX      PAGE_ON_PAGE_MAX /* more are passed over */

struct page_query {
    struct {
        struct slice id; /* may be no id at all where a good one stands beside it */
        uint32_t width;  /* CSS pixels available; 0: not said */
    } slots[PAGE_SLOTS_MAX];
    unsigned slot_count;   /* at least 1 */
    struct slice url;      /* the page's address; empty: not said */
    struct slice domain;   /* of url: host, lower case, without a dot at its end; empty with url */
    struct slice path;     /* of url: as sent, percent-encoding and all; `/` where it has none */
    struct slice ref;      /* as sent */
    struct slice referrer; /* host of ref, as domain; empty when ref is no http or https address */
    struct slice keywords[PAGE_KEYWORDS_MAX]; /* trimmed, none empty */
    unsigned keyword_count;
    struct slice marks[PAGE_MARKS_MAX]; /* `page` of ads shown before, not verified yet */
    unsigned mark_count;
    struct slice uid;
    struct slice consent;
    struct fact_pair kv[PAGE_KV_MAX];
    unsigned kv_count;
};

/* [A-Za-z0-9_-]{8,64} */
bool viewer_uid_is_valid(struct slice uid);

/* Nothing said yet. */
void page_query_clear(struct page_query *query);

/* Whether it is the name of a parameter; others are passed over. */
bool page_query_knows(struct slice name);

/*
 * Takes one; what is derived comes from `arena`, other slices point into the value. False with
 * `err`: `where` names the parameter, `text` tells what is allowed.
 */
bool page_query_take(struct page_query *query, struct arena *arena, struct slice name,
                     struct slice value, struct err *err);

/* Whether enough has been said: at least one slot with a good id. */
bool page_query_check(const struct page_query *query, struct err *err);

/* What targeting asks about the page: domain, path, referrer, keywords, key-values. */
void page_query_facts(const struct page_query *query, struct page_facts *ret);

#endif
