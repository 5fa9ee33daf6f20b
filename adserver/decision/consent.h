/*
 * consent: may something about this viewer be stored?
 */
#ifndef DECISION_CONSENT_H
#define DECISION_CONSENT_H

#include <stdbool.h>

#include "base/slice.h"

#define CONSENT_MAX 4096 /* bytes of a consent string that are looked at; longer is refused */

/*
 * An IAB TCF v2 string (its core segment; "Transparency and Consent String with Global Vendor &
 * CMP List Formats", v2.2) allows storage when purpose 1, "store and/or access information on a
 * device", has the user's consent. No string: nothing is refused. A string that is not understood,
 * GPP included, refuses: what cannot be read has not been agreed to.
 */
bool consent_allows_storage(struct slice consent);

#endif
