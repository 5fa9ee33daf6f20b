/*
 * event_streams: every event, and what became of it, as an entry of its campaign's Redis stream.
 *
 * The stream is `<prefix>events:{<campaign>}`, of bounded length; its entries (event_entry.def) are
 * added by the script that counts, in the same step: an entry for each count of ad:total but serves
 * and spend, and of `price_micro` the sum is `spend`. What is sent again has been counted, and is
 * not added again either.
 *
 * Which campaigns have a stream stands in the SET `<prefix>streams`. It lies elsewhere in a
 * cluster, so a process says it by itself, ahead of the first events and once a minute with later
 * ones: a set that Redis lost comes back. Nothing in a stream tells of the viewer.
 */
#ifndef STORE_EVENT_STREAMS_H
#define STORE_EVENT_STREAMS_H

#include "base/clock.h"
#include "store/redis.h"

#define EVENT_STREAMS_ANNOUNCE_US (60 * US_PER_SECOND)

struct event_streams;

/* `prefix` must outlive it; `redis` is used until it or this is freed. */
struct event_streams *event_streams_new(struct redis *redis, const struct clock *clock,
                                        struct slice prefix, uint64_t entries_max);
void event_streams_free(struct event_streams *streams);

/* How many entries a stream keeps, about. */
uint64_t event_streams_entries_max(const struct event_streams *streams);

/* Events of that campaign are about to be sent. */
void event_streams_announce(struct event_streams *streams, struct slice campaign);

#endif
