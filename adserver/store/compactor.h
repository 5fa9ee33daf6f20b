/*
 * compactor: compaction (compact.h) in a server, a little at a time.
 *
 * One worker of all servers does it: who holds `<prefix>compacting`, a key that expires. A round
 * begins COMPACTOR_FIRST_MS after the start and every COMPACTOR_ROUND_MS; between two groups of
 * commands COMPACTOR_PAUSE_MS pass, so that it takes a few percent of Redis at most. Where Redis
 * fails, the round is over and the next one goes on.
 */
#ifndef STORE_COMPACTOR_H
#define STORE_COMPACTOR_H

#include "base/clock.h"
#include "store/redis.h"

#define COMPACTOR_FIRST_MS 5000
#define COMPACTOR_ROUND_MS (60 * 60 * 1000)
#define COMPACTOR_PAUSE_MS 5
#define COMPACTOR_LOCK_MS  30000
#define COMPACTOR_RENEW_MS 10000

struct compactor;

struct compactor_config {
    struct loop *loop;
    struct redis *redis; /* used until it or this is freed */
    const struct clock *clock;
    struct slice prefix; /* must outlive it */
    int64_t after_ms;    /* days that ended so long ago are packed */
};
struct compactor *compactor_new(const struct compactor_config *config);
/* After its Redis. NULL is harmless. */
void compactor_free(struct compactor *compactor);

#endif
