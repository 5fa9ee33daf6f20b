#include "store/catalog_entries.h"

#include <stdlib.h>

#include "base/check.h"

#define BUCKETS_MIN    64
#define EMPTY_REVISION UINT64_C(0x6d61737468656164) /* of a catalog without entries */
#define NOT_AN_ID      "is not an id; allowed: 1 to 64 of a-z 0-9 . _ -, the first a letter or a digit"

struct of_kind {
    struct catalog_entry **item;
    unsigned count, capacity;
    struct catalog_entry **buckets;
    unsigned bucket_count; /* a power of two */
};

struct catalog_entries {
    struct of_kind kinds[RECORD_KIND_COUNT];
    TAILQ_HEAD(, catalog_entry) refused;
    unsigned refused_count;
    TAILQ_HEAD(changes, catalog_entry) changes;
    unsigned change_count;
    uint64_t revision;
    struct metrics *metrics;
    struct goals *goals;
    catalog_refused_fn *on_refused;
    void *context;
};

struct slice catalog_entry_id(const struct catalog_entry *entry)
{
    return slice_of(entry->id, entry->id_len);
}

/* ---- Finding ---- */

static uint64_t hash_of(struct slice id)
{
    return raw_record_hash(RECORD_SLOT, id, SLICE(""));
}

static struct catalog_entry **bucket_of(const struct of_kind *of_kind, struct slice id)
{
    return &of_kind->buckets[hash_of(id) & (of_kind->bucket_count - 1)];
}

static void put_in_bucket(struct of_kind *of_kind, struct catalog_entry *entry)
{
    struct catalog_entry **bucket = bucket_of(of_kind, catalog_entry_id(entry));
    entry->next_in_bucket = *bucket;
    *bucket = entry;
}

static void grow(struct of_kind *of_kind)
{
    of_kind->capacity = of_kind->capacity ? 2 * of_kind->capacity : BUCKETS_MIN;
    of_kind->item = check_realloc(of_kind->item, of_kind->capacity * sizeof(void *));
    free(of_kind->buckets);
    of_kind->bucket_count = of_kind->capacity;
    of_kind->buckets = check_calloc(of_kind->bucket_count, sizeof(void *));
    for (unsigned i = 0; i < of_kind->count; i++)
        put_in_bucket(of_kind, of_kind->item[i]);
}

struct catalog_entry *catalog_entries_find(const struct catalog_entries *entries,
                                           enum record_kind kind, struct slice id)
{
    const struct of_kind *of_kind = &entries->kinds[kind];
    if (of_kind->count == 0)
        return NULL;
    struct catalog_entry *entry = *bucket_of(of_kind, id);
    while (entry && !slice_eq(catalog_entry_id(entry), id))
        entry = entry->next_in_bucket;
    return entry;
}

unsigned catalog_entries_count(const struct catalog_entries *entries, enum record_kind kind)
{
    return entries->kinds[kind].count;
}

struct catalog_entry *catalog_entries_at(const struct catalog_entries *entries,
                                         enum record_kind kind, unsigned position)
{
    CHECK(position < entries->kinds[kind].count);
    return entries->kinds[kind].item[position];
}

/* ---- Refusals ---- */

static void clear_refusal(struct catalog_entry *entry)
{
    if (!entry->refusal.error)
        return;
    free(entry->refusal.field);
    free(entry->refusal.error);
    entry->refusal = (struct catalog_refusal){0};
    TAILQ_REMOVE(&entry->home->refused, entry, refused);
    entry->home->refused_count--;
}

static void set_refusal(struct catalog_entry *entry, const char *field, const char *error)
{
    struct catalog_entries *entries = entry->home;
    struct catalog_refusal *refusal = &entry->refusal;
    if (refusal->error && strcmp(refusal->error, error) == 0 && strcmp(refusal->field, field) == 0)
        return;
    clear_refusal(entry);
    *refusal = (struct catalog_refusal){check_strdup(field), check_strdup(error)};
    TAILQ_INSERT_TAIL(&entries->refused, entry, refused);
    entries->refused_count++;
    if (entries->on_refused)
        entries->on_refused(entry, entries->context);
}

unsigned catalog_entries_refused_count(const struct catalog_entries *entries)
{
    return entries->refused_count;
}

const struct catalog_entry *catalog_entries_refused_first(const struct catalog_entries *entries)
{
    return TAILQ_FIRST(&entries->refused);
}

const struct catalog_entry *catalog_entries_refused_next(const struct catalog_entry *entry)
{
    return TAILQ_NEXT(entry, refused);
}

/* ---- Versions ---- */

static void release_compiled(enum record_kind kind, void *compiled)
{
    if (kind == RECORD_SLOT)
        slot_release(compiled);
    else if (kind == RECORD_CAMPAIGN)
        campaign_release(compiled);
    else
        creative_release(compiled);
}

