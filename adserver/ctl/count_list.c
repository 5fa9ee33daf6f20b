#include "ctl/count_list.h"

#include <stdlib.h>

#include "base/check.h"
#include "decision/model.h"
#include "decision/packed_days.h"

#define SCAN_COUNT SLICE("1000")

struct walk {
    struct tool *tool;
    struct count_list *list;
    unsigned room;
};

static const struct {
    struct slice word;
    enum count_kind kind;
} kinds[] = {
    {SLICE_INIT("count:{"), COUNT_HOUR},
    {SLICE_INIT("month:{"), COUNT_MONTH},
    {SLICE_INIT("total:{"), COUNT_TOTAL},
};

/* "202611", or "202611:3" of a quarter. */
static bool parse_month(struct slice text, struct count_key *ret)
{
    uint64_t quarter;
    size_t colon = slice_find(text, ':');
    if (!count_month_parse(slice_of(text.ptr, colon), &ret->at))
        return false;
    if (colon == text.len)
        return true;
    if (text.len - colon != 2 ||
        !slice_to_u64(slice_from(text, colon + 1), PACKED_QUARTERS - 1, &quarter))
        return false;
    ret->run = (unsigned)quarter + 1;
    return true;
}

/* "spring}:2026113019" */
static bool parse_rest(struct slice rest, struct count_key *ret)
{
    size_t brace = slice_find(rest, '}');
    struct slice time = slice_from(rest, brace + 2);
    ret->campaign = slice_of(rest.ptr, brace);
    if (brace == rest.len || !id_is_valid(ret->campaign))
        return false;
    if (ret->kind == COUNT_TOTAL)
        return brace + 1 == rest.len;
    if (brace + 1 == rest.len || rest.ptr[brace + 1] != ':')
        return false;
    return ret->kind == COUNT_HOUR ? count_hour_parse(time, &ret->at) : parse_month(time, ret);
}

static bool parse_key(const struct tool *tool, struct count_key *ret)
{
    struct slice rest = slice_from(ret->key, tool->prefix.len);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!slice_starts(rest, kinds[i].word))
            continue;
        ret->kind = kinds[i].kind;
        rest = slice_from(rest, kinds[i].word.len);
        if (parse_rest(rest, ret))
            return true;
        ret->kind = COUNT_ODD;
        ret->campaign = slice_of(rest.ptr, slice_find(rest, '}'));
        return true;
    }
    return false;
}

static void add(struct walk *walk, struct slice key)
{
    struct count_key parsed = {.key = arena_copy(walk->tool->arena, key)};
    struct count_list *list = walk->list;
    if (!slice_starts(key, walk->tool->prefix) || !parse_key(walk->tool, &parsed))
        return;
    if (list->count == walk->room) {
        walk->room = walk->room > 0 ? 2 * walk->room : 1024;
        struct count_key *grown = arena_new_array(walk->tool->arena, struct count_key, walk->room);
        if (list->count > 0)
            memcpy(grown, list->item, list->count * sizeof *grown);
        list->item = grown;
    }
    list->item[list->count++] = parsed;
}

static int compare(const void *a, const void *b)
{
    const struct count_key *left = a, *right = b;
    int order = slice_compare(left->campaign, right->campaign);
    if (order != 0)
        return order;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    return left->at < right->at   ? -1
           : left->at > right->at ? 1
                                  : slice_compare(left->key, right->key);
}

/* A key may be walked over more than once. */
static void sort(struct count_list *list)
{
    unsigned kept = 0;
    if (list->count > 0)
        qsort(list->item, list->count, sizeof *list->item, compare);
    for (unsigned i = 0; i < list->count; i++) {
        if (kept == 0 || !slice_eq(list->item[kept - 1].key, list->item[i].key))
            list->item[kept++] = list->item[i];
    }
    list->count = kept;
}

/* All keys of one server that are of the kind. */
static bool walk_server(struct walk *walk, unsigned server, struct slice pattern)
{
    struct tool *tool = walk->tool;
    struct slice cursor = SLICE("0");
    do {
        const struct slice args[] = {SLICE("SCAN"), cursor,         SLICE("MATCH"),
                                     pattern,       SLICE("COUNT"), SCAN_COUNT};
        const struct redis_reply *reply = tool_call_at(tool, server, args, 6);
        if (!reply || reply->type != REDIS_ARRAY || reply->count != 2)
            return false;
        cursor = arena_copy(tool->arena, reply->items[0].text);
        for (size_t i = 0; i < reply->items[1].count; i++)
            add(walk, reply->items[1].items[i].text);
    } while (!slice_eq(cursor, SLICE("0")));
    return true;
}

bool count_list_read(struct tool *tool, struct count_list *ret)
{
    struct walk walk = {.tool = tool, .list = ret};
    struct slice pattern;
    struct strbuf text;
    *ret = (struct count_list){NULL, 0};
    strbuf_init(&text, SIZE_MAX / 2);
    strbuf_addf(&text, "%.*s*:{*", SLICE_ARGS(tool->prefix));
    pattern = arena_copy(tool->arena, strbuf_slice(&text));
    strbuf_release(&text);
    for (unsigned i = 0; i < redis_session_servers(tool->session); i++) {
        if (!walk_server(&walk, i, pattern))
            return false;
    }
    sort(ret);
    return true;
}

static bool is_named(const struct call *call, struct slice campaign)
{
    for (unsigned i = 0; i < call->given_count; i++) {
        if (strcmp(call->given[i].name, "campaign") == 0 &&
            slice_eq(slice_cstr(call->given[i].value), campaign))
            return true;
    }
    return false;
}

bool count_list_choose(struct tool *tool, const struct call *call, struct count_list *list)
{
    unsigned kept = 0;
    if (!(call->flags & FLAG_CAMPAIGN))
        return true;
    for (unsigned i = 0; i < list->count; i++) {
        if (is_named(call, list->item[i].campaign))
            list->item[kept++] = list->item[i];
    }
    list->count = kept;
    return kept > 0 || tool_refuse(tool, "--campaign",
                                   "nothing is counted of it; allowed: one of "
                                   "which something is");
}
