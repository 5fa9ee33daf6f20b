#include "ctl/events_page.h"

#include <stdio.h>

#include "base/check.h"

#define STRINGIFY(number) #number
#define DECIMAL(number)   STRINGIFY(number)

/* ---- Asking ---------------------------------------------------------------------------------- */

void events_page_ask(struct tool *tool, struct slice key, const struct events_position *behind)
{
    char id[EVENT_ID_TEXT_MAX], from[EVENT_ID_TEXT_MAX + 1];
    (void)snprintf(from, sizeof from, "(%s", event_id_write(behind->id, id));
    tool_queue(tool, (struct slice[]){SLICE("MULTI")}, 1);
    tool_queue(tool, (struct slice[]){SLICE("XINFO"), SLICE("STREAM"), key}, 3);
    tool_queue(tool,
               (struct slice[]){SLICE("XRANGE"), key, slice_cstr(from), SLICE("+"), SLICE("COUNT"),
                                SLICE(DECIMAL(EVENTS_PAGE_ENTRIES))},
               6);
    tool_queue(tool, (struct slice[]){SLICE("EXEC")}, 1);
}

const struct redis_reply *events_page_fetch(struct tool *tool)
{
    const struct redis_reply *reply = NULL;
    for (unsigned i = 0; i < EVENTS_PAGE_COMMANDS; i++) {
        reply = tool_fetch_any(tool);
        if (!reply)
            return NULL;
    }
    if (reply->type == REDIS_ERROR_TEXT) {
        (void)tool_refuse(tool, "Redis", "%s", err_quote(reply->text));
        return NULL;
    }
    return reply;
}

/* ---- What XINFO says ------------------------------------------------------------------------- */

struct state {
    uint64_t length, added;
    struct event_id first, last; /* first: of no meaning where it is empty */
};

static const struct redis_reply *find(const struct redis_reply *map, struct slice name)
{
    for (size_t i = 0; i + 1 < map->count; i += 2) {
        if (map->items[i].type == REDIS_STRING && slice_eq(map->items[i].text, name))
            return &map->items[i + 1];
    }
    return NULL;
}

static bool find_number(const struct redis_reply *map, struct slice name, uint64_t *ret)
{
    const struct redis_reply *value = find(map, name);
    if (!value || value->type != REDIS_INTEGER || value->integer < 0)
        return false;
    *ret = (uint64_t)value->integer;
    return true;
}

static bool read_id(const struct redis_reply *entry, struct event_id *ret)
{
    return entry && entry->type == REDIS_ARRAY && entry->count > 0 &&
           entry->items[0].type == REDIS_STRING && event_id_read(entry->items[0].text, ret);
}

static bool read_state(const struct redis_reply *map, struct state *ret)
{
    const struct redis_reply *last = find(map, SLICE("last-generated-id"));
    return find_number(map, SLICE("length"), &ret->length) &&
           find_number(map, SLICE("entries-added"), &ret->added) && ret->added >= ret->length &&
           last && last->type == REDIS_STRING && event_id_read(last->text, &ret->last) &&
           (ret->length == 0 || read_id(find(map, SLICE("first-entry")), &ret->first));
}

/* ---- What is missing ------------------------------------------------------------------------- */

/* All before `number` is gone from the stream. */
static void mind_gap(const struct events_position *position, uint64_t number,
                     struct events_page *page)
{
    page->gap = EVENTS_GAP_NONE;
    if (position->number == 0)
        return;
    if (number <= position->number) {
        page->gap = EVENTS_GAP_ANEW;
    } else if (number > position->number + 1) {
        page->gap = EVENTS_GAP_LOST;
        page->lost = number - position->number - 1;
    }
}

/* Ids must rise, or reading would never end. */
static bool follow(const struct redis_reply *range, struct events_position *position,
                   struct events_page *ret)
{
    struct event_id last = position->id, id;
    for (size_t i = 0; i < range->count; i++) {
        if (!read_id(&range->items[i], &id) || event_id_compare(id, last) <= 0)
            return false;
        last = id;
    }
    ret->entries = range->items;
    ret->count = range->count;
    if (ret->count > 0)
        *position = (struct events_position){last, ret->number + (ret->count - 1)};
    return true;
}

static bool read_page(const struct state *state, const struct redis_reply *range,
                      struct events_position *position, struct events_page *ret)
{
    if (event_id_compare(state->last, position->id) < 0) {
        ret->gap = EVENTS_GAP_CUT;
        position->id = state->last;
        return true;
    }
    ret->number = position->number + 1;
    if (state->length == 0) {
        ret->number = state->added + 1;
        if (state->added > 0)
            mind_gap(position, ret->number, ret);
        *position = (struct events_position){state->last, state->added};
        return true;
    }
    if (event_id_compare(state->first, position->id) > 0) {
        ret->number = state->added - state->length + 1;
        mind_gap(position, ret->number, ret);
    }
    return follow(range, position, ret);
}

enum events_page_result events_page_read(const struct redis_reply *reply,
                                         struct events_position *position, struct events_page *ret,
                                         const char **ret_why)
{
    struct state state = {0, 0, {0, 0}, {0, 0}};
    struct events_page page = {.entries = NULL};
    const struct redis_reply *items = reply->items;
    *ret_why = "it is no stream of events; allowed: what servers add, in a Redis from 7.0 on";
    if (reply->type != REDIS_ARRAY || reply->count != 2)
        return EVENTS_PAGE_REFUSED;
    if (items[0].type == REDIS_ERROR_TEXT && slice_starts(items[0].text, SLICE("ERR no such key")))
        return EVENTS_PAGE_NO_STREAM;
    if (items[0].type != REDIS_ARRAY || items[1].type != REDIS_ARRAY ||
        !read_state(&items[0], &state) || !read_page(&state, &items[1], position, &page))
        return EVENTS_PAGE_REFUSED;
    *ret = page;
    return EVENTS_PAGE_READ;
}
