/*
 * h1_rules: what a head that parsed well must still obey (RFC 9112: target, Host, framing; RFC
 * 9110: Expect), and what it means for the connection.
 */
#ifndef HTTP_H1_RULES_H
#define HTTP_H1_RULES_H

#include "http/h1_head.h"

/* How the request's body and its connection go on. */
struct h1_framing {
    bool chunked;
    uint64_t length;     /* of the body, where it is not chunked */
    bool keep_alive;     /* the client wants to send more requests */
    bool http_1_0;       /* an old client: it must be told that the connection stays */
    bool wants_continue; /* the client sends its body when it is told to */
};

/*
 * Fills in method, path, query, host and headers of `request`, which point into `head`. On a
 * refusal some of them may not have been set; the method has.
 */
enum h1_refusal h1_rules_apply(const struct h1_head *head, struct http_request *request,
                               struct h1_framing *framing);

enum http_method h1_method(struct slice name);

/* What a Host header may say: a name or address, and maybe a port. */
bool h1_host_valid(struct slice host);

#endif
