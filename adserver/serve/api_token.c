#include "serve/api_token.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

#define SCHEME "bearer "

static void hash(struct slice text, uint8_t ret[API_TOKEN_BYTES])
{
    unsigned len = 0;
    CHECK(EVP_Digest(text.len ? text.ptr : "", text.len, ret, &len, EVP_sha256(), NULL) == 1);
    CHECK(len == API_TOKEN_BYTES);
}

static bool check_file(int fd, const char *path, struct err *err)
{
    struct stat found;
    if (fstat(fd, &found) != 0)
        return err_set(err, "%s cannot be looked at: %s", path, strerror(errno));
    if (!S_ISREG(found.st_mode))
        return err_set(err, "%s is not a regular file", path);
    if (found.st_mode & (S_IRWXG | S_IRWXO))
        return err_set(err,
                       "%s has mode %04o: others may read or write it, allowed is 0600 or 0400",
                       path, (unsigned)(found.st_mode & 07777));
    return true;
}

static bool check_token(struct slice token, const char *path, struct err *err)
{
    bool good = token.len >= API_TOKEN_MIN && token.len <= API_TOKEN_MAX;
    for (size_t i = 0; good && i < token.len; i++)
        good = token.ptr[i] > 0x20 && token.ptr[i] < 0x7f;
    return good || err_set(err,
                           "%s holds no token, allowed are %d to %d printable ASCII characters "
                           "without blanks",
                           path, API_TOKEN_MIN, API_TOKEN_MAX);
}

static bool read_file(int fd, const char *path, struct api_token *ret, struct err *err)
{
    char text[API_TOKEN_MAX + 3];
    ssize_t got = read(fd, text, sizeof text);
    if (got < 0)
        return err_set(err, "%s cannot be read: %s", path, strerror(errno));
    struct slice token = slice_of(text, (size_t)got);
    if (slice_ends(token, SLICE("\n")))
        token.len--;
    if (slice_ends(token, SLICE("\r")))
        token.len--;
    if (!check_token(token, path, err))
        return false;
    hash(token, ret->hash);
    OPENSSL_cleanse(text, sizeof text);
    ret->is_set = true;
    return true;
}

bool api_token_read(const char *path, struct api_token *ret, struct err *err)
{
    if (path[0] == '\0') {
        ret->is_set = false;
        return true;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_set(err, "%s cannot be opened: %s", path, strerror(errno));
    bool good = check_file(fd, path, err) && read_file(fd, path, ret, err);
    (void)close(fd);
    return good;
}

/* What is borne; empty where there is no such line, or more than one. */
static struct slice borne(const struct http_request *request)
{
    struct slice found = {NULL, 0};
    unsigned lines = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        if (!slice_eq(request->headers[i].name, SLICE("authorization")))
            continue;
        found = request->headers[i].value;
        lines++;
    }
    if (lines != 1 || found.len < strlen(SCHEME) ||
        !slice_eq_nocase(slice_of(found.ptr, strlen(SCHEME)), SLICE(SCHEME)))
        return (struct slice){NULL, 0};
    return slice_from(found, strlen(SCHEME));
}

bool api_token_is_borne(const struct api_token *token, const struct http_request *request)
{
    uint8_t given[API_TOKEN_BYTES];
    hash(borne(request), given);
    return token->is_set && CRYPTO_memcmp(given, token->hash, sizeof given) == 0;
}
