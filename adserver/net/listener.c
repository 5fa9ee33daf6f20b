#include "net/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"

#define LISTENER_BACKLOG        4096
#define LISTENER_ACCEPTS_A_TURN 4
#define LISTENER_PAUSE_US       (250 * US_PER_MS)
/* Descriptors left for what must go on near the limit: Redis, files, a reload. */
#define LISTENER_SPARE_FDS 16

struct listener {
    struct loop *loop;
    struct event event;
    struct loop_timer *pause;
    int fd;
    struct metrics *metrics;
    listener_accept_fn *fn;
    void *context;
};

/* ---- Opening --------------------------------------------------------------------------------- */

/* A socket file whose server is gone would keep the address taken for ever. */
static void remove_dead_socket(const struct net_address *address)
{
    const char *path = ((const struct sockaddr_un *)&address->sockaddr)->sun_path;
    struct stat status;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (stat(path, &status) == 0 && S_ISSOCK(status.st_mode) &&
        connect(fd, (const struct sockaddr *)&address->sockaddr, address->len) < 0 &&
        errno == ECONNREFUSED)
        (void)unlink(path);
    (void)close(fd);
}

static void set_option(int fd, int level, int option, int value)
{
    CHECK(setsockopt(fd, level, option, &value, sizeof value) == 0);
}

/* Where there is no IPv6 "all addresses" are those of IPv4. */
static struct net_address usable(const struct net_address *address)
{
    struct net_address used = *address;
    int fd = socket(address->sockaddr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)close(fd);
    } else if (errno == EAFNOSUPPORT && address->text[0] == ':') {
        struct sockaddr_in any = {.sin_family = AF_INET,
                                  .sin_port =
                                      ((const struct sockaddr_in6 *)&address->sockaddr)->sin6_port};
        memcpy(&used.sockaddr, &any, sizeof any);
        used.len = sizeof any;
    }
    return used;
}

static bool bind_and_listen(int fd, const struct net_address *address)
{
    int family = address->sockaddr.ss_family;
    if (family == AF_UNIX)
        remove_dead_socket(address);
    else
        set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    /* Accepted sockets inherit it: an answer is written at once and whole. */
    if (family != AF_UNIX)
        set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    return bind(fd, (const struct sockaddr *)&address->sockaddr, address->len) == 0 &&
           listen(fd, LISTENER_BACKLOG) == 0;
}

static void tell(const struct net_address *address, int error, struct err *err)
{
    if (error == EADDRINUSE)
        (void)err_set(err, "%s is taken by another process; choose another address", address->text);
    else
        (void)err_set(err, "cannot listen on %s: %s", address->text, strerror(error));
}

int listener_open(const struct net_address *address, struct err *err)
{
    struct net_address used = usable(address);
    int fd = socket(used.sockaddr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind_and_listen(fd, &used))
        return fd;
    tell(address, errno, err);
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

/* ---- Accepting ------------------------------------------------------------------------------- */

static void pause_accepting(struct listener *listener)
{
    (void)event_del(&listener->event);
    loop_timer_set(listener->pause, LISTENER_PAUSE_US);
}

static void begin_pause(struct listener *listener, const char *why)
{
    static struct log_limit limit;
    uint64_t suppressed;
    metrics_add(listener->metrics, COUNTER_CONNECTION_ACCEPT_PAUSED, 1);
    if (log_allowed(&limit, &suppressed))
        log_event(LOG_WARNING, "listener: accepting pauses", LOG_STR("reason", why),
                  LOG_INT("suppressed", suppressed));
    pause_accepting(listener);
}

/* New descriptors get the lowest free number, so that it tells how many are left. */
static bool near_limit(int lowest_free)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    return lowest_free < 0 || (rlim_t)lowest_free + LISTENER_SPARE_FDS >= limit.rlim_cur;
}

static void on_pause_over(void *arg)
{
    struct listener *listener = arg;
    int probe = dup(listener->fd);
    bool again = near_limit(probe);
    if (probe >= 0)
        (void)close(probe);
    if (again)
        pause_accepting(listener);
    else
        CHECK(event_add(&listener->event, NULL) == 0);
}

/* What accept() says of the connection or the network, not of us: the next one may be fine. */
static bool is_passing(int error)
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == EPERM ||
           error == ENETDOWN || error == ENETUNREACH || error == EHOSTDOWN ||
           error == EHOSTUNREACH || error == ENOPROTOOPT || error == ENONET || error == EOPNOTSUPP;
}

/* False: that is all for this turn. */
static bool accept_one(struct listener *listener)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof peer;
    int fd = accept4(listener->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return false;
    if (fd < 0 && is_passing(errno))
        return true;
    if (fd < 0) {
        begin_pause(listener, strerror(errno));
        return false;
    }
    bool last = near_limit(fd);
    if (last)
        begin_pause(listener, "few descriptors are left");
    struct net_ip ip = net_ip_of((const struct sockaddr *)&peer);
    listener->fn(fd, &ip, listener->context);
    return !last;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)loop_now_us(((struct listener *)arg)->loop);
    for (int i = 0; i < LISTENER_ACCEPTS_A_TURN && accept_one(arg); i++)
        continue;
}

struct listener *listener_new(struct loop *loop, int fd, struct metrics *metrics,
                              listener_accept_fn *fn, void *context)
{
    struct listener *listener = check_calloc(1, sizeof *listener);
    *listener =
        (struct listener){.loop = loop, .fd = fd, .metrics = metrics, .fn = fn, .context = context};
    listener->pause = loop_timer_new(loop, on_pause_over, listener);
    CHECK(event_assign(&listener->event, loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable,
                       listener) == 0);
    CHECK(event_add(&listener->event, NULL) == 0);
    return listener;
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    (void)event_del(&listener->event);
    loop_timer_free(listener->pause);
    free(listener);
}
