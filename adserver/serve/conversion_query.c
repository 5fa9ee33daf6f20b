#include "serve/conversion_query.h"

#include "base/url.h"

static bool take_all(struct slice text, const char *where, struct arena *arena,
                     struct conversion_reading *reading, struct err *err)
{
    struct slice name, value;
    for (unsigned count = 0;; count++) {
        switch (url_query_next(&text, arena, &name, &value)) {
        case URL_QUERY_END:
            return true;
        case URL_QUERY_MALFORMED:
            (void)err_at(err, "%s", where);
            return err_set(err, "malformed: a bad %%-escape, or text that is not UTF-8");
        case URL_QUERY_PAIR:
            if (count == CONVERSION_PARAMETERS_MAX) {
                (void)err_at(err, "%s", where);
                return err_set(err, "more than %d parameters", CONVERSION_PARAMETERS_MAX);
            }
            if (!conversion_take(reading, name, value, err))
                return false;
        }
    }
}

/* With or without parameters of the type. */
static bool is_form(const struct http_request *request)
{
    struct slice type = http_request_header(request, SLICE("content-type"));
    type.len = slice_find(type, ';');
    return slice_eq_nocase(slice_trim(type), SLICE("application/x-www-form-urlencoded"));
}

static bool take_body(const struct http_request *request, struct conversion_reading *reading,
                      struct err *err)
{
    if (request->body.len == 0)
        return true;
    if (!is_form(request)) {
        (void)err_at(err, "body");
        return err_set(err, "its type is not application/x-www-form-urlencoded");
    }
    return take_all(request->body, "body", request->arena, reading, err);
}

bool conversion_query_parse(const struct http_request *request, struct conversion *ret,
                            struct err *err)
{
    struct conversion_reading reading = {0};
    if (!take_all(request->query, "query", request->arena, &reading, err) ||
        !take_body(request, &reading, err) || !conversion_check(&reading, err))
        return false;
    *ret = reading.conversion;
    return true;
}
