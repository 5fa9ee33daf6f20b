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
#define SENTINEL_PORT       26379
#define SERVICE_MAX         64 /* bytes of a primary's name */
#define ALLOWED                                                                   \
    "allowed are redis://[user:password@]host[:port][/db], unix:///path[?db=N], " \
    "redis-sentinel://[user:password@]name@host[:port],...[/db] and "             \
    "redis-cluster://[user:password@]host[:port],..."

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
static bool parse_host(struct slice text, int default_port, struct redis_address *ret,
                       struct err *err)
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
    uint64_t number = (uint64_t)default_port;
    if (host.len == 0 || memchr(host.ptr, '\0', host.len))
        return err_set(err, "there is no host; " ALLOWED);
    if (port.len > 0 &&
        (port.ptr[0] != ':' || !slice_to_u64(slice_from(port, 1), 65535, &number) || number == 0))
        return err_set(err, "\"%s\" is not a port; allowed is 1 to 65535", err_quote(port));
    *ret = (struct redis_address){copy_of(host), (int)number};
    return true;
}

/* "host:port,host:port". */
static bool parse_hosts(struct slice text, int default_port, struct redis_target *target,
                        struct err *err)
{
    struct slice rest = text, one;
    if (text.len == 0)
        return err_set(err, "there is no host; " ALLOWED);
    while (slice_next(&rest, ',', &one)) {
        if (target->seed_count == REDIS_SEEDS_MAX)
            return err_set(err, "more than %d addresses", REDIS_SEEDS_MAX);
        if (!parse_host(one, default_port, &target->seeds[target->seed_count], err))
            return false;
        target->seed_count++;
    }
    return true;
}

/* Where the last @ before the first / stands, or `text.len`: a password may hold one, a host never
 * does. */
static size_t find_at(struct slice text)
{
    size_t at = text.len;
    for (size_t i = 0; i < text.len; i++)
        at = text.ptr[i] == '@' ? i : at;
    return at;
}

/* What stands behind "redis://" and "redis-cluster://": credentials, hosts, path. */
struct parts {
    struct slice credentials, hosts, path;
    bool has_credentials;
};

static struct parts take_apart(struct slice rest)
{
    size_t authority = slice_find(rest, '/');
    struct slice hosts = slice_of(rest.ptr, authority);
    size_t at = find_at(hosts);
    return (struct parts){.has_credentials = at < hosts.len,
                          .credentials = slice_of(hosts.ptr, at),
                          .hosts = at < hosts.len ? slice_from(hosts, at + 1) : hosts,
                          .path = slice_from(rest, authority + 1)};
}

static bool parse_tcp(struct slice rest, struct redis_target *target, struct err *err)
{
    struct parts parts = take_apart(rest);
    struct redis_address address;
    if (parts.has_credentials && !parse_credentials(parts.credentials, target, err))
        return false;
    if (!parse_host(parts.hosts, DEFAULT_PORT, &address, err))
        return false;
    target->host = address.host;
    target->port = address.port;
    return parse_db(parts.path, target, err);
}

/* A cluster has one database, number 0. */
static bool parse_cluster(struct slice rest, struct redis_target *target, struct err *err)
{
    struct parts parts = take_apart(rest);
    target->kind = REDIS_CLUSTER;
    if (parts.has_credentials && !parse_credentials(parts.credentials, target, err))
        return false;
    if (parts.path.len > 0 && !slice_eq(parts.path, SLICE("0")))
        return err_set(err, "\"%s\" is not a database of a cluster; allowed is 0 alone",
                       err_quote(parts.path));
    return parse_hosts(parts.hosts, DEFAULT_PORT, target, err);
}

static bool is_service_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

/* "name" or "user:password@name". */
static bool parse_service(struct slice text, struct redis_target *target, struct err *err)
{
    size_t at = find_at(text);
    struct slice name = at < text.len ? slice_from(text, at + 1) : text;
    bool good = name.len >= 1 && name.len <= SERVICE_MAX;
    for (size_t i = 0; good && i < name.len; i++)
        good = is_service_byte(name.ptr[i]);
    if (!good)
        return err_set(err,
                       "\"%s\" is not a name that sentinels give a primary; allowed are 1 to %d of "
                       "A-Z a-z 0-9 . - _",
                       err_quote(name), SERVICE_MAX);
    target->service = copy_of(name);
    return at == text.len || parse_credentials(slice_of(text.ptr, at), target, err);
}

