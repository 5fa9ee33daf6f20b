#include "store/redis_members.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "store/redis_channels.h"

struct redis_members {
    struct loop *loop;
    struct redis_members_config config;
    struct redis_member *all[REDIS_MEMBERS_MAX]; /* those that hold slots come first */
    unsigned count, holders;
    struct redis_member *holder[REDIS_SLOTS];
    struct redis_channels channels; /* what new members listen to */
};

static int64_t now_us(void)
{
    return clock_mono_us(&clock_system);
}

static void on_up(void *arg)
{
    struct redis_member *member = arg;
    if (member->slots > 0)
        member->owner->config.on_up(member->owner->config.arg);
}

static void on_down(void *arg)
{
    struct redis_member *member = arg;
    if (member->slots > 0)
        member->owner->config.on_down(member->owner->config.arg);
}

/* ---- Coming and going ---- */

static void listen(const struct redis_members *members, struct redis_member *member)
{
    struct slice channels[REDIS_CHANNELS_MAX];
    for (unsigned i = 0; i < members->channels.count; i++)
        channels[i] = slice_cstr(members->channels.names[i]);
    if (members->channels.fn)
        redis_node_subscribe(member->node, channels, members->channels.count, members->channels.fn,
                             members->channels.arg);
}

static struct redis_member *add(struct redis_members *members, const struct redis_place *place)
{
    struct redis_member *member = check_calloc(1, sizeof *member);
    member->owner = members;
    member->used_us = now_us();
    member->target = redis_target_at(members->config.target, place->host, place->port);
    (void)snprintf(member->address, sizeof member->address, "%s:%d", place->host, place->port);
    (void)snprintf(member->name, sizeof member->name, "%s %s", members->config.name,
                   member->address);
    struct redis_node_config node = {.target = &member->target,
                                     .name = member->name,
                                     .metrics = members->config.metrics,
                                     .on_up = on_up,
                                     .on_down = on_down,
                                     .arg = member};
    member->node = redis_node_new(members->loop, &node);
    listen(members, member);
    members->all[members->count++] = member;
    return member;
}

static void free_member(struct redis_member *member)
{
    redis_node_free(member->node);
    redis_target_release(&member->target);
    free(member);
}

struct redis_member *redis_members_at(struct redis_members *members,
                                      const struct redis_place *place)
{
    for (unsigned i = 0; i < members->count; i++) {
        struct redis_member *member = members->all[i];
        if (redis_target_is_at(&member->target, place->host, place->port)) {
            member->used_us = now_us();
            return member;
        }
    }
    return members->count < REDIS_MEMBERS_MAX ? add(members, place) : NULL;
}

static bool is_idle(const struct redis_member *member)
{
    return member->slots == 0 && redis_node_pending(member->node) == 0 &&
           now_us() - member->used_us > REDIS_MEMBER_KEPT_MS * US_PER_MS;
}

static void drop_idle(struct redis_members *members)
{
    for (unsigned i = members->count; i-- > members->holders;) {
        struct redis_member *member = members->all[i];
        if (!is_idle(member))
            continue;
        members->all[i] = members->all[--members->count];
        free_member(member);
    }
}

/* ---- Slots ---- */

/* Those that hold slots to the front. */
static void sort_out(struct redis_members *members)
{
    members->holders = 0;
    for (unsigned i = 0; i < members->count; i++) {
        struct redis_member *member = members->all[i];
        if (member->slots == 0)
            continue;
        members->all[i] = members->all[members->holders];
        members->all[members->holders++] = member;
    }
}

static void hold(struct redis_members *members, unsigned slot, struct redis_member *member)
{
    struct redis_member *before = members->holder[slot];
    if (before)
        before->slots--;
    if (member)
        member->slots++;
    members->holder[slot] = member;
}

void redis_members_move(struct redis_members *members, unsigned slot, struct redis_member *to)
{
    unsigned before = to->slots;
    hold(members, slot, to);
    sort_out(members);
    if (before == 0 && to->slots > 0 && redis_node_is_up(to->node))
        members->config.on_up(members->config.arg);
}

void redis_members_adopt(struct redis_members *members, const struct redis_slots *slots)
{
    struct redis_member *of[REDIS_SERVERS_MAX] = {NULL};
    bool is_new = false;
    drop_idle(members);
    for (unsigned i = 0; i < slots->count; i++)
        of[i] = redis_members_at(members, &slots->primaries[i]);
    for (unsigned slot = 0; slot < REDIS_SLOTS; slot++) {
        unsigned number = slots->holder[slot];
        struct redis_member *member = number ? of[number - 1] : NULL;
        is_new |= member && member->slots == 0 && redis_node_is_up(member->node);
        hold(members, slot, member);
    }
    sort_out(members);
    if (is_new)
        members->config.on_up(members->config.arg);
}

struct redis_member *redis_members_holder(const struct redis_members *members, unsigned slot)
{
    return members->holder[slot];
}

unsigned redis_members_count(const struct redis_members *members)
{
    return members->holders;
}

struct redis_member *redis_members_get(const struct redis_members *members, unsigned i)
{
    CHECK(i < members->holders);
    return members->all[i];
}

/* ---- Listening and life ---- */

void redis_members_subscribe(struct redis_members *members, const struct slice *channels,
                             unsigned count, redis_message_fn *fn, void *arg)
{
    members->channels.fn = fn;
    members->channels.arg = arg;
    for (unsigned i = 0; i < count; i++)
        (void)redis_channels_add(&members->channels, channels[i]);
    for (unsigned i = 0; i < members->count; i++)
        redis_node_subscribe(members->all[i]->node, channels, count, fn, arg);
}

struct redis_members *redis_members_new(struct loop *loop,
                                        const struct redis_members_config *config)
{
    struct redis_members *members = check_calloc(1, sizeof *members);
    members->loop = loop;
    members->config = *config;
    return members;
}

void redis_members_close(struct redis_members *members)
{
    for (unsigned i = 0; i < members->count; i++)
        redis_node_close(members->all[i]->node);
}

void redis_members_free(struct redis_members *members)
{
    if (!members)
        return;
    for (unsigned i = 0; i < members->count; i++)
        free_member(members->all[i]);
    redis_channels_release(&members->channels);
    free(members);
}
