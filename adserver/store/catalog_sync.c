#include "store/catalog_sync.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "net/loop.h"
#include "store/catalog_store.h"
#include "store/catalog_watch.h"

#define READS_MAX     1000 /* hashes asked for and not answered */
#define WALK_COUNT    "1000"
#define CURSOR_MAX    24
#define READ_MS       30000 /* a reply; there may be READS_MAX large ones before it */
#define BLIND_ENTRIES 5000  /* a sweep where Redis does not tell of changes */
#define SHUN_US       (60 * US_PER_SECOND) /* before a reply beyond all limits is asked for again */

struct walk {
    struct catalog_sync *sync;
    enum record_kind kind;
    unsigned number;
    char cursor[CURSOR_MAX];
    bool running, waiting; /* waiting: for a sweep to ask for the next piece */
    bool fast, again;
    bool done;         /* once since the connection is up, or Redis has said why it can't be */
    const char *error; /* why the set can't be read, NULL: it can */
};

struct catalog_sync {
    struct catalog_sync_config config;
    struct redis *redis;
    struct catalog_watch *watch;
    struct catalog_entries *entries;
    struct walk walks[RECORD_KIND_COUNT];
    STAILQ_HEAD(, catalog_entry) queue;
    unsigned reading;
    bool paused;       /* a read failed: the next sweep goes on */
    struct strbuf raw; /* the hash at hand */
    struct loop_timer *sweep;
    enum record_kind swept_kind;
    unsigned swept;
};

static int64_t mono_us(const struct catalog_sync *sync)
{
    return clock_mono_us(sync->config.clock);
}

struct slice catalog_set_key(char *buffer, struct slice prefix, enum record_kind kind)
{
    int len =
        snprintf(buffer, CATALOG_KEY_MAX, "%.*s%ss", SLICE_ARGS(prefix), record_kind_words[kind]);
    CHECK(len > 0 && len < CATALOG_KEY_MAX);
    return slice_of(buffer, (size_t)len);
}

struct slice catalog_entry_key(char *buffer, struct slice prefix, const struct catalog_entry *entry)
{
    struct slice id = catalog_entry_id(entry);
    int len = snprintf(buffer, CATALOG_KEY_MAX, "%.*s%s:", SLICE_ARGS(prefix),
                       record_kind_words[entry->kind]);
    CHECK(len > 0 && (size_t)len + id.len < CATALOG_KEY_MAX);
    memcpy(buffer + len, id.ptr, id.len); /* may hold any bytes */
    return slice_of(buffer, (size_t)len + id.len);
}

/* ---- Reading hashes ---- */

static redis_fn on_hash;

static void pump(struct catalog_sync *sync)
{
    struct catalog_entry *entry;
    char buffer[CATALOG_KEY_MAX];
    while (!sync->paused && sync->reading < READS_MAX && (entry = STAILQ_FIRST(&sync->queue))) {
        STAILQ_REMOVE_HEAD(&sync->queue, queue);
        entry->queued = false;
        if (entry->removed) {
            catalog_entry_free_removed(entry);
            continue;
        }
        struct slice args[] = {SLICE("HGETALL"),
                               catalog_entry_key(buffer, sync->config.prefix, entry)};
        entry->reading = true;
        entry->owner = sync;
        entry->read_again = false;
        sync->reading++;
        redis_command(sync->redis, args, 2, READ_MS, on_hash, entry);
    }
}

static void read_later(struct catalog_sync *sync, struct catalog_entry *entry)
{
    if (!entry->is_id || entry->queued)
        return;
    if (entry->reading) {
        entry->read_again = true;
        return;
    }
    entry->queued = true;
    STAILQ_INSERT_TAIL(&sync->queue, entry, queue);
}

static bool is_shunned(const struct catalog_sync *sync, const struct catalog_entry *entry)
{
    return entry->not_before_us > mono_us(sync);
}

