#include "serve/facts.h"

#include "decision/agent.h"
#include "decision/language.h"

enum { USER_AGENT, BRANDS, MOBILE, PLATFORM, LANGUAGES, HEADERS };

static const struct slice header_names[HEADERS] = {
    [USER_AGENT] = SLICE_INIT("user-agent"),     [BRANDS] = SLICE_INIT("sec-ch-ua"),
    [MOBILE] = SLICE_INIT("sec-ch-ua-mobile"),   [PLATFORM] = SLICE_INIT("sec-ch-ua-platform"),
    [LANGUAGES] = SLICE_INIT("accept-language"),
};

/* The first line of each, in one walk over all headers. */
static void find_headers(const struct http_request *request, struct slice found[HEADERS])
{
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        for (unsigned name = 0; name < HEADERS; name++)
            if (slice_eq(header->name, header_names[name]) && !found[name].ptr)
                found[name] = header->value;
    }
}

static void fill_viewer(const struct http_request *request, struct page_facts *ret)
{
    struct slice found[HEADERS] = {{0}};
    find_headers(request, found);

    const struct agent_headers headers = {
        .user_agent = found[USER_AGENT],
        .brands = found[BRANDS],
        .mobile = found[MOBILE],
        .platform = found[PLATFORM],
    };
    const struct agent agent = agent_of(&headers);
    ret->device = agent.device;
    ret->browser = agent.browser;
    ret->system = agent.system;
    ret->language = language_preferred(found[LANGUAGES]);
}

static void fill_place(struct geo *geo, const struct net_ip *client, struct geo_place *place,
                       struct page_facts *ret)
{
    *place = (struct geo_place){0};
    if (geo)
        geo_find(geo, client, place);
    ret->country = slice_cstr(place->country);
    ret->region = slice_cstr(place->region);
}

void facts_fill(const struct facts_source *source, struct geo_place *place, struct page_facts *ret)
{
    page_query_facts(source->query, ret);
    fill_viewer(source->request, ret);
    fill_place(source->geo, &source->client, place, ret);
}
