#include "store/spool.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "net/loop.h"
#include "store/spool_group.h"
#include "store/spool_marks.h"
#include "store/spool_orphans.h"
#include "store/spool_queue.h"
#include "store/spool_thread.h"
#include "store/spool_writer.h"

#define TRIAL_BYTES 4096 /* what is tried of a disk that refused */
#define PHRASE_MAX  128

struct spool {
    struct spool_config config;
    int directory;
    struct spool_thread *thread;
    struct spool_queue queue;
    struct random random;

    struct spool_segment *active; /* appended to; of the queue. NULL: none is */
    struct spool_group gathering; /* comes next */
    struct spool_group writing;   /* the thread's while `busy` */
    struct spool_write write;
    bool busy;
    struct spool_entries refused; /* without a try */
    struct loop_timer *turn;      /* ends the turn: the group leaves, refusals are told */
    bool turn_set;
    bool closing;

    struct spool_task sync; /* of SPOOL_FSYNC_INTERVAL */
    int sync_fd;
    uint64_t sync_id; /* of the segment */
    int sync_failure;
    uint64_t unsynced_id; /* of the last segment whose sync failed; 0: none */
    bool syncing;
    struct loop_timer *sync_timer;
    bool sync_timer_set;

    struct spool_orphans orphans;
    bool scanning;
    struct loop_timer *scan_timer;

    spool_records_fn *on_records;
    void *on_records_arg;
    int failure; /* of the last try; 0: it went well */
    const char *failed;
    char phrase[PHRASE_MAX]; /* of that failure */
};

#define SPOOL_OF(task, member) ((struct spool *)((char *)(task)-offsetof(struct spool, member)))

static void sync_now(void *arg);

static void count(const struct spool *spool, enum metrics_counter counter, uint64_t n)
{
    if (spool->config.metrics && n > 0)
        metrics_add(spool->config.metrics, counter, n);
}

static void tell_records(struct spool *spool)
{
    if (spool->on_records && !spool->closing)
        spool->on_records(spool->on_records_arg);
}

/* ---- Trouble --------------------------------------------------------------------------------- */

static void log_refusal(const char *why, uint64_t records)
{
    static struct log_limit limit;
    uint64_t suppressed;
    if (log_allowed(&limit, &suppressed))
        log_event(LOG_ERROR, "spool: records are refused", LOG_STR("error", why),
                  LOG_INT("records", records), LOG_INT("suppressed", suppressed));
}

static void note_failure(struct spool *spool, const char *failed, int failure, uint64_t records)
{
    spool->failure = failure;
    (void)snprintf(spool->phrase, sizeof spool->phrase, "cannot %s: %s", failed, strerror(failure));
    log_refusal(spool->phrase, records);
    count(spool, COUNTER_SPOOL_REFUSED, records);
}

static void note_success(struct spool *spool)
{
    if (spool->failure)
        log_event(LOG_INFO, "spool: the disk takes records again");
    spool->failure = 0;
}

/* ---- Segments -------------------------------------------------------------------------------- */

static void on_removed(struct spool_segment *segment, void *arg)
{
    const struct spool *spool = arg;
    spool_marks_remove(spool->config.marks, segment->mark);
    spool_segment_remove(segment, spool->thread);
}

static void on_damaged(const struct spool_segment *segment, uint64_t at, uint64_t bytes, int error,
                       void *arg)
{
    const struct spool *spool = arg;
    count(spool, COUNTER_SPOOL_DAMAGED, 1);
    log_event(LOG_ERROR, "spool: records cannot be read", LOG_STR("file", segment->name),
              LOG_INT("at", at), LOG_INT("bytes", bytes),
              LOG_STR("error", error ? strerror(error) : "damaged"));
}

static void leave_active(struct spool *spool)
{
    struct spool_segment *segment = spool->active;
    spool->active = NULL;
    spool_queue_complete(&spool->queue, segment);
}

/* An own segment with nothing left in it goes as soon as nothing is about to be added. */
static void leave_if_done(struct spool *spool)
{
    if (spool->active && !spool->busy && spool->gathering.entries.count == 0 &&
        spool->active->done == spool->active->records)
        leave_active(spool);
}

/* After a sync that failed nobody knows what the disk has: nothing more is to go there. */
static void leave_if_unsynced(struct spool *spool)
{
    if (spool->active && !spool->busy && spool->active->source.id == spool->unsynced_id)
        leave_active(spool);
}

/* ---- A group's way --------------------------------------------------------------------------- */

static bool is_full(const struct spool *spool)
{
    uint64_t limit = spool->config.segment_bytes;
    return spool->active && spool->active->source.end >= limit;
}

