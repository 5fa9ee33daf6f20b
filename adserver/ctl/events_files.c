#include "ctl/events_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "store/ledger_keys.h"

#define DIRECTORY_MODE 0777 /* less what umask says */
#define FILE_MODE      0666
#define PENDING_MAX    (4 * 1024 * 1024) /* bytes between two flushes */
#define NAME_LEN       19                /* "00000001-2026112801" */
#define NAME_MAX_BYTES 32
#define INDEX_LEN      8
#define INDEX_MAX      99999999
#define TAIL_BYTES     (2 * EVENTS_LINE_MAX)
#define YEAR_9999_MS   UINT64_C(253402300799999)

struct events_files {
    int dir, lock;
    enum events_format format;
    uint64_t bytes_max;
    char *path; /* for messages */
};

struct events_file {
    struct events_files *files;
    int dir;        /* -1: there is none yet */
    uint64_t index; /* of the one that is written; 0: none */
    char hour[LEDGER_HOUR_MAX];
    uint64_t size; /* of it, without what is pending */
    bool is_new;   /* it has not been made yet */
    struct strbuf pending;
    char campaign[ID_MAX + 1];
};

static bool fail(const struct events_files *files, const char *campaign, const char *name,
                 struct err *err, const char *what)
{
    int error = errno;
    (void)err_at(err, "%s/%s%s%s", files->path, campaign, name[0] ? "/" : "", name);
    return err_set(err, "%s: %s", what, strerror(error));
}

/* ---- The directory --------------------------------------------------------------------------- */

