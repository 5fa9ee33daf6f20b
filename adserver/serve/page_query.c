#include "serve/page_query.h"

#include <jansson.h>

#include "base/url.h"

static bool parse_query(const struct http_request *request, struct page_query *ret, struct err *err)
{
    struct slice rest = request->query, name, value;
    for (unsigned count = 0;; count++) {
        switch (url_query_next(&rest, request->arena, &name, &value)) {
        case URL_QUERY_END:
            return true;
        case URL_QUERY_MALFORMED:
            (void)err_at(err, "query");
            return err_set(err, "malformed: a bad %%-escape, or text that is not UTF-8");
        case URL_QUERY_PAIR:
            if (count == PAGE_PARAMETERS_MAX) {
                (void)err_at(err, "query");
                return err_set(err, "more than %d parameters", PAGE_PARAMETERS_MAX);
            }
            if (!page_query_take(ret, request->arena, name, value, err))
                return false;
        }
    }
}

static bool take_json_text(struct page_query *query, struct arena *arena, struct slice name,
                           const json_t *item, struct err *err)
{
    struct slice value;
    if (!json_is_string(item)) {
        (void)err_at(err, "%.*s", SLICE_ARGS(name));
        return err_set(err, "not a string");
    }
    value = arena_copy(arena, slice_of(json_string_value(item), json_string_length(item)));
    if (!value.ptr) {
        (void)err_at(err, "%.*s", SLICE_ARGS(name));
        return err_set(err, "the parameters are too large together");
    }
    return page_query_take(query, arena, name, value, err);
}

static bool take_json_member(struct page_query *query, struct arena *arena, struct slice name,
                             const json_t *member, struct err *err)
{
    size_t i;
    const json_t *item;
    if (!page_query_knows(name))
        return true;
    if (!json_is_array(member))
        return take_json_text(query, arena, name, member, err);
    if (!slice_eq(name, SLICE("slot")) && !slice_eq(name, SLICE("page"))) {
        (void)err_at(err, "%.*s", SLICE_ARGS(name));
        return err_set(err, "not a string; only slot and page may be arrays");
    }
    json_array_foreach(member, i,
                       item) if (!take_json_text(query, arena, name, item, err)) return false;
    return true;
}

static bool take_json_object(const struct http_request *request, json_t *object,
                             struct page_query *ret, struct err *err)
{
    const char *key;
    json_t *member;
    if (json_object_size(object) > PAGE_PARAMETERS_MAX) {
        (void)err_at(err, "body");
        return err_set(err, "more than %d parameters", PAGE_PARAMETERS_MAX);
    }
    json_object_foreach(object, key, member)
    {
        struct slice name = arena_copy(request->arena, slice_cstr(key));
        if (!name.ptr || !take_json_member(ret, request->arena, name, member, err))
            return false;
    }
    return true;
}

static bool parse_body(const struct http_request *request, struct page_query *ret, struct err *err)
{
    json_error_t where;
    json_t *body = json_loadb(request->body.ptr ? request->body.ptr : "", request->body.len,
                              JSON_REJECT_DUPLICATES, &where);
    bool good;

    (void)err_at(err, "body");
    if (!body)
        return err_set(err, "not JSON: %s (line %d, column %d)", where.text, where.line,
                       where.column);
    good = json_is_object(body) ? take_json_object(request, body, ret, err)
                                : err_set(err, "not a JSON object");
    json_decref(body);
    return good;
}

bool page_query_parse(const struct http_request *request, struct page_query *ret, struct err *err)
{
    page_query_clear(ret);
    return (request->method == HTTP_METHOD_POST ? parse_body(request, ret, err)
                                                : parse_query(request, ret, err)) &&
           page_query_check(ret, err);
}