static void note_change(struct catalog_entry *entry)
{
    if (entry->changed)
        return;
    entry->changed = true;
    TAILQ_INSERT_TAIL(&entry->home->changes, entry, change);
    entry->home->change_count++;
}

/* The good version goes; true where there was one. */
static bool drop_good(struct catalog_entry *entry)
{
    if (!entry->good)
        return false;
    release_compiled(entry->kind, entry->compiled.any);
    free(entry->good);
    entry->good = NULL;
    entry->compiled.any = NULL;
    entry->home->revision -= entry->hash;
    note_change(entry);
    return true;
}

static void drop_bad(struct catalog_entry *entry)
{
    free(entry->bad);
    entry->bad = NULL;
}

static bool is_raw(const struct raw_record *raw, struct slice bytes)
{
    return raw && slice_eq(raw_record_slice(raw), bytes);
}

static void *compile(enum record_kind kind, const struct record *record, struct err *err)
{
    if (kind == RECORD_SLOT)
        return record_compile_slot(record, err);
    if (kind == RECORD_CAMPAIGN)
        return record_compile_campaign(record, err);
    return record_compile_creative(record, err);
}

static void *compile_raw(const struct catalog_entry *entry, struct slice raw, struct err *err)
{
    struct record_field fields[RECORD_FIELDS_MAX];
    struct record record = {.kind = entry->kind, .id = catalog_entry_id(entry), .fields = fields};
    if (!raw_record_unpack(raw, fields, &record.count)) {
        (void)err_set(err, "cannot be read");
        return NULL;
    }
    return compile(entry->kind, &record, err);
}

static void name_series(struct catalog_entry *entry)
{
    struct metrics *metrics = entry->home->metrics;
    if (metrics && entry->kind == RECORD_SLOT)
        entry->compiled.slot->series = metrics_series(metrics, 's', catalog_entry_id(entry));
    else if (metrics && entry->kind == RECORD_CAMPAIGN)
        entry->compiled.campaign->series = metrics_series(metrics, 'c', catalog_entry_id(entry));
    if (entry->home->goals && entry->kind == RECORD_CAMPAIGN)
        entry->compiled.campaign->delivery =
            goals_row(entry->home->goals, entry->compiled.campaign);
}

static void set_good(struct catalog_entry *entry, struct slice raw, void *compiled)
{
    (void)drop_good(entry);
    entry->good = raw_record_new(raw);
    entry->compiled.any = compiled;
    entry->hash = raw_record_hash(entry->kind, catalog_entry_id(entry), raw);
    entry->home->revision += entry->hash;
    note_change(entry);
    name_series(entry);
}

bool catalog_entry_set(struct catalog_entry *entry, struct slice raw)
{
    struct err err = {0};
    if (!entry->is_id || is_raw(entry->bad, raw))
        return false;
    bool is_same = is_raw(entry->good, raw);
    void *compiled = is_same ? NULL : compile_raw(entry, raw, &err);
    drop_bad(entry);
    if (!is_same && !compiled) {
        entry->bad = raw_record_new(raw);
        set_refusal(entry, err.where, err.text);
        return false;
    }
    if (!is_same)
        set_good(entry, raw, compiled);
    clear_refusal(entry);
    return !is_same;
}

bool catalog_entry_refuse(struct catalog_entry *entry, const char *field, const char *error)
{
    drop_bad(entry);
    set_refusal(entry, field, error);
    return false;
}

bool catalog_entry_vanish(struct catalog_entry *entry)
{
    if (!entry->is_id)
        return false;
    drop_bad(entry);
    set_refusal(entry, "", "there is no such hash");
    return drop_good(entry);
}

/* ---- Coming and going ---- */

struct catalog_entry *catalog_entries_add(struct catalog_entries *entries, enum record_kind kind,
                                          struct slice id)
{
    struct of_kind *of_kind = &entries->kinds[kind];
    CHECK(id.len <= CATALOG_ID_KEPT_MAX && !catalog_entries_find(entries, kind, id));
    struct catalog_entry *entry = check_calloc(1, sizeof *entry + id.len);
    entry->home = entries;
    entry->kind = kind;
    entry->id_len = (uint8_t)id.len;
    if (id.len)
        memcpy(entry->id, id.ptr, id.len);
    if (of_kind->count == of_kind->capacity)
        grow(of_kind);
    entry->position = of_kind->count;
    of_kind->item[of_kind->count++] = entry;
    put_in_bucket(of_kind, entry);
    entry->is_id = id_is_valid(id);
    if (!entry->is_id)
        set_refusal(entry, "", NOT_AN_ID);
    return entry;
}

static void take_out(struct catalog_entry *entry)
{
    struct of_kind *of_kind = &entry->home->kinds[entry->kind];
    struct catalog_entry **link = bucket_of(of_kind, catalog_entry_id(entry));
    while (*link != entry)
        link = &(*link)->next_in_bucket;
    *link = entry->next_in_bucket;
    struct catalog_entry *last = of_kind->item[--of_kind->count];
    of_kind->item[entry->position] = last;
    last->position = entry->position;
}

