#include "store/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64url.h"
#include "base/clock.h"
#include "base/random.h"

#define SECRET_TEXT   BASE64URL_ENCODED_LEN(KEYRING_SECRET_BYTES)
#define MADE_MAX_S    INT64_C(253402300799) /* the end of the year 9999 */
#define ROTATIONS_MAX 1000                  /* tries while others rotate the same file */

static bool blame(struct err *err, const char *path, const char *what)
{
    (void)err_at(err, "%s", path);
    return err_set(err, "%s: %s", what, strerror(errno));
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool is_private(int fd, const char *path, struct err *err)
{
    struct stat found;
    if (fstat(fd, &found) != 0)
        return blame(err, path, "cannot be looked at");
    (void)err_at(err, "%s", path);
    if (!S_ISREG(found.st_mode))
        return err_set(err, "not a regular file");
    if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return err_set(err, "mode %04o: others may read or write it, allowed is 0600 or 0400",
                       (unsigned)(found.st_mode & 07777));
    return true;
}

static bool read_all(int fd, const char *path, char *text, size_t *ret_len, struct err *err)
{
    size_t len = 0;
    for (;;) {
        ssize_t got = read(fd, text + len, KEYRING_FILE_MAX + 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return blame(err, path, "cannot be read");
        if (got == 0)
            break;
        len += (size_t)got;
        if (len > KEYRING_FILE_MAX)
            return err_set(err, "over %d bytes long", KEYRING_FILE_MAX);
    }
    *ret_len = len;
    return true;
}

static bool parse_id(struct slice text, uint32_t *ret)
{
    uint32_t id = 0;
    if (text.len != 8)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        id = id << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *ret = id;
    return true;
}

static bool parse_secret(struct slice text, uint8_t *ret)
{
    size_t len;
    return base64url_decode(text, ret, KEYRING_SECRET_BYTES, &len) && len == KEYRING_SECRET_BYTES;
}

static bool parse_key(struct slice line, struct keyring_key *ret, struct err *err)
{
    struct slice id, made, secret, rest = line;
    uint64_t made_s = 0;
    if (!slice_next(&rest, ' ', &id) || !slice_next(&rest, ' ', &made) ||
        !slice_next(&rest, ' ', &secret) || rest.ptr)
        return err_set(err, "a line is not `<id> <made> <secret>`");
    if (!parse_id(id, &ret->id))
        return err_set(err, "%s is no key id, allowed are 8 hex digits in lower case",
                       err_quote(id));
    if (!slice_to_u64(made, MADE_MAX_S, &made_s))
        return err_set(err, "%s is no time in unix seconds", err_quote(made));
    if (!parse_secret(secret, ret->secret))
        return err_set(err, "the secret of key %.*s is not %d bytes in base64url", SLICE_ARGS(id),
                       KEYRING_SECRET_BYTES);
    ret->made_us = (int64_t)made_s * US_PER_SECOND;
    return true;
}

static bool parse_lines(struct slice text, struct keyring *ret, struct err *err)
{
    struct slice line;
    ret->count = 0;
    while (text.ptr && slice_next(&text, '\n', &line)) {
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        if (ret->count == KEYRING_KEYS_MAX)
            return err_set(err, "more than %d keys", KEYRING_KEYS_MAX);
        if (!parse_key(line, &ret->keys[ret->count], err))
            return false;
        ret->count++;
    }
    return ret->count > 0 || err_set(err, "no key in it");
}

static int by_age(const void *a, const void *b)
{
    const struct keyring_key *left = a, *right = b;
    return (left->made_us > right->made_us) - (left->made_us < right->made_us);
}

static bool has_twin(const struct keyring *keyring, unsigned at)
{
    for (unsigned i = 0; i < at; i++)
        if (keyring->keys[i].id == keyring->keys[at].id)
            return true;
    return false;
}

/* A key retires when the next one is made. */
static bool order(struct keyring *keyring, struct err *err)
{
    qsort(keyring->keys, keyring->count, sizeof(*keyring->keys), by_age);
    for (unsigned i = 0; i < keyring->count; i++) {
        if (has_twin(keyring, i))
            return err_set(err, "key %08" PRIx32 " stands in it twice", keyring->keys[i].id);
        keyring->keys[i].retired_us =
            i + 1 < keyring->count ? keyring->keys[i + 1].made_us : INT64_MAX;
    }
    return true;
}

static bool load_open(int fd, const char *path, struct keyring *ret, struct err *err)
{
    char text[KEYRING_FILE_MAX + 1];
    struct keyring fresh = {.count = 0};
    size_t len = 0;
    bool good = is_private(fd, path, err) && read_all(fd, path, text, &len, err) &&
                parse_lines(slice_of(text, len), &fresh, err) && order(&fresh, err);
    if (good)
        *ret = fresh;
    OPENSSL_cleanse(text, sizeof(text));
    keyring_wipe(&fresh);
    return good;
}

bool keyring_load(const char *path, struct keyring *ret, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return blame(err, path, "cannot be opened");
    bool good = load_open(fd, path, ret, err);
    (void)close(fd);
    return good;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void make_key(struct keyring_key *key, int64_t now_us)
{
    random_secret(&key->id, sizeof(key->id));
    random_secret(key->secret, sizeof(key->secret));
    key->made_us = now_us;
    key->retired_us = INT64_MAX;
}

static bool print_keys(FILE *file, const struct keyring *keyring)
{
    char secret[SECRET_TEXT];
    bool good = fputs("# Signing keys: id, made (unix seconds), secret. The newest signs.\n"
                      "# Change with `adctl keys rotate`. Keep it readable by its owner alone.\n",
                      file) >= 0;
    for (unsigned i = 0; i < keyring->count; i++) {
        const struct keyring_key *key = &keyring->keys[i];
        size_t len = base64url_encode(secret, key->secret, sizeof(key->secret));
        good = good && fprintf(file, "%08" PRIx32 " %" PRId64 " %.*s\n", key->id,
                               key->made_us / US_PER_SECOND, (int)len, secret) > 0;
    }
    OPENSSL_cleanse(secret, sizeof(secret));
    return good;
}

/*
 * The keys in a new private file beside `path`, synced; its name in `name`. It is given to `owner`,
 * NULL: to nobody else, by its descriptor: in a folder of that owner's the name may by then be a
 * link to somebody else's file.
 */
static bool write_beside(const char *path, const struct keyring *keyring, const struct stat *owner,
                         char *name, size_t size, struct err *err)
{
    int len = snprintf(name, size, "%s.new.XXXXXX", path);
    if (len < 0 || (size_t)len >= size) {
        (void)err_at(err, "%s", path);
        return err_set(err, "the path is too long");
    }
    int fd = mkostemp(name, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return blame(err, path, "no file can be made beside it");
    FILE *file = fdopen(fd, "w");
    bool good = file && print_keys(file, keyring) && fflush(file) == 0 &&
                (!owner || fchown(fd, owner->st_uid, owner->st_gid) == 0) && fsync(fd) == 0;
    if (!good)
        (void)blame(err, path, "cannot be written");
    if (file ? fclose(file) != 0 : close(fd) != 0)
        good = good && blame(err, path, "cannot be written");
    if (!good)
        (void)unlink(name);
    return good;
}

/* So that the new name outlives a crash; what can't be synced is no mistake of the operator's. */
static void sync_folder(const char *path)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash)
        (void)snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path),
                       path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    (void)close(fd);
}

bool keyring_ensure(const char *path, int64_t now_us, struct err *err)
{
    char name[PATH_MAX];
    struct keyring fresh = {.count = 1};
    if (access(path, F_OK) == 0)
        return true;
    make_key(&fresh.keys[0], now_us);
    bool good = write_beside(path, &fresh, NULL, name, sizeof(name), err);
    keyring_wipe(&fresh);
    if (!good)
        return false;
    /* link() does not replace: where another process was faster, its file stays. */
    if (link(name, path) != 0 && errno != EEXIST)
        good = blame(err, path, "cannot be made");
    (void)unlink(name);
    sync_folder(path);
    return good;
}

static void drop_expired(struct keyring *keyring, int64_t now_us, int64_t kept_ms)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < keyring->count; i++) {
        const struct keyring_key *key = &keyring->keys[i];
        if (key->retired_us == INT64_MAX || now_us - key->retired_us <= kept_ms * US_PER_MS)
            keyring->keys[kept++] = *key;
    }
    keyring->count = kept;
}

