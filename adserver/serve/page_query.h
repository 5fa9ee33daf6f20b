/*
 * page_query: the parameters of an ad request, checked one by one, from a query string or JSON.
 */
#ifndef SERVE_PAGE_QUERY_H
#define SERVE_PAGE_QUERY_H

#include "base/err.h"
#include "decision/page_request.h"
#include "http/request.h"

#define PAGE_PARAMETERS_MAX 128 /* name=value pairs, unknown ones included */
#define PAGE_KV_MAX         FACTS_KEY_VALUES_MAX
#define PAGE_KEYWORDS_MAX   FACTS_KEYWORDS_MAX
#define PAGE_URL_MAX        2048 /* bytes of url and ref */
#define PAGE_TEXT_MAX       512  /* bytes of kw and of a kv value */
#define PAGE_WIDTH_MAX      65535

struct page_query {
    struct {
        struct slice id;
        uint32_t width; /* CSS pixels available; 0: not said */
    } slots[PAGE_SLOTS_MAX];
    unsigned slot_count;   /* at least 1 */
    struct slice url;      /* the page's address; empty: not said */
    struct slice domain;   /* of url: host, lower case, without a dot at its end; empty with url */
    struct slice path;     /* of url: as sent, percent-encoding and all; `/` where it has none */
    struct slice ref;      /* as sent */
    struct slice referrer; /* host of ref, as domain; empty when ref is no http or https address */
    struct slice keywords[PAGE_KEYWORDS_MAX]; /* trimmed, none empty */
    unsigned keyword_count;
    struct slice uid;
    struct slice consent;
    struct fact_pair kv[PAGE_KV_MAX];
    unsigned kv_count;
};

/*
 * From the query string of GET, or the JSON object of POST with the same names (slot may be an
 * array there). Unknown names are passed over. A mistake fills `err`: `where` names the parameter,
 * `text` tells what is allowed. Slices live as long as the request.
 */
bool page_query_parse(const struct http_request *request, struct page_query *ret, struct err *err);

#endif
