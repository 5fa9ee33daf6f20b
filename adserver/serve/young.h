/*
 * young: the impressions that were reported to this server within the last moments, so that a click
 * that comes too soon after its own is known.
 *
 * One table in memory that all workers share: the click of an impression may come to another one.
 * A place is one word that is written and read as a whole: a tag of the impression and the time it
 * came. Where more impressions come within YOUNG_MAX_MS than there is room for, the oldest of a few
 * places gives way: then a click counts that came too soon, never the reverse but for one in 2^32.
 * Servers on other machines do not know of it.
 */
#ifndef SERVE_YOUNG_H
#define SERVE_YOUNG_H

#include <stdbool.h>
#include <stdint.h>

#include "store/impression.h"

#define YOUNG_PLACES 65536 /* 512 KiB */
#define YOUNG_MAX_MS 10000 /* after that no impression is young */

struct young;

/* Before the fork. Aborts when the kernel refuses. */
struct young *young_new(void);
void young_free(struct young *young);

/* Times are monotonic; `for_ms` is at most YOUNG_MAX_MS. */
void young_note(struct young *young, const uint8_t impression[IMPRESSION_BYTES], int64_t now_us);
bool young_is(const struct young *young, const uint8_t impression[IMPRESSION_BYTES], int64_t now_us,
              int64_t for_ms);

/*
 * Whether a click comes sooner than `for_ms` after its impression; or, where that was not reported
 * here, after its serve. That age, in ms, is by the wall clocks of two servers, or of one that may
 * have been set in between; an impression that is known to be older has a serve that is older
 * still, whatever the clocks say.
 */
bool young_is_clicked(const struct young *young, const uint8_t impression[IMPRESSION_BYTES],
                      int64_t now_us, int64_t since_serve_ms, int64_t for_ms);

#endif