/* Told as written while it was read: what has been read may be older. */
static void read_once_more(struct catalog_sync *sync, struct catalog_entry *entry)
{
    if (entry->read_again)
        read_later(sync, entry);
}

/* An error that is the hash's own fault. */
static void refuse_error(struct catalog_sync *sync, struct catalog_entry *entry,
                         const struct redis_reply *reply)
{
    read_once_more(sync, entry);
    if (slice_starts(reply->text, SLICE("WRONGTYPE"))) {
        (void)catalog_entry_refuse(entry, "",
                                   "is not a hash; allowed: a HASH of fields and values");
        return;
    }
    entry->not_before_us = mono_us(sync) + SHUN_US; /* such a reply ends the connection */
    (void)catalog_entry_refuse(entry, "", err_quote(reply->text));
}

static bool take_hash(struct catalog_sync *sync, struct catalog_entry *entry,
                      const struct redis_reply *reply)
{
    struct err err;
    read_once_more(sync, entry);
    if (reply->type == REDIS_ARRAY && reply->count == 0)
        return catalog_entry_vanish(entry);
    if (raw_record_pack(reply, &sync->raw, &err))
        return catalog_entry_set(entry, strbuf_slice(&sync->raw));
    return catalog_entry_refuse(entry, err.where, err.text);
}

/* It was not answered: the next sweep, or the next connection, asks again. */
static void put_off(struct catalog_sync *sync, struct catalog_entry *entry)
{
    sync->paused = true;
    read_later(sync, entry);
}

static void on_hash(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct catalog_entry *entry = arg;
    struct catalog_sync *sync = entry->owner;
    bool changed = false;
    sync->reading--;
    entry->reading = false;
    if (entry->removed)
        catalog_entry_free_removed(entry);
    else if (failure != REDIS_OK && failure != REDIS_ERROR)
        put_off(sync, entry);
    else if (failure == REDIS_ERROR)
        refuse_error(sync, entry, reply);
    else
        changed = take_hash(sync, entry, reply);
    if (failure != REDIS_OK && failure != REDIS_ERROR)
        return;
    pump(sync);
    sync->config.on_read(changed, sync->config.arg);
}

/* ---- Walking over ids ---- */

static redis_fn on_ids;

static void ask_ids(struct walk *walk)
{
    struct catalog_sync *sync = walk->sync;
    char key[CATALOG_KEY_MAX];
    struct slice args[] = {SLICE("SSCAN"), catalog_set_key(key, sync->config.prefix, walk->kind),
                           slice_cstr(walk->cursor), SLICE("COUNT"), SLICE(WALK_COUNT)};
    walk->waiting = false;
    redis_command(sync->redis, args, 5, READ_MS, on_ids, walk);
}

static void begin_walk(struct walk *walk, bool fast)
{
    walk->fast |= fast;
    if (walk->running) {
        walk->again |= fast;
        if (walk->waiting && fast)
            ask_ids(walk);
        return;
    }
    walk->running = true;
    walk->number++;
    memcpy(walk->cursor, "0", 2);
    ask_ids(walk);
}

static void meet_id(struct walk *walk, struct slice id)
{
    struct catalog_sync *sync = walk->sync;
    if (id.len > CATALOG_ID_KEPT_MAX) {
        walk->error = "holds a name of more than 255 bytes; allowed: ids of at most 64";
        return;
    }
    struct catalog_entry *entry = catalog_entries_find(sync->entries, walk->kind, id);
    if (!entry && catalog_entries_count(sync->entries, walk->kind) >= CATALOG_ENTRIES_MAX) {
        walk->error = "holds too many ids; allowed: at most 1000000";
        return;
    }
    if (!entry) {
        entry = catalog_entries_add(sync->entries, walk->kind, id);
        read_later(sync, entry);
    }
    entry->seen = walk->number;
}

