#include "store/redis_link.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "net/loop.h"
#include "store/redis_resolve.h"

#define KEEP_OUTPUT_BYTES (256 * 1024) /* a larger output buffer is given back when it is empty */

struct redis_link {
    struct loop *loop;
    const struct redis_target *target;
    struct redis_link_events events;
    void *arg;
    int fd; /* -1: closed */
    bool connecting;
    struct event *readable, *writable;
    struct event *end_of_turn; /* flushes */
    struct loop_timer *again;  /* reads on in the next turn */
    struct strbuf output;
    size_t taken;         /* of the output, by the kernel */
    uint64_t sent_before; /* bytes that have left the output buffer */
    struct resolve *lookup;
    struct resolved addresses;
    unsigned next_address;
};

static void try_next_address(struct redis_link *link);

static void drop_socket(struct redis_link *link)
{
    if (link->fd < 0)
        return;
    event_free(link->readable);
    event_free(link->writable);
    link->readable = link->writable = NULL;
    loop_timer_clear(link->again);
    (void)close(link->fd);
    link->fd = -1;
    link->connecting = false;
}

static void reset_output(struct redis_link *link)
{
    if (link->output.capacity > KEEP_OUTPUT_BYTES)
        strbuf_release(&link->output);
    else
        strbuf_clear(&link->output);
    link->taken = 0;
}

void redis_link_close(struct redis_link *link)
{
    resolve_cancel(link->lookup);
    link->lookup = NULL;
    drop_socket(link);
    reset_output(link);
    link->sent_before = 0;
}

static void fail(struct redis_link *link, const char *why)
{
    redis_link_close(link);
    link->events.on_closed(why, link->arg);
}

/* ---- Writing ---- */

/* Moves what is left to the front once that costs less than it frees. */
static void forget_sent(struct redis_link *link)
{
    size_t left = link->output.len - link->taken;
    if (link->taken < left)
        return;
    link->sent_before += link->taken;
    if (left == 0) {
        reset_output(link);
        return;
    }
    memmove(link->output.ptr, link->output.ptr + link->taken, left);
    strbuf_truncate(&link->output, left);
    link->taken = 0;
}

static void write_output(struct redis_link *link)
{
    while (link->taken < link->output.len) {
        ssize_t sent = send(link->fd, link->output.ptr + link->taken,
                            link->output.len - link->taken, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            fail(link, strerror(errno));
            return;
        }
        if (sent < 0)
            break;
        link->taken += (size_t)sent;
    }
    forget_sent(link);
    if (link->output.len > 0)
        (void)event_add(link->writable, NULL);
}

static void on_end_of_turn(evutil_socket_t fd, short what, void *arg)
{
    struct redis_link *link = arg;
    (void)fd, (void)what;
    if (link->fd >= 0 && !link->connecting)
        write_output(link);
}

void redis_link_flush(struct redis_link *link)
{
    event_active(link->end_of_turn, EV_TIMEOUT, 1);
}

struct strbuf *redis_link_output(struct redis_link *link)
{
    return &link->output;
}

bool redis_link_has_room(const struct redis_link *link, size_t bytes)
{
    return bytes <= link->output.max - link->output.len;
}

uint64_t redis_link_written(const struct redis_link *link)
{
    return link->sent_before + link->output.len;
}

uint64_t redis_link_sent(const struct redis_link *link)
{
    return link->sent_before + link->taken;
}

/* ---- Reading ---- */

