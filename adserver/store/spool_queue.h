/*
 * spool_queue: the records of all segments that this process holds, oldest first, and which of them
 * are handed out or done.
 *
 * What was handed out and is not done is remembered by its place (segment and offset), in the order
 * of handing out; the rest of a segment is a count and a place to go on from. So memory is bounded
 * by SPOOL_OUTSTANDING_MAX and one reader, whatever lies on the disk.
 */
#ifndef STORE_SPOOL_QUEUE_H
#define STORE_SPOOL_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/log.h"
#include "store/spool_segment.h"

struct spool_ticket; /* one record that was handed out */

/* A segment is complete and all done: it is out of the queue, and the function's. */
typedef void spool_queue_removed_fn(struct spool_segment *segment, void *arg);

/* A stretch of a segment that was read before is no record any more; or, with `error`, unreadable.
 */
typedef void spool_queue_damaged_fn(const struct spool_segment *segment, uint64_t at,
                                    uint64_t bytes, int error, void *arg);

struct spool_queue {
    TAILQ_HEAD(spool_segments, spool_segment) segments;
    uint64_t waiting;             /* records not done */
    uint64_t unread;              /* records never handed out */
    uint64_t bytes;               /* of all segments */
    uint64_t own_bytes;           /* of those not adopted */
    unsigned adopted;             /* segments */
    struct spool_ticket *tickets; /* a ring: ticket n has its place at n modulo capacity */
    uint64_t capacity;
    uint64_t oldest, resume, next; /* tickets: not done, to be handed out (again), to be given */
    struct spool_reader *reader;
    spool_queue_removed_fn *removed;
    spool_queue_damaged_fn *damaged;
    void *arg;
};

void spool_queue_init(struct spool_queue *queue, spool_queue_removed_fn *removed,
                      spool_queue_damaged_fn *damaged, void *arg);

/* Closes all segments and leaves them where they are. */
void spool_queue_release(struct spool_queue *queue);

/* Takes the segment over, with the records it has. */
void spool_queue_add(struct spool_queue *queue, struct spool_segment *segment);

/* `records` more are durable, up to `end`. */
void spool_queue_grow(struct spool_queue *queue, struct spool_segment *segment, uint64_t end,
                      uint64_t records);

/* Nothing will be appended to the segment. May remove it. */
void spool_queue_complete(struct spool_queue *queue, struct spool_segment *segment);

/* As in spool.h. */
bool spool_queue_next(struct spool_queue *queue, struct slice *ret_record, uint64_t *ret_ticket);

/* Where the record of a ticket that is not done stands; NULL: it is. */
struct spool_segment *spool_queue_place(const struct spool_queue *queue, uint64_t ticket,
                                        uint64_t *ret_at);
void spool_queue_done(struct spool_queue *queue, uint64_t ticket);
void spool_queue_rewind(struct spool_queue *queue);

#endif
