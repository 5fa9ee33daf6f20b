#include "store/catalog_watch.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"

#define KEY_MAX     128
#define PREFIXES    3
#define INVALIDATED "__redis__:invalidate"

struct catalog_watch {
    struct catalog_watch_config config;
    struct redis *listener;
    unsigned awaited;  /* servers that have been asked to tell, and have not answered */
    bool complete;     /* every one was asked, and none has refused */
    bool has_patterns; /* notifications are listened to as well */
};

/* Each covers the set of ids too: "ad:slot" is the beginning of "ad:slots" and of "ad:slot:x". */
static const char *const kinds[PREFIXES] = {"slot", "campaign", "creative"};

/* ---- Messages ---- */

static void on_key(struct catalog_watch *watch, struct slice key)
{
    if (slice_starts(key, watch->config.prefix))
        watch->config.on_key(slice_from(key, watch->config.prefix.len), watch->config.arg);
}

/* Keys, or nothing: then all may have changed (FLUSHALL). */
static void on_invalidated(struct catalog_watch *watch, const struct redis_reply *keys)
{
    if (keys->type != REDIS_ARRAY) {
        watch->config.on_all(watch->config.arg);
        return;
    }
    for (size_t i = 0; i < keys->count; i++)
        on_key(watch, keys->items[i].text);
}

/* ["message", channel, keys] or ["pmessage", pattern, "__keyspace@0__:<key>", event] */
static void on_message(const struct redis_reply *message, void *arg)
{
    struct catalog_watch *watch = arg;
    const struct redis_reply *items = message->items;
    if (message->count == 3 && slice_eq(items[1].text, SLICE(INVALIDATED)))
        on_invalidated(watch, &items[2]);
    else if (message->count == 4)
        on_key(watch, slice_from(items[2].text, slice_find(items[2].text, ':') + 1));
}

/* ---- Notifications, where Redis does not take the other way ---- */

static void listen_to_notifications(struct catalog_watch *watch)
{
    char text[PREFIXES][KEY_MAX];
    struct slice patterns[PREFIXES];
    if (watch->has_patterns)
        return;
    for (unsigned i = 0; i < PREFIXES; i++) {
        int len = snprintf(text[i], KEY_MAX, "__keyspace@%d__:%.*s%s*", watch->config.target->db,
                           SLICE_ARGS(watch->config.prefix), kinds[i]);
        CHECK(len > 0 && len < KEY_MAX);
        patterns[i] = slice_of(text[i], (size_t)len);
    }
    watch->has_patterns = true;
    redis_subscribe(watch->listener, patterns, PREFIXES, on_message, watch);
}

/* ---- Client-side caching ---- */

static void ignore(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    (void)failure, (void)reply, (void)arg;
}

static void on_tracking(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct catalog_watch *watch = arg;
    watch->awaited--;
    watch->complete &= failure == REDIS_OK;
    if (failure != REDIS_REFUSED && failure != REDIS_ERROR)
        return; /* the connection broke: it begins again */
    if (!watch->has_patterns)
        log_event(LOG_WARNING,
                  "catalog: Redis does not tell of changes to cached keys; keyspace "
                  "notifications and reading again have to do",
                  LOG_SLICE("error", reply->text));
    listen_to_notifications(watch);
}

static void send_tracking(struct catalog_watch *watch, unsigned server, int64_t listener)
{
    char id[24], text[PREFIXES][KEY_MAX];
    struct slice off[] = {SLICE("CLIENT"), SLICE("TRACKING"), SLICE("OFF")};
    struct slice on[6 + 2 * PREFIXES] = {SLICE("CLIENT"),   SLICE("TRACKING"), SLICE("ON"),
                                         SLICE("REDIRECT"), SLICE(""),         SLICE("BCAST")};
    (void)snprintf(id, sizeof id, "%lld", (long long)listener);
    on[4] = slice_cstr(id);
    for (unsigned i = 0; i < PREFIXES; i++) {
        int len = snprintf(text[i], KEY_MAX, "%.*s%s", SLICE_ARGS(watch->config.prefix), kinds[i]);
        CHECK(len > 0 && len < KEY_MAX);
        on[6 + 2 * i] = SLICE("PREFIX");
        on[7 + 2 * i] = slice_of(text[i], (size_t)len);
    }
    watch->awaited++;
    redis_command_to(watch->config.commands, server, off, 3, 0, ignore, NULL);
    redis_command_to(watch->config.commands, server, on, 6 + 2 * PREFIXES, 0, on_tracking, watch);
}

/* Our number at that very server on the connection that listens; 0 where there is none. */
static int64_t find_listener(struct catalog_watch *watch, const struct redis_server *server)
{
    for (unsigned i = 0; i < redis_server_count(watch->listener); i++) {
        struct redis_server at = redis_server_at(watch->listener, i);
        if (at.up && strcmp(at.address, server->address) == 0 && strcmp(at.id, server->id) == 0)
            return at.client_id;
    }
    return 0;
}

/* Every server tells of its own keys, so each is asked, where both connections lead to it. */
void catalog_watch_begin(struct catalog_watch *watch)
{
    struct redis *commands = watch->config.commands;
    unsigned count = redis_server_count(commands);
    watch->complete = count > 0;
    for (unsigned i = 0; i < count; i++) {
        struct redis_server server = redis_server_at(commands, i);
        int64_t listener = server.up ? find_listener(watch, &server) : 0;
        if (listener != 0)
            send_tracking(watch, i, listener);
        watch->complete &= listener != 0;
    }
}

/* What was written before may have been missed. */
static void on_listener_up(void *arg)
{
    struct catalog_watch *watch = arg;
    catalog_watch_begin(watch);
    watch->config.on_all(watch->config.arg);
}

static void on_listener_down(void *arg)
{
    struct catalog_watch *watch = arg;
    watch->complete = false;
}

static bool all_are_up(struct redis *redis)
{
    for (unsigned i = 0; i < redis_server_count(redis); i++) {
        if (!redis_server_at(redis, i).up)
            return false;
    }
    return true;
}

bool catalog_watch_hears(const struct catalog_watch *watch)
{
    return watch->complete && watch->awaited == 0 && all_are_up(watch->listener) &&
           all_are_up(watch->config.commands);
}

struct catalog_watch *catalog_watch_new(const struct catalog_watch_config *config)
{
    struct catalog_watch *watch = check_calloc(1, sizeof *watch);
    struct redis_config listener = {.target = config->target,
                                    .name = "changes",
                                    .on_up = on_listener_up,
                                    .on_down = on_listener_down,
                                    .arg = watch};
    watch->config = *config;
    watch->listener = redis_new(config->loop, &listener);
    redis_subscribe(watch->listener, (struct slice[]){SLICE(INVALIDATED)}, 1, on_message, watch);
    return watch;
}

void catalog_watch_free(struct catalog_watch *watch)
{
    if (!watch)
        return;
    redis_free(watch->listener);
    free(watch);
}