/* A full segment makes way for the next one, which the thread makes. */
static void prepare_segment(struct spool *spool)
{
    struct spool_write *write = &spool->write;
    write->sync_first = -1;
    if (is_full(spool)) {
        if (spool->config.fsync == SPOOL_FSYNC_INTERVAL)
            write->sync_first = spool->active->source.fd;
        leave_active(spool);
    }
    write->fd = spool->active ? spool->active->source.fd : -1;
    write->at = spool->active ? spool->active->source.end : 0;
}

static void give_write(struct spool *spool, struct slice bytes, bool trial)
{
    struct spool_write *write = &spool->write;
    int64_t wall_us = clock_wall_us(spool->config.clock);
    prepare_segment(spool);
    write->wall_ms = wall_us > 0 ? (uint64_t)(wall_us / US_PER_MS) : 0;
    write->bytes = bytes;
    write->trial = trial;
    write->sync = spool->config.fsync == SPOOL_FSYNC_ALWAYS;
    spool->busy = true;
    spool_thread_give(spool->thread, &write->task, true);
}

static void submit(struct spool *spool)
{
    if (spool->busy || spool->gathering.entries.count == 0)
        return;
    struct spool_group empty = spool->writing;
    spool->writing = spool->gathering;
    spool->gathering = empty;
    give_write(spool, strbuf_slice(&spool->writing.bytes), false);
}

/* The thread has made a segment. */
static void add_made(struct spool *spool)
{
    const struct spool_write *write = &spool->write;
    spool->active = spool_segment_new(spool->directory, write->name, write->fd, write->salt);
    spool->active->mark = write->mark;
    spool_queue_add(&spool->queue, spool->active);
}

static void sync_later(struct spool *spool)
{
    if (spool->config.fsync != SPOOL_FSYNC_INTERVAL || spool->sync_timer_set || spool->closing)
        return;
    spool->sync_timer_set = true;
    loop_timer_set(spool->sync_timer, SPOOL_SYNC_MS * US_PER_MS);
}

static void take_success(struct spool *spool)
{
    const struct spool_write *write = &spool->write;
    size_t records = spool->writing.entries.count;
    if (write->made)
        add_made(spool);
    if (!write->trial)
        spool_queue_grow(&spool->queue, spool->active, write->at + write->bytes.len, records);
    count(spool, COUNTER_SPOOL_APPENDED, records);
    note_success(spool);
    sync_later(spool);
}

static void take_failure(struct spool *spool)
{
    const struct spool_write *write = &spool->write;
    note_failure(spool, write->failed, write->failure, spool->writing.entries.count);
    if (write->spoilt)
        leave_active(spool);
}

static void finish_write(struct spool_task *task)
{
    struct spool *spool = SPOOL_OF(task, write.task);
    bool durable = spool->write.failure == 0, records = spool->writing.entries.count > 0;
    if (durable)
        take_success(spool);
    else
        take_failure(spool);
    strbuf_clear(&spool->writing.bytes);
    spool->busy = false;
    leave_if_unsynced(spool);
    spool_entries_tell(&spool->writing.entries, durable);
    if (durable && records)
        tell_records(spool);
    submit(spool);
    leave_if_done(spool);
    if (spool->closing && !spool->busy)
        sync_now(spool);
}

/* Refusals first: they are older than what comes of the group. */
static void end_turn(void *arg)
{
    struct spool *spool = arg;
    spool->turn_set = false;
    spool_entries_tell(&spool->refused, false);
    submit(spool);
}

static void need_turn(struct spool *spool)
{
    if (spool->turn_set)
        return;
    spool->turn_set = true;
    loop_timer_set(spool->turn, 0);
}

/* ---- Appending ------------------------------------------------------------------------------- */

/* What lies in the directory once all that was appended is written; the others' as of late. */
static uint64_t bytes_to_be(const struct spool *spool)
{
    return atomic_load(&spool->orphans.bytes_of_others) + spool->queue.own_bytes +
           spool->gathering.bytes.len + spool->writing.bytes.len + SPOOL_HEAD_BYTES;
}

/* Why a record is not even tried; NULL where it is. */
static const char *reason_to_refuse(const struct spool *spool, size_t len)
{
    if (len == 0 || len > SPOOL_RECORD_MAX)
        return "a record is empty or longer than 16 KiB";
    if (bytes_to_be(spool) + SPOOL_RECORD_HEAD + len > spool->config.bytes_max)
        return "spool.bytes_max is reached";
    if (spool->gathering.bytes.len + SPOOL_RECORD_HEAD + len > SPOOL_PENDING_MAX)
        return "the disk is too slow";
    return NULL;
}

