#include "store/report_asked.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

#define FIELD_THROUGH SLICE("through")
#define FIELD_FOLDS   SLICE("folds")

/* ---- Commands -------------------------------------------------------------------------------- */

static struct slice plain_key(struct slice prefix, const char *name, struct slice id,
                              char buffer[LEDGER_KEY_MAX])
{
    int len =
        snprintf(buffer, LEDGER_KEY_MAX, "%.*s%s%.*s", SLICE_ARGS(prefix), name, SLICE_ARGS(id));
    CHECK(len > 0 && len < LEDGER_KEY_MAX);
    return slice_of(buffer, (size_t)len);
}

struct slice report_asked_key(const struct report_asked *asked, struct slice prefix,
                              struct slice campaign, char buffer[LEDGER_KEY_MAX])
{
    switch (asked->kind) {
    case ASK_OWNER:
        return plain_key(prefix, "campaign:", campaign, buffer);
    case ASK_COUNTED:
        return count_total_key(buffer, prefix, campaign);
    case ASK_MONTH:
        return count_month_key(buffer, prefix, campaign, asked->at, asked->run);
    case ASK_HOUR:
        return count_hour_key(buffer, prefix, campaign, asked->at);
    case ASK_LIST:
    case ASK_LISTED:
        return plain_key(prefix, "campaigns", slice_of(NULL, 0), buffer);
    default:
        return count_compacted_key(buffer, prefix, campaign);
    }
}

void report_asked_command(const struct report_asked *asked, struct slice prefix,
                          struct slice campaign, struct report_command *ret)
{
    static const struct slice names[] = {
        [ASK_LIST] = SLICE_INIT("SMEMBERS"),  [ASK_LISTED] = SLICE_INIT("SISMEMBER"),
        [ASK_COUNTED] = SLICE_INIT("EXISTS"), [ASK_OWNER] = SLICE_INIT("HMGET"),
        [ASK_THROUGH] = SLICE_INIT("HGET"),   [ASK_BEFORE] = SLICE_INIT("HGET"),
        [ASK_MONTH] = SLICE_INIT("GET"),      [ASK_HOUR] = SLICE_INIT("HGETALL"),
        [ASK_AFTER] = SLICE_INIT("HGET"),
    };
    ret->args[0] = names[asked->kind];
    ret->args[1] = report_asked_key(asked, prefix, campaign, ret->key);
    ret->count = 2;
    if (asked->kind == ASK_LISTED)
        ret->args[ret->count++] = campaign;
    if (asked->kind == ASK_OWNER) {
        ret->args[ret->count++] = SLICE("name");
        ret->args[ret->count++] = SLICE("advertiser");
    }
    if (asked->kind == ASK_THROUGH)
        ret->args[ret->count++] = FIELD_THROUGH;
    if (asked->kind == ASK_BEFORE || asked->kind == ASK_AFTER)
        ret->args[ret->count++] = FIELD_FOLDS;
}

/* ---- Those without a reply ------------------------------------------------------------------- */

static void grow(struct report_queue *queue)
{
    unsigned room = queue->room > 0 ? 2 * queue->room : 64;
    struct report_asked *ring = check_calloc(room, sizeof *ring);
    for (unsigned i = 0; i < queue->count; i++)
        ring[i] = queue->ring[(queue->first + i) % queue->room];
    free(queue->ring);
    *queue = (struct report_queue){.ring = ring, .count = queue->count, .room = room};
}

void report_queue_release(struct report_queue *queue)
{
    free(queue->ring);
    *queue = (struct report_queue){0};
}

void report_queue_push(struct report_queue *queue, struct report_asked asked)
{
    if (queue->count == queue->room)
        grow(queue);
    CHECK(queue->room > 0);
    queue->ring[(queue->first + queue->count++) % queue->room] = asked;
}

struct report_asked report_queue_shift(struct report_queue *queue)
{
    CHECK(queue->count > 0 && queue->room > 0);
    struct report_asked asked = queue->ring[queue->first];
    queue->first = (queue->first + 1) % queue->room;
    queue->count--;
    return asked;
}
