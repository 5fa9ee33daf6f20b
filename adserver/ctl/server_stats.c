#include "ctl/server_stats.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "ctl/http_get.h"

struct server_stats {
    json_t *root;
};

struct server_stats *server_stats_get(const char *url, struct err *err)
{
    struct strbuf body;
    json_error_t mistake;
    strbuf_init(&body, HTTP_GET_MAX);
    json_t *root = NULL;
    if (http_get(url, &body, err)) {
        root = json_loadb(body.ptr ? body.ptr : "", body.len, 0, &mistake);
        if (!json_is_object(json_object_get(root, "events"))) {
            json_decref(root);
            root = NULL;
            (void)err_set(err, "what it answers are no statistics; allowed: /stats of adserver");
        }
    }
    strbuf_release(&body);
    if (!root)
        return NULL;
    struct server_stats *stats = check_calloc(1, sizeof *stats);
    stats->root = root;
    return stats;
}

/* ---- Of several servers ---- */

/* Adds numbers to those of the same names, and takes over what `to` does not have. */
static void add_counts(json_t *to, json_t *from)
{
    const char *name;
    json_t *value;
    json_object_foreach(from, name, value)
    {
        json_t *mine = json_object_get(to, name);
        if (json_is_object(mine) && json_is_object(value))
            add_counts(mine, value);
        else if (json_is_integer(mine) && json_is_integer(value))
            (void)json_integer_set(mine, json_integer_value(mine) + json_integer_value(value));
        else if (!mine)
            (void)json_object_set(to, name, value);
    }
}

static void add_server(struct server_stats *all, const struct server_stats *one)
{
    static const char *const groups[] = {"events", "campaigns"};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        add_counts(json_object_get(all->root, groups[i]), json_object_get(one->root, groups[i]));
}

struct server_stats *server_stats_get_all(const char *urls, struct err *err)
{
    struct server_stats *all = NULL;
    struct slice rest = slice_cstr(urls), part;
    if (rest.len == 0)
        return server_stats_get(urls, err);
    while (slice_next(&rest, ',', &part)) {
        char *url = strndup(part.ptr, part.len);
        CHECK(url != NULL);
        struct server_stats *one = server_stats_get(url, err);
        free(url);
        if (!one) {
            server_stats_free(all);
            return NULL;
        }
        if (!all) {
            all = one;
            continue;
        }
        add_server(all, one);
        server_stats_free(one);
    }
    return all;
}

void server_stats_free(struct server_stats *stats)
{
    if (!stats)
        return;
    json_decref(stats->root);
    free(stats);
}

static const json_t *find(const struct server_stats *stats, const char *group, const char *name)
{
    const json_t *found = json_object_get(stats->root, group);
    return name ? json_object_get(found, name) : found;
}

bool server_stats_has(const struct server_stats *stats, const char *group, const char *name)
{
    return find(stats, group, name) != NULL;
}

int64_t server_stats_count(const struct server_stats *stats, const char *group, const char *name,
                           const char *what)
{
    return json_integer_value(json_object_get(find(stats, group, name), what));
}

double server_stats_latency(const struct server_stats *stats, const char *kind, const char *what)
{
    const json_t *number = json_object_get(find(stats, "latency_ms", kind), what);
    return json_is_number(number) ? json_number_value(number) : -1;
}

void server_stats_each(const struct server_stats *stats, const char *group, server_stats_fn *fn,
                       void *arg)
{
    json_t *all = json_object_get(stats->root, group), *value;
    const char *name;
    json_object_foreach(all, name, value)
    {
        (void)value;
        fn(name, arg);
    }
}