static bool add_key(struct keyring *keyring, int64_t now_us, int64_t kept_ms, struct err *err)
{
    struct keyring_key *newest = &keyring->keys[keyring->count - 1];
    /* The file's times are whole seconds; the new key must be the newest in it. */
    int64_t made_us = now_us > newest->made_us ? now_us : newest->made_us;
    if (made_us / US_PER_SECOND == newest->made_us / US_PER_SECOND)
        made_us = (newest->made_us / US_PER_SECOND + 1) * US_PER_SECOND;
    newest->retired_us = made_us;
    drop_expired(keyring, now_us, kept_ms);
    if (keyring->count == KEYRING_KEYS_MAX)
        return err_set(err, "it holds %d keys, none of which has expired", KEYRING_KEYS_MAX);
    do
        make_key(&keyring->keys[keyring->count], made_us);
    while (has_twin(keyring, keyring->count));
    keyring->count++;
    return true;
}

/* One rotation of the file that `fd` is and that is locked. */
static bool rotate_locked(int fd, const char *path, int64_t now_us, int64_t kept_ms,
                          uint32_t *ret_id, struct err *err)
{
    char name[PATH_MAX];
    struct keyring keyring;
    struct stat owner; /* run by root, it must stay the server's own file */
    if (fstat(fd, &owner) != 0)
        return blame(err, path, "cannot be looked at");
    if (!load_open(fd, path, &keyring, err))
        return false;
    bool good = add_key(&keyring, now_us, kept_ms, err) &&
                write_beside(path, &keyring, &owner, name, sizeof(name), err);
    if (good && rename(name, path) != 0) {
        good = blame(err, path, "cannot be replaced");
        (void)unlink(name);
    }
    if (good)
        *ret_id = keyring.keys[keyring.count - 1].id;
    keyring_wipe(&keyring);
    sync_folder(path);
    return good;
}

