#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/command.h"
#include "ctl/explain_catalog.h"
#include "ctl/explain_print.h"
#include "decision/crawlers.h"
#include "decision/description.h"
#include "store/crawler_file.h"
#include "store/explain_goals.h"
#include "store/explain_viewer.h"
#include "store/geo.h"
#include "store/scripts.h"
#include "store/secrets.h"
#include "store/traffic.h"

#define COMMAND_VALUE_MAX 16384 /* bytes */

/* ---- The description ------------------------------------------------------------------------- */

/* A slot without a width of its own gets the one of --width. */
static struct slice with_width(struct tool *tool, const struct call *call, struct slice slot)
{
    const char *width = NULL;
    struct strbuf text;
    for (unsigned i = 0; i < call->given_count; i++) {
        if (strcmp(call->given[i].name, "width") == 0)
            width = call->given[i].value;
    }
    if (!width || slice_find(slot, ':') < slot.len)
        return slot;
    strbuf_init(&text, COMMAND_VALUE_MAX);
    strbuf_addf(&text, "%.*s:%s", SLICE_ARGS(slot), width);
    struct slice copy = arena_copy(tool->arena, strbuf_slice(&text));
    strbuf_release(&text);
    return copy;
}

/* "colour=red" of --kv is the parameter kv.colour. */
static bool take_key_value(struct tool *tool, struct description *description, struct slice text,
                           struct err *err)
{
    size_t equals = slice_find(text, '=');
    struct strbuf name;
    (void)err_at(err, "kv");
    if (equals == text.len)
        return err_set(err, "%s is no key-value, allowed is NAME=VALUE", err_quote(text));
    strbuf_init(&name, COMMAND_VALUE_MAX);
    strbuf_addf(&name, "kv.%.*s", (int)equals, text.ptr);
    struct slice copy = arena_copy(tool->arena, strbuf_slice(&name));
    strbuf_release(&name);
    return description_take(description, tool->arena, copy, slice_from(text, equals + 1), err);
}

static bool take_given(struct tool *tool, const struct call *call, const struct given *given,
                       struct description *description, struct err *err)
{
    struct slice value = slice_cstr(given->value);
    if (value.len > COMMAND_VALUE_MAX / 2) {
        (void)err_at(err, "%s", given->name);
        return err_set(err, "%zu bytes, at most %d are allowed", value.len, COMMAND_VALUE_MAX / 2);
    }
    if (strcmp(given->name, "width") == 0)
        return true;
    if (strcmp(given->name, "kv") == 0)
        return take_key_value(tool, description, value, err);
    if (strcmp(given->name, "slot") == 0)
        value = with_width(tool, call, value);
    return description_take(description, tool->arena, slice_cstr(given->name), value, err);
}

/* False with a mistake noted. */
static bool read_description(struct tool *tool, const struct call *call,
                             struct description *description)
{
    struct err err = {"", ""};
    bool good = true;
    description_clear(description);
    for (unsigned i = 0; good && i < call->given_count; i++)
        good = take_given(tool, call, &call->given[i], description, &err);
    if (good && page_query_check(&description->query, &err))
        return true;
    char option[ERR_WHERE_MAX + 2];
    (void)snprintf(option, sizeof option, "--%s", err.where);
    (void)err_at(&err, "%s", option);
    return mistakes_add(&tool->mistakes, &err);
}

/* ---- The viewer ------------------------------------------------------------------------------ */

/* NULL where there is none: then no server has served yet, and nothing has been counted. */
static const uint8_t *read_secret(struct tool *tool, struct slice key)
{
    const struct slice args[] = {SLICE("GET"), key};
    const struct redis_reply *reply = tool_call(tool, args, 2);
    if (!reply || reply->type != REDIS_STRING || reply->text.len != SECRET_BYTES)
        return NULL;
    return (const uint8_t *)arena_copy(tool->arena, reply->text).ptr;
}

static bool find_viewer(struct tool *tool, const struct description *description, int64_t now_us,
                        struct explain_viewer *ret)
{
    struct viewer_ladder ladder;
    struct viewer_salts salts;
    char key[SECRETS_KEY_MAX];
    struct err err = {"", ""};
    if (!viewer_ladder_parse(slice_cstr(tool->options->viewer_identity), &ladder, &err)) {
        (void)err_at(&err, "%s", options_where(tool->options, "viewer.identity"));
        return mistakes_add(&tool->mistakes, &err);
    }
    salts.viewer = read_secret(tool, secrets_key(key, tool->prefix));
    salts.today = read_secret(tool, secrets_key_of_day(key, tool->prefix, now_us));
    *ret = explain_viewer_find(&ladder, &salts, description);
    return tool->mistakes.count == 0;
}

