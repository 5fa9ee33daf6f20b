/*
 * h1_output: what a connection sends.
 *
 * bufferevent would wait for the socket to be writable before its first write, which costs two
 * epoll_ctl() and a turn of the loop for every answer, though an answer nearly always fits into the
 * socket at once. So EV_WRITE is off and we write ourselves; only what does not fit is left to
 * bufferevent's output buffer with EV_WRITE on (`blocked`), until that is empty again.
 */
#ifndef HTTP_H1_OUTPUT_H
#define HTTP_H1_OUTPUT_H

#include "base/slice.h"
#include "net/deadlines.h"

struct bufferevent;
struct evbuffer_cb_entry;

#define H1_OUTPUT_HIGH ((size_t)64 * 1024) /* collected answers that are written at the latest */

struct h1_output {
    struct bufferevent *bev; /* the connection's */
    int fd;                  /* the same socket */
    bool blocked;            /* the socket takes no more; bufferevent's write callback ends it */
    struct evbuffer_cb_entry *progress;
    struct deadlines *queue;
    struct deadline deadline; /* set while blocked, anew each time the client takes something */
};

/* `queue` is that of the write deadlines. */
void h1_output_init(struct h1_output *output, struct bufferevent *bev, struct deadlines *queue);
void h1_output_release(struct h1_output *output);

/*
 * Sends `head` and then `body`. What can't be sent now is kept: copied, but for a `body_static`,
 * which must live as long as the process. With `hold` nothing is sent before the next flush, or
 * before H1_OUTPUT_HIGH bytes are kept. Returns 0, or the socket's error.
 */
int h1_output_send(struct h1_output *output, struct slice head, struct slice body, bool body_static,
                   bool hold);

/* Sends what is kept, unless blocked. Returns 0, or the socket's error. */
int h1_output_flush(struct h1_output *output);

/* bufferevent has written everything. */
void h1_output_unblock(struct h1_output *output);

#endif
