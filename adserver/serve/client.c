#include "serve/client.h"

/* Cuts the last item off a comma separated list. */
static struct slice take_last(struct slice *list)
{
    size_t at = list->len;
    struct slice last;
    while (at > 0 && list->ptr[at - 1] != ',')
        at--;
    last = slice_trim(slice_from(*list, at));
    list->len = at > 0 ? at - 1 : 0;
    return last;
}

/* X-Forwarded-For from its end. All lines of that name are one list (RFC 9110 section 5.3). */
struct hop_walk {
    const struct http_request *request;
    size_t headers_left; /* not looked at yet */
    struct slice list;   /* what is left of the line looked at */
};

static bool hop_next(struct hop_walk *walk, struct slice *ret)
{
    while (walk->list.len == 0) {
        if (walk->headers_left == 0)
            return false;
        const struct http_header *header = &walk->request->headers[--walk->headers_left];
        if (slice_eq(header->name, SLICE("x-forwarded-for")))
            walk->list = header->value;
    }
    *ret = take_last(&walk->list);
    return true;
}

struct net_ip client_address(const struct networks *trusted, const struct http_request *request)
{
    struct hop_walk walk = {.request = request, .headers_left = request->header_count};
    struct net_ip hop = request->peer;
    struct slice text;

    if (!networks_hold(trusted, &hop))
        return hop;
    for (unsigned hops = 0; hop_next(&walk, &text); hops++) {
        if (hops == FORWARDED_HOPS_MAX || !net_ip_parse(text, &hop))
            return request->peer;
        if (!networks_hold(trusted, &hop))
            return hop;
    }
    return hop;
}