static bool read_batch(struct tool *tool, struct explain *explain,
                       const struct explain_caps_batch *batch)
{
    struct slice args[3 + EXPLAIN_CAPS_BATCH] = {SLICE("EVAL"), script_get(SCRIPT_CAPS)->text};
    char count[16];
    (void)snprintf(count, sizeof count, "%u", batch->count);
    args[2] = slice_cstr(count);
    memcpy(args + 3, batch->keys, batch->count * sizeof *batch->keys);
    const struct redis_reply *reply = tool_call(tool, args, 3 + batch->count);
    if (!reply)
        return false;
    return explain_caps_take(explain, batch->from, batch->count, reply,
                             clock_wall_us(&clock_system)) ||
           tool_refuse(tool, "explain", "Redis gives no counters; allowed: two numbers each");
}

static bool read_caps(struct tool *tool, struct explain *explain,
                      const struct explain_viewer *viewer)
{
    struct explain_caps_batch *batch = arena_new_item(tool->arena, struct explain_caps_batch);
    for (unsigned from = 0; viewer->has_key; from += batch->count) {
        explain_caps_ask(explain, tool->prefix, &viewer->key, from, batch);
        if (batch->count == 0)
            break;
        if (!read_batch(tool, explain, batch))
            return false;
    }
    return true;
}

/* ---- Goals and budgets ----------------------------------------------------------------------- */

static bool read_goal(struct tool *tool, struct explain *explain, unsigned at,
                      const struct explain_goal_terms *terms)
{
    struct slice args[5 + EXPLAIN_GOAL_ARGS] = {SLICE("EVAL"), script_get(SCRIPT_LEASE)->text,
                                                SLICE("2")};
    struct explain_goal_call call;
    explain_goal_ask(explain, at, terms, &call);
    memcpy(args + 3, call.keys, sizeof call.keys);
    memcpy(args + 5, call.args, sizeof call.args);
    const struct redis_reply *reply = tool_call(tool, args, 5 + EXPLAIN_GOAL_ARGS);
    if (!reply)
        return false;
    return explain_goal_take(explain, at, terms, reply) ||
           tool_refuse(tool, "explain", "Redis gives no goals; allowed: their numbers");
}

static bool read_shape(struct tool *tool, struct traffic_shape *ret)
{
    char key[LEDGER_KEY_MAX];
    (void)snprintf(key, sizeof key, "%.*straffic", SLICE_ARGS(tool->prefix));
    const struct slice args[] = {SLICE("HGETALL"), slice_cstr(key)};
    const struct redis_reply *reply = tool_call(tool, args, 2);
    return reply && traffic_read_shape(reply, clock_wall_us(&clock_system), ret);
}

static bool read_goals(struct tool *tool, struct explain *explain)
{
    struct traffic_shape shape;
    const struct explain_goal_terms terms = {
        .prefix = tool->prefix, .hold_ms = tool->options->goals_hold_in_ms, .shape = &shape};
    if (explain_bound_count(explain) > 0 && !read_shape(tool, &shape))
        return false;
    for (unsigned i = 0; i < explain_bound_count(explain); i++) {
        if (!read_goal(tool, explain, i, &terms))
            return false;
    }
    return true;
}

/* ---- The question ---------------------------------------------------------------------------- */

static bool find_place(struct tool *tool, const struct description *description,
                       struct geo_place *place, struct page_facts *facts)
{
    struct err err = {"", ""};
    const char *path = tool->options->geo_database;
    *place = (struct geo_place){0};
    if (path[0] && description->has_client) {
        struct geo *geo = geo_open(path, &err);
        if (!geo) {
            (void)err_at(&err, "%s", options_where(tool->options, "geo.database"));
            return mistakes_add(&tool->mistakes, &err);
        }
        (void)geo_find(geo, &description->client, place);
        geo_close(geo);
    }
    facts->country = slice_cstr(place->country);
    facts->region = slice_cstr(place->region);
    return true;
}

