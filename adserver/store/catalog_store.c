#include "store/catalog_store.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"
#include "store/catalog_entries.h"
#include "store/catalog_file.h"
#include "store/catalog_keeper.h"
#include "store/catalog_sync.h"

/*
 * What catalog_sync reads changes the entries; PUBLISH_US later the changes are brought into the
 * catalog, with whatever else has changed by then: CATALOG_APPLY_MAX of them in one turn of the
 * loop, the others in the next ones. Before Redis has been read completely for the first time
 * nothing is: half a catalog is none. The first time all of it is made in one go, as nobody is
 * served yet.
 */

#define PUBLISH_US       (5 * US_PER_MS)
#define LINES_A_SECOND   20 /* refusals in the log */
#define STATUS_BYTES_MAX (4 * 1024 * 1024)
#define PATH_BYTES_MAX   4096

struct catalog_store {
    struct catalog_store_config config;
    struct catalog_entries *entries;
    struct catalog_sync *sync;

    struct catalog *current;
    bool confirmed; /* by Redis, ever */
    bool known;     /* and all of it has been brought in */
    int64_t confirmed_us;
    struct loop_timer *publish;
    bool publish_set;

    struct catalog_keeper *keeper; /* NULL: not ours to keep */

    struct arena *told; /* what catalog_store_status() answered last */
    struct {
        int64_t second;
        unsigned lines, suppressed;
    } log;
};

static int64_t mono_us(const struct catalog_store *store)
{
    return clock_mono_us(store->config.clock);
}

/* ---- Telling of refusals ---- */

static bool may_log(struct catalog_store *store)
{
    int64_t second = mono_us(store) / US_PER_SECOND;
    if (store->log.second != second) {
        if (store->log.suppressed > 0)
            log_event(LOG_WARNING, "catalog: more entries are refused; /stats lists them",
                      LOG_INT("entries", store->log.suppressed));
        store->log.second = second;
        store->log.lines = store->log.suppressed = 0;
    }
    if (store->log.lines++ < LINES_A_SECOND)
        return true;
    store->log.suppressed++;
    return false;
}

/* One worker's lines are enough. */
static void on_refused(const struct catalog_entry *entry, void *context)
{
    struct catalog_store *store = context;
    char buffer[CATALOG_KEY_MAX];
    if (!store->config.persist || !may_log(store))
        return;
    log_event(LOG_WARNING, "catalog: an entry is refused",
              LOG_SLICE("key", catalog_entry_key(buffer, store->config.prefix, entry)),
              LOG_STR("field", entry->refusal.field), LOG_STR("error", entry->refusal.error));
}

static void load_entry(enum record_kind kind, struct slice id, struct slice raw, void *arg)
{
    struct catalog_store *store = arg;
    struct catalog_entry *entry = catalog_entries_find(store->entries, kind, id);
    if (!entry)
        entry = catalog_entries_add(store->entries, kind, id);
    (void)catalog_entry_set(entry, raw);
}

/* ---- Publishing ---- */

static void show_numbers(const struct catalog_store *store)
{
    if (!store->config.metrics)
        return;
    struct metrics_worker *self = metrics_self(store->config.metrics);
    self->catalog_revision = store->current ? store->current->revision : 0;
    self->catalog_loaded_us = store->confirmed_us;
}

static unsigned size_of(const struct catalog *catalog)
{
    return catalog ? catalog->slot_count + catalog->campaign_count + catalog->creative_count : 0;
}

static void tell_loaded(const struct catalog_store *store)
{
    const struct catalog *catalog = store->current;
    if (store->config.persist)
        log_event(LOG_INFO, "catalog: loaded", LOG_INT("slots", catalog->slot_count),
                  LOG_INT("campaigns", catalog->campaign_count),
                  LOG_INT("creatives", catalog->creative_count),
                  LOG_INT("refused", catalog_entries_refused_count(store->entries)));
}

static void build(struct catalog_store *store)
{
    store->current = catalog_new();
    catalog_turn(store->current, clock_wall_us(store->config.clock));
    catalog_entries_fill(store->entries, store->current);
    tell_loaded(store);
}

/* Returns how many changes are left for the next turn. */
static unsigned apply(struct catalog_store *store)
{
    unsigned before = size_of(store->current);
    unsigned left = catalog_entries_apply(store->entries, store->current, CATALOG_APPLY_MAX);
    if (before > 0 && size_of(store->current) == 0)
        log_event(LOG_WARNING, "catalog: Redis holds no entries any more; nothing is served");
    return left;
}

/* The revision is that of all entries, so it stands only where all of them are in. */
static void bring_in(struct catalog_store *store)
{
    unsigned left = 0;
    if (store->current)
        left = apply(store);
    else
        build(store);
    catalog_turn(store->current, clock_wall_us(store->config.clock));
    if (left == 0)
        store->current->revision = catalog_entries_revision(store->entries);
    show_numbers(store);
}

static void publish_in(struct catalog_store *store, int64_t us)
{
    if (store->publish_set)
        return;
    store->publish_set = true;
    loop_timer_set(store->publish, us);
}

static bool has_changes(const struct catalog_store *store)
{
    return !store->current || catalog_entries_changes(store->entries) > 0;
}

static void note_known(struct catalog_store *store)
{
    if (store->confirmed && !has_changes(store))
        store->known = true;
}

static void on_publish(void *arg)
{
    struct catalog_store *store = arg;
    store->publish_set = false;
    if (has_changes(store))
        bring_in(store);
    note_known(store);
    if (has_changes(store))
        publish_in(store, 0);
    catalog_keeper_changed(store->keeper);
}

