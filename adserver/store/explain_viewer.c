#include "store/explain_viewer.h"

#include "decision/consent.h"

struct explain_viewer explain_viewer_find(const struct viewer_ladder *ladder,
                                          const struct viewer_salts *salts,
                                          const struct description *description)
{
    struct explain_viewer viewer = {.way = NULL};
    struct viewer_salts usable = *salts;
    const struct viewer_marks marks = {
        .uid = description->query.uid,
        .agent = description->agent,
        .site = description->query.domain,
        .client = description->client,
    };
    enum viewer_way way;
    if (!consent_allows_storage(description->query.consent) || ladder->count == 0)
        return viewer;
    if (!description->has_client)
        usable.today = NULL;
    viewer.has_key = viewer_key_find(ladder, &usable, &marks, &viewer.key, &way);
    viewer.way = viewer.has_key ? viewer_way_words[way] : "new";
    return viewer;
}

void explain_caps_ask(const struct explain *explain, struct slice prefix,
                      const struct viewer_key *viewer, unsigned from,
                      struct explain_caps_batch *ret)
{
    char *text = ret->text;
    ret->from = from;
    for (ret->count = 0; ret->count < EXPLAIN_CAPS_BATCH; ret->count++) {
        if (from + ret->count == explain_cap_count(explain))
            return;
        uint64_t cap = explain_cap_key(explain, from + ret->count);
        ret->keys[ret->count] = viewer_cap_key(text, prefix, viewer, cap);
        text += ret->keys[ret->count].len;
    }
}

bool explain_caps_take(struct explain *explain, unsigned from, unsigned count,
                       const struct redis_reply *reply, int64_t read_us)
{
    if (reply->type != REDIS_ARRAY || reply->count != (size_t)2 * count)
        return false;
    for (size_t i = 0; i < reply->count; i++) {
        if (reply->items[i].type != REDIS_INTEGER)
            return false;
    }
    for (unsigned i = 0; i < count; i++) {
        int64_t served = reply->items[2 * i].integer;
        explain_set_cap(explain, from + i, served > 0 ? (uint64_t)served : 0,
                        reply->items[2 * i + 1].integer, read_us);
    }
    return true;
}
