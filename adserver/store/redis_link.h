/*
 * redis_link: the socket to Redis. It looks the name up, connects, and moves bytes; what they say
 * is store/redis.c's business.
 *
 * Nothing here blocks. What is appended to the output during one turn of the loop leaves in one
 * write at the end of that turn. The events come from the loop, but for an on_closed from inside
 * redis_link_open() when the kernel refuses at once.
 */
#ifndef STORE_REDIS_LINK_H
#define STORE_REDIS_LINK_H

#include <sys/types.h>

#include "base/strbuf.h"
#include "store/redis.h"

#define REDIS_OUTPUT_MAX_BYTES (32 * 1024 * 1024) /* not taken by the kernel yet */

struct redis_link;

struct redis_link_events {
    void (*on_open)(void *arg);                    /* connected */
    void (*on_readable)(void *arg);                /* redis_link_read() has something to say */
    void (*on_closed)(const char *why, void *arg); /* could not connect, or could not write */
};

/* `target` must outlive the link. */
struct redis_link *redis_link_new(struct loop *loop, const struct redis_target *target,
                                  const struct redis_link_events *events, void *arg);
void redis_link_free(struct redis_link *link);

/* The target has another address: what the old one led to is of no use any more. */
void redis_link_forget(struct redis_link *link);

/* Begins to connect; ends in on_open or on_closed. A name with several addresses has each tried. */
void redis_link_open(struct redis_link *link);

/* Closes at once, whatever it is doing, and drops the output; no event follows. */
void redis_link_close(struct redis_link *link);

/* Where to append whole commands; then redis_link_flush(). */
struct strbuf *redis_link_output(struct redis_link *link);
void redis_link_flush(struct redis_link *link);

/* Whether the output takes `bytes` more. */
bool redis_link_has_room(const struct redis_link *link, size_t bytes);

/* Bytes since the link was opened: appended to the output, and taken by the kernel. */
uint64_t redis_link_written(const struct redis_link *link);
uint64_t redis_link_sent(const struct redis_link *link);

/* Bytes read; 0: nothing there now; -1: closed by the peer, `*ret_why` says how. */
ssize_t redis_link_read(struct redis_link *link, void *to, size_t capacity, const char **ret_why);

/* Runs on_readable again in the next turn, even when nothing more comes. */
void redis_link_read_again(struct redis_link *link);

#endif
