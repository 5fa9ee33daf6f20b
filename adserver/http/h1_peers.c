#include "http/h1_peers.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/random.h"

#define BUCKETS 4096 /* a power of two */

struct peer {
    struct peer *next;
    struct net_ip ip;
    size_t connections;
};

struct h1_peers {
    uint64_t seed[2]; /* odd; addresses are the peers' choice, the places they fall into are not */
    struct peer *buckets[BUCKETS];
};

struct h1_peers *h1_peers_new(void)
{
    struct h1_peers *peers = check_calloc(1, sizeof *peers);
    random_secret(peers->seed, sizeof peers->seed);
    peers->seed[0] |= 1;
    peers->seed[1] |= 1;
    return peers;
}

void h1_peers_free(struct h1_peers *peers)
{
    if (!peers)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (peers->buckets[i]) {
            struct peer *gone = peers->buckets[i];
            peers->buckets[i] = gone->next;
            free(gone);
        }
    }
    free(peers);
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The place that holds the peer, or where it would be hung in. */
static struct peer **find(struct h1_peers *peers, const struct net_ip *ip)
{
    uint64_t halves[2];
    memcpy(halves, ip->bytes, sizeof halves);
    uint64_t hash = fold(halves[0] ^ peers->seed[0], halves[1] ^ peers->seed[1]);
    struct peer **place = &peers->buckets[fold(hash, peers->seed[0]) % BUCKETS];
    while (*place && memcmp((*place)->ip.bytes, ip->bytes, sizeof ip->bytes) != 0)
        place = &(*place)->next;
    return place;
}

bool h1_peers_enter(struct h1_peers *peers, const struct net_ip *ip, size_t max)
{
    struct peer **place = find(peers, ip);
    if (!*place) {
        *place = check_calloc(1, sizeof **place);
        (*place)->ip = *ip;
    }
    if ((*place)->connections >= max)
        return false;
    (*place)->connections++;
    return true;
}

void h1_peers_leave(struct h1_peers *peers, const struct net_ip *ip)
{
    struct peer **place = find(peers, ip);
    CHECK(*place != NULL && (*place)->connections > 0);
    if (--(*place)->connections > 0)
        return;
    struct peer *gone = *place;
    *place = gone->next;
    free(gone);
}
