#include "serve/traffic.h"

#include "serve/client.h"
#include "serve/series.h"

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

static bool is_internal(const struct traffic_rules *rules, const struct http_request *request)
{
    if (networks_are_none(rules->internal))
        return false;
    struct net_ip client = client_address(rules->trusted, request);
    return networks_hold(rules->internal, &client);
}

static enum event_filter judge_agent(const struct traffic_rules *rules,
                                     const struct http_request *request)
{
    static const enum event_filter filters[] = {[CRAWLER_NONE] = EVENT_COUNTS,
                                                [CRAWLER_KNOWN] = EVENT_IS_BOT,
                                                [CRAWLER_NOT_BROWSER] = EVENT_IS_NOT_BROWSER};
    struct slice agent = http_request_header(request, SLICE("user-agent"));
    struct crawler_finding found = crawlers_judge(rules->crawlers, agent);
    if (found.name && rules->metrics)
        metrics_series_add(rules->metrics,
                           metrics_series(rules->metrics, SERIES_CRAWLER, slice_cstr(found.name)),
                           SERIES_CRAWLER_REQUESTS, 1);
    return filters[found.verdict];
}

enum event_filter traffic_classify_conversion(const struct http_request *request)
{
    if (request->method == HTTP_METHOD_HEAD)
        return EVENT_IS_HEAD;
    return is_prefetch(request) ? EVENT_IS_PREFETCH : EVENT_COUNTS;
}

enum event_filter traffic_classify(const struct traffic_rules *rules,
                                   const struct http_request *request)
{
    if (is_internal(rules, request))
        return EVENT_IS_INTERNAL;
    if (request->method == HTTP_METHOD_HEAD)
        return EVENT_IS_HEAD;
    if (is_prefetch(request))
        return EVENT_IS_PREFETCH;
    return judge_agent(rules, request);
}
