/*
 * viewer_caps: frequency caps, exact: checked and counted in one atomic step before the answer.
 *
 * A counter a viewer and cap lives in Redis under `<prefix>cap:{<viewer>}<cap key>` (both in
 * base64url) and expires with its window, by Redis's clock. One script call decides a whole page:
 * slot by slot it takes the first candidate whose caps all have room and whose creative is not on
 * the page yet, and counts it, all or nothing. The braces keep a viewer's counters together in a
 * cluster.
 *
 * A `lifetime` counter lives CAP_LIFETIME_KEPT_MS after the last serve, and not past the campaign's
 * end by more than a day.
 */
#ifndef STORE_VIEWER_CAPS_H
#define STORE_VIEWER_CAPS_H

#include "base/base64url.h"
#include "decision/selection.h"
#include "store/redis.h"
#include "store/viewer_key.h"

#define VIEWER_CAP_PREFIX_MAX 64
#define CAP_KEY_BYTES         6 /* of a cap's hash: one viewer's counters must differ, no more */
#define VIEWER_CAP_KEY_MAX                                                     \
    (VIEWER_CAP_PREFIX_MAX + 5 + BASE64URL_ENCODED_LEN(VIEWER_KEY_BYTES) + 1 + \
     BASE64URL_ENCODED_LEN(CAP_KEY_BYTES))
#define CAP_LIFETIME_KEPT_MS (INT64_C(400) * 86400 * 1000)

/*
 * `refused[slot]`: bit i set where candidate i was refused by a cap; meaningful up to the candidate
 * that was taken. `failure` is REDIS_OK, or the reservation did not (surely) happen: then nothing
 * capped may be served. `refused` is valid during the call.
 */
typedef void viewer_caps_fn(enum redis_failure failure, const uint32_t *refused, void *arg);

void viewer_caps_reserve(struct redis *redis, struct slice prefix, const struct viewer_key *viewer,
                         const struct selection *selection, int64_t now_us, int timeout_ms,
                         viewer_caps_fn *fn, void *arg);

/* The name of one counter, in `buffer`, which holds VIEWER_CAP_KEY_MAX. */
struct slice viewer_cap_key(char *buffer, struct slice prefix, const struct viewer_key *viewer,
                            uint64_t cap_key);

#endif
