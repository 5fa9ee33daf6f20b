#include "store/spool_orphans.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "store/spool_marks.h"

#define PIECE_BYTES (1024 * 1024) /* of a segment, before what is more urgent is looked for */
#define BAD_SUFFIX  ".bad"
#define LIST_ROOM   (2 * SPOOL_LISTED_MAX) /* names, before the younger ones are left out */

static void note(struct spool_orphans *orphans, enum spool_note_kind kind, const char *name,
                 uint64_t at, uint64_t bytes)
{
    orphans->torn += kind == SPOOL_NOTE_TORN;
    orphans->damaged += kind != SPOOL_NOTE_TORN;
    if (orphans->note_count == SPOOL_NOTES_MAX)
        return;
    struct spool_note *to = &orphans->notes[orphans->note_count++];
    *to = (struct spool_note){.kind = kind, .at = at, .bytes = bytes};
    (void)snprintf(to->name, sizeof to->name, "%s", name);
}

void spool_note_log(const struct spool_note *note)
{
    static const char *const messages[] = {
        [SPOOL_NOTE_TORN] = "spool: the torn end of a file is left out",
        [SPOOL_NOTE_DAMAGED] = "spool: a damaged part of a file is skipped",
        [SPOOL_NOTE_UNREADABLE] = "spool: a file cannot be read",
        [SPOOL_NOTE_FOREIGN] = "spool: a file is no segment of this version; it is named .bad now",
    };
    static struct log_limit limit;
    uint64_t suppressed = 0;
    if (note->kind != SPOOL_NOTE_UNREADABLE)
        log_event(note->kind == SPOOL_NOTE_TORN ? LOG_WARNING : LOG_ERROR, messages[note->kind],
                  LOG_STR("file", note->name), LOG_INT("at", note->at),
                  LOG_INT("bytes", note->bytes));
    else if (log_allowed(&limit, &suppressed))
        log_event(LOG_ERROR, messages[note->kind], LOG_STR("file", note->name),
                  LOG_INT("at", note->at), LOG_STR("error", strerror((int)note->bytes)),
                  LOG_INT("suppressed", suppressed));
}

/* ---- Which files there are ------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Sorts the names and keeps the oldest: of no process is an elder one left out for a younger. */
static void keep_oldest(struct spool_orphans *orphans)
{
    if (orphans->name_count > 0)
        qsort(orphans->names, orphans->name_count, sizeof *orphans->names, compare_names);
    if (orphans->name_count > SPOOL_LISTED_MAX)
        orphans->name_count = SPOOL_LISTED_MAX;
}

static void add_name(struct spool_orphans *orphans, const char *name)
{
    if (orphans->name_count == LIST_ROOM)
        keep_oldest(orphans);
    unsigned count = orphans->name_count;
    if ((count & (count - 1)) == 0) /* a power of two is full */
        orphans->names =
            check_realloc(orphans->names, (count ? 2 * (size_t)count : 1) * sizeof *orphans->names);
    memcpy(orphans->names[count], name, strlen(name) + 1);
    orphans->name_count++;
}