static bool open_directory(struct events_files *files, struct err *err)
{
    (void)err_at(err, "%s", files->path);
    if (mkdir(files->path, DIRECTORY_MODE) != 0 && errno != EEXIST)
        return err_set(err, "cannot be made: %s; allowed: a directory in one that is there",
                       strerror(errno));
    files->dir = open(files->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files->dir < 0)
        return err_set(err, "cannot be opened: %s; allowed: a directory", strerror(errno));
    files->lock = openat(files->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (files->lock < 0)
        return err_set(err, "cannot be written into: %s", strerror(errno));
    if (flock(files->lock, LOCK_EX | LOCK_NB) != 0)
        return err_set(err, "another adctl writes there; allowed: one");
    return true;
}

struct events_files *events_files_open(const char *dir, enum events_format format,
                                       uint64_t bytes_max, struct err *err)
{
    struct events_files *files = check_calloc(1, sizeof *files);
    *files = (struct events_files){
        .dir = -1, .lock = -1, .format = format, .bytes_max = bytes_max, .path = check_strdup(dir)};
    if (open_directory(files, err))
        return files;
    events_files_close(files);
    return NULL;
}

void events_files_close(struct events_files *files)
{
    if (!files)
        return;
    if (files->lock >= 0)
        (void)close(files->lock);
    if (files->dir >= 0)
        (void)close(files->dir);
    free(files->path);
    free(files);
}

/* ---- Names ----------------------------------------------------------------------------------- */

static void name_file(const struct events_file *file, char ret[NAME_MAX_BYTES])
{
    (void)snprintf(ret, NAME_MAX_BYTES, "%08" PRIu64 "-%s.%s", file->index, file->hour,
                   events_format_words[file->files->format]);
}

/* False: it is none of ours. */
static bool read_name(const char *name, uint64_t *ret_index, char ret_hour[LEDGER_HOUR_MAX],
                      enum events_format *ret_format)
{
    struct slice text = slice_cstr(name);
    uint64_t hour;
    unsigned format = 0;
    if (text.len < NAME_LEN + 1 || text.ptr[INDEX_LEN] != '-' || text.ptr[NAME_LEN] != '.' ||
        !slice_to_u64(slice_of(name, INDEX_LEN), INDEX_MAX, ret_index) || *ret_index == 0 ||
        !slice_to_u64(slice_of(name + INDEX_LEN + 1, NAME_LEN - INDEX_LEN - 1), UINT64_MAX, &hour))
        return false;
    while (format < EVENTS_FORMAT_COUNT &&
           !slice_eq(slice_from(text, NAME_LEN + 1), slice_cstr(events_format_words[format])))
        format++;
    *ret_format = (enum events_format)format;
    (void)snprintf(ret_hour, LEDGER_HOUR_MAX, "%010" PRIu64, hour);
    return format < EVENTS_FORMAT_COUNT;
}

/* ---- Where the files end --------------------------------------------------------------------- */

enum tail { TAIL_HAS_POSITION, TAIL_IS_EMPTY, TAIL_FAILED };

/* The position of the last whole line of `text`, the end of the file; `*ret_cut` bytes behind it
 * are none. */
static enum tail find_end(enum events_format format, struct slice text, bool whole_file,
                          struct events_position *ret, size_t *ret_cut)
{
    const char *end = text.len ? memrchr(text.ptr, '\n', text.len) : NULL;
    *ret_cut = text.len;
    if (!end)
        return whole_file ? TAIL_IS_EMPTY : TAIL_FAILED;
    size_t len = (size_t)(end - text.ptr);
    const char *before = len ? memrchr(text.ptr, '\n', len) : NULL;
    struct slice line =
        slice_from(slice_of(text.ptr, len), before ? (size_t)(before + 1 - text.ptr) : 0);
    *ret_cut = text.len - len - 1;
    if (events_format_position(format, line, ret))
        return TAIL_HAS_POSITION;
    return whole_file && !before && format == EVENTS_CSV && slice_starts(line, SLICE("id,"))
               ? TAIL_IS_EMPTY
               : TAIL_FAILED;
}

static bool read_tail(int fd, uint64_t size, char text[TAIL_BYTES], size_t *ret_len)
{
    size_t want = size < TAIL_BYTES ? (size_t)size : TAIL_BYTES;
    ssize_t got = pread(fd, text, want, (off_t)(size - want));
    *ret_len = want;
    return got == (ssize_t)want;
}

/* Takes away a line that was cut off. */
static bool cut_file(const struct events_file *file, int fd, uint64_t size, const char *name,
                     struct err *err)
{
    return (ftruncate(fd, (off_t)size) == 0 && fsync(fd) == 0) ||
           fail(file->files, file->campaign, name, err, "cannot be cut");
}

/* Of the file that `file` names; its size becomes that of its whole lines. */
static enum tail look_at(struct events_file *file, int fd, const char *name,
                         struct events_position *ret, struct err *err)
{
    char text[TAIL_BYTES];
    struct stat stat;
    size_t len, cut;
    if (fstat(fd, &stat) != 0 || !read_tail(fd, (uint64_t)stat.st_size, text, &len)) {
        (void)fail(file->files, file->campaign, name, err, "cannot be read");
        return TAIL_FAILED;
    }
    file->size = (uint64_t)stat.st_size;
    enum tail tail =
        find_end(file->files->format, slice_of(text, len), len == file->size, ret, &cut);
    if (tail == TAIL_FAILED) {
        (void)err_at(err, "%s/%s/%s", file->files->path, file->campaign, name);
        (void)err_set(err, "its last line is no event; allowed: what adctl events wrote there");
        return TAIL_FAILED;
    }
    if (cut > 0 && !cut_file(file, fd, file->size - cut, name, err))
        return TAIL_FAILED;
    file->size -= cut;
    return tail;
}

static enum tail look_at_named(struct events_file *file, const char *name,
                               struct events_position *ret, struct err *err)
{
    int fd = openat(file->dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        (void)fail(file->files, file->campaign, name, err, "cannot be opened");
        return TAIL_FAILED;
    }
    enum tail tail = look_at(file, fd, name, ret, err);
    (void)close(fd);
    return tail;
}

/* Takes `file` to the latest of its files; false: there is none, or, with `err` set, those there
 * are have another format. */
static bool find_latest(struct events_file *file, DIR *list, struct err *err)
{
    const struct dirent *entry;
    file->index = 0;
    rewinddir(list);
    while ((entry = readdir(list))) {
        char hour[LEDGER_HOUR_MAX];
        uint64_t index;
        enum events_format format;
        if (!read_name(entry->d_name, &index, hour, &format))
            continue;
        if (format != file->files->format) {
            (void)err_at(err, "%s/%s/%s", file->files->path, file->campaign, entry->d_name);
            return err_set(err, "is there already; allowed: --format %s, or another directory",
                           events_format_words[format]);
        }
        if (index <= file->index)
            continue;
        file->index = index;
        memcpy(file->hour, hour, sizeof hour);
    }
    return file->index > 0;
}

/* The last one may have been made and not written into; then it is taken away. */
static bool find_position(struct events_file *file, DIR *list, struct events_position *ret,
                          struct err *err)
{
    char name[NAME_MAX_BYTES];
    while (find_latest(file, list, err)) {
        name_file(file, name);
        enum tail tail = look_at_named(file, name, ret, err);
        if (tail != TAIL_IS_EMPTY)
            return tail == TAIL_HAS_POSITION;
        if (unlinkat(file->dir, name, 0) != 0)
            return fail(file->files, file->campaign, name, err, "cannot be removed");
    }
    file->size = 0;
    return !err->text[0];
}

static bool open_campaign(struct events_file *file, struct events_position *ret, struct err *err)
{
    file->dir =
        openat(file->files->dir, file->campaign, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (file->dir < 0)
        return errno == ENOENT || fail(file->files, file->campaign, "", err, "cannot be opened");
    int fd = openat(file->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (!list) {
        (void)fail(file->files, file->campaign, "", err, "cannot be listed");
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    bool good = find_position(file, list, ret, err);
    (void)closedir(list);
    return good;
}

struct events_file *events_file_open(struct events_files *files, struct slice campaign,
                                     struct events_position *ret, struct err *err)
{
    struct events_file *file = check_calloc(1, sizeof *file);
    struct events_position position = {{0, 0}, 0};
    CHECK(id_is_valid(campaign));
    file->files = files;
    file->dir = -1;
    memcpy(file->campaign, campaign.ptr, campaign.len);
    strbuf_init(&file->pending, PENDING_MAX + EVENTS_LINE_MAX);
    *err = (struct err){"", ""};
    if (!open_campaign(file, &position, err)) {
        events_file_free(file);
        return NULL;
    }
    *ret = position;
    return file;
}

void events_file_free(struct events_file *file)
{
    if (!file)
        return;
    if (file->dir >= 0)
        (void)close(file->dir);
    strbuf_release(&file->pending);
    free(file);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static bool make_campaign(struct events_file *file, struct err *err)
{
    const struct events_files *files = file->files;
    if (file->dir >= 0)
        return true;
    if (mkdirat(files->dir, file->campaign, DIRECTORY_MODE) == 0 || errno == EEXIST)
        file->dir =
            openat(files->dir, file->campaign, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return (file->dir >= 0 && fsync(files->dir) == 0) ||
           fail(files, file->campaign, "", err, "cannot be made");
}

static bool write_all(int fd, struct slice text)
{
    while (text.len > 0) {
        ssize_t done = write(fd, text.ptr, text.len);
        if (done < 0 && errno != EINTR)
            return false;
        text = slice_from(text, done > 0 ? (size_t)done : 0);
    }
    return true;
}

bool events_file_flush(struct events_file *file, struct err *err)
{
    char name[NAME_MAX_BYTES];
    if (file->pending.len == 0)
        return true;
    name_file(file, name);
    if (!make_campaign(file, err))
        return false;
    int made = file->is_new ? O_CREAT | O_EXCL : 0;
    int fd =
        openat(file->dir, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | made, FILE_MODE);
    bool good = fd >= 0 && write_all(fd, strbuf_slice(&file->pending)) && fdatasync(fd) == 0 &&
                (!file->is_new || fsync(file->dir) == 0);
    if (!good)
        (void)fail(file->files, file->campaign, name, err, "cannot be written");
    if (fd >= 0)
        (void)close(fd);
    file->size += file->pending.len;
    file->is_new = false;
    strbuf_clear(&file->pending);
    return good;
}

static bool begin_file(struct events_file *file, const char *hour, struct err *err)
{
    if (!events_file_flush(file, err))
        return false;
    if (file->index == INDEX_MAX) {
        (void)err_at(err, "%s/%s", file->files->path, file->campaign);
        return err_set(err, "there are %d files; allowed: another directory", INDEX_MAX);
    }
    file->index++;
    file->size = 0;
    file->is_new = true;
    memcpy(file->hour, hour, LEDGER_HOUR_MAX);
    return true;
}

bool events_file_add(struct events_file *file, struct event_id id, struct slice line,
                     struct err *err)
{
    char hour[LEDGER_HOUR_MAX] = "";
    uint64_t ms = id.ms < YEAR_9999_MS ? id.ms : YEAR_9999_MS;
    uint64_t size = file->size + file->pending.len;
    ledger_hour((int64_t)ms * US_PER_MS, hour);
    CHECK(line.len <= EVENTS_LINE_MAX);
    if ((file->index == 0 || (size > 0 && (strcmp(hour, file->hour) != 0 ||
                                           size + line.len > file->files->bytes_max))) &&
        !begin_file(file, hour, err))
        return false;
    if (file->size + file->pending.len == 0)
        events_format_head(file->files->format, &file->pending);
    strbuf_add_slice(&file->pending, line);
    return file->pending.len < PENDING_MAX || events_file_flush(file, err);
}
