/*
 * landing: which addresses a click may go to. Asked when a creative is loaded and again before
 * every redirect.
 *
 * http or https with a host (a name, an IPv4 address of four numbers, an IPv6 one in brackets) and
 * perhaps a port; no user name or password; no control bytes, not even percent-encoded; no spaces,
 * backslashes, quotes, angle brackets or bytes beyond ASCII (percent-encode them); at most
 * LANDING_MAX bytes.
 */
#ifndef DECISION_LANDING_H
#define DECISION_LANDING_H

#include "base/err.h"
#include "base/slice.h"

bool landing_is_valid(struct slice url, struct err *err);

/* The same rules for an image: also a path on our own listener, "/…" but not "//…". */
bool image_url_is_valid(struct slice url, struct err *err);

/* Of a valid address: its host, in either case, an IPv6 address with brackets; empty for a path. */
struct slice address_host(struct slice url);

/* Of a valid address: how many bytes scheme, host and port have; 0 for a path. */
size_t address_origin_len(struct slice url);

#endif
