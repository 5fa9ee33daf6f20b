/*
 * url: query strings, percent-encoding, and addresses that people and campaigns give us.
 */
#ifndef BASE_URL_H
#define BASE_URL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/slice.h"

/*
 * Walks a query string (application/x-www-form-urlencoded). Cuts the next pair off `*rest`, decoded
 * into `arena` ('+' is a space; where nothing is encoded the slices point into the query itself).
 */
enum url_query_result {
    URL_QUERY_PAIR,
    URL_QUERY_END,
    URL_QUERY_MALFORMED, /* a bad %-escape, a NUL, text that is not UTF-8, or no room in the arena
                          */
};
enum url_query_result url_query_next(struct slice *rest, struct arena *arena,
                                     struct slice *ret_name, struct slice *ret_value);

/* Percent-decodes; false for a bad escape or no room. '+' stays. */
bool url_decode(struct slice text, struct arena *arena, struct slice *ret);

/*
 * The host of an absolute http or https URL, without port; false when it is no such URL, and for
 * one with a user name in it. `ret_host` points into `url`: letters stay as they are, and so do the
 * brackets of an IPv6 address.
 */
bool url_host(struct slice url, struct slice *ret_host);

#endif
