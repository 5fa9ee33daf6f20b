/*
 * redis_slots: which of a cluster's servers holds which keys.
 *
 * A key's slot is the CRC16 (XMODEM) of it, or of what stands between its first { and the next }
 * where that is not empty, modulo 16384. Keys with the same tag in braces are therefore always
 * together, and only such keys can be changed in one step.
 */
#ifndef STORE_REDIS_SLOTS_H
#define STORE_REDIS_SLOTS_H

#include "store/redis.h"

#define REDIS_SLOTS       16384
#define REDIS_SERVERS_MAX 256 /* primaries of a cluster */
#define REDIS_HOST_MAX    256 /* bytes of a host name, NUL included */

unsigned redis_slot_of(struct slice key);

/*
 * The key of a command as we send them; false for those that have none (PING, CLIENT …). It is the
 * first argument but for EVAL and EVALSHA.
 */
bool redis_key_of(const struct slice *args, unsigned count, struct slice *ret);

struct redis_place {
    char host[REDIS_HOST_MAX];
    int port;
};

struct redis_slots {
    unsigned count;
    struct redis_place primaries[REDIS_SERVERS_MAX];
    uint16_t holder[REDIS_SLOTS]; /* 1 + its place among the primaries; 0: nobody */
};

/*
 * Reads the reply to CLUSTER SLOTS; a server that does not know its own address is at `asked`.
 * NULL, or a phrase that says what is wrong with it (`ret` is then of no use).
 */
const char *redis_slots_read(const struct redis_reply *reply, const char *asked,
                             struct redis_slots *ret);

/* "MOVED 3999 host:port", "ASK 3999 host:port"; a missing host is `asked`. False: it is not that.
 */
bool redis_redirect_read(struct slice text, const char *asked, unsigned *ret_slot,
                         struct redis_place *ret);

/* From CLUSTER INFO's text: cluster_current_epoch, and whether cluster_state is ok. */
uint64_t redis_cluster_epoch(struct slice info);
bool redis_cluster_is_ok(struct slice info);

#endif