static bool remove_unmet(struct walk *walk)
{
    struct catalog_entries *entries = walk->sync->entries;
    bool changed = false;
    for (unsigned i = catalog_entries_count(entries, walk->kind); i-- > 0;) {
        struct catalog_entry *entry = catalog_entries_at(entries, walk->kind, i);
        if (entry->seen == walk->number)
            continue;
        changed |= entry->good != NULL;
        catalog_entry_remove(entry);
    }
    return changed;
}

static void end_walk(struct walk *walk)
{
    walk->running = false;
    walk->done = true;
    walk->fast = false;
    if (walk->again) {
        walk->again = false;
        begin_walk(walk, true);
    }
}

/* [cursor, [ids]]; false where it is not that. */
static bool take_ids(struct walk *walk, const struct redis_reply *reply)
{
    if (reply->type != REDIS_ARRAY || reply->count != 2 || reply->items[1].type != REDIS_ARRAY ||
        reply->items[0].text.len >= CURSOR_MAX || reply->items[0].text.len == 0)
        return false;
    const struct redis_reply *ids = &reply->items[1];
    for (size_t i = 0; i < ids->count; i++)
        meet_id(walk, ids->items[i].text);
    memcpy(walk->cursor, reply->items[0].text.ptr, reply->items[0].text.len);
    walk->cursor[reply->items[0].text.len] = '\0';
    return true;
}

static bool go_on(struct walk *walk)
{
    bool changed = false;
    if (strcmp(walk->cursor, "0") == 0) {
        changed = remove_unmet(walk);
        end_walk(walk);
    } else if (walk->fast) {
        ask_ids(walk);
    } else {
        walk->waiting = true;
    }
    return changed;
}

static void on_ids(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct walk *walk = arg;
    struct catalog_sync *sync = walk->sync;
    bool changed = false;
    if (failure != REDIS_OK && failure != REDIS_ERROR) {
        walk->running = walk->again = false; /* a sweep begins it anew */
        return;
    }
    if (strcmp(walk->cursor, "0") == 0)
        walk->error = NULL;
    if (failure == REDIS_OK && take_ids(walk, reply)) {
        changed = go_on(walk);
    } else {
        walk->error = "is not a set; allowed: a SET of ids";
        end_walk(walk);
    }
    pump(sync);
    sync->config.on_read(changed, sync->config.arg);
}

/* ---- What Redis tells ---- */

/* "slots" or "slot:<id>"; other keys that begin so are nobody's. */
static void on_key(struct slice key, void *arg)
{
    struct catalog_sync *sync = arg;
    for (enum record_kind kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        struct slice word = slice_cstr(record_kind_words[kind]), rest = slice_from(key, word.len);
        if (!slice_starts(key, word))
            continue;
        if (slice_eq(rest, SLICE("s")))
            begin_walk(&sync->walks[kind], true);
        if (rest.len == 0 || rest.ptr[0] != ':')
            continue;
        struct catalog_entry *entry =
            catalog_entries_find(sync->entries, kind, slice_from(rest, 1));
        if (!entry)
            continue;
        entry->not_before_us = 0;
        read_later(sync, entry);
        pump(sync);
    }
}

/* Everything is read again. */
static void on_all(void *arg)
{
    struct catalog_sync *sync = arg;
    if (!redis_is_up(sync->redis))
        return;
    sync->paused = false;
    for (enum record_kind kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        begin_walk(&sync->walks[kind], true);
        for (unsigned i = 0; i < catalog_entries_count(sync->entries, kind); i++) {
            struct catalog_entry *entry = catalog_entries_at(sync->entries, kind, i);
            if (!is_shunned(sync, entry))
                read_later(sync, entry);
        }
    }
    pump(sync);
}

static void on_up(void *arg)
{
    struct catalog_sync *sync = arg;
    catalog_watch_begin(sync->watch);
    on_all(sync);
}

/* ---- Sweeping ---- */

