/*
 * hints: what the low-entropy User-Agent Client Hints tell (W3C draft "User-Agent Client Hints",
 * structured fields by RFC 8941). Browsers send them over TLS without being asked.
 *
 * A field that is not well-formed is passed over whole, as RFC 8941 has it.
 */
#ifndef DECISION_HINTS_H
#define DECISION_HINTS_H

#include "decision/facts.h"

#define HINT_BYTES_MAX 1024 /* a longer field is passed over */

/*
 * Sec-CH-UA, a list of brands. A brand we know decides. Made-up brands ("Not/A)Brand"), which are
 * there to keep readers honest, count for nothing, nor does "Chromium", which all who are built on
 * it send: with those alone the browser is not known. Any other brand makes it BROWSER_OTHER.
 */
enum browser hints_browser(struct slice brands);

/* Sec-CH-UA-Platform. */
enum system hints_system(struct slice platform);

/* Sec-CH-UA-Mobile: a telephone (`?1`), or anything else, a tablet for one (`?0`). */
enum hint_mobile { HINT_NONE, HINT_NOT_MOBILE, HINT_MOBILE };
enum hint_mobile hints_mobile(struct slice mobile);

#endif
