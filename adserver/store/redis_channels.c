#include "store/redis_channels.h"

#include <stdlib.h>

#include "base/check.h"
#include "store/redis_wire.h"

void redis_channels_release(struct redis_channels *channels)
{
    for (unsigned i = 0; i < channels->count; i++)
        free(channels->names[i]);
    channels->count = 0;
}

const char *redis_channels_add(struct redis_channels *channels, struct slice name)
{
    CHECK(channels->count < REDIS_CHANNELS_MAX);
    char *copy = check_malloc(name.len + 1);
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = '\0';
    channels->names[channels->count++] = copy;
    return copy;
}

void redis_channels_subscribe(struct strbuf *output, const char *name)
{
    bool pattern = strchr(name, '*') != NULL;
    struct slice args[] = {pattern ? SLICE("PSUBSCRIBE") : SLICE("SUBSCRIBE"), slice_cstr(name)};
    redis_wire_command(output, args, 2);
}

void redis_channels_subscribe_all(struct redis_channels *channels, struct strbuf *output)
{
    channels->awaited = channels->count;
    for (unsigned i = 0; i < channels->count; i++)
        redis_channels_subscribe(output, channels->names[i]);
}

static bool is_word(const struct redis_reply *reply, struct slice word)
{
    return reply->type == REDIS_STRING && slice_eq(reply->text, word);
}

static enum redis_channels_result confirm(struct redis_channels *channels)
{
    if (channels->awaited == 0)
        return CHANNELS_GO_ON;
    channels->awaited--;
    return channels->awaited == 0 ? CHANNELS_JOINED : CHANNELS_GO_ON;
}

enum redis_channels_result redis_channels_take(struct redis_channels *channels,
                                               const struct redis_reply *reply)
{
    if (reply->type != REDIS_ARRAY || reply->count == 0)
        return CHANNELS_BROKEN;
    const struct redis_reply *kind = &reply->items[0];
    if (is_word(kind, SLICE("subscribe")) || is_word(kind, SLICE("psubscribe")))
        return confirm(channels);
    if (is_word(kind, SLICE("pong")))
        return CHANNELS_PONG;
    channels->in_message = true;
    channels->fn(reply, channels->arg);
    channels->in_message = false;
    return CHANNELS_GO_ON;
}