/* Whether `path` is still the file that `fd` is. */
static bool is_current(int fd, const char *path)
{
    struct stat held, named;
    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

bool keyring_rotate(const char *path, int64_t now_us, int64_t kept_ms, uint32_t *ret_id,
                    struct err *err)
{
    char file[PATH_MAX]; /* what a link points at: the link itself stays */
    if (!realpath(path, file))
        return blame(err, path, "cannot be opened");
    for (unsigned tries = 0; tries < ROTATIONS_MAX; tries++) {
        int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
            return blame(err, path, "cannot be opened");
        if (flock(fd, LOCK_EX) == 0 && is_current(fd, file)) {
            bool good = rotate_locked(fd, file, now_us, kept_ms, ret_id, err);
            (void)close(fd);
            return good;
        }
        (void)close(fd); /* another rotation was faster: its file is the one to change */
    }
    (void)err_at(err, "%s", path);
    return err_set(err, "others keep changing it");
}

/* ---- Asking ---------------------------------------------------------------------------------- */

const struct keyring_key *keyring_newest(const struct keyring *keyring)
{
    return &keyring->keys[keyring->count - 1];
}

const struct keyring_key *keyring_find(const struct keyring *keyring, uint32_t id, int64_t now_us,
                                       int64_t ttl_ms)
{
    for (unsigned i = keyring->count; i-- > 0;) {
        const struct keyring_key *key = &keyring->keys[i];
        if (key->id != id)
            continue;
        bool good = key->retired_us == INT64_MAX || now_us - key->retired_us <= ttl_ms * US_PER_MS;
        return good ? key : NULL;
    }
    return NULL;
}

void keyring_wipe(struct keyring *keyring)
{
    OPENSSL_cleanse(keyring, sizeof(*keyring));
}
