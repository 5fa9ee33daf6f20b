/*
 * Any bytes as what a cluster says of itself: replies to CLUSTER SLOTS, and the text of
 * redirections and of CLUSTER INFO. A map that is taken names only servers that it holds.
 */
#include <stdlib.h>

#include "base/check.h"
#include "store/redis_reply.h"
#include "store/redis_slots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REPLY_MAX ((size_t)1024 * 1024)

static void check_place(const struct redis_place *place)
{
    size_t len = strnlen(place->host, sizeof place->host);
    CHECK(len > 0 && len < sizeof place->host);
    CHECK(place->port >= 1 && place->port <= 65535);
}

static void check_slots(const struct redis_slots *slots)
{
    unsigned held = 0;
    CHECK(slots->count >= 1 && slots->count <= REDIS_SERVERS_MAX);
    for (unsigned i = 0; i < slots->count; i++)
        check_place(&slots->primaries[i]);
    for (unsigned slot = 0; slot < REDIS_SLOTS; slot++) {
        CHECK(slots->holder[slot] <= slots->count);
        held += slots->holder[slot] > 0;
    }
    CHECK(held > 0);
}

static void check_text(struct slice text)
{
    struct redis_place place;
    unsigned slot;
    if (redis_redirect_read(text, "asked", &slot, &place)) {
        check_place(&place);
        CHECK(slot < REDIS_SLOTS);
    }
    (void)redis_cluster_epoch(text);
    (void)redis_cluster_is_ok(text);
    CHECK(redis_slot_of(text) < REDIS_SLOTS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct redis_slots slots;
    struct redis_reader *reader = redis_reader_new(REPLY_MAX);
    const struct redis_reply *reply;
    redis_reader_feed(reader, data, size);
    while (redis_reader_next(reader, &reply) == REDIS_READ_REPLY) {
        if (!redis_slots_read(reply, "asked", &slots))
            check_slots(&slots);
        if (reply->type == REDIS_ERROR_TEXT || reply->type == REDIS_STRING)
            check_text(reply->text);
    }
    redis_reader_free(reader);
    check_text(slice_of((const char *)data, size));
    return 0;
}
