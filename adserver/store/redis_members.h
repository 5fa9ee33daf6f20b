/*
 * redis_members: the servers of a cluster that we are connected to, and which of them holds which
 * slots, for store/redis_cluster.c.
 *
 * A member stays as long as it holds slots; one that holds none any more (it was demoted, its slots
 * were moved) goes once nothing waits for it and REDIS_MEMBER_KEPT_MS have passed. Members are
 * connections of their own; where they listen, all of them listen to the same channels.
 */
#ifndef STORE_REDIS_MEMBERS_H
#define STORE_REDIS_MEMBERS_H

#include "store/redis_node.h"
#include "store/redis_slots.h"

#define REDIS_MEMBERS_MAX     (2 * REDIS_SERVERS_MAX)
#define REDIS_MEMBER_KEPT_MS  10000
#define REDIS_MEMBER_NAME_MAX 320

struct redis_member {
    struct redis_members *owner;
    struct redis_target target;
    struct redis_node *node;
    unsigned slots; /* it holds so many */
    int64_t used_us;
    char address[REDIS_HOST_MAX + 8];
    char name[REDIS_MEMBER_NAME_MAX]; /* for the log: "main host:port" */
};

struct redis_members_config {
    const struct redis_target *target;
    const char *name;
    struct metrics *metrics;
    /* A member that holds slots is connected; is not any more. */
    void (*on_up)(void *arg);
    void (*on_down)(void *arg);
    void *arg;
};

struct redis_members *redis_members_new(struct loop *loop,
                                        const struct redis_members_config *config);
void redis_members_free(struct redis_members *members);

/* Ends all commands, whose functions may still ask who there is; nobody is up any more. */
void redis_members_close(struct redis_members *members);

/* What the scout tells. */
void redis_members_adopt(struct redis_members *members, const struct redis_slots *slots);

/* One slot is elsewhere. */
void redis_members_move(struct redis_members *members, unsigned slot, struct redis_member *to);

/* The one at that place, made where it is new; NULL: there are too many. */
struct redis_member *redis_members_at(struct redis_members *members,
                                      const struct redis_place *place);

/* Who holds the slot; NULL: nobody that is known. */
struct redis_member *redis_members_holder(const struct redis_members *members, unsigned slot);

/* Those that hold slots. */
unsigned redis_members_count(const struct redis_members *members);
struct redis_member *redis_members_get(const struct redis_members *members, unsigned i);

void redis_members_subscribe(struct redis_members *members, const struct slice *channels,
                             unsigned count, redis_message_fn *fn, void *arg);

#endif