static void on_again(void *arg)
{
    struct redis_link *link = arg;
    link->events.on_readable(link->arg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct redis_link *link = arg;
    (void)fd, (void)what;
    (void)loop_now_us(link->loop);
    on_again(link);
}

ssize_t redis_link_read(struct redis_link *link, void *to, size_t capacity, const char **ret_why)
{
    ssize_t got;
    CHECK(link->fd >= 0);
    do
        got = recv(link->fd, to, capacity, 0);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        return got;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    *ret_why = got == 0 ? "closed by Redis" : strerror(errno);
    return -1;
}

void redis_link_read_again(struct redis_link *link)
{
    loop_timer_set(link->again, 0);
}

/* ---- Connecting ---- */

static void on_connected(struct redis_link *link)
{
    link->connecting = false;
    link->next_address = link->addresses.count = 0; /* the next time the name is asked again */
    (void)event_add(link->readable, NULL);
    link->events.on_open(link->arg);
}

static void give_address_up(struct redis_link *link, int error)
{
    drop_socket(link);
    if (link->next_address < link->addresses.count)
        try_next_address(link);
    else
        fail(link, strerror(error));
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct redis_link *link = arg;
    int error = 0;
    socklen_t len = sizeof error;
    (void)what;
    if (!link->connecting) {
        write_output(link);
        return;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (error)
        give_address_up(link, error);
    else
        on_connected(link);
}

static void watch_socket(struct redis_link *link)
{
    struct event_base *base = loop_base(link->loop);
    link->readable = event_new(base, link->fd, EV_READ | EV_PERSIST, on_readable, link);
    link->writable = event_new(base, link->fd, EV_WRITE, on_writable, link);
    CHECK(link->readable && link->writable);
    link->connecting = true;
}

static void connect_to(struct redis_link *link, const struct sockaddr *address, socklen_t len)
{
    int yes = 1;
    link->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd < 0) {
        give_address_up(link, errno);
        return;
    }
    watch_socket(link);
    if (address->sa_family != AF_UNIX) {
        (void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        (void)setsockopt(link->fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    }
    if (connect(link->fd, address, len) < 0 && errno != EINPROGRESS)
        give_address_up(link, errno);
    else
        (void)event_add(link->writable, NULL);
}

static void try_next_address(struct redis_link *link)
{
    unsigned i = link->next_address++;
    connect_to(link, (const struct sockaddr *)&link->addresses.sockaddr[i], link->addresses.len[i]);
}

static void on_resolved(const struct resolved *resolved, const char *error, void *arg)
{
    struct redis_link *link = arg;
    link->lookup = NULL;
    link->addresses = *resolved;
    link->next_address = 0;
    if (resolved->count > 0)
        try_next_address(link);
    else
        fail(link, error ? error : "the name has no address");
}

static void open_unix(struct redis_link *link)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CHECK(strlen(link->target->unix_path) < sizeof address.sun_path);
    memcpy(address.sun_path, link->target->unix_path, strlen(link->target->unix_path));
    connect_to(link, (const struct sockaddr *)&address, sizeof address);
}

void redis_link_forget(struct redis_link *link)
{
    link->next_address = link->addresses.count = 0;
}

void redis_link_open(struct redis_link *link)
{
    CHECK(link->fd < 0 && !link->lookup);
    if (link->target->unix_path) {
        open_unix(link);
        return;
    }
    if (link->next_address < link->addresses.count) {
        try_next_address(link);
        return;
    }
    link->addresses = resolve_numeric(link->target->host, link->target->port);
    link->next_address = 0;
    if (link->addresses.count > 0)
        try_next_address(link);
    else
        link->lookup =
            resolve_start(link->loop, link->target->host, link->target->port, on_resolved, link);
}

/* ---- Life ---- */

struct redis_link *redis_link_new(struct loop *loop, const struct redis_target *target,
                                  const struct redis_link_events *events, void *arg)
{
    struct redis_link *link = check_calloc(1, sizeof *link);
    link->loop = loop;
    link->target = target;
    link->events = *events;
    link->arg = arg;
    link->fd = -1;
    strbuf_init(&link->output, REDIS_OUTPUT_MAX_BYTES);
    link->end_of_turn = event_new(loop_base(loop), -1, 0, on_end_of_turn, link);
    CHECK(link->end_of_turn != NULL);
    link->again = loop_timer_new(loop, on_again, link);
    return link;
}

void redis_link_free(struct redis_link *link)
{
    if (!link)
        return;
    redis_link_close(link);
    event_free(link->end_of_turn);
    loop_timer_free(link->again);
    strbuf_release(&link->output);
    free(link);
}
