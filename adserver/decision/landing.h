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

#endif
