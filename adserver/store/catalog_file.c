#include "store/catalog_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "store/raw_record.h"

#define MAGIC       "MASTHEAD CATALOG 1\n"
#define ENTRY_HEAD  6
#define COUNT_BYTES 4

static void add_number(struct strbuf *to, size_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++, number >>= 8)
        strbuf_add_char(to, (char)number);
}

static void digest(struct slice bytes, uint8_t ret[CATALOG_FILE_SEAL])
{
    unsigned len = 0;
    CHECK(EVP_Digest(bytes.ptr, bytes.len, ret, &len, EVP_sha256(), NULL) == 1);
    CHECK(len == CATALOG_FILE_SEAL);
}

void catalog_file_begin(struct strbuf *to, struct slice prefix)
{
    CHECK(prefix.len <= UINT8_MAX);
    strbuf_add_cstr(to, MAGIC);
    add_number(to, prefix.len, 1);
    strbuf_add_slice(to, prefix);
    add_number(to, 0, COUNT_BYTES);
}

void catalog_file_end(struct strbuf *to, struct slice prefix, unsigned entry_count)
{
    size_t at = strlen(MAGIC) + 1 + prefix.len;
    for (unsigned i = 0; i < COUNT_BYTES && !to->overflowed; i++, entry_count >>= 8)
        to->ptr[at + i] = (char)entry_count;
}

void catalog_file_add(struct strbuf *to, enum record_kind kind, struct slice id, struct slice raw)
{
    CHECK(id.len <= UINT8_MAX);
    add_number(to, kind, 1);
    add_number(to, id.len, 1);
    add_number(to, raw.len, 4);
    strbuf_add_slice(to, id);
    strbuf_add_slice(to, raw);
}

void catalog_file_seal(struct strbuf *to)
{
    uint8_t seal[CATALOG_FILE_SEAL];
    digest(strbuf_slice(to), seal);
    strbuf_add(to, seal, sizeof seal);
}

/* ---- Reading ---- */

/* Takes a number off the front; false when it is not whole. */
static bool take_number(struct slice *rest, unsigned bytes, size_t *ret)
{
    size_t number = 0;
    if (rest->len < bytes)
        return false;
    for (unsigned i = bytes; i-- > 0;)
        number = number << 8 | (uint8_t)rest->ptr[i];
    *rest = slice_from(*rest, bytes);
    *ret = number;
    return true;
}

static bool take_bytes(struct slice *rest, size_t len, struct slice *ret)
{
    if (rest->len < len)
        return false;
    *ret = slice_of(rest->ptr, len);
    *rest = slice_from(*rest, len);
    return true;
}

struct file_entry {
    size_t kind;
    struct slice id, raw;
};

static bool take_entry(struct slice *rest, struct file_entry *ret)
{
    size_t id_len, raw_len;
    return take_number(rest, 1, &ret->kind) && ret->kind < RECORD_KIND_COUNT &&
           take_number(rest, 1, &id_len) && take_number(rest, 4, &raw_len) &&
           take_bytes(rest, id_len, &ret->id) && take_bytes(rest, raw_len, &ret->raw);
}

static bool entry_is_whole(const struct file_entry *entry)
{
    struct record_field fields[RECORD_FIELDS_MAX];
    unsigned count;
    return id_is_valid(entry->id) && raw_record_unpack(entry->raw, fields, &count);
}

/* Whether `rest` is `count` whole entries and no more. */
static bool entries_are_whole(struct slice rest, size_t count)
{
    struct file_entry entry;
    for (; count > 0; count--) {
        if (!take_entry(&rest, &entry) || !entry_is_whole(&entry))
            return false;
    }
    return rest.len == 0;
}

static bool check_head(struct slice *rest, struct slice prefix, size_t *ret_count, struct err *err)
{
    struct slice magic, own = SLICE(MAGIC), written;
    size_t prefix_len;
    if (!take_bytes(rest, own.len, &magic) || !slice_eq(magic, own))
        return err_set(err, "is not a catalog file of this version");
    if (!take_number(rest, 1, &prefix_len) || !take_bytes(rest, prefix_len, &written) ||
        !take_number(rest, 4, ret_count))
        return err_set(err, "is cut short");
    if (!slice_eq(written, prefix))
        return err_set(err, "is of the key prefix \"%s\"", err_quote(written));
    return true;
}

bool catalog_file_decode(struct slice bytes, struct slice prefix, catalog_file_fn *fn, void *arg,
                         struct err *err)
{
    uint8_t seal[CATALOG_FILE_SEAL];
    struct file_entry entry;
    size_t count = 0;
    if (bytes.len < CATALOG_FILE_SEAL)
        return err_set(err, "is cut short");
    struct slice rest = slice_of(bytes.ptr, bytes.len - CATALOG_FILE_SEAL);
    digest(rest, seal);
    if (memcmp(seal, rest.ptr + rest.len, sizeof seal) != 0)
        return err_set(err, "is damaged: its checksum is wrong");
    if (!check_head(&rest, prefix, &count, err))
        return false;
    if (!entries_are_whole(rest, count))
        return err_set(err, "is damaged: its entries do not add up");
    while (rest.len > 0 && take_entry(&rest, &entry))
        fn((enum record_kind)entry.kind, entry.id, entry.raw, arg);
    return true;
}

/* All of a file, to be freed; NULL with errno. */
static char *read_whole(int fd, size_t size)
{
    char *bytes = malloc(size + 1);
    size_t len = 0;
    while (bytes && len < size) {
        ssize_t got = read(fd, bytes + len, size - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got == 0 ? EIO : errno;
            free(bytes);
            return NULL;
        }
        len += (size_t)got;
    }
    return bytes;
}

bool catalog_file_read(const char *path, struct slice prefix, catalog_file_fn *fn, void *arg,
                       bool *ret_absent, struct err *err)
{
    struct stat stat;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    (void)err_at(err, "%s", path);
    *ret_absent = fd < 0 && errno == ENOENT;
    if (fd < 0)
        return err_set(err, "cannot be opened: %s", strerror(errno));
    bool right =
        fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && (size_t)stat.st_size <= CATALOG_FILE_MAX;
    char *bytes = right ? read_whole(fd, (size_t)stat.st_size) : NULL;
    int failure = errno;
    (void)close(fd);
    if (!right)
        return err_set(err, "is not a file of at most %zu bytes", CATALOG_FILE_MAX);
    if (!bytes)
        return err_set(err, "cannot be read: %s", strerror(failure));
    right = catalog_file_decode(slice_of(bytes, (size_t)stat.st_size), prefix, fn, arg, err);
    free(bytes);
    return right;
}
