#include "store/spool_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/spool.h"

#define CAPACITY_MIN 64

_Static_assert((SPOOL_OUTSTANDING_MAX & (SPOOL_OUTSTANDING_MAX - 1)) == 0, "a ring's size");

struct spool_ticket {
    struct spool_segment *segment; /* NULL: done */
    uint64_t at;
};

void spool_queue_init(struct spool_queue *queue, spool_queue_removed_fn *removed,
                      spool_queue_damaged_fn *damaged, void *arg)
{
    *queue = (struct spool_queue){
        .oldest = 1, .resume = 1, .next = 1, .removed = removed, .damaged = damaged, .arg = arg};
    TAILQ_INIT(&queue->segments);
    queue->reader = spool_reader_new();
}

void spool_queue_release(struct spool_queue *queue)
{
    struct spool_segment *segment;
    while ((segment = TAILQ_FIRST(&queue->segments)) != NULL) {
        TAILQ_REMOVE(&queue->segments, segment, link);
        spool_segment_release(segment);
    }
    spool_reader_free(queue->reader);
    free(queue->tickets);
}

/* ---- Segments -------------------------------------------------------------------------------- */

/* The disk cannot read the elder: what is behind it in its process's order must not pass it. */
static bool waits_for(const struct spool_segment *segment, const struct spool_segment *elder)
{
    return elder->stuck && !segment->stuck &&
           slice_eq(spool_name_process(elder->name), spool_name_process(segment->name));
}

/* Not done, and not ours to forget. */
static void mark_stuck(struct spool_queue *queue, struct spool_segment *segment)
{
    queue->adopted -= segment->adopted;
    queue->unread -= segment->records - segment->handed;
    segment->handed = segment->records;
    segment->stuck = true;
}

/* Nothing more is handed out of it, nor of its younger ones, by this process. */
static void leave_stuck(struct spool_queue *queue, struct spool_segment *elder)
{
    struct spool_segment *other = elder;
    if (elder->stuck)
        return;
    mark_stuck(queue, elder);
    while ((other = TAILQ_NEXT(other, link)) != NULL) {
        if (waits_for(other, elder))
            mark_stuck(queue, other);
    }
}

/* Own ones are made after one of their elders has got stuck. */
static void stick_to_elders(struct spool_queue *queue, struct spool_segment *segment)
{
    const struct spool_segment *elder;
    TAILQ_FOREACH (elder, &queue->segments, link) {
        if (waits_for(segment, elder))
            mark_stuck(queue, segment);
    }
}

void spool_queue_add(struct spool_queue *queue, struct spool_segment *segment)
{
    struct spool_segment *before = TAILQ_LAST(&queue->segments, spool_segments);
    queue->waiting += segment->records;
    queue->unread += segment->records;
    queue->bytes += segment->source.end;
    queue->own_bytes += segment->adopted ? 0 : segment->source.end;
    queue->adopted += segment->adopted;
    while (before && strcmp(before->name, segment->name) > 0)
        before = TAILQ_PREV(before, spool_segments, link);
    if (before)
        TAILQ_INSERT_AFTER(&queue->segments, before, segment, link);
    else
        TAILQ_INSERT_HEAD(&queue->segments, segment, link);
    stick_to_elders(queue, segment);
}

void spool_queue_grow(struct spool_queue *queue, struct spool_segment *segment, uint64_t end,
                      uint64_t records)
{
    queue->bytes += end - segment->source.end;
    queue->own_bytes += end - segment->source.end; /* only own ones grow */
    queue->waiting += records;
    queue->unread += segment->stuck ? 0 : records;
    segment->records += records;
    segment->handed += segment->stuck ? records : 0;
    segment->source.end = end;
}

static void remove_if_done(struct spool_queue *queue, struct spool_segment *segment)
{
    if (!segment->complete || segment->done < segment->records)
        return;
    TAILQ_REMOVE(&queue->segments, segment, link);
    queue->bytes -= segment->source.end;
    queue->own_bytes -= segment->adopted ? 0 : segment->source.end;
    queue->adopted -= segment->adopted && !segment->stuck;
    queue->removed(segment, queue->arg);
}

void spool_queue_complete(struct spool_queue *queue, struct spool_segment *segment)
{
    segment->complete = true;
    remove_if_done(queue, segment);
}

/* ---- Tickets --------------------------------------------------------------------------------- */

static struct spool_ticket *ticket_at(const struct spool_queue *queue, uint64_t ticket)
{
    return &queue->tickets[ticket & (queue->capacity - 1)];
}

static bool has_room(struct spool_queue *queue)
{
    uint64_t count = queue->next - queue->oldest;
    if (count == SPOOL_OUTSTANDING_MAX)
        return false;
    if (count < queue->capacity)
        return true;
    uint64_t capacity = queue->capacity ? 2 * queue->capacity : CAPACITY_MIN;
    struct spool_ticket *tickets = check_malloc((size_t)capacity * sizeof *tickets);
    for (uint64_t ticket = queue->oldest; ticket < queue->next; ticket++)
        tickets[ticket & (capacity - 1)] = *ticket_at(queue, ticket);
    free(queue->tickets);
    queue->tickets = tickets;
    queue->capacity = capacity;
    return true;
}