/* "sentinel_user=…&sentinel_password=…" */
static bool parse_sentinel_query(struct slice query, struct redis_target *target, struct err *err)
{
    static const struct slice user = SLICE_INIT("sentinel_user="),
                              password = SLICE_INIT("sentinel_password=");
    struct slice rest = query, one;
    while (slice_next(&rest, '&', &one)) {
        bool is_user = slice_starts(one, user);
        char **to = is_user ? &target->sentinel_user : &target->sentinel_password;
        if ((!is_user && !slice_starts(one, password)) || *to)
            return err_set(err,
                           "\"%s\" is not known; allowed are sentinel_user and "
                           "sentinel_password, once each",
                           err_quote(slice_of(one.ptr, slice_find(one, '='))));
        if (!(*to = decoded(slice_from(one, is_user ? user.len : password.len))))
            return err_set(err, "what stands behind %s is not percent-encoded rightly",
                           is_user ? user.ptr : password.ptr);
    }
    if (target->sentinel_user && !target->sentinel_password)
        return err_set(err, "sentinel_user needs sentinel_password beside it");
    return true;
}

static bool parse_sentinel(struct slice rest, struct redis_target *target, struct err *err)
{
    size_t question = slice_find(rest, '?');
    struct parts parts = take_apart(slice_of(rest.ptr, question));
    target->kind = REDIS_SENTINEL;
    if (!parts.has_credentials)
        return err_set(err, "there is no name of a primary before @; " ALLOWED);
    return parse_service(parts.credentials, target, err) &&
           parse_hosts(parts.hosts, SENTINEL_PORT, target, err) &&
           parse_db(parts.path, target, err) &&
           (question == rest.len ||
            parse_sentinel_query(slice_from(rest, question + 1), target, err));
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

static const struct form {
    struct slice scheme;
    bool (*parse)(struct slice rest, struct redis_target *target, struct err *err);
} forms[] = {
    {SLICE_INIT("redis://"), parse_tcp},
    {SLICE_INIT("unix://"), parse_unix},
    {SLICE_INIT("redis-sentinel://"), parse_sentinel},
    {SLICE_INIT("redis-cluster://"), parse_cluster},
};

static bool parse_url(struct slice url, struct redis_target *target, struct err *err)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (slice_starts(url, forms[i].scheme))
            return forms[i].parse(slice_from(url, forms[i].scheme.len), target, err);
    }
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
    for (unsigned i = 0; i < target->seed_count; i++)
        free(target->seeds[i].host);
    free(target->host);
    free(target->unix_path);
    free(target->service);
    free(target->user);
    free(target->sentinel_user);
    forget(&target->password);
    forget(&target->sentinel_password);
    *target = (struct redis_target){0};
}

/* ---- One server of several ---- */

static char *copy_text(const char *text)
{
    return text ? check_strdup(text) : NULL;
}

struct redis_target redis_target_at(const struct redis_target *target, const char *host, int port)
{
    return (struct redis_target){.kind = target->kind,
                                 .host = check_strdup(host),
                                 .port = port,
                                 .db = target->db,
                                 .user = copy_text(target->user),
                                 .password = copy_text(target->password)};
}

struct redis_target redis_target_sentinel(const struct redis_target *target, const char *host,
                                          int port)
{
    return (struct redis_target){.host = check_strdup(host),
                                 .port = port,
                                 .user = copy_text(target->sentinel_user),
                                 .password = copy_text(target->sentinel_password)};
}

void redis_target_move(struct redis_target *target, const char *host, int port)
{
    char *copy = check_strdup(host);
    free(target->host);
    target->host = copy;
    target->port = port;
}

bool redis_target_is_at(const struct redis_target *target, const char *host, int port)
{
    return target->host && strcmp(target->host, host) == 0 && target->port == port;
}