/* False with a mistake noted where none of them is there. */
static bool find_slots(struct tool *tool, const struct description *description,
                       const struct catalog *catalog, struct page_request *request)
{
    const struct page_query *query = &description->query;
    unsigned known = 0;
    request->slot_count = query->slot_count;
    for (unsigned i = 0; i < query->slot_count; i++) {
        request->slots[i] =
            (struct page_slot){.name = query->slots[i].id,
                               .index = catalog_find_slot(catalog, query->slots[i].id),
                               .width = query->slots[i].width};
        known += request->slots[i].index != NULL;
    }
    return known > 0 || tool_refuse(tool, "--slot",
                                    "there is no such slot; allowed: one that `slot list` shows");
}

static bool check_campaign(struct tool *tool, const struct description *description,
                           const struct catalog *catalog)
{
    return description->campaign.len == 0 ||
           catalog_find_campaign(catalog, description->campaign) ||
           tool_refuse(tool, "--campaign",
                       "there is no such campaign; allowed: one that `campaign list` shows");
}

/* ---- The user agent -------------------------------------------------------------------------- */

static void tell_verdict(struct tool *tool, const struct crawler_list *list, struct slice agent)
{
    struct crawlers *crawlers = crawlers_new(list);
    struct crawler_finding found = crawlers_judge(crawlers, agent);
    if (found.verdict != CRAWLER_NONE)
        tool_warn(tool, "--ua", "it is %s%s%s%s: it gets its ads, and nothing of it is counted",
                  crawler_verdict_word(found.verdict), found.name ? " (" : "",
                  found.name ? found.name : "", found.name ? ")" : "");
    crawlers_free(crawlers);
}

/* What is answered is what a person's request would get; a crawler is told beside it. */
static bool judge_agent(struct tool *tool, const struct description *description)
{
    const char *path = tool->options->bots_list;
    struct err err = {"", ""};
    struct crawler_list *list;
    if (description->agent.len == 0)
        return true;
    list = path[0] ? crawler_file_read(path, &err) : crawler_list_built_in();
    if (!list) {
        (void)err_at(&err, "%s", options_where(tool->options, "bots.list"));
        return mistakes_add(&tool->mistakes, &err);
    }
    tell_verdict(tool, list, description->agent);
    crawler_list_free(list);
    return true;
}

static bool explain_all(struct tool *tool, struct explain *explain,
                        const struct explain_viewer *viewer)
{
    while (explain_judge(explain))
        ;
    if (!read_caps(tool, explain, viewer) || !read_goals(tool, explain))
        return false;
    while (explain_draw(explain))
        ;
    while (explain_list(explain))
        ;
    return true;
}

static bool answer(struct tool *tool, const struct call *call,
                   const struct description *description, struct explain_catalog *entries)
{
    struct explain_question question = {.catalog = entries->catalog,
                                        .campaign = description->campaign,
                                        .seed = EXPLAIN_SEED,
                                        .fields = explain_catalog_fields,
                                        .deliveries = entries->deliveries,
                                        .arg = entries};
    struct page_request *request = &question.request;
    struct explain_viewer viewer = {.way = NULL};
    struct geo_place place;
    request->now_us =
        description->at_us != TIME_UNSET ? description->at_us : clock_wall_us(&clock_system);
    description_facts(description, &request->facts);
    if (!find_place(tool, description, &place, &request->facts) ||
        !find_viewer(tool, description, request->now_us, &viewer) ||
        !judge_agent(tool, description) ||
        !find_slots(tool, description, entries->catalog, request) ||
        !check_campaign(tool, description, entries->catalog))
        return false;
    request->has_viewer = viewer.way != NULL;
    request->serve_anonymous = tool->options->viewer_anonymous == 1;
    struct explain *explain = explain_new(&question);
    bool good = explain_all(tool, explain, &viewer);
    if (good && (call->flags & FLAG_JSON))
        explain_print_json(explain, viewer.way, tool->out);
    else if (good)
        explain_print(tool, explain, viewer.way);
    explain_free(explain);
    return good;
}

enum tool_result command_explain(struct tool *tool, const struct call *call)
{
    struct description description;
    struct explain_catalog entries;
    if (!read_description(tool, call, &description))
        return TOOL_USAGE;
    if (!explain_catalog_read(tool, &entries))
        return TOOL_REFUSED;
    bool good = answer(tool, call, &description, &entries);
    explain_catalog_release(&entries);
    return good ? TOOL_DONE : TOOL_REFUSED;
}