struct spool_segment *spool_queue_place(const struct spool_queue *queue, uint64_t ticket,
                                        uint64_t *ret_at)
{
    CHECK(ticket < queue->next);
    if (ticket < queue->oldest)
        return NULL;
    *ret_at = ticket_at(queue, ticket)->at;
    return ticket_at(queue, ticket)->segment;
}

/* Its record is done, or left to the next process. */
static void forget_ticket(struct spool_queue *queue, uint64_t ticket)
{
    ticket_at(queue, ticket)->segment = NULL;
    while (queue->oldest < queue->next && !ticket_at(queue, queue->oldest)->segment)
        queue->oldest++;
    if (queue->resume < queue->oldest)
        queue->resume = queue->oldest;
}

void spool_queue_done(struct spool_queue *queue, uint64_t ticket)
{
    CHECK(ticket < queue->next);
    struct spool_segment *segment =
        ticket < queue->oldest ? NULL : ticket_at(queue, ticket)->segment;
    if (!segment)
        return;
    forget_ticket(queue, ticket);
    queue->waiting--;
    segment->done++;
    remove_if_done(queue, segment);
}

void spool_queue_rewind(struct spool_queue *queue)
{
    queue->resume = queue->oldest;
}

/* ---- Handing out ----------------------------------------------------------------------------- */

/* Records that were counted and are not to be had any more. */
static void lose(struct spool_queue *queue, struct spool_segment *segment, int error)
{
    uint64_t lost = segment->records - segment->handed;
    queue->damaged(segment, segment->read_at, segment->source.end - segment->read_at, error,
                   queue->arg);
    if (error) {
        leave_stuck(queue, segment);
        return;
    }
    queue->unread -= lost;
    queue->waiting -= lost;
    segment->records = segment->handed;
    remove_if_done(queue, segment);
}

static bool next_of_segment(struct spool_queue *queue, struct spool_segment *segment,
                            struct slice *ret_record, uint64_t *ret_ticket)
{
    struct spool_found found;
    enum spool_look look =
        spool_reader_next(queue->reader, &segment->source, segment->read_at, &found);
    if (look != SPOOL_LOOK_RECORD) {
        lose(queue, segment, look == SPOOL_LOOK_FAILED ? errno : 0);
        return false;
    }
    if (found.at > segment->read_at && !segment->adopted)
        queue->damaged(segment, segment->read_at, found.at - segment->read_at, 0, queue->arg);
    segment->read_at = found.next;
    segment->handed++;
    queue->unread--;
    *ticket_at(queue, queue->next) = (struct spool_ticket){segment, found.at};
    *ret_record = found.record;
    *ret_ticket = queue->next++;
    queue->resume = queue->next;
    return true;
}

static bool next_unread(struct spool_queue *queue, struct slice *ret_record, uint64_t *ret_ticket)
{
    struct spool_segment *segment, *following;
    if (!has_room(queue))
        return false;
    for (segment = TAILQ_FIRST(&queue->segments); segment; segment = following) {
        following = TAILQ_NEXT(segment, link); /* losing the last of its records removes it */
        if (segment->handed < segment->records &&
            next_of_segment(queue, segment, ret_record, ret_ticket))
            return true;
    }
    return false;
}

/* The disk does not have a record any more, or does not give it. */
static void lose_again(struct spool_queue *queue, uint64_t ticket, int error)
{
    const struct spool_ticket *place = ticket_at(queue, ticket);
    queue->damaged(place->segment, place->at, 0, error, queue->arg);
    if (error) {
        leave_stuck(queue, place->segment);
        forget_ticket(queue, ticket);
    } else {
        spool_queue_done(queue, ticket);
    }
}

/* One that was handed out before; false when it is not to be had. */
static bool next_again(struct spool_queue *queue, uint64_t ticket, struct slice *ret_record)
{
    const struct spool_ticket *place = ticket_at(queue, ticket);
    struct spool_found found;
    if (place->segment->stuck) {
        forget_ticket(queue, ticket);
        return false;
    }
    enum spool_look look =
        spool_reader_at(queue->reader, &place->segment->source, place->at, &found);
    if (look == SPOOL_LOOK_RECORD) {
        *ret_record = found.record;
        return true;
    }
    lose_again(queue, ticket, look == SPOOL_LOOK_FAILED ? errno : 0);
    return false;
}

bool spool_queue_next(struct spool_queue *queue, struct slice *ret_record, uint64_t *ret_ticket)
{
    while (queue->resume < queue->next) {
        uint64_t ticket = queue->resume++;
        if (!ticket_at(queue, ticket)->segment || !next_again(queue, ticket, ret_record))
            continue;
        *ret_ticket = ticket;
        return true;
    }
    return queue->unread > 0 && next_unread(queue, ret_record, ret_ticket);
}