void spool_append(struct spool *spool, struct slice record, spool_fn *fn, void *arg)
{
    const char *reason = reason_to_refuse(spool, record.len);
    if (reason) {
        log_refusal(reason, 1);
        count(spool, COUNTER_SPOOL_REFUSED, 1);
        spool_entries_add(&spool->refused, fn, arg);
    } else {
        spool_record_add(&spool->gathering.bytes, spool->write.salt, record);
        spool_entries_add(&spool->gathering.entries, fn, arg);
    }
    need_turn(spool);
}

/* ---- Syncing each second --------------------------------------------------------------------- */

static bool run_sync(struct spool_task *task, bool hurry)
{
    struct spool *spool = SPOOL_OF(task, sync);
    (void)hurry;
    spool->sync_failure = fdatasync(spool->sync_fd) == 0 ? 0 : errno;
    return false;
}

/*
 * The records have been acknowledged: all that can be done is to say so and not to go on there, at
 * once or as soon as the group is written that is on its way there.
 */
static void finish_sync(struct spool_task *task)
{
    struct spool *spool = SPOOL_OF(task, sync);
    spool->syncing = false;
    if (spool->sync_failure == 0)
        return;
    note_failure(spool, "sync", spool->sync_failure, 0);
    spool->unsynced_id = spool->sync_id;
    leave_if_unsynced(spool);
}

static void sync_now(void *arg)
{
    struct spool *spool = arg;
    spool->sync_timer_set = false;
    if (spool->syncing)
        sync_later(spool);
    if (spool->syncing || !spool->active || spool->config.fsync != SPOOL_FSYNC_INTERVAL)
        return;
    spool->syncing = true;
    spool->sync_fd = spool->active->source.fd;
    spool->sync_id = spool->active->source.id;
    spool_thread_give(spool->thread, &spool->sync, true);
}

/* ---- Orphans --------------------------------------------------------------------------------- */

static void adopt(struct spool *spool, struct spool_segment *segment)
{
    count(spool, COUNTER_SPOOL_ADOPTED, segment->records);
    log_event(LOG_INFO, "spool: adopted a file that nobody held", LOG_STR("file", segment->name),
              LOG_INT("records", segment->records), LOG_INT("bytes", segment->source.end));
    segment->mark = spool_marks_find(spool->config.marks, segment->name);
    spool_queue_add(&spool->queue, segment);
}

/* Processes that were forked together drift apart. */
static void scan_later(struct spool *spool)
{
    int64_t half_us = SPOOL_SCAN_MS * US_PER_MS / 2;
    loop_timer_set(spool->scan_timer,
                   half_us + (int64_t)random_below(&spool->random, 2 * (uint64_t)half_us));
}

static void finish_scan(struct spool_task *task)
{
    struct spool *spool = SPOOL_OF(task, orphans.task);
    struct spool_orphans *orphans = &spool->orphans;
    unsigned found = orphans->found_count;
    spool->scanning = false;
    for (unsigned i = 0; i < orphans->note_count; i++)
        spool_note_log(&orphans->notes[i]);
    count(spool, COUNTER_SPOOL_TORN, orphans->torn);
    count(spool, COUNTER_SPOOL_DAMAGED, orphans->damaged);
    if (spool->closing)
        return; /* what was found is let go of with the rest */
    for (unsigned i = 0; i < found; i++)
        adopt(spool, orphans->found[i]);
    orphans->found_count = 0;
    scan_later(spool);
    if (found > 0)
        tell_records(spool);
}

/* A disk that refused is tried without a record, or nobody would know when it is well again. */
static void try_again(struct spool *spool)
{
    static const char zeros[TRIAL_BYTES];
    if (spool->failure && !spool->busy && spool->gathering.entries.count == 0)
        give_write(spool, slice_of(zeros, sizeof zeros), true);
}

/* With as many orphans as may be it still looks, for what the others take of the disk. */
static void scan(void *arg)
{
    struct spool *spool = arg;
    unsigned adopted = spool->queue.adopted;
    try_again(spool);
    if (spool->scanning) {
        scan_later(spool);
        return;
    }
    spool->scanning = true;
    spool_orphans_begin(&spool->orphans,
                        adopted < SPOOL_ADOPTED_MAX ? SPOOL_ADOPTED_MAX - adopted : 0);
    spool_thread_give(spool->thread, &spool->orphans.task, false);
}

/* ---- Replay and questions -------------------------------------------------------------------- */

bool spool_next(struct spool *spool, struct slice *ret_record, uint64_t *ret_ticket)
{
    return spool_queue_next(&spool->queue, ret_record, ret_ticket);
}

bool spool_is_adopted(const struct spool *spool, uint64_t ticket)
{
    uint64_t at;
    const struct spool_segment *segment = spool_queue_place(&spool->queue, ticket, &at);
    return segment && segment->adopted;
}

