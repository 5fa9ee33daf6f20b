#include "store/catalog_keeper.h"

#include <limits.h>
#include <stdlib.h>

#include "base/check.h"
#include "net/loop.h"
#include "store/catalog_file.h"

#define WRITER_LOOK_US (20 * US_PER_MS)
#define RETRY_US       (KEEPER_RETRY_MS * US_PER_MS)

enum state { AT_REST, WAITING, COPYING, WRITING };

struct catalog_keeper {
    struct catalog_keeper_config config;
    struct catalog_writer *writer;
    struct loop_timer *timer;
    enum state state;
    bool again;                       /* something has changed since the copy was begun */
    uint64_t kept_revision, revision; /* on disk; as the copy was begun */
    int64_t began_us, rest_until_us;

    /* The copy: entries of `kind` below `left` are still to come, and all of the kinds below. */
    struct strbuf bytes;
    unsigned kind, left, count;
};

static int64_t now_us(const struct catalog_keeper *keeper)
{
    return clock_mono_us(keeper->config.clock);
}

/* ---- The copy -------------------------------------------------------------------------------- */

static void begin_copy(struct catalog_keeper *keeper)
{
    keeper->state = COPYING;
    keeper->again = false;
    keeper->began_us = now_us(keeper);
    keeper->revision = catalog_entries_revision(keeper->config.entries);
    keeper->kind = RECORD_KIND_COUNT;
    keeper->left = keeper->count = 0;
    strbuf_init(&keeper->bytes, CATALOG_FILE_MAX);
    catalog_file_begin(&keeper->bytes, keeper->config.prefix);
}

/* The next entry down, or NULL after the last. Entries may have gone since the turn before. */
static const struct catalog_entry *next_entry(struct catalog_keeper *keeper)
{
    const struct catalog_entries *entries = keeper->config.entries;
    for (;;) {
        unsigned count =
            keeper->kind < RECORD_KIND_COUNT ? catalog_entries_count(entries, keeper->kind) : 0;
        keeper->left = keeper->left < count ? keeper->left : count;
        if (keeper->left > 0)
            return catalog_entries_at(entries, keeper->kind, --keeper->left);
        if (keeper->kind == 0)
            return NULL;
        keeper->kind--;
        keeper->left = UINT_MAX;
    }
}

/* False once all are copied. */
static bool copy_some(struct catalog_keeper *keeper)
{
    for (unsigned i = 0; i < KEEPER_SLICE; i++) {
        const struct catalog_entry *entry = next_entry(keeper);
        if (!entry)
            return false;
        if (!entry->good)
            continue;
        catalog_file_add(&keeper->bytes, entry->kind, catalog_entry_id(entry),
                         raw_record_slice(entry->good));
        keeper->count++;
    }
    return true;
}

/* ---- The states ------------------------------------------------------------------------------ */

static void wait_for_it(struct catalog_keeper *keeper)
{
    int64_t rest_us = keeper->rest_until_us - now_us(keeper);
    int64_t least_us = CATALOG_PERSIST_MS * US_PER_MS;
    keeper->state = WAITING;
    loop_timer_set(keeper->timer, rest_us > least_us ? rest_us : least_us);
}

static void begin(struct catalog_keeper *keeper)
{
    if (catalog_entries_revision(keeper->config.entries) == keeper->kept_revision) {
        keeper->state = AT_REST;
        return;
    }
    begin_copy(keeper);
    loop_timer_set(keeper->timer, 0);
}

static void go_on(struct catalog_keeper *keeper)
{
    if (copy_some(keeper)) {
        loop_timer_set(keeper->timer, 0);
        return;
    }
    catalog_file_end(&keeper->bytes, keeper->config.prefix, keeper->count);
    catalog_writer_write(keeper->writer, &keeper->bytes);
    keeper->state = WRITING;
    loop_timer_set(keeper->timer, WRITER_LOOK_US);
}

static void look(struct catalog_keeper *keeper)
{
    if (catalog_writer_is_busy(keeper->writer)) {
        loop_timer_set(keeper->timer, WRITER_LOOK_US);
        return;
    }
    int64_t rest_us = KEEPER_REST * (now_us(keeper) - keeper->began_us);
    if (catalog_writer_has_failed(keeper->writer)) {
        rest_us = rest_us > RETRY_US ? rest_us : RETRY_US;
        keeper->again = true;
    } else {
        keeper->kept_revision = keeper->revision;
    }
    keeper->rest_until_us = now_us(keeper) + rest_us;
    keeper->state = AT_REST;
    if (keeper->again)
        wait_for_it(keeper);
}

static void on_timer(void *arg)
{
    struct catalog_keeper *keeper = arg;
    if (keeper->state == WAITING)
        begin(keeper);
    else if (keeper->state == COPYING)
        go_on(keeper);
    else
        look(keeper);
}

void catalog_keeper_changed(struct catalog_keeper *keeper)
{
    if (!keeper)
        return;
    keeper->again = true;
    if (keeper->state == AT_REST)
        wait_for_it(keeper);
}

void catalog_keeper_is_kept(struct catalog_keeper *keeper)
{
    keeper->kept_revision = catalog_entries_revision(keeper->config.entries);
}

struct catalog_keeper *catalog_keeper_new(const struct catalog_keeper_config *config)
{
    struct catalog_keeper *keeper = check_calloc(1, sizeof *keeper);
    keeper->config = *config;
    keeper->writer = catalog_writer_new(config->loop, config->path);
    keeper->timer = loop_timer_new(config->loop, on_timer, keeper);
    strbuf_init(&keeper->bytes, CATALOG_FILE_MAX);
    return keeper;
}

void catalog_keeper_free(struct catalog_keeper *keeper)
{
    if (!keeper)
        return;
    catalog_writer_free(keeper->writer);
    loop_timer_free(keeper->timer);
    strbuf_release(&keeper->bytes);
    free(keeper);
}