/* What is there has just been found equal to Redis; each sweep comes by here. */
static void confirm(struct catalog_store *store)
{
    store->confirmed_us = clock_wall_us(store->config.clock);
    store->confirmed = true;
    show_numbers(store);
}

/* Where there is nothing, that is a catalog too. */
static void on_read(bool changed, void *arg)
{
    struct catalog_store *store = arg;
    (void)changed;
    if (catalog_sync_is_complete(store->sync))
        confirm(store);
    note_known(store);
    if (store->confirmed && has_changes(store))
        publish_in(store, PUBLISH_US);
}

/* ---- Life ---- */

/* What serves until Redis has been read. */
static void load_last_good(struct catalog_store *store, const char *path)
{
    struct err err = {0};
    bool absent = false;
    if (catalog_file_read(path, store->config.prefix, load_entry, store, &absent, &err)) {
        if (store->keeper)
            catalog_keeper_is_kept(store->keeper);
        bring_in(store);
    } else if (!absent) {
        log_event(LOG_WARNING, "catalog: the last good catalog is of no use",
                  LOG_STR("file", err.where), LOG_STR("error", err.text));
    }
}

static void start_sync(struct catalog_store *store)
{
    struct catalog_sync_config sync = {.loop = store->config.loop,
                                       .clock = store->config.clock,
                                       .target = store->config.target,
                                       .prefix = store->config.prefix,
                                       .entries = store->entries,
                                       .on_read = on_read,
                                       .arg = store};
    store->sync = catalog_sync_new(&sync);
}

static struct catalog_keeper *new_keeper(const struct catalog_store *store, const char *path)
{
    return catalog_keeper_new(&(struct catalog_keeper_config){.loop = store->config.loop,
                                                              .clock = store->config.clock,
                                                              .path = path,
                                                              .prefix = store->config.prefix,
                                                              .entries = store->entries});
}

struct catalog_store *catalog_store_new(const struct catalog_store_config *config)
{
    struct catalog_store *store = check_calloc(1, sizeof *store);
    char path[PATH_BYTES_MAX];
    CHECK(snprintf(path, sizeof path, "%s/catalog", config->state_dir) < (int)sizeof path);
    store->config = *config;
    store->entries = catalog_entries_new(config->metrics, config->goals, on_refused, store);
    store->publish = loop_timer_new(config->loop, on_publish, store);
    store->keeper = config->persist ? new_keeper(store, path) : NULL;
    store->told = arena_new(STATUS_BYTES_MAX);
    load_last_good(store, path);
    start_sync(store);
    return store;
}

void catalog_store_free(struct catalog_store *store)
{
    if (!store)
        return;
    catalog_sync_free(store->sync);
    catalog_free(store->current);
    catalog_keeper_free(store->keeper);
    catalog_entries_free(store->entries);
    loop_timer_free(store->publish);
    arena_free(store->told);
    free(store);
}

struct catalog *catalog_store_current(const struct catalog_store *store)
{
    return store->current;
}

bool catalog_store_is_known(const struct catalog_store *store)
{
    return store->known;
}

unsigned catalog_store_fields(const struct catalog_store *store, enum record_kind kind,
                              struct slice id, struct record_field ret[RECORD_FIELDS_MAX])
{
    const struct catalog_entry *entry = catalog_entries_find(store->entries, kind, id);
    unsigned count;
    if (!entry || !entry->good || !raw_record_unpack(raw_record_slice(entry->good), ret, &count))
        return 0;
    return count;
}

/* ---- Status ---- */

struct telling {
    struct catalog_store *store;
    struct catalog_rejection *list;
    unsigned count;
};

static void tell(struct telling *telling, struct slice key, const char *field, const char *error)
{
    struct arena *told = telling->store->told;
    struct catalog_rejection rejection = {arena_copy(told, key),
                                          arena_copy(told, slice_cstr(field)),
                                          arena_copy(told, slice_cstr(error))};
    if (telling->count < CATALOG_REJECTIONS_MAX && rejection.error.ptr)
        telling->list[telling->count++] = rejection;
}

static unsigned tell_sets(struct telling *telling)
{
    struct catalog_store *store = telling->store;
    char key[CATALOG_KEY_MAX];
    unsigned count = 0;
    for (enum record_kind kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        const char *error = catalog_sync_set_error(store->sync, kind);
        if (!error)
            continue;
        tell(telling, catalog_set_key(key, store->config.prefix, kind), "", error);
        count++;
    }
    return count;
}

static int compare_rejections(const void *a, const void *b)
{
    const struct catalog_rejection *left = a, *right = b;
    return slice_compare(left->key, right->key);
}

struct catalog_status catalog_store_status(struct catalog_store *store)
{
    char key[CATALOG_KEY_MAX];
    arena_reset(store->told);
    struct telling telling = {.store = store};
    telling.list = arena_new_array(store->told, struct catalog_rejection, CATALOG_REJECTIONS_MAX);
    unsigned count = tell_sets(&telling) + catalog_entries_refused_count(store->entries);
    const struct catalog_entry *entry = catalog_entries_refused_first(store->entries);
    for (; entry && telling.count < CATALOG_REJECTIONS_MAX;
         entry = catalog_entries_refused_next(entry))
        tell(&telling, catalog_entry_key(key, store->config.prefix, entry), entry->refusal.field,
             entry->refusal.error);
    qsort(telling.list, telling.count, sizeof *telling.list, compare_rejections);
    return (struct catalog_status){.loaded = store->current != NULL,
                                   .from_disk = store->current && !store->confirmed,
                                   .confirmed_us = store->confirmed_us,
                                   .rejection_count = count,
                                   .rejections = telling.list,
                                   .rejections_listed = telling.count};
}
