#include "serve/viewer.h"

#include "decision/consent.h"

bool viewer_identify(const struct viewer_ladder *ladder, struct secrets *secrets,
                     const struct http_request *request, const struct viewer_facts *facts,
                     struct viewer_key *ret)
{
    const struct viewer_salts salts = {secrets_viewer(secrets),
                                       secrets_today(secrets, facts->now_us)};
    const struct viewer_marks marks = {
        .uid = facts->uid,
        .agent = http_request_header(request, SLICE("user-agent")),
        .site = facts->site,
        .client = facts->client,
    };
    enum viewer_way way;
    if (slice_eq(http_request_header(request, SLICE("sec-gpc")), SLICE("1")))
        return false;
    return consent_allows_storage(facts->consent) &&
           viewer_key_find(ladder, &salts, &marks, ret, &way);
}
