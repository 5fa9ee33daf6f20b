/*
 * traffic: how many ad requests there are by hour, counted by all workers together, and the shape
 * of the week learnt from it (decision/traffic_shape.h).
 *
 * Requests are added up in the worker and written every TRAFFIC_WRITE_MS to the HASH
 * `<prefix>traffic`, field `<YYYYMMDDHH>` (UTC). An hour in which a worker ran and nobody asked
 * stands there with 0: that it was quiet is known. All that is there is read at the start and every
 * TRAFFIC_READ_MS, and what is older than traffic_shape.h learns from is deleted. It is all
 * statistics: what a killed worker had not written is lost.
 */
#ifndef STORE_TRAFFIC_H
#define STORE_TRAFFIC_H

#include "base/clock.h"
#include "decision/traffic_shape.h"
#include "store/redis.h"

#define TRAFFIC_WRITE_MS 2000
#define TRAFFIC_READ_MS  (5 * 60 * 1000)

struct traffic;

/* Told of each shape that is learnt; it is valid until the next one or until traffic_free(). */
typedef void traffic_learnt_fn(const struct traffic_shape *shape, void *arg);

struct traffic_config {
    struct loop *loop;
    struct redis *redis; /* used until it or this is freed */
    const struct clock *clock;
    struct slice prefix; /* must outlive it */
    traffic_learnt_fn *on_learnt;
    void *arg;
};
struct traffic *traffic_new(const struct traffic_config *config);
/* After its Redis. */
void traffic_free(struct traffic *traffic);

/* One request more. */
void traffic_count(struct traffic *traffic);

/* For other readers: the shape learnt from what HGETALL of the hash answers; false where that is no
 * answer. */
bool traffic_read_shape(const struct redis_reply *reply, int64_t now_us, struct traffic_shape *ret);

/* The counts themselves, at most `max` of them; returns how many. */
size_t traffic_read_counts(const struct redis_reply *reply, struct traffic_count *ret, size_t max);

#endif
