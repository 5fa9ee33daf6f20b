/*
 * click_share: which share of the impressions that an address has had in a slot it clicks, over all
 * servers.
 *
 *   impression counted --> click_share_seen.lua --.       HASH <prefix>shares:{<address>}
 *                          (nobody waits for it)   |--> header    40   impressions
 *   click, before it is    click_share.lua --------'    header|c  3    of them clicked, or `over`
 *   recorded ------------>                              header|l  ..   the one clicked last
 *
 * An address is all who have it: an office, a carrier, a crawler with many user agents; of IPv6 the
 * /64. It stands in Redis as a hash under the salt of the day (store/secrets.h), which is forgotten
 * when the day is over. The window opens with the address's first impression or click, in any slot,
 * and closes CLICK_SHARE_WINDOW_MS later by Redis's clock, or at the end of the UTC day, when
 * another salt begins another window.
 *
 * The click that brings the share above what may be, and all after it in that slot and window, are
 * beyond; that is decided in Redis in one step, so that it is one click, however many servers ask
 * at once. Impressions are those that counted, each once, a click's own included where nobody had
 * reported it; clicks are counted as they come, but an impression that is clicked again, and no
 * other meanwhile, is one.
 *
 * The click of a viewer is also counted for its rate (store/click_rate.h), in the same call.
 *
 * An address with a slot takes 165 bytes of Redis, each slot more its name and 6, one that is
 * clicked its name twice and 32; it has at most CLICK_SHARE_FIELDS_MAX fields, and slots beyond
 * them are not judged.
 */
#ifndef STORE_CLICK_SHARE_H
#define STORE_CLICK_SHARE_H

#include "store/click_rate.h"
#include "store/impression.h"

#define CLICK_SHARE_WINDOW_MS  (60 * 60 * 1000)
#define CLICK_SHARE_FIELDS_MAX 512 /* one to three a slot */

/* Whether the impression stands in Redis. */
typedef void click_share_seen_fn(bool stands, void *arg);

/*
 * Counts an impression of `address` (viewer_key_of_address) in `slot`. `fn` is called once, and
 * never before this has returned.
 */
void click_share_seen(struct redis *redis, struct slice prefix, const struct viewer_key *address,
                      struct slice slot, click_share_seen_fn *fn, void *arg);

struct click_share_click {
    struct click_rate_viewer viewer; /* with its `address` */
    struct slice slot;
    const uint8_t *impression; /* IMPRESSION_BYTES */
    int percent;               /* of the impressions that may be clicked, 1 to 100 */
    int from;                  /* clicks before which that is not asked, at least 1 */
    bool rated;                /* it is counted for its viewer's rate, too */
};

/*
 * `clicks` of the viewer in its minute, this one included; 0: not counted, or Redis did not say.
 * `beyond`: this click is one more than may be.
 */
typedef void click_share_fn(int64_t clicks, bool beyond, void *arg);

/* Counts a click. `fn` is called once, and never before this has returned. */
void click_share_count(struct redis *redis, struct slice prefix,
                       const struct click_share_click *click, int timeout_ms, click_share_fn *fn,
                       void *arg);

#endif
