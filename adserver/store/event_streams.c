#include "store/event_streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "decision/id_table.h"
#include "decision/model.h"
#include "store/ledger_keys.h"

struct row {
    int64_t due_us; /* monotonic: it is to be said again then */
    uint8_t campaign_len;
    char campaign[ID_MAX];
};

struct event_streams {
    struct redis *redis;
    const struct clock *clock;
    uint64_t entries_max;
    struct id_table rows;
    char key[LEDGER_KEY_MAX];
};

static struct slice id_of_row(const void *item)
{
    const struct row *row = item;
    return slice_of(row->campaign, row->campaign_len);
}

struct event_streams *event_streams_new(struct redis *redis, const struct clock *clock,
                                        struct slice prefix, uint64_t entries_max)
{
    struct event_streams *streams = check_calloc(1, sizeof *streams);
    *streams = (struct event_streams){.redis = redis, .clock = clock, .entries_max = entries_max};
    streams->rows.id_of = id_of_row;
    CHECK(snprintf(streams->key, sizeof streams->key, "%.*sstreams", SLICE_ARGS(prefix)) <
          (int)sizeof streams->key);
    return streams;
}

void event_streams_free(struct event_streams *streams)
{
    if (!streams)
        return;
    for (unsigned i = 0; i < streams->rows.capacity; i++)
        free(streams->rows.items[i]);
    id_table_release(&streams->rows);
    free(streams);
}

uint64_t event_streams_entries_max(const struct event_streams *streams)
{
    return streams->entries_max;
}

static struct row *find_row(struct event_streams *streams, struct slice campaign)
{
    struct row *row = id_table_find(&streams->rows, campaign);
    if (row)
        return row;
    CHECK(campaign.len <= ID_MAX);
    row = check_calloc(1, sizeof *row);
    row->due_us = INT64_MIN;
    row->campaign_len = (uint8_t)campaign.len;
    memcpy(row->campaign, campaign.ptr, campaign.len);
    CHECK(id_table_put(&streams->rows, row) == NULL);
    return row;
}

/* It is said again soon, whatever became of it. */
static void on_said(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    (void)failure;
    (void)reply;
    (void)arg;
}

void event_streams_announce(struct event_streams *streams, struct slice campaign)
{
    struct row *row = find_row(streams, campaign);
    int64_t now_us = clock_mono_us(streams->clock);
    if (now_us < row->due_us || !redis_is_up(streams->redis))
        return;
    row->due_us = now_us + EVENT_STREAMS_ANNOUNCE_US;
    redis_command(streams->redis,
                  (struct slice[]){SLICE("SADD"), slice_cstr(streams->key), campaign}, 3, 0,
                  on_said, NULL);
}