static void sweep_entries(struct catalog_sync *sync)
{
    unsigned left = catalog_watch_hears(sync->watch) ? CATALOG_SWEEP_ENTRIES : BLIND_ENTRIES;
    for (unsigned kinds = 0; kinds <= RECORD_KIND_COUNT && left > 0; kinds++) {
        unsigned count = catalog_entries_count(sync->entries, sync->swept_kind);
        for (; sync->swept < count && left > 0; sync->swept++, left--) {
            struct catalog_entry *entry =
                catalog_entries_at(sync->entries, sync->swept_kind, sync->swept);
            if (!entry->reading && !is_shunned(sync, entry))
                read_later(sync, entry);
        }
        if (sync->swept < count)
            break;
        sync->swept = 0;
        sync->swept_kind = (sync->swept_kind + 1) % RECORD_KIND_COUNT;
    }
}

static void on_sweep(void *arg)
{
    struct catalog_sync *sync = arg;
    loop_timer_set(sync->sweep, CATALOG_SWEEP_MS * US_PER_MS);
    if (!redis_is_up(sync->redis))
        return;
    sync->paused = false;
    for (enum record_kind kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        struct walk *walk = &sync->walks[kind];
        if (!walk->running)
            begin_walk(walk, !walk->done);
        else if (walk->waiting)
            ask_ids(walk);
    }
    if (STAILQ_EMPTY(&sync->queue))
        sweep_entries(sync);
    pump(sync);
}

/* ---- Questions and life ---- */

bool catalog_sync_is_complete(const struct catalog_sync *sync)
{
    bool complete = STAILQ_EMPTY(&sync->queue) && sync->reading == 0;
    for (enum record_kind kind = 0; kind < RECORD_KIND_COUNT; kind++)
        complete = complete && sync->walks[kind].done;
    return complete;
}

const char *catalog_sync_set_error(const struct catalog_sync *sync, enum record_kind kind)
{
    return sync->walks[kind].error;
}

static void connect_sync(struct catalog_sync *sync)
{
    struct redis_config redis = {
        .target = sync->config.target, .name = "catalog", .on_up = on_up, .arg = sync};
    sync->redis = redis_new(sync->config.loop, &redis);
    struct catalog_watch_config watch = {.loop = sync->config.loop,
                                         .target = sync->config.target,
                                         .commands = sync->redis,
                                         .prefix = sync->config.prefix,
                                         .on_key = on_key,
                                         .on_all = on_all,
                                         .arg = sync};
    sync->watch = catalog_watch_new(&watch);
}

struct catalog_sync *catalog_sync_new(const struct catalog_sync_config *config)
{
    struct catalog_sync *sync = check_calloc(1, sizeof *sync);
    sync->config = *config;
    sync->entries = config->entries;
    STAILQ_INIT(&sync->queue);
    for (enum record_kind kind = 0; kind < RECORD_KIND_COUNT; kind++)
        sync->walks[kind] = (struct walk){.sync = sync, .kind = kind};
    strbuf_init(&sync->raw, RAW_RECORD_MAX);
    sync->sweep = loop_timer_new(config->loop, on_sweep, sync);
    loop_timer_set(sync->sweep, CATALOG_SWEEP_MS * US_PER_MS);
    connect_sync(sync);
    return sync;
}

/* Entries that are out of the catalog but still queued belong to nobody else. */
static void free_queued(struct catalog_sync *sync)
{
    struct catalog_entry *entry;
    while ((entry = STAILQ_FIRST(&sync->queue))) {
        STAILQ_REMOVE_HEAD(&sync->queue, queue);
        entry->queued = false;
        if (entry->removed)
            catalog_entry_free_removed(entry);
    }
}

void catalog_sync_free(struct catalog_sync *sync)
{
    if (!sync)
        return;
    sync->paused = true;
    redis_free(sync->redis);
    catalog_watch_free(sync->watch);
    free_queued(sync);
    loop_timer_free(sync->sweep);
    strbuf_release(&sync->raw);
    free(sync);
}
