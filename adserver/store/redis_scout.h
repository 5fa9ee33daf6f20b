/*
 * redis_scout: keeps asking a cluster which of its servers holds which slots.
 *
 * It has a connection of its own to one of the servers, and goes on to another where that one does
 * not answer, or says that the cluster is not well: it may be the one that was cut off. What is
 * older by the cluster's epoch than what was heard in the last REDIS_SCOUT_MEMORY_MS is not
 * believed.
 */
#ifndef STORE_REDIS_SCOUT_H
#define STORE_REDIS_SCOUT_H

#include "store/redis_slots.h"

#define REDIS_SCOUT_ASK_MS    5000 /* while all is well */
#define REDIS_SCOUT_REST_MS   50   /* between two questions at least */
#define REDIS_SCOUT_ANSWER_MS 1000
#define REDIS_SCOUT_MEMORY_MS 10000

struct redis_scout;

struct redis_scout_config {
    const struct redis_target *target;                            /* must outlive it */
    const char *name;                                             /* for the log; likewise */
    void (*on_slots)(const struct redis_slots *slots, void *arg); /* valid in the call */
    void *arg;
};

struct redis_scout *redis_scout_new(struct loop *loop, const struct redis_scout_config *config);
void redis_scout_free(struct redis_scout *scout);

/* Asks soon: something has changed. */
void redis_scout_ask(struct redis_scout *scout);

/* Why it has nothing to tell, a phrase. */
const char *redis_scout_trouble(const struct redis_scout *scout);

#endif
