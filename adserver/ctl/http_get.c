#include "ctl/http_get.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SCHEME    "http://"
#define ALLOWED   "http://host:port/path, such as http://127.0.0.1:8081/stats"
#define READ_STEP 65536
#define HEAD_END  "\r\n\r\n"

struct address {
    char host[HTTP_GET_URL_MAX], port[16];
    struct slice authority, path;
};

static bool copy_text(struct slice text, char *to, size_t room)
{
    if (text.len == 0 || text.len >= room)
        return false;
    memcpy(to, text.ptr, text.len);
    to[text.len] = '\0';
    return true;
}

static bool is_plain(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f)
            return false;
    }
    return true;
}

/* "[::1]:8081" and "host" too. */
static bool parse_authority(struct slice authority, struct address *ret)
{
    struct slice host, port = SLICE("80");
    bool bracketed = slice_starts(authority, SLICE("["));
    size_t end = bracketed ? slice_find(authority, ']') : slice_find(authority, ':');
    if (bracketed && end == authority.len)
        return false;
    host = bracketed ? slice_of(authority.ptr + 1, end - 1) : slice_of(authority.ptr, end);
    struct slice rest = slice_from(authority, end + bracketed);
    if (rest.len > 0 && rest.ptr[0] != ':')
        return false;
    if (rest.len > 0)
        port = slice_from(rest, 1);
    ret->authority = authority;
    return copy_text(host, ret->host, sizeof ret->host) &&
           copy_text(port, ret->port, sizeof ret->port);
}

static bool parse_url(const char *url, struct address *ret)
{
    struct slice text = slice_cstr(url);
    if (text.len > HTTP_GET_URL_MAX || !slice_starts(text, SLICE(SCHEME)) || !is_plain(text))
        return false;
    text = slice_from(text, strlen(SCHEME));
    size_t path = slice_find(text, '/');
    ret->path = path < text.len ? slice_from(text, path) : SLICE("/");
    return parse_authority(slice_of(text.ptr, path), ret);
}

static int connect_to(const struct address *address)
{
    const struct timeval timeout = {.tv_sec = HTTP_GET_TIMEOUT_MS / 1000};
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    int fd = -1;
    if (getaddrinfo(address->host, address->port, &hints, &list) != 0)
        return -1;
    for (const struct addrinfo *at = list; at && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd < 0)
            continue;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
        if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
            break;
        (void)close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    return fd;
}

static bool send_all(int fd, struct slice text)
{
    while (text.len > 0) {
        ssize_t sent = send(fd, text.ptr, text.len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        text = slice_from(text, (size_t)sent);
    }
    return true;
}

static bool send_request(int fd, const struct address *address)
{
    struct strbuf request;
    strbuf_init(&request, (size_t)4 * HTTP_GET_URL_MAX);
    strbuf_addf(&request, "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nConnection: close\r\n\r\n",
                SLICE_ARGS(address->path), SLICE_ARGS(address->authority));
    bool good = !request.overflowed && send_all(fd, strbuf_slice(&request));
    strbuf_release(&request);
    return good;
}

/* All until the other side closes. */
static bool receive(int fd, struct strbuf *to)
{
    char part[READ_STEP];
    for (;;) {
        ssize_t got = recv(fd, part, sizeof part, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            return !to->overflowed;
        strbuf_add(to, part, (size_t)got);
    }
}

static bool take_body(const struct strbuf *answer, struct strbuf *body, struct err *err)
{
    struct slice text = strbuf_slice(answer);
    const char *end = text.len > 0 ? memmem(text.ptr, text.len, HEAD_END, strlen(HEAD_END)) : NULL;
    size_t status_end = slice_find(text, '\r');
    if (!end || !slice_starts(text, SLICE("HTTP/1.1 ")))
        return err_set(err,
                       "what answers there speaks no HTTP/1.1; allowed: adserver's admin listener");
    if (!slice_starts(text, SLICE("HTTP/1.1 200")))
        return err_set(err, "it answers %s; allowed: 200",
                       err_quote(slice_of(text.ptr + 9, status_end - 9)));
    strbuf_add_slice(body, slice_from(text, (size_t)(end - text.ptr) + strlen(HEAD_END)));
    return !body->overflowed || err_set(err, "the answer is too large");
}

bool http_get(const char *url, struct strbuf *body, struct err *err)
{
    struct address address;
    struct strbuf answer;
    (void)err_at(err, "%s", err_quote(slice_cstr(url)));
    if (!parse_url(url, &address))
        return err_set(err, "it is no address of a server; allowed: " ALLOWED);
    int fd = connect_to(&address);
    if (fd < 0)
        return err_set(err, "nobody answers there; allowed: the admin address of a running server");
    strbuf_init(&answer, HTTP_GET_MAX);
    bool good = (send_request(fd, &address) && receive(fd, &answer)) ||
                err_set(err, "no whole answer in time");
    good = good && take_body(&answer, body, err);
    strbuf_release(&answer);
    (void)close(fd);
    return good;
}
