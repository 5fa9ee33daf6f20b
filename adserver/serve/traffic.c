#include "serve/traffic.h"

static bool contains_nocase(struct slice text, struct slice word)
{
    for (size_t i = 0; i + word.len <= text.len; i++)
        if (slice_eq_nocase(slice_of(text.ptr + i, word.len), word))
            return true;
    return false;
}

static bool is_prefetch(const struct http_request *request)
{
    static const struct slice names[] = {SLICE_INIT("sec-purpose"), SLICE_INIT("purpose"),
                                         SLICE_INIT("x-purpose"), SLICE_INIT("x-moz")};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct slice value = http_request_header(request, names[i]);
        if (value.len && (contains_nocase(value, SLICE("prefetch")) ||
                          contains_nocase(value, SLICE("prerender")) ||
                          contains_nocase(value, SLICE("preview"))))
            return true;
    }
    return false;
}

enum event_filter traffic_classify(const struct http_request *request)
{
    if (request->method == HTTP_METHOD_HEAD)
        return EVENT_IS_HEAD;
    if (is_prefetch(request))
        return EVENT_IS_PREFETCH;
    if (slice_trim(http_request_header(request, SLICE("user-agent"))).len == 0)
        return EVENT_IS_BOT;
    return EVENT_COUNTS;
}