/* What of the file counts towards the limit of the whole spool, apart from its giver's own. */
static uint64_t bytes_of_other(const struct spool_orphans *orphans, const char *name)
{
    struct stat stat;
    if (slice_eq(spool_name_process(name), spool_name_process(orphans->own)) ||
        fstatat(orphans->directory, name, &stat, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(stat.st_mode))
        return 0;
    return (uint64_t)stat.st_size;
}

/* The stream takes its descriptor along, so it gets one of its own. */
static void list(struct spool_orphans *orphans)
{
    int fd = openat(orphans->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    uint64_t bytes = 0;
    orphans->listed = true;
    if (!stream) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    while ((entry = readdir(stream)) != NULL) {
        if (!spool_name_is_segment(entry->d_name))
            continue;
        add_name(orphans, entry->d_name);
        bytes += bytes_of_other(orphans, entry->d_name);
    }
    (void)closedir(stream);
    keep_oldest(orphans);
    atomic_store(&orphans->bytes_of_others, bytes);
    free(orphans->taken);
    orphans->taken = check_calloc(orphans->name_count + 1, sizeof *orphans->taken);
}

/* ---- One file -------------------------------------------------------------------------------- */

/* The lock is ours and the file still has its name; -1 otherwise. */
static int take(struct spool_orphans *orphans, const char *name, uint64_t *ret_size)
{
    struct stat stat;
    int fd =
        openat(orphans->directory, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
        spool_segment_is_there(orphans->directory, name, fd) && fstat(fd, &stat) == 0) {
        *ret_size = (uint64_t)stat.st_size;
        return fd;
    }
    (void)close(fd);
    return -1;
}

static void set_aside(struct spool_orphans *orphans, const char *name)
{
    char bad[SPOOL_NAME_MAX + sizeof BAD_SUFFIX];
    (void)snprintf(bad, sizeof bad, "%s" BAD_SUFFIX, name);
    note(orphans, SPOOL_NOTE_FOREIGN, name, 0, 0);
    (void)renameat(orphans->directory, name, orphans->directory, bad);
}

/* The mark goes first, so that none is left behind: nobody asks for it where there is no record. */
static void remove_empty(const struct spool_orphans *orphans, const char *name)
{
    spool_marks_remove(orphans->marks, spool_marks_find(orphans->marks, name));
    (void)unlinkat(orphans->directory, name, 0);
}

/* What is too short for a head was being made when its process died. */
static bool read_head(struct spool_orphans *orphans, const char *name, int fd, uint64_t size,
                      uint64_t *ret_salt)
{
    char head[SPOOL_HEAD_BYTES];
    if (size < sizeof head) {
        remove_empty(orphans, name);
        return false;
    }
    errno = EIO;
    if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head) {
        note(orphans, SPOOL_NOTE_UNREADABLE, name, 0, (uint64_t)errno);
        return false;
    }
    if (spool_head_read(head, ret_salt))
        return true;
    set_aside(orphans, name);
    return false;
}

/*
 * Whether an elder one of the same process is somebody else's, or ours since an earlier scan, or
 * cannot be read.
 */
static bool has_elder(const struct spool_orphans *orphans, unsigned number)
{
    struct slice process = spool_name_process(orphans->names[number]);
    for (unsigned i = 0; i < number; i++) {
        if (!orphans->taken[i] && slice_eq(spool_name_process(orphans->names[i]), process))
            return true;
    }
    return false;
}

static void begin_segment(struct spool_orphans *orphans, const char *name)
{
    uint64_t size, salt;
    int fd = take(orphans, name, &size);
    if (fd < 0)
        return;
    if (!read_head(orphans, name, fd, size, &salt)) {
        (void)close(fd);
        return;
    }
    orphans->looked_at = spool_segment_new(orphans->directory, name, fd, salt);
    orphans->looked_at->adopted = orphans->looked_at->complete = true;
    orphans->looked_at->source.end = size;
}

/* All records are counted: `at` is behind the last. */
static void end_segment(struct spool_orphans *orphans)
{
    struct spool_segment *segment = orphans->looked_at;
    uint64_t at = segment->read_at;
    orphans->looked_at = NULL;
    if (at < segment->source.end)
        note(orphans, SPOOL_NOTE_TORN, segment->name, at, segment->source.end - at);
    segment->source.end = at;
    segment->read_at = SPOOL_HEAD_BYTES;
    if (segment->records > 0) {
        orphans->found[orphans->found_count++] = segment;
        return;
    }
    remove_empty(orphans, segment->name);
    spool_segment_release(segment);
}

/* Its younger ones must wait for it. */
static void drop_segment(struct spool_orphans *orphans)
{
    spool_segment_release(orphans->looked_at);
    orphans->looked_at = NULL;
    orphans->taken[orphans->next_name - 1] = false;
}

static void count_piece(struct spool_orphans *orphans)
{
    struct spool_segment *segment = orphans->looked_at;
    uint64_t until = segment->read_at + PIECE_BYTES;
    while (segment->read_at < until) {
        struct spool_found found;
        enum spool_look look =
            spool_reader_next(orphans->reader, &segment->source, segment->read_at, &found);
        if (look == SPOOL_LOOK_FAILED) {
            note(orphans, SPOOL_NOTE_UNREADABLE, segment->name, segment->read_at, (uint64_t)errno);
            drop_segment(orphans);
            return;
        }
        if (look == SPOOL_LOOK_NONE) {
            end_segment(orphans);
            return;
        }
        if (found.at > segment->read_at)
            note(orphans, SPOOL_NOTE_DAMAGED, segment->name, segment->read_at,
                 found.at - segment->read_at);
        segment->records++;
        segment->read_at = found.next;
    }
}

/* ---- The scan -------------------------------------------------------------------------------- */

static bool run(struct spool_task *task, bool hurry)
{
    struct spool_orphans *orphans = (struct spool_orphans *)task;
    if (hurry) {
        if (orphans->looked_at)
            drop_segment(orphans);
        return false;
    }
    if (!orphans->listed) {
        list(orphans);
    } else if (orphans->looked_at) {
        count_piece(orphans);
    } else if (orphans->next_name == orphans->name_count) {
        return false;
    } else if (orphans->found_count == orphans->room) {
        orphans->more = true;
        return false;
    } else {
        unsigned number = orphans->next_name++;
        if (!has_elder(orphans, number))
            begin_segment(orphans, orphans->names[number]);
        orphans->taken[number] = orphans->looked_at != NULL;
    }
    return true;
}

void spool_orphans_init(struct spool_orphans *orphans, int directory, const char *own)
{
    orphans->task.run = run;
    orphans->directory = directory;
    orphans->reader = spool_reader_new();
    (void)snprintf(orphans->own, sizeof orphans->own, "%s", own);
}

void spool_orphans_begin(struct spool_orphans *orphans, unsigned room)
{
    CHECK(room <= SPOOL_ADOPTED_MAX);
    orphans->room = room;
    orphans->found_count = orphans->note_count = 0;
    orphans->torn = orphans->damaged = 0;
    orphans->more = orphans->listed = false;
    orphans->name_count = orphans->next_name = 0;
}

void spool_orphans_release(struct spool_orphans *orphans)
{
    for (unsigned i = 0; i < orphans->found_count; i++)
        spool_segment_release(orphans->found[i]);
    spool_reader_free(orphans->reader);
    free(orphans->names);
    free(orphans->taken);
}