void spool_pass(struct spool *spool, uint64_t ticket)
{
    uint64_t at;
    const struct spool_segment *segment = spool_queue_place(&spool->queue, ticket, &at);
    if (segment)
        spool_marks_raise(spool->config.marks, segment->mark, at + 1);
}

bool spool_was_passed(const struct spool *spool, uint64_t ticket)
{
    uint64_t at;
    const struct spool_segment *segment = spool_queue_place(&spool->queue, ticket, &at);
    return segment && segment->adopted &&
           (segment->mark < 0 || at < spool_marks_get(spool->config.marks, segment->mark));
}

void spool_done(struct spool *spool, uint64_t ticket)
{
    uint64_t before = spool->queue.waiting;
    unsigned adopted = spool->queue.adopted;
    spool_queue_done(&spool->queue, ticket);
    count(spool, COUNTER_SPOOL_DONE, before - spool->queue.waiting);
    if (spool->queue.adopted < adopted && !spool->scanning && spool->orphans.more)
        loop_timer_set(spool->scan_timer, 0);
    leave_if_done(spool);
}

void spool_rewind(struct spool *spool)
{
    spool_queue_rewind(&spool->queue);
}

void spool_on_records(struct spool *spool, spool_records_fn *fn, void *arg)
{
    spool->on_records = fn;
    spool->on_records_arg = arg;
}

uint64_t spool_waiting(const struct spool *spool)
{
    return spool->queue.waiting;
}

uint64_t spool_bytes(const struct spool *spool)
{
    return spool->queue.bytes;
}

const char *spool_trouble(const struct spool *spool)
{
    if (spool->failure)
        return spool->phrase;
    const char *reason = reason_to_refuse(spool, SPOOL_RECORD_MAX);
    return reason ? reason : "";
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void init_orphans(struct spool *spool)
{
    struct spool_namer namer = spool->write.namer; /* a copy: no name is used up */
    char own[SPOOL_NAME_MAX];
    spool_name_next(&namer, 0, own);
    spool_orphans_init(&spool->orphans, spool->directory, own);
    spool->orphans.marks = spool->config.marks;
    spool->orphans.task.finish = finish_scan;
}

static void init_write(struct spool *spool)
{
    struct spool_write *write = &spool->write;
    spool_write_init(write);
    write->task.finish = finish_write;
    write->directory = spool->directory;
    write->marks = spool->config.marks;
    write->namer.pid = (uint32_t)getpid();
    random_secret(&write->namer.random, sizeof write->namer.random);
    random_secret(&write->salt, sizeof write->salt);
}

struct spool *spool_new(const struct spool_config *config, struct err *err)
{
    int directory = spool_directory_open(config->state_dir, err);
    if (directory < 0)
        return NULL;
    struct spool *spool = check_calloc(1, sizeof *spool);
    spool->config = *config;
    if (spool->config.segment_bytes == 0)
        spool->config.segment_bytes = SPOOL_SEGMENT_BYTES;
    spool->config.state_dir = NULL; /* the caller's */
    spool->directory = directory;
    random_seed_from_system(&spool->random);
    init_write(spool);
    spool_group_init(&spool->gathering);
    spool_group_init(&spool->writing);
    spool_queue_init(&spool->queue, on_removed, on_damaged, spool);
    init_orphans(spool);
    spool->sync = (struct spool_task){.run = run_sync, .finish = finish_sync};
    spool->turn = loop_timer_new(config->loop, end_turn, spool);
    spool->sync_timer = loop_timer_new(config->loop, sync_now, spool);
    spool->scan_timer = loop_timer_new(config->loop, scan, spool);
    spool->thread = spool_thread_new(config->loop);
    loop_timer_set(spool->scan_timer, 0);
    return spool;
}

/* Without a thread any more: what it may still be using stays behind. */
static void release(struct spool *spool)
{
    spool_orphans_release(&spool->orphans);
    spool_queue_release(&spool->queue);
    spool_group_release(&spool->gathering);
    spool_group_release(&spool->writing);
    free(spool->refused.list);
    (void)close(spool->directory);
    free(spool);
}

void spool_free(struct spool *spool)
{
    if (!spool)
        return;
    spool->closing = true;
    loop_timer_free(spool->turn);
    loop_timer_free(spool->sync_timer);
    loop_timer_free(spool->scan_timer);
    spool_entries_tell(&spool->refused, false);
    submit(spool);
    if (!spool->busy)
        sync_now(spool);
    bool ended = spool_thread_end(spool->thread, SPOOL_FREE_MS);
    spool_entries_tell(&spool->writing.entries, false);
    spool_entries_tell(&spool->gathering.entries, false);
    if (ended)
        release(spool);
    else
        log_event(LOG_ERROR, "spool: the disk did not answer in time");
}