/* Out of the catalog, and whoever still has to do with it is done. */
static void free_if_done(struct catalog_entry *entry)
{
    if (entry->removed && !entry->reading && !entry->queued && !entry->changed)
        free(entry);
}

void catalog_entry_remove(struct catalog_entry *entry)
{
    take_out(entry);
    clear_refusal(entry);
    (void)drop_good(entry);
    drop_bad(entry);
    entry->removed = true;
    free_if_done(entry);
}

void catalog_entry_free_removed(struct catalog_entry *entry)
{
    CHECK(entry->removed && !entry->reading && !entry->queued);
    free_if_done(entry);
}

struct catalog_entries *catalog_entries_new(struct metrics *metrics, struct goals *goals,
                                            catalog_refused_fn *on_refused, void *context)
{
    struct catalog_entries *entries = check_calloc(1, sizeof *entries);
    TAILQ_INIT(&entries->refused);
    TAILQ_INIT(&entries->changes);
    entries->revision = EMPTY_REVISION;
    entries->metrics = metrics;
    entries->goals = goals;
    entries->on_refused = on_refused;
    entries->context = context;
    return entries;
}

/* The oldest change, out of the queue. */
static struct catalog_entry *take_change(struct catalog_entries *entries)
{
    struct catalog_entry *entry = TAILQ_FIRST(&entries->changes);
    TAILQ_REMOVE(&entries->changes, entry, change);
    entries->change_count--;
    entry->changed = false;
    return entry;
}

static void drop_changes(struct catalog_entries *entries)
{
    while (entries->change_count > 0)
        free_if_done(take_change(entries));
}

void catalog_entries_free(struct catalog_entries *entries)
{
    if (!entries)
        return;
    for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        struct of_kind *of_kind = &entries->kinds[kind];
        while (of_kind->count > 0)
            catalog_entry_remove(of_kind->item[of_kind->count - 1]);
        free(of_kind->item);
        free(of_kind->buckets);
    }
    drop_changes(entries);
    free(entries);
}

/* ---- Into the catalog ---- */

uint64_t catalog_entries_revision(const struct catalog_entries *entries)
{
    return entries->revision ? entries->revision : EMPTY_REVISION;
}

unsigned catalog_entries_changes(const struct catalog_entries *entries)
{
    return entries->change_count;
}

static void put_good(struct catalog *catalog, const struct catalog_entry *entry)
{
    if (entry->kind == RECORD_SLOT)
        catalog_put_slot(catalog, slot_retain(entry->compiled.slot));
    else if (entry->kind == RECORD_CAMPAIGN)
        catalog_put_campaign(catalog, campaign_retain(entry->compiled.campaign));
    else
        catalog_put_creative(catalog, creative_retain(entry->compiled.creative));
}

static void remove_from(struct catalog *catalog, const struct catalog_entry *entry)
{
    if (entry->kind == RECORD_SLOT)
        catalog_remove_slot(catalog, catalog_entry_id(entry));
    else if (entry->kind == RECORD_CAMPAIGN)
        catalog_remove_campaign(catalog, catalog_entry_id(entry));
    else
        catalog_remove_creative(catalog, catalog_entry_id(entry));
}

unsigned catalog_entries_apply(struct catalog_entries *entries, struct catalog *catalog,
                               unsigned max)
{
    for (; max > 0 && entries->change_count > 0; max--) {
        struct catalog_entry *entry = take_change(entries);
        if (entry->good)
            put_good(catalog, entry);
        else
            remove_from(catalog, entry);
        free_if_done(entry);
    }
    return entries->change_count;
}

static void fill_campaigns(struct of_kind *of_kind, struct catalog *catalog)
{
    struct campaign **campaigns = check_malloc((of_kind->count + 1) * sizeof *campaigns);
    unsigned count = 0;
    for (unsigned i = 0; i < of_kind->count; i++) {
        if (of_kind->item[i]->good)
            campaigns[count++] = campaign_retain(of_kind->item[i]->compiled.campaign);
    }
    catalog_put_campaigns(catalog, campaigns, count);
    free(campaigns);
}

void catalog_entries_fill(struct catalog_entries *entries, struct catalog *catalog)
{
    static const enum record_kind before_campaigns[] = {RECORD_SLOT, RECORD_CREATIVE};
    for (unsigned k = 0; k < sizeof before_campaigns / sizeof *before_campaigns; k++) {
        const struct of_kind *of_kind = &entries->kinds[before_campaigns[k]];
        for (unsigned i = 0; i < of_kind->count; i++) {
            if (of_kind->item[i]->good)
                put_good(catalog, of_kind->item[i]);
        }
    }
    fill_campaigns(&entries->kinds[RECORD_CAMPAIGN], catalog);
    drop_changes(entries);
}
