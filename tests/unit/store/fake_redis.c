#include "unit/store/fake_redis.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/strbuf.h"
#include "net/loop.h"

#define NAMES_MAX      64
#define NAME_MAX_BYTES 32

struct peer {
    LIST_ENTRY(peer) link;
    struct fake_redis *fake;
    struct bufferevent *stream;
    bool listens; /* has subscribed: PING is answered as to a listener */
};

struct seen {
    char name[NAME_MAX_BYTES];
    unsigned count;
    struct strbuf last;
};

struct fake_redis {
    char folder[64];
    struct redis_target target;
    struct evconnlistener *listener;
    LIST_HEAD(, peer) peers;
    const struct fake_line *lines;
    struct seen seen[NAMES_MAX];
    unsigned accepted, reads;
};

static void drop_peer(struct peer *peer)
{
    LIST_REMOVE(peer, link);
    bufferevent_free(peer->stream);
    free(peer);
}

/* Cuts "*N" or "$N" and its line end off the front; -1 when it is not whole. */
static long read_count(struct slice *rest)
{
    size_t end = slice_find(*rest, '\n');
    if (end == rest->len)
        return -1;
    long count = strtol(rest->ptr + 1, NULL, 10);
    *rest = slice_from(*rest, end + 1);
    return count;
}

/* One command from the front, words joined by spaces; false when it is not whole. */
static bool read_command(struct slice *rest, struct strbuf *ret)
{
    strbuf_clear(ret);
    long words = read_count(rest);
    for (long i = 0; i < words; i++) {
        long len = read_count(rest);
        if (len < 0 || rest->len < (size_t)len + 2)
            return false;
        if (i > 0)
            strbuf_add_char(ret, ' ');
        strbuf_add(ret, rest->ptr, (size_t)len);
        *rest = slice_from(*rest, (size_t)len + 2);
    }
    return words >= 0;
}

static struct seen *seen_of(struct fake_redis *fake, const char *name)
{
    struct seen *seen = fake->seen;
    while (seen->name[0] && strcasecmp(seen->name, name) != 0)
        seen++;
    CHECK(seen < fake->seen + NAMES_MAX - 1);
    return seen;
}

static void note(struct fake_redis *fake, const char *name, const struct strbuf *command)
{
    struct seen *seen = seen_of(fake, name);
    if (seen->count++ == 0)
        strbuf_init(&seen->last, 1 << 20);
    (void)snprintf(seen->name, sizeof seen->name, "%s", name);
    strbuf_clear(&seen->last);
    strbuf_add_slice(&seen->last, strbuf_slice(command));
}

static const struct fake_line healthy[] = {
    {"PING", "+PONG\r\n", 0, false},
    {"CLIENT ID", ":7\r\n", 0, false},
    {"CONFIG", "*0\r\n", 0, false},
    {"SUBSCRIBE", "*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n", 0, false},
    {"PSUBSCRIBE", "*3\r\n$10\r\npsubscribe\r\n$1\r\nx\r\n:1\r\n", 0, false},
    {"", "+OK\r\n", 0, false},
};

static const struct fake_line pong = {"PING", "*2\r\n$4\r\npong\r\n$0\r\n\r\n", 0, false};

static const struct fake_line *line_for(const struct fake_redis *fake, const char *command)
{
    const struct fake_line *line = fake->lines;
    for (; line && line->command; line++) {
        if (strncasecmp(line->command, command, strlen(line->command)) == 0)
            return line;
    }
    for (line = healthy; strncasecmp(line->command, command, strlen(line->command)) != 0;)
        line++;
    return line;
}

/* False when the connection is to end. */
static bool answer(struct peer *peer, const struct strbuf *command)
{
    char name[NAME_MAX_BYTES];
    const struct fake_line *line = line_for(peer->fake, strbuf_cstr(command));
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(strbuf_cstr(command), " "),
                   strbuf_cstr(command));
    note(peer->fake, name, command);
    peer->listens |= strcmp(name, "SUBSCRIBE") == 0;
    if (peer->listens && strcmp(name, "PING") == 0 && line >= healthy &&
        line < healthy + sizeof healthy / sizeof healthy[0])
        line = &pong;
    if (line->bytes)
        (void)bufferevent_write(peer->stream, line->bytes,
                                line->len ? line->len : strlen(line->bytes));
    return !line->then_close;
}

static void on_written(struct bufferevent *stream, void *arg)
{
    (void)stream;
    drop_peer(arg);
}

