/*
 * redis_sentinel: asks the sentinels which server is the primary, for one connection to it.
 *
 * There is a connection to each sentinel of the URL, and to those that they tell of. Each is asked
 * every REDIS_SENTINEL_ASK_MS, and at once by redis_sentinel_find(), so a fail-over is noticed also
 * where the old primary goes on answering: one that was partitioned away, and refuses (NOREPLICAS)
 * or stalls.
 *
 * Sentinels may disagree for a while, and one that was cut off from the others goes on naming the
 * old primary. Each one's last answer counts for REDIS_SENTINEL_MEMORY_MS; of these the one with
 * the highest configuration epoch is right, which grows with every fail-over. Where no sentinel
 * answers, the primary that was named last is still the best guess: who connects to it asks it
 * itself what it is (store/redis_greeting.h).
 */
#ifndef STORE_REDIS_SENTINEL_H
#define STORE_REDIS_SENTINEL_H

#include "store/redis.h"

#define REDIS_SENTINEL_ASK_MS    1000
#define REDIS_SENTINEL_ANSWER_MS 500
#define REDIS_SENTINEL_MEMORY_MS 10000
#define REDIS_SENTINEL_HOST_MAX  256 /* bytes of a primary's host name, NUL included */

struct redis_sentinel;

struct redis_sentinel_config {
    const struct redis_target *target; /* must outlive it */
    /* A primary is named: in answer to redis_sentinel_find(), or because it `is_other` than last.
     */
    void (*on_primary)(const char *host, int port, bool is_other, void *arg);
    /* redis_sentinel_find() came to nothing; a phrase says why. */
    void (*on_none)(const char *why, void *arg);
    void *arg;
};

struct redis_sentinel *redis_sentinel_new(struct loop *loop,
                                          const struct redis_sentinel_config *config);
void redis_sentinel_free(struct redis_sentinel *sentinel);

/* Asks all; on_primary or on_none follows within REDIS_SENTINEL_ANSWER_MS, never at once. */
void redis_sentinel_find(struct redis_sentinel *sentinel);

/* ---- What one sentinel says, for those who ask by themselves ---- */

struct redis_sentinel_answer {
    char host[REDIS_SENTINEL_HOST_MAX]; /* "": nothing */
    int port;
    uint64_t epoch;
    int64_t heard_us; /* monotonic */
};

/* From SENTINEL GET-MASTER-ADDR-BY-NAME; NULL, or a phrase that says what is wrong with it. */
const char *redis_sentinel_read_address(const struct redis_reply *reply,
                                        struct redis_sentinel_answer *ret);
/* From SENTINEL MASTER; 0 where it does not say. */
uint64_t redis_sentinel_read_epoch(const struct redis_reply *reply);

#endif
