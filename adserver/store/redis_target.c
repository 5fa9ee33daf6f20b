#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/check.h"
#include "store/redis.h"

#define DEFAULT_PORT        6379
#define DB_MAX              65535
#define PASSWORD_MAX        1024 /* bytes of a password file's first line */
#define UNIX_PATH_MAX_BYTES (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)
#define ALLOWED             "allowed are redis://[user:password@]host[:port][/db] and unix:///path[?db=N]"

static char *copy_of(struct slice text)
{
    char *copy = check_malloc(text.len + 1);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A copy with its %XX resolved; NULL where one is malformed or stands for NUL. */
static char *decoded(struct slice text)
{
    char *result = check_malloc(text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int byte = (unsigned char)text.ptr[i];
        if (byte == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text.ptr[i + 2]) : -1;
            byte = low >= 0 ? high * 16 + low : 0;
            i += 2;
        }
        if (byte == 0) {
            free(result);
            return NULL;
        }
        result[len++] = (char)byte;
    }
    result[len] = '\0';
    return result;
}

static bool parse_db(struct slice text, struct redis_target *target, struct err *err)
{
    uint64_t db = 0;
    if (text.len > 0 && !slice_to_u64(text, DB_MAX, &db))
        return err_set(err, "\"%s\" is not a database number; allowed is 0 to %d", err_quote(text),
                       DB_MAX);
    target->db = (int)db;
    return true;
}

static bool parse_credentials(struct slice text, struct redis_target *target, struct err *err)
{
    size_t colon = slice_find(text, ':');
    struct slice user = slice_of(text.ptr, colon);
    if (colon == text.len)
        return err_set(err, "what stands before @ has no colon; write user:password or :password");
    if (user.len > 0 && !(target->user = decoded(user)))
        return err_set(err, "the user name is not percent-encoded rightly");
    if (!(target->password = decoded(slice_from(text, colon + 1))))
        return err_set(err, "the password is not percent-encoded rightly");
    return true;
}

/* "host", "host:port", "[v6]:port". */
static bool parse_host(struct slice text, struct redis_target *target, struct err *err)
{
    struct slice host = text, port;
    if (text.len > 0 && text.ptr[0] == '[') {
        size_t end = slice_find(text, ']');
        host = slice_of(text.ptr + 1, end < text.len ? end - 1 : 0);
        port = slice_from(text, end + 1);
    } else {
        host.len = slice_find(text, ':');
        port = slice_from(text, host.len);
    }
    uint64_t number = DEFAULT_PORT;
    if (host.len == 0 || memchr(host.ptr, '\0', host.len))
        return err_set(err, "there is no host; " ALLOWED);
    if (port.len > 0 &&
        (port.ptr[0] != ':' || !slice_to_u64(slice_from(port, 1), 65535, &number) || number == 0))
        return err_set(err, "\"%s\" is not a port; allowed is 1 to 65535", err_quote(port));
    target->host = copy_of(host);
    target->port = (int)number;
    return true;
}

/* What stands behind "redis://". */
static bool parse_tcp(struct slice rest, struct redis_target *target, struct err *err)
{
    size_t at = rest.len; /* the last @: a password may hold one, a host never does */
    size_t authority = slice_find(rest, '/');
    for (size_t i = 0; i < authority; i++)
        at = rest.ptr[i] == '@' ? i : at;
    struct slice host = slice_of(rest.ptr, authority);
    if (at < rest.len) {
        if (!parse_credentials(slice_of(rest.ptr, at), target, err))
            return false;
        host = slice_from(host, at + 1);
    }
    return parse_host(host, target, err) && parse_db(slice_from(rest, authority + 1), target, err);
}

/* What stands behind "unix://". */
static bool parse_unix(struct slice rest, struct redis_target *target, struct err *err)
{
    size_t question = slice_find(rest, '?');
    struct slice path = slice_of(rest.ptr, question);
    struct slice query = slice_from(rest, question + 1);
    if (path.len == 0 || path.ptr[0] != '/' || path.len > UNIX_PATH_MAX_BYTES)
        return err_set(err, "\"%s\" is not an absolute path of at most %zu bytes", err_quote(path),
                       UNIX_PATH_MAX_BYTES);
    if (query.len > 0 && !slice_starts(query, SLICE("db=")))
        return err_set(err, "\"%s\" is not known; allowed is db=N", err_quote(query));
    target->unix_path = copy_of(path);
    return parse_db(slice_from(query, 3), target, err);
}

static bool parse_url(struct slice url, struct redis_target *target, struct err *err)
{
    struct slice tcp = SLICE("redis://"), local = SLICE("unix://");
    if (slice_starts(url, tcp))
        return parse_tcp(slice_from(url, tcp.len), target, err);
    if (slice_starts(url, local))
        return parse_unix(slice_from(url, local.len), target, err);
    if (slice_starts(url, SLICE("redis-sentinel:")) || slice_starts(url, SLICE("redis-cluster:")))
        return err_set(err, "Sentinel and Cluster are not in effect yet; " ALLOWED);
    return err_set(err, "\"%s\" is not an address of Redis; " ALLOWED, err_quote(url));
}

static bool read_password(const char *path, struct redis_target *target, struct err *err)
{
    char line[PASSWORD_MAX + 2];
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(err, "cannot open %s: %s", path, strerror(errno));
    char *got = fgets(line, sizeof line, file);
    (void)fclose(file);
    size_t len = got ? strcspn(line, "\r\n") : 0;
    if (len == 0 || len > PASSWORD_MAX)
        return err_set(err, "the first line of %s must be a password of 1 to %d bytes", path,
                       PASSWORD_MAX);
    free(target->password);
    target->password = copy_of(slice_of(line, len));
    explicit_bzero(line, sizeof line);
    return true;
}

bool redis_target_parse(const char *url, const char *password_file, struct redis_target *ret,
                        struct err *err)
{
    struct redis_target target = {0};
    bool wants_file = password_file && password_file[0];
    if (!parse_url(slice_cstr(url), &target, err) ||
        (wants_file && !read_password(password_file, &target, err))) {
        redis_target_release(&target);
        return false;
    }
    *ret = target;
    return true;
}

static void forget(char **secret)
{
    if (*secret)
        explicit_bzero(*secret, strlen(*secret));
    free(*secret);
    *secret = NULL;
}

void redis_target_release(struct redis_target *target)
{
    free(target->host);
    free(target->unix_path);
    free(target->user);
    forget(&target->password);
    *target = (struct redis_target){0};
}
