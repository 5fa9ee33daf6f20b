#include "store/redis_resolve.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "net/loop.h"

#define POLL_MIN_US 500
#define POLL_MAX_US (20 * US_PER_MS)
#define PORT_TEXT   8

struct resolve {
    struct gaicb request; /* the C library's while it asks */
    struct addrinfo hints;
    char *host;
    char port[PORT_TEXT];
    struct loop_timer *timer;
    int64_t poll_us;
    resolve_fn *fn;
    void *arg;
};

static struct resolved copy_addresses(const struct addrinfo *list)
{
    struct resolved resolved = {0};
    for (; list && resolved.count < RESOLVE_ADDRESSES_MAX; list = list->ai_next) {
        memcpy(&resolved.sockaddr[resolved.count], list->ai_addr, list->ai_addrlen);
        resolved.len[resolved.count++] = list->ai_addrlen;
    }
    return resolved;
}

struct resolved resolve_numeric(const char *host, int port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char digits[PORT_TEXT];
    (void)snprintf(digits, sizeof digits, "%u", (unsigned)port % 65536);
    if (getaddrinfo(host, digits, &hints, &list) != 0)
        return (struct resolved){0};
    struct resolved resolved = copy_addresses(list);
    freeaddrinfo(list);
    return resolved;
}

static void resolve_free(struct resolve *resolve)
{
    loop_timer_free(resolve->timer);
    if (resolve->request.ar_result)
        freeaddrinfo(resolve->request.ar_result);
    free(resolve->host);
    free(resolve);
}

static void finish(struct resolve *resolve, int error)
{
    struct resolved resolved = copy_addresses(resolve->request.ar_result);
    resolve_fn *fn = resolve->fn;
    void *arg = resolve->arg;
    resolve_free(resolve);
    fn(&resolved, error ? gai_strerror(error) : NULL, arg);
}

static void poll_request(void *arg)
{
    struct resolve *resolve = arg;
    int error = gai_error(&resolve->request);
    if (error != EAI_INPROGRESS) {
        finish(resolve, error);
        return;
    }
    if (resolve->poll_us < POLL_MAX_US)
        resolve->poll_us *= 2;
    loop_timer_set(resolve->timer, resolve->poll_us);
}

struct resolve *resolve_start(struct loop *loop, const char *host, int port, resolve_fn *fn,
                              void *arg)
{
    struct resolve *resolve = check_calloc(1, sizeof *resolve);
    struct gaicb *list[] = {&resolve->request};
    resolve->host = check_strdup(host);
    (void)snprintf(resolve->port, sizeof resolve->port, "%u", (unsigned)port % 65536);
    resolve->hints = (struct addrinfo){.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    resolve->request = (struct gaicb){
        .ar_name = resolve->host, .ar_service = resolve->port, .ar_request = &resolve->hints};
    resolve->fn = fn;
    resolve->arg = arg;
    resolve->poll_us = POLL_MIN_US;
    resolve->timer = loop_timer_new(loop, poll_request, resolve);
    /* Where no thread can be had the request ends with an error, which the first look finds. */
    (void)getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
    loop_timer_set(resolve->timer, resolve->poll_us);
    return resolve;
}

void resolve_cancel(struct resolve *resolve)
{
    if (!resolve)
        return;
    int state = gai_cancel(&resolve->request);
    if (state == EAI_CANCELED || state == EAI_ALLDONE) {
        resolve_free(resolve);
        return;
    }
    /* The thread still writes to it: its memory is left to it. */
    loop_timer_free(resolve->timer);
    resolve->timer = NULL;
}
