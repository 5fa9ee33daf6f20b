#include "ctl/events_sources.h"

#include <stdlib.h>

#include "base/check.h"
#include "decision/id_table.h"
#include "store/ledger_keys.h"

struct row {
    struct events_source source;
    char key[LEDGER_KEY_MAX];
};

struct events_sources {
    struct events_files *files;
    struct id_table table;
    struct row **rows; /* in the order in which they were found */
    unsigned capacity;
};

static struct slice id_of_row(const void *item)
{
    const struct row *row = item;
    return row->source.campaign;
}

struct events_sources *events_sources_new(struct events_files *files)
{
    struct events_sources *sources = check_calloc(1, sizeof *sources);
    sources->files = files;
    sources->table.id_of = id_of_row;
    return sources;
}

void events_sources_free(struct events_sources *sources)
{
    if (!sources)
        return;
    for (unsigned i = 0; i < sources->table.count; i++) {
        events_file_free(sources->rows[i]->source.file);
        free(sources->rows[i]);
    }
    free(sources->rows);
    id_table_release(&sources->table);
    free(sources);
}

unsigned events_sources_count(const struct events_sources *sources)
{
    return sources->table.count;
}

struct events_source *events_sources_at(struct events_sources *sources, unsigned at)
{
    CHECK(at < sources->table.count);
    return &sources->rows[at]->source;
}

/* ---- Adding ---------------------------------------------------------------------------------- */

static struct row *row_new(struct slice prefix, struct slice campaign)
{
    struct row *row = check_calloc(1, sizeof *row);
    memcpy(row->source.text, campaign.ptr, campaign.len);
    row->source.campaign = slice_of(row->source.text, campaign.len);
    row->source.key = ledger_key(row->key, prefix, "events", row->source.campaign, "");
    return row;
}

static void keep(struct events_sources *sources, struct row *row)
{
    if (sources->table.count == sources->capacity) {
        sources->capacity = sources->capacity ? 2 * sources->capacity : 64;
        sources->rows = check_realloc(sources->rows, sources->capacity * sizeof(*sources->rows));
    }
    sources->rows[sources->table.count] = row;
    CHECK(id_table_put(&sources->table, row) == NULL);
}

static bool add(struct events_sources *sources, struct tool *tool, struct slice campaign)
{
    struct err err = {"", ""};
    if (id_table_find(&sources->table, campaign))
        return true;
    struct row *row = row_new(tool->prefix, campaign);
    if (sources->files) {
        row->source.file = events_file_open(sources->files, campaign, &row->source.position, &err);
        if (!row->source.file) {
            free(row);
            return mistakes_add(&tool->mistakes, &err);
        }
    }
    keep(sources, row);
    return true;
}

bool events_sources_add(struct events_sources *sources, struct tool *tool, struct slice campaign)
{
    if (!id_is_valid(campaign))
        return tool_refuse(tool, "--campaign", "\"%s\" is no id; allowed: %s", err_quote(campaign),
                           "[a-z0-9][a-z0-9._-]{0,63}");
    return add(sources, tool, campaign);
}

static int compare_texts(const void *left, const void *right)
{
    const struct redis_reply *const *a = left, *const *b = right;
    return slice_compare((*a)->text, (*b)->text);
}

/* In the order of their names. What is no id has no stream. */
static bool add_members(struct events_sources *sources, struct tool *tool,
                        const struct redis_reply *set)
{
    const struct redis_reply **sorted = check_calloc(set->count + 1, sizeof(*sorted));
    bool good = true;
    for (size_t i = 0; i < set->count; i++)
        sorted[i] = &set->items[i];
    qsort(sorted, set->count, sizeof(*sorted), compare_texts);
    for (size_t i = 0; good && i < set->count; i++)
        good = !id_is_valid(sorted[i]->text) || add(sources, tool, sorted[i]->text);
    free(sorted);
    return good;
}

bool events_sources_list(struct events_sources *sources, struct tool *tool)
{
    static const char *const sets[] = {"campaigns", "streams"};
    for (unsigned i = 0; i < sizeof sets / sizeof *sets; i++) {
        char key[LEDGER_KEY_MAX];
        (void)snprintf(key, sizeof key, "%.*s%s", SLICE_ARGS(tool->prefix), sets[i]);
        const struct redis_reply *reply =
            tool_call(tool, (struct slice[]){SLICE("SMEMBERS"), slice_cstr(key)}, 2);
        if (!reply)
            return false;
        if (reply->type != REDIS_ARRAY)
            return tool_refuse(tool, key, "it can't be read; allowed: a set of ids");
        if (!add_members(sources, tool, reply))
            return false;
    }
    return true;
}