static void on_read(struct bufferevent *stream, void *arg)
{
    struct peer *peer = arg;
    struct evbuffer *input = bufferevent_get_input(stream);
    size_t len = evbuffer_get_length(input);
    struct slice rest = slice_of((const char *)evbuffer_pullup(input, -1), len), next = rest;
    struct strbuf command;
    bool stays = true;
    strbuf_init(&command, 1 << 20);
    peer->fake->reads++;
    while (stays && rest.len > 0 && read_command(&next, &command)) {
        stays = answer(peer, &command);
        rest = next;
    }
    strbuf_release(&command);
    (void)evbuffer_drain(input, len - rest.len);
    if (!stays && evbuffer_get_length(bufferevent_get_output(stream)) == 0)
        drop_peer(peer);
    else if (!stays)
        bufferevent_setcb(stream, NULL, on_written, NULL, peer);
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    (void)stream, (void)what;
    drop_peer(arg);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int len, void *arg)
{
    struct fake_redis *fake = arg;
    struct peer *peer = check_calloc(1, sizeof *peer);
    (void)address, (void)len;
    fake->accepted++;
    peer->fake = fake;
    peer->stream = bufferevent_socket_new(evconnlistener_get_base(listener), fd,
                                          BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    CHECK(peer->stream != NULL);
    bufferevent_setcb(peer->stream, on_read, NULL, on_event, peer);
    (void)bufferevent_enable(peer->stream, EV_READ | EV_WRITE);
    LIST_INSERT_HEAD(&fake->peers, peer, link);
}

static void listen_at(struct fake_redis *fake, struct loop *loop, const struct sockaddr *address,
                      int len)
{
    fake->listener =
        evconnlistener_new_bind(loop_base(loop), on_accept, fake,
                                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1, address, len);
    CHECK(fake->listener != NULL);
}

struct fake_redis *fake_redis_new_tcp(struct loop *loop)
{
    struct fake_redis *fake = check_calloc(1, sizeof *fake);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    LIST_INIT(&fake->peers);
    listen_at(fake, loop, (const struct sockaddr *)&address, sizeof address);
    CHECK(getsockname(evconnlistener_get_fd(fake->listener), (struct sockaddr *)&address, &len) ==
          0);
    redis_target_move(&fake->target, "127.0.0.1", ntohs(address.sin_port));
    return fake;
}

struct fake_redis *fake_redis_new(struct loop *loop)
{
    struct fake_redis *fake = check_calloc(1, sizeof *fake);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char url[128];
    struct err err;
    memcpy(fake->folder, "/tmp/masthead-fake-XXXXXX", sizeof "/tmp/masthead-fake-XXXXXX");
    CHECK(mkdtemp(fake->folder) != NULL);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", fake->folder);
    (void)snprintf(url, sizeof url, "unix://%s", address.sun_path);
    CHECK(redis_target_parse(url, NULL, &fake->target, &err));
    LIST_INIT(&fake->peers);
    listen_at(fake, loop, (const struct sockaddr *)&address, sizeof address);
    return fake;
}

void fake_redis_free(struct fake_redis *fake)
{
    fake_redis_hang_up(fake);
    evconnlistener_free(fake->listener);
    for (struct seen *seen = fake->seen; seen->name[0]; seen++)
        strbuf_release(&seen->last);
    if (fake->target.unix_path) {
        (void)unlink(fake->target.unix_path);
        (void)rmdir(fake->folder);
    }
    redis_target_release(&fake->target);
    free(fake);
}

const struct redis_target *fake_redis_target(const struct fake_redis *fake)
{
    return &fake->target;
}

void fake_redis_script(struct fake_redis *fake, const struct fake_line *lines)
{
    fake->lines = lines;
}

void fake_redis_push(struct fake_redis *fake, const void *bytes, size_t len)
{
    struct peer *peer;
    LIST_FOREACH (peer, &fake->peers, link)
        (void)bufferevent_write(peer->stream, bytes, len);
}

bool fake_redis_has_peers(const struct fake_redis *fake)
{
    return !LIST_EMPTY(&fake->peers);
}

void fake_redis_hang_up(struct fake_redis *fake)
{
    for (struct peer *peer = LIST_FIRST(&fake->peers), *next; peer; peer = next) {
        next = LIST_NEXT(peer, link);
        drop_peer(peer);
    }
}

unsigned fake_redis_seen(const struct fake_redis *fake, const char *command)
{
    return seen_of((struct fake_redis *)fake, command)->count;
}

unsigned fake_redis_accepted(const struct fake_redis *fake)
{
    return fake->accepted;
}

unsigned fake_redis_reads(const struct fake_redis *fake)
{
    return fake->reads;
}

const char *fake_redis_last(const struct fake_redis *fake, const char *command)
{
    const struct seen *seen = seen_of((struct fake_redis *)fake, command);
    return seen->count ? strbuf_cstr(&seen->last) : "";
}
