/*
 * h1_connection: one client's connection, request after request.
 *
 *     IDLE -> READING -> WAITING -> IDLE …                 kept alive
 *                  \         \--> CLOSING -> LINGERING -> gone
 *                   \---------------^  refused, late
 *
 * READING: a request has begun to arrive. WAITING: the handler has it. CLOSING: the last answer is
 * on its way. LINGERING: all is sent and our side is shut; what the client still sends is read and
 * dropped for a moment, because closing on unread bytes would reset the connection and could take
 * the answer away from the client.
 *
 * Whatever the state, while the socket takes no more of what is to be sent (`output.blocked`) no
 * further request is begun, and the input that piles up meanwhile is bounded.
 */
#ifndef HTTP_H1_CONNECTION_H
#define HTTP_H1_CONNECTION_H

#include "http/h1_output.h"
#include "http/h1_server.h"

#define H1_READ_AHEAD   ((size_t)16 * 1024) /* bytes that may wait; one read adds as many */
#define H1_LINGER_BYTES ((size_t)256 * 1024)
#define H1_LINGER_US    (2 * US_PER_SECOND)

enum h1_state {
    H1_IDLE,
    H1_READING,
    H1_WAITING,
    H1_CLOSING,
    H1_LINGERING,
    H1_DEAD, /* to be freed by whoever is working on it */
};

struct h1_connection {
    struct h1_server *server;
    struct bufferevent *bev; /* owns the socket */
    enum h1_state state;
    bool working; /* requests are being read: whoever does that settles and frees */
    bool paused;  /* more than H1_READ_AHEAD waits to be read */
    bool ended;   /* the client sends nothing more; it may still read */
    bool final;   /* the client has said that it sends no request after the one answered last */
    bool refused; /* over a limit: answered before it asked */
    bool counted; /* in the server's table of peers */
    struct net_ip peer;
    uint64_t answered;
    size_t lingered;              /* bytes dropped */
    enum metrics_counter reason;  /* why it closes; COUNTER_COUNT: it does not yet */
    struct h1_exchange *exchange; /* in READING and WAITING */
    struct h1_output output;
    struct deadline deadline; /* head, idle, linger or grace */
    struct deadline request_deadline;
    TAILQ_ENTRY(h1_connection) link;
};

/* Takes over the socket, and waits for the first request. */
struct h1_connection *h1_connection_new(struct h1_server *server, int fd,
                                        const struct net_ip *peer);

/* Answers 503 and closes: a limit is reached. */
void h1_connection_refuse(struct h1_connection *connection);

/* Draining began: if it is idle its grace does. */
void h1_connection_drain(struct h1_connection *connection);

/* At once, whatever goes on. */
void h1_connection_close(struct h1_connection *connection, enum metrics_counter reason);

/* The deadlines of the server's queues. */
deadline_fn h1_on_head_due, h1_on_request_due, h1_on_write_due, h1_on_idle_due, h1_on_linger_due,
    h1_on_grace_due;

extern const struct http_carrier h1_carrier;

#endif
