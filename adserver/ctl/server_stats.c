#include "ctl/server_stats.h"

#include <jansson.h>
#include <stdlib.h>

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
